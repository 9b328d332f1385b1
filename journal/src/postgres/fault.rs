//! What a failed call means for the caller. The one question that matters: may it have been committed?

use crate::StoreError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// The client's patience ended before the server's.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the server within {0:?}")]
pub(super) struct NoAnswer(pub(super) std::time::Duration);

/// How a call that was sent can fail.
#[derive(Debug)]
pub(super) enum Broken {
    /// The driver's or the server's word.
    Driver(sqlx::Error),
    /// No word at all.
    Silent(NoAnswer),
}

/// A fault of something that may be repeated: a read, or a call that was never sent.
pub(super) fn repeatable(error: sqlx::Error) -> StoreError {
    match permanent(&error) {
        Some(fault) => fault,
        None => StoreError::unavailable(error),
    }
}

/// A fault of an append, or of another change, that had been sent. An `ERROR` is the server's word that the transaction was rolled back. A
/// `FATAL` (the session is ended by force) or a broken connection may come after the commit.
pub(super) fn sent(broken: Broken) -> StoreError {
    match broken {
        Broken::Driver(error) if severity(&error) == Some(PgSeverity::Error) => repeatable(error),
        Broken::Driver(error) => StoreError::unknown(error),
        Broken::Silent(error) => StoreError::unknown(error),
    }
}

/// A fault of a migration.
pub(super) fn migrating(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => {
            StoreError::Incompatible(format!("a newer release has been here: migration {version} is unknown to this one"))
        }
        MigrateError::VersionMismatch(version) => {
            StoreError::Incompatible(format!("migration {version} was another one when it was applied"))
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => repeatable(error),
        other => StoreError::Incompatible(other.to_string()),
    }
}

fn severity(error: &sqlx::Error) -> Option<PgSeverity> {
    error.as_database_error()?.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity)
}

/// What no repetition cures, by SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn permanent(error: &sqlx::Error) -> Option<StoreError> {
    let sqlx::Error::Database(fault) = error else {
        return match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Some(StoreError::Corrupt(error.to_string())),
            sqlx::Error::Configuration(_) | sqlx::Error::InvalidArgument(_) | sqlx::Error::Encode(_) => {
                Some(StoreError::Invalid(error.to_string()))
            }
            _ => None,
        };
    };
    let code = fault.code().unwrap_or_default();
    let text = || format!("{} (SQLSTATE {code})", fault.message());
    match code.get(..2).unwrap_or_default() {
        // Data or index corrupted.
        "XX" if matches!(&*code, "XX001" | "XX002") => Some(StoreError::Corrupt(text())),
        // Data exceptions, broken constraints, exceeded limits of the program.
        "22" | "23" | "54" => Some(StoreError::Invalid(text())),
        // Wrong password, missing database, missing or foreign tables and rights, our own refusal.
        "28" | "3D" | "3F" | "42" | "IV" => Some(StoreError::Incompatible(text())),
        _ => None,
    }
}
