//! Where the views are kept.

use crate::ViewsError;
use std::path::PathBuf;

/// Where the views are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this process; gone with it.
    Memory,
    /// In a SQLite file of their own; it is made if it is missing, its folder is not.
    Sqlite(PathBuf),
    /// In a schema of their own of a Postgres database; it is made if it is missing.
    Postgres {
        /// As Postgres clients take it, `postgres://…`.
        url: String,
        /// `[a-z_][a-z0-9_]{0,62}`, such as `views`.
        schema: String,
    },
}

impl Location {
    /// Reads `memory:`, `sqlite::memory:`, `sqlite:PATH`, `sqlite://PATH` or `postgres://…` (schema `views`).
    ///
    /// # Errors
    /// [`ViewsError::Invalid`] for anything else.
    pub fn parse(url: &str) -> Result<Self, ViewsError> {
        if matches!(url, "memory:" | "sqlite::memory:") {
            return Ok(Self::Memory);
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres { url: url.to_owned(), schema: "views".to_owned() });
        }
        match url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(_) | None => Err(ViewsError::Invalid("a location is memory:, sqlite:PATH or postgres://…".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_read_from_urls() {
        for (url, expected) in [
            ("memory:", Location::Memory),
            ("sqlite::memory:", Location::Memory),
            ("sqlite:a/b.sqlite", Location::Sqlite("a/b.sqlite".into())),
            ("sqlite:///a b", Location::Sqlite("/a b".into())),
            ("postgres://h/d", Location::Postgres { url: "postgres://h/d".into(), schema: "views".into() }),
        ] {
            assert_eq!(Location::parse(url).unwrap(), expected);
        }
        assert!(Location::parse("mysql://h").is_err());
        assert!(Location::parse("sqlite:").is_err());
    }
}
