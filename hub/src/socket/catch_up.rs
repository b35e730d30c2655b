//! A subscription that is behind: pages from the store, read ahead of what is being sent.
//!
//! ```text
//! store --> a few pages in a turn --> channel of AHEAD pages --> socket
//! ```
//! No thread ever waits for a socket: a turn ends when the channel is full, and the next one begins
//! when there is room again.

use std::time::{Duration, Instant};

use syncline_protocol::{Code, Reject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{self, Sender};

use super::{Doings, End, Socket};
use crate::access::principal::Principal;
use crate::hub::{Arrival, Hub};
use crate::subscription::{Ended, Subscription};

/// A catch-up goes on for so long before anything else of its session has its turn.
const IN_A_ROW: Duration = Duration::from_millis(50);
/// Pages that one catch-up reads before another one has its turn.
const PAGES_A_TURN: usize = 8;
/// Pages that wait for the socket, besides the one that is being sent and one that has no room.
const AHEAD: usize = 2;

/// The frames of a page.
type Page = Vec<Vec<u8>>;

/// How a turn to read ended.
enum Turn {
    /// All that it read is on its way.
    Over,
    /// The channel has no room for this page.
    Full(Page),
    /// The subscription ends.
    Ended(Ended),
}

impl<S> Socket<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// Sends the next pages of a catch-up.
    pub(super) async fn catch_up(
        &mut self,
        arrival: &Arrival,
        doings: &mut Doings,
        index: usize,
    ) -> Result<(), End> {
        let subscription = doings.subscriptions.swap_remove(index);
        let (pages, mut ahead) = mpsc::channel(AHEAD);
        let reading = read(self.hub.clone(), arrival.principal.clone(), subscription, pages);
        let sending = async {
            while let Some(page) = ahead.recv().await {
                self.send_all(page).await?;
            }
            // Whoever still reads is told that nobody wants it.
            drop(ahead);
            Ok::<_, End>(())
        };
        let (read, sent) = tokio::join!(reading, sending);
        sent?;
        match read? {
            (subscription, None) => doings.subscriptions.push(subscription),
            (subscription, Some(ended)) => return self.end_catch_up(subscription, ended).await,
        }
        Ok(())
    }

    async fn send_all(&mut self, frames: Vec<Vec<u8>>) -> Result<(), End> {
        for frame in frames {
            self.wire.send(frame.into()).await?;
        }
        self.wire.flush().await.map_err(End::from)
    }

    async fn end_catch_up(&mut self, subscription: Subscription, ended: Ended) -> Result<(), End> {
        let space = subscription.space().clone();
        drop(subscription);
        match ended {
            Ended::Reject(reject) => self.refuse(space, reject).await,
            Ended::Store(error) => {
                tracing::error!(%error, "a catch-up could not read the store");
                Err(Reject::new(Code::Unavailable, "The store cannot be read").into())
            }
        }
    }
}

/// Reads pages until the subscription is live, ends, or has had its time.
async fn read(
    hub: Hub,
    principal: Principal,
    mut subscription: Subscription,
    pages: Sender<Page>,
) -> Result<(Subscription, Option<Ended>), End> {
    let begun = Instant::now();
    while !subscription.is_live() && begun.elapsed() < IN_A_ROW {
        let (hub, principal, given) = (hub.clone(), principal.clone(), pages.clone());
        let turn = hub.page_turn().await;
        let reading = move || {
            let read = read_in_turn(&hub, &principal, &mut subscription, &given);
            drop(turn);
            (subscription, read)
        };
        let read = tokio::task::spawn_blocking(reading).await;
        let internal = || Reject::new(Code::Internal, "A page could not be read");
        let (back, read) = read.map_err(|_| internal())?;
        subscription = back;
        match read {
            Turn::Over => {}
            Turn::Full(page) => pages.send(page).await.map_err(|_| End::Broken)?,
            Turn::Ended(ended) => return Ok((subscription, Some(ended))),
        }
    }
    Ok((subscription, None))
}

/// Reads a few pages, off the async threads.
fn read_in_turn(
    hub: &Hub,
    principal: &Principal,
    subscription: &mut Subscription,
    pages: &Sender<Page>,
) -> Turn {
    let page_bytes = usize::try_from(hub.config().sync.page_bytes).unwrap_or(usize::MAX);
    let space = subscription.space().clone();
    let reading = || hub.reading(principal, &space);
    for _ in 0..PAGES_A_TURN {
        let page = match subscription.catch_up(hub.store(), page_bytes, reading) {
            Ok(page) => page,
            Err(ended) => return Turn::Ended(ended),
        };
        // Nothing came: what may be read will be known in a moment.
        let is_over = page.is_empty() || subscription.is_live();
        match pages.try_send(page) {
            Ok(()) if is_over => return Turn::Over,
            Ok(()) => {}
            Err(error) => return Turn::Full(error.into_inner()),
        }
    }
    Turn::Over
}
