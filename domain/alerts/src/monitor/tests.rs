//! Tests of the monitor: the exact edges of the specification, on virtual time.

use super::*;
use crate::escalation::PolicyForm;
use crate::firing::Firing;
use crate::recipient::RecipientForm;
use crate::testing::{World, id, micros, min, policy, recipient, rule};
use crate::words::{Channel, Priority, Targets};
use ionveil_kernel::Rejection as _;
use ionveil_kernel::testkit::given;
use serde_json::{Value, json};

fn world() -> World<Monitor> {
    World::new(Monitor, ID)
}

fn priority(number: i64) -> Priority {
    Priority::new(number).unwrap()
}

/// An incident of priority 2, ten minutes, to which somebody is sent at minute 0.
fn dispatch(world: &mut World<Monitor>, incident: &str, at: Timestamp) {
    world.tell(at, &Command::Prioritised { incident: id(incident), priority: priority(2) }).unwrap();
    world.tell(at, &Command::Dispatched { incident: id(incident), at }).unwrap();
}

fn arrive(world: &mut World<Monitor>, incident: &str, at: Timestamp) -> Vec<Event> {
    world.tell(at, &Command::Arrived { incident: id(incident), at }).unwrap()
}

fn firing(event: &Event) -> Option<&Firing> {
    if let Event::Fired(fired) = event { Some(&fired.firing) } else { None }
}

fn rules_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Vec<&'a str> {
    events.into_iter().filter_map(firing).map(|firing| firing.rule.as_str()).collect()
}

fn fired(happened: &[(Timestamp, Event)]) -> Vec<(i64, &str)> {
    happened.iter().filter_map(|(at, event)| Some((at.micros() / 1_000_000, firing(event)?.rule.as_str()))).collect()
}

fn put(world: &mut World<Monitor>, at: Timestamp, form: &Value) {
    world.tell(at, &Command::PutRule { rule: rule(form) }).unwrap();
}

fn check_at(world: &mut World<Monitor>, incident: &str, at: Timestamp) -> Result<Vec<Event>, Rejection> {
    world.tell(at, &Command::Check { incident: id(incident), priority: 2, dispatched_at: min(0), now: None })
}

#[test]
fn a_warning_is_raised_at_three_quarters_and_a_breach_at_the_target_to_the_microsecond() {
    let mut world = world();
    dispatch(&mut world, "i", min(0));
    assert_eq!(world.next(min(100)).unwrap().0, micros(450_000_000));
    assert_eq!(fired(&world.run(min(100))), [(450, "sla-warning"), (600, "sla-breach")]);
    assert!(world.tell(min(101), &Command::Sweep).unwrap().is_empty(), "the pass finds nothing");
    let fired: Vec<_> = world.past.iter().filter_map(|(_, event)| firing(event)).collect();
    let violation = fired[1].violation.clone().unwrap();
    assert_eq!((violation.magnitude, violation.breach_at, violation.actual_minutes, violation.target_minutes), (1.0, min(10), 10.0, 10));
    assert_eq!(fired[0].title, "[P2] SLA warning: incident i");
    assert_eq!(fired[0].description, "7.5 of 10 minutes since dispatch (75 %)");
    world.check_laws();
}

#[test]
fn a_late_check_raises_the_breach_alone() {
    let mut world = world();
    dispatch(&mut world, "i", min(0));
    let (due, command) = world.next(min(100)).unwrap();
    assert_eq!(due, micros(450_000_000));
    let events = world.tell(min(30), &command).unwrap();
    assert_eq!(rules_of(&events), ["sla-breach"], "never both from one check");
    assert_eq!(world.next(min(1_000)), None);
}

fn alerts_of(events: &[Event]) -> Vec<ionveil_kernel::EntityId> {
    events.iter().filter_map(|event| if let Event::Fired(of) = event { Some(of.firing.alert.clone()) } else { None }).collect()
}

#[test]
fn who_comes_exactly_at_the_target_is_in_time_and_who_comes_later_is_not() {
    for (at, outcome, rules) in [
        (micros(449_999_999), Outcome::Met, vec![]),
        (micros(450_000_000), Outcome::Met, vec!["sla-warning"]),
        (min(10), Outcome::Met, vec!["sla-warning"]),
        (micros(600_000_001), Outcome::Breached, vec!["sla-breach"]),
    ] {
        let mut world = world();
        dispatch(&mut world, "i", min(0));
        let events = arrive(&mut world, "i", at);
        assert_eq!(rules_of(&events), rules, "{at:?}: the timers have not fired yet");
        let alerts = alerts_of(&events);
        assert_eq!(alerts.len(), rules.len());
        assert_eq!(events.last(), Some(&Event::WatchEnded(WatchEnded { at, outcome, alerts })));
        assert_eq!(world.next(min(1_000)), None);
        assert!(arrive(&mut world, "i", at).is_empty());
        assert!(world.tell(at, &Command::Dispatched { incident: id("i"), at }).unwrap().is_empty(), "what comes late starts nothing");
        world.check_laws();
    }
    let mut world = world();
    dispatch(&mut world, "i", min(0));
    let fired: Vec<_> = world.run(min(10)).into_iter().map(|(_, event)| event).collect();
    let mut alerts = alerts_of(&fired);
    alerts.sort();
    assert_eq!(alerts.len(), 2, "a warning and a breach, which end with the watch");
    let events = world.tell(min(11), &Command::Ended { incident: id("i"), at: min(11) }).unwrap();
    assert_eq!(events, [Event::WatchEnded(WatchEnded { at: min(11), outcome: Outcome::Breached, alerts })]);
    world.tell(min(11), &Command::Prioritised { incident: id("j"), priority: priority(1) }).unwrap();
    let events = arrive(&mut world, "j", min(12));
    assert_eq!(
        events,
        [Event::WatchEnded(WatchEnded { at: min(12), outcome: Outcome::Unanswered, alerts: Vec::new() })],
        "nobody was sent"
    );
}

#[test]
fn a_check_is_repeated_at_the_end_of_the_window_and_not_before() {
    let mut world = world();
    let at = |elapsed_us: i64| micros(600_000_000 + elapsed_us);
    assert_eq!(rules_of(&check_at(&mut world, "x", at(0)).unwrap()), ["sla-breach"]);
    let events = world.past.len();
    assert!(check_at(&mut world, "x", at(299_999_999)).unwrap().is_empty());
    assert_eq!(world.past.len(), events, "nothing was recorded");
    assert_eq!(rules_of(&check_at(&mut world, "x", at(300_000_000)).unwrap()), ["sla-breach"], "decision D40");
    assert!(check_at(&mut world, "x", at(599_999_999)).unwrap().is_empty());
    assert_eq!(rules_of(&check_at(&mut world, "y", at(300_000_001)).unwrap()), ["sla-breach"], "another incident");
    put(
        &mut world,
        at(300_000_002),
        &json!({"id": "sla-breach", "name": "B", "condition": "sla_breach", "severity": "critical",
        "suppression_window_minutes": 0}),
    );
    for _ in 0..2 {
        assert_eq!(rules_of(&check_at(&mut world, "x", at(300_000_003)).unwrap()), ["sla-breach"], "0 disables");
    }
    assert_eq!(world.next(min(100_000)), None, "who was only asked about has no deadlines");
    world.check_laws();
}

#[test]
fn a_check_between_deadlines_takes_their_place() {
    let mut world = world();
    dispatch(&mut world, "i", min(0));
    assert_eq!(rules_of(&check_at(&mut world, "i", min(8)).unwrap()), ["sla-warning"]);
    assert_eq!(fired(&world.run(min(100))), [(600, "sla-breach")]);
}

#[test]
fn what_is_wrong_with_a_check_is_said_at_once() {
    let mut world = world();
    let command = Command::Check { incident: id("i"), priority: 6, dispatched_at: min(20), now: Some(min(16)) };
    let refused = world.tell(min(10), &command).unwrap_err();
    assert_eq!(refused.faults().iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["priority", "dispatched_at", "now"]);
    assert_eq!((refused.code(), refused.class()), ("invalid_priority", crate::reject::RejectionClass::Invalid));
    let command = Command::Check { incident: id("i"), priority: 5, dispatched_at: micros(1), now: Some(min(0)) };
    assert_eq!(world.tell(min(10), &command).unwrap_err().code(), "dispatch_in_future");
    let command = Command::Check { incident: id("i"), priority: 5, dispatched_at: min(0), now: Some(min(0)) };
    assert!(world.tell(min(10), &command).unwrap().is_empty());
}

#[test]
fn rules_run_in_the_order_of_their_ids_and_only_when_they_are_on() {
    let mut world = world();
    for (name, enabled) in [("z", true), ("a", true), ("m", false)] {
        put(
            &mut world,
            min(0),
            &json!({"id": name, "name": name, "condition": "threshold", "severity": "info", "enabled": enabled,
            "threshold_config": {"metric": "elapsed_minutes", "operator": ">=", "value": 10}}),
        );
    }
    dispatch(&mut world, "i", min(0));
    assert_eq!(fired(&world.run(min(100))), [(450, "sla-warning"), (600, "a"), (600, "sla-breach"), (600, "z")]);
}

#[test]
fn a_rule_that_comes_later_is_checked_at_once_and_an_unchanged_one_is_not() {
    let mut world = world();
    dispatch(&mut world, "i", min(0));
    world.run(min(20));
    let form = json!({"id": "late", "name": "L", "condition": "threshold", "severity": "info",
        "threshold_config": {"metric": "breach_magnitude", "operator": ">", "value": 1.5}});
    put(&mut world, min(30), &form);
    assert_eq!(fired(&world.run(min(30))), [(1_800, "late")]);
    put(&mut world, min(31), &form);
    assert_eq!(world.next(min(1_000)), None);
    world.tell(min(32), &Command::RemoveRule { rule: id("late") }).unwrap();
    assert_eq!(world.tell(min(32), &Command::RemoveRule { rule: id("late") }).unwrap_err(), Rejection::NotFound);
    put(&mut world, min(33), &form);
    assert_eq!(rules_of(world.run(min(40)).iter().map(|(_, event)| event)), [""; 0], "it has fired for this incident");
    put(&mut world, min(41), &json!({"id": "late", "name": "L", "condition": "sla_breach", "severity": "info"}));
    assert_eq!(fired(&world.run(min(41))), [(2_460, "late")], "another condition is another rule");
    world.check_laws();
}

#[test]
fn a_higher_priority_brings_the_deadlines_forward() {
    let mut world = world();
    dispatch(&mut world, "i", min(0));
    world.tell(min(7), &Command::Prioritised { incident: id("i"), priority: priority(1) }).unwrap();
    assert!(world.tell(min(7), &Command::Prioritised { incident: id("i"), priority: priority(1) }).unwrap().is_empty());
    assert_eq!(fired(&world.run(min(7))), [(420, "sla-breach")], "five minutes are over");
}

#[test]
fn the_organisations_own_minutes_come_first() {
    let mut world = world();
    world.tell(min(0), &Command::SetTargets { targets: Targets([(priority(2), 4)].into()) }).unwrap();
    dispatch(&mut world, "i", min(0));
    assert_eq!(fired(&world.run(min(100))), [(180, "sla-warning"), (240, "sla-breach")]);
    let refused = world.tell(min(0), &Command::SetTargets { targets: Targets([(priority(2), 0)].into()) }).unwrap_err();
    assert_eq!(refused.code(), "invalid_duration");
}

#[test]
fn breaches_in_a_row_are_counted_once_each_and_start_anew_after_success() {
    let mut world = world();
    put(
        &mut world,
        min(0),
        &json!({"id": "row", "name": "Row", "condition": "pattern", "severity": "emergency",
        "threshold_config": {"consecutive_breaches": 2}}),
    );
    let mut of = |name: &str, at: i64, arrives: i64| {
        dispatch(&mut world, name, min(at));
        let mut happened = world.run(min(at + arrives));
        happened.extend(arrive(&mut world, name, min(at + arrives)).into_iter().map(|event| (min(at + arrives), event)));
        let rules = fired(&happened).iter().filter(|(_, rule)| *rule == "row").count();
        (rules, world.state.streak())
    };
    assert_eq!(of("a", 0, 15), (0, 1));
    assert_eq!(of("b", 20, 15), (1, 2));
    assert_eq!(of("c", 40, 15), (1, 3), "each further one as well");
    assert_eq!(of("d", 60, 5), (0, 0));
    assert_eq!(of("e", 80, 15), (0, 1));
    world.check_laws();
}

#[test]
fn a_suppressed_rule_fires_quietly_until_the_suppression_ends() {
    let mut world = world();
    let suppress = |pattern: &str, minutes| Command::Suppress { pattern: pattern.into(), minutes, reason: "drill".into() };
    let events = world.tell(min(0), &suppress("sla-.*", 10)).unwrap();
    let Event::SuppressionBegun(begun) = &events[0] else { panic!("{events:?}") };
    let suppression = begun.suppression.id.clone();
    let quiet = |world: &mut World<Monitor>, incident: &str, at| {
        let events = check_at(world, incident, at).unwrap();
        events.iter().find_map(firing).unwrap().suppressed_by.is_some()
    };
    assert!(quiet(&mut world, "a", micros(599_999_999)));
    assert!(!quiet(&mut world, "b", min(10)), "half-open");
    world.tell(min(20), &suppress("sla", 10)).unwrap();
    assert!(!quiet(&mut world, "c", min(21)), "the whole id has to match");
    let lift = |world: &mut World<Monitor>, at| world.tell(at, &Command::LiftSuppression { suppression: suppression.clone() });
    assert_eq!(lift(&mut world, min(21)), Err(Rejection::NotFound), "it was over when the next one came");
    let events = world.tell(min(30), &suppress(".*", 10)).unwrap();
    let Event::SuppressionBegun(begun) = &events[0] else { panic!("{events:?}") };
    let suppression = begun.suppression.id.clone();
    let Event::SuppressionLifted(lifted) = world.tell(min(31), &Command::LiftSuppression { suppression }).unwrap().remove(0) else {
        panic!()
    };
    assert!(lifted.was_active);
    assert!(!quiet(&mut world, "d", min(31)));
    let refused = world.tell(min(0), &Command::Suppress { pattern: "(".into(), minutes: 0, reason: " ".into() }).unwrap_err();
    assert_eq!(
        refused.faults().iter().map(|fault| fault.code.code()).collect::<Vec<_>>(),
        ["invalid_pattern", "invalid_duration", "invalid_text"]
    );
    world.check_laws();
}

#[test]
fn what_fires_has_the_plan_of_the_moment() {
    let mut world = world();
    let put_recipient = |recipient: RecipientForm| Command::PutRecipient { recipient };
    let set_policy = |policy: PolicyForm| Command::SetPolicy { policy };
    let refused = world.tell(min(0), &set_policy(policy(&[("L1", 5, &["a"])], None, None))).unwrap_err();
    assert_eq!((refused.code(), refused.faults()[0].field.as_str()), ("invalid_escalation_policy", "levels[0].recipients[0]"));
    assert_eq!(world.tell(min(0), &put_recipient(recipient("a", &["fax"]))).unwrap_err().code(), "invalid_recipient");
    world.tell(min(0), &put_recipient(recipient("a", &["sms", "email"]))).unwrap();
    world.tell(min(0), &put_recipient(recipient("b", &["sms"]))).unwrap();
    world.tell(min(0), &set_policy(policy(&[("L1", 5, &["a"])], None, None))).unwrap();
    let events = check_at(&mut world, "i", min(10)).unwrap();
    let firing = events.iter().find_map(firing).unwrap();
    let level = firing.plan.at(crate::words::Level::L1).unwrap();
    assert_eq!(level.channels, [Channel::Sms, Channel::Push, Channel::Email], "by the priority");
    assert_eq!(world.tell(min(0), &Command::RemoveRecipient { recipient: id("a") }).unwrap_err().code(), "recipient_in_use");
    world.tell(min(0), &Command::RemoveRecipient { recipient: id("b") }).unwrap();
    assert_eq!(world.tell(min(0), &Command::RemoveRecipient { recipient: id("b") }).unwrap_err().code(), "not_found");
    world.check_laws();
}

#[test]
fn an_error_budget_is_looked_at_once_a_minute_and_pages_once_until_that_is_resolved() {
    let mut world = world();
    put(
        &mut world,
        min(0),
        &json!({"id": "burn", "name": "Burn", "condition": "threshold", "severity": "emergency",
        "threshold_config": {"metric": "slo_burn_rate"}}),
    );
    for call in 0..8 {
        dispatch(&mut world, &format!("c{call}"), min(0));
    }
    let happened = world.run(micros(659_999_999));
    assert!(happened.iter().all(|(_, event)| firing(event).is_none_or(|firing| firing.rule.as_str() != "burn")));
    let happened = world.run(min(11));
    assert!(matches!(happened[0].1, Event::BudgetsEvaluated(BudgetsEvaluated { minute: 11 })));
    let burn = firing(&happened[1].1).unwrap();
    assert_eq!((burn.incident.clone(), burn.title.as_str()), (None, "Burn: 6x burn rate"));
    assert_eq!(burn.burn.unwrap().count, crate::slo::Count { total: 8, late: 8 });
    let more = |world: &mut World<Monitor>, name: &str, at: i64| {
        dispatch(world, name, min(at));
        let happened = world.run(min(at + 11));
        fired(&happened).iter().filter(|(_, rule)| *rule == "burn").count()
    };
    assert_eq!(more(&mut world, "d", 20), 0, "the page is open");
    let alert = burn.alert.clone();
    world.tell(min(32), &Command::AlertResolved { rule: id("burn"), alert: alert.clone() }).unwrap();
    assert!(world.tell(min(32), &Command::AlertResolved { rule: id("burn"), alert }).unwrap().is_empty());
    assert_eq!(more(&mut world, "e", 33), 1);
    world.check_laws();
}

#[test]
fn many_deadlines_are_taken_in_turns_and_none_is_lost() {
    let mut world = world();
    for call in 0..1_203 {
        dispatch(&mut world, &format!("c{call}"), micros(call / 3));
    }
    let mut turns = 0;
    while let Some((_, command)) = world.next(min(60)) {
        world.tell(min(60), &command).unwrap();
        turns += 1;
    }
    assert_eq!(turns, 3);
    let fired = world.past.iter().filter(|(_, event)| firing(event).is_some()).count();
    assert_eq!((fired, world.state.streak()), (1_203, 1_203));
}

#[test]
fn there_is_room_for_so_much_and_no_more() {
    let mut world = world();
    for number in 2..RULES_MAX {
        put(
            &mut world,
            min(0),
            &json!({"id": format!("r{number}"), "name": "R", "condition": "sla_breach", "severity": "info", "enabled": false}),
        );
    }
    let form = json!({"id": "one-too-many", "name": "R", "condition": "sla_breach", "severity": "info"});
    let refused = world.tell(min(0), &Command::PutRule { rule: rule(&form) }).unwrap_err();
    assert_eq!((refused.code(), refused.class()), ("monitor_full", crate::reject::RejectionClass::Conflict));
    put(&mut world, min(0), &json!({"id": "r2", "name": "R", "condition": "sla_breach", "severity": "info"}));
}

#[test]
fn what_was_only_asked_about_makes_room_for_others() {
    let mut world = world();
    for call in 0..1_001 {
        check_at(&mut world, &format!("c{call}"), min(10)).unwrap();
        world.past.clear();
    }
    assert_eq!(world.state.watches(), 1_000);
    assert!(world.state.watch(&id("c0")).is_none());
    dispatch(&mut world, "c1000", min(11));
    assert_eq!(world.state.asked.len(), 999, "it is watched from then on");
}

#[test]
fn a_stored_history_that_cannot_be_is_found() {
    let own = |event| (MonitorPart::Own, event);
    let watch = |event| (MonitorPart::Watch(id("i")), event);
    let started = Event::WatchStarted(WatchStarted { dispatched_at: min(0), at: min(0) });
    let removed = Event::RuleRemoved(RuleRemoved { rule: id("none"), by: "user:a".into() });
    let checked = Event::WatchChecked(WatchChecked { at: min(0), breached: false, held: vec![], asked: None });
    let ended = Event::WatchEnded(WatchEnded { at: min(0), outcome: Outcome::Met, alerts: Vec::new() });
    let fired = |incident: Option<&str>| {
        let plan = crate::escalation::Plan::default();
        let firing = Firing { incident: incident.map(id), ..crate::testing::firing("a", plan) };
        Event::Fired(Fired { firing: Box::new(firing) })
    };
    for (number, events) in [
        (1, vec![own(removed.clone())]),
        (1, vec![watch(ended)]),
        (1, vec![own(Event::RecipientRemoved(RecipientRemoved { recipient: id("r"), by: "user:a".into() }))]),
        (1, vec![own(Event::SuppressionLifted(SuppressionLifted { suppression: id("s"), was_active: true, by: "user:a".into() }))]),
        (1, vec![own(Event::RuleCleared(RuleCleared { rule: id("r"), alert: id("a") }))]),
        (2, vec![own(started.clone())]),
        (2, vec![watch(removed)]),
        (2, vec![own(fired(Some("i")))]),
        (3, vec![watch(started.clone()), watch(started.clone())]),
        (4, vec![watch(checked)]),
        (4, vec![watch(started), watch(fired(Some("j")))]),
    ] {
        let mut state = State::default();
        let mut found = None;
        for (part, event) in &events {
            match Monitor.evolve(state.clone(), part, event) {
                Ok(next) => state = next,
                Err(broken) => found = Some(broken.number),
            }
        }
        assert_eq!(found, Some(number), "{events:?}");
    }
}

#[test]
fn streams_are_named_by_the_incident() {
    let owner = stream(&"test".parse().unwrap()).unwrap();
    let part = MonitorPart::Watch(id("i"));
    assert_eq!(part.stream(&owner).to_string(), "sla-watch:test:i");
    assert_eq!(MonitorPart::of(&owner, &part.stream(&owner)), Some(part));
    assert_eq!(MonitorPart::of(&owner, &"sla-watch:other:i".parse().unwrap()), None);
    assert_eq!(Monitor.on_timer("other", min(0)), None);
    let _checked = given(Monitor, []).when(Command::Sweep).then([]);
}
