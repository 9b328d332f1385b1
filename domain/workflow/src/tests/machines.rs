//! Machines: the built-in tables, the faults of a user's, ways through them.

use super::*;
use crate::validate::faults;
use crate::{EDGES_MAX, Machine, MachineFaultKind, PathFault, STATES_MAX, path, validate_path};

fn machine(name: &str) -> Arc<Machine> {
    Arc::clone(workflow().machines().get(name).expect("it is in the catalogue"))
}

#[test]
fn the_built_in_machines_are_those_of_the_specification() {
    let show = |machine: &Arc<Machine>| {
        let edges = |state: &str| machine.states().filter(|to| machine.allows(state, to)).count();
        let terminals: Vec<_> = machine.terminals().collect();
        let edges: usize = machine.states().map(edges).sum();
        format!("{} {} {} {} {terminals:?}", machine.name(), machine.initial(), machine.states().count(), edges)
    };
    let machines = Machines::default();
    assert_eq!(
        machines.iter().map(show).collect::<Vec<_>>(),
        [
            r#"dispatch queued 5 6 ["arrived", "cancelled"]"#,
            r#"workflow created 10 14 ["completed", "failed", "cancelled"]"#,
            r#"mission planned 7 10 ["failed", "completed", "cancelled"]"#,
            r#"mission_phase planning 7 10 ["complete", "aborted"]"#,
        ]
    );
    for machine in machines.iter() {
        assert_eq!(faults(machine.name(), machine.definition()), [], "{}", machine.name());
        assert!(machine.is_built_in());
    }
    assert!(machine("workflow").allows("approved", "cancelled"), "missing in the source");
    assert!(!machine("dispatch").allows("queued", "flying") && !machine("dispatch").allows("flying", "queued"));
    assert!(!machine("dispatch").is_terminal("flying") && machine("dispatch").is_terminal("arrived"));
}

#[test]
fn the_catalogue_lists_built_in_machines_first() {
    let decider = workflow();
    let names: Vec<_> = decider.machines().iter().map(|machine| machine.name()).collect();
    assert_eq!(names, ["dispatch", "workflow", "mission", "mission_phase", "drill", "rescue"]);
    assert!(!machine("rescue").is_built_in());
    assert!(decider.machines().get("tango").is_none());
}

/// The faults as `path: kind`, the kind without its data.
fn found(name: &str, definition: MachineDefinition) -> Vec<String> {
    let kind = |kind: &MachineFaultKind| format!("{kind:?}").split('(').next().unwrap_or_default().to_owned();
    let faults = Machine::new(name, definition).expect_err("faults");
    assert!(faults.iter().all(|fault| !fault.to_string().is_empty()));
    faults.iter().map(|fault| format!("{}: {}", fault.path.trim_start_matches("machines.m"), kind(&fault.kind))).collect()
}

#[test]
fn every_fault_of_a_definition_is_found() {
    let listed = |definition: MachineDefinition, terminal: &[&str]| MachineDefinition {
        terminal: Some(terminal.iter().map(|name| (*name).to_owned()).collect()),
        ..definition
    };
    let empty = MachineDefinition { initial: String::new(), terminal: None, states: vec![] };
    let cases: Vec<(&str, MachineDefinition, &[&str])> = vec![
        ("nothing", empty, &[".states: NoStates"]),
        ("bad names", table("A", "A > b_-1, b_-1 >"), &[".states[0].name: InvalidName"]),
        ("long name", table("a", &format!("a > {0}, {0} >", "b".repeat(64))), &[".states[1].name: InvalidName"]),
        ("twice", table("a", "a > b, b >, a > b"), &[".states[2].name: DuplicateState"]),
        (
            "dangling, self, repeated",
            table("a", "a > a x b b, b >"),
            &[".states[0].to[0]: SelfEdge", ".states[0].to[1]: DanglingEdge", ".states[0].to[3]: DuplicateEdge"],
        ),
        ("unreachable", table("b", "a > b, b > c, c >, d >"), &[".states[0]: Unreachable", ".states[3]: Unreachable"]),
        ("unknown start", table("x", "a >"), &[".initial: UnknownInitial"]),
        ("no end", table("a", "a > b, b > a"), &[".states: NoTerminal"]),
        (
            "terminal list",
            listed(table("a", "a > b c, b >, c >"), &["a", "b", "x"]),
            &[".terminal[0]: TerminalHasTargets", ".terminal[2]: UnknownTerminal", ".terminal: TerminalNotListed"],
        ),
        (
            "all at once",
            table("x", "A > A z, b > A"),
            &[
                ".states[0].name: InvalidName",
                ".states[0].to[0]: SelfEdge",
                ".states[0].to[1]: DanglingEdge",
                ".initial: UnknownInitial",
                ".states: NoTerminal",
            ],
        ),
    ];
    for (name, definition, faults) in cases {
        assert_eq!(found("m", definition), faults, "{name}");
    }
    assert_eq!(found("M", table("a", "a >")), ["machines.M: InvalidName"]);
    assert!(Machine::new("m", listed(table("a", "a > b c, b >, c >"), &["c", "b"])).is_ok());
}

#[test]
fn machines_are_bounded() {
    let chain = |states: usize| {
        let row = |n| if n + 1 < states { format!("s{n} > s{}", n + 1) } else { format!("s{n} >") };
        table("s0", &(0..states).map(row).collect::<Vec<_>>().join(","))
    };
    let largest = Machine::new("m", chain(STATES_MAX)).expect("lawful");
    assert_eq!(path(&largest, "s0", "s255").map(|way| way.len()), Some(STATES_MAX));
    assert_eq!(found("m", chain(STATES_MAX + 1)), [".states: TooManyStates"]);
    let all = (0..66).map(|n| format!("s{n}")).collect::<Vec<_>>();
    let rows = all.iter().map(|state| format!("{state} > {}", all.join(" "))).collect::<Vec<_>>().join(",");
    assert!(all.len() * all.len() > EDGES_MAX);
    assert_eq!(found("m", table("s0", &rows)), [".states: TooManyEdges"]);
}

#[test]
fn a_catalogue_reports_the_faults_of_all_its_machines() {
    let faults = Machines::new([
        ("dispatch".to_owned(), rescue()),
        ("mine".to_owned(), rescue()),
        ("mine".to_owned(), rescue()),
        ("broken".to_owned(), table("x", "a >")),
    ])
    .expect_err("faults");
    let shown: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            r#"machines.dispatch: "dispatch" is a built-in machine"#,
            r#"machines.mine: there are two machines "mine""#,
            r#"machines.broken.initial: the initial state "x" is not in the table"#,
        ]
    );
}

#[test]
fn definitions_refuse_unknown_keys() {
    let parse = serde_json::from_str::<MachineDefinition>;
    assert!(parse(r#"{"initial":"a","states":[{"name":"a"}]}"#).is_ok());
    for bad in [
        r#"{"initial":"a","states":[{"name":"a"}],"terminals":["a"]}"#,
        r#"{"initial":"a","states":[{"name":"a","from":[]}]}"#,
        r#"{"initial":"a","initial":"b","states":[]}"#,
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn shortest_paths_follow_the_table() {
    let table: &[(&str, &str, &str, Option<&str>)] = &[
        ("dispatch", "queued", "arrived", Some("queued allocated departed arrived")),
        ("dispatch", "queued", "cancelled", Some("queued cancelled")),
        ("dispatch", "arrived", "arrived", Some("arrived")),
        ("dispatch", "arrived", "queued", None),
        ("dispatch", "flying", "flying", None), // [T49]
        ("dispatch", "queued", "flying", None),
        ("dispatch", "flying", "queued", None),
        ("workflow", "created", "failed", Some("created validated failed")),
        ("workflow", "scheduled", "completed", Some("scheduled in-progress review approved executing completed")),
        ("mission", "paused", "completed", Some("paused executing completed")),
        ("rescue", "moving", "moving", Some("moving")),
    ];
    for (name, from, to, way) in table {
        let found = path(&machine(name), from, to).map(|way| way.join(" "));
        assert_eq!(found.as_deref(), *way, "{name} {from} {to}");
    }
    // Of two equally short ways the one that comes first in the table.
    let diamond = Machine::new("m", super::table("a", "a > c b, b > d, c > d, d >")).unwrap();
    assert_eq!(path(&diamond, "a", "d"), Some(vec!["a", "c", "d"]));
}

#[test]
fn path_validation_names_every_fault() {
    use PathFault::{EmptyPath, InvalidTransition, UnknownState};
    let table: &[(&[&str], &[PathFault])] = &[
        (&["queued", "allocated", "departed", "arrived"], &[]),
        (&["cancelled"], &[]),
        (&[], &[EmptyPath]),
        (&["x", "queued", "arrived", "y"], &[UnknownState { index: 0 }, UnknownState { index: 3 }]), // [T50]
        (&["queued", "queued", "allocated", "arrived"], &[InvalidTransition { index: 1 }, InvalidTransition { index: 3 }]),
    ];
    for (way, faults) in table {
        assert_eq!(validate_path(&machine("dispatch"), way).err().unwrap_or_default(), *faults, "{way:?}");
    }
    let shown = [EmptyPath, UnknownState { index: 1 }, InvalidTransition { index: 2 }].map(|fault| (fault.code(), fault.index()));
    assert_eq!(shown, [("empty_path", None), ("unknown_state", Some(1)), ("invalid_transition", Some(2))]);
}
