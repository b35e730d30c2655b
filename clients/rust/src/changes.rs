//! Streams: what an app hears of without asking.
//!
//! All are bounded. A stream whose reader is too slow skips what does not fit and says so, so that
//! memory never grows with what nobody reads.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt, stream};
use syncline_protocol::session::client::ConnectionState;
use syncline_protocol::{
    Change as WrittenChange, CollectionName, Peer, PresenceEvent, PushId, RecordKey, Reject,
    SpaceName, Value,
};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::client::Inner;
use crate::shared::News;

/// Something reads differently now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A record; read it to see how.
    Record {
        /// Its collection.
        collection: CollectionName,
        /// Its key.
        key: RecordKey,
    },
    /// More than this stream could hold: read everything that matters again.
    Reread,
}

/// What a person or a log should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The hub refused a write for good.
    Rejected {
        /// The space.
        space: SpaceName,
        /// The write.
        push: PushId,
        /// Why.
        reject: Reject,
    },
    /// Writes came too late: what they change was deleted long ago.
    Conflict {
        /// The space.
        space: SpaceName,
        /// The push that carried them.
        push: PushId,
        /// What they would have changed.
        changes: Vec<WrittenChange>,
    },
    /// The copy was found different from the hub's.
    Diverged {
        /// The space.
        space: SpaceName,
        /// Where.
        collections: Vec<CollectionName>,
        /// Whether a fresh snapshot is on its way.
        is_repairing: bool,
    },
    /// The hub will not send a space.
    SubscriptionEnded {
        /// The space.
        space: SpaceName,
        /// Why.
        reject: Reject,
    },
    /// So many notices were skipped, because this stream was not read.
    Missed(u64),
}

/// Which changes a stream is about.
#[derive(Debug, Clone)]
pub(crate) enum Scope {
    Space,
    Collection(CollectionName),
    Record(CollectionName, RecordKey),
}

impl Scope {
    fn holds(&self, collection: &CollectionName, key: &RecordKey) -> bool {
        match self {
            Self::Space => true,
            Self::Collection(name) => name == collection,
            Self::Record(name, wanted) => name == collection && wanted == key,
        }
    }
}

macro_rules! streams {
    ($($(#[$doc:meta])* $name:ident of $item:ty;)*) => {
        $(
            $(#[$doc])*
            pub struct $name(Pin<Box<dyn Stream<Item = $item> + Send>>);

            impl Stream for $name {
                type Item = $item;
                fn poll_next(
                    mut self: Pin<&mut Self>,
                    cx: &mut Context<'_>,
                ) -> Poll<Option<Self::Item>> {
                    self.0.as_mut().poll_next(cx)
                }
            }

            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(stringify!($name))
                }
            }
        )*
    };
}

streams! {
    /// The changes of a space, a collection or a record. Ends when the client is closed.
    Changes of Change;
    /// What others say in a space. Ends when the client is closed.
    Signals of (Peer, Value);
    /// Who joins, leaves or changes their state. Ends when the client is closed.
    Presences of (Peer, PresenceEvent);
    /// How the connection stands. Ends when the client is closed.
    States of ConnectionState;
    /// What a person or a log should hear of. Ends when the client is closed.
    Notices of Notice;
}

/// What a bounded channel gives: a message, or how many were skipped.
fn received<T: Clone + Send + 'static>(
    inner: Arc<Inner>,
    receiver: broadcast::Receiver<T>,
) -> impl Stream<Item = Result<T, u64>> + Send {
    // The stream is a handle like any other: while it is read the client lives.
    stream::unfold((inner, receiver), |(inner, mut receiver)| async move {
        let item = match receiver.recv().await {
            Ok(item) => Ok(item),
            Err(RecvError::Lagged(skipped)) => Err(skipped),
            Err(RecvError::Closed) => return None,
        };
        Some((item, (inner, receiver)))
    })
}

impl Changes {
    pub(crate) fn new(inner: Arc<Inner>, news: broadcast::Receiver<News>, scope: Scope) -> Self {
        let changes = received(inner, news).flat_map(move |item| {
            let changes: Vec<_> = match item {
                Err(_) => vec![Change::Reread],
                Ok(News::Changed(records)) => records
                    .iter()
                    .filter(|name| scope.holds(&name.collection, &name.key))
                    .map(|name| Change::Record {
                        collection: name.collection.clone(),
                        key: name.key.clone(),
                    })
                    .collect(),
                Ok(News::Signal(..) | News::Presence(..)) => vec![],
            };
            stream::iter(changes)
        });
        Self(Box::pin(changes))
    }
}

impl Signals {
    pub(crate) fn new(inner: Arc<Inner>, news: broadcast::Receiver<News>) -> Self {
        let signals = received(inner, news).filter_map(|item| {
            std::future::ready(match item {
                Ok(News::Signal(from, value)) => Some((from, value)),
                _ => None,
            })
        });
        Self(Box::pin(signals))
    }
}

impl Presences {
    pub(crate) fn new(inner: Arc<Inner>, news: broadcast::Receiver<News>) -> Self {
        let presences = received(inner, news).filter_map(|item| {
            std::future::ready(match item {
                Ok(News::Presence(from, event)) => Some((from, event)),
                _ => None,
            })
        });
        Self(Box::pin(presences))
    }
}

impl Notices {
    pub(crate) fn new(inner: Arc<Inner>, notices: broadcast::Receiver<Notice>) -> Self {
        let ended = ended(&inner);
        let notices = received(inner, notices).map(|item| item.unwrap_or_else(Notice::Missed));
        Self(Box::pin(notices.take_until(ended)))
    }
}

impl States {
    pub(crate) fn new(inner: Arc<Inner>, mut states: watch::Receiver<ConnectionState>) -> Self {
        let ended = ended(&inner);
        states.mark_changed();
        let states = stream::unfold((inner, states), |(inner, mut states)| async move {
            states.changed().await.ok()?;
            let state = states.borrow_and_update().clone();
            Some((state, (inner, states)))
        });
        Self(Box::pin(states.take_until(ended)))
    }
}

/// Comes when the loop has ended, for streams whose channel outlives it.
fn ended(inner: &Arc<Inner>) -> impl Future<Output = ()> + Send + use<> {
    let mut ended = inner.shared.ended.subscribe();
    async move {
        // A sender that is gone has ended, too.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}
