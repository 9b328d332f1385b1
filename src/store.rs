//! From a store's address to a store.

use crate::config;
use crate::config::StoreUrl;
use ionveil_journal::{MemoryStore, PostgresOptions, PostgresStore, SqliteStore, Store, StoreError};
use ionveil_kernel::Env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The file of the journal in a data directory.
pub const JOURNAL_FILE: &str = "journal.sqlite";

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

impl Place {
    /// What the settings mean; without an address a file in the data directory.
    #[must_use]
    pub fn of(store: &config::Store) -> Self {
        let Some(url) = &store.url else { return Self::Sqlite(store.data_dir.join(JOURNAL_FILE)) };
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
    /// [`StoreError`]; `Invalid` if there is nothing to read.
    pub async fn open_read_only(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Memory => Err(StoreError::Invalid("a store in memory is empty; name another with --store or --data-dir".into())),
            Self::Sqlite(path) => Ok(Arc::new(existing(path).await?)),
            Self::Postgres(url) => {
                let options = PostgresOptions { migrate: false, ..PostgresOptions::default() };
                Ok(Arc::new(PostgresStore::connect(url.secret(), options).await?))
            }
        }
    }
}

async fn existing(path: &Path) -> Result<SqliteStore, StoreError> {
    if path.exists() {
        return SqliteStore::open_read_only(path).await;
    }
    Err(StoreError::Invalid(format!("there is no journal at {}; name another with --data-dir or --store", path.display())))
}

fn postgres_options(partitions: u16, lease: Duration) -> PostgresOptions {
    PostgresOptions { partitions, lease, ..PostgresOptions::default() }
}
