//! The one place that reads the environment. Everything else gets it as a map, so that tests bring their own.

use std::collections::BTreeMap;

/// What variables of ours begin with.
pub const PREFIX: &str = "IONVEIL__";

/// What variables begin with that hold secrets of channels.
pub const SECRET_PREFIX: &str = ionveil_channels::channel::SECRET_PREFIX;

/// The process's variables that begin with [`PREFIX`] or [`SECRET_PREFIX`]. Bytes that are not UTF-8 become U+FFFD, which no setting accepts.
#[must_use]
pub fn read() -> BTreeMap<String, String> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .filter(|(name, _)| name.starts_with(PREFIX) || name.starts_with(SECRET_PREFIX))
        .collect()
}
