//! The bytes of what a client sends.

use std::collections::BTreeMap;

use super::delta::{DELTA_BYTES_MIN, read_delta, write_delta};
use super::read::{DecodeError, Reader, Result};
use super::write::Writer;
use super::{ATTRIBUTES_MAX, LABEL_BYTES_MAX, Limits, TOKEN_BYTES_MAX, kind};
use crate::cursor::{Cursor, Epoch, Start, ViewMark};
use crate::delta::{Push, PushId};
use crate::filter::{FILTER_COLLECTIONS_MAX, Filter};
use crate::frame::{ClientFrame, Hello};
use crate::guard::{Condition, Guard};
use crate::name::{CollectionName, FieldName, RecordKey, SpaceName};

const GUARD_ABSENT: u64 = 0;
const GUARD_UNCHANGED: u64 = 1;
const GUARD_EQUALS: u64 = 2;
const GUARD_FIELD_ABSENT: u64 = 3;

pub(super) fn encode(frame: &ClientFrame) -> Vec<u8> {
    let mut writer;
    match frame {
        ClientFrame::Hello(hello) => return encode_hello(hello),
        ClientFrame::Push(push) => return encode_push(push),
        ClientFrame::Subscribe { space, filter, start } => {
            writer = Writer::frame(kind::SUBSCRIBE, 3);
            writer.text(space).array(2).array(filter.collections().len());
            for collection in filter.collections() {
                writer.text(collection);
            }
            writer.text(filter.prefix());
            write_start(&mut writer, start);
        }
        ClientFrame::Unsubscribe { space } => {
            writer = Writer::frame(kind::UNSUBSCRIBE, 1);
            writer.text(space);
        }
        ClientFrame::Seen { space, sequence } => {
            writer = Writer::frame(kind::SEEN, 2);
            writer.text(space).uint(*sequence);
        }
        ClientFrame::Verify { space } => {
            writer = Writer::frame(kind::VERIFY, 1);
            writer.text(space);
        }
        ClientFrame::Signal { space, value } => {
            writer = Writer::frame(kind::SIGNAL, 2);
            writer.text(space).value(value);
        }
        ClientFrame::Presence { space, value } => {
            // An array of none or one, since nil is a state like any other.
            writer = Writer::frame(kind::PRESENCE, 2);
            writer.text(space).array(usize::from(value.is_some()));
            if let Some(value) = value {
                writer.value(value);
            }
        }
        ClientFrame::Ping { nonce } => {
            writer = Writer::frame(kind::PING, 1);
            writer.uint(*nonce);
        }
    }
    writer.finish()
}

fn encode_hello(hello: &Hello) -> Vec<u8> {
    let mut writer = Writer::frame(kind::HELLO, 8);
    writer.uint(hello.version).id(hello.replica.get()).id(hello.device.0);
    writer.text(&hello.name).text(&hello.token).uint(hello.clock_ms);
    writer.array(hello.outbox.len());
    for &id in &hello.outbox {
        writer.push_id(id);
    }
    writer.map(hello.attributes.len());
    for (name, value) in &hello.attributes {
        writer.text(name).text(value);
    }
    writer.finish()
}

fn encode_push(push: &Push) -> Vec<u8> {
    let mut writer = Writer::frame(kind::PUSH, 6);
    writer.push_id(push.id).text(&push.space);
    writer.option(push.epoch, |writer, epoch| {
        writer.id(epoch.0);
    });
    writer.uint(push.base).array(push.guards.len());
    for guard in &push.guards {
        write_guard(&mut writer, guard);
    }
    writer.array(push.deltas.len());
    for delta in &push.deltas {
        write_delta(&mut writer, delta);
    }
    writer.finish()
}

fn write_guard(writer: &mut Writer, guard: &Guard) {
    let (kind, arguments) = match &guard.condition {
        Condition::Absent => (GUARD_ABSENT, 0),
        Condition::UnchangedSince(_) => (GUARD_UNCHANGED, 1),
        Condition::FieldEquals(..) => (GUARD_EQUALS, 2),
        Condition::FieldAbsent(_) => (GUARD_FIELD_ABSENT, 1),
    };
    writer.array(3 + arguments).text(&guard.collection).text(&guard.key).uint(kind);
    match &guard.condition {
        Condition::Absent => writer,
        Condition::UnchangedSince(sequence) => writer.uint(*sequence),
        Condition::FieldEquals(field, value) => writer.text(field).value(value),
        Condition::FieldAbsent(field) => writer.text(field),
    };
}

fn write_start(writer: &mut Writer, start: &Start) {
    match start {
        Start::Snapshot => writer.nil(),
        Start::Resume(cursor) => {
            writer.array(3).id(cursor.epoch.0).uint(cursor.sequence).bin(&cursor.view.0)
        }
        Start::Follow { epoch, after } => {
            writer.array(2).option(*epoch, |writer, epoch| {
                writer.id(epoch.0);
            });
            writer.option(*after, |writer, after| {
                writer.uint(after);
            })
        }
    };
}

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<ClientFrame> {
    let mut reader = Reader::new(bytes);
    let items = reader.array("frame")?;
    let kind = reader.uint("kind")?;
    let wanted = match kind {
        kind::HELLO => 8,
        kind::PUSH => 6,
        kind::SUBSCRIBE => 3,
        kind::SEEN | kind::SIGNAL | kind::PRESENCE => 2,
        kind::UNSUBSCRIBE | kind::VERIFY | kind::PING => 1,
        _ => return Err(DecodeError::malformed(format!("{kind} is no kind of client frame"))),
    };
    if items != wanted + 1 {
        return Err(DecodeError::malformed(format!("a frame of kind {kind} has {wanted} items")));
    }
    if kind == kind::PUSH {
        return decode_push(reader, limits);
    }
    let frame = decode_small(kind, &mut reader, limits)?;
    reader.finish()?;
    Ok(frame)
}

fn decode_small(kind: u64, reader: &mut Reader<'_>, limits: &Limits) -> Result<ClientFrame> {
    if kind == kind::HELLO {
        return Ok(ClientFrame::Hello(read_hello(reader, limits)?));
    }
    if kind == kind::PING {
        return Ok(ClientFrame::Ping { nonce: reader.uint("nonce")? });
    }
    let space = read_space(reader)?;
    Ok(match kind {
        kind::SUBSCRIBE => {
            let filter = read_filter(reader)?;
            ClientFrame::Subscribe { space, filter, start: read_start(reader)? }
        }
        kind::UNSUBSCRIBE => ClientFrame::Unsubscribe { space },
        kind::SEEN => ClientFrame::Seen { space, sequence: reader.uint("sequence")? },
        kind::VERIFY => ClientFrame::Verify { space },
        kind::SIGNAL => ClientFrame::Signal { space, value: reader.value(limits.value_bytes)? },
        _ => ClientFrame::Presence { space, value: read_presence(reader, limits)? },
    })
}

fn read_space(reader: &mut Reader<'_>) -> Result<SpaceName> {
    Ok(SpaceName::new(reader.text("space")?)?)
}

fn read_presence(reader: &mut Reader<'_>, limits: &Limits) -> Result<Option<crate::Value>> {
    match reader.array("presence")? {
        0 => Ok(None),
        1 => reader.value(limits.value_bytes).map(Some),
        _ => Err(DecodeError::malformed("a presence has one state or none")),
    }
}

fn read_hello(reader: &mut Reader<'_>, limits: &Limits) -> Result<Hello> {
    let version = reader.uint("version")?;
    let (replica, device) = (reader.replica()?, reader.device()?);
    let name = reader.label(LABEL_BYTES_MAX, "device name")?;
    let token = reader.label(TOKEN_BYTES_MAX, "token")?;
    let clock_ms = reader.uint("clock")?;
    let count = reader.array("outbox")?;
    if count > limits.outbox {
        return Err(DecodeError::too_large("hello names too many pushes"));
    }
    let outbox = (0..count).map(|_| reader.push_id()).collect::<Result<Vec<_>>>()?;
    let attributes = read_attributes(reader)?;
    Ok(Hello { version, replica, device, name, token, clock_ms, outbox, attributes })
}

fn read_attributes(reader: &mut Reader<'_>) -> Result<BTreeMap<String, String>> {
    let count = reader.map("attributes")?;
    if count > ATTRIBUTES_MAX {
        return Err(DecodeError::too_large("hello has too many attributes"));
    }
    let mut attributes = BTreeMap::new();
    for _ in 0..count {
        let name = reader.label(LABEL_BYTES_MAX, "attribute")?;
        attributes.insert(name, reader.label(LABEL_BYTES_MAX, "attribute")?);
    }
    Ok(attributes)
}

fn read_filter(reader: &mut Reader<'_>) -> Result<Filter> {
    reader.array_of(2, "filter")?;
    let count = reader.array("collections")?;
    if count > FILTER_COLLECTIONS_MAX {
        return Err(DecodeError::too_large("the filter names too many collections"));
    }
    let mut collections = Vec::with_capacity(count);
    for _ in 0..count {
        collections.push(CollectionName::new(reader.text("collection")?)?);
    }
    let prefix = reader.text("prefix")?;
    Filter::new(collections, prefix).map_err(|error| DecodeError::malformed(error.to_string()))
}

fn read_start(reader: &mut Reader<'_>) -> Result<Start> {
    if reader.nil() {
        return Ok(Start::Snapshot);
    }
    match reader.array("cursor")? {
        3 => Ok(Start::Resume(Cursor {
            epoch: read_epoch(reader)?,
            sequence: reader.uint("sequence")?,
            view: ViewMark(reader.bin("view")?),
        })),
        2 => Ok(Start::Follow {
            epoch: reader.option(read_epoch)?,
            after: reader.option(|reader| reader.uint("sequence"))?,
        }),
        _ => Err(DecodeError::malformed("a cursor has an epoch, a sequence and perhaps a view")),
    }
}

fn read_epoch(reader: &mut Reader<'_>) -> Result<Epoch> {
    Ok(Epoch(u64::from_be_bytes(reader.bin("epoch")?)))
}

/// Reads a push. Once its id is known, a wrong name or size refuses the push and not the session.
fn decode_push(mut reader: Reader<'_>, limits: &Limits) -> Result<ClientFrame> {
    let id = reader.push_id()?;
    let blame = |mut error: DecodeError| {
        error.push = Some(id).filter(|_| error.is_refusable);
        error
    };
    let push = read_push_body(&mut reader, id, limits).map_err(blame)?;
    reader.finish()?;
    Ok(ClientFrame::Push(push))
}

fn read_push_body(reader: &mut Reader<'_>, id: PushId, limits: &Limits) -> Result<Push> {
    let space = read_space(reader)?;
    let epoch = reader.option(read_epoch)?;
    let base = reader.uint("base")?;
    let count = reader.array("guards")?;
    if count > limits.guards {
        return Err(DecodeError::too_large(format!("a push has at most {} guards", limits.guards)));
    }
    let guards = (0..count).map(|_| read_guard(reader, limits)).collect::<Result<Vec<_>>>()?;
    let count = reader.array("deltas")?;
    if count > limits.deltas {
        return Err(DecodeError::too_large(format!("a push has at most {} deltas", limits.deltas)));
    }
    let mut deltas = Vec::with_capacity(reader.room(count, DELTA_BYTES_MIN));
    for index in 0..count {
        let blame = |mut error: DecodeError| {
            error.index = Some(index);
            error
        };
        deltas.push(read_delta(reader, limits).map_err(blame)?);
    }
    if deltas.is_empty() {
        return Err(DecodeError::malformed("a push has at least one delta"));
    }
    Ok(Push { id, space, epoch, base, guards, deltas })
}

fn read_guard(reader: &mut Reader<'_>, limits: &Limits) -> Result<Guard> {
    let items = reader.array("guard")?;
    let collection = CollectionName::new(reader.text("collection")?)?;
    let key = RecordKey::new(reader.text("key")?)?;
    let condition = match (reader.uint("condition")?, items) {
        (GUARD_ABSENT, 3) => Condition::Absent,
        (GUARD_UNCHANGED, 4) => Condition::UnchangedSince(reader.uint("sequence")?),
        (GUARD_EQUALS, 5) => {
            let field = FieldName::new(reader.text("field")?)?;
            Condition::FieldEquals(field, reader.value(limits.value_bytes)?)
        }
        (GUARD_FIELD_ABSENT, 4) => Condition::FieldAbsent(FieldName::new(reader.text("field")?)?),
        _ => return Err(DecodeError::malformed("this is no guard")),
    };
    Ok(Guard { collection, key, condition })
}
