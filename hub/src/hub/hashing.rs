//! Argon2 off the async threads, and few at a time: each takes 19 MiB and tens of milliseconds, and
//! whoever sends wrong secrets must not take the memory of the whole machine.

use std::sync::Arc;

use syncline_protocol::{Code, Reject};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Hub, random_u64};
use crate::access::password;

/// Hashes that are computed at once. What is computed often is recognised without them.
const AT_ONCE: usize = 4;

/// A hash that no password has: checking it costs what checking a real one does, so that the time
/// does not tell whether an account exists.
pub(super) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3luY2xpbmUtbm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Whether to wait for a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as it takes.
    Waits,
    /// Not at all: whoever was wrong too often is served when nobody else is.
    Hurries,
}

pub(super) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(AT_ONCE))
}

impl Hub {
    /// Hashes a secret under a salt drawn now.
    pub(super) async fn hash(&self, secret: &str) -> Result<String, Reject> {
        let lost = || Reject::new(Code::Internal, "The secret could not be hashed");
        let turn = self.turn(Patience::Waits).await.ok_or_else(lost)?;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&random_u64().to_be_bytes());
        salt[8..].copy_from_slice(&random_u64().to_be_bytes());
        let secret = secret.to_owned();
        let hashed = tokio::task::spawn_blocking(move || {
            let phc = password::hash(secret.as_bytes(), salt);
            drop(turn);
            phc
        });
        hashed.await.map_err(|_| lost())
    }

    /// Whether a secret is the one that was hashed; none when there was no turn to see.
    pub(super) async fn verify(&self, secret: &str, phc: &str, patience: Patience) -> Option<bool> {
        let turn = self.turn(patience).await?;
        let (secret, phc) = (secret.to_owned(), phc.to_owned());
        // The turn goes along: whoever asks may be gone before the hash is done.
        let verified = tokio::task::spawn_blocking(move || {
            let good = password::verify(secret.as_bytes(), &phc);
            drop(turn);
            good
        });
        Some(verified.await.unwrap_or(false))
    }

    async fn turn(&self, patience: Patience) -> Option<OwnedSemaphorePermit> {
        let turns = self.inner.hashing.clone();
        match patience {
            Patience::Waits => turns.acquire_owned().await.ok(),
            Patience::Hurries => turns.try_acquire_owned().ok(),
        }
    }
}
