//! What can go wrong with views, told apart by what the caller must do next.

use ionveil_journal::StoreError;

/// A fault of the views or of the journal under them.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    /// The views' database cannot be reached; nothing was changed, or all of the page.
    #[error("reach the views")]
    Unavailable(#[source] sqlx::Error),
    /// The journal cannot be read.
    #[error("read the journal for the views")]
    Journal(#[source] StoreError),
    /// The tables cannot be made or brought up to date.
    #[error("prepare the tables of the views")]
    Schema(#[source] sqlx::migrate::MigrateError),
    /// The views were made by a newer release, or one took them over.
    #[error("use these views: projection version {found}, this release has {known}")]
    Newer {
        /// The version found.
        found: u64,
        /// The version of this release.
        known: u64,
    },
    /// The views hold something that they cannot have written.
    #[error("trust the views: {0}")]
    Corrupt(String),
    /// The call can never succeed.
    #[error("use the views: {0}")]
    Invalid(String),
}

impl ViewsError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Journal(error) => error.retryable(),
            Self::Schema(_) | Self::Newer { .. } | Self::Corrupt(_) | Self::Invalid(_) => false,
        }
    }
}

impl From<sqlx::Error> for ViewsError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::RowNotFound => Self::Corrupt(error.to_string()),
            sqlx::Error::Configuration(_) => Self::Invalid(error.to_string()),
            other => Self::Unavailable(other),
        }
    }
}

/// The views have not come as far as a reader must see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("see the wanted events in the views yet")]
pub struct Behind {
    /// How far they have come, by partition.
    pub positions: Vec<u64>,
}
