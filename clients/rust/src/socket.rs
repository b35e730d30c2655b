//! The loop: one task that owns the socket and the file, and lets the session decide.
//!
//! ```text
//!           +-> save what must be saved -> take orders and messages -> wait -+
//!           |                                                               |
//!           +--- a handle called, a message came, it is time, the file ------+
//! ```
//! Nothing is sent before what it follows from is on the disk. It knows no rules: when to connect,
//! what to send and when to give up is the session's business.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use syncline_protocol::replica::Unsaved;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::connect::{Address, Socket};
use crate::error::StoreError;
use crate::persist::Store;
use crate::shared::{Order, Shared};

/// What only reading changes is saved at most this often.
const SAVE_PAUSE: Duration = Duration::from_millis(100);
/// How long a closing client waits for the hub's side of the goodbye.
const GOODBYE_PATIENCE: Duration = Duration::from_secs(1);

/// Runs until the client is closed or its file fails.
pub(crate) async fn run(shared: Arc<Shared>, address: Address, store: Option<Store>) {
    let mut socket_loop = SocketLoop {
        shared: Arc::clone(&shared),
        address,
        store: store.map(Arc::new),
        link: Link::Down,
        outgoing: VecDeque::new(),
        needs_flush: false,
        save_at: None,
    };
    socket_loop.run().await;
    socket_loop.say_goodbye().await;
    // The file is free before anyone hears of the end.
    socket_loop.store = None;
    shared.end();
}

struct SocketLoop {
    shared: Arc<Shared>,
    address: Address,
    store: Option<Arc<Store>>,
    link: Link,
    /// Messages that the socket has not taken yet: bounded by the session's window.
    outgoing: VecDeque<Message>,
    needs_flush: bool,
    /// When what reading changed is saved.
    save_at: Option<Instant>,
}

/// What handles and the session left for the loop to do.
struct Orders {
    order: Option<Order>,
    messages: VecDeque<Vec<u8>>,
    /// What is to be saved first, and how many writes that holds.
    unsaved: Option<(u64, Unsaved)>,
    is_closing: bool,
}

/// The way to the hub.
enum Link {
    Down,
    Opening(Pin<Box<dyn Future<Output = Result<Box<Socket>, String>> + Send>>),
    Up(Box<Socket>),
}

/// What the link has to say.
enum Happening {
    Opened(Result<Box<Socket>, String>),
    Message(Vec<u8>),
    Closed(String),
}

impl SocketLoop {
    async fn run(&mut self) {
        loop {
            let orders = self.take_orders();
            if let (Some(store), Some((writes, unsaved))) = (self.store.clone(), orders.unsaved) {
                if let Err(failure) = save(store, unsaved).await {
                    return self.shared.fail(&failure);
                }
                self.shared.saved.send_modify(|saved| saved.writes = writes);
            }
            if orders.is_closing {
                return;
            }
            self.obey(orders.order, orders.messages);
            let wake_at = self.wake_at();
            let shared = Arc::clone(&self.shared);
            // Orders first: they may say that what the link has to say does not count any more.
            tokio::select! {
                biased;
                () = shared.wake.notified() => {}
                happening = self.next_happening() => self.happened(happening),
                () = sleep_until(wake_at) => {
                    shared.call(|session, now| ((), session.wake(now)));
                }
            }
        }
    }

    /// Takes what is to be done, and with it what must be saved before: messages may follow from
    /// writes, so that both are taken under one lock.
    fn take_orders(&mut self) -> Orders {
        let mut core = self.shared.lock();
        let (order, messages) = (core.order.take(), std::mem::take(&mut core.outgoing));
        let is_closing = core.is_closing;
        let mut unsaved = None;
        let replica = core.session.replica_mut();
        if self.store.is_none() {
            replica.discard_unsaved();
            self.shared.saved.send_modify(|saved| saved.writes = core.writes);
        } else if replica.is_saved() {
            self.save_at = None;
        } else {
            let now = Instant::now();
            let is_due = *self.save_at.get_or_insert(now + SAVE_PAUSE) <= now;
            if is_due || is_closing || replica.has_unsaved_writes() && !messages.is_empty() {
                self.save_at = None;
                unsaved = Some(core.take_unsaved());
            }
        }
        Orders { order, messages, unsaved, is_closing }
    }

    fn obey(&mut self, order: Option<Order>, messages: VecDeque<Vec<u8>>) {
        if let Some(order) = order {
            self.outgoing.clear();
            self.needs_flush = false;
            self.link = match order {
                Order::Connect => Link::Opening(Box::pin(self.address.clone().open())),
                Order::Close => Link::Down,
            };
        }
        self.outgoing.extend(messages.into_iter().map(|bytes| Message::Binary(bytes.into())));
    }

    fn wake_at(&self) -> Instant {
        let session = self.shared.lock().session.wake_at_ms();
        let session = self.shared.instant(session.unwrap_or(u64::MAX));
        self.save_at.map_or(session, |save_at| session.min(save_at))
    }

    fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Opened(Ok(socket)) => {
                self.link = Link::Up(socket);
                self.shared.call(|session, now| ((), session.opened(now)));
            }
            Happening::Message(bytes) => {
                self.shared.call(|session, now| ((), session.received(&bytes, now)));
            }
            Happening::Opened(Err(reason)) | Happening::Closed(reason) => {
                self.link = Link::Down;
                self.outgoing.clear();
                self.shared.call(|session, now| ((), session.closed(&reason, now)));
            }
        }
    }

    /// Writes and reads until the link has something to say. To stop waiting loses nothing.
    async fn next_happening(&mut self) -> Happening {
        std::future::poll_fn(|cx| match &mut self.link {
            Link::Down => Poll::Pending,
            Link::Opening(opening) => opening.as_mut().poll(cx).map(Happening::Opened),
            Link::Up(socket) => {
                let written = write(socket, &mut self.outgoing, &mut self.needs_flush, cx);
                if let Poll::Ready(Err(error)) = written {
                    return Poll::Ready(Happening::Closed(error.to_string()));
                }
                read(socket, cx)
            }
        })
        .await
    }

    /// Closes the socket in good manners, if there is one, without waiting for long.
    async fn say_goodbye(&mut self) {
        let Link::Up(socket) = &mut self.link else { return };
        let goodbye = async {
            if socket.as_mut().close(None).await.is_ok() {
                while let Some(Ok(_)) = socket.next().await {}
            }
        };
        // A hub that does not answer has lost nothing.
        let _ = timeout(GOODBYE_PATIENCE, goodbye).await;
    }
}

/// Writes to the file, off the async threads.
async fn save(store: Arc<Store>, unsaved: Unsaved) -> Result<(), StoreError> {
    let saving = tokio::task::spawn_blocking(move || store.save(&unsaved)).await;
    let lost = |error| StoreError::File("of the client".to_owned(), format!("{error}"));
    saving.map_err(lost)?
}

/// Hands messages to the socket as far as it takes them, in as few writes as it can.
fn write(
    socket: &mut Socket,
    outgoing: &mut VecDeque<Message>,
    needs_flush: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<Result<(), WebSocketError>> {
    while !outgoing.is_empty() {
        ready!(socket.poll_ready_unpin(cx))?;
        if let Some(message) = outgoing.pop_front() {
            socket.start_send_unpin(message)?;
            *needs_flush = true;
        }
    }
    if *needs_flush {
        ready!(socket.poll_flush_unpin(cx))?;
        *needs_flush = false;
    }
    Poll::Ready(Ok(()))
}

/// The next message that says something; control frames are answered by the socket itself.
fn read(socket: &mut Socket, cx: &mut Context<'_>) -> Poll<Happening> {
    loop {
        let happening = match ready!(socket.poll_next_unpin(cx)) {
            Some(Ok(Message::Binary(bytes))) => Happening::Message(bytes.into()),
            Some(Ok(Message::Text(_))) => Happening::Closed(
                "the hub sent a text, which is no part of the protocol".to_owned(),
            ),
            Some(Ok(Message::Close(Some(close)))) => Happening::Closed(format!(
                "the hub closed the connection ({}): {}",
                u16::from(close.code),
                close.reason
            )),
            Some(Ok(Message::Close(None))) | None => {
                Happening::Closed("the hub closed the connection".to_owned())
            }
            Some(Ok(_)) => continue,
            Some(Err(error)) => Happening::Closed(error.to_string()),
        };
        return Poll::Ready(happening);
    }
}
