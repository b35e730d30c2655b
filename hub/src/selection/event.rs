//! The keys of events: their time, their author and the item that they are about lie in the key, so
//! that what may be read follows from it alone.
//!
//! ```text
//! 0199c74f-c696-78f8-833a-82f8cf1f1949|user-123|task.456
//! +-- place: the id, in time order      +-- author +-- item
//! 00000000-03e8-~f81d4fae-7dec-11d0-a765-00a0c91e6bf6|..
//! +-- of an imported id that does not carry its time: the time, then the id
//! ```
//! What a key may not hold is escaped as `%XX`; what needs no escape has none.

use std::borrow::Cow;

/// The collection in which events lie.
pub const EVENTS: &str = "events";
/// The collection of the documents that events add up to, by item.
pub const ITEMS: &str = "items";

/// The parts of an event's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventKey<'a> {
    /// Its id, or time and id: what no two events share.
    pub place: Cow<'a, str>,
    /// Who wrote it.
    pub author: Cow<'a, str>,
    /// What it is about.
    pub item: Cow<'a, str>,
}

impl<'a> EventKey<'a> {
    /// Reads a key.
    #[must_use]
    pub fn parse(key: &'a str) -> Option<Self> {
        let (place, rest) = key.split_once('|')?;
        let (author, item) = rest.split_once('|')?;
        Some(Self { place: place.into(), author: unescape(author)?, item: unescape(item)? })
    }

    /// The key's text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}|{}|{}", self.place, escape(&self.author, true), escape(&self.item, false))
    }
}

/// Escapes what a key may not hold, and what would end a part of it.
#[must_use]
pub fn escape(text: &str, is_part: bool) -> Cow<'_, str> {
    let hurts = |it: char| it.is_control() || it == '%' || (is_part && it == '|');
    if !text.contains(hurts) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for it in text.chars() {
        match hurts(it) {
            true => {
                let mut bytes = [0; 4];
                let bytes = it.encode_utf8(&mut bytes).as_bytes();
                escaped.extend(bytes.iter().map(|byte| format!("%{byte:02X}")));
            }
            false => escaped.push(it),
        }
    }
    escaped.into()
}

/// Reads what was escaped; none of what never was.
#[must_use]
pub fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(text.into());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_whatever_is_in_it() {
        for (author, item) in
            [("alice", "task.1"), ("a|b", "x|y%"), ("\u{1}é", "\u{85} *"), ("", "")]
        {
            let place = "0199c74f-c696-78f8-833a-82f8cf1f1949".into();
            let key = EventKey { place, author: author.into(), item: item.into() };
            let text = key.text();
            assert!(!text.contains(char::is_control), "{text:?}");
            assert_eq!(EventKey::parse(&text), Some(key));
        }
    }

    #[test]
    fn a_plain_name_stays_as_it_is() {
        let key = EventKey { place: "p".into(), author: "bo".into(), item: "a:b/c".into() };
        assert_eq!(key.text(), "p|bo|a:b/c");
        assert!(EventKey::parse("p|bo").is_none() && EventKey::parse("p|b%zz|c").is_none());
    }
}
