//! The foreign shapes, exactly as they travel: requests, answers, events and rows.
//!
//! What comes in may have more keys than are known here; they are ignored, and never go out again.
//! What goes out has every key, absent values as explicit nulls. Nothing here decides anything.

pub(crate) mod answer;
pub(crate) mod event;
pub(crate) mod request;

use serde::{Deserialize, Serialize};

/// The installation that sent a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Correlation {
    pub(crate) id: String,
    pub(crate) client_name: String,
}

impl Correlation {
    /// Whose name stands under changes that no Linkora app made.
    pub(crate) fn hub() -> Self {
        Self { id: "syncline-hub".to_owned(), client_name: "Syncline".to_owned() }
    }
}

/// What a link is. It decides in which of the app's lists the link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(clippy::enum_variant_names, reason = "these are the protocol's own words")]
pub(crate) enum LinkType {
    SavedLink,
    FolderLink,
    HistoryLink,
    ImportantLink,
    ArchiveLink,
}

/// The folders of the types that have no folder row.
pub(crate) const SAVED: i64 = -2;
/// See [`SAVED`].
pub(crate) const ARCHIVE: i64 = -4;

impl LinkType {
    const ALL: [Self; 5] = [
        Self::SavedLink,
        Self::FolderLink,
        Self::HistoryLink,
        Self::ImportantLink,
        Self::ArchiveLink,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SavedLink => "SAVED_LINK",
            Self::FolderLink => "FOLDER_LINK",
            Self::HistoryLink => "HISTORY_LINK",
            Self::ImportantLink => "IMPORTANT_LINK",
            Self::ArchiveLink => "ARCHIVE_LINK",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The folder that a link of this type always lies in.
    pub(crate) const fn pseudo_folder(self) -> Option<i64> {
        match self {
            Self::SavedLink => Some(SAVED),
            Self::ImportantLink => Some(-3),
            Self::ArchiveLink => Some(ARCHIVE),
            Self::HistoryLink => Some(-5),
            Self::FolderLink => None,
        }
    }

    /// Where a link of this type lies that was sent with `folder`.
    pub(crate) fn place(self, folder: Option<i64>) -> Option<i64> {
        self.pseudo_folder().or(folder)
    }
}

/// What a link's picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MediaType {
    Image,
    Gif,
    Video,
}

impl MediaType {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "IMAGE",
            Self::Gif => "GIF",
            Self::Video => "VIDEO",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Image, Self::Gif, Self::Video].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A tag on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkTag {
    pub(crate) link_id: i64,
    pub(crate) tag_id: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_wire_agree() {
        for kind in LinkType::ALL {
            let wire = serde_json::to_value(kind).unwrap();
            assert_eq!(wire, kind.as_str());
            assert_eq!(LinkType::from_word(kind.as_str()), Some(kind));
        }
        for word in ["IMAGE", "GIF", "VIDEO"] {
            let kind = MediaType::from_word(word).unwrap();
            assert_eq!(serde_json::to_value(kind).unwrap(), word);
        }
        assert_eq!(LinkType::from_word("saved_link"), None);
    }

    #[test]
    fn the_type_decides_the_folder_but_for_one() {
        assert_eq!(LinkType::SavedLink.place(Some(7)), Some(SAVED));
        assert_eq!(LinkType::FolderLink.place(Some(7)), Some(7));
        assert_eq!(LinkType::FolderLink.place(None), None);
    }
}
