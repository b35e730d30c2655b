//! Who is there: from a credential to a yes or no. Everything here is pure: randomness and time
//! are arguments, and nothing is stored beyond bounded memory. It never logs a secret.

pub mod password;
pub mod recognised;
pub mod throttle;
pub mod token;
