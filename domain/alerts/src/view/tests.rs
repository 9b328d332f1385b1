//! Tests of lists and histories.

use super::*;
use crate::alert::Alerts;
use crate::pager::Pager;
use crate::testing::{World, firing, id, min, plan};
use serde_json::json;

fn story() -> Vec<Recorded> {
    let mut world = World::new(Alerts, "x");
    let plan = plan(&[("L1", 5, &["a"]), ("L2", 5, &["b"])], None, None);
    world.tell(min(0), &alert::Command::Raise { firing: Box::new(firing("x", plan)) }).unwrap();
    let a = || crate::escalation::Target { channel: Channel::Email, recipient: id("a") };
    world.tell(min(1), &alert::Command::DeliveryFailed { step: 1, target: a() }).unwrap();
    world.tell(min(2), &alert::Command::Acknowledge { note: Some("on it".into()), minutes: Some(1) }).unwrap();
    world.run(min(3));
    let b = crate::escalation::Target { channel: Channel::Email, recipient: id("b") };
    world.tell(min(4), &alert::Command::Delivered { step: 3, target: b }).unwrap();
    world.tell(min(5), &alert::Command::Escalate { reason: Some("big".into()) }).unwrap();
    world.tell(min(6), &alert::Command::Resolve { note: "done".into() }).unwrap();
    world.recorded()
}

#[test]
fn a_row_comes_and_changes_with_what_happens() {
    let changes: Vec<_> = story().iter().map(|event| project(event).unwrap().unwrap()).collect();
    let AlertChange::New(row) = &changes[0] else { panic!() };
    assert_eq!((row.status, row.level, row.rule.as_str()), (Status::Open, Level::L1, "sla-breach"));
    let shown: Vec<_> = changes[1..]
        .iter()
        .map(|change| match change {
            AlertChange::New(_) => panic!("one row"),
            AlertChange::Update { status, level, undelivered, .. } => {
                (status.map_or("", Status::as_str), level.map_or("", Level::as_str), *undelivered)
            }
        })
        .collect();
    let expected = [
        ("", "", None),
        ("", "", Some(true)),
        ("escalated", "L2", None),
        ("acknowledged", "", None),
        ("open", "", None),
        ("", "", Some(false)),
        ("escalated", "L3", None),
        ("resolved", "", None),
    ];
    assert_eq!(shown, expected);
    let foreign = Recorded { stream: "unit:test:x".parse().unwrap(), ..story().remove(0) };
    assert_eq!((project(&foreign).unwrap(), project_notification(&foreign).unwrap()), (None, None));
}

#[test]
fn the_history_tells_who_did_what_and_who_was_called() {
    let lines: Vec<_> = story().iter().map(|event| serde_json::to_value(entry(event).unwrap()).unwrap()).collect();
    let line = |place: usize| {
        let mut line = lines[place].clone();
        let fields = line.as_object_mut().unwrap();
        assert_eq!((fields.remove("by"), fields.remove("at")), (Some(json!("user:test")), Some(json!(0))));
        line
    };
    assert_eq!(line(0), json!({"what": "raised", "level": "L1", "targets": ["email:a"]}));
    assert_eq!(line(1), json!({"what": "delivery_failed", "targets": ["email:a"]}));
    assert_eq!(line(2), json!({"what": "undelivered", "level": "L1"}));
    assert_eq!(line(3), json!({"what": "escalated", "level": "L2", "cause": "undelivered", "targets": ["email:b"]}));
    assert_eq!(line(4), json!({"what": "acknowledged", "note": "on it"}));
    assert_eq!(line(7), json!({"what": "escalated", "level": "L3", "cause": "person", "note": "big", "targets": ["email:b"]}));
    assert_eq!(line(8), json!({"what": "resolved", "note": "done"}));
}

#[test]
fn a_notification_is_pending_then_unknown_then_sent() {
    let mut world = World::new(Pager { limit: 1, ..Pager::default() }, "a");
    let page = |alert: &str| pager::Command::Page { alert: id(alert), step: 1, channel: Channel::Sms, severity: Severity::Info };
    world.tell(min(0), &page("x")).unwrap();
    let notification = world.state.state.under_way.keys().next().cloned().unwrap();
    let begin = |attempt| pager::Command::Begin { notification: notification.clone(), attempt };
    world.tell(min(0), &begin(1)).unwrap();
    world.tell(min(1), &begin(1)).unwrap();
    world.run(min(2));
    world.tell(min(2), &begin(2)).unwrap();
    let report = pager::Command::Report {
        notification: notification.clone(),
        attempt: 2,
        outcome: pager::Outcome::Sent,
        permanent: false,
        reason: None,
    };
    world.tell(min(2), &report).unwrap();
    world.tell(min(2), &page("y")).unwrap();
    let changes: Vec<_> = world.recorded().iter().map(|event| project_notification(event).unwrap().unwrap()).collect();
    let shown: Vec<_> = changes.iter().map(|change| change.status.map_or(String::new(), |status| status.to_string())).collect();
    assert_eq!(shown, ["pending", "", "unknown", "", "", "sent", "digest"]);
    assert!(changes.iter().all(|change| change.recipient == id("a")));
    assert_eq!((changes[0].about.clone().unwrap().alert, changes[6].digest.is_some(), changes[4].attempt), (id("x"), true, Some(2)));
    let ended = |outcome| {
        let then = Then::Settled { outcome, channel: Channel::Sms, steps: vec![] };
        let event = pager::Event::AttemptEnded(pager::AttemptEnded { attempt: 6, outcome, reason: None, at: min(0), then });
        let stream = "notification:test:n".parse().unwrap();
        project_notification(&crate::testing::recorded(&"pager:test:a".parse().unwrap(), stream, &event)).unwrap().unwrap().status
    };
    use pager::Outcome::{Failed, Unknown};
    assert_eq!([Failed, Unknown].map(ended), [Some(NotificationStatus::Failed), Some(NotificationStatus::Unknown)]);
}
