//! What changed since a time: rows and tombstones of one moment, written piece by piece.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::Serialize;
use syncline_protocol::{Record, Reject};

use super::mapping::{Fields, Folder, Link, Panel, PanelFolder, Row, Tag, collection};
use crate::hub::View;

/// Bytes of records that are read at once.
const PAGE_BYTES: usize = 1 << 20;
/// Bytes of a piece of an answer.
const PIECE_BYTES: usize = 64 << 10;

/// All rows of a table, by id.
pub(super) fn rows<R: Row>(view: &View) -> Result<Vec<R>, Reject> {
    let mut rows: Vec<R> = records(view, R::TABLE.as_str(), None)?.filter_map(read).collect();
    rows.sort_by_key(Row::id);
    Ok(rows)
}

#[expect(clippy::needless_pass_by_value, reason = "records are read once and let go")]
fn read<R: Row>(record: Record) -> Option<R> {
    R::read(Fields::Record(&record)).ok()
}

/// The records of a collection after a key. They are taken as they are stored and made sense of
/// later: a moment can be looked at for a few seconds only.
fn records(
    view: &View,
    name: &str,
    after: Option<&str>,
) -> Result<impl Iterator<Item = Record> + use<>, Reject> {
    let name = collection(name);
    let mut after = after.map(|key| key.as_bytes().to_vec());
    let mut found = Vec::new();
    loop {
        let listed = view.list(&name, "", after.as_deref(), PAGE_BYTES)?;
        after = listed.records.last().map(|(key, _)| key.as_str().as_bytes().to_vec());
        found.extend(listed.records.into_iter().map(|(_, record)| record));
        if !listed.more || after.is_none() {
            return Ok(found.into_iter().filter(Record::is_visible));
        }
    }
}

/// Rows that are later than a time, in their six arrays.
pub(super) fn updates(view: &View, since: i64) -> Result<Vec<Bytes>, Reject> {
    let folders = in_order(rows::<Folder>(view)?);
    let panels = rows::<Panel>(view)?.into_iter().filter(|row| row.sync > since);
    let entries = rows::<PanelFolder>(view)?.into_iter().filter(|row| row.sync > since);
    let tags = rows::<Tag>(view)?.into_iter().filter(|row| row.sync > since);
    let (links, link_tags) = links(records(view, Link::TABLE.as_str(), None)?, since);
    let mut out = Pieces::default();
    out.text("{\"links\":");
    out.array(links.into_iter().map(|(_, text)| text));
    out.text(",\"folders\":");
    out.rows(folders.into_iter().filter(|row| row.sync > since).map(Folder::wire));
    out.text(",\"panels\":");
    out.rows(panels.map(Panel::wire));
    out.text(",\"panelFolders\":");
    out.rows(entries.map(PanelFolder::wire));
    out.text(",\"tags\":");
    out.rows(tags.map(Tag::wire));
    out.text(",\"linkTags\":");
    out.array(link_tags.into_iter());
    out.text("}");
    Ok(out.done())
}

/// Links as text, since they are many and large, with their ids; and the tags put on them.
fn links(records: impl Iterator<Item = Record>, since: i64) -> (Vec<(i64, String)>, Vec<String>) {
    let (mut links, mut tags) = (Vec::new(), Vec::new());
    for link in records.filter_map(read::<Link>) {
        tags.extend(link.link_tag_rows().into_iter().filter(|tag| tag.event_timestamp > since));
        if link.sync > since {
            links.push((link.id, json(&link.wire())));
        }
    }
    links.sort_unstable_by_key(|(id, _)| *id);
    tags.sort_unstable_by_key(|tag| (tag.link_id, tag.tag_id));
    (links, tags.iter().map(json).collect())
}

/// Parents before their children, for the app looks for a parent once and never again; else by id.
/// A circle, or a parent that is nowhere, begins at its smallest id.
fn in_order(folders: Vec<Folder>) -> Vec<Folder> {
    let ids: BTreeSet<i64> = folders.iter().map(|folder| folder.id).collect();
    let mut waiting: BTreeMap<i64, Folder> =
        folders.into_iter().map(|folder| (folder.id, folder)).collect();
    let mut children: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut next = BTreeSet::new();
    for folder in waiting.values() {
        match folder.parent.filter(|parent| ids.contains(parent)) {
            Some(parent) => children.entry(parent).or_default().push(folder.id),
            None => drop(next.insert(folder.id)),
        }
    }
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(id) = next.pop_first().or_else(|| waiting.keys().next().copied()) {
        if let Some(folder) = waiting.remove(&id) {
            ordered.push(folder);
            next.extend(children.remove(&id).into_iter().flatten());
        }
    }
    ordered
}

/// Tombstones that are later than a time, in the order in which they were written; those of tags
/// last, for a device that never knew the tag hears of nothing behind it.
pub(super) fn tombstones(view: &View, since: i64) -> Result<Vec<Bytes>, Reject> {
    let after = format!("{:012}~", since.max(0));
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for tombstone in tombstones_after(view, &after)? {
        let to = if tombstone.operation == "DELETE_TAG" { &mut last } else { &mut first };
        let Tombstone { deleted_at, operation, payload, .. } = tombstone;
        to.push(format!(
            "{{\"deletedAt\":{deleted_at},\"operation\":\"{operation}\",\"payload\":{payload}}}"
        ));
    }
    let mut out = Pieces::default();
    out.array(first.into_iter().chain(last));
    Ok(out.done())
}

/// One deletion, as it is told to those who come later.
pub(super) struct Tombstone {
    pub(super) deleted_at: i64,
    pub(super) operation: String,
    pub(super) payload: String,
}

/// The tombstones whose keys come after one, in order.
pub(super) fn tombstones_after(view: &View, after: &str) -> Result<Vec<Tombstone>, Reject> {
    let read = |record: Record| {
        let fields = Fields::Record(&record);
        Some(Tombstone {
            deleted_at: fields.number("deleted_at").ok()?,
            operation: fields.text("operation").ok()?,
            payload: fields.text("payload").ok()?,
        })
    };
    Ok(records(view, "tombstones", Some(after))?.filter_map(read).collect())
}

fn json(row: &impl Serialize) -> String {
    serde_json::to_string(row).expect("rows are JSON")
}

/// An answer as it grows.
#[derive(Default)]
pub(super) struct Pieces {
    done: Vec<Bytes>,
    last: String,
}

impl Pieces {
    pub(super) fn text(&mut self, text: &str) {
        self.last.push_str(text);
        if self.last.len() >= PIECE_BYTES {
            self.done.push(std::mem::take(&mut self.last).into());
        }
    }

    pub(super) fn array(&mut self, items: impl Iterator<Item = String>) {
        self.text("[");
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.text(",");
            }
            self.text(&item);
        }
        self.text("]");
    }

    pub(super) fn rows(&mut self, rows: impl Iterator<Item = impl Serialize>) {
        self.array(rows.map(|row| json(&row)));
    }

    pub(super) fn done(mut self) -> Vec<Bytes> {
        self.done.push(self.last.into());
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_their_children() {
        let folder = |id, parent| Folder {
            id,
            modified: 0,
            sync: 0,
            name: String::new(),
            note: String::new(),
            parent,
            archived: false,
        };
        let order = |folders: &[(i64, Option<i64>)]| -> Vec<i64> {
            let folders = folders.iter().map(|(id, parent)| folder(*id, *parent)).collect();
            in_order(folders).iter().map(|folder| folder.id).collect()
        };
        assert_eq!(order(&[(1, Some(3)), (2, None), (3, None)]), [2, 3, 1]);
        assert_eq!(order(&[(1, Some(9)), (2, Some(1))]), [1, 2]);
        assert_eq!(order(&[(1, Some(2)), (2, Some(1)), (3, None)]), [3, 1, 2]);
    }
}
