//! Single records: as they are by now, and the changes that make them so.

use std::collections::BTreeSet;

use syncline_protocol::{Change, FieldName, Record, RecordKey, Value};

use super::Ledger;
use crate::gateway::linkora::mapping::{Image, collection, image, key};
use crate::hub::Refusal;

impl Ledger<'_> {
    /// What a record shows by now.
    pub(super) fn shown(
        &mut self,
        name: &'static str,
        at: &str,
    ) -> Result<Option<&Image>, Refusal> {
        let place = (name, at.to_owned());
        if !self.images.contains_key(&place) {
            let Ok(key) = RecordKey::new(at) else { return Ok(None) };
            let record = self.view.get(&collection(name), &key)?;
            self.images.insert(place.clone(), record.as_ref().map(image));
        }
        Ok(self.images.get(&place).and_then(Option::as_ref))
    }

    /// The push itself makes a record so.
    pub(crate) fn assume(&mut self, name: &'static str, at: &str, record: Option<&Record>) {
        self.images.insert((name, at.to_owned()), record.map(image));
    }

    /// Gives fields values, or drops them; those that are so already stay untouched, for somebody
    /// else's write to them must not lose to this one.
    pub(super) fn put(
        &mut self,
        name: &'static str,
        at: &str,
        fields: Vec<(&'static str, Option<Value>)>,
    ) -> Result<(), Refusal> {
        let shown = self.shown(name, at)?;
        let standing = |field: &str| shown.and_then(|image| image.get(field));
        let fields: Vec<_> =
            fields.into_iter().filter(|(field, value)| standing(field) != value.as_ref()).collect();
        self.write(name, at, fields)
    }

    /// Gives fields values, whatever they are.
    pub(super) fn write(
        &mut self,
        name: &'static str,
        at: &str,
        fields: Vec<(&'static str, Option<Value>)>,
    ) -> Result<(), Refusal> {
        if fields.is_empty() {
            return Ok(());
        }
        self.shown(name, at)?;
        let image = self.images.entry((name, at.to_owned())).or_default();
        let image = image.get_or_insert_default();
        for (field, value) in &fields {
            match value {
                Some(value) => image.insert((*field).to_owned(), value.clone()),
                None => image.remove(*field),
            };
        }
        let named = fields.into_iter().map(|(field, value)| (field_name(field), value)).collect();
        let change = Change::put(collection(name), key(at), named);
        self.changes.push(change.expect("the fields are some, and each is named once"));
        Ok(())
    }

    /// Makes a record what it was, for what is not its writer's to change.
    pub(crate) fn undo(
        &mut self,
        name: &'static str,
        at: &RecordKey,
        before: Option<&Record>,
        after: Option<&Record>,
    ) {
        let Some(before) = before else {
            self.changes.push(Change::delete(collection(name), at.clone()));
            self.images.insert((name, at.as_str().to_owned()), None);
            return;
        };
        let after = after.map(image).unwrap_or_default();
        let before = image(before);
        let back = before.iter().map(|(field, value)| (field.clone(), Some(value.clone())));
        let gone = after.keys().filter(|field| !before.contains_key(*field));
        let fields: Vec<_> = back
            .filter(|(field, value)| after.get(field) != value.as_ref())
            .chain(gone.map(|field| (field.clone(), None)))
            .filter_map(|(field, value)| Some((FieldName::new(&field).ok()?, value)))
            .collect();
        if let Ok(change) = Change::put(collection(name), at.clone(), fields) {
            self.changes.push(change);
        }
        self.images.insert((name, at.as_str().to_owned()), Some(before));
    }

    /// Removes a record.
    pub(super) fn erase(&mut self, name: &'static str, at: &str) {
        if let Ok(key) = RecordKey::new(at) {
            self.changes.push(Change::delete(collection(name), key));
        }
        self.images.insert((name, at.to_owned()), None);
    }

    /// The keys of a collection that begin with `prefix`, at most `limit` of those stored before.
    pub(super) fn keys_of(
        &mut self,
        name: &'static str,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<String>, Refusal> {
        let mut keys = BTreeSet::new();
        for (key, record) in self.view.range(&collection(name), prefix, limit)? {
            let place = (name, key.as_str().to_owned());
            keys.insert(place.1.clone());
            self.images.entry(place).or_insert_with(|| Some(image(&record)));
        }
        for ((in_collection, key), image) in &self.images {
            if *in_collection == name && key.starts_with(prefix) {
                match image {
                    Some(_) => keys.insert(key.clone()),
                    None => keys.remove(key),
                };
            }
        }
        Ok(keys.into_iter().collect())
    }
}

fn field_name(name: &str) -> FieldName {
    FieldName::new(name).expect("the gateway's fields have good names")
}
