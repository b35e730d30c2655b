//! Which browser pages may use this API: those that the hub's settings name, and no other. Without
//! a word to the contrary, any page could try stolen keys.

use http::{HeaderMap, HeaderValue, header};

/// Whether a request comes from a page of an allowed origin.
pub(super) fn is_allowed(origins: &[String], headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    origin.is_some_and(|origin| origins.iter().any(|it| it.eq_ignore_ascii_case(origin)))
}

/// Lets such a page read the answer.
pub(super) fn allow(origins: &[String], asked: &HeaderMap, answer: &mut HeaderMap) {
    if !is_allowed(origins, asked) {
        return;
    }
    if let Some(origin) = asked.get(header::ORIGIN) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    let fixed = [
        (header::VARY, "Origin"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "accept, content-type, x-auth-user, x-auth-key"),
    ];
    for (name, value) in fixed {
        answer.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_origins_may_read() {
        let origins = vec!["https://books.example.org".to_owned()];
        let allowed = |origin: &str| {
            let (mut asked, mut answer) = (HeaderMap::new(), HeaderMap::new());
            asked.insert(header::ORIGIN, origin.parse().unwrap());
            allow(&origins, &asked, &mut answer);
            answer.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        };
        assert!(allowed("https://books.example.org"));
        assert!(!allowed("https://evil.example.org") && !allowed("null"));
    }
}
