//! Rows of the foreign data set as records, and back. Pure.
//!
//! ```text
//! folders         id modified sync  name note parent archived
//! links           id modified sync  type title url base_url image_url note folder user_agent
//!                                   important media_type tags tagged
//! tags            id modified sync  name
//! panels          id modified sync  name
//! panel_folders   id modified sync  panel folder name position
//! ```
//! `id`, `modified`, `sync` and `tagged` are the rule's own. `modified` is the hub's wall clock of
//! the last change, by which old writes are refused; `sync` is the time that devices are told.
//! A field that is absent reads as its default, so that a native app need not know them all.

mod fields;
mod rows;

use std::collections::BTreeMap;

use syncline_protocol::{CollectionName, Record, RecordKey, Value};

pub(crate) use fields::{Fault, Fields, number, numbers, packed};
pub(crate) use rows::{Folder, Link, Panel, PanelFolder, Tag, history_prefix};

/// The collections of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Table {
    Folders,
    Links,
    Tags,
    Panels,
    PanelFolders,
}

impl Table {
    pub(crate) const ALL: [Self; 5] =
        [Self::Folders, Self::Tags, Self::Panels, Self::Links, Self::PanelFolders];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Folders => "folders",
            Self::Links => "links",
            Self::Tags => "tags",
            Self::Panels => "panels",
            Self::PanelFolders => "panel_folders",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.as_str() == name)
    }
}

/// The fields of a record that show.
pub(crate) type Image = BTreeMap<String, Value>;

/// What a record shows.
pub(crate) fn image(record: &Record) -> Image {
    record.visible().map(|(name, _, value)| (name.as_str().to_owned(), value.clone())).collect()
}

/// A row of one table.
pub(crate) trait Row: Sized + Clone {
    /// Which.
    const TABLE: Table;
    /// Reads a record; what is absent gets its default.
    ///
    /// # Errors
    /// A field of another type than the foreign devices can bear.
    fn read(fields: Fields<'_>) -> Result<Self, Fault>;
    /// All fields, absent ones too.
    fn fields(&self) -> Vec<(&'static str, Option<Value>)>;
    fn id(&self) -> i64;
    /// The hub's wall clock, and the time that devices are told.
    fn times(&self) -> (i64, i64);
    fn set(&mut self, id: i64, times: (i64, i64));
    /// The keys under which the row is found other than by its id.
    fn index(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The name of one of this gateway's collections.
pub(crate) fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).expect("the gateway's collections have good names")
}

/// The key of one of this gateway's own records.
pub(crate) fn key(text: &str) -> RecordKey {
    RecordKey::new(text).expect("the gateway's own keys are short and plain")
}

/// The key of a row that no native app has named; sorts as the id does.
pub(crate) fn row_key(id: i64) -> String {
    format!("{id:012}")
}
