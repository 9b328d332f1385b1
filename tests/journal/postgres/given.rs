//! What the tests on Postgres start from.

use crate::journal::contract::Fresh;
use crate::journal::contract::given::{LONG, owned, second};
use crate::support::postgres::{Database, Postgres};
use ionveil_journal::{Append, Claim, PostgresOptions, PostgresStore, Store};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use std::time::Duration;

/// An empty store on the shared server, which waits for a busy machine.
pub(crate) async fn fresh() -> Fresh {
    let database = Postgres::shared().database();
    Fresh::new(connect_for(&database.url, LONG).await, database)
}

/// A store on an empty database, a claim on all of it, and the database.
pub(crate) async fn claimed() -> (PostgresStore, Vec<Claim>, Database) {
    let database = Postgres::shared().database();
    let store = connect(&database.url).await;
    let claims = owned(&store).await;
    (store, claims, database)
}

/// A store with four partitions and the usual lease.
pub(crate) async fn connect(url: &str) -> PostgresStore {
    connect_for(url, PostgresOptions::default().lease).await
}

/// A store whose time limits follow from `lease`.
pub(crate) async fn connect_for(url: &str, lease: Duration) -> PostgresStore {
    PostgresStore::connect(url, PostgresOptions { partitions: 4, lease, ..PostgresOptions::default() }).await.unwrap()
}

/// Another session, in the journal's schema; not one of the store's.
pub(crate) async fn session(database: &Database) -> PgConnection {
    let mut session = PgConnection::connect(&database.url).await.unwrap();
    session.execute("SET search_path = ionveil").await.unwrap();
    session
}

/// Holds the head of every partition in an open transaction, as an append under way does.
pub(crate) async fn lock_heads(session: &mut PgConnection) {
    session.execute("BEGIN; SELECT FROM heads ORDER BY partition FOR NO KEY UPDATE").await.unwrap();
}

/// Waits until `count` sessions of the store wait for a lock.
pub(crate) async fn waiting(database: &Database, count: i64) {
    let mut watch = session(database).await;
    let sql = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'ionveil' AND wait_event_type = 'Lock'";
    until(async || watch.fetch_one(sql).await.unwrap().get::<i64, _>(0) == count).await;
}

/// Asks again and again until the answer is yes.
pub(crate) async fn until(mut asked: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(30);
    while !asked().await {
        assert!(tokio::time::Instant::now() < patience, "it never came to pass");
        tokio::task::yield_now().await;
    }
}

/// The call that the store makes for one append of one event to a main stream, as SQL text, so that a test can leave it
/// uncommitted.
pub(crate) fn append_sql(store: &PostgresStore, claims: &[Claim], append: &Append) -> String {
    let (owner, event) = (&append.owner, &append.events[0]);
    let partition = owner.partition(store.partitions());
    let epoch = |p| claims.iter().find(|claim| claim.partition == p && p == partition).map_or(-1, |claim| claim.epoch as i64);
    let epochs: Vec<String> = (0..store.partitions()).map(|p| epoch(p).to_string()).collect();
    let hash: String = append.body_hash.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let (epochs, org, kind, id) = (epochs.join(","), &owner.org, &owner.kind, &owner.id);
    format!(
        "SELECT o_verdict IS NULL FROM append(
            p_epochs => '{{{epochs}}}', p_touched => 1, p_now => {now},
            a_partition => '{{{partition}}}', a_flaw => '{{}}', a_offset => '{{1}}', a_org => '{{{org}}}', a_kind => '{{{kind}}}',
            a_id => '{{{id}}}', a_command => '{{{command}}}', a_hash => ARRAY['\\x{hash}'::bytea], a_version => '{{{version}}}',
            a_events => '{{1}}', s_event => '{{1}}', s_unproven => '{unproven}', e_append => '{{1}}', e_rest => '{{0}}', e_kind => '{{}}', e_id => '{{}}',
            e_number => '{{{number}}}', e_event => '{{{event_id}}}', e_type => '{{{event_type}}}', e_schema => '{{1}}',
            e_data => ARRAY['{data}'], e_occurred => '{{{occurred}}}', e_correlation => '{{{correlation}}}',
            e_causation => '{{{causation}}}', e_actor => '{{{actor}}}', e_trace => '{{}}',
            t_append => '{{}}', t_name => '{{}}', t_change => '{{}}', t_due => '{{}}', t_policy => '{{}}')",
        now = second(0).micros(),
        command = append.command_id,
        version = append.version,
        unproven = if event.sequence_number > 1 { "{1}" } else { "{}" },
        number = event.sequence_number,
        event_id = event.event_id,
        event_type = event.event_type,
        data = event.data,
        occurred = event.occurred_at.micros(),
        correlation = event.correlation_id,
        causation = event.causation_id,
        actor = event.actor,
    )
}

/// Carries out an append in a transaction of `session` and leaves it open.
pub(crate) async fn append_uncommitted(session: &mut PgConnection, store: &PostgresStore, claims: &[Claim], append: &Append) {
    session.execute("BEGIN").await.unwrap();
    let row = session.fetch_one(AssertSqlSafe(append_sql(store, claims, append))).await.unwrap();
    assert!(row.get::<bool, _>(0), "accepted");
}

/// Puts an end to a transaction.
pub(crate) async fn end(session: &mut PgConnection, how: &'static str) {
    session.execute(how).await.unwrap();
}
