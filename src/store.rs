//! From a store's address to a store.

use crate::config;
use crate::config::StoreUrl;
use ionveil_journal::{MemoryStore, PostgresOptions, PostgresStore, SqliteStore, Store, StoreError};
use ionveil_kernel::{EntityId, Env, Kind, NameError, Org, StreamId};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The file of the journal in a data directory.
pub const JOURNAL_FILE: &str = "journal.sqlite";

/// How many names are read at a time.
const NAMES: usize = 500;

/// Where events are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this process.
    Memory,
    /// In this file.
    Sqlite(PathBuf),
    /// In this database.
    Postgres(StoreUrl),
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nobody has made it yet.
    #[error("there is no journal at {}; name another with --data-dir or --store", .0.display())]
    Missing(PathBuf),
    /// Another process has nothing of it.
    #[error("a store in memory ends with its process; name another with --store or --data-dir")]
    Memory,
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl fmt::Display for Place {
    /// The same for the same place, without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.canonicalize().as_deref().unwrap_or(path).display()),
            Self::Postgres(url) => fmt::Display::fmt(url, f),
        }
    }
}

impl Place {
    /// What the settings mean; without an address a file in the data directory.
    #[must_use]
    pub fn of(store: &config::Store) -> Self {
        store.url.as_ref().map_or_else(|| Self::Sqlite(store.data_dir.join(JOURNAL_FILE)), Self::at)
    }

    /// What an address means.
    #[must_use]
    pub fn at(url: &config::StoreUrl) -> Self {
        let text = url.secret();
        match text.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()),
            None if text == "memory:" => Self::Memory,
            None => Self::Postgres(url.clone()),
        }
    }

    /// Opens it for reading and writing, made and migrated if need be.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(&self, env: &Env, partitions: u16, lease: Duration) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryStore::new(env.clone(), partitions)),
            Self::Sqlite(path) => Arc::new(SqliteStore::open(path, partitions).await?),
            Self::Postgres(url) => Arc::new(PostgresStore::connect(url.secret(), postgres_options(partitions, lease)).await?),
        })
    }

    /// Opens it for reading beside whoever writes. Nothing is made or migrated.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn open_read_only(&self) -> Result<Arc<dyn Store>, ReadError> {
        match self {
            Self::Memory => Err(ReadError::Memory),
            Self::Sqlite(path) if !path.exists() => Err(ReadError::Missing(path.clone())),
            Self::Sqlite(path) => Ok(Arc::new(SqliteStore::open_read_only(path).await?)),
            Self::Postgres(url) => {
                let options = PostgresOptions { migrate: false, ..PostgresOptions::default() };
                Ok(Arc::new(PostgresStore::connect(url.secret(), options).await?))
            }
        }
    }
}

/// How a database is used that an owner's `lease` is kept in.
pub(crate) fn postgres_options(partitions: u16, lease: Duration) -> PostgresOptions {
    PostgresOptions { partitions, lease, ..PostgresOptions::default() }
}

/// The names of all entities of a kind in an organisation, in order. They lie together in the store, so that no others are
/// looked at.
///
/// # Errors
/// [`StoreError`].
pub async fn entities_of(store: &dyn Store, org: &Org, kind: &str) -> Result<Vec<StreamId>, StoreError> {
    let mut after = before_all(org, kind).map_err(|error| StoreError::Invalid(error.to_string()))?;
    let mut found = Vec::new();
    loop {
        let names = store.entities(Some(&after), NAMES).await?;
        let Some(last) = names.last().cloned() else { return Ok(found) };
        found.extend(names.into_iter().filter(|name| name.org == *org && name.kind.as_str() == kind));
        if last.org != *org || last.kind.as_str() > kind {
            return Ok(found);
        }
        after = last;
    }
}

/// A name before those of all entities of a kind: of a kind whose name comes right before theirs.
fn before_all(org: &Org, kind: &str) -> Result<StreamId, NameError> {
    let earlier = Kind::new(kind.get(..kind.len().saturating_sub(1)).unwrap_or_default())?;
    Ok(StreamId::new(org.clone(), earlier, EntityId::new(&"z".repeat(128))?))
}
