//! Values of a row by column number.

use super::fault::{self, unreadable};
use crate::StoreError;
use ionveil_kernel::{EntityId, Kind, Org, StreamId, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, ValueRef};
use uuid::Uuid;

/// Reads values of a row whose statement fixes their types.
pub(super) struct Columns<'r>(pub(super) &'r SqliteRow);

impl<'r> Columns<'r> {
    pub(super) fn text(&self, column: usize) -> Result<&'r str, StoreError> {
        self.0.try_get_unchecked(column).map_err(fault::of)
    }

    pub(super) fn integer(&self, column: usize) -> Result<i64, StoreError> {
        self.0.try_get_unchecked(column).map_err(fault::of)
    }

    /// A number that is not negative and fits `T`.
    pub(super) fn count<T: TryFrom<i64>>(&self, column: usize) -> Result<T, StoreError> {
        T::try_from(self.integer(column)?).map_err(|_| unreadable("number"))
    }

    pub(super) fn instant(&self, column: usize) -> Result<Timestamp, StoreError> {
        self.integer(column).map(Timestamp::from_micros)
    }

    pub(super) fn bytes(&self, column: usize) -> Result<&'r [u8], StoreError> {
        self.0.try_get_unchecked(column).map_err(fault::of)
    }

    pub(super) fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        Uuid::from_slice(self.bytes(column)?).map_err(|_| unreadable("uuid"))
    }

    pub(super) fn maybe_text(&self, column: usize) -> Result<Option<&'r str>, StoreError> {
        self.0.try_get_unchecked(column).map_err(fault::of)
    }

    pub(super) fn is_null(&self, column: usize) -> Result<bool, StoreError> {
        self.0.try_get_raw(column).map(|value| value.is_null()).map_err(fault::of)
    }

    /// A name from three columns, the first of which is `first`.
    pub(super) fn stream(&self, first: usize) -> Result<StreamId, StoreError> {
        let unlawful = |_| unreadable("stream name");
        Ok(StreamId {
            org: Org::new(self.text(first)?).map_err(unlawful)?,
            kind: Kind::new(self.text(first + 1)?).map_err(unlawful)?,
            id: EntityId::new(self.text(first + 2)?).map_err(unlawful)?,
        })
    }

    pub(super) fn maybe_uuid(&self, column: usize) -> Result<Option<Uuid>, StoreError> {
        self.maybe_bytes(column)?.map(|bytes| Uuid::from_slice(bytes).map_err(|_| unreadable("uuid"))).transpose()
    }

    /// What an aggregate over no rows leaves out.
    pub(super) fn maybe_bytes(&self, column: usize) -> Result<Option<&'r [u8]>, StoreError> {
        self.0.try_get_unchecked(column).map_err(fault::of)
    }
}
