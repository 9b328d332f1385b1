//! A node as the server makes it: a tokio runtime for the journal, an actix `System`, an arbiter per core for the entities.

use crate::decider::{Command, Counter, Refused};
use crate::support::{self, postgres::Postgres};
use actix::{Arbiter, ArbiterHandle};
use ionveil_actors::{AskError, Host, Reply, Runtime, RuntimeConfig, TokioEnv};
use ionveil_journal::{Journal, MemoryStore, SqliteStore, Store};
use ionveil_kernel::{BodyHash, Caller, CommandId, CorrelationId, EntityId, Env, IdSource, Kind, Meta, Org, Role, StreamId};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

/// What every bench runs on.
#[derive(Clone)]
pub(crate) struct Threads {
    pub(crate) env: Env,
    /// Callers are tasks on it, beside the journal.
    pub(crate) tokio: tokio::runtime::Handle,
    arbiters: Vec<ArbiterHandle>,
}

impl Threads {
    /// Runs `work` on such threads.
    pub(crate) fn run<T>(work: impl AsyncFnOnce(Self) -> T) -> T {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let env = Env::new(TokioEnv::new(runtime.handle().clone()));
        let result = actix::System::new().block_on(async {
            let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
            let arbiters = (0..cores).map(|_| Arbiter::new().handle()).collect();
            work(Self { env, tokio: runtime.handle().clone(), arbiters }).await
        });
        runtime.shutdown_background();
        result
    }

    /// A new node on `store`.
    pub(crate) async fn node(&self, store: Arc<dyn Store>) -> Node {
        let config = RuntimeConfig {
            resident_max: 2_000_000,
            idle: Duration::from_secs(3_600),
            deadline: Duration::from_secs(60),
            ..RuntimeConfig::default()
        };
        let env = self.env.clone();
        // The journal's tasks belong on its runtime, wherever this is called from.
        let journal = self.tokio.spawn(async move { support::journal(store, &env).await }).await.expect("a journal");
        let runtime = Runtime::new(journal.clone(), config, &mut Registry::default(), self.arbiters.clone());
        let decider = Arc::new(Counter::default());
        let host = runtime.entity(decider.clone()).expect("the only kind");
        Node { env: self.env.clone(), journal, runtime, host, decider, caller: caller() }
    }

    /// The arbiters.
    pub(crate) fn handles(&self) -> Vec<ArbiterHandle> {
        self.arbiters.clone()
    }

    /// The arbiter that is `number`'s turn.
    pub(crate) fn arbiter(&self, number: usize) -> &ArbiterHandle {
        &self.arbiters[number % self.arbiters.len()]
    }

    /// The same, with the entities on this very thread.
    pub(crate) fn here(&self) -> Self {
        Self { arbiters: vec![Arbiter::current()], ..self.clone() }
    }

    /// How many there are.
    pub(crate) fn arbiters(&self) -> usize {
        self.arbiters.len()
    }

    pub(crate) fn memory(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new(self.env.clone(), 16))
    }

    /// A store in an empty database.
    pub(crate) async fn postgres(&self) -> Arc<dyn Store> {
        let url = Postgres::shared().database().url;
        self.on_journal(async move { support::raw::postgres_store(&url).await }).await
    }

    /// A store in a folder, which is to be kept as long as it is used.
    pub(crate) async fn sqlite(&self, folder: &tempfile::TempDir) -> Arc<dyn Store> {
        let path = folder.path().join("journal.sqlite");
        self.on_journal(async move { Arc::new(SqliteStore::open(&path, 16).await.expect("open")) as Arc<dyn Store> }).await
    }

    /// Runs `work` on the journal's runtime.
    pub(crate) async fn on_journal<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.tokio.spawn(work).await.expect("it ends well")
    }
}

fn caller() -> Caller {
    Caller { org: Org::new("default").expect("lawful"), subject: "user:dispatcher-7".into(), role: Role::Dispatcher }
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) env: Env,
    pub(crate) journal: Journal,
    pub(crate) runtime: Runtime,
    host: Host<Counter>,
    pub(crate) decider: Arc<Counter>,
    caller: Caller,
}

impl Node {
    /// Names of entities.
    pub(crate) fn names(&self, count: usize) -> Vec<StreamId> {
        let kind = Kind::new("counter").expect("lawful");
        let name = |number| EntityId::new(&format!("entity-{number}")).expect("lawful");
        (0..count).map(|number| StreamId::new(self.caller.org.clone(), kind.clone(), name(number))).collect()
    }

    pub(crate) async fn ask(&self, owner: &StreamId, command: Command) -> Result<Reply<Counter>, AskError<Refused>> {
        let meta = Meta {
            command_id: CommandId(self.env.next_id()),
            body_hash: BodyHash([7; 32]),
            correlation_id: CorrelationId(self.env.next_id()),
            causation_id: None,
            caller: self.caller.clone(),
            occurred_at: None,
            expected_version: None,
            traceparent: None,
        };
        self.host.ask(owner.clone(), command, meta).await
    }

    /// Asks for what must be accepted.
    pub(crate) async fn accept(&self, owner: &StreamId, command: Command) {
        if let Err(error) = self.ask(owner, command).await {
            panic!("{owner}: {error}");
        }
    }

    /// Asks for what must be refused.
    pub(crate) async fn refuse(&self, owner: &StreamId) {
        let answer = self.ask(owner, Command::Refuse).await;
        assert!(matches!(answer, Err(AskError::Rejected(_))), "{owner}: {answer:?}");
    }

    pub(crate) async fn close(self) {
        self.journal.close().await.expect("close");
    }
}
