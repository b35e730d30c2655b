//! API tokens: 256 random bits with a short public id, kept by the hub only as a digest.
//! This room never draws randomness, never stores a token, and never shows a secret by accident:
//! only [`Token::reveal`] does.
//!
//! ```text
//! sl_0123456789ab_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8
//! |  |            +-- the secret: 32 bytes as base64url without padding (RFC 4648, section 5)
//! |  +-- the id: 6 bytes as lowercase hex; public, names the token in lists and logs
//! +-- so that scanners for leaked secrets recognise it
//! ```

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

const PREFIX: &str = "sl_";
const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;
/// The length of the id's text.
const ID_CHARS: usize = 2 * ID_BYTES;

/// Random bytes that a token is made of: its id and its secret.
pub const RANDOM_BYTES: usize = ID_BYTES + SECRET_BYTES;

/// A token as its owner holds it, secret included. `Debug` shows the id alone.
#[derive(Clone)]
pub struct Token {
    id: TokenId,
    secret: [u8; SECRET_BYTES],
}

impl Token {
    /// Makes a token of fresh random bytes; the caller draws them from the system's generator.
    pub fn from_random(random: [u8; RANDOM_BYTES]) -> Self {
        let (mut id, mut secret) = ([0; ID_BYTES], [0; SECRET_BYTES]);
        id.copy_from_slice(&random[..ID_BYTES]);
        secret.copy_from_slice(&random[ID_BYTES..]);
        Self { id: TokenId(id), secret }
    }

    /// Reads the text form. There is exactly one text for each token: upper case hex, padding and
    /// stray bits in the last character are refused.
    ///
    /// # Errors
    /// [`TokenError`] when the text is not a token; it never repeats the text.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let rest = text.strip_prefix(PREFIX).ok_or(TokenError::Form)?;
        let (id, secret) = rest.split_once('_').ok_or(TokenError::Form)?;
        let id = TokenId::parse(id)?;
        let mut bytes = [0; SECRET_BYTES];
        match URL_SAFE_NO_PAD.decode_slice(secret, &mut bytes) {
            Ok(SECRET_BYTES) => Ok(Self { id, secret: bytes }),
            _ => Err(TokenError::Form),
        }
    }

    /// The public name of this token.
    pub fn id(&self) -> TokenId {
        self.id
    }

    /// The text form, secret included: shown to the owner once, never logged.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, URL_SAFE_NO_PAD.encode(self.secret))
    }

    /// What the hub keeps. SHA-256 without salt or stretching is enough, since the secret has 256
    /// bits of its own and cannot be guessed.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.secret).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.id)
    }
}

/// The public part of a token, 12 lowercase hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId([u8; ID_BYTES]);

impl TokenId {
    /// Reads the 12 digits.
    ///
    /// # Errors
    /// [`TokenError`] for anything else, upper case included.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        if text.len() != ID_CHARS || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(TokenError::Form);
        }
        let mut bytes = [0; ID_BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| TokenError::Form)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// The SHA-256 of a token's secret: enough to recognise the token, useless for anything else.
/// There is no `==`, since comparing must not tell by its duration how far two digests agree.
#[derive(Clone, Copy)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// A digest as it was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest as it is kept.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Whether this is the digest of that token, in constant time.
    pub fn matches(&self, token: &Token) -> bool {
        self.is(token.digest())
    }

    /// Whether this is the same digest, in constant time.
    pub fn is(&self, other: Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

/// Why a text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It does not have the form of a token or of a token's id.
    #[error("not a Syncline token: copy it whole, it begins with sl_ and has 59 characters")]
    Form,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counting() -> Token {
        let mut random = [0; RANDOM_BYTES];
        random[..ID_BYTES].copy_from_slice(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab]);
        for (value, byte) in (0..).zip(&mut random[ID_BYTES..]) {
            *byte = value;
        }
        Token::from_random(random)
    }

    #[test]
    fn the_text_form_is_the_documented_one() {
        let text = counting().reveal();
        assert_eq!(text, "sl_0123456789ab_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
        assert_eq!(text.len(), 59);
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", counting()), "Token(0123456789ab)");
        assert_eq!(format!("{:?}", counting().digest()), "TokenDigest(..)");
    }

    #[test]
    fn only_the_one_text_is_accepted() {
        let text = counting().reveal();
        let wrong = [
            String::new(),
            text.to_uppercase(),
            text.replace("ab_", "AB_"),
            text.replace("sl_", "sk_"),
            format!("{text}="),
            format!("{text}A"),
            format!(" {text}"),
            text[..58].to_owned(),
            // The last character carries two bits that no byte holds; only zeros are canonical.
            format!("{}9", &text[..58]),
            text.replace("_AA", "_\u{e9}"),
        ];
        for text in wrong {
            assert_eq!(Token::parse(&text).err(), Some(TokenError::Form), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn text_and_digest_survive_the_round_trip(
            random in any::<[[u8; 19]; 2]>(),
            bit in 0usize..256,
        ) {
            let mut bytes = [0; RANDOM_BYTES];
            bytes[..19].copy_from_slice(&random[0]);
            bytes[19..].copy_from_slice(&random[1]);
            let token = Token::from_random(bytes);
            let parsed = Token::parse(&token.reveal()).expect("own text");
            prop_assert_eq!(parsed.id(), token.id());
            let kept = TokenDigest::from_bytes(token.digest().to_bytes());
            prop_assert!(kept.matches(&parsed));
            let mut other = kept.to_bytes();
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!TokenDigest::from_bytes(other).matches(&parsed));
            bytes[ID_BYTES + bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!kept.matches(&Token::from_random(bytes)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}", tail in "[A-Za-z0-9_-]{43}") {
            let whole = format!("sl_0123456789ab_{tail}");
            for text in [text, whole] {
                if let Ok(token) = Token::parse(&text) {
                    prop_assert_eq!(token.reveal(), text);
                }
            }
        }
    }
}
