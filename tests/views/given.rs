//! A journal in memory with a script of workflows, and places for views.

use crate::support::postgres::Postgres;
use ionveil_actors::TokioEnv;
use ionveil_journal::{Append, Claim, MemoryStore, NewEvent, Store, Verdict};
use ionveil_kernel::{
    BodyHash, CommandId, CorrelationId, EntityId, Env, EventCodec, EventId, IdSource, NodeId, Org, Recorded, StreamId, Timestamp,
};
use ionveil_views::{Location, Projector, ProjectorConfig, Views, WorkflowFilter, WorkflowRow};
use ionveil_workflow::{Attributes, Event, Registered, Transitioned};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// Where views of a test live; a folder is removed with it.
pub(super) struct Place {
    pub(super) location: Location,
    /// A database in memory cannot be opened twice: here is the one.
    only: Option<Views>,
    _folder: Option<TempDir>,
}

impl Place {
    pub(super) fn memory() -> Self {
        Self { location: Location::Memory, only: None, _folder: None }
    }

    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { location: Location::Sqlite(folder.path().join("views.sqlite")), only: None, _folder: Some(folder) }
    }

    pub(super) fn postgres() -> Self {
        let location = Location::parse(&Postgres::shared().database().url).expect("a URL");
        Self { location, only: None, _folder: None }
    }

    /// Opens the views, again if they were opened before.
    pub(super) async fn open(&mut self) -> Views {
        let views = match &self.only {
            Some(views) => views.clone(),
            None => Views::open(&self.location, PARTITIONS).await.expect("views"),
        };
        if self.location == Location::Memory {
            self.only = Some(views.clone());
        }
        views
    }
}

pub(super) const PARTITIONS: u16 = 4;

/// A journal that a test writes.
pub(super) struct Script {
    pub(super) store: Arc<MemoryStore>,
    pub(super) env: Env,
    claims: Vec<Claim>,
    versions: BTreeMap<StreamId, u64>,
    clock: i64,
}

impl Script {
    /// An empty journal. Call it inside a runtime.
    pub(super) async fn new() -> Self {
        let env = Env::new(TokioEnv::new(tokio::runtime::Handle::current()));
        let store = Arc::new(MemoryStore::new(env.clone(), PARTITIONS));
        let claims = store.claim(NodeId(Uuid::from_u128(1)), Duration::from_secs(3_600)).await.expect("memory");
        Self { store, env, claims, versions: BTreeMap::new(), clock: 0 }
    }

    /// `count` workflows `w0`, `w1` … of organisation `a`, each queued and allocated, every third departed.
    pub(super) async fn with(count: usize) -> Self {
        let mut script = Self::new().await;
        for n in 0..count {
            script.register("a", &format!("w{n}"), "dispatch", "queued").await;
        }
        for n in 0..count {
            script.go("a", &format!("w{n}"), "queued", "allocated").await;
            if n % 3 == 0 {
                script.go("a", &format!("w{n}"), "allocated", "departed").await;
            }
        }
        script
    }

    /// What happens next happens then.
    pub(super) fn at(&mut self, micros: i64) {
        self.clock = micros - 1;
    }

    pub(super) async fn register(&mut self, org: &str, id: &str, machine: &str, to: &str) -> Recorded {
        let attributes = Attributes::check(&BTreeMap::from([("unit".to_owned(), id.into())])).expect("lawful");
        let event = Registered { machine: machine.to_owned(), definition: None, to: to.to_owned(), attributes };
        self.happen(org, id, &Event::Registered(event)).await
    }

    pub(super) async fn go(&mut self, org: &str, id: &str, from: &str, to: &str) -> Recorded {
        let event = Transitioned { from: from.to_owned(), to: to.to_owned(), reason: None, policy: None };
        self.happen(org, id, &Event::Transitioned(event)).await
    }

    pub(super) async fn happen(&mut self, org: &str, id: &str, event: &Event) -> Recorded {
        let data = event.encode().expect("encodable");
        self.append(stream("workflow", org, id), event.event_type(), event.schema_version(), data).await
    }

    /// Appends anything to any stream.
    pub(super) async fn append(&mut self, stream: StreamId, event_type: &'static str, schema_version: u32, data: String) -> Recorded {
        let sequence_number = self.versions.get(&stream).copied().unwrap_or(0) + 1;
        self.versions.insert(stream.clone(), sequence_number);
        self.clock += 1;
        let event = NewEvent {
            event_id: EventId(self.env.next_id()),
            stream: stream.clone(),
            sequence_number,
            event_type: event_type.into(),
            schema_version,
            data,
            occurred_at: Timestamp::from_micros(self.clock),
            correlation_id: CorrelationId(Uuid::nil()),
            causation_id: Uuid::nil(),
            actor: "user:test".into(),
            traceparent: None,
        };
        let command_id = CommandId(self.env.next_id());
        let body_hash = BodyHash::of(&[]);
        let append = Append {
            owner: stream.clone(),
            generation: 1,
            command_id,
            body_hash,
            version: sequence_number,
            events: vec![event],
            timers: Vec::new(),
        };
        let verdicts = self.store.append(&self.claims, &[append], Timestamp::from_micros(self.clock)).await.expect("memory");
        assert!(matches!(verdicts[..], [Verdict::Accepted(_)]), "{verdicts:?}");
        self.store.read_stream(&stream, sequence_number - 1, 1).await.expect("memory").remove(0)
    }

    /// All events of a partition.
    pub(super) async fn partition(&self, partition: u16) -> Vec<Recorded> {
        self.store.read_partition(partition, 0, usize::MAX, &Default::default()).await.expect("memory").events
    }

    pub(super) fn projector(&self, views: &Views, page_events: usize) -> Projector {
        let config =
            ProjectorConfig { page_events, poll: Duration::from_millis(20), every: Duration::ZERO, retry: Duration::from_millis(20) };
        Projector::new(views.clone(), self.store.clone(), self.env.clone(), config)
    }

    /// Brings the views up to the journal.
    pub(super) async fn project(&self, views: &Views) {
        let status = self.projector(views, 7).catch_up(&mut |_| {}).await.expect("caught up");
        assert_eq!(status.positions, status.heads);
    }

    /// What the views should show, straight from the events.
    pub(super) async fn expected(&self) -> Vec<WorkflowRow> {
        let mut rows: BTreeMap<StreamId, WorkflowRow> = BTreeMap::new();
        for partition in 0..PARTITIONS {
            for event in self.partition(partition).await {
                let before = rows.remove(&event.stream);
                let after = ionveil_workflow::view::project(before, &event).expect("lawful").expect("a workflow");
                rows.insert(event.stream.clone(), after);
            }
        }
        rows.into_values().collect()
    }
}

pub(super) fn org(name: &str) -> Org {
    name.parse().expect("lawful")
}

pub(super) fn id(name: &str) -> EntityId {
    name.parse().expect("lawful")
}

pub(super) fn stream(kind: &str, org: &str, id: &str) -> StreamId {
    format!("{kind}:{org}:{id}").parse().expect("lawful")
}

/// Every row of organisation `a`.
pub(super) async fn rows(views: &Views) -> Vec<WorkflowRow> {
    views.workflows(&org("a"), &WorkflowFilter::default(), None, usize::MAX).await.expect("a list")
}
