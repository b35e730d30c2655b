//! The digest of a collection: proof that two copies are equal.
//!
//! The sum modulo 2^128 of a hash over every field that shows, so that it can be kept as records
//! change and does not depend on their order (after Bellare and Micciancio, "A New Paradigm for
//! Collision-Free Hashing", 1997). It finds faults, not forgers: whoever can write may collide it.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::name::{CollectionName, FieldName, RecordKey};
use crate::record::Record;
use crate::stamp::Stamp;
use crate::value::Value;

/// The digest of a collection and the number of fields in it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Digest {
    /// The sum of the fields' hashes, modulo 2^128.
    pub sum: u128,
    /// How many fields show.
    pub fields: u64,
}

impl Digest {
    /// Counts a field in.
    pub fn add(&mut self, field: u128) {
        self.sum = self.sum.wrapping_add(field);
        self.fields = self.fields.wrapping_add(1);
    }

    /// Counts a field out.
    pub fn remove(&mut self, field: u128) {
        self.sum = self.sum.wrapping_sub(field);
        self.fields = self.fields.wrapping_sub(1);
    }

    /// Counts fields in that were counted together.
    pub fn add_all(&mut self, fields: Self) {
        self.sum = self.sum.wrapping_add(fields.sum);
        self.fields = self.fields.wrapping_add(fields.fields);
    }

    /// Counts fields out that were counted together.
    pub fn remove_all(&mut self, fields: Self) {
        self.sum = self.sum.wrapping_sub(fields.sum);
        self.fields = self.fields.wrapping_sub(fields.fields);
    }

    /// Counts all fields of a record that show in.
    pub fn add_record(&mut self, collection: &CollectionName, key: &RecordKey, record: &Record) {
        for (field, register, value) in record.visible() {
            self.add(hash_field(collection, key, field, register.stamp, value));
        }
    }

    /// Counts all fields of a record that show out.
    pub fn remove_record(&mut self, collection: &CollectionName, key: &RecordKey, record: &Record) {
        for (field, register, value) in record.visible() {
            self.remove(hash_field(collection, key, field, register.stamp, value));
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}/{}", self.sum, self.fields)
    }
}

/// The hash of one field: the first 16 bytes of SHA-256, as a big-endian number, over
/// `length, collection, length, key, length, field, stamp, value`, lengths as 16-bit big-endian.
#[must_use]
pub fn hash_field(
    collection: &CollectionName,
    key: &RecordKey,
    field: &FieldName,
    stamp: Stamp,
    value: &Value,
) -> u128 {
    let mut hash = Sha256::new();
    for name in [collection.as_str(), key.as_str(), field.as_str()] {
        // Names are at most 1,024 bytes long.
        hash.update(u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
        hash.update(name.as_bytes());
    }
    hash.update(stamp.to_bytes());
    hash.update(value.as_bytes());
    hash.finalize().iter().take(16).fold(0, |all, &byte| all << 8 | u128::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ReplicaId;
    use crate::stamp::HlcTime;

    #[test]
    fn names_do_not_run_into_each_other() {
        let stamp = Stamp::new(HlcTime::from_millis(1), ReplicaId::from_random(1));
        let hash = |collection: &str, key: &str| {
            let collection = CollectionName::new(collection).unwrap();
            let key = RecordKey::new(key).unwrap();
            hash_field(&collection, &key, &FieldName::new("f").unwrap(), stamp, &Value::nil())
        };
        assert_ne!(hash("ab", "c"), hash("a", "bc"));
    }

    #[test]
    fn what_is_added_and_removed_leaves_nothing() {
        let mut digest = Digest::default();
        digest.add(u128::MAX);
        digest.add(5);
        digest.remove(u128::MAX);
        digest.remove(5);
        assert_eq!(digest, Digest::default());
    }
}
