//! What each command is refused for.

use super::*;
use crate::{ATTRIBUTES_MAX, CLONE_STACK_MAX, Command, REASON_CHARS_MAX, RejectionClass, StepOutcome, TEXT_BYTES_MAX};
use ionveil_kernel::Rejection;
use serde_json::json;

fn command(json: Value) -> Command {
    serde_json::from_value(json).expect("a command")
}

/// Name, past, command; code, class and field of the refusal.
type Case = (&'static str, Vec<Event>, Value, &'static str, RejectionClass, Option<&'static str>);

#[test]
fn every_refusal_has_its_code_class_and_field() {
    use RejectionClass::{Conflict, Invalid, NotFound};
    let queued = || vec![registered("dispatch", "queued")];
    let ended = || vec![registered("dispatch", "queued"), moved("queued", "cancelled")];
    let scheduled = || vec![registered("workflow", "scheduled")];
    let table: Vec<Case> = vec![
        ("registered twice", queued(), json!({ "type": "register", "machine": "dispatch" }), "duplicate_entity", Conflict, Some("id")),
        (
            "cloned onto something",
            queued(),
            json!({ "type": "clone", "source": "s", "source_version": 1, "machine": "dispatch", "stack": ["queued"] }),
            "duplicate_entity",
            Conflict,
            Some("id"),
        ),
        ("unknown machine", vec![], json!({ "type": "register", "machine": "tango" }), "unknown_machine", Invalid, Some("machine")),
        (
            "unknown start",
            vec![],
            json!({ "type": "register", "machine": "dispatch", "initial_state": "flying" }),
            "unknown_state",
            Invalid,
            Some("initial_state"),
        ),
        ("move nothing", vec![], json!({ "type": "transition", "to": "queued" }), "entity_not_found", NotFound, None),
        ("step of nothing", vec![], json!({ "type": "step", "step": "a", "outcome": "started" }), "entity_not_found", NotFound, None),
        ("roll nothing back", vec![], json!({ "type": "rollback" }), "entity_not_found", NotFound, None),
        ("cancel nothing", vec![], json!({ "type": "cancel" }), "entity_not_found", NotFound, None),
        ("reconcile nothing", vec![], json!({ "type": "reconcile", "to": "queued" }), "entity_not_found", NotFound, None),
        ("unknown target", queued(), json!({ "type": "transition", "to": "flying" }), "unknown_state", Invalid, Some("to")),
        ("unknown target of an ended one", ended(), json!({ "type": "transition", "to": "x" }), "unknown_state", Invalid, Some("to")),
        ("no edge", queued(), json!({ "type": "transition", "to": "arrived" }), "invalid_transition", Conflict, Some("to")),
        ("self", queued(), json!({ "type": "transition", "to": "queued" }), "invalid_transition", Conflict, Some("to")),
        ("self of an ended one", ended(), json!({ "type": "transition", "to": "cancelled" }), "terminal_state", Conflict, None),
        ("out of the end", ended(), json!({ "type": "transition", "to": "queued" }), "terminal_state", Conflict, None),
        (
            "step without edge",
            queued(),
            json!({ "type": "step", "step": "arrived", "outcome": "started" }),
            "invalid_transition",
            Conflict,
            Some("step"),
        ),
        (
            "step done without edge",
            queued(),
            json!({ "type": "step", "step": "arrived", "outcome": "completed" }),
            "invalid_transition",
            Conflict,
            Some("step"),
        ),
        ("unknown step", queued(), json!({ "type": "step", "step": "x", "outcome": "failed" }), "unknown_state", Invalid, Some("step")),
        (
            "no failed in this machine",
            queued(),
            json!({ "type": "step", "step": "allocated", "outcome": "failed" }),
            "invalid_transition",
            Conflict,
            None,
        ),
        (
            "no edge to failed from here",
            scheduled(),
            json!({ "type": "step", "step": "in-progress", "outcome": "failed" }),
            "invalid_transition",
            Conflict,
            None,
        ),
        (
            "step of an ended one",
            ended(),
            json!({ "type": "step", "step": "arrived", "outcome": "started" }),
            "terminal_state",
            Conflict,
            None,
        ),
        ("nothing to roll back", queued(), json!({ "type": "rollback" }), "no_history", Conflict, None),
        ("roll an ended one back [T51]", ended(), json!({ "type": "rollback" }), "terminal_state", Conflict, None),
        (
            "roll a terminal start back",
            vec![registered("dispatch", "arrived")],
            json!({ "type": "rollback" }),
            "terminal_state",
            Conflict,
            None,
        ),
        (
            "roll back behind a repair",
            vec![registered("dispatch", "queued"), moved("queued", "allocated"), reconciled("allocated", "departed")],
            json!({ "type": "rollback" }),
            "no_history",
            Conflict,
            None,
        ),
        (
            "cancel without edge",
            vec![registered("workflow", "validated")],
            json!({ "type": "cancel" }),
            "invalid_transition",
            Conflict,
            None,
        ),
        (
            "cancel where nothing is called so",
            vec![registered("rescue", "called")],
            json!({ "type": "cancel" }),
            "invalid_transition",
            Conflict,
            None,
        ),
        ("cancel an ended one", ended(), json!({ "type": "cancel" }), "terminal_state", Conflict, None),
        ("reconcile to nowhere", queued(), json!({ "type": "reconcile", "to": "x" }), "unknown_state", Invalid, Some("to")),
        (
            "reason with control characters",
            queued(),
            json!({ "type": "cancel", "reason": "a\u{7}" }),
            "invalid_reason",
            Invalid,
            Some("reason"),
        ),
        (
            "reason too long",
            queued(),
            json!({ "type": "rollback", "reason": "é".repeat(REASON_CHARS_MAX + 1) }),
            "invalid_reason",
            Invalid,
            Some("reason"),
        ),
        (
            "clone of an unknown machine",
            vec![],
            json!({ "type": "clone", "source": "s", "source_version": 1, "machine": "tango", "stack": ["a"] }),
            "unknown_machine",
            Invalid,
            Some("machine"),
        ),
        (
            "clone with a bad law",
            vec![],
            json!({ "type": "clone", "source": "s", "source_version": 1, "machine": "m", "definition": { "initial": "a", "states": [] }, "stack": ["a"] }),
            "invalid_clone",
            Invalid,
            None,
        ),
        (
            "clone of nothing",
            vec![],
            json!({ "type": "clone", "source": "s", "source_version": 0, "machine": "dispatch", "stack": [] }),
            "invalid_clone",
            Invalid,
            None,
        ),
        (
            "clone of a jump",
            vec![],
            json!({ "type": "clone", "source": "s", "source_version": 2, "machine": "dispatch", "stack": ["queued", "arrived"] }),
            "invalid_clone",
            Invalid,
            None,
        ),
        (
            "clone of unknown states",
            vec![],
            json!({ "type": "clone", "source": "s", "source_version": 2, "machine": "dispatch", "stack": ["queued", "x"] }),
            "unknown_state",
            Invalid,
            Some("stack[1]"),
        ),
    ];
    for (name, before, asked, code, class, field) in table {
        println!("{name}");
        let rejection = past(before).when(command(asked)).then_rejected(code);
        assert_eq!(rejection.class(), class, "{name}");
        assert_eq!(rejection.field().as_deref(), field, "{name}");
        assert_eq!(rejection.faults().count() > 0, class == Invalid, "{name}");
        assert!(rejection.to_string().len() < 300, "{name}: {rejection}");
    }
}

#[test]
fn the_longest_reason_is_kept() {
    let reason = Some("é".repeat(REASON_CHARS_MAX));
    let event = Event::Cancelled(Cancelled { from: "queued".into(), to: "cancelled".into(), reason: reason.clone() });
    past([registered("dispatch", "queued")]).when(Command::Cancel { reason }).then(then([event]));
}

#[test]
fn all_faults_of_a_command_are_named() {
    let attributes = json!({
        "": 1, "a b": null, "list": [], "long": "x".repeat(TEXT_BYTES_MAX + 1), "nul": "\u{0}", "fine": "line\nline", "object": {},
    });
    let asked = json!({ "type": "register", "machine": "dispatch", "initial_state": "flying", "attributes": attributes });
    let rejection = past([]).when(command(asked)).then_rejected("unknown_state");
    let found: Vec<_> = rejection.faults().map(|fault| (fault.code(), fault.field().unwrap_or_default().into_owned())).collect();
    let named = |field: &str| ("invalid_attributes", format!("attributes.{field}"));
    assert_eq!(
        found,
        [
            ("unknown_state", "initial_state".to_owned()),
            named(""),
            named("a b"),
            named("a b"),
            named("list"),
            named("long"),
            named("nul"),
            named("object"),
        ]
    );
    let asked = json!({ "type": "transition", "to": "flying", "reason": "\u{1}" });
    let rejection = past([registered("dispatch", "queued")]).when(command(asked)).then_rejected("unknown_state");
    assert_eq!(rejection.faults().map(crate::Fault::code).collect::<Vec<_>>(), ["unknown_state", "invalid_reason"]);
    assert!(rejection.to_string().contains("; a reason has"), "{rejection}");
}

#[test]
fn attributes_are_bounded() {
    let many = |count: usize| Command::Register {
        machine: "dispatch".into(),
        initial_state: None,
        attributes: (0..count).map(|n| (format!("k{n}"), json!(n))).collect(),
    };
    let rejection = past([]).when(many(ATTRIBUTES_MAX + 1)).then_rejected("invalid_attributes");
    assert_eq!(rejection.field().as_deref(), Some("attributes"));
    let attributes = Attributes::check(&(0..ATTRIBUTES_MAX).map(|n| (format!("k{n}"), json!(n))).collect()).unwrap();
    assert_eq!(attributes.iter().count(), ATTRIBUTES_MAX);
    let event = Event::Registered(Registered { machine: "dispatch".into(), definition: None, to: "queued".into(), attributes });
    past([]).when(many(ATTRIBUTES_MAX)).then(then([event]));
    let (longest, longer) = ("k".repeat(64), "k".repeat(65));
    assert!(Attributes::check(&values(json!({ longest: "x".repeat(TEXT_BYTES_MAX) }))).is_ok());
    assert!(Attributes::check(&values(json!({ longer: 1 }))).is_err());
}

#[test]
fn a_huge_name_is_not_echoed() {
    let asked = json!({ "type": "register", "machine": "m".repeat(10_000) });
    let rejection = past([]).when(command(asked)).then_rejected("unknown_machine");
    assert!(rejection.to_string().len() < 100);
    let asked = json!({ "type": "register", "machine": "dispatch", "attributes": { "k".repeat(10_000): 1 } });
    let rejection = past([]).when(command(asked)).then_rejected("invalid_attributes");
    assert!(rejection.field().unwrap().len() < 100);
}

#[test]
fn a_clone_is_bounded() {
    let stack: Vec<_> = ["called", "moving"].into_iter().cycle().take(CLONE_STACK_MAX + 1).map(str::to_owned).collect();
    let clone = |stack| Command::Clone {
        source: source(),
        source_version: 1,
        machine: "rescue".into(),
        definition: Some(rescue()),
        stack,
        attributes: BTreeMap::new(),
    };
    let rejection = past([]).when(clone(stack.clone())).then_rejected("history_too_long");
    assert_eq!((rejection.class(), rejection.field()), (RejectionClass::Conflict, None));
    let longest: Vec<_> = stack[1..].iter().map(String::as_str).collect();
    let mut event = cloned("rescue", &longest);
    if let Event::Cloned(event) = &mut event {
        event.source_version = 1;
    }
    past([]).when(clone(stack[1..].to_vec())).then(then([event]));
}

#[test]
fn a_refusal_leaves_no_trace() {
    let before = [registered("dispatch", "queued"), started("allocated")];
    let state =
        past(before.clone()).when(Command::Reconcile { to: "queued".into(), reason: None }).then(then([reconciled("queued", "queued")]));
    assert_eq!(state.summary().unwrap().in_flight_step, None);
    let step = Command::Step { step: "arrived".into(), outcome: StepOutcome::Completed, reason: None };
    assert_eq!(past(before).when(step).then_rejected("invalid_transition").code(), "invalid_transition");
}
