//! Ids of the first form of the protocol, which could be any text. Whoever has one keeps it beside
//! the event; the event lies under an id that follows from it, so that the same event is found when
//! it comes again.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::event::seconds_of;

/// The field that holds such an id.
pub(super) const ALIAS: &str = "alias";

/// The id under which an event lies whose own one is none of version 7.
pub(super) fn stands_for(id: &str, timestamp: u64) -> Option<Uuid> {
    let is_usual = |id: Uuid| seconds_of(id).is_some();
    if Uuid::try_parse(id).is_ok_and(is_usual) {
        return None;
    }
    let digest = Sha256::digest(id);
    let mut random = [0; 10];
    random.copy_from_slice(&digest[..10]);
    let ms = timestamp.saturating_mul(1000);
    Some(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_version_7_stands_for_itself_and_any_other_for_one() {
        assert_eq!(stands_for("0199C74FC69678F8833A82F8CF1F1949", 1), None);
        for odd in ["123", "", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "\u{e9}"] {
            let id = stands_for(odd, 1_759_985_518).unwrap();
            assert_eq!((seconds_of(id), id.get_version_num()), (Some(1_759_985_518), 7));
            assert_eq!(stands_for(odd, 1_759_985_518), Some(id), "each time the same");
            assert_ne!(stands_for(odd, 1_759_985_519), Some(id));
            assert_ne!(stands_for("124", 1_759_985_518), Some(id));
        }
    }
}
