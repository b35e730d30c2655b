//! Moments as the original's database writes them, to milliseconds since 1970 and back. Pure.
//!
//! ```text
//! 2026-11-20 15:51:23.280720888+00:00     a fraction of up to nine digits, or none
//! 0001-01-01 00:00:00+00:00               never
//! ```

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// A moment out of a text; none for "never" and for whatever is no moment after 1970.
pub(super) fn read(text: &str) -> Option<u64> {
    let text = text.trim();
    let (day, rest) = (text.get(..10)?, text.get(11..)?);
    // A text without a zone is the server's own, which was UTC wherever nobody said otherwise.
    let zoned = rest.ends_with(['Z', 'z']) || rest.contains(['+', '-']);
    let zone = if zoned { "" } else { "Z" };
    let moment = OffsetDateTime::parse(&format!("{day}T{rest}{zone}"), &Rfc3339).ok()?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok().filter(|ms| *ms > 0)
}

/// A moment as the original would have written it.
pub(super) fn write(ms: u64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(UtcOffset::UTC);
    let (date, [hour, minute, second]) =
        (moment.date(), [moment.hour(), moment.minute(), moment.second()]);
    let fraction = match moment.millisecond() {
        0 => String::new(),
        ms => format!(".{ms:03}").trim_end_matches('0').to_owned(),
    };
    format!("{date} {hour:02}:{minute:02}:{second:02}{fraction}+00:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_the_original_writes_is_read() {
        let ms = 1_795_189_883_280;
        assert_eq!(read("2026-11-20 15:51:23.280720888+00:00"), Some(ms));
        assert_eq!(read("2026-11-20 17:51:23.28+02:00"), Some(ms));
        assert_eq!(read("2026-11-20T15:51:23.28Z"), Some(ms));
        assert_eq!(read("2026-11-20 15:51:23-00:30"), Some(ms - 280 + 30 * 60_000));
        assert_eq!(read("2026-11-20 15:51:23"), Some(ms - 280));
        for never in ["0001-01-01 00:00:00+00:00", "", "yesterday", "2026-11-20", "2026-13-01 1"] {
            assert_eq!(read(never), None, "{never:?}");
        }
        assert_eq!(read("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"), None);
    }

    #[test]
    fn what_is_written_is_read_back() {
        for ms in [1, 1_795_189_883_280, 1_795_189_883_000, 1_795_189_883_007] {
            assert_eq!(read(&write(ms)), Some(ms));
        }
        assert_eq!(write(1_795_189_883_280), "2026-11-20 15:51:23.28+00:00");
    }
}
