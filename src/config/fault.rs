//! What can be wrong with a configuration: a list of faults that is read by people, all of it at once.

use crate::config::Origin;
use std::fmt;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// The full path, such as `auth.keys[0].algorithm`; empty if the whole layer is broken.
    pub path: String,
    /// Which layer said it; none if none did.
    pub origin: Option<Origin>,
    /// What is wrong, and what would be right.
    pub detail: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.path, &self.origin) {
            ("", None) => f.write_str(&self.detail),
            ("", Some(origin)) => write!(f, "{origin}: {}", self.detail),
            (path, None) => write!(f, "{path}: {}", self.detail),
            (path, Some(origin)) => write!(f, "{path} ({origin}): {}", self.detail),
        }
    }
}

/// All faults of a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "the configuration has {count} fault{}:", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}
