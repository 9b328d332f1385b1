//! Tests of the saga by itself. How it keeps in step with units and incidents is tested with the reactors.

use super::*;
use crate::incident::AttachDeclineReason;
use crate::unit::DeclineReason;
use ionveil_kernel::testkit::{Given, fold, given};
use ionveil_kernel::testkit::{golden, unreadable};
use ionveil_kernel::{Decider, Policy, PolicyLevel};

fn id(name: &str) -> EntityId {
    EntityId::new(name).expect("a lawful id")
}

fn ids(names: &[&str]) -> Vec<EntityId> {
    names.iter().map(|name| id(name)).collect()
}

const DUE: Timestamp = Timestamp::from_micros(10_000_000);

fn begin(candidates: &[&str], wanted: usize) -> Command {
    Command::Begin { incident: id("i"), zone: Some(id("z")), candidates: ids(candidates), wanted, replaces: None }
}

fn begun(candidates: &[&str], wanted: usize) -> Event {
    Event::Begun(Begun { incident: id("i"), zone: Some(id("z")), candidates: ids(candidates), wanted, replaces: None, due: DUE })
}

fn took(unit: &str) -> Event {
    Event::UnitTook(UnitTook { unit: id(unit) })
}

fn skipped(unit: &str, reason: DeclineReason, next: Option<&str>) -> Event {
    Event::UnitSkipped(UnitSkipped { unit: id(unit), reason, next: next.map(id), incident: id("i") })
}

fn attach_asked(units: &[&str]) -> Event {
    Event::AttachAsked(AttachAsked { incident: id("i"), units: ids(units), replaces: None })
}

fn attached() -> Event {
    Event::Attached(Attached { incident: id("i") })
}

fn completed(units: &[&str]) -> Event {
    Event::Completed(Completed { number: 7, incident: id("i"), units: ids(units) })
}

fn undone(failed: Step, release: &[&str]) -> Event {
    Event::Undone(Undone { failed, release: ids(release) })
}

fn returned(unit: &str) -> Event {
    Event::UnitReturned(UnitReturned { unit: id(unit) })
}

fn reported() -> Event {
    Event::Reported(Reported { incident: id("i"), unit: id("u"), source: "calls.csv:2".into() })
}

fn unit_took(unit: &str) -> Command {
    Command::UnitTook { unit: id(unit) }
}

fn unit_declined(unit: &str) -> Command {
    Command::UnitDeclined { unit: id(unit), reason: DeclineReason::Busy }
}

fn with(events: Vec<Event>) -> Given<Assignments> {
    given(Assignments, events.into_iter().map(|event| ((), event)))
}

fn then(events: Vec<Event>) -> Vec<((), Event)> {
    events.into_iter().map(|event| ((), event)).collect()
}

#[test]
fn each_answer_leads_to_the_next_step() {
    let asking = || vec![begun(&["u", "v", "w"], 2)];
    let taken = || vec![begun(&["u", "v", "w"], 2), took("v"), took("u"), attach_asked(&["v", "u"])];
    let numbering = || [taken(), vec![attached()]].concat();
    let busy = DeclineReason::Busy;
    let terminal = AttachDeclineReason::TerminalIncident;
    let table: Vec<(&str, Vec<Event>, Command, Vec<Event>)> = vec![
        ("it begins", vec![], begin(&["u", "v", "w"], 2), asking()),
        ("more are wanted than there are", vec![], begin(&["u"], 9), vec![begun(&["u"], 1)]),
        ("the first takes it", asking(), unit_took("v"), vec![took("v")]),
        ("the last takes it", [asking(), vec![took("v")]].concat(), unit_took("u"), vec![took("u"), attach_asked(&["v", "u"])]),
        ("it repeats itself", [asking(), vec![took("v")]].concat(), unit_took("v"), vec![]),
        ("nobody asked it", asking(), unit_took("w"), vec![returned("w")]),
        ("the next best is asked", asking(), unit_declined("u"), vec![skipped("u", busy, Some("w"))]),
        ("nobody asked who declines", asking(), unit_declined("w"), vec![]),
        (
            "nobody is left to ask",
            [asking(), vec![took("v"), skipped("u", busy, Some("w"))]].concat(),
            unit_declined("w"),
            vec![skipped("w", busy, None), attach_asked(&["v"])],
        ),
        ("nobody can be had", vec![begun(&["u"], 1)], unit_declined("u"), vec![skipped("u", busy, None), undone(Step::Reserve, &[])]),
        (
            "time is over",
            [asking(), vec![took("v")]].concat(),
            Command::GiveUp { due: DUE },
            vec![skipped("u", DeclineReason::NoAnswer, None), attach_asked(&["v"])],
        ),
        (
            "time is over for all",
            asking(),
            Command::GiveUp { due: DUE },
            vec![skipped("u", DeclineReason::NoAnswer, None), skipped("v", DeclineReason::NoAnswer, None), undone(Step::Reserve, &[])],
        ),
        ("another time is over", asking(), Command::GiveUp { due: Timestamp::from_micros(1) }, vec![]),
        ("one answers too late", taken(), unit_took("w"), vec![returned("w")]),
        ("one that is taken repeats itself", taken(), unit_took("u"), vec![]),
        ("the incident has them", taken(), Command::IncidentAttached, vec![attached()]),
        (
            "the incident does not want them",
            taken(),
            Command::IncidentDeclined { reason: terminal },
            vec![undone(Step::Attach(terminal), &["u", "v"])],
        ),
        ("the incident repeats itself", numbering(), Command::IncidentAttached, vec![]),
        ("it has its number", numbering(), Command::Numbered { number: 7 }, vec![completed(&["v", "u"])]),
        ("one answers far too late", [numbering(), vec![completed(&["v", "u"])]].concat(), unit_took("w"), vec![returned("w")]),
        (
            "one answers after it was undone",
            [taken(), vec![undone(Step::Attach(terminal), &["u", "v"])]].concat(),
            unit_took("w"),
            vec![returned("w")],
        ),
        ("the desk repeats itself", [numbering(), vec![completed(&["v", "u"])]].concat(), Command::Numbered { number: 8 }, vec![]),
    ];
    for (name, past, command, events) in table {
        println!("{name}");
        with(past).when(command).then(then(events));
    }
}

#[test]
fn what_cannot_begin_is_refused() {
    with(vec![]).when(begin(&[], 1)).then_rejected("invalid_candidates");
    let many: Vec<_> = (0..=CANDIDATES_MAX).map(|unit| format!("u{unit}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    with(vec![]).when(begin(&many, 1)).then_rejected("invalid_candidates");
    with(vec![]).when(begin(&["u", "v", "u"], 1)).then_rejected("duplicate_unit");
    with(vec![]).when(begin(&["u"], 0)).then_rejected("invalid_wanted");
    with(vec![begun(&["u"], 1)]).when(begin(&["u"], 1)).then_rejected("duplicate_entity");
    with(vec![]).when(unit_took("u")).then_rejected("entity_not_found");
    let halted = Policy { level: PolicyLevel::Halted, node: Some("z".into()), ..Policy::default() };
    with(vec![]).under(halted.clone()).when(begin(&["u"], 1)).then_rejected("policy_halted");
    with(vec![begun(&["u"], 1)]).under(halted).when(unit_took("u")).then(then(vec![took("u"), attach_asked(&["u"])]));
}

#[test]
fn policy_of_the_zone_counts_for_the_beginning_only() {
    let owner = "assignment:test:x".parse().unwrap();
    assert_eq!(Assignments.scope(&owner, &State::Absent, &begin(&["u"], 1)), Some(ids(&["z"])));
    assert_eq!(Assignments.scope(&owner, &State::Absent, &unit_took("u")), None);
}

#[test]
fn it_waits_for_units_with_a_timer_and_for_nobody_else() {
    let state = |events: Vec<Event>| fold(&Assignments, &"assignment:test:x".parse().unwrap(), &then(events));
    let timers = Assignments.timers(&state(vec![begun(&["u"], 1)]));
    assert_eq!((timers.len(), timers[0].due), (1, DUE));
    assert_eq!(Assignments.on_timer(&timers[0].name, DUE), Some(Command::GiveUp { due: DUE }));
    assert_eq!(Assignments.on_timer("other", DUE), None);
    assert!(Assignments.timers(&state(vec![begun(&["u"], 1), took("u"), attach_asked(&["u"])])).is_empty());
}

#[test]
fn histories_that_no_assignment_can_have_break_an_invariant() {
    let number = |past: Vec<Event>, last: Event| {
        let state = fold(&Assignments, &"assignment:test:x".parse().unwrap(), &then(past));
        Assignments.evolve(state, &(), &last).expect_err("unlawful").number
    };
    let asking = || vec![begun(&["u", "v"], 1)];
    let taken = || vec![begun(&["u"], 1), took("u"), attach_asked(&["u"])];
    assert_eq!(number(vec![], took("u")), 1);
    assert_eq!(number(asking(), begun(&["u"], 1)), 1);
    assert_eq!(number(asking(), took("v")), 2);
    assert_eq!(number(asking(), skipped("u", DeclineReason::Busy, Some("w"))), 2);
    assert_eq!(number(asking(), attach_asked(&["u"])), 3);
    assert_eq!(number(asking(), undone(Step::Reserve, &[])), 3);
    assert_eq!(number(taken(), completed(&["u"])), 3);
    assert_eq!(number([taken(), vec![attached()]].concat(), completed(&["v"])), 3);
    assert_eq!(number(taken(), undone(Step::Reserve, &[])), 4);
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    let full = Begun { incident: id("i"), zone: None, candidates: ids(&["u", "v"]), wanted: 1, replaces: Some(id("w")), due: DUE };
    let bare = || Event::Begun(Begun { candidates: ids(&["u"]), replaces: None, ..full.clone() });
    let asked = AttachAsked { incident: id("i"), units: ids(&["u", "v"]), replaces: Some(id("w")) };
    let expected = vec![
        ("begun.v2", Event::Begun(Begun { zone: Some(id("B09")), ..full.clone() })),
        ("begun.v2.bare", bare()),
        ("begun.v1", Event::Begun(full.clone())),
        ("begun.v1.bare", bare()),
        ("unit_took.v1", took("u")),
        ("unit_skipped.v1", skipped("u", DeclineReason::OffDuty, Some("v"))),
        ("unit_skipped.v1.bare", skipped("u", DeclineReason::Unknown, None)),
        ("attach_asked.v1", Event::AttachAsked(asked)),
        ("attach_asked.v1.bare", attach_asked(&["u"])),
        ("attached.v1", attached()),
        ("completed.v1", completed(&["u", "v"])),
        ("undone.v1", undone(Step::Attach(AttachDeclineReason::TerminalIncident), &["v", "u"])),
        ("undone.v1.reserve", undone(Step::Reserve, &[])),
        ("unit_returned.v1", returned("u")),
        ("reported.v1", reported()),
    ];
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/assignment"), Event::TYPES, &expected);
    unreadable::<Event>(Event::TYPES, &[("unit_took", r#"{"unit":"-"}"#), ("unit_took", r#"{"unit":"u","colour":"red"}"#)]);
}

#[test]
fn what_another_system_had_assigned_is_recorded_and_nobody_is_asked() {
    let report = |source: &str| Command::Report { incident: id("i"), unit: id("u"), source: source.into() };
    let halted = Policy { level: PolicyLevel::Halted, node: Some("z".into()), ..Policy::default() };
    let state = with(vec![]).under(halted).when(report("calls.csv:2")).then(then(vec![reported()]));
    assert!(Assignments.timers(&state).is_empty());
    with(vec![reported()]).when(report("calls.csv:2")).then_rejected("duplicate_entity");
    with(vec![reported()]).when(unit_took("u")).then(vec![]);
    with(vec![]).when(report(" ")).then_rejected("invalid_text");
}
