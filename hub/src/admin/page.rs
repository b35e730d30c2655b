//! Lists in pages: so many items, and a token that says where the next page begins.
//!
//! A token is the sort key of the last item, so that pages stay true while items come and go.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::Failure;

/// Any text of the alphabet and of a possible length is a token, of some key or other.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));
/// Items of a page when nothing is said.
const LIMIT: usize = 100;
/// Items of a page at most.
pub(super) const LIMIT_MAX: usize = 1000;

/// Which page of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// Items of one page.
    #[param(minimum = 1, maximum = 1000, default = 100, nullable = false)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(pattern = "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2,3})?$", nullable = false)]
    after: Option<String>,
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The items, in the order of the list.
    pub(super) items: Vec<T>,
    /// Pass it as `after` for the next page; null when this is the last.
    pub(super) next: Option<String>,
}

impl Paging {
    /// How many items at most.
    pub(super) fn limit(&self) -> Result<usize, Failure> {
        match self.limit {
            None => Ok(LIMIT),
            Some(limit @ 1..=LIMIT_MAX) => Ok(limit),
            Some(_) => Err(Failure::malformed(format!("`limit` is 1 to {LIMIT_MAX}"))),
        }
    }

    /// The sort key after which the page begins.
    pub(super) fn after(&self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(token) = self.after.as_deref().filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        let key = BASE64.decode(token);
        let wrong = |_| Failure::malformed("`after` is what `next` of a page before said");
        key.map(Some).map_err(wrong)
    }

    /// A page of a list that is at hand: each item with its sort key, in their order.
    pub(super) fn cut<K: AsRef<[u8]>, I, T>(
        &self,
        items: impl IntoIterator<Item = (K, I)>,
        mut show: impl FnMut(I) -> Result<T, Failure>,
    ) -> Result<Page<T>, Failure> {
        let (limit, after) = (self.limit()?, self.after()?);
        let is_later = |(key, _): &(K, I)| after.as_deref().is_none_or(|it| key.as_ref() > it);
        let mut later = items.into_iter().filter(is_later).peekable();
        let mut page = Page { items: Vec::new(), next: None };
        while let Some((key, item)) = later.next() {
            page.items.push(show(item)?);
            if page.items.len() == limit && later.peek().is_some() {
                page.next = Some(token(key.as_ref()));
                break;
            }
        }
        Ok(page)
    }
}

/// The token for a sort key.
pub(super) fn token(key: &[u8]) -> String {
    BASE64.encode(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paging(limit: Option<usize>, after: Option<&str>) -> Paging {
        Paging { limit, after: after.map(str::to_owned) }
    }

    #[test]
    fn pages_join_without_gap_or_repeat() {
        let names: Vec<String> = (0..25).map(|at| format!("{at:02}")).collect();
        for limit in [1, 7, 25, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let list = names.iter().map(|name| (name, name.clone()));
                let page = paging(Some(limit), after.as_deref()).cut(list, Ok).ok().unwrap();
                assert!(page.items.len() <= limit && !page.items.is_empty());
                found.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, names, "{limit}");
        }
    }

    #[test]
    fn wrong_pages_are_refused() {
        for wrong in [paging(Some(0), None), paging(Some(1001), None), paging(None, Some("%"))] {
            let page = wrong.cut([("a", 1)], Ok);
            assert_eq!(page.err().map(|no| no.code), Some("malformed"));
        }
    }
}
