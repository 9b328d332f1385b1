//! Tests of what follows from what: a call on its way from the incident to the receiver and back, over the stored forms.

use super::*;
use crate::alert::Alerts;
use crate::monitor::{Monitor, MonitorPart};
use crate::pager::Pager;
use crate::testing::{World, firing, id, min, plan, policy, recipient, recorded};
use crate::words::{Channel, Severity};
use ionveil_kernel::Part;
use serde_json::{Value, json};

fn commands(reactions: Vec<Reaction>) -> Vec<(String, Value)> {
    let read = |reaction| match reaction {
        Reaction::Command { to, command } => (to.to_string(), serde_json::from_str(&command).unwrap()),
        Reaction::Effect { channel, class, payload } => {
            assert_eq!(class, EffectClass::Repeatable);
            (channel, serde_json::from_str(&payload).unwrap())
        }
    };
    reactions.into_iter().map(read).collect()
}

fn of_incident(event_type: &'static str, data: &Value) -> Vec<(String, Value)> {
    let owner: StreamId = "incident:test:i".parse().unwrap();
    let mut event = recorded(&owner, owner.clone(), &pager::Event::Retried(pager::Retried { attempt: 1, at: min(0) }));
    (event.event_type, event.data) = (event_type.into(), data.to_string());
    commands(FromIncidents.react(&event).unwrap())
}

#[test]
fn an_incident_is_watched_from_its_dispatch_to_its_end() {
    let monitor = |command: Value| vec![("alert-monitor:test:monitor".to_owned(), command)];
    let reported = |stage: &str, at: i64| json!({"unit": "u", "stage": stage, "status": "on_scene", "at": at});
    for (event_type, data, command) in [
        ("created", json!({"title": "t", "priority": 2, "at": 5}), json!({"type": "prioritised", "incident": "i", "priority": 2})),
        ("updated", json!({"priority": 1, "at": 5}), json!({"type": "prioritised", "incident": "i", "priority": 1})),
        ("absorbed", json!({"priority": 1, "at": 5}), json!({"type": "prioritised", "incident": "i", "priority": 1})),
        ("units_attached", json!({"assignment": "x", "at": 6}), json!({"type": "dispatched", "incident": "i", "at": 6})),
        ("transitioned", json!({"from": "triaged", "to": "dispatched", "at": 6}), json!({"type": "dispatched", "incident": "i", "at": 6})),
        ("unit_reported", reported("dispatched", 6), json!({"type": "dispatched", "incident": "i", "at": 6})),
        ("unit_reported", reported("on_scene", 7), json!({"type": "arrived", "incident": "i", "at": 7})),
        ("transitioned", json!({"from": "en_route", "to": "on_scene", "at": 7}), json!({"type": "arrived", "incident": "i", "at": 7})),
        ("closed", json!({"at": 8}), json!({"type": "ended", "incident": "i", "at": 8})),
        ("archived", json!({"at": 8}), json!({"type": "ended", "incident": "i", "at": 8})),
        ("merged", json!({"priority": 3, "at": 8}), json!({"type": "ended", "incident": "i", "at": 8})),
    ] {
        let found = of_incident(event_type, &data);
        assert_eq!(found, monitor(command), "{event_type}");
        assert!(serde_json::from_value::<monitor::Command>(found[0].1.clone()).is_ok());
    }
    for (event_type, data) in [
        ("updated", json!({"at": 5})),
        ("transitioned", json!({"to": "resolved", "at": 5})),
        ("unit_reported", reported("available", 9)),
        ("remarked", json!({"text": "x"})),
    ] {
        assert_eq!(of_incident(event_type, &data), [], "{event_type}");
    }
    assert_eq!(FromIncidents.kind(), Some("incident"));
}

#[test]
fn what_is_told_as_history_begins_nothing_and_ends_what_has_begun() {
    let owner: StreamId = "incident:test:i".parse().unwrap();
    let told = |event_type: &'static str, data: Value, later: i64| {
        let mut event = recorded(&owner, owner.clone(), &pager::Event::Retried(pager::Retried { attempt: 1, at: min(0) }));
        (event.event_type, event.data, event.recorded_at) = (event_type.into(), data.to_string(), min(later));
        FromIncidents.react(&event).unwrap().len()
    };
    let sent = json!({"stage": "dispatched"});
    for (event_type, data) in [("created", json!({"priority": 2})), ("units_attached", json!({})), ("unit_reported", sent)] {
        assert_eq!((told(event_type, data.clone(), 60), told(event_type, data, 61)), (1, 0), "{event_type}");
    }
    for (event_type, data) in [("transitioned", json!({"to": "on_scene"})), ("closed", json!({}))] {
        assert_eq!(told(event_type, data, 10_000), 1, "{event_type}");
    }
}

#[test]
fn what_fires_is_raised_paged_sent_and_heard_of() {
    let mut monitor = World::new(Monitor, monitor::ID);
    monitor.tell(min(0), &monitor::Command::PutRecipient { recipient: recipient("a", &["email"]) }).unwrap();
    monitor.tell(min(0), &monitor::Command::SetPolicy { policy: policy(&[("L1", 5, &["a"])], None, None) }).unwrap();
    let check = monitor::Command::Check { incident: id("i"), priority: 2, dispatched_at: min(0), now: None };
    monitor.tell(min(10), &check).unwrap();
    let raise = commands(monitor.recorded().iter().flat_map(|event| FromWatches.react(event).unwrap()).collect());
    assert_eq!(raise.len(), 1);
    let mut alert = World::new(Alerts, "x");
    alert.tell(min(10), &serde_json::from_value(raise[0].1.clone()).unwrap()).unwrap();
    let pages = commands(FromAlerts.react(&alert.recorded()[0]).unwrap());
    assert_eq!(
        pages,
        [("pager:test:a".to_owned(), json!({"type": "page", "alert": "x", "step": 1, "channel": "email", "severity": "critical"}))]
    );
    let mut pager = World::new(Pager::default(), "a");
    pager.tell(min(10), &serde_json::from_value(pages[0].1.clone()).unwrap()).unwrap();
    let sent = commands(FromPagers.react(&pager.recorded()[0]).unwrap());
    let notify: Notify = serde_json::from_value(sent[0].1.clone()).unwrap();
    assert_eq!((sent[0].0.as_str(), notify.recipient.as_str(), notify.attempt), (NOTIFY, "a", 1));
    let notification = notify.notification;
    pager.tell(min(10), &pager::Command::Begin { notification: notification.clone(), attempt: 1 }).unwrap();
    let report = |outcome, permanent| pager::Command::Report { notification, attempt: 1, outcome, permanent, reason: None };
    pager.tell(min(10), &report(Outcome::Sent, false)).unwrap();
    let heard = commands(pager.recorded()[1..].iter().flat_map(|event| FromPagers.react(event).unwrap()).collect());
    assert_eq!(
        heard,
        [("alert:test:x".to_owned(), json!({"type": "delivered", "step": 1, "target": {"channel": "email", "recipient": "a"}}))]
    );
    alert.tell(min(10), &serde_json::from_value(heard[0].1.clone()).unwrap()).unwrap();
    assert!(alert.state.alert().unwrap().reached);
}

#[test]
fn who_is_told_again_is_paged_and_what_fails_is_heard_of() {
    let mut alert = World::new(Alerts, "x");
    let plan = plan(&[("L1", 5, &["a"])], Some(5), Some(1));
    alert.tell(min(0), &alert::Command::Raise { firing: Box::new(firing("x", plan)) }).unwrap();
    alert.run(min(10));
    alert.tell(min(11), &alert::Command::Acknowledge { note: None, minutes: Some(1) }).unwrap();
    alert.run(min(12));
    alert.tell(min(13), &alert::Command::Resolve { note: "x".into() }).unwrap();
    let pages = alert.recorded().iter().flat_map(|event| FromAlerts.react(event).unwrap()).count();
    assert_eq!(pages, 4, "raised, escalated, repeated, reopened; it knows an incident, so the monitor is not told of its end");
    let owner: StreamId = "pager:test:a".parse().unwrap();
    let stream = pager::NotificationStream(id("n")).stream(&owner);
    let steps = vec![pager::Step { alert: id("x"), step: 2 }];
    for outcome in [Outcome::Failed, Outcome::Unknown] {
        let then = Then::Settled { outcome, channel: Channel::Sms, steps: steps.clone() };
        let ended = pager::Event::AttemptEnded(pager::AttemptEnded { attempt: 6, outcome, reason: None, at: min(0), then });
        let heard = commands(FromPagers.react(&recorded(&owner, stream.clone(), &ended)).unwrap());
        assert_eq!(heard[0].1["type"], "delivery_failed");
    }
    let retried = pager::Event::Retried(pager::Retried { attempt: 2, at: min(0) });
    assert_eq!(commands(FromPagers.react(&recorded(&owner, stream, &retried)).unwrap())[0].1["attempt"], 2);
}

#[test]
fn the_alerts_of_an_incident_are_resolved_when_its_time_stops() {
    let owner = monitor::stream(&"test".parse().unwrap()).unwrap();
    let watch = MonitorPart::Watch(id("i")).stream(&owner);
    for outcome in [monitor::Outcome::Met, monitor::Outcome::Breached, monitor::Outcome::Unanswered] {
        let ended = monitor::WatchEnded { at: min(9), outcome, alerts: vec![id("w"), id("b")] };
        let found = commands(FromWatches.react(&recorded(&owner, watch.clone(), &monitor::Event::WatchEnded(ended))).unwrap());
        assert_eq!(found.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["alert:test:w", "alert:test:b"]);
        for (_, command) in found {
            let command: alert::Command = serde_json::from_value(command).unwrap();
            assert!(matches!(command, alert::Command::Resolve { note } if !note.trim().is_empty()));
        }
    }
}

#[test]
fn a_rule_without_an_incident_is_cleared_when_its_alert_is_resolved() {
    let owner: StreamId = "alert:test:x".parse().unwrap();
    let resolved = alert::Resolved { by: "user:a".into(), at: min(0), note: "x".into(), rule: Some(id("burn")) };
    let found = commands(FromAlerts.react(&recorded(&owner, owner.clone(), &alert::Event::Resolved(resolved))).unwrap());
    assert_eq!(found, [("alert-monitor:test:monitor".to_owned(), json!({"type": "alert_resolved", "rule": "burn", "alert": "x"}))]);
    let owner = monitor::stream(&"test".parse().unwrap()).unwrap();
    let mut of_budget = firing("b", crate::escalation::Plan::default());
    (of_budget.incident, of_budget.severity) = (None, Severity::Emergency);
    let fired = monitor::Event::Fired(monitor::Fired { firing: Box::new(of_budget) });
    let found = commands(FromMonitor.react(&recorded(&owner, MonitorPart::Own.stream(&owner), &fired)).unwrap());
    assert_eq!(found[0].0, "alert:test:b");
    let ended = monitor::Event::ExternalEnded(monitor::ExternalEnded { rule: id("r"), alert: id("e") });
    let found = commands(FromMonitor.react(&recorded(&owner, MonitorPart::Own.stream(&owner), &ended)).unwrap());
    assert_eq!((found[0].0.as_str(), &found[0].1["type"]), ("alert:test:e", &json!("resolve")));
    let raised = monitor::ExternalRaised { firing: Box::new(firing("e", crate::escalation::Plan::default())), ends_at: None };
    let raised = monitor::Event::ExternalRaised(raised);
    let found = commands(FromMonitor.react(&recorded(&owner, MonitorPart::Own.stream(&owner), &raised)).unwrap());
    assert_eq!((found[0].0.as_str(), &found[0].1["type"]), ("alert:test:e", &json!("raise")));
    let names = [FromIncidents.name(), FromMonitor.name(), FromWatches.name(), FromAlerts.name(), FromPagers.name()];
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 5);
    let kinds = [FromMonitor.kind(), FromWatches.kind(), FromAlerts.kind(), FromPagers.kind()];
    assert_eq!(kinds.map(Option::unwrap), ["alert-monitor", "sla-watch", "alert", "notification"]);
}
