//! Following a space without keeping a copy: a subscription like a session's, told as deltas. Event
//! streams and gateways feed their own push channels from it, and so from the same fan-out.
//!
//! ```text
//! log pages ---+
//!              +--> frames --> Changes, Live, Quiet ... Goodbye
//! the queue ---+
//! ```
//! What waits for a slow reader is bounded as a session's queue is: when it is full, the reader
//! goes on from the log (law 6). It must be polled: nothing here runs by itself.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use syncline_protocol::codec::decode_hub;
use syncline_protocol::{Applied, Code, Epoch, Filter, HubFrame, Reject, SpaceName, Start};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;

use super::{Arrival, Hub, now_ms};
use crate::access::principal::Principal;
use crate::fanout::Popped;
use crate::subscription::{Ended, Subscription};

/// When to come back after what is the hub's own fault, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// What a follower is told.
#[derive(Debug)]
pub enum Followed {
    /// Deltas in the order in which they were applied, none twice; the last sequence they cover.
    Changes {
        /// The deltas that the filter selects; there may be none up to `last`.
        deltas: Vec<Applied>,
        /// Nothing up to this sequence is left to be told.
        last: u64,
    },
    /// The log has been read to its end; what follows is live. Told again after falling behind.
    Live,
    /// Nothing happened for a heartbeat; nothing up to this sequence is left to be told.
    Quiet {
        /// The sequence.
        last: u64,
    },
    /// It ends, and why. It is told the same again whenever it is asked.
    Goodbye {
        /// Why.
        reject: Reject,
        /// When to come back, in milliseconds; none when that would not help.
        retry_ms: Option<u64>,
    },
}

/// One reader's place in a space. It leaves the space when it is dropped.
#[derive(Debug)]
pub struct Following {
    hub: Hub,
    arrival: Arrival,
    space: SpaceName,
    epoch: Epoch,
    /// Everything up to here has been told.
    told: u64,
    reading: Reading,
    /// What was read and is told next.
    ready: VecDeque<Followed>,
    heartbeat: Duration,
    due: Instant,
}

/// A page of the log, with the subscription that read it.
type Page = (Subscription, Result<Vec<Vec<u8>>, Ended>);

#[derive(Debug)]
enum Reading {
    /// At rest between pages, or live.
    Place(Subscription),
    /// A page is being read.
    Page(JoinHandle<Page>),
    /// It has ended.
    Over(Reject, Option<u64>),
}

impl Hub {
    /// Follows what a filter selects in a space; `name` is what the reader is shown as.
    ///
    /// # Errors
    /// A right that is missing, a space or a place in its log that does not exist, too many
    /// sessions.
    pub fn follow(
        &self,
        principal: &Principal,
        (name, from): (&str, IpAddr),
        space: SpaceName,
        (filter, start): (Filter, Start),
    ) -> Result<Following, Reject> {
        let arrival = self.arrive_to_listen(principal, name, from)?;
        let begun = self.subscribe(&arrival, (&space, filter, start));
        let head = begun.and_then(|(subscription, frame)| match decode_hub(&frame) {
            Ok(HubFrame::Subscribed { head, .. }) => Ok((subscription, head)),
            _ => Err(Reject::new(Code::Internal, "The subscription did not begin")),
        });
        let (subscription, head) = head.inspect_err(|_| self.depart(arrival.id))?;
        let heartbeat = self.config().sync.heartbeat;
        Ok(Following {
            hub: self.clone(),
            arrival,
            space,
            epoch: head.epoch,
            told: subscription.cursor(),
            reading: Reading::Place(subscription),
            ready: VecDeque::new(),
            heartbeat,
            due: Instant::now() + heartbeat,
        })
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.hub.depart(self.arrival.id);
    }
}

impl Following {
    /// The space.
    #[must_use]
    pub fn space(&self) -> &SpaceName {
        &self.space
    }

    /// The epoch that its sequences are of.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Everything up to this sequence has been told.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.told
    }

    /// Waits for what is next. Giving up the wait loses nothing.
    pub async fn next(&mut self) -> Followed {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return next;
            }
            match &mut self.reading {
                Reading::Over(reject, retry_ms) => {
                    return Followed::Goodbye { reject: reject.clone(), retry_ms: *retry_ms };
                }
                Reading::Page(page) => {
                    let page = page.await;
                    self.take_page(page);
                }
                Reading::Place(subscription) if subscription.is_live() => self.listen().await,
                Reading::Place(_) => self.begin_page().await,
            }
        }
    }

    /// Waits for the queue, the next heartbeat, or the end of the credential.
    async fn listen(&mut self) {
        let expires = self.arrival.expires_ms.map(|end| end.saturating_sub(now_ms()));
        let expires = expires.map(|ms| Instant::now() + Duration::from_millis(ms));
        let wake = expires.map_or(self.due, |end| end.min(self.due));
        tokio::select! {
            () = self.arrival.queue.ready() => self.drain(),
            () = tokio::time::sleep_until(wake) => self.beat(),
        }
    }

    /// Begins to read the next page of the log, in turns with other catch-ups.
    async fn begin_page(&mut self) {
        // A log that is long must not keep its reader from hearing that it has to go.
        self.drain();
        let turn = self.hub.page_turn().await;
        let reading = std::mem::replace(&mut self.reading, over());
        let Reading::Place(mut subscription) = reading else {
            self.reading = reading;
            return;
        };
        let (hub, principal) = (self.hub.clone(), self.arrival.principal.clone());
        self.reading = Reading::Page(tokio::task::spawn_blocking(move || {
            let page_bytes = usize::try_from(hub.config().sync.page_bytes).unwrap_or(usize::MAX);
            let space = subscription.space().clone();
            let reading = || hub.reading(&principal, &space);
            let frames = subscription.catch_up(hub.store(), page_bytes, reading);
            drop(turn);
            (subscription, frames)
        }));
    }

    fn take_page(&mut self, page: Result<Page, JoinError>) {
        let Ok((subscription, frames)) = page else {
            self.reading = over();
            return;
        };
        let is_live = subscription.is_live();
        self.reading = Reading::Place(subscription);
        match frames {
            Ok(frames) => {
                frames.iter().for_each(|frame| self.tell(frame));
                if is_live {
                    self.ready.push_back(Followed::Live);
                }
            }
            Err(Ended::Reject(reject)) => self.reading = Reading::Over(reject, None),
            Err(Ended::Store(error)) => {
                tracing::error!(%error, "a follower could not read the store");
                let reject = Reject::new(Code::Unavailable, "The store cannot be read");
                self.reading = Reading::Over(reject, Some(RETRY_MS));
            }
        }
    }

    /// Takes what waits in the queue, which is bounded.
    fn drain(&mut self) {
        while let Reading::Place(subscription) = &mut self.reading {
            match self.arrival.queue.pop() {
                Popped::Nothing => return,
                // A follower pushes nothing.
                Popped::Answers(_) | Popped::Frame(None, _) => {}
                Popped::Frame(Some((_, last)), bytes) => {
                    if subscription.take(last) {
                        self.tell(&bytes);
                    }
                }
                Popped::Behind { was_full } => {
                    self.hub.metrics().slow_consumers.inc_by(u64::from(was_full));
                    subscription.fall_behind();
                    return;
                }
                Popped::Recheck => self.recheck(),
                Popped::Goodbye(reject, retry_ms) => {
                    self.reading = Reading::Over(reject, retry_ms);
                }
            }
        }
    }

    /// Looks whether it may still be here, and tells how far there was nothing.
    fn beat(&mut self) {
        self.due = Instant::now() + self.heartbeat;
        self.recheck();
        let Reading::Place(subscription) = &mut self.reading else { return };
        if let Some(stretch) = subscription.stretch(&self.arrival.queue) {
            self.told = self.told.max(stretch.last);
        }
        self.ready.push_back(Followed::Quiet { last: self.told });
    }

    /// Rights may have changed: ends what is no longer allowed.
    fn recheck(&mut self) {
        if let Err(reject) = self.hub.role(&self.arrival.principal, &self.space) {
            self.reading = Reading::Over(reject, None);
        }
    }

    /// Puts a frame's deltas where they are told next.
    fn tell(&mut self, frame: &[u8]) {
        let Ok(HubFrame::Changes { last, mut deltas, .. }) = decode_hub(frame) else { return };
        let told = self.told;
        self.told = told.max(last);
        deltas.retain(|applied| applied.sequence > told);
        self.ready.push_back(Followed::Changes { deltas, last: self.told });
    }
}

/// What stands where a page could not be read to its end.
fn over() -> Reading {
    Reading::Over(Reject::new(Code::Internal, "A page could not be read"), Some(RETRY_MS))
}
