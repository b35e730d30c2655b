//! One account of an import: what is news of it, and writing that.

use std::collections::BTreeSet;

use serde::Serialize;
use syncline_protocol::{Change, Code, Reject, SpaceName, Value};

use super::super::accounts::make_account;
use super::super::library;
use super::super::mapping::{
    ACCOUNT, REALM, account_of, collection, delete, history_key, put, refused, space_of,
};
use super::super::request::Request;
use super::super::serve::keep;
use super::super::titles::titled;
use super::super::wire::{NAME_BYTES, is_key, is_name};
use super::source::{Account, Book, Suggestion};
use super::{Existing, Order};
use crate::hub::{Checked, Hub, Principal, Registering, Submission};

/// Changes that one commit takes: others wait for it.
const CHANGES_AT_ONCE: usize = 500;

/// What an import tells, one line each.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Report {
    Found { suggestions: Vec<Suggestion>, passed_over: Vec<String> },
    Account(Box<Told>),
    Total { dry_run: bool, total: Total },
}

/// What became of one account.
#[derive(Debug, Default, Serialize)]
pub(in super::super) struct Told {
    /// The name over there.
    name: String,
    /// The hub's account for it.
    account: String,
    /// `made`, `merged`, `skipped` or `replaced`.
    done: &'static str,
    /// Whether its key is the imported one now.
    key_set: bool,
    books: usize,
    /// Positions that were not here before.
    positions: usize,
    titles: usize,
    passed_over: Vec<String>,
    /// Why it was not imported, or not all of it.
    failed: Option<String>,
}

/// The sum.
#[derive(Debug, Default, Serialize)]
pub(in super::super) struct Total {
    accounts: usize,
    made: usize,
    keys_set: usize,
    books: usize,
    positions: usize,
    titles: usize,
    passed_over: usize,
    failed: usize,
}

impl Total {
    pub(super) fn count(&mut self, told: &Told) {
        self.accounts += 1;
        self.made += usize::from(told.done == "made");
        self.keys_set += usize::from(told.key_set);
        self.books += told.books;
        self.positions += told.positions;
        self.titles += told.titles;
        self.passed_over += told.passed_over.len();
        self.failed += usize::from(told.failed.is_some());
    }
}

/// Imports one account.
pub(super) async fn account(
    hub: &Hub,
    principal: &Principal,
    order: &Order,
    mut account: Account,
) -> Told {
    let mut told = Told { name: account.name.clone(), done: "skipped", ..Told::default() };
    told.passed_over.append(&mut account.notes);
    if !is_name(&account.name) && order.rename {
        account.name = renamed(&account.name);
    }
    told.account = account_of(&account.name);
    if !is_name(&account.name) {
        told.failed = Some("no device could send this name; give it another with `rename`".into());
    } else if !is_key(&account.key) {
        told.failed = Some("it has no key, so nobody could open it".to_owned());
    } else if let Err(reject) = import(hub, principal, order, account, &mut told).await {
        told.failed = Some(reject.text);
    }
    told
}

async fn import(
    hub: &Hub,
    principal: &Principal,
    order: &Order,
    account: Account,
    told: &mut Told,
) -> Result<(), Reject> {
    let is_here = hub.has_user(&told.account);
    told.done = match order.existing {
        _ if !is_here => "made",
        Existing::Merge | Existing::Attach => "merged",
        Existing::Skip => return Ok(()),
        Existing::Replace => "replaced",
    };
    let space = space_of(&told.account)?;
    set_key(hub, principal, order, &account, told).await?;
    let replaces = is_here && order.existing == Existing::Replace;
    let found = news(hub, principal, &space, account.books, replaces).await?;
    told.books = found.books;
    told.positions = found.positions;
    told.titles = found.titles;
    if order.dry_run || found.changes.is_empty() {
        return Ok(());
    }
    enter(hub, principal, &space, &told.account).await?;
    if account.name != told.account {
        let fields = [("name", Some(Value::from(account.name.as_str())))];
        let change = put(collection::SETTINGS, ACCOUNT, &fields)?;
        hub.apply(principal, Submission::changes(space.clone(), vec![change])).await?;
    }
    if !found.deletes.is_empty() {
        // The rule sees what was there before a push: what is to be anew must be gone by then.
        hub.apply(principal, Submission::changes(space.clone(), found.deletes)).await?;
    }
    let mut changes = found.changes;
    while !changes.is_empty() {
        let rest = changes.split_off(changes.len().min(CHANGES_AT_ONCE));
        hub.apply(principal, Submission::changes(space.clone(), changes)).await?;
        changes = rest;
    }
    Ok(())
}

/// Makes the account, or gives one that is here the imported key where that is wanted: what another
/// server knows must not open a person's account here unasked, and an admin's never.
async fn set_key(
    hub: &Hub,
    principal: &Principal,
    order: &Order,
    account: &Account,
    told: &mut Told,
) -> Result<(), Reject> {
    let (name, key) = (&account.name, &account.key);
    if !hub.has_user(&told.account) {
        told.key_set = true;
        if !order.dry_run {
            make_account(hub, name, key, Registering::Ordered).await?;
        }
        return Ok(());
    }
    if hub.has_secrets(REALM, &told.account) {
        if order.existing != Existing::Replace {
            return Ok(());
        }
        match hub.check_secret(REALM, &told.account, key).await {
            Checked::Good(_) => return Ok(()),
            Checked::Wrong => {}
            Checked::Busy => return Err(Reject::new(Code::Busy, "the hub is busy; try again")),
        }
    } else if order.existing != Existing::Attach {
        let what = "the account here has no key; `existing` = `attach` gives it the imported one";
        return Err(refused(what));
    }
    if hub.is_admin(&told.account) {
        return Err(refused("an admin's account gets no key from an import"));
    }
    told.key_set = true;
    if !order.dry_run {
        hub.set_secret(principal, REALM, &told.account, key).await?;
    }
    Ok(())
}

/// Makes the account's space unless it is there.
async fn enter(
    hub: &Hub,
    principal: &Principal,
    space: &SpaceName,
    account: &str,
) -> Result<(), Reject> {
    match hub.create_space(principal, space.clone(), account).await {
        Err(reject) if reject.code != Code::Exists => Err(reject),
        _ => Ok(()),
    }
}

/// What an account does not know yet.
#[derive(Debug, Default)]
struct News {
    deletes: Vec<Change>,
    changes: Vec<Change>,
    books: usize,
    positions: usize,
    titles: usize,
}

async fn news(
    hub: &Hub,
    principal: &Principal,
    space: &SpaceName,
    books: Vec<Book>,
    replaces: bool,
) -> Result<News, Reject> {
    let (hub, principal, space) = (hub.clone(), principal.clone(), space.clone());
    let found = tokio::task::spawn_blocking(move || {
        let mut news = News::default();
        for book in books {
            news.add(&hub, &principal, &space, book, replaces)?;
        }
        Ok(news)
    });
    found.await.map_err(|_| Reject::new(Code::Internal, "The import was interrupted"))?
}

impl News {
    /// Each book is compared in a moment of its own: a long import must pin no page of the store.
    fn add(
        &mut self,
        hub: &Hub,
        principal: &Principal,
        space: &SpaceName,
        mut book: Book,
        replaces: bool,
    ) -> Result<(), Reject> {
        let keep = keep(hub);
        let entries = usize::try_from(keep.entries).unwrap_or(usize::MAX);
        // What would be trimmed at once is no news, however often it is imported.
        book.events.sort_by_key(|event| event.timestamp);
        book.events.drain(..book.events.len().saturating_sub(entries));
        let (known, title) = match hub.read(principal, space) {
            Err(reject) if reject.code == Code::UnknownSpace => (BTreeSet::new(), None),
            view => {
                let view = view?;
                let history = library::history(&view, &book.document, usize::MAX)?;
                let known = history.into_iter().map(|entry| entry.entry).collect();
                (known, library::book(&view, &book.document)?.and_then(|it| it.own_title))
            }
        };
        let of_import: BTreeSet<String> =
            book.events.iter().map(|event| history_key(&book.document, event, 0)).collect();
        let anew = replaces && !known.is_empty() && known != of_import;
        let before = self.changes.len();
        if anew {
            self.deletes.push(delete(collection::PROGRESS, &book.document)?);
        }
        for event in book.events {
            if anew || !known.contains(&history_key(&book.document, &event, 0)) {
                self.positions += 1;
                self.changes.push(Request::import(event, keep).into_change(&book.document)?);
            }
        }
        let wanted = book.title.filter(|given| match &title {
            Some(own) => replaces && own != given,
            None => true,
        });
        if let Some(given) = wanted.or(title.filter(|_| anew)) {
            self.titles += 1;
            self.changes.push(titled(&book.document, Some(&given))?);
        }
        self.books += usize::from(self.changes.len() > before);
        Ok(())
    }
}

/// The nearest name that a device can send.
fn renamed(name: &str) -> String {
    let plain = |c: char| if c == ':' || c.is_control() { '-' } else { c };
    let mut name: String = name.trim().chars().map(plain).collect();
    while name.len() > NAME_BYTES {
        name.pop();
    }
    name.trim().to_owned()
}
