//! The bytes of deltas: in pushes, in frames of the hub, and in its log.

use super::read::{DecodeError, Reader, Result};
use super::write::Writer;
use super::{Limits, read};
use crate::delta::{Applied, Change, Delta, Fields, Op};
use crate::name::{CollectionName, FieldName, RecordKey};
use crate::value::Value;

/// Bytes of the shortest delta: its marker, two names of one character and a stamp.
pub(super) const DELTA_BYTES_MIN: usize = 1 + 2 + 2 + 18;
/// Bytes of the shortest field: a name of one character and a value.
const FIELD_BYTES_MIN: usize = 3;
/// Bytes of the shortest name of a dropped field.
const DROPPED_BYTES_MIN: usize = 2;

/// Writes an applied delta after what `out` holds: the form that the log keeps and frames carry.
pub fn encode_applied(out: &mut Vec<u8>, applied: &Applied) {
    let mut writer = Writer::onto(std::mem::take(out));
    writer.array(1 + items(&applied.delta)).uint(applied.sequence);
    write_items(&mut writer, &applied.delta);
    *out = writer.finish();
}

/// A put whose parts were checked before: what a store holds, on its way back to the wire.
#[derive(Debug, Clone, Copy)]
pub struct ShownPut<'a> {
    /// The sequence.
    pub sequence: u64,
    /// The stamp's sixteen bytes.
    pub stamp: &'a [u8; 16],
    /// The collection's name.
    pub collection: &'a str,
    /// The record's key.
    pub key: &'a str,
    /// The fields, as [`encode_fields`] writes them.
    pub fields: &'a [u8],
}

/// Writes what [`encode_applied`] would of the same put, without making names and values of it
/// first: a snapshot holds millions.
pub fn encode_shown(out: &mut Vec<u8>, put: &ShownPut<'_>) {
    let mut writer = Writer::onto(std::mem::take(out));
    writer.array(5).uint(put.sequence).text(put.collection).text(put.key).bin(put.stamp);
    writer.raw(put.fields);
    *out = writer.finish();
}

/// Writes fields after what `out` holds, as a delta carries them: one MessagePack map.
pub fn encode_fields<'a>(
    out: &mut Vec<u8>,
    fields: impl Iterator<Item = (&'a FieldName, &'a Value)> + Clone,
) {
    let mut writer = Writer::onto(std::mem::take(out));
    write_shown(&mut writer, fields);
    *out = writer.finish();
}

/// Reads what [`encode_fields`] wrote, of any size.
///
/// # Errors
/// What is wrong with it.
pub fn decode_fields(bytes: &[u8]) -> Result<Vec<(FieldName, Value)>> {
    let mut reader = Reader::new(bytes);
    let count = reader.map("fields")?;
    let mut fields = Vec::with_capacity(reader.room(count, FIELD_BYTES_MIN));
    for _ in 0..count {
        fields.push(read_field(&mut reader, usize::MAX)?);
    }
    reader.finish()?;
    Ok(fields)
}

/// Reads one applied delta that fills `bytes`.
///
/// # Errors
/// What is wrong with it.
pub fn decode_applied(bytes: &[u8]) -> std::result::Result<Applied, read::DecodeError> {
    let mut reader = Reader::new(bytes);
    let applied = read_applied(&mut reader)?;
    reader.finish()?;
    Ok(applied)
}

pub(super) fn write_delta(writer: &mut Writer, delta: &Delta) {
    writer.array(items(delta));
    write_items(writer, delta);
}

pub(super) fn write_applied(writer: &mut Writer, applied: &Applied) {
    writer.array(1 + items(&applied.delta)).uint(applied.sequence);
    write_items(writer, &applied.delta);
}

/// How many items the array of a delta has.
fn items(delta: &Delta) -> usize {
    match &delta.change.op {
        Op::Delete => 3,
        Op::Put(fields) if fields.iter().any(|(_, value)| value.is_none()) => 5,
        Op::Put(_) => 4,
    }
}

fn write_items(writer: &mut Writer, delta: &Delta) {
    writer.text(&delta.change.collection).text(&delta.change.key).bin(&delta.stamp.to_bytes());
    let Op::Put(fields) = &delta.change.op else { return };
    write_shown(writer, fields.iter().filter_map(|(name, value)| Some((name, value?))));
    let dropped = fields.iter().filter(|(_, value)| value.is_none()).count();
    if dropped > 0 {
        writer.array(dropped);
        for (name, _) in fields.iter().filter(|(_, value)| value.is_none()) {
            writer.text(name);
        }
    }
}

fn write_shown<'a>(
    writer: &mut Writer,
    fields: impl Iterator<Item = (&'a FieldName, &'a Value)> + Clone,
) {
    writer.map(fields.clone().count());
    for (name, value) in fields {
        writer.text(name).value(value);
    }
}

pub(super) fn read_delta(reader: &mut Reader<'_>, limits: &Limits) -> Result<Delta> {
    let items = reader.array("delta")?;
    read_items(reader, items, limits)
}

/// Reads an applied delta; the hub that wrote it has checked its sizes.
pub(super) fn read_applied(reader: &mut Reader<'_>) -> Result<Applied> {
    let trusted = Limits { value_bytes: usize::MAX, fields: usize::MAX, ..Limits::default() };
    let items = reader.array("delta")?;
    let sequence = reader.uint("sequence")?;
    let delta = read_items(reader, items.saturating_sub(1), &trusted)?;
    Ok(Applied { sequence, delta })
}

fn read_items(reader: &mut Reader<'_>, items: usize, limits: &Limits) -> Result<Delta> {
    if !(3..=5).contains(&items) {
        return Err(DecodeError::malformed(
            "a delta has a collection, a key, a stamp and its fields",
        ));
    }
    let collection = CollectionName::new(reader.text("collection")?)?;
    let key = RecordKey::new(reader.text("key")?)?;
    let stamp = reader.stamp()?;
    let op = match items {
        3 => Op::Delete,
        _ => Op::Put(read_fields(reader, items == 5, limits)?),
    };
    Ok(Delta { stamp, change: Change { collection, key, op } })
}

fn read_fields(reader: &mut Reader<'_>, with_dropped: bool, limits: &Limits) -> Result<Fields> {
    let count = reader.map("fields")?;
    check_count(count, limits)?;
    let mut fields = Vec::with_capacity(reader.room(count, FIELD_BYTES_MIN));
    for _ in 0..count {
        let (name, value) = read_field(reader, limits.value_bytes)?;
        fields.push((name, Some(value)));
    }
    if with_dropped {
        let dropped = reader.array("dropped fields")?;
        check_count(count + dropped, limits)?;
        fields.reserve_exact(reader.room(dropped, DROPPED_BYTES_MIN));
        for _ in 0..dropped {
            fields.push((FieldName::new(reader.text("field")?)?, None));
        }
    }
    Fields::new(fields).map_err(|error| DecodeError::malformed(error.to_string()))
}

fn read_field(reader: &mut Reader<'_>, bytes_max: usize) -> Result<(FieldName, Value)> {
    Ok((FieldName::new(reader.text("field")?)?, reader.value(bytes_max)?))
}

fn check_count(count: usize, limits: &Limits) -> Result<()> {
    if count > limits.fields {
        let text = format!("a put has at most {} fields, this one {count}", limits.fields);
        return Err(DecodeError::too_large(text));
    }
    Ok(())
}
