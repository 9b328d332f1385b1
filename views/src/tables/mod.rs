//! The tables behind the views: parallel files for SQLite and Postgres, and what they do alike. No projection happens
//! here.

pub(crate) mod apply;
mod postgres;
mod reads;
mod sqlite;

use crate::alerts::{AlertRow, AlertRows};
use crate::filter::{AttemptLists, Filtered};
use crate::{
    AlertPlace, AttemptFilter, AttemptPlace, AuditFilter, Checkpoint, IncidentFilter, IncidentPlace, IncidentRow, Location, MinuteRow,
    ScopeCount, SealRun, UnitFilter, UnitRow, ViewsError, WorkPlace, WorkScope, WorkflowFilter, WorkflowRow,
};
use ionveil_channels::view::Attempt;
use ionveil_kernel::{EntityId, Org, Timestamp};
use ionveil_policy::tree::AuditRecord;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The view of this crate, and the version of its projection: raise it when the same events make other rows, and every
/// row is made anew at the next start.
pub(crate) const VIEW: &str = "workflows";
/// See [`VIEW`]. It is also raised when the form of a kept state changes.
pub(crate) const VERSION: i64 = 4;
/// Where applied schema steps are kept.
const STEPS_TABLE: &str = "views_migrations";

/// Statements that depend on the filter.
#[derive(Clone, Debug)]
struct Lists {
    workflows: Filtered,
    count: Filtered,
    audit: String,
    audit_of_node: String,
    attempts: AttemptLists,
}

impl Lists {
    fn new() -> Self {
        let audit = include_str!("sql/audit.sql");
        Self {
            workflows: Filtered::new(include_str!("sql/workflows.sql"), 3),
            count: Filtered::new(include_str!("sql/count.sql"), 1),
            audit: audit.replace("/*node*/", ""),
            audit_of_node: audit.replace("/*node*/", "AND node = $5"),
            attempts: AttemptLists::new(include_str!("sql/attempts.sql"), 7),
        }
    }
}

/// Tables in either database.
pub(crate) enum Tables {
    Sqlite(sqlite::SqliteTables),
    Postgres(postgres::PostgresTables),
}

/// Calls the same method of either.
macro_rules! either {
    ($self:ident, $tables:ident => $call:expr) => {
        match $self {
            Tables::Sqlite($tables) => $call,
            Tables::Postgres($tables) => $call,
        }
    };
}

impl Tables {
    pub(crate) async fn open(location: &Location) -> Result<Self, ViewsError> {
        match location {
            Location::Memory => sqlite::SqliteTables::open(None).await.map(Self::Sqlite),
            Location::Sqlite(path) => sqlite::SqliteTables::open(Some(path)).await.map(Self::Sqlite),
            Location::Postgres { url, schema } => postgres::PostgresTables::open(url, schema).await.map(Self::Postgres),
        }
    }

    /// Makes checkpoints for `partitions`, throwing away rows of an older projection or another number of partitions.
    pub(crate) async fn begin(&self, partitions: u16, anew: bool) -> Result<(), ViewsError> {
        either!(self, tables => apply::begin(tables.work(true).await?, partitions, anew).await)
    }

    pub(crate) async fn apply(&self, page: &apply::Page<'_>) -> Result<apply::Outcome, ViewsError> {
        either!(self, tables => apply::apply(tables.work(false).await?, page).await)
    }

    pub(crate) async fn checkpoints(&self) -> Result<Vec<Checkpoint>, ViewsError> {
        let stored = either!(self, tables => tables.checkpoints().await)?;
        Ok(stored.into_iter().map(|stored| stored.checkpoint).collect())
    }

    pub(crate) async fn workflow(&self, org: &Org, id: &EntityId) -> Result<Option<WorkflowRow>, ViewsError> {
        either!(self, tables => tables.workflow(org, id).await)
    }

    pub(crate) async fn workflows(
        &self,
        org: &Org,
        filter: &WorkflowFilter,
        after: Option<&EntityId>,
        limit: i64,
    ) -> Result<Vec<WorkflowRow>, ViewsError> {
        either!(self, tables => tables.workflows(org, filter, after, limit).await)
    }

    pub(crate) async fn count(&self, org: &Org, filter: &WorkflowFilter) -> Result<u64, ViewsError> {
        either!(self, tables => tables.count(org, filter).await)
    }

    pub(crate) async fn incidents(
        &self,
        org: &Org,
        filter: &IncidentFilter,
        after: Option<&IncidentPlace>,
        limit: i64,
    ) -> Result<Vec<IncidentRow>, ViewsError> {
        either!(self, tables => tables.incidents(org, filter, after, limit).await)
    }

    pub(crate) async fn count_incidents(&self, org: &Org, filter: &IncidentFilter) -> Result<u64, ViewsError> {
        either!(self, tables => tables.count_incidents(org, filter).await)
    }

    pub(crate) async fn units(
        &self,
        org: &Org,
        filter: &UnitFilter,
        after: Option<&EntityId>,
        limit: i64,
    ) -> Result<Vec<UnitRow>, ViewsError> {
        either!(self, tables => tables.units(org, filter, after, limit).await)
    }

    pub(crate) async fn alerts(
        &self,
        org: &Org,
        rows: &AlertRows,
        after: Option<&AlertPlace>,
        limit: i64,
    ) -> Result<Vec<AlertRow>, ViewsError> {
        either!(self, tables => tables.alerts(org, rows, after, limit).await)
    }

    pub(crate) async fn count_alerts(&self, org: &Org, rows: &AlertRows) -> Result<u64, ViewsError> {
        either!(self, tables => tables.count_alerts(org, rows).await)
    }

    pub(crate) async fn audit(&self, org: &Org, filter: &AuditFilter, after: i64, limit: i64) -> Result<Vec<AuditRecord>, ViewsError> {
        either!(self, tables => tables.audit(org, filter, after, limit).await)
    }

    pub(crate) async fn attempts(
        &self,
        org: &Org,
        filter: &AttemptFilter,
        after: Option<&AttemptPlace>,
        limit: i64,
    ) -> Result<Vec<Attempt>, ViewsError> {
        either!(self, tables => tables.attempts(org, filter, after, limit).await)
    }

    pub(crate) async fn scopes(&self, org: &Org, from: Timestamp, to: Timestamp) -> Result<Vec<ScopeCount>, ViewsError> {
        either!(self, tables => tables.scopes(org, from, to).await)
    }

    pub(crate) async fn first_work(
        &self,
        org: &Org,
        scope: &WorkScope,
        range: (Timestamp, Timestamp),
        limit: i64,
    ) -> Result<Vec<WorkPlace>, ViewsError> {
        either!(self, tables => tables.first_work(org, scope, range, limit).await)
    }

    pub(crate) async fn minutes(&self, org: &Org, range: (Timestamp, Timestamp), limit: i64) -> Result<Vec<MinuteRow>, ViewsError> {
        either!(self, tables => tables.minutes(org, range, limit).await)
    }

    pub(crate) async fn seals(&self, org: &Org, partition: u16, position: i64, limit: i64) -> Result<Vec<SealRun>, ViewsError> {
        either!(self, tables => tables.seals(org, partition, position, limit).await)
    }

    pub(crate) async fn sealed(&self, partition: u16) -> Result<Vec<Org>, ViewsError> {
        either!(self, tables => tables.sealed(partition).await)
    }

    pub(crate) async fn close(&self) {
        either!(self, tables => tables.close().await);
    }
}

/// The steps of the schema, named as their files are, in order.
fn migrator(steps: [(&'static str, &'static str); 7]) -> Migrator {
    let step = |((name, text), number): ((&'static str, &'static str), i64)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    let mut migrator = Migrator::with_migrations(steps.into_iter().zip(1..).map(step).collect());
    migrator.dangerous_set_table_name(STEPS_TABLE);
    migrator
}

/// Text that was put together from constants of this crate.
fn safe(text: &str) -> SqlStr {
    AssertSqlSafe(text.to_owned()).into_sql_str()
}

/// A count as SQL has it.
pub(crate) fn integer(count: u64) -> Result<i64, ViewsError> {
    i64::try_from(count).map_err(|_| ViewsError::Invalid(format!("{count} is no position")))
}

/// A count as the program has it.
fn count(integer: i64) -> Result<u64, ViewsError> {
    u64::try_from(integer).map_err(|_| ViewsError::Corrupt(format!("{integer} where a count should be")))
}

/// In the order of `store_incidents.sql`.
type IncidentColumns<'a> = (&'a str, &'a str, i64, Option<&'a str>, &'a str, i64, i64, i64, String, i64, i64);

fn incident_columns(rows: &[IncidentRow]) -> Result<Vec<IncidentColumns<'_>>, ViewsError> {
    let live = rows.iter().filter_map(|row| Some((row, row.state.live()?)));
    live.map(|(row, incident)| {
        let (zone, priority) = (incident.zone.as_ref().map(EntityId::as_str), i64::from(incident.priority.number()));
        let (created_at, archived, version) = (incident.created_at.micros(), i64::from(incident.archived), integer(row.version)?);
        let (record, times) = (text(&row.state)?, (row.occurred_at.micros(), row.recorded_at.micros()));
        let (org, id, status) = (row.org.as_str(), row.id.as_str(), incident.status.as_str());
        Ok((org, id, created_at, zone, status, priority, archived, version, record, times.0, times.1))
    })
    .collect()
}

/// In the order of `store_units.sql`.
type UnitColumns<'a> = (&'a str, &'a str, &'a str, &'a str, i64, String, i64, i64);

fn unit_columns(rows: &[UnitRow]) -> Result<Vec<UnitColumns<'_>>, ViewsError> {
    let live = rows.iter().filter_map(|row| Some((row, row.state.live()?)));
    live.map(|(row, unit)| {
        let (org, id, unit_type, status) = (row.org.as_str(), row.id.as_str(), unit.unit_type.as_str(), unit.status().as_str());
        let (version, record) = (integer(row.version)?, text(&row.state)?);
        Ok((org, id, unit_type, status, version, record, row.occurred_at.micros(), row.recorded_at.micros()))
    })
    .collect()
}

/// In the order of `store_minutes.sql`.
type MinuteColumns<'a> = (&'a str, i64, &'a str, i64, &'a str, String);

fn minute_columns(rows: &[(Org, MinuteRow)]) -> Result<Vec<MinuteColumns<'_>>, ViewsError> {
    rows.iter()
        .map(|(org, MinuteRow { key, rolled })| {
            Ok((org.as_str(), key.minute.micros(), &*key.region, i64::from(key.severity), &*key.unit_type, text(rolled)?))
        })
        .collect()
}

/// A line of a list as it is kept.
pub(crate) fn text(record: &impl serde::Serialize) -> Result<String, ViewsError> {
    serde_json::to_string(record).map_err(|error| ViewsError::Invalid(error.to_string()))
}
