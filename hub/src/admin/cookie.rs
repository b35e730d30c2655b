//! The cookie of a browser's session, and whether a request may use it.
//!
//! The cookie cannot be read by a page's scripts and does not travel from other sites. What it
//! opens to a request that changes something also needs a header that no other site can send
//! without being asked, and an origin that is the hub's own where a browser names one.

use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, Method, header};

/// The cookie's name.
pub(crate) const COOKIE: &str = "syncline_session";
/// The header by which the hub's own pages show that a request is theirs.
pub(super) const CSRF: &str = "syncline-csrf";
/// Where the cookie goes: the sessions at `/ws` too.
const PATH: &str = "/";

/// What the session's cookie holds, if the request has one.
pub(crate) fn session(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
    let mut cookies = lines.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let cookie = cookies.find(|cookie| cookie.name() == COOKIE)?;
    Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// Whether a browser names the hub's own origin; none when it names no origin.
pub(crate) fn is_own_origin(headers: &HeaderMap) -> Option<bool> {
    let origin = headers.get(header::ORIGIN)?.to_str().unwrap_or_default();
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").map(|(_, host)| host);
    Some(own.is_some() && own == host)
}

/// Whether a request may be done by the cookie alone.
pub(super) fn may_be_used(method: &Method, headers: &HeaderMap) -> bool {
    let changes_nothing = matches!(*method, Method::GET | Method::HEAD);
    changes_nothing || (headers.contains_key(CSRF) && is_own_origin(headers) != Some(false))
}

/// The header that gives a browser a session for so many seconds, or takes it away again (0).
pub(super) fn set(value: &str, seconds: i64, encrypted: bool) -> HeaderValue {
    let cookie = Cookie::build((COOKIE, value))
        .path(PATH)
        .http_only(true)
        .secure(encrypted)
        .same_site(SameSite::Strict)
        .max_age(cookie::time::Duration::seconds(seconds))
        .build();
    HeaderValue::from_str(&cookie.to_string()).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let found = |text: &str| session(&headers(&[("cookie", text)]));
        assert_eq!(found("a=b; syncline_session=x; c=d"), Some("x".to_owned()));
        assert_eq!(found("syncline_session="), None);
        assert_eq!(found("xsyncline_session=y; ;;="), None);
        assert_eq!(session(&HeaderMap::new()), None);
    }

    #[test]
    fn a_change_by_cookie_shows_where_it_comes_from() {
        let own = [("host", "hub:1"), ("origin", "http://hub:1")];
        let foreign = [("host", "hub:1"), ("origin", "http://evil")];
        let sign = [(CSRF, "1")];
        let may = |method, pairs: &[&[(&'static str, &str)]]| {
            may_be_used(method, &headers(&pairs.concat()))
        };
        assert!(may(&Method::GET, &[&foreign]));
        assert!(may(&Method::POST, &[&own, &sign]) && may(&Method::POST, &[&sign]));
        assert!(!may(&Method::POST, &[&own]) && !may(&Method::DELETE, &[&foreign, &sign]));
        assert!(!may(&Method::PUT, &[&[("host", "hub"), ("origin", "null")], &sign]));
    }

    #[test]
    fn the_cookie_is_kept_from_scripts_and_other_sites() {
        let text = set("x", 60, true).to_str().unwrap().to_owned();
        for part in
            ["syncline_session=x", "HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=60"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!set("x", 60, false).to_str().unwrap().contains("Secure"));
    }
}
