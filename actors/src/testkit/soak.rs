//! The soak: deciders that panic under load until they have panicked often enough, a script that resumes what is quarantined
//! and replays dead letters, and a look at the journal afterwards. On any store and any clock; it decides nothing about
//! how many panics are enough and prints nothing.

use super::{Chaos, Chaotic, figure};
use crate::testkit::ledger::{Add, Ledger};
use crate::tree::TreeQuery;
use crate::{AskError, Carried, Host, Phase, Runtime, RuntimeConfig};
use actix::ArbiterHandle;
use futures_util::future::{Either, join_all, select};
use ionveil_journal::{Journal, JournalConfig, Store, StoreError};
use ionveil_kernel::{CommandId, Env, IdSource, Meta, NodeId, Org, StreamId, testkit};
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

type Deciders = Host<Chaotic<Ledger>>;

/// How often callers and the script look again.
const AGAIN: Duration = Duration::from_millis(20);
const PAGE: usize = 1_000;

/// How much is to go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Load goes on until the deciders have panicked so often; a few more may follow, one for each caller at most.
    pub panics: u64,
    /// Over how many entities; 1 or more.
    pub entities: u32,
    /// How many callers ask at once, each for one command after the other.
    pub callers: u32,
    /// Of 1,000 decisions, how many panic.
    pub permille: u64,
}

/// What a soak has seen. [`Report::problems`] says what must not be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Panics that were injected.
    pub injected: u64,
    /// Commands that callers were told are done.
    pub acknowledged: u64,
    /// Commands in the journal.
    pub stored: u64,
    /// Acknowledged commands that are not in the journal.
    pub lost: u64,
    /// Commands that are in the journal more than once.
    pub twice: u64,
    /// Commands in the journal that nobody was told are done.
    pub unasked: u64,
    /// Places in line that were not given back, and commands still worked on.
    pub left_in_line: u64,
    /// Entities that the script resumed.
    pub resumed: u64,
    /// Dead letters that the script found, those that came again included.
    pub letters: u64,
    /// Dead letters that are left.
    pub letters_left: u64,
    /// Restarts, by the entities in the tree.
    pub restarts_in_tree: u64,
    /// `panics_total`.
    pub panics: u64,
    /// `restarts_total`.
    pub restarts: u64,
    /// `quarantines_total`.
    pub quarantines: u64,
    /// `quarantined`.
    pub quarantined: u64,
    /// `dead_letters_total`.
    pub dead_letters: u64,
}

impl Report {
    /// What contradicts the promises of the runtime; empty if nothing does.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let equal = [
            ("acknowledged commands that are lost", self.lost, 0),
            ("commands that ran twice", self.twice, 0),
            ("stored commands that were never acknowledged", self.unasked, 0),
            ("commands in the journal", self.stored, self.acknowledged),
            ("places that were not given back", self.left_in_line, 0),
            ("panics_total", self.panics, self.injected),
            ("restarts_total and quarantines_total together", self.restarts + self.quarantines, self.injected),
            ("restarts in the tree", self.restarts_in_tree, self.restarts),
            ("quarantines_total", self.quarantines, self.resumed),
            ("quarantined", self.quarantined, 0),
            ("dead_letters_total", self.dead_letters, self.letters),
            ("dead letters that are left", self.letters_left, 0),
        ];
        let wrong = equal.into_iter().filter(|(_, found, due)| found != due);
        wrong.map(|(what, found, due)| format!("{what}: {found}, should be {due}")).collect()
    }
}

/// Soaks a new runtime on `store`, which holds nothing of organisation `soak` yet; its entities live on `arbiters`. Chance
/// is `env`'s: in a simulation the same seed gives the same report.
///
/// # Errors
/// [`StoreError`] if the store cannot be opened or read.
///
/// # Panics
/// If `plan` has no entities, or `arbiters` is empty.
pub async fn soak(env: Env, store: Arc<dyn Store>, arbiters: Vec<ArbiterHandle>, plan: Plan) -> Result<Report, StoreError> {
    let journal = Journal::open(store.clone(), env.clone(), NodeId(env.next_id()), JournalConfig::default()).await?;
    let mut registry = Registry::default();
    // Nobody is let go, so that the tree remembers all restarts; nobody gives up, so that each letter is seen. Snapshots
    // are frequent, for every panic folds an entity anew.
    let config = RuntimeConfig {
        idle: Duration::from_secs(86_400),
        deadline: Duration::from_secs(3_600),
        snapshot_every: 100,
        ..RuntimeConfig::default()
    };
    let runtime = Runtime::new(journal.clone(), config, &mut registry, arbiters);
    let chaos = Chaos::new(env.clone());
    let host = runtime.entity(Arc::new(Chaotic::new(Ledger, chaos.clone()))).expect("the only kind");
    let ids: Vec<StreamId> = (0..plan.entities).map(|number| format!("ledger:soak:e{number}").parse().expect("lawful")).collect();
    let world = World { env, runtime, host, chaos, ids, plan };
    world.chaos.panics(plan.permille);
    let load = async {
        let told = join_all((0..plan.callers).map(|_| world.caller())).await;
        told.into_iter().flatten().collect::<Vec<_>>()
    };
    let mut script = Script::default();
    let told = match select(Box::pin(load), Box::pin(script.run(&world))).await {
        Either::Left((told, _)) => told,
        Either::Right((never, _)) => match never {},
    };
    world.chaos.panics(0);
    script.tidy(&world).await;
    let report = world.report(&*store, &registry, told, &script).await;
    drop(journal.close().await);
    report
}

struct World {
    env: Env,
    runtime: Runtime,
    host: Deciders,
    chaos: Chaos,
    ids: Vec<StreamId>,
    plan: Plan,
}

impl World {
    /// Asks for one command after the other, each until the answer is definite; the commands that are done.
    async fn caller(&self) -> Vec<(usize, Uuid)> {
        let mut done = Vec::new();
        while self.chaos.panicked() < self.plan.panics {
            let entity = usize::try_from(self.env.random() % self.ids.len() as u128).unwrap_or(0);
            let id = self.env.next_id();
            self.insist(&self.ids[entity], id).await;
            done.push((entity, id));
        }
        done
    }

    async fn insist(&self, entity: &StreamId, id: Uuid) {
        loop {
            let meta = Meta { command_id: CommandId(id), ..testkit::meta(id.as_u128()) };
            match self.host.ask(entity.clone(), Add(1), meta).await {
                Ok(_) => return,
                Err(AskError::Faulted { dead_letter: Some(letter), .. }) => self.until_gone(&entity.org, letter).await,
                Err(_) => self.env.sleep(AGAIN).await,
            }
        }
    }

    /// The script replays it: asking meanwhile could park the command under the script's hands.
    async fn until_gone(&self, org: &Org, letter: Uuid) {
        while !matches!(self.runtime.dead_letter(org, letter).await, Ok(None)) {
            self.env.sleep(AGAIN).await;
        }
    }

    fn quarantined(&self) -> Vec<StreamId> {
        let state = |id: &&StreamId| self.runtime.node(id).is_some_and(|node| node.state == Phase::Quarantined);
        self.ids.iter().filter(state).cloned().collect()
    }

    async fn report(
        &self,
        store: &dyn Store,
        registry: &Registry,
        told: Vec<(usize, Uuid)>,
        script: &Script,
    ) -> Result<Report, StoreError> {
        let count = |name: &str| figure(registry, &format!("{name}{{kind=\"ledger\"}}")) as u64;
        let tree = self.runtime.tree(&TreeQuery { org: None, kind: None, depth: 3, entities_max: usize::MAX });
        let mut report = Report {
            injected: self.chaos.panicked(),
            acknowledged: told.len() as u64,
            resumed: script.resumed,
            letters: script.letters,
            letters_left: self.runtime.dead_letters(&self.ids[0].org, None, PAGE).await?.len() as u64,
            left_in_line: u64::from(self.runtime.in_line()) + self.runtime.in_flight() as u64,
            restarts_in_tree: tree.nodes.iter().filter(|node| node.kind == "ledger").map(|node| node.restarts).sum(),
            panics: count("panics_total"),
            restarts: count("restarts_total"),
            quarantines: count("quarantines_total"),
            quarantined: count("quarantined"),
            dead_letters: count("dead_letters_total"),
            ..Report::default()
        };
        let mut asked: BTreeMap<usize, BTreeSet<Uuid>> = BTreeMap::new();
        for (entity, id) in told {
            asked.entry(entity).or_default().insert(id);
        }
        for (number, id) in self.ids.iter().enumerate() {
            report.add(asked.remove(&number).unwrap_or_default(), commands(store, id).await?);
        }
        Ok(report)
    }
}

impl Report {
    /// Compares what was acknowledged with what is stored, of one entity.
    fn add(&mut self, asked: BTreeSet<Uuid>, stored: Vec<Uuid>) {
        let once: BTreeSet<Uuid> = stored.iter().copied().collect();
        self.stored += stored.len() as u64;
        self.twice += (stored.len() - once.len()) as u64;
        self.lost += asked.difference(&once).count() as u64;
        self.unasked += once.difference(&asked).count() as u64;
    }
}

/// The command behind each event of an entity.
async fn commands(store: &dyn Store, id: &StreamId) -> Result<Vec<Uuid>, StoreError> {
    let mut commands = Vec::new();
    loop {
        let page = store.read_stream(id, commands.len() as u64, PAGE).await?;
        commands.extend(page.iter().map(|event| event.causation_id));
        if page.len() < PAGE {
            return Ok(commands);
        }
    }
}

enum Never {}

/// What an operator does.
#[derive(Default)]
struct Script {
    resumed: u64,
    letters: u64,
    /// Letters that were counted and are not gone yet.
    known: BTreeSet<Uuid>,
}

impl Script {
    async fn run(&mut self, world: &World) -> Never {
        loop {
            self.round(world).await;
            world.env.sleep(AGAIN).await;
        }
    }

    /// Until nothing is left to do.
    async fn tidy(&mut self, world: &World) {
        while self.round(world).await {
            world.env.sleep(AGAIN).await;
        }
    }

    /// Resumes and replays once; says whether there was anything.
    async fn round(&mut self, world: &World) -> bool {
        let quarantined = world.quarantined();
        for entity in &quarantined {
            self.resume(world, entity).await;
        }
        let letters = world.runtime.dead_letters(&world.ids[0].org, None, PAGE).await.unwrap_or_default();
        join_all(letters.iter().map(|letter| async {
            let carried = world.runtime.replay(&letter.owner.org, letter.id).await;
            (letter.id, carried)
        }))
        .await
        .into_iter()
        .for_each(|(id, carried)| self.replayed(id, carried.ok()));
        !quarantined.is_empty() || !letters.is_empty()
    }

    async fn resume(&mut self, world: &World, entity: &StreamId) {
        let restarts = || world.runtime.node(entity).map(|node| (node.state == Phase::Quarantined, node.restarts));
        let before = restarts();
        self.resumed += u64::from(world.runtime.resume(entity));
        // Restarts since then say that it was out of quarantine and is in it again, however briefly that could be seen.
        while before.is_some_and(|(quarantined, _)| quarantined) && restarts() == before {
            world.env.sleep(Duration::from_millis(1)).await;
        }
    }

    fn replayed(&mut self, id: Uuid, carried: Option<Carried>) {
        self.letters += u64::from(self.known.insert(id));
        match carried {
            Some(Carried::Done { .. } | Carried::Refused { .. }) => {
                self.known.remove(&id);
            }
            // It was parked once more.
            Some(Carried::Faulted { .. }) => self.letters += 1,
            Some(Carried::NotNow { .. } | Carried::Unreadable { .. }) | None => {}
        }
    }
}
