//! lib
pub mod import;
