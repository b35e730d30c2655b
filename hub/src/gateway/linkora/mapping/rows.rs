//! The five kinds of rows.

use sha2::{Digest as _, Sha256};
use syncline_protocol::Value;

use super::fields::{Fault, Fields, number, numbers};
use super::{Row, Table};
use crate::gateway::linkora::wire::answer::{
    FolderRow, LinkRow, LinkTagRow, PanelFolderRow, PanelRow, TagRow,
};
use crate::gateway::linkora::wire::{LinkTag, LinkType, MediaType};

macro_rules! row {
    (
        $(#[$about:meta])*
        $name:ident in $table:ident { $($field:ident: $type:ty),* $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) struct $name {
            pub(crate) id: i64,
            pub(crate) modified: i64,
            pub(crate) sync: i64,
            $(pub(crate) $field: $type,)*
        }

        impl Row for $name {
            const TABLE: Table = Table::$table;
            fn read(fields: Fields<'_>) -> Result<Self, Fault> {
                Self::read_from(fields)
            }
            fn fields(&self) -> Vec<(&'static str, Option<Value>)> {
                let mut all = vec![
                    ("id", Some(number(self.id))),
                    ("modified", Some(number(self.modified))),
                    ("sync", Some(number(self.sync))),
                ];
                all.extend(self.own_fields());
                all
            }
            fn id(&self) -> i64 {
                self.id
            }
            fn times(&self) -> (i64, i64) {
                (self.modified, self.sync)
            }
            fn set(&mut self, id: i64, (modified, sync): (i64, i64)) {
                (self.id, self.modified, self.sync) = (id, modified, sync);
            }
            fn index(&self) -> Vec<String> {
                self.index_keys()
            }
        }
    };
}

row! {
    /// A folder; at the root when it has no parent.
    Folder in Folders { name: String, note: String, parent: Option<i64>, archived: bool }
}
row! {
    /// A link.
    Link in Links {
        kind: LinkType,
        title: String,
        url: String,
        base_url: String,
        image_url: String,
        note: String,
        folder: Option<i64>,
        user_agent: Option<String>,
        important: bool,
        media: MediaType,
        tags: Vec<i64>,
        tagged: Vec<i64>,
    }
}
row! {
    /// A tag.
    Tag in Tags { name: String }
}
row! {
    /// A panel of the home screen.
    Panel in Panels { name: String }
}
row! {
    /// A folder on a panel.
    PanelFolder in PanelFolders { panel: i64, folder: i64, name: String, position: i64 }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::from(text))
}

impl Folder {
    fn read_from(fields: Fields<'_>) -> Result<Self, Fault> {
        Ok(Self {
            id: fields.number("id")?,
            modified: fields.number("modified")?,
            sync: fields.number("sync")?,
            name: fields.text("name")?,
            note: fields.text("note")?,
            parent: fields.number_or_none("parent")?,
            archived: fields.truth("archived")?,
        })
    }

    fn own_fields(&self) -> Vec<(&'static str, Option<Value>)> {
        vec![
            ("name", text(&self.name)),
            ("note", text(&self.note)),
            ("parent", self.parent.map(number)),
            ("archived", Some(Value::from(self.archived))),
        ]
    }

    fn index_keys(&self) -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn wire(self) -> FolderRow {
        FolderRow {
            id: self.id,
            name: self.name,
            note: self.note,
            parent_folder_id: self.parent,
            is_archived: self.archived,
            event_timestamp: self.sync,
        }
    }
}

impl Link {
    fn read_from(fields: Fields<'_>) -> Result<Self, Fault> {
        let folder = fields.number_or_none("folder")?;
        let kind = fields.link_type(folder)?;
        Ok(Self {
            id: fields.number("id")?,
            modified: fields.number("modified")?,
            sync: fields.number("sync")?,
            kind,
            title: fields.text("title")?,
            url: fields.text("url")?,
            base_url: fields.text("base_url")?,
            image_url: fields.text("image_url")?,
            note: fields.text("note")?,
            folder,
            user_agent: fields.text_or_none("user_agent")?,
            important: fields.truth("important")?,
            media: fields.media_type()?,
            tags: fields.numbers("tags")?,
            tagged: fields.numbers("tagged")?,
        })
    }

    fn own_fields(&self) -> Vec<(&'static str, Option<Value>)> {
        vec![
            ("type", text(self.kind.as_str())),
            ("title", text(&self.title)),
            ("url", text(&self.url)),
            ("base_url", text(&self.base_url)),
            ("image_url", text(&self.image_url)),
            ("note", text(&self.note)),
            ("folder", self.folder.map(number)),
            ("user_agent", self.user_agent.as_deref().and_then(text)),
            ("important", Some(Value::from(self.important))),
            ("media_type", text(self.media.as_str())),
            ("tags", Some(numbers(&self.tags))),
            ("tagged", Some(numbers(&self.tagged))),
        ]
    }

    fn index_keys(&self) -> Vec<String> {
        let id = self.id;
        let mut keys: Vec<String> =
            self.tags.iter().map(|tag| format!("tag/{tag}/{id:012}")).collect();
        if let Some(folder) = self.folder.filter(|folder| *folder > 0) {
            keys.push(format!("folder/{folder}/{id:012}"));
        }
        if self.kind == LinkType::HistoryLink {
            keys.push(format!("{}{id:012}", history_prefix(&self.url)));
        }
        keys
    }

    /// Gives the link these tags: new ones get the time, those that stay keep theirs.
    pub(crate) fn set_tags(&mut self, tags: &[i64], time: i64) {
        let old: Vec<(i64, i64)> =
            self.tags.iter().copied().zip(self.tagged.iter().copied()).collect();
        let mut wanted = tags.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let at = |tag: &i64| old.iter().find(|(known, _)| known == tag).map_or(time, |it| it.1);
        self.tagged = wanted.iter().map(at).collect();
        self.tags = wanted;
    }

    pub(crate) fn link_tags(&self) -> Vec<LinkTag> {
        let tag = |tag_id: &i64| LinkTag { link_id: self.id, tag_id: *tag_id };
        self.tags.iter().map(tag).collect()
    }

    /// The tags with the times at which they were put there.
    pub(crate) fn link_tag_rows(&self) -> Vec<LinkTagRow> {
        let times = self.tagged.iter().copied().chain(std::iter::repeat(self.sync));
        let row = |(tag_id, event_timestamp): (&i64, i64)| LinkTagRow {
            link_id: self.id,
            tag_id: *tag_id,
            event_timestamp,
        };
        self.tags.iter().zip(times).map(row).collect()
    }

    pub(crate) fn wire(self) -> LinkRow {
        let link_tags = self.link_tags();
        LinkRow {
            id: self.id,
            link_type: self.kind,
            title: self.title,
            url: self.url,
            base_url: self.base_url,
            img_url: self.image_url,
            note: self.note,
            id_of_linked_folder: self.folder,
            user_agent: self.user_agent,
            marked_as_important: self.important,
            media_type: self.media,
            event_timestamp: self.sync,
            link_tags,
        }
    }
}

/// Where the history links of an address are found.
pub(crate) fn history_prefix(url: &str) -> String {
    format!("history/{}/", hex::encode(Sha256::digest(url.as_bytes())))
}

impl Tag {
    fn read_from(fields: Fields<'_>) -> Result<Self, Fault> {
        Ok(Self {
            id: fields.number("id")?,
            modified: fields.number("modified")?,
            sync: fields.number("sync")?,
            name: fields.text("name")?,
        })
    }

    fn own_fields(&self) -> Vec<(&'static str, Option<Value>)> {
        vec![("name", text(&self.name))]
    }

    fn index_keys(&self) -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn wire(self) -> TagRow {
        TagRow { id: self.id, name: self.name, event_timestamp: self.sync }
    }
}

impl Panel {
    fn read_from(fields: Fields<'_>) -> Result<Self, Fault> {
        Ok(Self {
            id: fields.number("id")?,
            modified: fields.number("modified")?,
            sync: fields.number("sync")?,
            name: fields.text("name")?,
        })
    }

    fn own_fields(&self) -> Vec<(&'static str, Option<Value>)> {
        vec![("name", text(&self.name))]
    }

    fn index_keys(&self) -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn wire(self) -> PanelRow {
        PanelRow { panel_id: self.id, panel_name: self.name, event_timestamp: self.sync }
    }
}

impl PanelFolder {
    fn read_from(fields: Fields<'_>) -> Result<Self, Fault> {
        Ok(Self {
            id: fields.number("id")?,
            modified: fields.number("modified")?,
            sync: fields.number("sync")?,
            panel: fields.number("panel")?,
            folder: fields.number("folder")?,
            name: fields.text("name")?,
            position: fields.number("position")?,
        })
    }

    fn own_fields(&self) -> Vec<(&'static str, Option<Value>)> {
        vec![
            ("panel", Some(number(self.panel))),
            ("folder", Some(number(self.folder))),
            ("name", text(&self.name)),
            ("position", Some(number(self.position))),
        ]
    }

    fn index_keys(&self) -> Vec<String> {
        Vec::new()
    }

    pub(crate) fn wire(self) -> PanelFolderRow {
        PanelFolderRow {
            id: self.id,
            folder_id: self.folder,
            panel_position: self.position,
            folder_name: self.name,
            connected_panel_id: self.panel,
            event_timestamp: self.sync,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::linkora::mapping::Image;

    fn image(row: &impl Row) -> Image {
        let shown = row.fields().into_iter();
        shown.filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    #[test]
    fn a_link_reads_back_as_it_was_written() {
        let link = Link {
            id: 7,
            modified: 10,
            sync: 11,
            kind: LinkType::FolderLink,
            title: "Reading \u{1f4da}".to_owned(),
            url: "https://a.org".to_owned(),
            base_url: "a.org".to_owned(),
            image_url: String::new(),
            note: "two\nlines".to_owned(),
            folder: Some(3),
            user_agent: None,
            important: false,
            media: MediaType::Video,
            tags: vec![1, 2],
            tagged: vec![10, 11],
        };
        assert_eq!(Link::read(Fields::of(&image(&link))), Ok(link));
    }

    #[test]
    fn a_bookmark_of_a_native_app_needs_an_address_only() {
        let image: Image = [("url".to_owned(), Value::from("https://a.org"))].into();
        let link = Link::read(Fields::of(&image)).unwrap();
        assert_eq!((link.kind, link.media), (LinkType::SavedLink, MediaType::Image));
        let bad: Image = [("url".to_owned(), Value::from(1_u64))].into();
        assert_eq!(Link::read(Fields::of(&bad)), Err(Fault { field: "url", wanted: "a text" }));
    }

    #[test]
    fn tags_that_stay_keep_their_time() {
        let mut link = Link::read(Fields::of(&Image::new())).unwrap();
        link.set_tags(&[5, 3, 5], 10);
        link.set_tags(&[3, 9], 20);
        assert_eq!((link.tags, link.tagged), (vec![3, 9], vec![10, 20]));
    }
}
