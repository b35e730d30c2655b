//! x
use crate::book::Book;
use crate::target::Failure;
pub(crate) fn page(_: &Book) -> Result<String, Failure> {
    Ok(String::new())
}
