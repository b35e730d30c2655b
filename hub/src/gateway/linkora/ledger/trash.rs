//! The trash: what was deleted, each row whole, for as long as anybody may want it back. No app is
//! sent any of it; whoever wants a row back writes it as a new one, under an id of its own.

use syncline_protocol::Value;

use super::Ledger;
use crate::gateway::linkora::mapping::{Image, Table, numbers, packed};
use crate::hub::Refusal;

const TRASH: &str = "trash";
/// Trash is emptied after so many seconds: 90 days.
const KEPT: i64 = 90 * 86_400;
/// Old trash that one push takes away, if it makes new.
const SWEPT: usize = 64;

impl Ledger<'_> {
    /// Keeps what a record showed.
    pub(super) fn keep(&mut self, table: Table, id: i64, image: &Image) -> Result<(), Refusal> {
        let time = self.time()?;
        let fields = vec![
            ("table", Some(Value::from(table.as_str()))),
            ("deleted", Some(Value::from(time))),
            ("row", Some(packed(image))),
        ];
        self.write(TRASH, &trash_key(time, table, id), fields)?;
        self.sweep()
    }

    /// Keeps beside a deleted tag which links had it: they do not know any more.
    pub(crate) fn keep_links(&mut self, tag: i64, links: &[i64]) -> Result<(), Refusal> {
        let at = trash_key(self.time()?, Table::Tags, tag);
        if links.is_empty() || self.shown(TRASH, &at)?.is_none() {
            return Ok(());
        }
        self.put(TRASH, &at, vec![("links", Some(numbers(links)))])
    }

    /// Takes away what was kept for long enough, once a push.
    fn sweep(&mut self) -> Result<(), Refusal> {
        if std::mem::replace(&mut self.swept, true) {
            return Ok(());
        }
        let oldest = format!("{:012}", self.now - KEPT);
        for (key, _) in self.view.range(&super::collection(TRASH), "", SWEPT)? {
            if key.as_str() < oldest.as_str() {
                self.erase(TRASH, key.as_str());
            }
        }
        Ok(())
    }
}

/// Sorts as the time does.
fn trash_key(time: i64, table: Table, id: i64) -> String {
    format!("{time:012}-{}-{id:012}", table.as_str())
}
