//! Who is there, and what they may do: from a credential to a principal, from a principal and a
//! space to a grant. Everything here is pure: randomness and time are arguments, and nothing is
//! stored beyond bounded memory. It never logs a secret.

pub mod acl;
pub mod directory;
pub mod household;
pub mod key;
pub mod password;
pub mod principal;
pub mod recognised;
pub mod slow_hash;
pub mod throttle;
pub mod token;
