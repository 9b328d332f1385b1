//! What the policy in force does to a workflow: it stops what assigns, and nothing else.

use super::*;
use crate::{Command, InForce, RejectionClass, State, StepOutcome, view};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{DecideEnv, Decider, Halt, Policy, PolicyLevel, Rejection, Role};
use serde_json::json;

const LEVELS: [PolicyLevel; 4] = [PolicyLevel::Normal, PolicyLevel::Watch, PolicyLevel::Restricted, PolicyLevel::Halted];

fn policy(level: PolicyLevel) -> Policy {
    Policy { level, node: some("B09"), version: 17, since: Some(Timestamp::from_micros(-5)), by: Some("user:jane".into()) }
}

fn in_force(level: PolicyLevel) -> Option<InForce> {
    Some(InForce { level, node: "B09".to_owned(), version: 17 })
}

fn go(to: &str) -> Command {
    Command::Transition { to: to.to_owned(), reason: None }
}

fn report(step: &str, outcome: StepOutcome) -> Command {
    Command::Step { step: step.to_owned(), outcome, reason: None }
}

fn with(attributes: Value) -> Event {
    let attributes = Attributes::check(&values(attributes)).unwrap();
    Event::Registered(Registered { machine: "dispatch".into(), definition: None, to: "queued".into(), attributes })
}

#[test]
fn one_state_of_each_built_in_machine_assigns() {
    let assigning = |machine: &Arc<crate::Machine>| {
        let states: Vec<_> = machine.states().filter(|state| machine.assigns(state)).collect();
        format!("{} {}", machine.name(), states.join(" "))
    };
    let all: Vec<_> = Machines::default().iter().map(assigning).collect();
    assert_eq!(all, ["dispatch allocated", "workflow scheduled", "mission executing", "mission_phase fueling"]);
    assert!(!workflow().machines().get("dispatch").unwrap().assigns("nowhere"));
}

#[test]
fn a_move_that_assigns_is_refused_under_halted_only_and_records_what_it_was_under() {
    for level in LEVELS {
        for command in [go("allocated"), report("allocated", StepOutcome::Completed)] {
            let then = past([registered("dispatch", "queued")]).under(policy(level)).when(command.clone());
            if level == PolicyLevel::Halted {
                let rejection = then.then_rejected("policy_halted");
                let halt = Halt { node: "B09".to_owned(), since: Some(Timestamp::from_micros(-5)), by: some("user:jane") };
                assert_eq!(rejection, crate::Rejection::PolicyHalted(Box::new(halt)));
                assert_eq!((rejection.class(), rejection.field()), (RejectionClass::Conflict, None));
                assert_eq!(rejection.to_string(), r#"nothing is assigned while the policy of "B09" is halted, as set by user:jane"#);
                continue;
            }
            let (from, to) = ("queued".to_owned(), "allocated".to_owned());
            let event = match command {
                Command::Transition { .. } => Event::Transitioned(Transitioned { from, to, reason: None, policy: in_force(level) }),
                _step => Event::StepCompleted(StepCompleted { step: to.clone(), from, to, policy: in_force(level) }),
            };
            assert_eq!(event.schema_version(), 2, "{level:?}");
            then.then([((), event)]);
        }
    }
}

#[test]
fn what_had_happened_before_the_policy_was_set_is_recorded_by_who_could_lift_it() {
    let (policy, state) = (policy(PolicyLevel::Halted), fold_of(&[registered("dispatch", "queued")]));
    let (now, since) = (Timestamp::from_micros(9), policy.since.expect("since then"));
    let decided = |role, occurred_at| {
        let mut cause = meta(1);
        cause.caller.role = role;
        let env = DecideEnv { now, occurred_at, ids: &CountingIds::default(), cause: &cause, policy: &policy };
        workflow().decide(&state, &go("allocated"), &env).map_err(|rejection| Rejection::code(&rejection))
    };
    let before = Timestamp::from_micros(since.micros() - 1);
    for (role, at, passes) in [
        (Role::Supervisor, before, true),
        (Role::Admin, before, true),
        (Role::Admin, since, false),
        (Role::Admin, now, false),
        (Role::Dispatcher, before, false),
        (Role::Operator, before, false),
    ] {
        let expected = if passes { Ok(vec![((), moved("queued", "allocated"))]) } else { Err("policy_halted") };
        assert_eq!(decided(role, at), expected, "{role} {at:?}");
    }
}

#[test]
fn without_a_tree_nothing_is_recorded() {
    let event = moved("queued", "allocated");
    assert_eq!(event.schema_version(), 1);
    past([registered("dispatch", "queued")]).when(go("allocated")).then([((), event)]);
}

#[test]
fn everything_else_passes_under_halted() {
    let allocated = || vec![registered("dispatch", "queued"), moved("queued", "allocated")];
    let ended = || [allocated(), vec![moved("allocated", "departed"), moved("departed", "arrived")]].concat();
    let register = Command::Register { machine: "dispatch".into(), initial_state: some("allocated"), attributes: BTreeMap::new() };
    let table: Vec<(&str, Vec<Event>, Command, Event)> = vec![
        ("registering, even as assigned", vec![], register, registered("dispatch", "allocated")),
        ("starting to assign", vec![registered("dispatch", "queued")], report("allocated", StepOutcome::Started), started("allocated")),
        ("progress", allocated(), go("departed"), moved("allocated", "departed")),
        ("a step of progress", allocated(), report("departed", StepOutcome::Completed), completed("allocated", "departed")),
        ("giving back", allocated(), Command::Rollback { reason: None }, rolled_back("allocated", "queued")),
        ("calling off", allocated(), Command::Cancel { reason: None }, cancelled("allocated", "cancelled")),
        ("repairing", ended(), Command::Reconcile { to: "allocated".into(), reason: None }, reconciled("arrived", "allocated")),
    ];
    for (name, events, command, event) in table {
        let state = fold_of(&events);
        assert_eq!(workflow().scope(&"workflow:test:x".parse().unwrap(), &state, &command), None, "{name}");
        past(events).under(policy(PolicyLevel::Halted)).when(command).then([((), event)]);
    }
}

fn fold_of(events: &[Event]) -> State {
    ionveil_kernel::testkit::fold(&workflow(), &"workflow:test:x".parse().unwrap(), &then(events.iter().cloned()))
}

#[test]
fn an_edge_that_is_not_there_speaks_before_the_policy() {
    past([registered("dispatch", "departed")]).under(policy(PolicyLevel::Halted)).when(go("allocated")).then_rejected("invalid_transition");
}

#[test]
fn zone_and_agency_are_the_scope_of_what_assigns() {
    let table = [
        ("none", json!({}), &[][..]),
        ("both, the zone first", json!({"agency": "AMR", "zone": "B09.39"}), &["B09.39", "AMR"]),
        ("an agency alone", json!({"agency": "AMR"}), &["AMR"]),
        ("no texts", json!({"zone": 9, "agency": true}), &[]),
        ("no names", json!({"zone": "-", "agency": ""}), &[]),
        ("in other letters", json!({"Zone": "B09"}), &[]),
    ];
    for (name, attributes, expected) in table {
        let events = [with(attributes), moved("queued", "allocated")];
        let owner = "workflow:test:x".parse().unwrap();
        let asked = workflow().scope(&owner, &fold_of(&events[..1]), &go("allocated")).expect("it is subject to policy");
        assert_eq!(asked.iter().map(EntityId::as_str).collect::<Vec<_>>(), expected, "{name}");
        let records = recorded(&events);
        let row = records.iter().fold(None, |row, record| view::project(row, record).unwrap()).unwrap();
        assert_eq!(view::assigned(&row, &records[1]), Some(asked), "{name}: the view agrees with the decision");
        assert_eq!(view::assigned(&row, &records[0]), None, "{name}: registering assigns nothing");
    }
}

#[test]
fn ones_own_machine_says_what_assigns() {
    let machines = Machines::new([("tow".to_owned(), table("waiting", "waiting > hooked, hooked! > done waiting, done >"))]).unwrap();
    let decider = Workflow::new(Arc::new(machines));
    let definition = decider.machines().get("tow").unwrap().embedded().cloned();
    let begin =
        Event::Registered(Registered { machine: "tow".into(), definition, to: "waiting".into(), attributes: Attributes::default() });
    let halted = || policy(PolicyLevel::Halted);
    given(decider.clone(), then([begin.clone()])).under(halted()).when(go("hooked")).then_rejected("policy_halted");
    let hooked = [begin, moved("waiting", "hooked")];
    let records = recorded(&hooked);
    let row = records.iter().fold(None, |row, record| view::project(row, record).unwrap()).unwrap();
    assert_eq!((row.assigning_states.as_deref(), view::assigned(&row, &records[1])), (Some(r#"["hooked"]"#), Some(vec![])));
    given(decider, then(hooked)).under(halted()).when(go("done")).then([((), moved("hooked", "done"))]);
}
