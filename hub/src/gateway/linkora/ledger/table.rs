//! Rows: found by id, made, changed and removed, with all that is kept beside them.

use syncline_protocol::Value;

use super::Ledger;
use crate::gateway::linkora::mapping::{Fields, Row, Table, image, row_key};
use crate::hub::{Refusal, Touched};

const INDEX: &str = ".index";

impl Ledger<'_> {
    /// The row of an id.
    pub(crate) fn get<R: Row>(&mut self, id: i64) -> Result<Option<R>, Refusal> {
        let Some(key) = self.key_of(R::TABLE, id)? else { return Ok(None) };
        let shown = self.shown(R::TABLE.as_str(), &key)?;
        Ok(shown.and_then(|image| R::read(Fields::of(image)).ok()))
    }

    /// All rows of a table, by id.
    pub(crate) fn rows<R: Row>(&mut self) -> Result<Vec<R>, Refusal> {
        let table = R::TABLE.as_str();
        let keys = self.keys_of(table, "", usize::MAX)?;
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            let shown = self.shown(table, &key)?;
            rows.extend(shown.and_then(|image| R::read(Fields::of(image)).ok()));
        }
        rows.sort_by_key(Row::id);
        Ok(rows)
    }

    /// The ids of links that stand in the index under a prefix.
    pub(crate) fn indexed(&mut self, prefix: &str) -> Result<Vec<i64>, Refusal> {
        let keys = self.keys_of(INDEX, prefix, usize::MAX)?;
        Ok(keys.iter().filter_map(|key| key.rsplit('/').next()?.parse().ok()).collect())
    }

    /// Ids of a table up to this one are taken.
    pub(crate) fn take_ids(&mut self, table: Table, id: i64) {
        self.state.take(table, id);
    }

    /// Whether an id was given to some row once, which may be gone.
    pub(crate) fn has_given(&self, table: Table, id: i64) -> bool {
        self.state.has_given(table, id)
    }

    /// Makes a row: gives it the next id, the time, and a key.
    pub(crate) fn insert<R: Row>(&mut self, mut row: R) -> Result<R, Refusal> {
        let times = (self.now, self.time()?);
        let id = self.state.next_id(R::TABLE);
        row.set(id, times);
        self.place(&row)?;
        Ok(row)
    }

    /// Makes a row with the id and times that it has.
    pub(crate) fn insert_as<R: Row>(&mut self, row: &R) -> Result<(), Refusal> {
        self.state.take(R::TABLE, row.id());
        self.place(row)
    }

    fn place<R: Row>(&mut self, row: &R) -> Result<(), Refusal> {
        let key = self.free_key(R::TABLE, row.id())?;
        self.note_key(R::TABLE, row.id(), &key)?;
        self.reindex(&[], &row.index())?;
        self.put(R::TABLE.as_str(), &key, row.fields())
    }

    /// A row that a native push made gets an id. It keeps one that may have been its own before a
    /// backup was restored. Says which id, and whether it was kept.
    pub(crate) fn enroll(&mut self, table: Table, key: &str) -> Result<(i64, bool), Refusal> {
        let shown = self.shown(table.as_str(), key)?;
        let own = shown.and_then(|image| Fields::of(image).number("id").ok()).unwrap_or_default();
        let keeps = self.may_return(table, own) && !self.is_elsewhere(table, own, key)?;
        let id = if keeps { own } else { self.state.next_id(table) };
        self.put(table.as_str(), key, vec![("id", Some(Value::from(id)))])?;
        self.note_key(table, id, key)?;
        Ok((id, keeps))
    }

    /// The rest of what only the rule gives.
    pub(crate) fn adopt<R: Row>(&mut self, key: &str, mut row: R) -> Result<R, Refusal> {
        let times = (self.now, self.time()?);
        row.set(row.id(), times);
        self.reindex(&[], &row.index())?;
        self.put(R::TABLE.as_str(), key, row.fields())?;
        Ok(row)
    }

    /// Whether another record than the one at `key` has this id.
    fn is_elsewhere(&mut self, table: Table, id: i64, key: &str) -> Result<bool, Refusal> {
        self.keys.remove(&(table, id));
        let found = self.key_of(table, id)?;
        self.keys.remove(&(table, id));
        Ok(found.is_some_and(|found| found != key))
    }

    /// Where a row lies, for those that the push itself has changed.
    pub(crate) fn know(&mut self, table: Table, id: i64, key: Option<&str>) {
        self.keys.insert((table, id), key.map(str::to_owned));
    }

    /// Whether an id may be one that a restored backup does not know of.
    pub(crate) fn may_return(&self, table: Table, id: i64) -> bool {
        self.state.may_return(table, id)
    }

    /// The id of the row at a key.
    pub(crate) fn id_at(&mut self, table: Table, key: &str) -> Result<Option<i64>, Refusal> {
        let shown = self.shown(table.as_str(), key)?;
        Ok(shown.and_then(|image| Fields::of(image).number("id").ok()).filter(|id| *id > 0))
    }

    /// What a row's record shows.
    pub(crate) fn image_at(
        &mut self,
        table: Table,
        key: &str,
    ) -> Result<Option<super::Image>, Refusal> {
        Ok(self.shown(table.as_str(), key)?.cloned())
    }

    /// Gives single fields of a row's record other values.
    pub(crate) fn put_fields(
        &mut self,
        table: Table,
        key: &str,
        fields: Vec<(&'static str, Option<Value>)>,
    ) -> Result<(), Refusal> {
        self.put(table.as_str(), key, fields)
    }

    /// Writes a changed row with the time.
    pub(crate) fn update<R: Row>(&mut self, old: &R, mut row: R) -> Result<R, Refusal> {
        let times = (self.now, self.time()?);
        row.set(old.id(), times);
        let Some(key) = self.key_of(R::TABLE, old.id())? else { return Ok(row) };
        self.reindex(&old.index(), &row.index())?;
        self.put(R::TABLE.as_str(), &key, row.fields())?;
        Ok(row)
    }

    /// Writes a changed row that keeps its times: its own device learns of it by other means.
    pub(crate) fn update_quietly<R: Row>(&mut self, old: &R, row: &R) -> Result<(), Refusal> {
        let Some(key) = self.key_of(R::TABLE, old.id())? else { return Ok(()) };
        self.reindex(&old.index(), &row.index())?;
        self.put(R::TABLE.as_str(), &key, row.fields())
    }

    /// Removes a row; it can be had back from the trash.
    pub(crate) fn remove<R: Row>(&mut self, id: i64) -> Result<Option<R>, Refusal> {
        let Some(key) = self.key_of(R::TABLE, id)? else { return Ok(None) };
        let Some(image) = self.image_at(R::TABLE, &key)? else { return Ok(None) };
        let removed = self.discard(id)?;
        if removed.is_some() {
            self.keep(R::TABLE, id, &image)?;
        }
        Ok(removed)
    }

    /// Removes a row that nobody will miss.
    pub(crate) fn discard<R: Row>(&mut self, id: i64) -> Result<Option<R>, Refusal> {
        let Some(key) = self.key_of(R::TABLE, id)? else { return Ok(None) };
        let Some(row) = self.get::<R>(id)? else { return Ok(None) };
        self.erase(R::TABLE.as_str(), &key);
        self.forget(&row, &key);
        Ok(Some(row))
    }

    /// A native push removed a row.
    pub(crate) fn lament<R: Row>(&mut self, touched: &Touched) -> Result<Option<R>, Refusal> {
        let Some(before) = touched.before.as_ref().map(image) else { return Ok(None) };
        let Ok(row) = R::read(Fields::of(&before)) else { return Ok(None) };
        self.keep(R::TABLE, row.id(), &before)?;
        self.forget(&row, touched.key.as_str());
        Ok(Some(row))
    }

    fn forget<R: Row>(&mut self, row: &R, key: &str) {
        row.index().iter().for_each(|key| self.erase(INDEX, key));
        if key != row_key(row.id()) {
            self.erase(INDEX, &index_key(R::TABLE, row.id()));
        }
        self.keys.insert((R::TABLE, row.id()), None);
    }

    /// Where the row of an id lies.
    fn key_of(&mut self, table: Table, id: i64) -> Result<Option<String>, Refusal> {
        if id <= 0 {
            return Ok(None);
        }
        if let Some(known) = self.keys.get(&(table, id)) {
            return Ok(known.clone());
        }
        let usual = row_key(id);
        let shown = self.shown(table.as_str(), &usual)?;
        let is_own = shown.is_some_and(|image| Fields::of(image).number("id") == Ok(id));
        let key = if is_own {
            Some(usual)
        } else {
            let noted = self.shown(INDEX, &index_key(table, id))?;
            noted.and_then(|image| Fields::of(image).text_or_none("key").ok().flatten())
        };
        self.keys.insert((table, id), key.clone());
        Ok(key)
    }

    /// The usual key, or the next one when a native app has taken that for another row.
    fn free_key(&mut self, table: Table, id: i64) -> Result<String, Refusal> {
        let mut key = row_key(id);
        while self.shown(table.as_str(), &key)?.is_some() {
            key.push('+');
        }
        Ok(key)
    }

    fn note_key(&mut self, table: Table, id: i64, key: &str) -> Result<(), Refusal> {
        self.keys.insert((table, id), Some(key.to_owned()));
        if key == row_key(id) {
            return Ok(());
        }
        self.put(INDEX, &index_key(table, id), vec![("key", Some(Value::from(key)))])
    }

    pub(crate) fn reindex(&mut self, old: &[String], new: &[String]) -> Result<(), Refusal> {
        for gone in old.iter().filter(|key| !new.contains(key)) {
            self.erase(INDEX, gone);
        }
        for key in new.iter().filter(|key| !old.contains(key)) {
            self.write(INDEX, key, vec![("x", Some(Value::from(true)))])?;
        }
        Ok(())
    }
}

fn index_key(table: Table, id: i64) -> String {
    format!("{}/{id:012}", table.as_str())
}
