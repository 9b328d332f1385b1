//! The one place that reads the environment. Everything else gets it as a map, so that tests bring their own.

use std::collections::BTreeMap;

/// What variables of ours begin with.
pub const PREFIX: &str = "IONVEIL__";

/// What variables begin with that hold secrets of channels.
pub const SECRET_PREFIX: &str = ionveil_channels::channel::SECRET_PREFIX;

/// What other names of the settings under `[queue]` begin with (specification of IonVeil §5.2).
pub const QUEUE_PREFIX: &str = "IONVEIL_QUEUE_";

/// The process's variables that begin with [`PREFIX`], [`QUEUE_PREFIX`] or [`SECRET_PREFIX`]. Bytes that are not UTF-8 become U+FFFD, which no setting accepts.
#[must_use]
pub fn read() -> BTreeMap<String, String> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .filter(|(name, _)| [PREFIX, QUEUE_PREFIX, SECRET_PREFIX].iter().any(|prefix| name.starts_with(prefix)))
        .collect()
}
