//! Tests of a rule tried on the past.

use super::*;
use crate::monitor::ID;
use crate::testing::{World, id, micros, min, policy, recipient, rule};
use serde_json::json;

fn call(name: &str, dispatched: i64, arrived: Option<i64>) -> PastCall {
    let priority = Priority::new(2).unwrap();
    PastCall { incident: id(name), priority, dispatched_at: min(dispatched), arrived_at: arrived.map(min), ended_at: None }
}

fn monitor() -> State {
    let mut world = World::new(Monitor, ID);
    let mut desk = recipient("desk", &["sms", "email"]);
    desk.time_zone = Some("America/Los_Angeles".into());
    world.tell(min(0), &Command::PutRecipient { recipient: desk }).unwrap();
    world.tell(min(0), &Command::SetPolicy { policy: policy(&[("L1", 5, &["desk"])], None, None) }).unwrap();
    world.state
}

#[test]
fn it_tells_how_often_whom_and_at_what_hours() {
    let breach = rule(&json!({"id": "x", "name": "X", "condition": "sla_breach", "severity": "critical", "enabled": false}));
    let calls = [
        call("late", 0, Some(20)),
        call("in-time", 5, Some(15)),
        call("never", 60, None),
        call("at-once", 90, Some(90)),
        call("early", 91, Some(90)),
    ];
    let trial = try_rule(&breach.check().unwrap(), &monitor(), &calls, min(1_000)).unwrap();
    assert_eq!((trial.alerts, trial.undelivered), (2, 0));
    assert_eq!(trial.firings, [(min(10), Some(id("late"))), (min(70), Some(id("never")))]);
    assert_eq!(trial.pages, [((id("desk"), Channel::Sms), 2), ((id("desk"), Channel::Email), 2)].into());
    // 1970-01-01T00:10 UTC is 16:10 of the day before in Los Angeles.
    assert_eq!((trial.by_hour[16], trial.by_hour[17], trial.by_hour.iter().sum::<u64>()), (2, 2, 4));
}

#[test]
fn every_late_call_has_one_breach_and_every_one_past_three_quarters_one_warning() {
    let mut random = 3_u64;
    let calls: Vec<_> = (0..2_000)
        .map(|number| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let took = i64::try_from(random >> 33).unwrap() % 1_200_000_000;
            let priority = Priority::new(1 + number % 5).unwrap();
            let dispatched_at = min(number * 3);
            let arrived_at = Some(micros(dispatched_at.micros() + took));
            PastCall { incident: id(&format!("c{number}")), priority, dispatched_at, arrived_at, ended_at: None }
        })
        .collect();
    let took = |call: &PastCall| call.arrived_at.unwrap().since(call.dispatched_at).as_secs_f64() / 60.0;
    let target = |call: &PastCall| f64::from([5, 10, 20, 45, 120][usize::from(call.priority.number()) - 1]);
    let plain = |share: f64| calls.iter().filter(|call| took(call) > target(call) * share).count() as u64;
    for (condition, share) in [("sla_breach", 1.0), ("sla_warning", 0.75)] {
        let form = rule(&json!({"id": "x", "name": "X", "condition": condition, "severity": "info"}));
        let trial = try_rule(&form.check().unwrap(), &State::default(), &calls, min(10_000)).unwrap();
        assert_eq!((trial.alerts, trial.undelivered), (plain(share), plain(share)), "{condition}: there is no policy");
        assert!(trial.alerts > 200);
    }
}

#[test]
fn a_budget_may_burn_more_than_once() {
    let form = rule(&json!({"id": "x", "name": "X", "condition": "threshold", "severity": "critical",
        "threshold_config": {"metric": "slo_burn_rate", "pairs": [{"factor": 6, "long_minutes": 60, "short_minutes": 5}]}}));
    let bad = |from: i64| (0..10).map(move |number| call(&format!("c{from}-{number}"), from + number, None));
    let ended = |call: PastCall| PastCall { ended_at: Some(min(call.dispatched_at.micros() / 60_000_000 + 12)), ..call };
    let calls: Vec<_> = bad(0).chain(bad(500)).map(ended).collect();
    let trial = try_rule(&form.check().unwrap(), &monitor(), &calls, min(2_000)).unwrap();
    let at: Vec<_> = trial.firings.iter().map(|(at, incident)| (at.micros() / 60_000_000, incident.is_none())).collect();
    // Six of six are the first that are no chance; then at most one page in five minutes.
    assert_eq!(at, [(16, true), (516, true)]);
}
