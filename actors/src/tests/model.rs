//! Random commands, repeats and store faults against the plain sequential model: the journal itself.
//!
//! Every caller repeats a command under the same id until the answer is definite. Then: what was acknowledged is in the
//! journal exactly once, at the version that was answered; what was refused was refused on a state that was committed.

use super::tally::{Command, Event, LIMIT, State, Tally};
use crate::testkit::{Chaos, Chaotic, Universe};
use crate::{AskError, Host, Reply, Runtime, RuntimeConfig};
use ionveil_journal::testkit::{Knobs, Wrong};
use ionveil_journal::{MemoryStore, Store};
use ionveil_kernel::{CommandId, Env, EventCodec, IdSource, Meta, StreamId, testkit};
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
    answer: Result<Reply<Chaotic<Tally>>, AskError<super::tally::TooMuch>>,
}

fn entity(number: u64) -> StreamId {
    format!("tally:test:e{number}").parse().expect("lawful")
}

fn meta(id: CommandId) -> Meta {
    Meta { command_id: id, ..testkit::meta(id.0.as_u128()) }
}

/// Asks until the answer is definite, now and then twice at once.
async fn insist(env: &Env, host: &Host<Chaotic<Tally>>, runtime: &Runtime, entity: StreamId, id: CommandId, command: Command) -> Told {
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
            // What an operator would do.
            Err(AskError::Quarantined(_)) => {
                let _was_quarantined = runtime.resume(&entity);
                env.sleep(Duration::from_millis(7)).await;
            }
            Err(AskError::Faulted { dead_letter, .. }) => {
                let letter = dead_letter.expect("there is room");
                let _carried = runtime.replay(&entity.org, letter).await;
                env.sleep(Duration::from_millis(7)).await;
            }
            answer @ (Ok(_) | Err(_)) => return Told { id, entity, command, answer },
        }
    }
}

async fn caller(env: Env, host: Host<Chaotic<Tally>>, runtime: Runtime) -> Vec<Told> {
    let mut told = Vec::new();
    for _ in 0..COMMANDS {
        let command = match env.random() % 10 {
            0 => Command::Clear,
            _ => Command::Add((env.random() % (u128::from(LIMIT) / 3)) as u64),
        };
        let (id, target) = (CommandId(env.next_id()), entity((env.random() % 3) as u64));
        told.push(insist(&env, &host, &runtime, target.clone(), id, command.clone()).await);
        if env.random().is_multiple_of(4) {
            // Much later, the same again.
            told.push(insist(&env, &host, &runtime, target, id, command).await);
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

/// What a run has gone through.
struct Seen {
    accepted: usize,
    refused: usize,
    faults: u64,
    panics: u64,
}

/// `percent` of the appends go wrong, and the decider panics over `permille` of the commands.
fn run(seed: u64, percent: u8, permille: u64) -> Seen {
    let config = RuntimeConfig {
        deadline: Duration::from_millis(40),
        idle: Duration::from_millis(30),
        snapshot_every: 10,
        in_flight_max: 8,
        ..RuntimeConfig::default()
    };
    Universe::run(seed, config, async move |universe: Universe| {
        let change_delay = (Duration::ZERO, Duration::from_millis(3));
        universe.faults.set(|knobs| *knobs = Knobs { appends: Wrong::evenly(percent), change_delay, ..Knobs::default() });
        let chaos = Chaos::new(universe.env.clone());
        chaos.panics(permille);
        let host = universe.runtime.entity(Arc::new(Chaotic::new(Tally, chaos.clone()))).expect("a lawful kind");
        let callers = (0..CALLERS).map(|_| caller(universe.env.clone(), host.clone(), universe.runtime.clone()));
        let told: Vec<Told> = futures_util::future::join_all(callers).await.into_iter().flatten().collect();
        assert!(universe.runtime.drain(Duration::from_secs(60)).await, "nothing hangs");
        let (accepted, refused) = check(&universe.memory, &told).await;
        Seen { accepted, refused, faults: universe.faults.counts().total(), panics: chaos.panicked() }
    })
}

#[test]
fn callers_and_journal_agree_with_the_sequential_model() {
    for seed in 0..40 {
        let Seen { accepted, refused, faults, .. } = run(seed, 25, 0);
        assert!(accepted > 100 && refused > 20 && faults > 15, "the run exercised all of it: {accepted} {refused} {faults}");
    }
}

#[test]
fn they_agree_also_while_deciders_panic_and_entities_are_restarted_and_resumed() {
    for seed in 100..120 {
        let Seen { accepted, refused, faults, panics } = run(seed, 20, 60);
        assert!(accepted > 100 && refused > 20 && faults > 20 && panics > 20, "{accepted} {refused} {faults} {panics}");
    }
}

#[test]
fn without_faults_everything_is_decided_once() {
    let Seen { accepted, refused, faults, .. } = run(7, 0, 0);
    assert!(accepted > 100 && refused > 20 && faults == 0);
}
