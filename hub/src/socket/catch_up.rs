//! A subscription that is behind: pages from the store, each read while the one before it is sent.

use syncline_protocol::{Code, Reject};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Doings, End, Socket};
use crate::access::principal::Principal;
use crate::hub::{Arrival, Hub};
use crate::subscription::{Ended, Subscription};

/// Pages of one catch-up that are sent in a row before anything else has its turn.
const PAGES_MAX: usize = 16;

/// A subscription that has read a page, and the page's frames.
type Page = (Subscription, Result<Vec<Vec<u8>>, Ended>);

impl<S> Socket<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// Sends the next pages of a catch-up: each is read while the one before it is sent.
    pub(super) async fn catch_up(
        &mut self,
        arrival: &Arrival,
        doings: &mut Doings,
        index: usize,
    ) -> Result<(), End> {
        let mut subscription = doings.subscriptions.swap_remove(index);
        let mut frames = Vec::new();
        for _ in 0..PAGES_MAX {
            let reading = read_page(self.hub.clone(), arrival.principal.clone(), subscription);
            let (read, sent) = tokio::join!(reading, self.send_all(std::mem::take(&mut frames)));
            sent?;
            let (back, page) = read?;
            subscription = back;
            match page {
                Ok(page) => frames = page,
                Err(ended) => return self.end_catch_up(subscription, ended).await,
            }
            if subscription.is_live() {
                break;
            }
        }
        doings.subscriptions.push(subscription);
        self.send_all(frames).await
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

/// Reads the next page, off the async threads.
async fn read_page(
    hub: Hub,
    principal: Principal,
    mut subscription: Subscription,
) -> Result<Page, End> {
    let turn = hub.page_turn().await;
    let page = move || {
        let page_bytes = usize::try_from(hub.config().sync.page_bytes).unwrap_or(usize::MAX);
        let space = subscription.space().clone();
        let reading = || hub.reading(&principal, &space);
        let frames = subscription.catch_up(hub.store(), page_bytes, reading);
        drop(turn);
        (subscription, frames)
    };
    let read = tokio::task::spawn_blocking(page).await;
    read.map_err(|_| Reject::new(Code::Internal, "A page could not be read").into())
}
