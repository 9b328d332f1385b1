//! Laws that hold for every history: whatever is decided can be folded, stored, loaded and replayed; whatever is not
//! lawful is refused without a panic.

use super::*;
use crate::{Command, Machine, State, StepOutcome, decide, evolve, fold, path, state_at, validate_path};
use ionveil_kernel::testkit::check_laws;
use proptest::prelude::*;
use proptest::sample::select;

const MACHINES: [&str; 7] = ["dispatch", "workflow", "mission", "mission_phase", "rescue", "drill", "tango"];
const STATES: [&str; 25] = [
    "queued",
    "allocated",
    "departed",
    "arrived",
    "cancelled",
    "created",
    "validated",
    "scheduled",
    "in-progress",
    "review",
    "approved",
    "executing",
    "completed",
    "failed",
    "planned",
    "paused",
    "planning",
    "fueling",
    "orbit",
    "aborted",
    "called",
    "moving",
    "safe",
    "",
    "Ω",
];

fn state() -> impl Strategy<Value = String> {
    select(STATES.as_slice()).prop_map(str::to_owned)
}

fn reason() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof![Just("because".to_owned()), Just("\u{1}".to_owned()), ".{0,8}"])
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::Null),
    ]
}

fn attributes() -> impl Strategy<Value = BTreeMap<String, Value>> {
    prop::collection::btree_map("[a-z]{1,3}", scalar(), 0..3)
}

fn outcome() -> impl Strategy<Value = StepOutcome> {
    select([StepOutcome::Started, StepOutcome::Completed, StepOutcome::Failed].as_slice())
}

/// Most histories begin well: a junk first command only leads to a refusal.
fn first() -> impl Strategy<Value = Command> {
    (select(MACHINES.as_slice()), prop::option::weighted(0.3, state()), attributes())
        .prop_map(|(machine, initial_state, attributes)| Command::Register { machine: machine.to_owned(), initial_state, attributes })
}

/// What to ask next, some of it as a choice among what the present state allows.
#[derive(Clone, Debug)]
enum Ask {
    Any(Command),
    Edge(prop::sample::Index, bool),
}

fn ask() -> impl Strategy<Value = Ask> {
    let command = prop_oneof![
        (state(), reason()).prop_map(|(to, reason)| Command::Transition { to, reason }),
        (state(), outcome(), reason()).prop_map(|(step, outcome, reason)| Command::Step { step, outcome, reason }),
        reason().prop_map(|reason| Command::Rollback { reason }),
        reason().prop_map(|reason| Command::Cancel { reason }),
        (state(), reason()).prop_map(|(to, reason)| Command::Reconcile { to, reason }),
        first(),
        (prop::collection::vec(state(), 0..3), attributes()).prop_map(|(stack, attributes)| Command::Clone {
            source: source(),
            source_version: 3,
            machine: "dispatch".to_owned(),
            definition: None,
            stack,
            attributes
        }),
    ];
    prop_oneof![1 => command.prop_map(Ask::Any), 2 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(pick, step)| Ask::Edge(pick, step))]
}

impl Ask {
    fn command(&self, state: &State) -> Command {
        let anywhere = || Command::Rollback { reason: None };
        match self {
            Self::Any(command) => command.clone(),
            Self::Edge(pick, step) => state.live().map_or_else(anywhere, |live| {
                let targets: Vec<_> = live.machine().states().filter(|to| live.machine().allows(live.present(), to)).collect();
                let Some(to) = (!targets.is_empty()).then(|| targets[pick.index(targets.len())].to_owned()) else { return anywhere() };
                if *step {
                    Command::Step { step: to, outcome: StepOutcome::Completed, reason: None }
                } else {
                    Command::Transition { to, reason: None }
                }
            }),
        }
    }
}

/// The specification's stack, kept in names and by other means than the engine.
#[derive(Debug, Default, PartialEq)]
struct Model(Vec<String>);

impl Model {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::Registered(event) => self.0 = vec![event.to.clone()],
            Event::Cloned(event) => self.0.clone_from(&event.stack),
            Event::StepStarted(_) => {}
            Event::StepCompleted(event) => self.0.push(event.to.clone()),
            Event::StepFailed(event) => self.0.push(event.to.clone()),
            Event::Transitioned(event) => self.0.push(event.to.clone()),
            Event::Cancelled(event) => self.0.push(event.to.clone()),
            Event::RolledBack(_) => drop(self.0.pop()),
            Event::Reconciled(event) => self.0 = vec![event.to.clone()],
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_decided_can_be_folded_stored_and_replayed(first in first(), asks in prop::collection::vec(ask(), 0..40)) {
        let decider = workflow();
        let owner = "workflow:test:x".parse().unwrap();
        let (mut state, mut model, mut events) = (State::Absent, Model::default(), Vec::new());
        for ask in std::iter::once(Ask::Any(first)).chain(asks) {
            let before = state.clone();
            match decide::decide(decider.machines(), &state, &ask.command(&state), None) {
                Err(_) => prop_assert_eq!(&state, &before),
                Ok(event) => {
                    state = evolve::evolve(decider.machines(), state, &event).expect("what is decided can be folded");
                    model.apply(&event);
                    events.push(event);
                }
            }
            let stack = state.live().map(|live| live.stack().map(str::to_owned).collect()).unwrap_or_default();
            prop_assert_eq!(&Model(stack), &model);
        }
        check_laws(&decider, &owner, &then(events.clone()));
        let records = recorded(&events);
        let folded = fold(&decider, &records).unwrap();
        prop_assert_eq!(folded.as_ref().map_or(&State::Absent, |moment| &moment.state), &state);
        // A workflow can be copied at any moment, and the copy is in the same place.
        if let Some(command) = state.clone_command(source(), events.len() as u64) {
            let event = decide::decide(decider.machines(), &State::Absent, &command, None).expect("a state can be copied");
            let copy = evolve::evolve(decider.machines(), State::Absent, &event).expect("a copy can be folded");
            prop_assert!(copy.live().unwrap().stack().eq(state.live().unwrap().stack()));
        }
        // Any past instant is the fold of a prefix.
        for at in 0..=events.len() {
            let time = Timestamp::from_micros(i64::try_from(at).unwrap() * 10);
            let past = state_at(&decider, &records, Some(time), None).unwrap();
            prop_assert_eq!(past, fold(&decider, &records[..at]).unwrap());
        }
    }

    #[test]
    fn junk_events_never_panic(events in prop::collection::vec(junk(), 0..12)) {
        let machines = Arc::clone(workflow().machines());
        let mut state = State::Absent;
        for event in events {
            if let Ok(next) = evolve::evolve(&machines, state.clone(), &event) {
                prop_assert!(next.summary().is_some());
                state = next;
            }
        }
    }

    #[test]
    fn junk_payloads_never_panic(event_type in 0..Event::TYPES.len(), version in 0_u32..3, data in "[\\{\\}\\[\\]\":,a-z0-9 ]{0,40}") {
        let decoded = Event::decode(Event::TYPES[event_type].0, version, &data);
        prop_assert!(decoded.is_err() || version == 1);
    }

    /// Against all distances, found by relaxing every edge until nothing changes.
    #[test]
    fn shortest_paths_are_lawful_and_shortest(machine in sound_machine(), from in 0_usize..9, to in 0_usize..9) {
        let states: Vec<_> = machine.states().map(str::to_owned).collect();
        let (from, to) = (format!("s{from}"), format!("s{to}"));
        let mut distance: BTreeMap<&str, usize> = states.iter().filter(|state| **state == from).map(|state| (state.as_str(), 0)).collect();
        for _ in &states {
            for (a, b) in states.iter().flat_map(|a| states.iter().map(move |b| (a, b))).filter(|(a, b)| machine.allows(a, b)) {
                let Some(steps) = distance.get(a.as_str()).map(|steps| steps + 1) else { continue };
                distance.entry(b).and_modify(|best| *best = steps.min(*best)).or_insert(steps);
            }
        }
        let way = path(&machine, &from, &to);
        prop_assert_eq!(way.as_ref().map(|way| way.len() - 1), distance.get(to.as_str()).copied());
        if let Some(way) = way {
            prop_assert_eq!((way[0], way[way.len() - 1]), (from.as_str(), to.as_str()));
            prop_assert_eq!(validate_path(&machine, &way), Ok(()));
        }
    }
}

/// Each state but the first is reached from an earlier one, the last is terminal, and further edges go anywhere.
fn sound_machine() -> impl Strategy<Value = Machine> {
    let row = (any::<prop::sample::Index>(), prop::collection::vec(0_usize..8, 0..3));
    prop::collection::vec(row, 1..8).prop_map(|rows| {
        let last = rows.len() - 1;
        let mut edges: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
        for (place, (parent, further)) in rows.iter().enumerate() {
            if place > 0 {
                edges[parent.index(place)].push(place);
            }
            if place < last {
                edges[place].extend(further.iter().map(|to| to % rows.len()));
            }
        }
        let name = |place: usize| format!("s{place}");
        let row = |(place, to): (usize, Vec<usize>)| {
            let mut seen = std::collections::BTreeSet::from([place]);
            StateDefinition {
                name: name(place),
                to: to.into_iter().filter(|to| seen.insert(*to)).map(name).collect(),
                assigns: place % 2 == 1,
            }
        };
        let states = edges.into_iter().enumerate().map(row).collect();
        Machine::new("m", MachineDefinition { initial: name(0), terminal: None, states }).expect("sound")
    })
}

fn junk() -> impl Strategy<Value = Event> {
    let definition = || prop::option::of(select(vec![rescue(), table("a", "a > b"), table("queued", "queued >")]));
    let begin = || (select(MACHINES.as_slice()), definition(), prop::collection::vec(state(), 1..3));
    let two = || (state(), state());
    prop_oneof![
        3 => begin().prop_map(|(machine, definition, stack)| Event::Registered(Registered {
            machine: machine.to_owned(),
            definition,
            to: stack[0].clone(),
            attributes: Attributes::default()
        })),
        1 => begin().prop_map(|(machine, definition, stack)| Event::Cloned(Cloned {
            source: source(),
            source_version: 1,
            machine: machine.to_owned(),
            definition,
            stack,
            attributes: Attributes::default()
        })),
        1 => state().prop_map(|step| started(&step)),
        1 => (state(), two()).prop_map(|(step, (from, to))| Event::StepCompleted(StepCompleted { step, from, to, policy: None })),
        1 => (state(), two()).prop_map(|(step, (from, to))| Event::StepFailed(StepFailed { step, from, to, reason: None })),
        1 => two().prop_map(|(from, to)| moved(&from, &to)),
        1 => two().prop_map(|(from, to)| rolled_back(&from, &to)),
        1 => two().prop_map(|(from, to)| cancelled(&from, &to)),
        1 => two().prop_map(|(from, to)| reconciled(&from, &to)),
    ]
}
