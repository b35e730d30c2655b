//! Passwords and other secrets that people choose: kept as Argon2id, which is slow on purpose.
//! Both functions take tens of milliseconds and 19 MiB: they belong off the async threads. What was
//! checked once is remembered by `recognised`. This room never draws randomness: the salt is given.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory in KiB, passes and lanes: the first choice of OWASP's Password Storage Cheat Sheet for
/// Argon2id (m = 19 MiB, t = 2, p = 1).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The most that a kept hash may ask for. Hashes come from the store or from an import, and an
/// absurd one must not take all memory.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

/// Hashes a password under a fresh random salt, as a PHC string (`$argon2id$v=19$m=19456,...`).
pub fn hash(password: &[u8], salt: [u8; 16]) -> String {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .expect("the constants lie within Argon2's bounds (RFC 9106, section 3.1)");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_with_salt(password, &salt)
        .expect("a salt of 16 bytes is long enough, and a password in memory short enough")
        .to_string()
}

/// Whether the password is the one that was hashed. A text that is no Argon2 hash, or one that asks
/// for more than 256 MiB or 16 passes, matches nothing. The final comparison is in constant time.
pub fn verify(password: &[u8], phc: &str) -> bool {
    let Ok(kept) = PasswordHash::new(phc) else { return false };
    let Ok(params) = Params::try_from(&kept) else { return false };
    let bearable = params.m_cost() <= MEMORY_KIB_MAX
        && params.t_cost() <= PASSES_MAX
        && params.p_cost() <= LANES_MAX;
    bearable && Argon2::default().verify_password(password, &kept).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_password_alone() {
        let phc = hash(b"correct horse", [7; 16]);
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify(b"correct horse", &phc));
        assert!(!verify(b"correct horsf", &phc));
        assert!(!verify(b"", &phc));
        assert_ne!(phc, hash(b"correct horse", [8; 16]), "the salt matters");
        assert!(verify(b"", &hash(b"", [7; 16])));
    }

    #[test]
    fn a_hash_of_another_make_is_verified() {
        // Made by the reference program: echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                   CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(verify(b"password", phc));
        assert!(!verify(b"passwore", phc));
    }

    #[test]
    fn a_broken_or_absurd_hash_matches_nothing() {
        let tail = "$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let absurd = [
            String::new(),
            "password".to_owned(),
            "$argon2id$".to_owned(),
            format!("$argon2id$v=19$m=4194304,t=2,p=1{tail}"),
            format!("$argon2id$v=19$m=65536,t=4000000000,p=1{tail}"),
            format!("$scrypt$v=19$m=65536,t=2,p=1{tail}"),
        ];
        for phc in absurd {
            assert!(!verify(b"password", &phc), "{phc}");
        }
    }
}
