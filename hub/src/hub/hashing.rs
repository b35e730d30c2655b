//! Argon2 off the async threads, and few at a time: each takes 19 MiB and tens of milliseconds, and
//! whoever sends wrong secrets must not take the memory of the whole machine. Nor its patience: so
//! many wait for a turn, and the next one is told to come again.

use std::sync::Arc;

use syncline_protocol::{Code, Reject};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Hub, random_u64};
use crate::access::password;

/// Hashes that are computed at once. What is computed often is recognised without them.
const AT_ONCE: usize = 4;

/// Who waits for a turn in one queue at most. What stands behind so many would be answered after
/// most clients have given up: an e-reader does so within two seconds.
pub(super) const WAITING_MAX: usize = 64;

/// A hash that no password has: checking it costs what checking a real one does, so that the time
/// does not tell whether an account exists.
pub(super) const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c3luY2xpbmUtbm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Who asks for a turn. The crowd of the one leaves room for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queue {
    /// Anybody: nothing that they showed is known to be good.
    Strangers,
    /// Somebody who was let in.
    Known,
}

/// The turns, and the places of those who wait for one.
#[derive(Debug)]
pub(super) struct Hashing {
    turns: Arc<Semaphore>,
    strangers: Semaphore,
    known: Semaphore,
}

impl Default for Hashing {
    fn default() -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let places = || Semaphore::new(WAITING_MAX);
        Self { turns, strangers: places(), known: places() }
    }
}

impl Hashing {
    /// A turn, in the order in which they were asked for.
    pub(super) async fn turn(&self, queue: Queue) -> Result<OwnedSemaphorePermit, Reject> {
        let places = match queue {
            Queue::Strangers => &self.strangers,
            Queue::Known => &self.known,
        };
        let busy = || Reject::new(Code::Busy, "Many secrets wait to be checked; try again soon");
        let place = places.try_acquire().map_err(|_| busy())?;
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| busy())?;
        drop(place);
        Ok(turn)
    }
}

#[cfg(test)]
impl Hashing {
    /// Every turn: nothing is computed until they are given back.
    pub(super) async fn all_turns(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(AT_ONCE).expect("a few");
        self.turns.clone().acquire_many_owned(all).await.expect("turns are never closed")
    }
}

impl Hub {
    pub(super) fn hashing(&self) -> &Hashing {
        &self.inner.hashing
    }

    /// Hashes a secret under a salt drawn now.
    ///
    /// # Errors
    /// `busy` when too many wait for that already.
    pub(super) async fn hash(&self, secret: &str, queue: Queue) -> Result<String, Reject> {
        let turn = self.inner.hashing.turn(queue).await?;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&random_u64().to_be_bytes());
        salt[8..].copy_from_slice(&random_u64().to_be_bytes());
        let secret = secret.to_owned();
        let hashed = tokio::task::spawn_blocking(move || {
            let phc = password::hash(secret.as_bytes(), salt);
            drop(turn);
            phc
        });
        hashed.await.map_err(|_| Reject::new(Code::Internal, "The secret could not be hashed"))
    }

    /// Whether a secret is the one that was hashed.
    ///
    /// # Errors
    /// `busy` when too many wait for that already.
    pub(super) async fn verify(&self, secret: &str, phc: &str) -> Result<bool, Reject> {
        let turn = self.inner.hashing.turn(Queue::Strangers).await?;
        let (secret, phc) = (secret.to_owned(), phc.to_owned());
        // The turn goes along: whoever asks may be gone before the hash is done.
        let verified = tokio::task::spawn_blocking(move || {
            let good = password::verify(secret.as_bytes(), &phc);
            drop(turn);
            good
        });
        Ok(verified.await.unwrap_or(false))
    }
}
