//! `verify` against a hub that is wrong: a scripted one, since the real one is not.

use std::collections::BTreeMap;

use futures_util::{SinkExt as _, StreamExt as _};
use syncline_protocol::codec::{Limits, decode_client, encode_hub};
use syncline_protocol::{
    Applied, Change, ClientFrame, CollectionName, Cursor, Digest, Epoch, FieldName, HlcTime,
    HubFrame, RecordKey, ReplicaId, SnapshotMode, SpaceId, SpaceName, Stamp, Total, Value,
    ViewMark, Welcome,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

use crate::house::{Outcome, program};

/// One record under sequence 1.
fn record(collection: &str) -> Applied {
    let stamp = Stamp::new(HlcTime::from_millis(1), ReplicaId::from_random(1));
    let fields = vec![(FieldName::new("x").unwrap(), Some(Value::from(true)))];
    let collection = CollectionName::new(collection).unwrap();
    let change = Change::put(collection, RecordKey::new("k").unwrap(), fields).unwrap();
    Applied { sequence: 1, delta: change.stamped(stamp) }
}

/// The digest of what the copy holds of a collection.
fn digest(applied: &Applied) -> Digest {
    let change = &applied.delta.change;
    let mut record = syncline_protocol::Record::default();
    record.merge(applied.delta.stamp, 1, &change.op);
    let mut digest = Digest::default();
    digest.add_record(&change.collection, &change.key, &record);
    digest
}

fn answers(frame: &ClientFrame) -> Vec<HubFrame> {
    let space = SpaceName::new("s").unwrap();
    let (good, bad) = (record("good"), record("spoilt"));
    let head = Cursor { epoch: Epoch(1), sequence: 1, view: ViewMark([0; 8]) };
    let digests = || {
        // The hub holds something else in one collection than it has sent.
        let wrong = Digest { sum: 7, fields: 1 };
        let name = |applied: &Applied| applied.delta.change.collection.clone();
        let digests = BTreeMap::from([(name(&good), digest(&good)), (name(&bad), wrong)]);
        HubFrame::Digests { space: space.clone(), sequence: 1, digests }
    };
    match frame {
        ClientFrame::Hello(_) => vec![HubFrame::Welcome(Welcome {
            session: 1,
            hub_ms: syncline::hub::now_ms(),
            hub_replica: ReplicaId::from_random(1),
            principal: "ann".into(),
            limits: BTreeMap::new(),
        })],
        ClientFrame::Subscribe { .. } => vec![
            HubFrame::Subscribed { space: space.clone(), id: SpaceId(1), head, writable: true },
            HubFrame::SnapshotBegin {
                space: space.clone(),
                id: SpaceId(1),
                mode: SnapshotMode::Replace,
                total: Total { records: 2, bytes: 2 },
            },
            HubFrame::SnapshotPart {
                space: space.clone(),
                part: 0,
                deltas: vec![good.clone(), bad.clone()],
            },
            HubFrame::SnapshotEnd { space: space.clone(), parts: 1, cursor: head },
            HubFrame::Changes { space, before: 1, last: 1, more: false, deltas: vec![] },
        ],
        ClientFrame::Verify { .. } => vec![digests()],
        ClientFrame::Ping { nonce } => vec![HubFrame::Pong { nonce: *nonce, hub_ms: 0 }],
        _ => vec![],
    }
}

#[allow(clippy::result_large_err, reason = "the handshake's callback is as its crate wants it")]
async fn serve(stream: TcpStream) {
    let agree = |_: &Request, mut response: Response| {
        let name = syncline_protocol::SUBPROTOCOL.parse().unwrap();
        response.headers_mut().insert("sec-websocket-protocol", name);
        Ok(response)
    };
    let mut web = tokio_tungstenite::accept_hdr_async(stream, agree).await.unwrap();
    while let Some(Ok(message)) = web.next().await {
        let Message::Binary(bytes) = message else { continue };
        for frame in answers(&decode_client(&bytes, &Limits::default()).unwrap()) {
            web.send(Message::Binary(encode_hub(&frame).into())).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_named_and_code_1() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    let verify = move || {
        let folder = tempfile::tempdir().unwrap();
        let args = ["verify", "s", "--url", &url, "--token", "any"];
        Outcome::of(program(folder.path()).args(args))
    };
    let outcome = tokio::task::spawn_blocking(verify).await.unwrap();
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert_eq!(outcome.out, "good equal\nspoilt different\n");
}
