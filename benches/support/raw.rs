//! The plain inserts that the journal is compared with: the same events into the same tables and indexes, in batches of a
//! given size, without receipts, checks or locks of ours.

use super::postgres::Postgres;
use ionveil_journal::{PostgresOptions, PostgresStore, SqliteStore, Store};
use ionveil_kernel::Env;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A store in the database at `url`.
pub(crate) async fn postgres_store(url: &str) -> Arc<dyn Store> {
    Arc::new(
        PostgresStore::connect(url, PostgresOptions { lease: Duration::from_secs(30), ..PostgresOptions::default() })
            .await
            .expect("connect"),
    )
}

/// A database with the journal's tables and nothing in them.
pub(crate) async fn fresh(server: &Postgres) -> String {
    let url = server.database().url;
    let store = postgres_store(&url).await;
    store.close().await;
    url
}

/// Events per second that `connections` insert within `window`.
pub(crate) async fn postgres(url: &str, env: &Env, batch: usize, connections: usize, window: Duration) -> f64 {
    let started = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|number| {
            let (url, env) = (url.to_owned(), env.clone());
            tokio::spawn(async move {
                let mut rows = Rows::connect(&url, number).await;
                while started.elapsed() < window {
                    rows.insert(&env, batch).await;
                }
                rows.position
            })
        })
        .collect();
    let mut events = 0;
    for worker in workers {
        events += worker.await.expect("a worker");
    }
    events as f64 / started.elapsed().as_secs_f64()
}

/// A connection that inserts into a partition of its own.
pub(crate) struct Rows {
    connection: PgConnection,
    number: usize,
    position: i64,
}

impl Rows {
    pub(crate) async fn connect(url: &str, number: usize) -> Self {
        Self { connection: PgConnection::connect(url).await.expect("connect"), number, position: 0 }
    }

    /// Inserts `batch` events in one statement, which is one transaction.
    pub(crate) async fn insert(&mut self, env: &Env, batch: usize) {
        let sql = "INSERT INTO ionveil.events (position, recorded_at, occurred_at, sequence_number, event_id, correlation_id, causation_id,
                       schema_version, partition, org, kind, id, event_type, actor, data)
                   SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[],
                       $8::int[], $9::smallint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])";
        let events: Vec<_> = (0..batch).map(|index| super::event(&super::stream(self.number * 1_000 + index), 1, env)).collect();
        let fixed = |value: i64| vec![value; batch];
        let texts = |text: &str| vec![text.to_owned(); batch];
        let ids = |of: &dyn Fn(&ionveil_journal::NewEvent) -> uuid::Uuid| events.iter().map(of).collect::<Vec<_>>();
        let positions: Vec<i64> = (1..=batch as i64).map(|index| self.position + index).collect();
        self.position += batch as i64;
        sqlx::query(sql)
            .bind(&positions)
            .bind(fixed(1_767_225_600_000_000))
            .bind(fixed(1_483_228_800_000_000))
            .bind(positions.clone())
            .bind(ids(&|event| event.event_id.0))
            .bind(ids(&|event| event.correlation_id.0))
            .bind(ids(&|event| event.causation_id))
            .bind(vec![1_i32; batch])
            .bind(vec![self.number as i16; batch])
            .bind(texts("default"))
            .bind(texts("workflow"))
            .bind(events.iter().map(|event| event.stream.id.to_string()).collect::<Vec<_>>())
            .bind(texts("transitioned"))
            .bind(texts("user:dispatcher-7"))
            .bind(texts(super::PAYLOAD))
            .execute(&mut self.connection)
            .await
            .expect("insert");
    }
}

/// Events per second of one connection, a transaction per batch.
pub(crate) async fn sqlite(env: &Env, batch: usize, window: Duration) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.sqlite");
    SqliteStore::open(&path, 16).await.expect("open").close().await;
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.expect("connect");
    connection.execute("PRAGMA synchronous = FULL").await.expect("pragma");
    let row = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    let sql = format!(
        "INSERT INTO events (place, org, kind, id, sequence_number, event_type, schema_version, event_id, occurred_at, recorded_at,
             correlation_id, causation_id, actor, data) VALUES {}",
        vec![row; batch].join(",")
    );
    let (started, mut place) = (Instant::now(), 0_i64);
    while started.elapsed() < window {
        let events: Vec<_> = (0..batch).map(|index| super::event(&super::stream(index), 1, env)).collect();
        let ids: Vec<String> = events.iter().map(|event| event.stream.id.to_string()).collect();
        let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
        for (event, id) in events.iter().zip(&ids) {
            place += 1;
            query = query.bind(place).bind("default").bind("workflow").bind(id).bind(place).bind("transitioned").bind(1_i64);
            query = query.bind(event.event_id.0.as_bytes().to_vec()).bind(1_483_228_800_000_000_i64).bind(1_767_225_600_000_000_i64);
            query = query.bind(event.correlation_id.0.as_bytes().to_vec()).bind(event.causation_id.as_bytes().to_vec());
            query = query.bind("user:dispatcher-7").bind(super::PAYLOAD);
        }
        query.execute(&mut connection).await.expect("insert");
    }
    place as f64 / started.elapsed().as_secs_f64()
}
