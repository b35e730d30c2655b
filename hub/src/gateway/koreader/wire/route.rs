//! Paths: case matters, slashes at the end do not, and a document's id is one segment, decoded once
//! the path is cut.

use http::{HeaderMap, Method, header};

use super::{Refused, is_document};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Route {
    /// A word for whoever opens the address in a browser.
    Welcome,
    Robots,
    Health,
    Register,
    Authorize,
    Push,
    /// The position of this document; none when what was named cannot be one.
    Pull(Option<String>),
    ChangeKey,
    DeleteAccount,
    /// KOsync's list of documents.
    Documents,
    /// KOsync's way to set a title.
    SetTitle,
}

impl Route {
    pub(in super::super) fn of(method: &Method, path: &str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        if let Some(document) = path.strip_prefix("/syncs/progress/") {
            let is_pull = *method == Method::GET && !document.contains('/');
            let document = || decoded(document).filter(|id| is_document(id));
            return is_pull.then(|| Self::Pull(document()));
        }
        let route = match (method.as_str(), path) {
            ("GET", "") => Self::Welcome,
            ("GET", "/robots.txt") => Self::Robots,
            ("GET", "/healthcheck") => Self::Health,
            ("POST", "/users/create") => Self::Register,
            ("GET", "/users/auth") => Self::Authorize,
            ("PUT", "/syncs/progress") => Self::Push,
            ("PUT", "/users/password") => Self::ChangeKey,
            ("DELETE", "/users/me") => Self::DeleteAccount,
            ("GET", "/api/documents.all") => Self::Documents,
            ("PUT", "/api/documents.update") => Self::SetTitle,
            _ => return None,
        };
        Some(route)
    }

    /// What may be logged of the path: never a document's id.
    pub(in super::super) fn pattern(&self) -> &'static str {
        match self {
            Self::Welcome => "/",
            Self::Robots => "/robots.txt",
            Self::Health => "/healthcheck",
            Self::Register => "/users/create",
            Self::Authorize => "/users/auth",
            Self::Push => "/syncs/progress",
            Self::Pull(_) => "/syncs/progress/:document",
            Self::ChangeKey => "/users/password",
            Self::DeleteAccount => "/users/me",
            Self::Documents => "/api/documents.all",
            Self::SetTitle => "/api/documents.update",
        }
    }
}

/// Any `Accept` is served as version 1, but for the vendor's type of another version.
pub(in super::super) fn check_accept(headers: &HeaderMap) -> Result<(), Refused> {
    let Some(accept) = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()) else {
        return Ok(());
    };
    let vendor = accept.trim().strip_prefix("application/vnd.koreader.v");
    let Some(version) = vendor.and_then(|it| it.strip_suffix("+json")) else { return Ok(()) };
    let major = version.split('.').next().unwrap_or_default();
    let is_number = !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && major != "1" { Err(Refused::VERSION) } else { Ok(()) }
}

/// `%2F` and the like; a `%` that begins no escape is a `%`.
fn decoded(segment: &str) -> Option<String> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let bytes = segment.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let escape =
            (byte == b'%').then(|| Some((digit(bytes.get(at + 1))?, digit(bytes.get(at + 2))?)));
        match escape.flatten() {
            Some((high, low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}
