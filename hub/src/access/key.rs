//! API keys of a gateway's apps: 256 random bits in the form that those apps know. Kept, like the
//! hub's own tokens, as a digest; the id under which one is kept follows from it, so that it is
//! found by one look, and says nothing of it.
//!
//! ```text
//! sk_ATx4mDJQ4vcbNhF4bDDpvSQrUoN8pCzcu5BKB1gFcz8
//!    +-- 32 bytes as base64 without the padding (RFC 4648, section 4)
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest as _, Sha256};

use super::token::TokenDigest;

const PREFIX: &str = "sk_";
/// Random bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Bits behind the last byte may be anything: keys were made elsewhere too, and the whole text is
/// what is compared.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A key as its owner holds it. `Debug` shows its id alone.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// Makes a key of fresh random bytes; the caller draws them from the system's generator.
    #[must_use]
    pub fn from_random(random: [u8; KEY_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", BASE64.encode(random)))
    }

    /// Reads the text form; none when the text is no key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; KEY_BYTES];
        let decoded = BASE64.decode_slice(text.strip_prefix(PREFIX)?, &mut bytes).ok()?;
        (decoded == KEY_BYTES).then(|| Self(text.to_owned()))
    }

    /// The text form: shown to the owner once, never logged.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The public name of this key.
    #[must_use]
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        hash.update("id of ");
        hash.update(&self.0);
        format!("key-{}", hex::encode(&hash.finalize()[..16]))
    }

    /// What the hub keeps.
    #[must_use]
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::from_bytes(Sha256::digest(&self.0).into())
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_form_that_apps_know() {
        let key = ApiKey::from_random([0xfb; KEY_BYTES]);
        assert_eq!(key.reveal().len(), 46);
        assert!(key.reveal().starts_with("sk_+/v7"));
        let read = ApiKey::parse(key.reveal()).unwrap();
        assert_eq!((read.id(), read.digest().to_bytes()), (key.id(), key.digest().to_bytes()));
        assert!(!format!("{key:?}").contains(&key.reveal()[3..]));
    }

    #[test]
    fn whatever_is_no_key_is_none() {
        let text = ApiKey::from_random([7; KEY_BYTES]).reveal().to_owned();
        let wrong =
            [&text[1..], &text[..45], &format!("{text}="), &format!("{text}A"), "sk_", "", "sk_é"];
        for text in wrong {
            assert!(ApiKey::parse(text).is_none(), "{text:?}");
        }
        assert!(ApiKey::parse(&text.replace("sk_", "sl_")).is_none());
    }
}
