//! Tests of units, by subject: what leads to what, what is refused, what lists say, what is stored.

use super::*;
use crate::geo::Position;
use crate::report::Stage;
use crate::scale::Priority;
use ionveil_kernel::testkit::{Given, fold, given};
use ionveil_kernel::testkit::{golden, unreadable};
use ionveil_kernel::{Decider, EntityId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

const NOW: Timestamp = Timestamp::from_micros(0);
const DAY: i64 = 86_400_000_000;

fn id(name: &str) -> EntityId {
    EntityId::new(name).expect("a lawful id")
}

fn registered() -> Event {
    Event::Registered(Registered {
        name: "E1".into(),
        unit_type: "engine".into(),
        agency: None,
        skills: BTreeSet::from(["emt".to_owned()]),
        capacity: 4,
        position: None,
        shift: None,
        at: NOW,
    })
}

fn assigned(assignment: &str) -> Event {
    Event::Assigned(Assigned { assignment: id(assignment), incident: id("i"), at: NOW })
}

fn confirmed(assignment: &str) -> Event {
    Event::AssignmentConfirmed(AssignmentConfirmed { assignment: id(assignment), incident: id("i"), at: NOW })
}

fn status(from: Availability, to: Availability) -> Event {
    let assignment = from.is_engaged().then(|| id("a"));
    Event::StatusChanged(StatusChanged { from, to, assignment, at: NOW })
}

fn duty(from: Duty, to: Duty) -> Event {
    Event::DutyChanged(DutyChanged { from, to, at: NOW })
}

fn released(to: Availability) -> Event {
    Event::Released(Released { assignment: id("a"), incident: id("i"), to, at: NOW })
}

fn declined(assignment: &str, reason: DeclineReason) -> Event {
    Event::AssignmentDeclined(AssignmentDeclined { assignment: id(assignment), reason })
}

fn worked(assignment: &str, stage: Stage, overlaps: Option<&str>, at: Timestamp) -> WorkReported {
    let (assignment, overlaps) = (id(assignment), overlaps.map(id));
    WorkReported { assignment, incident: id("i"), stage, overlaps, source: "calls.csv:2".into(), at }
}

/// The past that leads to a status by assignment `a` on incident `i`.
fn past(to: Availability) -> Vec<Event> {
    use Availability::{Available, Dispatched, EnRoute, OnScene, OutOfService, Returning};
    let engaged = || vec![registered(), assigned("a"), confirmed("a")];
    let mut events = match to {
        Available | OutOfService => vec![registered()],
        Dispatched | EnRoute | OnScene | Returning => engaged(),
    };
    match to {
        Available | Dispatched => {}
        OutOfService => events.push(status(Available, OutOfService)),
        EnRoute | OnScene => events.push(status(Dispatched, to)),
        Returning => events.push(released(Returning)),
    }
    events
}

fn with(events: Vec<Event>) -> Given<Units> {
    given(Units, events.into_iter().map(|event| ((), event)))
}

fn then(event: Event) -> [((), Event); 1] {
    [((), event)]
}

fn unit(events: Vec<Event>) -> Unit {
    let events: Vec<_> = events.into_iter().map(|event| ((), event)).collect();
    fold(&Units, &"unit:test:x".parse().unwrap(), &events).live().expect("registered").clone()
}

fn register() -> Command {
    Command::Register {
        name: "E1".into(),
        unit_type: "engine".into(),
        agency: None,
        skills: vec!["EMT".into()],
        capacity: 4,
        latitude: None,
        longitude: None,
        shift: None,
    }
}

fn ask(assignment: &str) -> Command {
    Command::Ask { assignment: id(assignment), incident: id("i") }
}

#[test]
fn a_unit_is_registered_once_and_with_every_fault_told() {
    with(vec![]).when(register()).then(then(registered()));
    with(vec![registered()]).when(register()).then_rejected("duplicate_entity");
    let bad = Command::Register {
        name: " ".into(),
        unit_type: "x".repeat(129),
        agency: Some("no one".into()),
        skills: vec!["a\u{7}".into()],
        capacity: -1,
        latitude: Some(91.0),
        longitude: Some(181.0),
        shift: None,
    };
    let refusal = with(vec![]).when(bad).then_rejected("invalid_text");
    let Rejection::Invalid(faults) = refusal else { panic!("{refusal}") };
    let told: Vec<_> = faults.iter().map(|fault| (fault.field, fault.code)).collect();
    let expected = [
        ("name", "invalid_text"),
        ("unit_type", "invalid_text"),
        ("skills", "invalid_text"),
        ("capacity", "invalid_capacity"),
        ("agency", "invalid_id"),
        ("latitude", "invalid_position"),
        ("longitude", "invalid_position"),
    ];
    assert_eq!(told, expected);
    for command in
        [Command::SetDuty { to: Duty::OnDuty }, Command::Confirm { assignment: id("a") }, Command::Move { latitude: 0.0, longitude: 0.0 }]
    {
        with(vec![]).when(command).then_rejected("entity_not_found");
    }
}

#[test]
fn the_status_follows_the_table_and_leaving_work_leaves_the_incident() {
    use Availability::{Available, Dispatched, EnRoute, OnScene, OutOfService, Returning};
    let allowed = |from| match from {
        Available => vec![OutOfService],
        Dispatched => vec![EnRoute, OnScene, Returning, Available, OutOfService],
        EnRoute => vec![OnScene, Returning, Available, OutOfService],
        OnScene => vec![Returning, Available, OutOfService],
        Returning => vec![Available, OutOfService],
        OutOfService => vec![Available],
    };
    for from in Availability::ALL {
        for to in Availability::ALL {
            let asked = with(past(from)).when(Command::SetStatus { to });
            if from == to {
                asked.then_rejected("no_change");
            } else if !allowed(from).contains(&to) {
                asked.then_rejected("invalid_transition");
            } else {
                let events = match (from, to) {
                    _ if from.is_engaged() && !to.is_engaged() => vec![released(to)],
                    (Dispatched, OnScene) => vec![status(Dispatched, EnRoute), status(EnRoute, OnScene)],
                    _ => vec![status(from, to)],
                };
                let state = asked.then(events.into_iter().map(|event| ((), event)));
                let after = state.live().unwrap();
                assert_eq!((after.status(), after.incident().is_some()), (to, to.is_engaged()), "{from:?} {to:?}");
            }
        }
    }
}

#[test]
fn only_an_available_unit_on_duty_is_reserved_and_everyone_is_answered() {
    use Availability::{Dispatched, EnRoute, OnScene, OutOfService, Returning};
    let state = with(vec![registered()]).when(ask("a")).then(then(assigned("a")));
    assert_eq!(state.live().unwrap().status(), Dispatched, "shown as dispatched while it is reserved");
    with(vec![]).when(ask("a")).then(then(declined("a", DeclineReason::Unknown)));
    for busy in [Dispatched, EnRoute, OnScene, Returning] {
        with(past(busy)).when(ask("b")).then(then(declined("b", DeclineReason::Busy)));
    }
    with(vec![registered(), assigned("a")]).when(ask("b")).then(then(declined("b", DeclineReason::Busy)));
    with(vec![registered(), assigned("a")]).when(ask("a")).then([]);
    with(past(OutOfService)).when(ask("b")).then(then(declined("b", DeclineReason::OutOfService)));
    for off in [Duty::OffDuty, Duty::OnBreak, Duty::OnLeave] {
        with(vec![registered(), duty(Duty::OnDuty, off)]).when(ask("b")).then(then(declined("b", DeclineReason::OffDuty)));
    }
}

#[test]
fn a_reserved_unit_waits_for_its_assignment() {
    let reserved = || vec![registered(), assigned("a")];
    let by = |releaser| Command::Release { by: releaser };
    with(reserved()).when(Command::SetStatus { to: Availability::EnRoute }).then_rejected("assignment_pending");
    with(reserved()).when(by(Releaser::Person(id("i")))).then_rejected("assignment_pending");
    with(reserved()).when(by(Releaser::Person(id("j")))).then_rejected("not_on_incident");
    with(reserved()).when(Command::Confirm { assignment: id("b") }).then([]);
    with(reserved()).when(Command::Confirm { assignment: id("a") }).then(then(confirmed("a")));
    with(past(Availability::Dispatched)).when(Command::Confirm { assignment: id("a") }).then([]);
    with(reserved()).when(by(Releaser::Assignment(id("a")))).then(then(released(Availability::Available)));
    with(reserved()).when(by(Releaser::Assignment(id("b")))).then([]);
}

#[test]
fn only_who_is_on_an_incident_is_released_from_it() {
    let by = |releaser| Command::Release { by: releaser };
    let free = || then(released(Availability::Available));
    with(past(Availability::OnScene)).when(by(Releaser::Person(id("i")))).then(free());
    with(past(Availability::OnScene)).when(by(Releaser::Person(id("j")))).then_rejected("not_on_incident");
    with(vec![registered()]).when(by(Releaser::Person(id("i")))).then_rejected("not_on_incident");
    with(past(Availability::EnRoute)).when(by(Releaser::Assignment(id("a")))).then(free());
    with(vec![registered()]).when(by(Releaser::Assignment(id("a")))).then([]);
}

#[test]
fn a_unit_goes_on_to_another_incident_or_says_that_it_does_not() {
    let to = |assignment| Command::Redirect { assignment: id(assignment), to: id("j"), depth: 0 };
    let redirected = || Event::Redirected(Redirected { assignment: id("a"), from: id("i"), to: id("j"), depth: 0, at: NOW });
    let state = with(past(Availability::OnScene)).when(to("a")).then(then(redirected()));
    assert_eq!(state.live().unwrap().incident(), Some(&id("j")));
    let mut again = past(Availability::OnScene);
    again.push(redirected());
    with(again).when(to("a")).then([]);
    let declined = |assignment| then(Event::RedirectDeclined(RedirectDeclined { assignment: id(assignment), to: id("j") }));
    with(past(Availability::OnScene)).when(to("b")).then(declined("b"));
    with(vec![registered()]).when(to("a")).then(declined("a"));
    with(vec![]).when(to("a")).then(declined("a"));
}

fn certificate(name: &str, expires: i64) -> Certificate {
    let (issued, expires) = (Timestamp::from_micros(-9 * DAY), Timestamp::from_micros(expires));
    Certificate { name: name.into(), level: "2".into(), issued, expires, authority: "state".into() }
}

fn certified(name: &str, expires: i64) -> Event {
    Event::Certified(Certified { certificate: certificate(name, expires), at: NOW })
}

#[test]
fn what_a_unit_is_changes_and_nothing_else() {
    let update = |name: Option<&str>, capacity| Command::Update {
        name: name.map(str::to_owned),
        unit_type: None,
        skills: None,
        capacity,
        shift: None,
    };
    let updated = Event::Updated(Updated { capacity: Some(9), at: NOW, ..Updated::default() });
    assert_eq!(with(vec![registered()]).when(update(None, Some(9))).then(then(updated)).live().unwrap().capacity, 9);
    with(vec![registered()]).when(update(None, None)).then_rejected("missing_field");
    with(vec![registered()]).when(update(Some("E1"), Some(4))).then_rejected("no_change");
    with(vec![registered()]).when(update(None, Some(-4))).then_rejected("invalid_capacity");
    let to = |latitude| Command::Move { latitude, longitude: 2.0 };
    let moved = || Event::Moved(Moved { position: Position::new(1.0, 2.0).unwrap(), at: NOW });
    with(vec![registered()]).when(to(1.0)).then(then(moved()));
    with(vec![registered(), moved()]).when(to(1.0)).then([]);
    with(vec![registered()]).when_unstored(to(f64::NAN)).then_rejected("invalid_position");
    with(vec![registered()]).when(Command::SetDuty { to: Duty::OnDuty }).then_rejected("no_change");
    with(vec![registered()]).when(Command::SetDuty { to: Duty::OnLeave }).then(then(duty(Duty::OnDuty, Duty::OnLeave)));
    let certify = |expires| Command::Certify { certificate: certificate("Diver", expires) };
    with(vec![registered()]).when(certify(DAY)).then(then(certified("Diver", DAY)));
    with(vec![registered()]).when(certify(-9 * DAY)).then_rejected("invalid_range");
    let renewed = unit(vec![registered(), certified("diver", DAY), certified("Diver", 2 * DAY)]);
    assert_eq!(renewed.certificates.len(), 1);
}

#[test]
fn an_expired_certificate_is_no_skill_and_case_does_not_matter() {
    let unit = unit(vec![registered(), certified("Diver", 5)]);
    let can = |skill, now| unit.can(skill, Timestamp::from_micros(now));
    assert!(can("EMT", 99) && can("diver", 4) && can("DIVER", 4));
    assert!(!can("diver", 5), "not at the instant when it ends");
    assert!(!can("pilot", 0));
}

fn at(latitude: f64, unit_type: &str, past: Vec<Event>) -> Unit {
    Unit { position: Position::new(latitude, 0.0).ok(), unit_type: unit_type.into(), ..unit(past) }
}

#[test]
fn available_units_are_found_nearest_first() {
    let off_duty = vec![registered(), duty(Duty::OnDuty, Duty::OffDuty)];
    let units: BTreeMap<_, _> = [
        ("far", at(1.0, "engine", vec![registered()])),
        ("b", at(0.1, "engine", vec![registered()])),
        ("a", at(-0.1, "engine", vec![registered()])),
        ("near", at(0.0, "boat", vec![registered()])),
        ("busy", at(0.0, "engine", past(Availability::OnScene))),
        ("off", at(0.0, "engine", off_duty)),
        ("diver", at(0.2, "engine", vec![registered(), certified("Diver", 5)])),
        ("lost", unit(vec![registered()])),
    ]
    .map(|(name, unit)| (id(name), unit))
    .into();
    let find = |radius_km, unit_type, skills: &[&str], now| {
        let wanted = Wanted { position: Position::new(0.0, 0.0).unwrap(), radius_km, unit_type, skills };
        let found = find_available(&units, &wanted, Timestamp::from_micros(now));
        found.into_iter().map(|(id, _)| id.as_str().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(find(RADIUS_KM_DEFAULT, None, &[], 0), "near a b diver");
    assert_eq!(find(RADIUS_KM_DEFAULT, Some("engine"), &[], 0), "a b diver");
    assert_eq!(find(200.0, Some("engine"), &["EMT"], 0), "a b diver far");
    assert_eq!(find(200.0, None, &["diver"], 4), "diver");
    assert_eq!(find(200.0, None, &["diver"], 5), "");
    let edge = units[&id("a")].position.unwrap().km_to(Position::new(0.0, 0.0).unwrap());
    assert_eq!(find(edge, Some("engine"), &[], 0), "a b", "the radius is included");
}

#[test]
fn suitability_weighs_priority_distance_skills_and_capacity() {
    let unit = unit(vec![registered()]);
    let score =
        |priority: Option<i64>, km, skills: &[&str]| suitability(priority.map(|p| Priority::new(p).unwrap()), km, skills, &unit, NOW);
    assert_eq!([1, 2, 3, 4, 5].map(|priority| score(Some(priority), 0.0, &[])), [120.0, 100.0, 80.0, 60.0, 40.0]);
    assert_eq!(score(None, 10.0, &["emt", "pilot"]), 30.0 - 20.0 + 15.0 + 20.0);
    assert_eq!(score(Some(5), 500.0, &[]), 0.0);
}

#[test]
fn capacity_counts_who_is_at_work() {
    use Availability::{Dispatched, EnRoute, OnScene, OutOfService, Returning};
    let mut units: Vec<_> = [Dispatched, EnRoute, OnScene, Returning, OutOfService].map(|to| unit(past(to))).into();
    units.push(unit(vec![registered()]));
    units.push(unit(vec![registered(), duty(Duty::OnDuty, Duty::OffDuty)]));
    units[0].unit_type = "boat".into();
    let (all, by_type) = capacity(&units);
    assert_eq!(all, Capacity { total: 7, available: 1, dispatched: 3, utilisation_pct: 42.9 });
    assert_eq!(by_type["boat"], Capacity { total: 1, available: 0, dispatched: 1, utilisation_pct: 100.0 });
    assert_eq!(by_type["engine"].total, 6);
    assert_eq!(capacity(&[]).0, Capacity::default());
}

#[test]
fn certificates_that_end_are_listed_soonest_first() {
    let units = BTreeMap::from([
        (id("u"), unit(vec![registered(), certified("Late", 31 * DAY), certified("Soon", 30 * DAY), certified("Gone", -1)])),
        (id("t"), unit(vec![registered(), certified("Today", 0)])),
    ]);
    let due = expiring(&units, NOW, 30);
    let shown: Vec<_> = due.iter().map(|due| (due.unit.as_str(), due.name, due.days_left)).collect();
    assert_eq!(shown, [("u", "Gone", -1), ("t", "Today", 0), ("u", "Soon", 30)]);
}

#[test]
fn histories_that_no_unit_can_have_break_an_invariant() {
    let number = |events: Vec<Event>, last: Event| {
        let state = State::Live(Box::new(unit(events)));
        Units.evolve(state, &(), &last).expect_err("unlawful").number
    };
    assert_eq!(Units.evolve(State::Absent, &(), &confirmed("a")).unwrap_err().number, 1);
    assert_eq!(number(vec![registered()], registered()), 1);
    assert_eq!(number(past(Availability::OnScene), assigned("b")), 2);
    assert_eq!(number(vec![registered(), duty(Duty::OnDuty, Duty::OffDuty)], assigned("b")), 2);
    assert_eq!(number(vec![registered(), assigned("a")], confirmed("b")), 3);
    assert_eq!(number(past(Availability::Dispatched), confirmed("a")), 3);
    assert_eq!(number(vec![registered()], released(Availability::Available)), 3);
    assert_eq!(number(past(Availability::OnScene), released(Availability::EnRoute)), 3);
    let redirected = Event::Redirected(Redirected { assignment: id("a"), from: id("j"), to: id("k"), depth: 0, at: NOW });
    assert_eq!(number(past(Availability::OnScene), redirected), 3);
    assert_eq!(number(past(Availability::OnScene), status(Availability::EnRoute, Availability::OnScene)), 4);
    assert_eq!(number(past(Availability::OnScene), status(Availability::OnScene, Availability::EnRoute)), 4);
    assert_eq!(number(past(Availability::OnScene), status(Availability::OnScene, Availability::Returning)), 4);
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    let shift = Shift::new("22:00", "06:00", vec![Weekday::Sunday], "UTC").ok();
    let at = Timestamp::from_micros(1_700_000_000_000_001);
    let skills = || BTreeSet::from(["emt".to_owned(), "hazmat".to_owned()]);
    let full = Registered {
        name: "E1".into(),
        unit_type: "engine".into(),
        agency: Some(id("fire")),
        skills: skills(),
        capacity: 4,
        position: Position::new(37.774_929_5, -122.419_415_5).ok(),
        shift: shift.clone(),
        at,
    };
    let updated = Updated { name: Some("E2".into()), unit_type: Some("boat".into()), skills: Some(skills()), capacity: Some(0), shift, at };
    let expected = vec![
        ("registered.v1", Event::Registered(full)),
        (
            "registered.v1.bare",
            Event::Registered(Registered {
                name: "E1".into(),
                unit_type: "engine".into(),
                agency: None,
                skills: BTreeSet::new(),
                capacity: 0,
                position: None,
                shift: None,
                at,
            }),
        ),
        ("updated.v1", Event::Updated(updated)),
        ("status_changed.v1", status(Availability::Dispatched, Availability::EnRoute)),
        ("status_changed.v1.free", status(Availability::Available, Availability::OutOfService)),
        ("duty_changed.v1", duty(Duty::OnBreak, Duty::OnLeave)),
        ("moved.v1", Event::Moved(Moved { position: Position::new(-0.000_000_1, 180.0).unwrap(), at })),
        ("certified.v1", certified("Diver", DAY)),
        ("assigned.v1", assigned("a")),
        ("assignment_declined.v1", declined("a", DeclineReason::NoAnswer)),
        ("assignment_confirmed.v1", confirmed("a")),
        ("released.v1", released(Availability::Returning)),
        ("redirected.v1", Event::Redirected(Redirected { assignment: id("a"), from: id("i"), to: id("j"), depth: 0, at })),
        ("redirect_declined.v1", Event::RedirectDeclined(RedirectDeclined { assignment: id("a"), to: id("j") })),
        ("work_reported.v1", Event::WorkReported(worked("a", Stage::OnScene, Some("b"), at))),
        ("work_reported.v1.bare", Event::WorkReported(worked("a", Stage::Available, None, at))),
    ];
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/unit"), Event::TYPES, &expected);
    unreadable::<Event>(
        // An update may be of anything, but it has a time.
        Event::TYPES,
        &[
            ("moved", r#"{"position":{"latitude":91,"longitude":0},"at":0}"#),
            ("duty_changed", r#"{"from":"on_duty","to":"asleep","at":0}"#),
        ],
    );
}

fn report(assignment: &str, stage: Stage) -> Command {
    Command::ReportWork { assignment: id(assignment), incident: id("i"), stage, source: "calls.csv:2".into() }
}

/// What is shown after each of these reports, and what each overlaps, from `past`.
fn reports(past: Vec<Event>, said: &[(&str, Stage)]) -> Vec<(Availability, Option<String>, Option<String>)> {
    let mut events: Vec<_> = past.into_iter().map(|event| ((), event)).collect();
    let mut shown = Vec::new();
    for (assignment, stage) in said {
        let state = fold(&Units, &"unit:test:u".parse().unwrap(), &events);
        let overlaps = state.live().unwrap().assignment().filter(|on| **on != id(assignment)).cloned();
        let event = WorkReported { overlaps: overlaps.clone(), ..worked(assignment, *stage, None, NOW) };
        let after = given(Units, events.clone()).when(report(assignment, *stage)).then([((), Event::WorkReported(event.clone()))]);
        let unit = after.live().unwrap();
        let name = |id: Option<&EntityId>| id.map(ToString::to_string);
        shown.push((unit.status(), name(unit.assignment()), name(overlaps.as_ref())));
        events.push(((), Event::WorkReported(event)));
    }
    shown
}

#[test]
fn what_was_reported_is_shown_stage_by_stage_and_ends_with_its_end() {
    use Availability::{Available, Dispatched, OnScene};
    let on = |status, assignment: Option<&str>| (status, assignment.map(str::to_owned), None);
    let said = [("a", Stage::Dispatched), ("a", Stage::OnScene), ("a", Stage::EnRoute), ("a", Stage::Available), ("a", Stage::Available)];
    let expected = [on(Dispatched, Some("a")), on(OnScene, Some("a")), on(OnScene, Some("a")), on(Available, None), on(Available, None)];
    assert_eq!(reports(vec![registered()], &said), expected, "late word leads nobody back");
}

#[test]
fn a_unit_that_was_on_two_incidents_at_once_is_recorded_on_both() {
    use Availability::{Available, Dispatched, OnScene};
    let on =
        |status, assignment: Option<&str>, overlaps: Option<&str>| (status, assignment.map(str::to_owned), overlaps.map(str::to_owned));
    let said = [
        ("a", Stage::Dispatched),
        ("b", Stage::Dispatched),
        ("a", Stage::OnScene),
        ("b", Stage::OnScene),
        ("a", Stage::Available),
        ("b", Stage::Available),
    ];
    let expected = [
        on(Dispatched, Some("a"), None),
        on(Dispatched, Some("b"), Some("a")),
        on(Dispatched, Some("b"), Some("b")),
        on(OnScene, Some("b"), None),
        on(OnScene, Some("b"), Some("b")),
        on(Available, None, None),
    ];
    assert_eq!(reports(vec![registered()], &said), expected);
}

#[test]
fn a_report_never_touches_what_an_assignment_of_ours_holds() {
    use Availability::{Dispatched, EnRoute};
    let held = |status| (status, Some("a".to_owned()), Some("a".to_owned()));
    let said = [("x", Stage::Dispatched), ("x", Stage::OnScene), ("x", Stage::Available)];
    assert_eq!(reports(past(EnRoute), &said), [held(EnRoute), held(EnRoute), held(EnRoute)]);
    assert_eq!(reports(vec![registered(), assigned("a")], &said), [held(Dispatched), held(Dispatched), held(Dispatched)]);
    let own = (EnRoute, Some("a".to_owned()), None);
    assert_eq!(reports(past(EnRoute), &[("a", Stage::Available)]), [own], "not even under its own name");
}

#[test]
fn a_unit_that_was_reported_away_cannot_be_had_until_it_is_back() {
    let away = || [registered(), Event::WorkReported(worked("a", Stage::OnScene, None, NOW))].map(|event| ((), event));
    let ask = || Command::Ask { assignment: id("b"), incident: id("j") };
    given(Units, away()).when(ask()).then([((), declined("b", DeclineReason::Busy))]);
    let by_hand = given(Units, away()).when(Command::SetStatus { to: Availability::Available });
    by_hand.then([((), released(Availability::Available))]);
    given(Units, []).when(report("a", Stage::Dispatched)).then_rejected("entity_not_found");
    let unsaid = Command::ReportWork { assignment: id("a"), incident: id("i"), stage: Stage::Dispatched, source: String::new() };
    given(Units, away()).when(unsaid).then_rejected("invalid_text");
    let state = fold(&Units, &"unit:test:u".parse().unwrap(), &away());
    let broken = Units.evolve(state, &(), &Event::WorkReported(worked("b", Stage::OnScene, None, NOW))).unwrap_err();
    assert_eq!(broken.number, 5);
}
