//! What an error of SQLite means to the caller. It does not decide what to do about it.

use crate::StoreError;
use sqlx::migrate::MigrateError;

// Primary result codes, <https://www.sqlite.org/rescode.html>; the extended ones carry them in the low byte.
const ERROR: u32 = 1;
const BUSY: u32 = 5;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CONSTRAINT: u32 = 19;
const NOTADB: u32 = 26;

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

/// An error of anything but a COMMIT: nothing was stored.
pub(super) fn of(error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(CORRUPT | NOTADB | CONSTRAINT) => StoreError::Corrupt(error.to_string()),
        Some(ERROR) => StoreError::Incompatible(error.to_string()),
        _ if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => StoreError::Corrupt(error.to_string()),
        _ => StoreError::unavailable(error),
    }
}

/// An error of a COMMIT. A full disk or a lock is met before the commit frame is in the log; after any other error the
/// frame may or may not be found by a later recovery.
pub(super) fn of_commit(error: sqlx::Error) -> StoreError {
    match primary_code(&error) {
        Some(BUSY | FULL) => StoreError::unavailable(error),
        Some(_) | None => StoreError::unknown(error),
    }
}

/// An error of the migrations.
pub(super) fn of_migration(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => of(error),
        other => StoreError::Incompatible(other.to_string()),
    }
}

/// What a row holds although nothing that we write reads so.
pub(super) fn unreadable(what: &str) -> StoreError {
    StoreError::Corrupt(format!("unreadable {what}"))
}

/// A number that no lawful caller gives.
pub(super) fn out_of_range(what: &str) -> StoreError {
    StoreError::Invalid(format!("{what} is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::error::{DatabaseError, ErrorKind};
    use std::borrow::Cow;
    use std::error::Error;
    use std::fmt;

    /// What SQLite answers, by its extended code.
    #[derive(Debug)]
    struct Code(u32);

    impl fmt::Display for Code {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    impl Error for Code {}

    impl DatabaseError for Code {
        fn message(&self) -> &str {
            "as told"
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.to_string().into())
        }
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }
    }

    fn word(error: &StoreError) -> &'static str {
        match error {
            StoreError::Unavailable(_) => "unavailable",
            StoreError::OutcomeUnknown(_) => "unknown",
            StoreError::Corrupt(_) => "corrupt",
            StoreError::Incompatible(_) => "incompatible",
            StoreError::Invalid(_) => "invalid",
        }
    }

    #[test]
    fn codes_tell_what_to_do_next() {
        for (name, code, statement, commit) in [
            ("SQLITE_BUSY", 5, "unavailable", "unavailable"),
            ("SQLITE_BUSY_SNAPSHOT", 517, "unavailable", "unavailable"),
            ("SQLITE_FULL", 13, "unavailable", "unavailable"),
            ("SQLITE_IOERR_WRITE", 778, "unavailable", "unknown"),
            ("SQLITE_IOERR_FSYNC", 1034, "unavailable", "unknown"),
            ("SQLITE_NOMEM", 7, "unavailable", "unknown"),
            ("SQLITE_CANTOPEN", 14, "unavailable", "unknown"),
            ("SQLITE_CORRUPT_INDEX", 779, "corrupt", "unknown"),
            ("SQLITE_NOTADB", 26, "corrupt", "unknown"),
            ("SQLITE_CONSTRAINT_UNIQUE", 2067, "corrupt", "unknown"),
            ("SQLITE_ERROR", 1, "incompatible", "unknown"),
        ] {
            let error = || sqlx::Error::Database(Box::new(Code(code)));
            assert_eq!((word(&of(error())), word(&of_commit(error()))), (statement, commit), "{name}");
        }
        assert_eq!(word(&of(sqlx::Error::WorkerCrashed)), "unavailable");
        assert_eq!(word(&of_commit(sqlx::Error::WorkerCrashed)), "unknown");
    }
}
