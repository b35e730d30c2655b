//! A secret that the settings hold: compared in constant time, and shown to nobody.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret.
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself, for whoever keeps its digest: never shown or logged.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is what somebody shows.
    #[must_use]
    pub fn is(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_tells_nothing_of_itself() {
        let secret = Secret::new("s3cr3t!");
        assert!(secret.is("s3cr3t!") && !secret.is("s3cr3t") && !secret.is(""));
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
