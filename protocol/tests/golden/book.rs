//! The parts of `PROTOCOL.md` that the code writes: the table of codes and the examples of frames.
//!
//! They stand between `<!-- codes -->` or `<!-- example NAME -->` and `<!-- end -->`.

use std::fmt::Write;

use rmp::{Marker, decode};
use syncline_protocol::{Code, Retry};

/// Longest line of an example.
const COLUMNS: usize = 96;

/// The document with its written parts made anew, and the names of the examples in it.
pub(crate) fn render(
    document: &str,
    example: impl Fn(&str) -> Option<Vec<u8>>,
) -> (String, Vec<String>) {
    let (mut text, mut names, mut is_made) = (String::new(), vec![], false);
    for line in document.lines() {
        is_made &= line != "<!-- end -->";
        if !is_made {
            text += line;
            text += "\n";
        }
        let mark = line.strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->"));
        match mark.map(|mark| mark.split_once(' ').unwrap_or((mark, ""))) {
            Some(("codes", "")) => text += &codes(),
            Some(("example", name)) => {
                let bytes = example(name).expect(name);
                text += &block(&bytes);
                names.push(name.to_owned());
            }
            _ => continue,
        }
        is_made = true;
    }
    assert!(!is_made, "a written part of the document has no end");
    (text, names)
}

fn codes() -> String {
    let mut table = String::from("| code | again | close | what to do |\n|---|---|---|---|\n");
    for code in Code::ALL {
        let retry = match code.retry() {
            Retry::Retryable => "retryable",
            Retry::Final => "final",
        };
        let (close, advice) = (code.websocket_close(), code.advice());
        writeln!(table, "| `{code}` | {retry} | {close} | {advice} |").expect("memory");
    }
    table
}

fn block(bytes: &[u8]) -> String {
    let mut rest = bytes;
    let diagnostic = diagnose(&mut rest);
    assert!(rest.is_empty(), "bytes follow the example");
    let hex = hex::encode(bytes).into_bytes();
    let hex = hex.chunks(COLUMNS).map(|line| String::from_utf8_lossy(line).into_owned());
    let hex = hex.collect::<Vec<_>>().join("\n");
    format!("```text\n{}\n\n{hex}\n```\n", fold(&diagnostic))
}

/// Breaks a diagnostic form after commas, so that it fits the page.
fn fold(text: &str) -> String {
    let mut lines = vec![String::new()];
    for part in text.split_inclusive(", ") {
        let line = lines.last_mut().expect("at least one");
        if line.len() + part.trim_end().len() > COLUMNS && !line.is_empty() {
            lines.push(format!(" {part}"));
        } else {
            *line += part;
        }
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// One item in the diagnostic notation of RFC 8949, section 8, as far as MessagePack goes.
fn diagnose(bytes: &mut &[u8]) -> String {
    const SOUND: &str = "an example is sound";
    match Marker::from_u8(bytes[0]) {
        Marker::Null => {
            decode::read_nil(bytes).expect(SOUND);
            "nil".to_owned()
        }
        Marker::True | Marker::False => decode::read_bool(bytes).expect(SOUND).to_string(),
        Marker::F64 => format!("{:?}", decode::read_f64(bytes).expect(SOUND)),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 => {
            let (text, rest) = decode::read_str_from_slice(*bytes).expect(SOUND);
            *bytes = rest;
            format!("{text:?}")
        }
        Marker::Bin8 | Marker::Bin16 => {
            let length = decode::read_bin_len(bytes).expect(SOUND);
            format!("h'{}'", hex::encode(take(bytes, length)))
        }
        Marker::FixExt1 | Marker::Ext8 => {
            let meta = decode::read_ext_meta(bytes).expect(SOUND);
            format!("ext({}, h'{}')", meta.typeid, hex::encode(take(bytes, meta.size)))
        }
        Marker::FixArray(_) | Marker::Array16 => {
            let length = decode::read_array_len(bytes).expect(SOUND);
            let items: Vec<_> = (0..length).map(|_| diagnose(bytes)).collect();
            format!("[{}]", items.join(", "))
        }
        Marker::FixMap(_) | Marker::Map16 => {
            let length = decode::read_map_len(bytes).expect(SOUND);
            let pair = |_| [diagnose(bytes), diagnose(bytes)].join(": ");
            format!("{{{}}}", (0..length).map(pair).collect::<Vec<_>>().join(", "))
        }
        _ => decode::read_int::<i128, _>(bytes).expect(SOUND).to_string(),
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: u32) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(usize::try_from(length).expect("a small length"));
    *bytes = rest;
    taken
}
