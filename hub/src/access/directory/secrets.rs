//! Secrets of an account beside its password, by realm: what a gateway's apps show instead of it.
//!
//! A realm is the first segment of the names of the spaces that its secrets open, and they open
//! nothing else. One secret of an account is its own: chosen by a person, or derived from the
//! password, so kept as Argon2id. Others are for one device each: random, so a digest is enough.

use std::collections::BTreeMap;

use syncline_protocol::{Record, Value};

/// The secrets of one account in one realm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// The account's own.
    pub own: Option<OwnSecret>,
    /// Those of devices, by id.
    pub devices: BTreeMap<String, DeviceSecret>,
}

/// A secret that was chosen or derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSecret {
    /// Its Argon2id hash.
    pub phc: String,
    /// Drawn anew with each secret: whoever changes one names the mark that it replaces.
    pub mark: u64,
}

/// A random secret for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceSecret {
    /// What a person calls the device.
    pub label: String,
    /// The SHA-256 of the secret.
    pub digest: [u8; 32],
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
}

/// All of them, by realm and account.
#[derive(Debug, Clone, Default)]
pub(super) struct AllSecrets(BTreeMap<(String, String), Secrets>);

impl AllSecrets {
    /// Takes over what a record says now. Its key is `secret:REALM:ACCOUNT`, or
    /// `device:REALM:ACCOUNT:ID`; anything else is not for this room.
    pub(super) fn set(&mut self, key: &str, record: Option<&Record>) {
        let parts: Vec<&str> = key.split(':').collect();
        let (realm, account) = match parts[..] {
            ["secret", realm, account] | ["device", realm, account, _] => (realm, account),
            _ => return,
        };
        let of = (realm.to_owned(), account.to_owned());
        let secrets = self.0.entry(of.clone()).or_default();
        match parts[..] {
            ["secret", ..] => secrets.own = record.and_then(read_own),
            [.., id] => match record.and_then(read_device) {
                Some(device) => drop(secrets.devices.insert(id.to_owned(), device)),
                None => drop(secrets.devices.remove(id)),
            },
            [] => {}
        }
        if *secrets == Secrets::default() {
            self.0.remove(&of);
        }
    }

    pub(super) fn get(&self, realm: &str, account: &str) -> Option<&Secrets> {
        self.0.get(&(realm.to_owned(), account.to_owned()))
    }

    /// Which accounts have secrets in a realm, by name.
    pub(super) fn accounts(&self, realm: &str) -> impl Iterator<Item = &str> {
        let from = (realm.to_owned(), String::new());
        let of_realm = move |it: &(&(String, String), &Secrets)| it.0.0 == from.0;
        let begin = (realm.to_owned(), String::new());
        self.0.range(begin..).take_while(of_realm).map(|((_, account), _)| account.as_str())
    }

    /// The keys of all records that hold secrets of an account.
    pub(super) fn keys_of(&self, account: &str) -> Vec<String> {
        let mut keys = Vec::new();
        for ((realm, _), secrets) in self.0.iter().filter(|((_, of), _)| of == account) {
            keys.extend(secrets.own.iter().map(|_| own_key(realm, account)));
            keys.extend(secrets.devices.keys().map(|id| device_key(realm, account, id)));
        }
        keys
    }
}

/// The key of an account's own secret: neither part can hold a colon.
#[must_use]
pub fn own_key(realm: &str, account: &str) -> String {
    format!("secret:{realm}:{account}")
}

/// The key of a device's secret.
#[must_use]
pub fn device_key(realm: &str, account: &str, id: &str) -> String {
    format!("device:{realm}:{account}:{id}")
}

fn read_own(record: &Record) -> Option<OwnSecret> {
    let phc = record.get("phc")?.as_str()?.to_owned();
    Some(OwnSecret { phc, mark: record.get("mark")?.as_u64()? })
}

fn read_device(record: &Record) -> Option<DeviceSecret> {
    let digest = hex::decode(record.get("digest")?.as_str()?).ok()?;
    Some(DeviceSecret {
        label: record.get("label")?.as_str()?.to_owned(),
        digest: digest.try_into().ok()?,
        created_ms: record.get("created_ms").and_then(Value::as_u64).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use syncline_protocol::{FieldName, HlcTime, Register, ReplicaId, Stamp};

    use super::*;

    fn record(fields: &[(&str, Value)]) -> Record {
        let stamp = Stamp::new(HlcTime::from_millis(1), ReplicaId::from_random(1));
        let field = |(name, value): &(&str, Value)| {
            let register = Register { stamp, sequence: 1, value: Some(value.clone()) };
            (FieldName::new(name).unwrap(), register)
        };
        Record::from_parts(None, fields.iter().map(field))
    }

    #[test]
    fn secrets_come_and_go_by_realm_and_account() {
        let mut all = AllSecrets::default();
        let own = record(&[("phc", Value::from("$argon2id$x")), ("mark", Value::from(7_u64))]);
        let digest = Value::from(hex::encode([1; 32]).as_str());
        let device = record(&[("label", Value::from("Kobo")), ("digest", digest)]);
        all.set("secret:koreader:ann", Some(&own));
        all.set("device:koreader:ann:1", Some(&device));
        all.set("secret:other:ann", Some(&own));
        all.set("password:ann", Some(&own));
        let secrets = all.get("koreader", "ann").unwrap();
        assert_eq!(secrets.own.as_ref().map(|own| own.mark), Some(7));
        assert_eq!(secrets.devices["1"].label, "Kobo");
        assert_eq!(all.accounts("koreader").collect::<Vec<_>>(), ["ann"]);
        let keys = ["secret:koreader:ann", "device:koreader:ann:1", "secret:other:ann"];
        assert_eq!(all.keys_of("ann"), keys);
        for key in keys {
            all.set(key, None);
        }
        assert!(all.get("koreader", "ann").is_none() && all.keys_of("ann").is_empty());
    }

    #[test]
    fn a_record_that_cannot_be_read_is_no_secret() {
        let mut all = AllSecrets::default();
        all.set("secret:koreader:ann", Some(&record(&[("phc", Value::from("x"))])));
        all.set("device:koreader:ann:1", Some(&record(&[("digest", Value::from("zz"))])));
        assert!(all.get("koreader", "ann").is_none());
    }
}
