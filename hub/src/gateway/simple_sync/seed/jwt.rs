//! JSON Web Tokens (RFC 7519) of one kind: HS256, for a day, for the key that was shown for one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How long one is good.
const LIFE_SECONDS: u64 = 24 * 60 * 60;
/// The one header that is made, and taken.
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// What signs, known to this process alone: whoever was let in before a restart shows the key
/// again.
pub(in super::super) struct Signer([[u8; 8]; 4]);

/// What a token says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    user_uuid: String,
    pub(super) username: String,
    is_admin: bool,
    iat: u64,
    exp: u64,
    /// The id of the hub's token that was shown.
    pub(super) key: String,
}

impl Signer {
    /// One whose tokens nobody else can make.
    pub(in super::super) fn new(secret: [[u8; 8]; 4]) -> Self {
        Self(secret)
    }

    /// A token for a user and the id of a key.
    pub(super) fn sign(&self, user: &str, key: &str, (is_admin, now): (bool, u64)) -> String {
        let claims = Claims {
            user_uuid: user.to_owned(),
            username: user.to_owned(),
            is_admin,
            iat: now,
            exp: now + LIFE_SECONDS,
            key: key.to_owned(),
        };
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.mac(&text).finalize().into_bytes());
        format!("{text}.{signature}")
    }

    /// What a token says, if it is good.
    pub(super) fn verify(&self, token: &str, now: u64) -> Option<Claims> {
        let (text, signature) = token.rsplit_once('.')?;
        let (header, claims) = text.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // In constant time, and before anything of it is believed.
        self.mac(text).verify_slice(&signature).ok()?;
        let is_ours = URL_SAFE_NO_PAD.decode(header).ok()? == HEADER.as_bytes();
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        (is_ours && now < claims.exp).then_some(claims)
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_flattened());
        let mut mac = mac.expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_a_day_and_unchanged() {
        let signer = Signer::new([[7; 8]; 4]);
        let token = signer.sign("bo", "key-1", (false, 1000));
        let claims = signer.verify(&token, 1000 + LIFE_SECONDS - 1).unwrap();
        assert_eq!((&*claims.username, &*claims.key), ("bo", "key-1"));
        assert!(signer.verify(&token, 1000 + LIFE_SECONDS).is_none());
        assert!(Signer::new([[8; 8]; 4]).verify(&token, 1000).is_none());
        for at in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[at] ^= 1;
            let other = String::from_utf8(other).unwrap();
            assert!(signer.verify(&other, 1000).is_none(), "{other}");
        }
        assert!(signer.verify("", 0).is_none() && signer.verify("a.b.c", 0).is_none());
    }
}
