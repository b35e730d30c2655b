//! Work on its way to the writer: room for it in the intake, and its answer's way back.
//!
//! ```text
//! push(principal, push, room) = admit > intake > writer > tell(answer)
//! ```

use syncline_protocol::{Code, Push, Reject, ReplicaId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Hub, now_ms};
use crate::access::principal::Principal;
use crate::admit::replica_row;
use crate::engine::{Answer, Entry, Submission, Work};
use crate::fanout::SessionId;
use crate::store::ReplicaRow;
use crate::writer::intake::Job;

/// The intake's room is counted in pieces of so many bytes.
const ROOM_BYTES: usize = 1024;

/// Room in the intake, given back with the answer to what took it.
#[derive(Debug)]
pub struct Room {
    bytes: usize,
    _held: OwnedSemaphorePermit,
}

impl Room {
    /// For how many bytes it was asked.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Hub {
    /// Room in the intake for so many bytes, if there is some now.
    #[must_use]
    pub fn try_room(&self, bytes: usize) -> Option<Room> {
        let room = self.inner.room.clone();
        let held = room.try_acquire_many_owned(self.pieces(bytes)).ok()?;
        Some(Room { bytes, _held: held })
    }

    /// Waits for room in the intake for so many bytes.
    ///
    /// # Errors
    /// When nothing is taken any more.
    pub async fn room(&self, bytes: usize) -> Result<Room, Reject> {
        let room = self.inner.room.clone();
        let held = room.acquire_many_owned(self.pieces(bytes)).await;
        Ok(Room { bytes, _held: held.map_err(|_| going_away())? })
    }

    /// What is larger than all the room there is takes all of it.
    fn pieces(&self, bytes: usize) -> u32 {
        let all = room(self.inner.config.sync.intake_bytes);
        u32::try_from((bytes / ROOM_BYTES + 1).min(all)).unwrap_or(u32::MAX)
    }

    /// Applies a push of a replica, for whose bytes there is room; `tell` gets the answer, which
    /// comes after those to earlier pushes of the source: whoever must stamp anew what was not
    /// answered has to know by then what counts under its old stamp.
    pub fn push(
        &self,
        (principal, source): (&Principal, SessionId),
        push: Push,
        room: Room,
        tell: impl FnOnce(Answer) + Send + 'static,
    ) {
        let now_ms = now_ms();
        let admitted = match self.inner.admit.push(principal, &push, self.clock(), now_ms) {
            Ok(admitted) => admitted,
            Err(reject) => {
                let work = Work::Refused(reject);
                return self.enqueue((principal, source), (work, 0), room, tell);
            }
        };
        for replica in admitted.new_replicas {
            let device = self.device_of(source);
            let row = replica_row(principal, device.0, &device.1, now_ms);
            self.spawn_heard(vec![(replica, row)]);
        }
        let deltas = push.deltas.len();
        let work = Work::Write(Submission::native(push));
        self.enqueue((principal, source), (work, deltas), room, tell);
    }

    /// Waits for room, puts work into the intake, and waits for its answer.
    pub(super) async fn submit(
        &self,
        principal: &Principal,
        work: Work,
        (deltas, bytes): (usize, usize),
    ) -> Answer {
        let room = self.room(bytes).await?;
        let (send, receive) = tokio::sync::oneshot::channel();
        // Whoever asked may be gone; what was applied stays applied.
        let tell = |answer| drop(send.send(answer));
        self.enqueue((principal, 0), (work, deltas), room, tell);
        let lost = || Err(Reject::new(Code::Unavailable, "The store cannot write"));
        receive.await.unwrap_or_else(|_| lost())
    }

    /// Puts work of so many deltas into the intake.
    fn enqueue(
        &self,
        (principal, source): (&Principal, SessionId),
        (work, deltas): (Work, usize),
        room: Room,
        tell: impl FnOnce(Answer) + Send + 'static,
    ) {
        let bytes = room.bytes;
        let (hub, account) = (self.clone(), principal.clone());
        let reply = Box::new(move |answer: Answer| {
            drop(room);
            if let Err(reject) = &answer {
                hub.inner.rejects.note(account.account(), reject);
            }
            tell(answer);
        });
        let entry = Entry { principal: principal.clone(), now_ms: now_ms(), work };
        let refused = self.inner.intake.put(source, Job { entry, deltas, bytes, reply }).err();
        if let Some(job) = refused {
            (job.reply)(Err(going_away()));
        }
    }

    pub(super) fn spawn_heard(&self, replicas: Vec<(ReplicaId, ReplicaRow)>) {
        let bytes = 128 * replicas.len();
        self.spawn(0, Work::Heard(replicas), bytes);
    }

    /// Puts the hub's own work into the intake without waiting for it.
    pub(super) fn spawn(&self, source: SessionId, work: Work, bytes: usize) {
        let entry = Entry { principal: Principal::hub(), now_ms: now_ms(), work };
        let job = Job { entry, deltas: 1, bytes, reply: Box::new(|_| {}) };
        // A hub that shuts down writes nothing of this any more, and loses nothing by it.
        let _ = self.inner.intake.put(source, job);
    }
}

fn going_away() -> Reject {
    Reject::new(Code::GoingAway, "The hub is shutting down")
}

/// The room that so many bytes make, in pieces.
pub(super) fn room(bytes: u64) -> usize {
    usize::try_from(bytes)
        .unwrap_or(usize::MAX)
        .div_ceil(ROOM_BYTES)
        .clamp(1, Semaphore::MAX_PERMITS)
}
