//! Yjs behind a Hocuspocus server with its SQLite extension: a document a channel, with one map of
//! maps.
//!
//! A record is a `Y.Map` of its fields, so that two people may edit two of them at once, as with
//! us. Links that write hold the document, as every Yjs client must: an edit names the one before
//! it. Links that listen hand on what comes. The server runs in Node (`bench/peers/yjs`).
//!
//! ```text
//! message    document name, kind, what the kind wants: lib0's variable numbers and strings
//! link       > auth, step 1 (what it has)   < authenticated, step 1, step 2 (what it lacks)
//! news       < update                       ack  > update  < sync status
//! ```

use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use yrs::encoding::read::{Cursor, Read as _};
use yrs::encoding::write::Write as _;
use yrs::updates::decoder::Decode as _;
use yrs::updates::encoder::Encode as _;
use yrs::{
    Any, ClientID, Doc, Map as _, MapPrelim, MapRef, Out, StateVector, Transact as _, Update,
};

use super::websocket::{Web, connect_to};
use super::wire::Unacked;
use super::{Ability, Arrival, Failure, Link, Listening, Place, Running, Site, Target, program};
use crate::process::Server;
use crate::workload::Write;

/// The folder and the package that serve.
const PEER: &str = "yjs";
const PACKAGE: &str = "@hocuspocus/server";
/// The map of all records.
const ROOT: &str = "todos";
/// Kinds of messages.
const SYNC: u64 = 0;
const AUTH: u64 = 2;
const SYNC_REPLY: u64 = 4;
const SYNC_STATUS: u64 = 8;
/// Kinds of sync messages.
const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;
/// An answer to a token: it is good.
const AUTHENTICATED: u64 = 2;
/// News that are kept to know the place, in bytes: behind more than that the place is an earlier
/// one, which is as good but for what then comes again.
const NEWS_MAX: usize = 1 << 20;

/// Yjs and Hocuspocus.
pub(crate) struct Yjs;

#[async_trait]
impl Target for Yjs {
    fn name(&self) -> &'static str {
        "yjs"
    }

    fn acknowledges(&self) -> &'static str {
        "in memory: merged into the document, which goes to SQLite two to ten seconds later"
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn can(&self, _: Ability) -> Result<(), &'static str> {
        Ok(())
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "whoever writes holds the whole document, as its clients must: that costs the harness \
             a merge of every edit on each connection that writes",
        )
    }

    fn installed(&self) -> Result<(), String> {
        program::node_peer(PEER).map(drop)
    }

    async fn start(&self, site: &Site) -> Result<Box<dyn Running>, Failure> {
        let (folder, server, address) = program::start_node(PEER, site).await?;
        Ok(Box::new(RunningYjs { server, address, folder }))
    }
}

struct RunningYjs {
    server: Server,
    address: SocketAddr,
    folder: PathBuf,
}

#[async_trait]
impl Running for RunningYjs {
    fn version(&self) -> String {
        program::node_version(&self.folder, PACKAGE)
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    async fn link(&self, channel: &str, listening: Listening) -> Result<Box<dyn Link>, Failure> {
        let web = connect_to(self.address, "", None).await?;
        let document = matches!(listening, Listening::Nothing).then(Document::new);
        let known = match &listening {
            Listening::After(place) => known(place)?,
            _ => StateVector::default(),
        };
        let mut link = YjsLink {
            web,
            channel: channel.to_owned(),
            document,
            unacked: Unacked::default(),
            known: None,
            is_even: false,
            news: (Vec::new(), 0),
        };
        link.join(&known).await?;
        if matches!(listening, Listening::Nothing | Listening::New) {
            // Both have the document before they begin, as an app does.
            while link.known.is_none() || !link.is_even {
                link.next().await?;
            }
        }
        Ok(Box::new(link))
    }

    async fn stop(self: Box<Self>) {
        self.server.stop().await;
    }
}

/// What a place says of each replica: how far it has been read.
fn known(place: &Place) -> Result<StateVector, Failure> {
    let (pairs, rest) = place.0.as_chunks::<2>();
    let mut known = StateVector::default();
    for [client, clock] in pairs {
        let clock = u32::try_from(*clock).map_err(|error| Failure::new(error.to_string()))?;
        known.set_max(ClientID::new(*client), clock);
    }
    if rest.is_empty() { Ok(known) } else { Err(Failure::new("a place of another system")) }
}

/// The document of one who writes.
struct Document {
    doc: Doc,
    records: MapRef,
}

impl Document {
    fn new() -> Self {
        // As wide as Yjs' own.
        let doc = Doc::with_client_id(u64::from(rand::random::<u32>()));
        let records = doc.get_or_insert_map(ROOT);
        Self { doc, records }
    }

    /// Writes in one transaction; says what is to be sent.
    fn write(&self, writes: &[Write]) -> Vec<u8> {
        let mut transaction = self.doc.transact_mut();
        for write in writes {
            let key = write.key();
            if write.deletes {
                self.records.remove(&mut transaction, &key);
                continue;
            }
            let fields: [(&str, Any); 3] = [
                ("title", write.title.as_ref().into()),
                ("done", write.done.into()),
                ("at", write.mark().into()),
            ];
            match self.records.get(&transaction, &key) {
                Some(Out::YMap(record)) => {
                    for (name, value) in fields {
                        record.insert(&mut transaction, name, value);
                    }
                }
                _ => {
                    let record: MapPrelim = fields.into_iter().collect();
                    self.records.insert(&mut transaction, key, record);
                }
            }
        }
        transaction.encode_update_v1()
    }

    fn merge(&self, update: &[u8]) -> Result<(), Failure> {
        let update = Update::decode_v1(update)?;
        Ok(self.doc.transact_mut().apply_update(update)?)
    }
}

/// One connection.
struct YjsLink {
    web: Web,
    channel: String,
    /// Of one who writes.
    document: Option<Document>,
    unacked: Unacked,
    /// What the server had when it last said so.
    known: Option<StateVector>,
    /// Whether that has come: the server says what it has before it sends it.
    is_even: bool,
    /// What came since, as long as it is little; and its bytes.
    news: (Vec<Bytes>, usize),
}

impl YjsLink {
    /// Presents itself and says what it has.
    async fn join(&mut self, known: &StateVector) -> Result<(), Failure> {
        let mut auth = self.message(AUTH);
        auth.write_var(0_u32);
        auth.write_string("none");
        self.web.send(Message::Binary(auth.into())).await?;
        while !self.is_welcome().await? {}
        let mut step = self.message(SYNC);
        step.write_var(STEP_1);
        step.write_buf(known.encode_v1());
        Ok(self.web.send(Message::Binary(step.into())).await?)
    }

    async fn is_welcome(&mut self) -> Result<bool, Failure> {
        let bytes = self.receive().await?;
        let mut cursor = Cursor::new(&bytes);
        cursor.read_string()?;
        if cursor.read_var::<u64>()? != AUTH {
            return Ok(false);
        }
        match cursor.read_var::<u64>()? {
            AUTHENTICATED => Ok(true),
            _ => Err(Failure::new("it does not let us in")),
        }
    }

    /// The beginning of a message.
    fn message(&self, kind: u64) -> Vec<u8> {
        let mut message = Vec::new();
        message.write_string(&self.channel);
        message.write_var(kind);
        message
    }

    async fn receive(&mut self) -> Result<Bytes, Failure> {
        loop {
            match self.web.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Close(_))) | None => return Err(Failure::new("it hung up")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    fn understand(&mut self, bytes: Bytes) -> Result<Arrival, Failure> {
        let mut cursor = Cursor::new(&bytes);
        cursor.read_string()?;
        match cursor.read_var::<u64>()? {
            SYNC | SYNC_REPLY => {}
            SYNC_STATUS if cursor.read_var::<u64>()? == 1 => {
                self.unacked.ack(1);
                return Ok(Arrival::Acked(self.unacked.take()));
            }
            SYNC_STATUS => return Err(Failure::new("it did not take an update")),
            _ => return Ok(Arrival::Nothing),
        }
        let kind = cursor.read_var::<u64>()?;
        let content = cursor.read_buf()?;
        self.is_even |= kind == STEP_2;
        match (kind, &self.document) {
            (STEP_1, _) => {
                self.known = Some(StateVector::decode_v1(content)?);
                self.news = (Vec::new(), 0);
                Ok(Arrival::Nothing)
            }
            (_, Some(document)) => document.merge(content).map(|()| Arrival::Nothing),
            (STEP_2 | UPDATE, None) => {
                let begin = bytes.len() - content.len();
                self.news.1 += content.len();
                if self.news.1 <= NEWS_MAX {
                    self.news.0.push(bytes.slice(begin..));
                }
                Ok(Arrival::Bytes(bytes))
            }
            _ => Ok(Arrival::Nothing),
        }
    }
}

#[async_trait]
impl Link for YjsLink {
    async fn feed(&mut self, writes: &[Write]) -> Result<(), Failure> {
        let Some(document) = &self.document else {
            return Err(Failure::new("only who holds the document can write"));
        };
        let update = document.write(writes);
        let mut message = self.message(SYNC);
        message.write_var(UPDATE);
        message.write_buf(update);
        self.unacked.push(1);
        Ok(self.web.feed(Message::Binary(message.into())).await?)
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.web.flush().await?)
    }

    async fn next(&mut self) -> Result<Arrival, Failure> {
        let bytes = self.receive().await?;
        self.understand(bytes)
    }

    /// Says what it is: nobody at any place. A server hangs up on whom it has not heard for a
    /// minute.
    async fn alive(&mut self) -> Result<(), Failure> {
        const AWARENESS: u64 = 1;
        let mut message = self.message(AWARENESS);
        // An awareness update of no client.
        message.write_buf([0_u8]);
        Ok(self.web.send(Message::Binary(message.into())).await?)
    }

    fn place(&self) -> Option<Place> {
        let mut place = self.known.clone().filter(|_| self.is_even)?;
        for news in &self.news.0 {
            // They came in order, each replica's without a gap.
            for (client, ranges) in Update::decode_v1(news).ok()?.insertions(true).iter() {
                for range in ranges.iter() {
                    place.set_max(*client, range.end);
                }
            }
        }
        let pairs = place.iter().flat_map(|(client, clock)| [client.get(), u64::from(*clock)]);
        Some(Place(pairs.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Workload, marks};

    #[test]
    fn documents_that_hear_each_other_are_alike() {
        let (a, b, mut workload) = (Document::new(), Document::new(), Workload::new(1, 3));
        let first = a.write(&[workload.of(1, 7), workload.of(2, 8)]);
        assert_eq!(marks(&first).collect::<Vec<_>>(), [7, 8]);
        b.merge(&first).unwrap();
        let mut delete = workload.of(2, 0);
        delete.deletes = true;
        a.merge(&b.write(&[delete, workload.of(1, 9)])).unwrap();
        let all = a.doc.transact_mut();
        let all = yrs::ReadTxn::encode_state_as_update_v1(&all, &StateVector::default());
        assert_eq!(marks(&all).collect::<Vec<_>>(), [9]);
        assert!(a.merge(&[1, 2, 3]).is_err());
    }

    #[test]
    fn a_place_is_read_back() {
        let place = Place(vec![5, 17]);
        assert_eq!(known(&place).unwrap().get(&ClientID::new(5)), 17);
        assert!(known(&Place(vec![5])).is_err());
        assert!(known(&Place(vec![5, u64::MAX])).is_err());
    }
}
