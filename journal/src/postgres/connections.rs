//! A few connections of one kind, kept open between calls. Smaller than a general pool on purpose: no background task,
//! no round trip of its own on the hot path, and a connection that saw any fault or an abandoned call is closed, never
//! reused.

use super::fault::{self, Broken, NoAnswer};
use super::options::{Limits, PostgresOptions};
use crate::StoreError;
use futures_util::TryStreamExt;
use parking_lot::Mutex;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, Postgres, SqlSafeStr};
use std::str::FromStr;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

/// A connection that was idle for longer than this is asked whether it still lives before something is trusted to it.
const STALE_AFTER: Duration = Duration::from_secs(1);

/// Connections of one kind; at most as many as were asked for.
pub(super) struct Connections {
    options: PgConnectOptions,
    limits: Limits,
    prepare: &'static [&'static str],
    permits: Semaphore,
    idle: Mutex<Vec<(PgConnection, Instant)>>,
}

/// A connection in use. Dropping it closes the socket.
pub(super) struct Held<'a> {
    home: &'a Connections,
    connection: PgConnection,
    new: bool,
    /// When the whole call has to be over, the wait for the connection included.
    deadline: Instant,
    _permit: SemaphorePermit<'a>,
}

impl Connections {
    /// At most `count` connections, each of which prepares `prepare` when it opens.
    pub(super) fn new(options: PgConnectOptions, limits: Limits, count: usize, prepare: &'static [&'static str]) -> Self {
        let options = options.options(settings(limits));
        Self { options, limits, prepare, permits: Semaphore::new(count), idle: Mutex::new(Vec::with_capacity(count)) }
    }

    /// Takes a live connection, opening one if need be.
    ///
    /// # Errors
    /// `Unavailable` if there is none within the client's limit.
    pub(super) async fn take(&self) -> Result<Held<'_>, StoreError> {
        let deadline = Instant::now() + self.limits.client;
        let opening = async {
            let permit = self.permits.acquire().await.map_err(StoreError::unavailable)?;
            let (connection, new) = match self.reuse().await {
                Some(connection) => (connection, false),
                None => (self.open().await?, true),
            };
            Ok(Held { home: self, connection, new, deadline, _permit: permit })
        };
        timeout_at(deadline, opening).await.map_err(|_| StoreError::unavailable(NoAnswer(self.limits.client)))?
    }

    /// Runs one query and gives its rows.
    ///
    /// # Errors
    /// As [`fault::repeatable`] says.
    pub(super) async fn rows(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, StoreError> {
        self.decoded(query, Ok).await
    }

    /// Runs one query and decodes its rows while the server is still sending.
    ///
    /// # Errors
    /// As [`fault::repeatable`] says.
    pub(super) async fn decoded<T>(
        &self,
        query: Query<'_, Postgres, PgArguments>,
        decode: impl FnMut(PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let mut held = self.take().await?;
        match held.decoded(query, decode).await {
            Ok(decoded) => {
                held.keep();
                Ok(decoded)
            }
            Err(Broken::Driver(error)) => Err(fault::repeatable(error)),
            Err(Broken::Silent(error)) => Err(StoreError::unavailable(error)),
        }
    }

    /// Sends a call that changes something, as one autocommit statement, and gives its rows.
    ///
    /// # Errors
    /// As [`fault::sent`] says.
    pub(super) async fn call(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, StoreError> {
        let mut held = self.take().await?;
        let rows = held.decoded(query, Ok).await.map_err(fault::sent)?;
        held.keep();
        Ok(rows)
    }

    /// Closes what is idle and lets nobody take another.
    pub(super) async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        for (connection, _) in idle {
            // The server notices a closed socket as well; this only spares its log a line.
            let _ = timeout(self.limits.client, connection.close()).await;
        }
    }

    async fn reuse(&self) -> Option<PgConnection> {
        loop {
            let (mut connection, since) = self.idle.lock().pop()?;
            if since.elapsed() < STALE_AFTER {
                return Some(connection);
            }
            if matches!(timeout(self.limits.lock, connection.ping()).await, Ok(Ok(()))) {
                return Some(connection);
            }
        }
    }

    async fn open(&self) -> Result<PgConnection, StoreError> {
        let mut connection = self.options.connect().await.map_err(fault::repeatable)?;
        for sql in self.prepare {
            (&mut connection).prepare((*sql).into_sql_str()).await.map_err(fault::repeatable)?;
        }
        Ok(connection)
    }
}

impl Held<'_> {
    /// Whether it was opened for this call.
    pub(super) const fn is_new(&self) -> bool {
        self.new
    }

    /// Runs one query to its very end. With the extended protocol the server sends the rows and `CommandComplete`
    /// *before* it commits: only `ReadyForQuery` says that an autocommit statement is durable, and only reading all rows
    /// waits for it.
    ///
    /// # Errors
    /// The driver's, the decoder's, or no answer in time.
    pub(super) async fn decoded<T>(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
        mut decode: impl FnMut(PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, Broken> {
        let all = async {
            let mut rows = query.fetch(&mut self.connection);
            let mut decoded = Vec::new();
            while let Some(row) = rows.try_next().await? {
                decoded.push(decode(row)?);
            }
            Ok(decoded)
        };
        match timeout_at(self.deadline, all).await {
            Ok(answer) => answer.map_err(Broken::Driver),
            Err(_) => Err(Broken::Silent(NoAnswer(self.home.limits.client))),
        }
    }

    /// Puts the connection back. Only after a call that went well.
    pub(super) fn keep(self) {
        self.home.idle.lock().push((self.connection, Instant::now()));
    }
}

/// The options of every session, from the URL.
///
/// # Errors
/// `Invalid` if the URL is not one of Postgres.
pub(super) fn parse(url: &str, options: &PostgresOptions) -> Result<PgConnectOptions, StoreError> {
    options.validate()?;
    let parsed = PgConnectOptions::from_str(url).map_err(|error| StoreError::Invalid(format!("the Postgres URL: {error}")))?;
    Ok(parsed
        .application_name(&options.application_name)
        // An acknowledged append is on disk, whatever the server or the role has as its default.
        .options([
            ("search_path", options.schema.as_str()),
            ("default_transaction_isolation", "read committed"),
            ("synchronous_commit", "on"),
        ])
        .disable_statement_logging())
}

fn settings(limits: Limits) -> [(&'static str, String); 4] {
    let ms = |duration: Duration| duration.as_millis().max(1).to_string();
    [
        ("lock_timeout", ms(limits.lock)),
        ("statement_timeout", ms(limits.statement)),
        ("idle_in_transaction_session_timeout", ms(limits.lock)),
        ("tcp_user_timeout", ms(limits.statement)),
    ]
}
