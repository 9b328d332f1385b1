//! Random commands, repeats and store faults against the plain sequential model: the journal itself.
//!
//! Every caller repeats a command under the same id until the answer is definite. Then: what was acknowledged is in the
//! journal exactly once, at the version that was answered; what was refused was refused on a state that was committed.

use super::tally::{Command, Event, LIMIT, State, Tally};
use ionveil_actors::{AskError, Host, HostConfig, HostMetrics, Reply, SimEnv, simulate};
use ionveil_journal::testkit::{Faults, FaultyStore, Knobs, Wrong};
use ionveil_journal::{Journal, JournalConfig, MemoryStore, Store};
use ionveil_kernel::{CommandId, Env, EventCodec, IdSource, Meta, NodeId, StreamId, testkit};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const CALLERS: usize = 12;
const COMMANDS: usize = 60;

/// What one caller was told about one command.
struct Told {
    id: CommandId,
    entity: StreamId,
    command: Command,
    answer: Result<Reply<Tally>, AskError<super::tally::TooMuch>>,
}

/// Two lanes over a store that keeps everything in memory; its faults are those that `faults` has.
async fn universe(seed: u64, faults: Faults, config: HostConfig) -> (Env, Arc<MemoryStore>, Host<Tally>) {
    let env = Env::new(SimEnv::new(seed));
    let store = Arc::new(MemoryStore::new(env.clone(), 4));
    let faulty = Arc::new(FaultyStore::new(store.clone(), env.clone(), faults).with_lanes(2));
    let journal = Journal::open(faulty, env.clone(), NodeId(Uuid::from_u128(1)), JournalConfig::default()).await.expect("open");
    let arbiters = vec![actix::Arbiter::current()];
    (env, store, Host::new(journal, Arc::new(Tally), config, HostMetrics::default(), arbiters))
}

fn entity(number: u64) -> StreamId {
    format!("tally:test:e{number}").parse().expect("lawful")
}

fn meta(id: CommandId) -> Meta {
    Meta { command_id: id, ..testkit::meta(id.0.as_u128()) }
}

/// Asks until the answer is definite, now and then twice at once.
async fn insist(env: &Env, host: &Host<Tally>, entity: StreamId, id: CommandId, command: Command) -> Told {
    loop {
        let ask = || host.ask(entity.clone(), command.clone(), meta(id));
        let answer = if env.random().is_multiple_of(8) {
            let (first, second) = futures_util::future::join(ask(), ask()).await;
            if let (Ok(first), Ok(second)) = (&first, &second) {
                assert_eq!(first.receipt, second.receipt, "a repeat gets the first answer");
            }
            second
        } else {
            ask().await
        };
        match answer {
            Err(AskError::Unavailable | AskError::OutcomeUnknown | AskError::TimedOut(_) | AskError::Overloaded) => {
                env.sleep(Duration::from_millis(7)).await;
            }
            answer @ (Ok(_) | Err(_)) => return Told { id, entity, command, answer },
        }
    }
}

async fn caller(env: Env, host: Host<Tally>) -> Vec<Told> {
    let mut told = Vec::new();
    for _ in 0..COMMANDS {
        let command = match env.random() % 10 {
            0 => Command::Clear,
            _ => Command::Add((env.random() % (u128::from(LIMIT) / 3)) as u64),
        };
        let (id, target) = (CommandId(env.next_id()), entity((env.random() % 3) as u64));
        told.push(insist(&env, &host, target.clone(), id, command.clone()).await);
        if env.random().is_multiple_of(4) {
            // Much later, the same again.
            told.push(insist(&env, &host, target, id, command).await);
        }
    }
    told
}

/// Folds the journal plainly: the state after each number of events, and the command behind each event.
async fn history(store: &MemoryStore, entity: &StreamId) -> (Vec<State>, Vec<Uuid>) {
    let (mut states, mut causes) = (vec![State::default()], Vec::new());
    for recorded in store.read_stream(entity, 0, usize::MAX).await.expect("read") {
        assert_eq!(recorded.sequence_number, states.len() as u64, "dense");
        let last = states.last().expect("never empty");
        let sum = match Event::decode(&recorded.event_type, 1, &recorded.data).expect("decodes") {
            Event::Added(add) => last.sum + add,
            Event::Cleared => 0,
        };
        assert!(sum <= LIMIT, "the invariant holds in the journal");
        states.push(State { sum, events: last.events + 1 });
        causes.push(recorded.causation_id);
    }
    (states, causes)
}

async fn check(store: &MemoryStore, all: &[Told]) -> (usize, usize) {
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..3 {
        let entity = entity(number);
        let (states, causes) = history(store, &entity).await;
        assert_eq!(causes.len(), causes.iter().collect::<BTreeSet<_>>().len(), "no command is in the journal twice");
        for told in all.iter().filter(|told| told.entity == entity) {
            match &told.answer {
                Ok(reply) => {
                    accepted += 1;
                    let version = reply.receipt.version as usize;
                    assert_eq!(reply.state, states[version], "the answer is the committed state at its version");
                    if reply.receipt.events == 1 {
                        assert_eq!(causes[version - 1], told.id.0, "the command is where its receipt says");
                    }
                }
                Err(AskError::Rejected(rejection)) => {
                    refused += 1;
                    assert_eq!(rejection.on, states[rejection.on.events as usize], "refused on a state that was committed");
                    assert!(matches!(told.command, Command::Add(add) if rejection.on.sum + add > LIMIT));
                    // A refusal is not stored: the same command, asked again later, is decided anew.
                    let taken_later = all.iter().any(|other| other.id == told.id && other.answer.is_ok());
                    assert!(taken_later || !causes.contains(&told.id.0), "what was only refused is not in the journal");
                }
                Err(error) => panic!("not a definite answer: {error:?}"),
            }
        }
        let known: BTreeSet<Uuid> = all.iter().map(|told| told.id.0).collect();
        assert!(causes.iter().all(|cause| known.contains(cause)), "nothing is in the journal that nobody asked for");
    }
    (accepted, refused)
}

fn run(seed: u64, percent: u8) -> (usize, usize, u64) {
    println!("seed {seed}, {percent} % of the commits go wrong");
    simulate(async move {
        let config = HostConfig {
            deadline: Duration::from_millis(40),
            idle: Duration::from_millis(30),
            snapshot_every: 10,
            ..HostConfig::default()
        };
        let change_delay = (Duration::ZERO, Duration::from_millis(3));
        let faults = Faults::new(Knobs { appends: Wrong::evenly(percent), change_delay, ..Knobs::default() });
        let (env, store, host) = universe(seed, faults.clone(), config).await;
        let callers = (0..CALLERS).map(|_| caller(env.clone(), host.clone()));
        let told: Vec<Told> = futures_util::future::join_all(callers).await.into_iter().flatten().collect();
        assert!(host.drain(Duration::from_secs(60)).await, "nothing hangs");
        let (accepted, refused) = check(&store, &told).await;
        (accepted, refused, faults.counts().total())
    })
}

#[test]
fn callers_and_journal_agree_with_the_sequential_model() {
    for seed in 0..40 {
        let (accepted, refused, faults) = run(seed, 25);
        assert!(accepted > 100 && refused > 20 && faults > 20, "the run exercised all of it: {accepted} {refused} {faults}");
    }
}

#[test]
fn without_faults_everything_is_decided_once() {
    let (accepted, refused, faults) = run(7, 0);
    assert!(accepted > 100 && refused > 20 && faults == 0);
}
