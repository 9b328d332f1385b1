//! Incidents, units, assignments and the desk agree in the end, whatever is delivered when and in which order; and nobody is
//! ever taken twice.

use super::{DESK_ID, FromAssignments, FromDesk, FromIncidents, FromUnits, workflow_id};
use crate::assignment::{self, Assignments};
use crate::desk::{self, Desk};
use crate::incident::{self, AssignedUnit, Incidents, Status};
use crate::unit::{self, Availability, Duty, Phase, Releaser, Units};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{
    CorrelationId, DecideEnv, Decider, EntityId, EventCodec, EventId, Policy, Reaction, Reactor, Recorded, Rejection, StreamId, Timestamp,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// All entities of one kind.
struct Entities<D: Decider>(BTreeMap<EntityId, D::State>);

/// An organisation, and the messages that may still arrive.
struct World {
    units: Entities<Units>,
    incidents: Entities<Incidents>,
    assignments: Entities<Assignments>,
    desk: Entities<Desk>,
    /// By stream, how many events it has.
    lengths: BTreeMap<StreamId, u64>,
    sent: Vec<(StreamId, String)>,
    /// What workflows were told: id and command.
    workflows: Vec<(String, serde_json::Value)>,
    now: i64,
}

fn id(name: &str) -> EntityId {
    EntityId::new(name).expect("a lawful id")
}

fn numbered(prefix: &str, number: usize) -> EntityId {
    id(&format!("{prefix}{number}"))
}

fn recorded(stream: &StreamId, sequence_number: u64, event: &impl EventCodec) -> Recorded {
    let uuid = Uuid::from_u128(u128::from(sequence_number));
    Recorded {
        event_id: EventId(uuid),
        stream: stream.clone(),
        owner: stream.clone(),
        sequence_number,
        partition: 0,
        position: sequence_number,
        event_type: event.event_type().into(),
        schema_version: event.schema_version(),
        data: event.encode().expect("a stored form"),
        occurred_at: Timestamp::from_micros(0),
        recorded_at: Timestamp::from_micros(0),
        correlation_id: CorrelationId(uuid),
        causation_id: uuid,
        actor: meta(1).caller.subject,
        traceparent: None,
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Decides and folds; what follows is put to what was sent.
fn tell<D: Decider<Part = ()>>(
    decider: &D,
    entities: &mut Entities<D>,
    (stream, now): (&StreamId, i64),
    lengths: &mut BTreeMap<StreamId, u64>,
    reactor: &dyn Reactor,
    command: &D::Command,
) -> Result<Vec<(StreamId, String)>, &'static str> {
    let mut state = entities.0.remove(&stream.id).unwrap_or_else(|| decider.initial(stream));
    let (cause, policy, now) = (meta(1), Policy::default(), Timestamp::from_micros(now));
    let env = DecideEnv { now, occurred_at: now, ids: &CountingIds::default(), cause: &cause, policy: &policy };
    let decision = decider.decide(&state, command, &env).map_err(|refusal| refusal.code());
    let mut sent = Vec::new();
    for ((), event) in decision.iter().flatten() {
        state = decider.evolve(state, &(), event).expect("what was decided can follow");
        let length = lengths.entry(stream.clone()).or_default();
        *length += 1;
        let reactions = reactor.react(&recorded(stream, *length, event)).expect("it reads what was written");
        sent.extend(reactions.into_iter().map(|reaction| {
            let Reaction::Command { to, command } = reaction else { panic!("no effects") };
            (to, command)
        }));
    }
    entities.0.insert(stream.id.clone(), state);
    decision.map(|_| sent)
}

impl World {
    fn new(units: usize, incidents: usize) -> Self {
        let mut world = Self {
            units: Entities(BTreeMap::new()),
            incidents: Entities(BTreeMap::new()),
            assignments: Entities(BTreeMap::new()),
            desk: Entities(BTreeMap::new()),
            lengths: BTreeMap::new(),
            sent: Vec::new(),
            workflows: Vec::new(),
            now: 0,
        };
        for unit in 0..units {
            let register = unit::Command::Register {
                name: "E1".into(),
                unit_type: "engine".into(),
                agency: None,
                skills: Vec::new(),
                capacity: 4,
                latitude: None,
                longitude: None,
                shift: None,
            };
            world.unit(&numbered("u", unit), &register).expect("lawful");
        }
        for incident in 0..incidents {
            let create = incident::Command::Create {
                title: "smoke".into(),
                description: "smoke on a roof".into(),
                priority: Some(3),
                latitude: 37.0,
                longitude: -122.0,
                category: None,
                zone: None,
                source: None,
            };
            world.incident(&numbered("i", incident), &create).expect("lawful");
        }
        world
    }

    fn stream(kind: &str, id: &EntityId) -> StreamId {
        format!("{kind}:test:{id}").parse().expect("a lawful name")
    }

    fn unit(&mut self, id: &EntityId, command: &unit::Command) -> Result<(), &'static str> {
        let stream = Self::stream(unit::KIND, id);
        let sent = tell(&Units, &mut self.units, (&stream, self.now), &mut self.lengths, &FromUnits, command)?;
        self.sent.extend(sent);
        Ok(())
    }

    fn incident(&mut self, id: &EntityId, command: &incident::Command) -> Result<(), &'static str> {
        let stream = Self::stream(incident::KIND, id);
        let sent = tell(&Incidents, &mut self.incidents, (&stream, self.now), &mut self.lengths, &FromIncidents, command)?;
        self.sent.extend(sent);
        Ok(())
    }

    fn assignment(&mut self, id: &EntityId, command: &assignment::Command) -> Result<(), &'static str> {
        let stream = Self::stream(assignment::KIND, id);
        let sent = tell(&Assignments, &mut self.assignments, (&stream, self.now), &mut self.lengths, &FromAssignments, command)?;
        self.sent.extend(sent);
        Ok(())
    }

    /// Delivers one message. Refusals of what reactors ask are lawful: nobody waits for them.
    fn deliver(&mut self, place: usize) {
        let (to, command) = self.sent.remove(place);
        let _refused = match to.kind.as_str() {
            unit::KIND => self.unit(&to.id, &parse(&command)),
            incident::KIND => self.incident(&to.id, &parse(&command)),
            assignment::KIND => self.assignment(&to.id, &parse(&command)),
            desk::KIND => {
                let command = parse(&command);
                let sent = tell(&Desk, &mut self.desk, (&to, self.now), &mut self.lengths, &FromDesk, &command);
                sent.map(|sent| self.sent.extend(sent))
            }
            "workflow" => {
                self.workflows.push((to.id.as_str().to_owned(), parse(&command)));
                Ok(())
            }
            other => panic!("nobody is a {other}"),
        };
    }

    fn deliver_all(&mut self) {
        while !self.sent.is_empty() {
            self.deliver(0);
        }
    }

    fn begin(
        &mut self,
        assignment: &str,
        incident: &str,
        candidates: &[&str],
        wanted: usize,
        replaces: Option<&str>,
    ) -> Result<(), &'static str> {
        let candidates = candidates.iter().map(|unit| id(unit)).collect();
        let begin = assignment::Command::Begin { incident: id(incident), zone: None, candidates, wanted, replaces: replaces.map(id) };
        self.assignment(&id(assignment), &begin)
    }

    fn outcome(&self, assignment: &str) -> &assignment::Outcome {
        let assignment::State::Ended(outcome) = &self.assignments.0[&id(assignment)] else { panic!("{assignment} has not ended") };
        outcome
    }

    fn status(&self, unit: &str) -> Availability {
        self.units.0[&id(unit)].live().expect("registered").status()
    }

    fn incident_of(&self, incident: &str) -> &incident::Incident {
        self.incidents.0[&id(incident)].live().expect("reported")
    }

    fn told(&self, workflow: &str) -> Vec<String> {
        let of = self.workflows.iter().filter(|(id, _)| id == workflow);
        of.map(|(_, command)| command["to"].as_str().or(command["type"].as_str()).unwrap_or_default().to_owned()).collect()
    }

    /// Everyone says the same, and nothing is in between.
    fn check(&self) {
        assert!(self.sent.is_empty());
        let mut by_units = BTreeSet::new();
        for (id, state) in &self.units.0 {
            let unit = state.live().expect("registered");
            assert!(!matches!(unit.phase, Phase::Reserved { .. }), "{id} is in between");
            if let (Some(incident), Some(assignment)) = (unit.incident(), unit.assignment()) {
                by_units.insert((incident.clone(), id.clone(), assignment.clone()));
            }
        }
        let mut by_incidents = BTreeSet::new();
        for (id, state) in &self.incidents.0 {
            let incident = state.live().expect("reported");
            assert!(incident.merging.is_empty(), "{id} is in between");
            assert!(!incident.has_ended() || incident.units.is_empty(), "{id} has ended and keeps units");
            for AssignedUnit { unit, assignment } in &incident.units {
                assert!(by_incidents.insert((id.clone(), unit.clone(), assignment.clone())), "{unit} is on {id} twice");
            }
        }
        assert_eq!(by_units, by_incidents);
        let ends = self.assignments.0.iter().map(|(id, state)| {
            let assignment::State::Ended(outcome) = state else { panic!("{id} is in between: {state:?}") };
            outcome.end
        });
        let numbers: Vec<_> = ends.filter_map(Result::ok).collect();
        let distinct: BTreeSet<_> = numbers.iter().copied().collect();
        let last = self.desk.0.get(&id(DESK_ID)).map_or(0, |desk| desk.last);
        assert_eq!(distinct, (1..=last).collect(), "no gap");
        assert_eq!(numbers.len() as u64, last, "no repeat");
    }
}

#[test]
fn units_are_assigned_and_their_workflows_follow_them() {
    let mut world = World::new(3, 1);
    world.begin("a", "i0", &["u0", "u1"], 2, None).unwrap();
    world.deliver_all();
    assert_eq!((world.outcome("a").end, &world.outcome("a").assigned), (Ok(1), &vec![id("u0"), id("u1")]));
    assert_eq!((world.status("u0"), world.status("u2")), (Availability::Dispatched, Availability::Available));
    assert_eq!((world.incident_of("i0").status, world.incident_of("i0").units.len()), (Status::Dispatched, 2));
    let register = serde_json::json!({"type": "register", "machine": "dispatch", "initial_state": "allocated",
        "attributes": {"assignment": "a", "incident": "i0", "unit": "u0"}});
    assert_eq!(world.workflows[0], ("a.u0".into(), register));
    for to in [Availability::EnRoute, Availability::OnScene, Availability::Returning] {
        world.unit(&id("u0"), &unit::Command::SetStatus { to }).unwrap();
    }
    world.unit(&id("u1"), &unit::Command::SetStatus { to: Availability::OnScene }).unwrap();
    world.deliver_all();
    assert_eq!(world.told("a.u0"), ["register", "departed", "arrived", "cancel"]);
    assert_eq!(world.told("a.u1"), ["register", "departed", "arrived"]);
    assert_eq!(world.incident_of("i0").units, [AssignedUnit { unit: id("u1"), assignment: id("a") }]);
    world.check();
}

#[test]
fn the_next_best_is_asked_for_a_unit_that_cannot_be_had() {
    let mut world = World::new(4, 2);
    world.begin("a", "i0", &["u0"], 1, None).unwrap();
    world.deliver_all();
    world.unit(&id("u1"), &unit::Command::SetDuty { to: Duty::OnBreak }).unwrap();
    world.unit(&id("u2"), &unit::Command::SetStatus { to: Availability::OutOfService }).unwrap();
    world.begin("b", "i1", &["u0", "u1", "nobody", "u2", "u3"], 2, None).unwrap();
    world.deliver_all();
    let outcome = world.outcome("b");
    assert_eq!((outcome.end, &outcome.assigned), (Ok(2), &vec![id("u3")]));
    let skipped: Vec<_> = outcome.skipped.iter().map(|skipped| (skipped.unit.as_str(), skipped.reason)).collect();
    use unit::DeclineReason::{Busy, OffDuty, OutOfService, Unknown};
    assert_eq!(skipped, [("u0", Busy), ("u1", OffDuty), ("nobody", Unknown), ("u2", OutOfService)]);
    world.units.0.remove(&id("nobody"));
    world.check();
}

#[test]
fn without_units_nothing_changes() {
    let mut world = World::new(1, 1);
    world.unit(&id("u0"), &unit::Command::SetDuty { to: Duty::OffDuty }).unwrap();
    world.begin("a", "i0", &["u0"], 1, None).unwrap();
    world.deliver_all();
    assert_eq!(world.outcome("a").end, Err(assignment::Step::Reserve));
    assert_eq!(world.incident_of("i0").status, Status::Reported);
    world.check();
}

#[test]
fn an_incident_that_ends_in_between_gets_nobody_and_all_are_released() {
    let mut world = World::new(2, 1);
    world.begin("a", "i0", &["u0", "u1"], 2, None).unwrap();
    while world.sent.iter().all(|(to, _)| to.kind.as_str() != incident::KIND) {
        world.deliver(0);
    }
    world.incident(&id("i0"), &incident::Command::Close).unwrap();
    world.deliver_all();
    assert_eq!(world.outcome("a").end, Err(assignment::Step::Attach(incident::AttachDeclineReason::TerminalIncident)));
    assert_eq!((world.status("u0"), world.status("u1")), (Availability::Available, Availability::Available));
    assert!(world.desk.0.is_empty(), "no number is lost");
    world.check();
}

#[test]
fn a_unit_that_answers_too_late_is_released() {
    let mut world = World::new(2, 1);
    world.begin("a", "i0", &["u0", "u1"], 2, None).unwrap();
    world.deliver(0);
    let place = world.sent.iter().position(|(to, _)| to.kind.as_str() == assignment::KIND).expect("u0 has answered");
    world.deliver(place);
    let timer = Assignments.timers(&world.assignments.0[&id("a")]).remove(0);
    world.now = timer.due.micros();
    let give_up = Assignments.on_timer(&timer.name, timer.due).expect("the timer stands for a command");
    world.assignment(&id("a"), &give_up).unwrap();
    world.deliver_all();
    assert_eq!(world.outcome("a").assigned, [id("u0")]);
    assert_eq!(world.status("u1"), Availability::Available);
    world.check();
}

#[test]
fn one_unit_goes_for_another() {
    let mut world = World::new(2, 1);
    world.begin("a", "i0", &["u0"], 1, None).unwrap();
    world.deliver_all();
    world.begin("b", "i0", &["u1"], 1, Some("u0")).unwrap();
    world.deliver_all();
    assert_eq!((world.status("u0"), world.status("u1")), (Availability::Available, Availability::Dispatched));
    world.begin("c", "i0", &["u0"], 1, Some("u0")).unwrap();
    world.deliver_all();
    assert_eq!(world.outcome("c").end, Err(assignment::Step::Attach(incident::AttachDeclineReason::NotOnIncident)));
    world.check();
}

#[test]
fn a_merge_takes_the_units_along_and_two_incidents_never_swallow_each_other() {
    let mut world = World::new(2, 3);
    world.begin("a", "i0", &["u0"], 1, None).unwrap();
    world.begin("b", "i1", &["u1"], 1, None).unwrap();
    world.deliver_all();
    world.incident(&id("i0"), &incident::Command::Merge { secondary: id("i1") }).unwrap();
    world.deliver_all();
    let units: Vec<_> = world.incident_of("i0").units.iter().map(|assigned| assigned.unit.as_str()).collect();
    assert_eq!((units, &world.incident_of("i0").merged_from), (vec!["u0", "u1"], &vec![id("i1")]));
    assert_eq!((world.incident_of("i1").status, world.incident_of("i1").units.len()), (Status::Merged, 0));
    world.check();
    world.incident(&id("i0"), &incident::Command::Merge { secondary: id("i2") }).unwrap();
    world.incident(&id("i2"), &incident::Command::Merge { secondary: id("i0") }).unwrap();
    assert_eq!(world.incident(&id("i0"), &incident::Command::Close), Err("must_resolve_first"));
    assert_eq!(world.incident(&id("i2"), &incident::Command::Close), Err("merge_pending"));
    world.deliver_all();
    assert_eq!((world.incident_of("i0").has_ended(), world.incident_of("i2").has_ended()), (false, false));
    world.incident(&id("i2"), &incident::Command::Merge { secondary: id("nowhere") }).unwrap();
    world.incident(&id("i2"), &incident::Command::Merge { secondary: id("i1") }).unwrap();
    world.deliver_all();
    assert!(world.incident_of("i2").merging.is_empty());
    world.incidents.0.remove(&id("nowhere"));
    world.check();
}

#[test]
fn word_of_an_earlier_merge_that_comes_last_sends_nobody_back() {
    let mut world = World::new(1, 3);
    world.begin("a", "i0", &["u0"], 1, None).unwrap();
    world.deliver_all();
    world.incident(&id("i2"), &incident::Command::Merge { secondary: id("i0") }).unwrap();
    let is_word = |(to, command): &(StreamId, String)| to.kind.as_str() == unit::KIND && command.contains("redirect");
    let deliver_but_words = |world: &mut World| {
        while let Some(place) = world.sent.iter().position(|sent| !is_word(sent)) {
            world.deliver(place);
        }
    };
    deliver_but_words(&mut world);
    world.incident(&id("i1"), &incident::Command::Merge { secondary: id("i2") }).unwrap();
    deliver_but_words(&mut world);
    assert_eq!(world.sent.len(), 2, "{:?}", world.sent);
    world.deliver(1);
    world.deliver_all();
    assert_eq!(world.units.0[&id("u0")].live().and_then(unit::Unit::incident), Some(&id("i1")));
    world.check();
}

#[test]
fn a_workflow_has_an_id_whatever_the_names_are() {
    assert_eq!(workflow_id(&id("a"), &id("u")).as_str(), "a.u");
    let long = id(&"x".repeat(128));
    assert_eq!(workflow_id(&long, &id("u")).as_str().len(), 36);
    assert_ne!(workflow_id(&long, &id("u")), workflow_id(&long, &id("v")));
}

/// One thing that a person, the clock or the network does.
#[derive(Clone, Debug)]
enum Step {
    Begin { incident: usize, candidates: BTreeSet<usize>, wanted: usize, replaces: Option<usize> },
    Status(usize, Availability),
    Duty(usize, Duty),
    Release(usize, usize),
    Incident(usize, incident::Command),
    GiveUp(Index),
    Deliver(Index),
}

const UNITS: usize = 5;
const INCIDENTS: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let begin = (0..INCIDENTS, prop::collection::btree_set(0..UNITS, 1..4), 1..4_usize, prop::option::weighted(0.3, 0..UNITS));
    let of_incident = prop_oneof![
        1 => Just(incident::Command::Close),
        1 => Just(incident::Command::Archive),
        3 => (0..INCIDENTS).prop_map(|other| incident::Command::Merge { secondary: numbered("i", other) }),
        4 => select(Status::ALL.to_vec()).prop_map(|to| incident::Command::Transition { to }),
    ];
    prop_oneof![
        4 => begin.prop_map(|(incident, candidates, wanted, replaces)| Step::Begin { incident, candidates, wanted, replaces }),
        4 => (0..UNITS, select(Availability::ALL.to_vec())).prop_map(|(unit, to)| Step::Status(unit, to)),
        1 => (0..UNITS, select(vec![Duty::OnDuty, Duty::OffDuty])).prop_map(|(unit, to)| Step::Duty(unit, to)),
        2 => (0..UNITS, 0..INCIDENTS).prop_map(|(unit, incident)| Step::Release(unit, incident)),
        3 => (0..INCIDENTS, of_incident).prop_map(|(incident, command)| Step::Incident(incident, command)),
        1 => any::<Index>().prop_map(Step::GiveUp),
        16 => any::<Index>().prop_map(Step::Deliver),
    ]
}

impl World {
    /// Refusals are lawful: people ask for what cannot be.
    fn step(&mut self, step: Step) {
        let _refused = match step {
            Step::Begin { incident, candidates, wanted, replaces } => {
                let assignment = numbered("a", self.assignments.0.len());
                let candidates = candidates.into_iter().map(|unit| numbered("u", unit)).collect();
                let replaces = replaces.map(|unit| numbered("u", unit));
                let incident = numbered("i", incident);
                self.assignment(&assignment, &assignment::Command::Begin { incident, zone: None, candidates, wanted, replaces })
            }
            Step::Status(unit, to) => self.unit(&numbered("u", unit), &unit::Command::SetStatus { to }),
            Step::Duty(unit, to) => self.unit(&numbered("u", unit), &unit::Command::SetDuty { to }),
            Step::Release(unit, from) => {
                self.unit(&numbered("u", unit), &unit::Command::Release { by: Releaser::Person(numbered("i", from)) })
            }
            Step::Incident(incident, command) => self.incident(&numbered("i", incident), &command),
            Step::GiveUp(_) if self.assignments.0.is_empty() => Ok(()),
            Step::GiveUp(place) => {
                let id = numbered("a", place.index(self.assignments.0.len()));
                let due = Assignments.timers(&self.assignments.0[&id]).first().map(|timer| timer.due);
                due.map_or(Ok(()), |due| self.assignment(&id, &assignment::Command::GiveUp { due }))
            }
            Step::Deliver(_) if self.sent.is_empty() => Ok(()),
            Step::Deliver(place) => {
                self.deliver(place.index(self.sent.len()));
                Ok(())
            }
        };
    }

    /// At any moment, a unit is on one incident at most, and only one incident that has not ended lists it by its assignment.
    fn check_now(&self) {
        for (id, state) in &self.units.0 {
            let unit = state.live().expect("registered");
            let on = |incident: &&incident::Incident| {
                incident.units.iter().any(|assigned| assigned.unit == *id && Some(&assigned.assignment) == unit.assignment())
            };
            let count = self.incidents.0.values().filter_map(incident::State::live).filter(on).count();
            assert!(count <= 1, "{id} is on {count} incidents");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// A crash in the middle is a message that arrives later: whatever the order, it ends in done or undone.
    #[test]
    fn everything_ends_in_done_or_undone(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new(UNITS, INCIDENTS);
        for step in steps {
            world.step(step);
            world.check_now();
        }
        world.deliver_all();
        world.check();
    }
}
