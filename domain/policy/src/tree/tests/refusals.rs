//! What each command is refused for, in which order, and how it looks from outside.

use super::*;
use crate::tree::{DEPTH_MAX, NODES_MAX, Refusal, RejectionClass, preview};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{DecideEnv, Decider, Policy, Rejection};
use serde_json::{Value, json};

fn command(json: Value) -> Command {
    serde_json::from_value(json).expect("a command")
}

#[test]
fn every_refusal_has_its_code_class_and_field() {
    use RejectionClass::{Conflict, Invalid, NotFound};
    let long = "x".repeat(257);
    let table = [
        ("twice", json!({ "type": "add_node", "node": "a", "kind": "zone", "parent": "odd" }), "duplicate_node", Conflict, Some("node")),
        (
            "no parent",
            json!({ "type": "add_node", "node": "x", "kind": "zone", "parent": "odd" }),
            "unknown_parent",
            NotFound,
            Some("parent"),
        ),
        ("add none", json!({ "type": "add_nodes", "nodes": [] }), "invalid_field", Invalid, Some("nodes")),
        (
            "add one of two",
            json!({ "type": "add_nodes", "nodes": [{ "node": "x", "kind": "zone", "parent": "root" }, { "node": "x", "kind": "zone", "parent": "root" }] }),
            "duplicate_node",
            Conflict,
            Some("nodes"),
        ),
        ("second root", json!({ "type": "add_node", "node": "x", "kind": "global" }), "unknown_parent", NotFound, Some("parent")),
        ("move none", json!({ "type": "move_node", "node": "odd", "parent": "odd" }), "unknown_node", NotFound, Some("node")),
        ("move to none", json!({ "type": "move_node", "node": "a", "parent": "odd" }), "unknown_parent", NotFound, Some("parent")),
        ("under itself", json!({ "type": "move_node", "node": "a", "parent": "a" }), "would_create_cycle", Conflict, Some("parent")),
        ("under one below", json!({ "type": "move_node", "node": "a", "parent": "d" }), "would_create_cycle", Conflict, Some("parent")),
        ("the root", json!({ "type": "move_node", "node": "root", "parent": "d" }), "would_create_cycle", Conflict, Some("parent")),
        ("where it is", json!({ "type": "move_node", "node": "d", "parent": "b" }), "no_change", Conflict, None),
        ("remove none", json!({ "type": "remove_node", "node": "odd" }), "unknown_node", NotFound, Some("node")),
        ("remove with children", json!({ "type": "remove_node", "node": "a" }), "has_children", Conflict, Some("node")),
        ("root to nothing", json!({ "type": "set_root", "level": "odd" }), "unknown_policy", Invalid, Some("level")),
        ("root without right", json!({ "type": "set_root", "level": "normal" }), "missing_authorization", Invalid, Some("authorization")),
        ("root as it is", json!({ "type": "set_root", "level": "normal", "authorization": "T" }), "no_change", Conflict, None),
        ("override of none", json!({ "type": "set_override", "node": "odd", "level": "odd" }), "unknown_node", NotFound, Some("node")),
        ("unknown level", json!({ "type": "set_override", "node": "root", "level": "Watch" }), "unknown_policy", Invalid, Some("level")),
        (
            "blank right",
            json!({ "type": "set_override", "node": "root", "level": "watch", "authorization": " " }),
            "missing_authorization",
            Invalid,
            Some("authorization"),
        ),
        (
            "long right",
            json!({ "type": "set_override", "node": "a", "level": "watch", "authorization": long }),
            "text_too_long",
            Invalid,
            Some("authorization"),
        ),
        (
            "long reason",
            json!({ "type": "clear_override", "node": "a", "authorization": "T", "reason": long }),
            "text_too_long",
            Invalid,
            Some("reason"),
        ),
        (
            "ended before it began",
            json!({ "type": "set_override", "node": "root", "level": "watch", "authorization": "T", "expires_at": 0 }),
            "invalid_expiry",
            Invalid,
            Some("expires_at"),
        ),
        (
            "of the root",
            json!({ "type": "set_override", "node": "root", "level": "normal", "authorization": "T", "expires_at": 1 }),
            "root_has_no_parent",
            Conflict,
            Some("node"),
        ),
        ("clear of none", json!({ "type": "clear_override", "node": "odd" }), "unknown_node", NotFound, Some("node")),
        ("clear without right", json!({ "type": "clear_override", "node": "a" }), "missing_authorization", Invalid, Some("authorization")),
        ("clear nothing", json!({ "type": "clear_override", "node": "a", "authorization": "T" }), "no_override", Conflict, Some("node")),
        (
            "engine of none",
            json!({ "type": "set_engine", "node": "odd", "level": "watch", "term": 0, "engine_version": 1, "reason": "" }),
            "unknown_node",
            NotFound,
            Some("node"),
        ),
    ];
    for (case, asked, code, class, field) in table {
        println!("{case}");
        let rejection = past([]).when(command(asked)).then_rejected(code);
        assert_eq!((rejection.class(), rejection.field()), (class, field), "{case}");
        assert_eq!(rejection.faults().next().map_or(code, |fault| fault.code()), code, "{case}");
    }
    given(Tree::default(), []).when(set_root("watch")).then_rejected("unknown_node");
    given(Tree::default(), []).when(add_node("a", "root")).then_rejected("unknown_parent");
}

#[test]
fn every_fault_is_told() {
    let all = json!({ "type": "set_override", "node": "a", "level": "odd", "reason": "x".repeat(257), "expires_at": -1 });
    let rejection = past([]).when(command(all)).then_rejected("unknown_policy");
    let found: Vec<_> = rejection.faults().map(|fault| (fault.code(), fault.field())).collect();
    let expected = [
        ("unknown_policy", "level"),
        ("missing_authorization", "authorization"),
        ("text_too_long", "reason"),
        ("invalid_expiry", "expires_at"),
    ];
    assert_eq!(found, expected);
    assert_eq!(rejection.to_string().matches("; ").count(), 3, "{rejection}");
    // 256 characters are not too many, however many bytes they are.
    let just = json!({ "type": "clear_override", "node": "a", "authorization": "é".repeat(256), "reason": "é".repeat(256) });
    past([]).when(command(just)).then_rejected("no_override");
}

#[test]
fn commands_have_one_form() {
    let commands =
        [add_node("a", "b"), move_node("a", "b"), Command::RemoveNode { node: id("a") }, set_root("watch"), set_override("a", "b")];
    let more = [clear("a"), set_engine("a", PolicyLevel::Watch, 1, 2), Command::Expire { due: NOW }, Command::Notice { due: NOW }];
    for command in commands.into_iter().chain(more) {
        let mut json = serde_json::to_value(&command).unwrap();
        assert_eq!(json["type"], command.command_type());
        assert_eq!(serde_json::from_value::<Command>(json.clone()).unwrap(), command);
        json["colour"] = json!("red");
        assert!(serde_json::from_value::<Command>(json).is_err(), "{command:?}");
    }
}

#[test]
fn a_recorded_refusal_stands_in_the_state_until_the_next_event() {
    use PolicyLevel::{Normal, Watch};
    let refused = rejected("a", 2, RefusedCode::NoEffect, (None, Watch), Watch);
    let before = fold(&[tree(), vec![base(1, Normal, Watch, 7)]].concat());
    assert_eq!(before.refused(), None);
    let state = past([base(1, Normal, Watch, 7)]).when(set_override("a", "watch")).then([refused.clone()]);
    let found = state.refused().expect("it was refused");
    assert_eq!((found.code.as_str(), found.to_string()), ("no_effect", "the parent's level is watch already".to_owned()));
    let below = past([base(1, Normal, Watch, 7)]).when(set_override("a", "normal"));
    let below = below.then([rejected("a", 2, RefusedCode::DeescalationForbidden, (None, Normal), Watch)]);
    let found = below.refused().expect("it was refused");
    assert_eq!(
        (found.code.as_str(), found.to_string()),
        ("deescalation_forbidden", "normal is below the parent's level, watch".to_owned())
    );
    let after = past([base(1, Normal, Watch, 7), refused]).when(set_override("a", "halted")).then([set("a", 3, PolicyLevel::Halted)]);
    assert_eq!(after.refused(), None);
}

#[test]
fn previews_refuse_with_the_commands_own_code() {
    let state = fold(&tree());
    let (cause, policy) = (meta(1), Policy::default());
    let env = DecideEnv { now: NOW, occurred_at: NOW, ids: &CountingIds::default(), cause: &cause, policy: &policy };
    let code = |command: Command| preview(&Tree::default(), &state, &command, &env).expect_err("refused");
    assert_eq!(code(set_override("odd", "watch")).code(), Some("unknown_node"));
    let recorded = code(set_override("a", "normal"));
    assert!(matches!(recorded, Refusal::Recorded(_)));
    assert_eq!((recorded.code(), recorded.to_string()), (Some("no_effect"), "the parent's level is normal already".to_owned()));
}

#[test]
fn trees_have_limits() {
    let name = |number: usize| format!("n{number}");
    let wide = std::iter::once(added("n0", "")).chain((1..NODES_MAX).map(|number| added(&name(number), "n0")));
    let wide = fold(&wide.collect::<Vec<_>>());
    assert_eq!(refused(&wide, &add_node("x", "n0")), "tree_full");
    let deep: Vec<_> =
        (0..DEPTH_MAX).map(|number| added(&name(number), &if number == 0 { String::new() } else { name(number - 1) })).collect();
    given(Tree::default(), deep.clone()).when(add_node("x", &name(DEPTH_MAX - 1))).then_rejected("tree_too_deep");
    given(Tree::default(), deep.clone()).when(add_node("x", &name(DEPTH_MAX - 2))).then([added("x", &name(DEPTH_MAX - 2))]);
    // Two nodes do not fit under the last but one.
    let more = deep.into_iter().chain([added("x", "n0"), added("y", "x")]);
    let state = fold(&more.collect::<Vec<_>>());
    assert_eq!(refused(&state, &move_node("x", &name(DEPTH_MAX - 2))), "tree_too_deep");
    assert_eq!(refused(&state, &move_node("y", &name(DEPTH_MAX - 2))), "");
}

fn refused(state: &State, command: &Command) -> &'static str {
    let (cause, policy) = (meta(1), Policy::default());
    let env = DecideEnv { now: NOW, occurred_at: NOW, ids: &CountingIds::default(), cause: &cause, policy: &policy };
    Tree::default().decide(state, command, &env).map_or_else(|rejection| rejection.code(), |_| "")
}
