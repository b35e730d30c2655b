//! Secrets that were checked once and are recognised afterwards without Argon2: apps that send a
//! password with every request would otherwise cost tens of milliseconds each time.
//!
//! What is kept is HMAC-SHA256 under a key that this process alone knows, over realm, name, secret
//! and stored hash, so that a memory dump shows no password and a changed password is not
//! recognised. This room never holds a secret, and never says that a secret is wrong: what it does
//! not recognise has to be verified.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

/// Secrets remembered for one name: the same person in several realms, old and new password.
const SECRETS_PER_NAME: usize = 8;

/// A credential together with the hash that it was, or is to be, verified against.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The kind of account, such as a gateway's name.
    pub realm: &'a str,
    /// The account.
    pub name: &'a str,
    /// What the client sent.
    pub secret: &'a [u8],
    /// The stored hash, as PHC string.
    pub phc: &'a str,
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claim({:?}, {:?}, ..)", self.realm, self.name)
    }
}

type Tag = [u8; 32];

/// A bounded memory of verified claims; the oldest name leaves when it is full.
pub struct Recognised {
    key: [u8; 32],
    /// Names remembered at most.
    capacity: usize,
    tags: HashMap<String, VecDeque<Tag>>,
    /// Names in the order in which they were first remembered.
    order: VecDeque<String>,
}

impl Recognised {
    /// An empty memory for so many names, with a random key drawn at the start of the process.
    pub fn new(key: [u8; 32], capacity: usize) -> Self {
        Self { key, capacity: capacity.max(1), tags: HashMap::new(), order: VecDeque::new() }
    }

    /// Whether this claim was remembered. Every tag of the name is compared, in constant time.
    pub fn recognises(&self, claim: Claim<'_>) -> bool {
        let Some(tags) = self.tags.get(claim.name) else { return false };
        let wanted = self.tag(claim);
        let seen = tags.iter().fold(Choice::from(0), |seen, tag| seen | tag.ct_eq(&wanted));
        seen.into()
    }

    /// Remembers a claim that was verified.
    pub fn remember(&mut self, claim: Claim<'_>) {
        if self.recognises(claim) {
            return;
        }
        let tag = self.tag(claim);
        if !self.tags.contains_key(claim.name) {
            self.make_room();
            self.order.push_back(claim.name.to_owned());
        }
        let tags = self.tags.entry(claim.name.to_owned()).or_default();
        if tags.len() == SECRETS_PER_NAME {
            tags.pop_front();
        }
        tags.push_back(tag);
    }

    /// Forgets what is known of a name in every realm: its password changed or it was removed.
    pub fn forget(&mut self, name: &str) {
        if self.tags.remove(name).is_some() {
            self.order.retain(|known| known != name);
        }
    }

    fn make_room(&mut self) {
        while self.order.len() >= self.capacity {
            let Some(oldest) = self.order.pop_front() else { return };
            self.tags.remove(&oldest);
        }
    }

    /// Each part goes in behind its length, so that no two claims have the same bytes.
    fn tag(&self, claim: Claim<'_>) -> Tag {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        let parts = [claim.realm.as_bytes(), claim.name.as_bytes(), claim.secret];
        for part in parts.into_iter().chain([claim.phc.as_bytes()]) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Recognised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recognised({} names)", self.order.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim<'a>(name: &'a str, secret: &'a [u8]) -> Claim<'a> {
        Claim { realm: "koreader", name, secret, phc: "$argon2id$x" }
    }

    #[test]
    fn only_the_very_same_claim_is_recognised() {
        let mut memory = Recognised::new([1; 32], 4);
        let known = claim("alice", b"secret");
        assert!(!memory.recognises(known));
        memory.remember(known);
        assert!(memory.recognises(known));
        assert!(!memory.recognises(claim("alice", b"secre")));
        assert!(!memory.recognises(claim("bob", b"secret")));
        assert!(!memory.recognises(Claim { realm: "linkora", ..known }));
        assert!(!memory.recognises(Claim { phc: "$argon2id$y", ..known }));
        // The same bytes cut elsewhere are another claim.
        assert!(!memory.recognises(Claim { secret: b"secret$", phc: "argon2id$x", ..known }));
    }

    #[test]
    fn the_key_matters() {
        let known = claim("alice", b"secret");
        assert_ne!(Recognised::new([1; 32], 1).tag(known), Recognised::new([2; 32], 1).tag(known));
    }

    #[test]
    fn the_oldest_name_leaves_and_memory_stays_bounded() {
        let mut memory = Recognised::new([1; 32], 2);
        for name in ["a", "b", "c"] {
            memory.remember(claim(name, b"s"));
        }
        assert!(!memory.recognises(claim("a", b"s")));
        assert!(memory.recognises(claim("b", b"s")) && memory.recognises(claim("c", b"s")));
        let secrets: Vec<[u8; 1]> = (0..20).map(|n| [n]).collect();
        for secret in &secrets {
            memory.remember(claim("c", secret));
            memory.remember(claim("c", secret));
        }
        assert_eq!(memory.tags["c"].len(), SECRETS_PER_NAME);
        assert!(memory.recognises(claim("c", &secrets[19])));
        assert!(!memory.recognises(claim("c", b"s")));
        assert_eq!((memory.tags.len(), memory.order.len()), (2, 2));
    }

    #[test]
    fn a_forgotten_name_is_gone_in_every_realm() {
        let mut memory = Recognised::new([1; 32], 4);
        let (one, other) = (claim("a", b"s"), Claim { realm: "linkora", ..claim("a", b"s") });
        memory.remember(one);
        memory.remember(other);
        memory.forget("a");
        memory.forget("nobody");
        assert!(!memory.recognises(one) && !memory.recognises(other));
        assert_eq!(memory.order.len(), 0);
        assert_eq!(
            format!("{memory:?} {one:?}"),
            "Recognised(0 names) Claim(\"koreader\", \"a\", ..)"
        );
    }
}
