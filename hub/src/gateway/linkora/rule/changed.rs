//! A row that a native push changed, told as narrowly as the app can hear it: by an update of a
//! whole link the app takes a folder's id for a number of its own.

use super::native::{check_known, complete, read};
use crate::gateway::linkora::command::{
    check_parent, rename_entries, told_folder, told_link, told_move, told_panel_folder, told_taken,
};
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Fields, Folder, Link, Panel, PanelFolder, Row, Tag, image};
use crate::gateway::linkora::wire::LinkType;
use crate::gateway::linkora::wire::event::OfId;
use crate::gateway::linkora::wire::request::{
    RenamePanel, RenameTag, UpdateLinkNote, UpdateLinkTitle,
};
use crate::hub::{Refusal, Touched};

/// A kind of row, and how a change of it is told.
pub(super) trait Told: Row + PartialEq {
    /// Completes the new row, or refuses it.
    fn complete(
        &mut self,
        _old: &Self,
        _ledger: &mut Ledger<'_>,
        _one: &Touched,
    ) -> Result<(), Refusal> {
        Ok(())
    }
    fn tell(&self, old: &Self, ledger: &mut Ledger<'_>) -> Result<(), Refusal>;
}

/// Gives a changed row its times, and tells what changed. What only the rule gives stays.
pub(super) fn tell_change<R: Told>(ledger: &mut Ledger<'_>, one: &Touched) -> Result<(), Refusal> {
    let before = one.before.as_ref().map(image).unwrap_or_default();
    let Ok(old) = R::read(Fields::of(&before)) else { return Ok(()) };
    let mut new = read::<R>(ledger, one)?;
    new.set(old.id(), old.times());
    new.complete(&old, ledger, one)?;
    if new == old {
        return ledger.update_quietly(&old, &new);
    }
    let new = ledger.update(&old, new)?;
    new.tell(&old, ledger)
}

impl Told for Folder {
    fn complete(
        &mut self,
        old: &Self,
        ledger: &mut Ledger<'_>,
        one: &Touched,
    ) -> Result<(), Refusal> {
        if self.parent == old.parent {
            return Ok(());
        }
        check_parent(ledger, 0, self.parent)?;
        check_known(ledger, one, self.parent)
    }

    fn tell(&self, _: &Self, ledger: &mut Ledger<'_>) -> Result<(), Refusal> {
        rename_entries(ledger, self.id, &self.name)?;
        told_folder(ledger, "UPDATE_FOLDER", self)
    }
}

impl Told for Link {
    fn complete(
        &mut self,
        old: &Self,
        ledger: &mut Ledger<'_>,
        one: &Touched,
    ) -> Result<(), Refusal> {
        complete(self);
        (self.tagged).clone_from(&old.tagged);
        let tags = std::mem::replace(&mut self.tags, old.tags.clone());
        if tags != old.tags {
            let time = ledger.time()?;
            self.set_tags(&tags, time);
        }
        if self.kind == LinkType::FolderLink && self.folder != old.folder {
            check_parent(ledger, 0, self.folder)?;
            check_known(ledger, one, self.folder)?;
        }
        Ok(())
    }

    fn tell(&self, old: &Self, ledger: &mut Ledger<'_>) -> Result<(), Refusal> {
        let narrow = Self {
            title: old.title.clone(),
            note: old.note.clone(),
            kind: old.kind,
            folder: old.folder,
            ..self.clone()
        };
        let narrow = Self { sync: old.sync, modified: old.modified, ..narrow };
        if narrow != *old {
            told_link(ledger, "UPDATE_LINK", self)?;
            return told_move(ledger, self);
        }
        self.tell_texts(old, ledger)?;
        self.tell_place(old, ledger)
    }
}

impl Link {
    fn tell_texts(&self, old: &Self, ledger: &mut Ledger<'_>) -> Result<(), Refusal> {
        let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
        if self.title != old.title {
            let payload = UpdateLinkTitle {
                link_id: self.id,
                new_title_of_the_link: self.title.clone(),
                event_timestamp: time,
                correlation: correlation.clone(),
            };
            ledger.emit("UPDATE_LINK_TITLE", &payload)?;
        }
        if self.note != old.note {
            let payload = UpdateLinkNote {
                link_id: self.id,
                new_note: self.note.clone(),
                event_timestamp: time,
                correlation,
            };
            ledger.emit("UPDATE_LINK_NOTE", &payload)?;
        }
        Ok(())
    }

    fn tell_place(&self, old: &Self, ledger: &mut Ledger<'_>) -> Result<(), Refusal> {
        if (self.kind, self.folder) == (old.kind, old.folder) {
            return Ok(());
        }
        let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
        let id = OfId { id: self.id, correlation: correlation.as_ref(), event_timestamp: time };
        match (old.kind, self.kind) {
            (_, LinkType::FolderLink) if self.folder.is_some() => told_move(ledger, self),
            (_, LinkType::ArchiveLink) => ledger.emit("ARCHIVE_LINK", &id),
            (LinkType::ArchiveLink, LinkType::SavedLink) => ledger.emit("UNARCHIVE_LINK", &id),
            _ => told_link(ledger, "UPDATE_LINK", self),
        }
    }
}

impl Told for Tag {
    fn tell(&self, _: &Self, ledger: &mut Ledger<'_>) -> Result<(), Refusal> {
        let payload = RenameTag {
            id: self.id,
            new_name: self.name.clone(),
            event_timestamp: ledger.time()?,
            correlation: ledger.correlation().cloned(),
        };
        ledger.emit("RENAME_TAG", &payload)
    }
}

impl Told for Panel {
    fn tell(&self, _: &Self, ledger: &mut Ledger<'_>) -> Result<(), Refusal> {
        let payload = RenamePanel {
            new_name: self.name.clone(),
            panel_id: self.id,
            event_timestamp: ledger.time()?,
            correlation: ledger.correlation().cloned(),
        };
        ledger.emit("UPDATE_A_PANEL_NAME", &payload)
    }
}

/// Apps know no change of an entry: the old one goes, and the new one comes.
impl Told for PanelFolder {
    fn tell(&self, old: &Self, ledger: &mut Ledger<'_>) -> Result<(), Refusal> {
        told_taken(ledger, old)?;
        told_panel_folder(ledger, self)
    }
}
