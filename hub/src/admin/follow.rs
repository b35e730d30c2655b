//! One reader of a space's changes: a subscription like a session's, told as events.
//!
//! ```text
//! log page, queue --> frames --> events --> a channel of a few pieces --> the answer's body
//! ```
//! What waits for a slow reader is bounded as a session's queue is: when it is full the reader goes
//! on from the log (law 6), and one that takes nothing for the idle time is gone. It runs as a task
//! of its own, so that it always leaves the space as it should, however its reader goes.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use syncline_protocol::codec::decode_hub;
use syncline_protocol::{Code, Filter, HubFrame, Reject, SpaceName, Start};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

use super::change::Told;
use super::place::Place;
use crate::fanout::Popped;
use crate::hub::{Arrival, Hub, now_ms};
use crate::subscription::{Ended, Subscription};

/// Pieces of the answer that wait for the socket, each a page of a catch-up at most.
pub(super) const PIECES_MAX: usize = 2;
/// Bytes of live events that go out together.
const PIECE_BYTES: usize = 64 * 1024;

/// What a reader asks for.
pub(super) struct Wanted {
    pub(super) space: SpaceName,
    pub(super) filter: Filter,
    pub(super) start: Start,
    /// Whether to go on at the end of the log.
    pub(super) follows: bool,
}

/// A reader's place, and what it has not been given yet.
pub(super) struct Follower {
    hub: Hub,
    arrival: Arrival,
    /// Always there but while a page is read.
    subscription: Option<Subscription>,
    follows: bool,
    /// What was told last.
    place: Place,
    out: String,
}

/// However it ends, and even if its request was given up before it began.
impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(subscription) = self.subscription.take() {
            subscription.end();
        }
        self.hub.depart(self.arrival.id);
    }
}

/// The reader is gone, or has been told why it ends.
struct Over;

impl Follower {
    /// Begins to follow; whoever may not is told why.
    pub(super) fn begin(hub: Hub, arrival: Arrival, wanted: Wanted) -> Result<Self, Reject> {
        let Wanted { space, filter, start, follows } = wanted;
        let begun = hub.subscribe(&arrival, (&space, filter, start));
        let head = begun.and_then(|(subscription, frame)| match decode_hub(&frame) {
            Ok(HubFrame::Subscribed { head, .. }) => Ok((subscription, head)),
            _ => Err(Reject::new(Code::Internal, "The subscription did not begin")),
        });
        match head {
            Ok((subscription, head)) => {
                let place = Place { epoch: head.epoch, sequence: subscription.cursor() };
                let subscription = Some(subscription);
                let mut this =
                    Self { hub, arrival, subscription, follows, place, out: String::new() };
                this.tell_place("start");
                Ok(this)
            }
            Err(reject) => {
                hub.depart(arrival.id);
                Err(reject)
            }
        }
    }

    /// Tells changes until the reader goes or has to.
    pub(super) async fn run(mut self, send: Sender<Bytes>) {
        let heartbeat = self.hub.config().sync.heartbeat;
        let mut due = Instant::now() + heartbeat;
        while self.turn(&send, &mut due, heartbeat).await.is_ok() {}
    }

    async fn turn(
        &mut self,
        send: &Sender<Bytes>,
        due: &mut Instant,
        heartbeat: Duration,
    ) -> Result<(), Over> {
        self.send(send).await?;
        if !self.subscription.as_ref().is_some_and(Subscription::is_live) {
            return self.catch_up(send).await;
        }
        if !self.follows {
            self.tell_place("end");
            self.send(send).await?;
            return Err(Over);
        }
        let expires = self.arrival.expires_ms.map(|end| end.saturating_sub(now_ms()));
        let expires = expires.map(|ms| Instant::now() + Duration::from_millis(ms));
        let wake = expires.map_or(*due, |end| end.min(*due));
        tokio::select! {
            () = send.closed() => Err(Over),
            () = self.arrival.queue.ready() => self.drain(send).await,
            () = tokio::time::sleep_until(wake) => {
                *due = Instant::now() + heartbeat;
                self.recheck(send).await?;
                self.beat();
                Ok(())
            }
        }
    }

    /// Reads the next page of the log.
    async fn catch_up(&mut self, send: &Sender<Bytes>) -> Result<(), Over> {
        // A log that is long must not keep its reader from hearing that it has to go.
        self.drain(send).await?;
        let Some(mut subscription) = self.subscription.take() else { return Err(Over) };
        let hub = self.hub.clone();
        let turn = hub.page_turn().await;
        let page = move || {
            let page_bytes = usize::try_from(hub.config().sync.page_bytes).unwrap_or(usize::MAX);
            let frames = subscription.catch_up(hub.store(), page_bytes);
            drop(turn);
            (subscription, frames)
        };
        let Ok((subscription, frames)) = tokio::task::spawn_blocking(page).await else {
            let reject = Reject::new(Code::Internal, "A page could not be read");
            return self.goodbye(send, &reject, Some(1_000)).await;
        };
        self.subscription = Some(subscription);
        match frames {
            Ok(frames) => {
                frames.iter().for_each(|frame| self.tell(frame));
                Ok(())
            }
            Err(Ended::Reject(reject)) => self.goodbye(send, &reject, None).await,
            Err(Ended::Store(error)) => {
                tracing::error!(%error, "an event stream could not read the store");
                let reject = Reject::new(Code::Unavailable, "The store cannot be read");
                self.goodbye(send, &reject, Some(1_000)).await
            }
        }
    }

    /// Tells what waits in the queue.
    async fn drain(&mut self, send: &Sender<Bytes>) -> Result<(), Over> {
        loop {
            match self.arrival.queue.pop() {
                Popped::Nothing => return Ok(()),
                Popped::Frame(None, _) => {}
                Popped::Frame(Some((_, last)), bytes) => {
                    if self.subscription.as_mut().is_some_and(|it| it.take(last)) {
                        self.tell(&bytes);
                    }
                    if self.out.len() >= PIECE_BYTES {
                        self.send(send).await?;
                    }
                }
                Popped::Overflowed => {
                    self.hub.metrics().slow_consumers.inc();
                    if let Some(subscription) = &mut self.subscription {
                        subscription.fall_behind();
                    }
                    return Ok(());
                }
                Popped::Recheck => self.recheck(send).await?,
                Popped::Goodbye(reject, retry_ms) => {
                    return self.goodbye(send, &reject, retry_ms).await;
                }
            }
        }
    }

    /// Rights may have changed: ends what is no longer allowed.
    async fn recheck(&mut self, send: &Sender<Bytes>) -> Result<(), Over> {
        let Some(space) = self.subscription.as_ref().map(|it| it.space().clone()) else {
            return Ok(());
        };
        match self.hub.role(&self.arrival.principal, &space) {
            Ok(_) => Ok(()),
            Err(reject) => self.goodbye(send, &reject, None).await,
        }
    }

    /// Tells a frame's changes.
    fn tell(&mut self, frame: &[u8]) {
        let Ok(HubFrame::Changes { space, last, deltas, .. }) = decode_hub(frame) else { return };
        let told = self.place;
        for applied in deltas.iter().filter(|applied| applied.sequence > told.sequence) {
            let place = Place { sequence: applied.sequence, ..told };
            self.event("change", place, &json!(Told::new(&space, applied)));
        }
        self.place.sequence = self.place.sequence.max(last);
    }

    /// Shows that the hub is there, and how far there was nothing to tell.
    fn beat(&mut self) {
        let subscription = self.subscription.as_mut();
        let stretch = subscription.and_then(|it| it.stretch(&self.arrival.queue));
        if let Some(stretch) = stretch {
            self.place.sequence = self.place.sequence.max(stretch.last);
        }
        self.out.push_str(&format!(": heartbeat\nid: {}\n\n", self.place));
    }

    fn tell_place(&mut self, event: &str) {
        let Some(space) = self.subscription.as_ref().map(|it| it.space().clone()) else { return };
        let Place { epoch, sequence } = self.place;
        let data = json!({
            "space": space.as_str(), "epoch": epoch.to_string(), "sequence": sequence,
        });
        self.event(event, self.place, &data);
    }

    /// JSON has no line breaks, so that an event's data is one line.
    fn event(&mut self, event: &str, place: Place, data: &serde_json::Value) {
        self.out.push_str(&format!("event: {event}\nid: {place}\ndata: {data}\n\n"));
    }

    /// Says why it ends, and when to come back if that helps.
    async fn goodbye(
        &mut self,
        send: &Sender<Bytes>,
        reject: &Reject,
        retry_ms: Option<u64>,
    ) -> Result<(), Over> {
        let data = json!({ "code": reject.code.as_str(), "text": reject.text });
        if let Some(ms) = retry_ms {
            self.out.push_str(&format!("retry: {ms}\n"));
        }
        self.out.push_str(&format!("event: goodbye\ndata: {data}\n\n"));
        self.send(send).await?;
        Err(Over)
    }

    /// Hands on what is to be told. A reader that takes nothing for too long is gone.
    async fn send(&mut self, send: &Sender<Bytes>) -> Result<(), Over> {
        if self.out.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.out));
        let within = self.hub.config().sync.idle_timeout;
        send.send_timeout(piece, within).await.map_err(|_| Over)
    }
}
