//! What all lists have in common.

use crate::http::fields::Fields;
use crate::http::problem::Code;

/// How many items a page has unless asked otherwise.
pub const PAGE_SIZE_DEFAULT: usize = 50;
/// The most items of a page.
pub const PAGE_SIZE_MAX: usize = 500;

/// Reads `page_size`: 1 to [`PAGE_SIZE_MAX`]; none after a fault was noted.
pub fn page_size(fields: &mut Fields) -> Option<usize> {
    let asked = fields.optional::<u64>("page_size").map_or(Some(PAGE_SIZE_DEFAULT), |size| usize::try_from(size).ok());
    let lawful = asked.filter(|size| (1..=PAGE_SIZE_MAX).contains(size));
    if lawful.is_none() {
        fields.fault(Code::InvalidField, "page_size", format!("must be 1 to {PAGE_SIZE_MAX}"));
    }
    lawful
}
