//! The plain inserts that the journal is compared with: the same events into the same tables and indexes, in batches of a
//! given size, without receipts, checks or locks of ours.

use super::postgres::Postgres;
use ionveil_journal::{PostgresOptions, PostgresStore, SqliteStore, Store};
use ionveil_kernel::{Env, StreamId};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Of the journal that it is compared with.
const PARTITIONS: u16 = 16;
/// Connections do not share a partition.
const CONNECTIONS_MAX: i16 = 64;

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

/// Events per second that `connections` insert within `window`, of `streams` workflows in turn.
pub(crate) async fn postgres(url: &str, env: &Env, batch: usize, (connections, streams): (usize, usize), window: Duration) -> f64 {
    let started = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|number| {
            let (url, env) = (url.to_owned(), env.clone());
            tokio::spawn(async move {
                let mut rows = Rows::connect(&url, number, streams.div_ceil(connections)).await;
                let mut events = 0;
                while started.elapsed() < window {
                    rows.insert(&env, batch).await;
                    events += batch;
                }
                events
            })
        })
        .collect();
    let mut events = 0;
    for worker in workers {
        events += worker.await.expect("a worker");
    }
    events as f64 / started.elapsed().as_secs_f64()
}

/// A connection that inserts events of streams of its own, each into the partition that its name gives it.
pub(crate) struct Rows {
    connection: PgConnection,
    streams: Vec<Tail>,
    next: usize,
    /// The last position by partition. No other connection writes to these.
    positions: BTreeMap<i16, i64>,
}

/// A stream and how far it goes.
struct Tail {
    stream: StreamId,
    id: String,
    partition: i16,
    sequence_number: i64,
}

impl Rows {
    pub(crate) async fn connect(url: &str, number: usize, streams: usize) -> Self {
        let tail = |index| {
            let stream = super::stream(number * streams + index);
            let partition = i16::try_from(stream.partition(PARTITIONS)).expect("small") * CONNECTIONS_MAX + number as i16;
            Tail { id: stream.id.to_string(), stream, partition, sequence_number: 0 }
        };
        let connection = PgConnection::connect(url).await.expect("connect");
        Self { connection, streams: (0..streams).map(tail).collect(), next: 0, positions: BTreeMap::new() }
    }

    /// Inserts `batch` events in one statement, which is one transaction.
    pub(crate) async fn insert(&mut self, env: &Env, batch: usize) {
        let sql = "INSERT INTO ionveil.events (position, recorded_at, occurred_at, sequence_number, event_id, correlation_id, causation_id,
                       schema_version, partition, org, kind, id, event_type, actor, data)
                   SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[],
                       $8::int[], $9::smallint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])";
        let (mut events, mut ids, mut positions, mut numbers, mut partitions) = (vec![], vec![], vec![], vec![], vec![]);
        for _ in 0..batch {
            let turn = self.next;
            self.next = (turn + 1) % self.streams.len();
            let tail = &mut self.streams[turn];
            tail.sequence_number += 1;
            let position = self.positions.entry(tail.partition).or_default();
            *position += 1;
            events.push(super::event(&tail.stream, 1, env));
            ids.push(tail.id.clone());
            positions.push(*position);
            numbers.push(tail.sequence_number);
            partitions.push(tail.partition);
        }
        let fixed = |value: i64| vec![value; batch];
        let texts = |text: &str| vec![text.to_owned(); batch];
        let uuids = |of: &dyn Fn(&ionveil_journal::NewEvent) -> uuid::Uuid| events.iter().map(of).collect::<Vec<_>>();
        sqlx::query(sql)
            .bind(positions)
            .bind(fixed(1_767_225_600_000_000))
            .bind(fixed(1_483_228_800_000_000))
            .bind(numbers)
            .bind(uuids(&|event| event.event_id.0))
            .bind(uuids(&|event| event.correlation_id.0))
            .bind(uuids(&|event| event.causation_id))
            .bind(vec![1_i32; batch])
            .bind(partitions)
            .bind(texts("default"))
            .bind(texts("workflow"))
            .bind(ids)
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
