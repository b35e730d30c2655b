//! One reader of a space's changes, told as Server-Sent Events.
//!
//! ```text
//! the door's follower --> events --> a channel of a few pieces --> the answer's body
//! ```
//! One that takes nothing for the idle time is gone. It runs as a task of its own, so that it
//! leaves the space as soon as its reader has gone.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use syncline_protocol::{Applied, Reject};
use tokio::sync::mpsc::Sender;

use super::change::Told;
use super::place::Place;
use crate::hub::{Followed, Following};

/// Pieces of the answer that wait for the socket, each a page of a catch-up at most.
pub(super) const PIECES_MAX: usize = 2;

/// A reader's place, and what it has not been given yet.
pub(super) struct Follower {
    following: Following,
    /// Whether to go on at the end of the log.
    follows: bool,
    idle: Duration,
    /// What was told last.
    place: Place,
    out: String,
}

/// The reader is gone, or has been told why it ends.
struct Over;

impl Follower {
    /// Tells what `following` is told, to one who takes something within the `idle` time.
    pub(super) fn new(following: Following, follows: bool, idle: Duration) -> Self {
        let place = Place { epoch: following.epoch(), sequence: following.sequence() };
        let mut this = Self { following, follows, idle, place, out: String::new() };
        this.tell_place("start");
        this
    }

    /// Tells changes until the reader goes or has to.
    pub(super) async fn run(mut self, send: Sender<Bytes>) {
        while self.turn(&send).await.is_ok() {}
    }

    async fn turn(&mut self, send: &Sender<Bytes>) -> Result<(), Over> {
        self.send(send).await?;
        let followed = tokio::select! {
            () = send.closed() => return Err(Over),
            followed = self.following.next() => followed,
        };
        let goes_on = match followed {
            Followed::Changes { deltas, last } => {
                self.tell(&deltas);
                self.place.sequence = last;
                true
            }
            Followed::Live if !self.follows => {
                self.tell_place("end");
                false
            }
            Followed::Live => true,
            Followed::Quiet { last } => {
                self.place.sequence = last;
                // Shows that the hub is there, and how far there was nothing to tell.
                self.out.push_str(&format!(": heartbeat\nid: {}\n\n", self.place));
                true
            }
            Followed::Goodbye { reject, retry_ms } => {
                self.goodbye(&reject, retry_ms);
                false
            }
        };
        if goes_on {
            return Ok(());
        }
        self.send(send).await?;
        Err(Over)
    }

    fn tell(&mut self, deltas: &[Applied]) {
        for applied in deltas {
            let place = Place { sequence: applied.sequence, ..self.place };
            let told = json!(Told::new(self.following.space(), applied));
            self.event("change", place, &told);
        }
    }

    fn tell_place(&mut self, event: &str) {
        let Place { epoch, sequence } = self.place;
        let space = self.following.space().as_str();
        let data = json!({ "space": space, "epoch": epoch.to_string(), "sequence": sequence });
        self.event(event, self.place, &data);
    }

    /// JSON has no line breaks, so that an event's data is one line.
    fn event(&mut self, event: &str, place: Place, data: &serde_json::Value) {
        self.out.push_str(&format!("event: {event}\nid: {place}\ndata: {data}\n\n"));
    }

    /// Says why it ends, and when to come back if that helps.
    fn goodbye(&mut self, reject: &Reject, retry_ms: Option<u64>) {
        let data = json!({ "code": reject.code.as_str(), "text": reject.text });
        if let Some(ms) = retry_ms {
            self.out.push_str(&format!("retry: {ms}\n"));
        }
        self.out.push_str(&format!("event: goodbye\ndata: {data}\n\n"));
    }

    /// Hands on what is to be told. A reader that takes nothing for too long is gone.
    async fn send(&mut self, send: &Sender<Bytes>) -> Result<(), Over> {
        if self.out.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.out));
        send.send_timeout(piece, self.idle).await.map_err(|_| Over)
    }
}
