//! Hashes of keys that another server made by bcrypt. Checked, never made.

use bcrypt::HashParts;

/// The most that a hash may ask for: each step more doubles the time, and an absurd one must not
/// take a whole core.
const COST_MAX: u32 = 12;

/// Whether this is a bcrypt hash that can be checked here.
#[must_use]
pub fn is_bearable(hash: &str) -> bool {
    hash.parse::<HashParts>().is_ok_and(|parts| parts.get_cost() <= COST_MAX)
}

/// Whether a key is the one that was hashed. Slow on purpose: it belongs off the async threads.
#[must_use]
pub fn verify(key: &str, hash: &str) -> bool {
    is_bearable(hash) && bcrypt::verify(key, hash).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_key_alone() {
        let hash = bcrypt::hash("sk_abc", 4).unwrap();
        assert!(verify("sk_abc", &hash) && !verify("sk_abd", &hash));
        let other = hash.replacen("$2b$", "$2a$", 1);
        assert!(verify("sk_abc", &other), "as Go writes it");
    }

    #[test]
    fn what_asks_too_much_matches_nothing() {
        let hash = bcrypt::hash("sk_abc", 4).unwrap().replacen("$04$", "$31$", 1);
        assert!(!verify("sk_abc", &hash) && !verify("sk_abc", "none") && !verify("", ""));
    }
}
