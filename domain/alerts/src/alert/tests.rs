//! Tests of an alert: the table of the specification, its timers at their edges, and who is reached.

mod model;

use super::*;
use crate::escalation::{Plan, Target};
use crate::firing::Firing;
use crate::testing::{World, firing, id, micros, min, plan};
use crate::words::{Channel, Level};
use ionveil_kernel::Rejection as _;
use ionveil_kernel::testkit::given;
use std::sync::Arc;

fn two_levels() -> Plan {
    plan(&[("L1", 5, &["a", "b"]), ("L2", 10, &["c"])], Some(30), None)
}

fn raised(plan: Plan) -> World<Alerts> {
    let mut world = World::new(Alerts, "a");
    world.tell(min(0), &Command::Raise { firing: Box::new(firing("a", plan)) }).unwrap();
    world
}

fn alert(world: &World<Alerts>) -> &Alert {
    world.state.alert().unwrap()
}

fn target(recipient: &str) -> Target {
    Target { channel: Channel::Email, recipient: id(recipient) }
}

fn acknowledge(minutes: Option<i64>) -> Command {
    Command::Acknowledge { note: None, minutes }
}

fn escalate() -> Command {
    Command::Escalate { reason: Some("now".into()) }
}

fn resolve(note: &str) -> Command {
    Command::Resolve { note: note.into() }
}

fn names(events: &[Event]) -> Vec<&'static str> {
    use ionveil_kernel::EventCodec;
    events.iter().map(EventCodec::event_type).collect()
}

/// An alert in each status.
fn in_status(status: Status) -> World<Alerts> {
    let mut world = match status {
        Status::Suppressed => {
            let mut world = World::new(Alerts, "a");
            let quiet = Firing { suppressed_by: Some(id("s")), ..firing("a", two_levels()) };
            world.tell(min(0), &Command::Raise { firing: Box::new(quiet) }).unwrap();
            world
        }
        Status::Open | Status::Escalated | Status::Acknowledged | Status::Resolved => raised(two_levels()),
    };
    let command = match status {
        Status::Escalated => Some(escalate()),
        Status::Acknowledged => Some(acknowledge(None)),
        Status::Resolved => Some(resolve("done")),
        Status::Open | Status::Suppressed => None,
    };
    command.map(|command| world.tell(min(1), &command).unwrap());
    assert_eq!(alert(&world).status, status);
    world
}

#[test]
fn the_table_of_the_specification_holds() {
    use Status::{Acknowledged, Escalated, Open, Resolved, Suppressed};
    for (from, acknowledged, resolved, escalated) in [
        (Open, Ok(Acknowledged), Ok(Resolved), Ok(Escalated)),
        (Escalated, Ok(Acknowledged), Ok(Resolved), Ok(Escalated)),
        (Acknowledged, Ok(Acknowledged), Ok(Resolved), Err("not_escalatable")),
        (Suppressed, Err("not_acknowledgeable"), Ok(Resolved), Err("not_escalatable")),
        (Resolved, Err("already_resolved"), Err("already_resolved"), Err("already_resolved")),
    ] {
        for (command, expected) in [(acknowledge(None), acknowledged), (resolve("ok"), resolved), (escalate(), escalated)] {
            let mut world = in_status(from);
            let outcome = world.tell(min(2), &command).map(|_| alert(&world).status).map_err(|refused| refused.code());
            assert_eq!(outcome, expected, "{from} {command:?}");
            world.check_laws();
        }
    }
    let mut world = in_status(Status::Acknowledged);
    assert!(world.tell(min(2), &acknowledge(Some(5))).unwrap().is_empty(), "the first stays");
    assert_eq!(alert(&world).acknowledged.as_ref().unwrap().at, min(1));
}

#[test]
fn what_is_not_there_is_not_found_and_what_is_wrong_is_said() {
    for command in [acknowledge(None), resolve("x"), escalate()] {
        let refused = given(Alerts, []).when(command).then_rejected("not_found");
        assert_eq!((refused.class(), refused.faults()), (crate::reject::RejectionClass::NotFound, &[][..]));
    }
    let _nothing = given(Alerts, []).when(Command::Pass { due: min(0) }).then([]);
    let mut world = raised(two_levels());
    let mut code = |command: Command| {
        let refused = world.tell(min(1), &command).unwrap_err();
        (refused.code(), refused.class())
    };
    use crate::reject::RejectionClass::Invalid;
    assert_eq!(code(resolve(" \n ")), ("resolution_note_required", Invalid));
    assert_eq!(code(resolve(&"x".repeat(2_001))), ("invalid_text", Invalid));
    assert_eq!(code(acknowledge(Some(0))), ("invalid_duration", Invalid));
    assert_eq!(code(Command::Acknowledge { note: Some("\u{7}".into()), minutes: None }), ("invalid_text", Invalid));
    assert_eq!(code(Command::Escalate { reason: Some("\u{7}".into()) }), ("invalid_text", Invalid));
    assert!(world.tell(min(1), &Command::Raise { firing: Box::new(firing("a", two_levels())) }).unwrap().is_empty(), "a repeat");
}

#[test]
fn each_level_has_its_time_and_then_the_highest_is_told_again() {
    let mut world = raised(two_levels());
    let happened = world.run(min(80));
    let shown: Vec<_> = happened.iter().map(|(at, event)| (at.micros() / 60_000_000, names(std::slice::from_ref(event))[0])).collect();
    // L1 for 5 minutes, L2 for 10; on L3 nothing is planned, so it stays there, and L2's people are told again every 30.
    assert_eq!(shown, [(5, "escalated"), (15, "escalated"), (45, "repeated"), (75, "repeated")]);
    let Event::Repeated(repeated) = &happened[2].1 else { panic!() };
    assert_eq!((repeated.call.level, repeated.call.step, repeated.call.targets.clone()), (Level::L3, 4, vec![target("c")]));
    world.check_laws();
}

#[test]
fn a_level_ends_exactly_with_its_timeout_and_a_late_pass_goes_up_one_level_only() {
    let pass = Command::Pass { due: min(5) };
    let mut world = raised(two_levels());
    assert!(world.tell(micros(299_999_999), &pass).unwrap().is_empty());
    assert_eq!(names(&world.tell(min(5), &pass).unwrap()), ["escalated"]);
    assert!(world.tell(min(5), &pass).unwrap().is_empty(), "idempotent at one instant");
    let mut world = raised(two_levels());
    assert_eq!(names(&world.tell(min(500), &pass).unwrap()), ["escalated"]);
    assert_eq!((alert(&world).level, alert(&world).next()), (Level::L2, Some(Next::Escalate(min(510)))));
}

#[test]
fn it_goes_no_higher_than_the_top_and_no_oftener_than_it_may() {
    let mut world = raised(plan(&[("L1", 5, &["a"]), ("L4", 5, &["d"])], None, Some(100)));
    for level in [Level::L2, Level::L3, Level::L4] {
        world.tell(min(1), &escalate()).unwrap();
        assert_eq!(alert(&world).level, level);
    }
    assert_eq!(world.tell(min(1), &escalate()).unwrap_err().code(), "max_escalation");
    assert_eq!(world.next(min(10_000)), None);
    let mut world = raised(plan(&[("L1", 5, &["a"]), ("L2", 5, &["b"]), ("L3", 5, &["c"])], None, Some(1)));
    world.run(min(1_000));
    assert_eq!((alert(&world).level, alert(&world).escalations), (Level::L2, 1));
    assert_eq!(world.tell(min(1_000), &escalate()).unwrap_err(), Rejection::MaxEscalation);
}

#[test]
fn an_acknowledgement_for_a_time_ends_with_it() {
    let mut world = raised(two_levels());
    world.tell(min(1), &acknowledge(Some(30))).unwrap();
    let happened = world.run(min(40));
    assert_eq!((happened.len(), happened[0].0), (2, min(31)));
    assert!(matches!(&happened[0].1, Event::Reopened(reopened) if reopened.call.targets.len() == 2));
    assert_eq!(happened[1].0, min(36), "the level has its whole time again");
    world.tell(min(37), &acknowledge(None)).unwrap();
    assert_eq!(world.next(min(10_000)), None, "for ever");
    world.check_laws();
}

#[test]
fn nobody_on_any_level_is_said_at_once_and_tried_again() {
    let mut gone = plan(&[("L1", 5, &["a"]), ("L3", 5, &["c"])], None, None);
    for level in &mut gone.levels {
        level.channels = vec![Channel::Radio];
    }
    let mut world = World::new(Alerts, "a");
    let events = world.tell(min(0), &Command::Raise { firing: Box::new(firing("a", gone)) }).unwrap();
    assert_eq!(names(&events), ["raised", "undelivered", "escalated", "undelivered", "escalated", "undelivered"]);
    assert!(alert(&world).undelivered);
    assert_eq!((alert(&world).level, alert(&world).next()), (Level::L3, Some(Next::Escalate(min(5)))));
    let happened = world.run(min(11));
    let shown: Vec<_> = happened.iter().map(|(at, event)| (at.micros() / 60_000_000, names(std::slice::from_ref(event))[0])).collect();
    assert_eq!(shown, [(5, "escalated"), (5, "undelivered"), (10, "repeated"), (10, "undelivered")]);
    world.check_laws();
    let mut world = raised(Plan::default());
    assert!(alert(&world).undelivered && world.next(min(10_000)).is_none(), "there is nobody to try");
    assert_eq!(names(&world.tell(min(1), &escalate()).unwrap()), ["escalated", "undelivered"], "by hand it goes up all the same");
}

#[test]
fn a_gap_on_the_first_level_is_passed_over() {
    let world = raised(plan(&[("L2", 5, &["b"])], None, None));
    assert_eq!((alert(&world).level, alert(&world).waiting.len(), alert(&world).undelivered), (Level::L2, 1, true));
}

#[test]
fn when_all_have_failed_the_next_level_is_told_at_once() {
    let mut world = raised(two_levels());
    let failed = |step, name: &str| Command::DeliveryFailed { step, target: target(name) };
    assert_eq!(names(&world.tell(min(1), &failed(1, "a")).unwrap()), ["delivery_failed"]);
    assert!(world.tell(min(1), &failed(1, "a")).unwrap().is_empty(), "heard before");
    assert!(world.tell(min(1), &failed(2, "b")).unwrap().is_empty(), "no such step");
    assert_eq!(names(&world.tell(min(1), &failed(1, "b")).unwrap()), ["delivery_failed", "undelivered", "escalated"]);
    assert!(alert(&world).undelivered);
    let delivered = Command::Delivered { step: 2, target: target("c") };
    assert_eq!(names(&world.tell(min(2), &delivered).unwrap()), ["delivered"]);
    assert!(!alert(&world).undelivered && alert(&world).reached);
    world.check_laws();
}

#[test]
fn one_who_was_reached_is_enough_and_whoever_acknowledged_is_not_bypassed() {
    let mut world = raised(two_levels());
    world.tell(min(1), &Command::Delivered { step: 1, target: target("a") }).unwrap();
    assert_eq!(names(&world.tell(min(1), &Command::DeliveryFailed { step: 1, target: target("b") }).unwrap()), ["delivery_failed"]);
    let mut world = raised(plan(&[("L1", 5, &["a"]), ("L2", 5, &["b"])], None, None));
    world.tell(min(1), &acknowledge(None)).unwrap();
    assert_eq!(names(&world.tell(min(1), &Command::DeliveryFailed { step: 1, target: target("a") }).unwrap()), ["delivery_failed"]);
    world.tell(min(2), &resolve("done")).unwrap();
    world.check_laws();
}

#[test]
fn shifts_count_when_somebody_is_told() {
    use crate::recipient::{RecipientForm, ShiftForm};
    let shift = ShiftForm { from: "00:00".into(), until: "00:10".into(), days: vec![ionveil_kernel::Weekday::Thursday], zone: None };
    let form = RecipientForm { id: "a".into(), channels: vec!["email".into()], shift: Some(shift), time_zone: None };
    let mut plan = plan(&[("L1", 5, &["a"])], Some(8), Some(0));
    plan.levels[0].recipients = vec![Arc::new(form.check().unwrap())];
    let mut world = raised(plan);
    let happened = world.run(min(16));
    assert_eq!(names(&happened.iter().map(|(_, event)| event.clone()).collect::<Vec<_>>()), ["repeated", "repeated", "undelivered"]);
}

#[test]
fn a_stored_history_that_cannot_be_is_found() {
    let world = raised(two_levels());
    let call = |step, level| Call { step, level, severity: crate::words::Severity::Info, targets: vec![] };
    let escalated =
        |from, step, level| Escalated { from, cause: Cause::Timeout, by: None, reason: None, call: call(step, level), at: min(1) };
    for (number, event) in [
        (1, world.past[0].1.clone()),
        (2, Event::Reopened(Reopened { call: call(2, Level::L1), at: min(1) })),
        (3, Event::Escalated(escalated(Level::L1, 2, Level::L3))),
        (3, Event::Escalated(escalated(Level::L2, 2, Level::L3))),
        (3, Event::Escalated(escalated(Level::L1, 3, Level::L2))),
        (3, Event::Repeated(Repeated { call: call(2, Level::L2), at: min(1) })),
        (4, Event::Undelivered(Undelivered { step: 1, level: Level::L1, at: min(1) })),
        (4, Event::Delivered(Delivered { step: 1, target: target("x"), at: min(1) })),
    ] {
        assert_eq!(Alerts.evolve(world.state.clone(), &(), &event).unwrap_err().number, number, "{event:?}");
    }
    let resolved = Event::Resolved(Resolved { by: "user:a".into(), at: min(1), note: "x".into(), rule: None });
    assert_eq!(Alerts.evolve(State::Absent, &(), &resolved).unwrap_err().number, 1);
    let over = Alerts.evolve(world.state.clone(), &(), &resolved).unwrap();
    assert_eq!(Alerts.evolve(over, &(), &resolved).unwrap_err().number, 2);
    assert_eq!(Alerts.on_timer("other", min(0)), None);
}
