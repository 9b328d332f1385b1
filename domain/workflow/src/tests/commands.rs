//! What each command leads to.

use super::*;
use crate::{Command, Scalar, State, StepOutcome};
use serde_json::json;

fn register(machine: &str, initial_state: Option<&str>) -> Command {
    Command::Register { machine: machine.into(), initial_state: initial_state.map(str::to_owned), attributes: BTreeMap::new() }
}

fn step(step: &str, outcome: StepOutcome, reason: Option<&str>) -> Command {
    Command::Step { step: step.into(), outcome, reason: reason.map(str::to_owned) }
}

fn transition(to: &str) -> Command {
    Command::Transition { to: to.into(), reason: None }
}

const ROLLBACK: Command = Command::Rollback { reason: None };
const CANCEL: Command = Command::Cancel { reason: None };

/// What a state looks like from outside: `machine state[!] steps [in flight]`, `!` for terminal.
fn seen(state: &State) -> String {
    let summary = state.summary().expect("it has begun");
    let end = if summary.terminal { "!" } else { "" };
    let flight = summary.in_flight_step.map(|step| format!(" {step}")).unwrap_or_default();
    format!("{} {}{end} {}{flight}", summary.machine, summary.state, summary.step_count)
}

#[test]
fn every_command_leads_to_its_event() {
    use StepOutcome::{Completed, Failed, Started};
    let queued = || registered("dispatch", "queued");
    let table: Vec<(&str, Vec<Event>, Command, Event, &str)> = vec![
        ("register, default state", vec![], register("dispatch", None), queued(), "dispatch queued 0"),
        ("the mission starts planned", vec![], register("mission", None), registered("mission", "planned"), "mission planned 0"),
        ("register elsewhere", vec![], register("dispatch", Some("departed")), registered("dispatch", "departed"), "dispatch departed 0"),
        ("a terminal start", vec![], register("dispatch", Some("arrived")), registered("dispatch", "arrived"), "dispatch arrived! 0"),
        ("a user's machine", vec![], register("rescue", None), registered("rescue", "called"), "rescue called 0"),
        ("transition", vec![queued()], transition("allocated"), moved("queued", "allocated"), "dispatch allocated 1"),
        ("into a terminal state", vec![queued()], transition("cancelled"), moved("queued", "cancelled"), "dispatch cancelled! 1"),
        ("step started", vec![queued()], step("allocated", Started, None), started("allocated"), "dispatch queued 0 allocated"),
        (
            "step started again",
            vec![queued(), started("allocated")],
            step("allocated", Started, None),
            started("allocated"),
            "dispatch queued 0 allocated",
        ),
        (
            "step completed",
            vec![queued(), started("allocated")],
            step("allocated", Completed, some("unused").as_deref()),
            completed("queued", "allocated"),
            "dispatch allocated 1",
        ),
        (
            "step completed unannounced",
            vec![queued()],
            step("allocated", Completed, None),
            completed("queued", "allocated"),
            "dispatch allocated 1",
        ),
        (
            "step failed",
            vec![registered("workflow", "executing"), started("completed")],
            step("completed", Failed, Some("no fuel")),
            failed("completed", "executing", Some("no fuel")),
            "workflow failed! 1",
        ),
        (
            "another move ends the step",
            vec![queued(), started("allocated")],
            transition("cancelled"),
            moved("queued", "cancelled"),
            "dispatch cancelled! 1",
        ),
        ("rollback", vec![queued(), moved("queued", "allocated")], ROLLBACK, rolled_back("allocated", "queued"), "dispatch queued 1"),
        (
            "rollback ends the step",
            vec![queued(), moved("queued", "allocated"), started("departed")],
            ROLLBACK,
            rolled_back("allocated", "queued"),
            "dispatch queued 1",
        ),
        ("cancel", vec![queued()], CANCEL, cancelled("queued", "cancelled"), "dispatch cancelled! 1"),
        (
            "cancel where there is aborted",
            vec![registered("mission_phase", "orbit")],
            CANCEL,
            cancelled("orbit", "aborted"),
            "mission_phase aborted! 1",
        ),
        ("cancelled before aborted", vec![registered("drill", "planned")], CANCEL, cancelled("planned", "cancelled"), "drill cancelled! 1"),
        (
            "approved may be cancelled",
            vec![registered("workflow", "approved")],
            CANCEL,
            cancelled("approved", "cancelled"),
            "workflow cancelled! 1",
        ),
        (
            "reconcile out of a terminal state",
            vec![queued(), moved("queued", "cancelled")],
            Command::Reconcile { to: "departed".into(), reason: None },
            reconciled("cancelled", "departed"),
            "dispatch departed 1",
        ),
        (
            "reconcile to the same state",
            vec![queued()],
            Command::Reconcile { to: "queued".into(), reason: None },
            reconciled("queued", "queued"),
            "dispatch queued 0",
        ),
    ];
    for (name, before, command, event, after) in table {
        println!("{name}");
        assert_eq!(seen(&past(before).when(command).then(then([event]))), after, "{name}");
    }
}

#[test]
fn reasons_are_kept() {
    let queued = || registered("dispatch", "queued");
    let reason = || some("rain");
    let text = |events: Vec<Event>| events[0].encode().unwrap();
    let outcome = |before: Vec<Event>, command: Command| {
        let state = ionveil_kernel::testkit::fold(&workflow(), &"workflow:test:x".parse().unwrap(), &then(before));
        vec![crate::decide::decide(workflow().machines(), &state, &command, None).unwrap()]
    };
    let history = || vec![queued(), moved("queued", "allocated")];
    for command in [
        Command::Transition { to: "departed".into(), reason: reason() },
        Command::Rollback { reason: reason() },
        Command::Cancel { reason: reason() },
        Command::Reconcile { to: "queued".into(), reason: reason() },
    ] {
        assert!(text(outcome(history(), command.clone())).contains(r#""reason":"rain""#), "{command:?}");
    }
}

/// [T96] [D28]: the second rollback goes on backwards, it does not jump forward again.
#[test]
fn a_repeated_rollback_keeps_walking_back() {
    let way = [registered("dispatch", "queued"), moved("queued", "allocated"), moved("allocated", "departed")];
    let once = [way.as_slice(), &[rolled_back("departed", "allocated")]].concat();
    let twice = [once.as_slice(), &[rolled_back("allocated", "queued")]].concat();
    past(way).when(ROLLBACK).then(then([rolled_back("departed", "allocated")]));
    let state = past(once).when(ROLLBACK).then(then([rolled_back("allocated", "queued")]));
    assert_eq!(seen(&state), "dispatch queued 2");
    past(twice.clone()).when(ROLLBACK).then_rejected("no_history");
    past(twice).when(transition("allocated")).then(then([moved("queued", "allocated")]));
}

#[test]
fn a_clone_has_the_sources_way_law_and_attributes() {
    let attributes = values(json!({ "zone": "n", "weight": 0.1, "hot": true }));
    let command = Command::Register { machine: "rescue".into(), initial_state: None, attributes: attributes.clone() };
    let first = Event::Registered(Registered {
        machine: "rescue".into(),
        definition: Some(rescue()),
        to: "called".into(),
        attributes: Attributes::check(&attributes).unwrap(),
    });
    past([]).when(command).then(then([first.clone()]));
    let state = past([first]).when(transition("moving")).then(then([moved("called", "moving")]));
    assert_eq!(state.clone_command(source(), 2), state.clone_command(source(), 2));
    let clone = state.clone_command(source(), 2).expect("it has begun");
    let event = Event::Cloned(Cloned {
        source: source(),
        source_version: 2,
        machine: "rescue".into(),
        definition: Some(rescue()),
        stack: vec!["called".into(), "moving".into()],
        attributes: Attributes::check(&attributes).unwrap(),
    });
    // The copy also lives where the configuration does not know the machine any more.
    let elsewhere = given(Workflow::default(), then([])).when(clone.clone()).then(then([event.clone()]));
    let copy = past([]).when(clone).then(then([event.clone()]));
    assert_eq!(copy, elsewhere);
    assert_eq!(seen(&copy), "rescue moving 1");
    assert_eq!(copy.summary().unwrap().attributes.get("hot"), Some(&Scalar::Bool(true)));
    past([event]).when(ROLLBACK).then(then([rolled_back("moving", "called")]));
}

/// [T52] [D15]: nothing to clone, no command to send; a state query never yields a null state.
#[test]
fn what_never_began_has_no_state_and_no_clone() {
    assert_eq!(State::Absent.summary(), None);
    assert_eq!(State::Absent.clone_command(source(), 0), None);
}

#[test]
fn a_running_workflow_keeps_its_law_when_the_configuration_changes() {
    let other = Machines::new([("rescue".to_owned(), table("called", "called > safe, safe >"))]).unwrap();
    let decider = Workflow::new(Arc::new(other));
    let past = then([registered("rescue", "called"), moved("called", "moving")]);
    given(decider, past).when(transition("called")).then(then([moved("moving", "called")]));
}

#[test]
fn workflows_of_one_law_share_it() {
    let decider = workflow();
    let owner = "workflow:test:x".parse().unwrap();
    let state = ionveil_kernel::testkit::fold(&decider, &owner, &then([registered("rescue", "called")]));
    assert!(Arc::ptr_eq(state.live().unwrap().machine(), decider.machines().get("rescue").unwrap()));
}

#[test]
fn commands_have_a_serde_form() {
    let commands = [
        ("register", json!({ "type": "register", "machine": "dispatch" })),
        ("transition", json!({ "type": "transition", "to": "a", "reason": "b" })),
        ("step", json!({ "type": "step", "step": "a", "outcome": "failed" })),
        ("rollback", json!({ "type": "rollback" })),
        ("cancel", json!({ "type": "cancel" })),
        (
            "clone",
            json!({ "type": "clone", "source": "s", "source_version": 1, "machine": "m", "stack": ["a"], "attributes": { "k": 0.1 } }),
        ),
        ("reconcile", json!({ "type": "reconcile", "to": "a" })),
    ];
    for (name, json) in commands {
        let command: Command = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(command.command_type(), name);
        assert_eq!(serde_json::to_value(&command).unwrap(), json);
    }
    for bad in [
        json!({ "type": "rollback", "to": "a" }),
        json!({ "type": "jump" }),
        json!({ "type": "step", "step": "a", "outcome": "maybe" }),
        json!({ "type": "clone", "source": "a b", "source_version": 1, "machine": "m", "stack": [] }),
    ] {
        assert!(serde_json::from_value::<Command>(bad.clone()).is_err(), "{bad}");
    }
}
