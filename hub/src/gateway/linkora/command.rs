//! What each route does to a data set. Pure: it sees the ledger and nothing else.
//!
//! ```text
//! folders links tags panels      one row, and what hangs on it
//! many copies                    several at once
//! whole                          everything, and what the gateway itself asks for
//! ```
//! Three rules hold throughout. What is older than its row is refused and changes nothing; what is
//! as old is taken. What does not exist is answered like what does. What was done is told by one
//! event in the shape of its request, with the hub's time in it.

mod copies;
mod folders;
mod import;
mod links;
mod many;
mod panels;
mod tags;
mod whole;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use syncline_protocol::{Code, Reject};

use super::call::Call;
use super::ledger::{Ledger, Sender};
use super::mapping::Row;
use super::wire::Correlation;
use super::wire::answer;
use super::wire::request::{
    AddPanel, AddPanelFolder, CopyItems, CreateFolder, CreateLink, CreateTag, DeleteDuplicates,
    DeleteEverything, DeletePanelFolder, IdBased, Many, MarkFoldersAsRoot, MoveItems, MoveLink,
    RenamePanel, RenameTag, Sent, UnarchiveMany, UpdateFolder, UpdateFolderName, UpdateFolderNote,
    UpdateLink, UpdateLinkNote, UpdateLinkTitle, UpdateUserAgent,
};
use crate::hub::Refusal;

pub(crate) use folders::{
    Removal, Tree, check_parent, is_orphaned, rename_entries, take_back, told_folder,
};
pub(crate) use import::Import;
pub(crate) use links::{bury as bury_link, forget_history, told_link, told_move};
pub(crate) use panels::{clear as clear_panel, told_panel, told_panel_folder, told_taken};
pub(crate) use tags::{told_tag, untag};
pub(crate) use whole::Closed;
use whole::{Force, Nothing};

/// What the original says of a write that is older than its row; a tool looks for this sentence.
pub(crate) const STALE: &str = "This row already contains the latest data.";

type Perform = fn(&mut Ledger<'_>, &Call, &'static str) -> Result<(), Refusal>;

/// One route that writes.
pub(crate) struct Route {
    /// Its path, which is also the name of its event.
    pub(crate) name: &'static str,
    /// Checks a body for form, and says who sent it.
    pub(crate) check: fn(&[u8]) -> Result<Option<Correlation>, serde_json::Error>,
    perform: Perform,
    /// What is answered, from the request's body, the time, and the ids made.
    pub(crate) answer: fn(&[u8], i64, &[i64]) -> Json,
}

macro_rules! routes {
    ($($name:literal: $request:ty => $perform:path, $answer:ident;)*) => {
        /// Every route that writes.
        pub(crate) const ROUTES: &[Route] = &[$(Route {
            name: $name,
            check: |body| Ok(parse::<$request>(body)?.correlation().cloned()),
            perform: |ledger, call, name| {
                let request: $request = parse(&call.body).map_err(|error| malformed(&error))?;
                ledger.sender = sender(&request, call);
                $perform(ledger, request, &Asked { name, call })
            },
            answer: |body, time, made| $answer(parse::<$request>(body).ok().as_ref(), time, made),
        }),*];
    };
}

routes! {
    "CREATE_FOLDER": CreateFolder => folders::create, item;
    "UPDATE_FOLDER": UpdateFolder => folders::update, time;
    "UPDATE_FOLDER_NAME": UpdateFolderName => folders::rename, time;
    "UPDATE_FOLDER_NOTE": UpdateFolderNote => folders::note, time;
    "DELETE_FOLDER_NOTE": IdBased => folders::drop_note, time;
    "MARK_FOLDER_AS_ARCHIVE": IdBased => folders::archive, time;
    "MARK_AS_REGULAR_FOLDER": IdBased => folders::unarchive, time;
    "MARK_FOLDERS_AS_ROOT": MarkFoldersAsRoot => folders::to_root, time;
    "DELETE_FOLDER": IdBased => folders::delete, time;
    "CREATE_A_NEW_LINK": CreateLink => links::create, item;
    "UPDATE_LINK": UpdateLink => links::update, time;
    "UPDATE_LINK_TITLE": UpdateLinkTitle => links::title, time;
    "UPDATE_LINK_NOTE": UpdateLinkNote => links::note, time;
    "UPDATE_LINKED_FOLDER_ID": MoveLink => links::relocate, time;
    "UPDATE_USER_AGENT": UpdateUserAgent => links::user_agent, time;
    "ARCHIVE_LINK": IdBased => links::archive, time;
    "UNARCHIVE_LINK": IdBased => links::unarchive, time;
    "MARK_AS_IMP": IdBased => links::important, time;
    "UNMARK_AS_IMP": IdBased => links::unimportant, time;
    "DELETE_A_LINK": IdBased => links::delete, time;
    "DELETE_DUPLICATE_LINKS": DeleteDuplicates => links::delete_all, time;
    "FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS": Force => whole::force, forced;
    "CREATE_TAG": CreateTag => tags::create, item;
    "RENAME_TAG": RenameTag => tags::rename, time;
    "DELETE_TAG": IdBased => tags::delete, time;
    "ADD_A_NEW_PANEL": AddPanel => panels::create, item;
    "UPDATE_A_PANEL_NAME": RenamePanel => panels::rename, time;
    "DELETE_A_PANEL": IdBased => panels::delete, time;
    "ADD_A_NEW_FOLDER_IN_A_PANEL": AddPanelFolder => panels::add, item;
    "DELETE_A_FOLDER_FROM_A_PANEL": DeletePanelFolder => panels::take, time;
    "DELETE_A_FOLDER_FROM_ALL_PANELS": IdBased => panels::take_from_all, time;
    "DELETE_ALL_FOLDERS_FROM_A_PANEL": IdBased => panels::empty, time;
    "ARCHIVE_MULTIPLE_ITEMS": Many => many::archive, time;
    "UNARCHIVE_MULTIPLE_ITEMS": UnarchiveMany => many::unarchive, time;
    "DELETE_MULTIPLE_ITEMS": Many => many::delete, time;
    "MOVE_EXISTING_ITEMS": MoveItems => many::relocate, time;
    "COPY_EXISTING_ITEMS": CopyItems => copies::copy, copied;
    "DELETE_EVERYTHING": DeleteEverything => whole::delete_everything, everything;
    ".barrier": Nothing => whole::barrier, time;
    ".closed": Closed => whole::closed, time;
    ".import": Import => import::import, time;
}

/// The route of a name.
pub(crate) fn route(name: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.name == name)
}

/// Does what a request asks for.
pub(crate) fn perform(ledger: &mut Ledger<'_>, call: &Call) -> Result<(), Refusal> {
    let Some(route) = route(&call.route) else {
        return Err(Reject::new(Code::Internal, "There is no such route").into());
    };
    ledger.note_run(call.run);
    (route.perform)(ledger, call, route.name)
}

/// What is asked, beside the request itself.
pub(crate) struct Asked<'a> {
    pub(crate) name: &'static str,
    pub(crate) call: &'a Call,
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body)
}

/// Its form was checked before it came here.
fn malformed(error: &serde_json::Error) -> Refusal {
    Reject::new(Code::Refused, format!("The request is malformed: {error}")).into()
}

fn sender(request: &impl Sent, call: &Call) -> Sender {
    let correlation = request.correlation().cloned();
    Sender { correlation, listening: call.listening }
}

fn time(_: Option<&impl Sent>, time: i64, _: &[i64]) -> Json {
    answer::time_stamped(time, "ok")
}

fn forced(_: Option<&impl Sent>, time: i64, _: &[i64]) -> Json {
    answer::time_stamped(time, whole::FORCED)
}

fn item(request: Option<&impl Sent>, time: i64, made: &[i64]) -> Json {
    let correlation = request.and_then(Sent::correlation);
    answer::new_item(time, made.first().copied().unwrap_or_default(), correlation)
}

fn copied(request: Option<&CopyItems>, time: i64, made: &[i64]) -> Json {
    request.map_or(Json::Null, |request| answer::copied(request, time, made))
}

fn everything(request: Option<&impl Sent>, time: i64, _: &[i64]) -> Json {
    let correlation = request.and_then(Sent::correlation);
    json!({ "eventTimestamp": time, "correlation": correlation })
}

/// Refuses what is older than its row.
pub(super) fn check_age(row: &impl Row, at: i64) -> Result<(), Refusal> {
    if row.times().0 > at { Err(stale()) } else { Ok(()) }
}

pub(super) fn stale() -> Refusal {
    Reject::new(Code::Refused, STALE).into()
}

/// Tells the request itself, with the hub's time in it.
pub(super) fn echo<T: Sent + Serialize>(
    ledger: &mut Ledger<'_>,
    name: &str,
    mut request: T,
) -> Result<T, Refusal> {
    request.set_time(ledger.time()?);
    ledger.emit(name, &request)?;
    Ok(request)
}

/// Names a request among those that may come again: its sender, route, time and content.
fn repeat_name(request: &(impl Sent + Serialize), route: &str) -> Option<String> {
    let sender = &request.correlation()?.id;
    let content = serde_json::to_vec(request).ok()?;
    let mut hash = Sha256::new();
    for part in [sender.as_bytes(), route.as_bytes(), &content] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let day = request.at().div_euclid(86_400);
    Some(format!("{day:08}/{}", hex::encode(hash.finalize())))
}

/// Makes something once: whoever asks again gets the first answer, and nothing changes.
pub(super) fn once<T: Sent + Serialize>(
    ledger: &mut Ledger<'_>,
    request: T,
    (route, queued): (&str, i64),
    make: impl FnOnce(&mut Ledger<'_>, T) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let name = repeat_name(&request, route);
    if let Some(name) = &name
        && let Some((time, made)) = ledger.repeated(name, queued)?
    {
        ledger.answer_again(time, made);
        return Ok(());
    }
    make(ledger, request)?;
    name.map_or(Ok(()), |name| ledger.note_answer(&name, queued))
}

/// A deletion of another server, told as the app decodes it: in the shape of its operation, with
/// the server's time. None for what the app does not know.
pub(crate) fn retell(operation: &str, payload: &str, time: i64) -> Option<String> {
    fn again<T: Sent + Serialize + DeserializeOwned>(payload: &str, time: i64) -> Option<String> {
        let mut request: T = serde_json::from_str(payload).ok()?;
        request.set_time(time);
        serde_json::to_string(&request).ok()
    }
    match operation {
        "DELETE_FOLDER"
        | "DELETE_A_FOLDER_FROM_ALL_PANELS"
        | "DELETE_A_LINK"
        | "DELETE_TAG"
        | "DELETE_A_PANEL" => again::<IdBased>(payload, time),
        "DELETE_DUPLICATE_LINKS" => again::<DeleteDuplicates>(payload, time),
        "DELETE_MULTIPLE_ITEMS" => again::<Many>(payload, time),
        "DELETE_A_FOLDER_FROM_A_PANEL" => again::<DeletePanelFolder>(payload, time),
        _ => None,
    }
}
