//! Why a command was not done, and the exit code that says so. The texts are for people: what is
//! wrong, and what to do.

use syncline_protocol::Reject;

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line does not make sense.
    #[error("{0}")]
    Usage(String),
    /// The hub refused, or something failed.
    #[error("{0}")]
    Failed(String),
    /// All is told already.
    #[error("see above")]
    Told,
    /// Whoever read the output has enough of it, as `head` has: nothing is wrong.
    #[error("nobody reads the output any more")]
    Unread,
}

impl Failure {
    /// The exit code: 1 refused or failed, 2 not understood.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unread => 0,
            Self::Failed(_) | Self::Told => 1,
            Self::Usage(_) => 2,
        }
    }

    /// Tells on standard error what is not told yet.
    pub fn tell(&self) {
        if matches!(self, Self::Usage(_) | Self::Failed(_)) {
            // Where standard error is gone, nobody can be told.
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr().lock(),
                format_args!("syncline: {self}\n"),
            );
        }
    }

    /// Something that failed, for people.
    pub(super) fn because(cause: impl std::fmt::Display) -> Self {
        Self::Failed(cause.to_string())
    }

    /// A mistake in the command line.
    pub(super) fn usage(cause: impl std::fmt::Display) -> Self {
        Self::Usage(cause.to_string())
    }
}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        Self::Failed(format!("{} ({})", reject.text, reject.code))
    }
}
