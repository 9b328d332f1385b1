//! The lists of alerts and notifications, as every database of views keeps them.

use super::given::{Place, Script, id, org, stream};
use ionveil_alerts::alert::Status;
use ionveil_alerts::words::Severity;
use ionveil_kernel::Timestamp;
use ionveil_views::{AlertFilter, AlertPlace, NotificationFilter, Views};
use serde_json::{Value, json};

macro_rules! on_every_database {
    ($($name:ident,)*) => {
        mod memory { $(#[tokio::test] async fn $name() { super::$name(super::Place::memory()).await; })* }
        mod sqlite { $(#[tokio::test] async fn $name() { super::$name(super::Place::sqlite()).await; })* }
        mod postgres { $(#[tokio::test] async fn $name() { super::$name(super::Place::postgres()).await; })* }
    };
}

on_every_database! {
    alerts_come_newest_first_and_the_active_ones_unless_asked_otherwise,
    notifications_say_how_they_stand_and_what_they_are_about,
}

async fn happen(script: &mut Script, kind: &str, org: &str, name: &str, event: (&'static str, Value)) {
    script.append(stream(kind, org, name), event.0, 1, event.1.to_string()).await;
}

/// An alert of a rule without anybody to tell.
async fn raise(script: &mut Script, org: &str, name: &str, at: i64, severity: &str) {
    let plan = json!({"levels": [], "repeat_after_minutes": 30, "max_escalations": 3});
    let firing = json!({"alert": name, "rule": "sla-breach", "severity": severity, "title": format!("title of {name}"), "description": "é", "incident": "i",
        "violation": {"priority": 2, "target_minutes": 10, "actual_minutes": 10.0, "breach_at": at, "magnitude": 1.0}, "plan": plan, "at": at});
    let call = json!({"step": 1, "level": "L1", "severity": severity, "targets": []});
    happen(script, "alert", org, name, ("raised", json!({"firing": firing, "call": call, "at": at}))).await;
}

async fn names(views: &Views, filter: &AlertFilter, after: Option<&AlertPlace>, limit: usize) -> Vec<String> {
    let rows = views.alerts(&org("a"), filter, after, limit).await.expect("a list");
    rows.iter().map(|row| row.id.to_string()).collect()
}

async fn alerts_come_newest_first_and_the_active_ones_unless_asked_otherwise(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    for (name, at, severity) in [("w", 10, "warning"), ("x", 20, "critical"), ("y", 30, "critical"), ("z", 40, "warning")] {
        raise(&mut script, "a", name, at, severity).await;
    }
    raise(&mut script, "other", "x", 50, "critical").await;
    happen(&mut script, "alert", "a", "x", ("acknowledged", json!({"by": "user:jane", "at": 60}))).await;
    script.project(&views).await;
    happen(&mut script, "alert", "a", "y", ("resolved", json!({"by": "user:jane", "at": 70, "note": "done"}))).await;
    script.project(&views).await;
    for (severity, status, expected) in [
        (None, None, &["z", "x", "w"][..]),
        (Some(Severity::Critical), None, &["x"]),
        (None, Some(Status::Resolved), &["y"]),
        (Some(Severity::Warning), Some(Status::Open), &["z", "w"]),
        (Some(Severity::Emergency), None, &[]),
    ] {
        let filter = AlertFilter { severity, status };
        assert_eq!(names(&views, &filter, None, 10).await, expected, "{filter:?}");
        assert_eq!(views.count_alerts(&org("a"), &filter).await.unwrap(), expected.len() as u64, "{filter:?}");
    }
    let after = AlertPlace { created_at: Timestamp::from_micros(40), id: id("z") };
    assert_eq!(names(&views, &AlertFilter::default(), Some(&after), 1).await, ["x"]);
    let known =
        views.alerts(&org("a"), &AlertFilter { severity: Some(Severity::Critical), status: None }, None, 1).await.unwrap().remove(0);
    assert_eq!(known.acknowledged, Some(("user:jane".to_owned(), Timestamp::from_micros(60))));
    assert_eq!((known.title.as_str(), known.updated_at, known.incident), ("title of x", Timestamp::from_micros(60), Some(id("i"))));
    let resolved = views.alerts(&org("a"), &AlertFilter { severity: None, status: Some(Status::Resolved) }, None, 1).await.unwrap();
    assert_eq!(resolved[0].resolved, Some(("user:jane".to_owned(), Timestamp::from_micros(70))));
}

async fn notifications_say_how_they_stand_and_what_they_are_about(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    let queued = |alert: &str, at: i64| {
        let about = json!({"step": {"alert": alert, "step": 1}});
        ("queued", json!({"about": about, "channel": "sms", "counts": true, "at": at}))
    };
    for (name, alert, at) in [("n1", "x", 10), ("n2", "x", 20), ("n3", "y", 30)] {
        happen(&mut script, "notification", "a", name, queued(alert, at)).await;
    }
    happen(&mut script, "notification", "a", "n2", ("attempt_begun", json!({"attempt": 1, "at": 40}))).await;
    let ended = json!({"attempt": 1, "outcome": "unknown", "reason": "no answer", "at": 50, "then": {"retry": {"at": 90}}});
    happen(&mut script, "notification", "a", "n2", ("attempt_ended", ended)).await;
    script.project(&views).await;
    let all = views.notifications(&org("a"), &NotificationFilter::default(), None, 10).await.unwrap();
    assert_eq!(all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["n3", "n2", "n1"]);
    let about_x = NotificationFilter { alert: Some(id("x")), status: None };
    let of_x = views.notifications(&org("a"), &about_x, None, 10).await.unwrap();
    assert_eq!((of_x.len(), views.count_notifications(&org("a"), &about_x).await.unwrap()), (2, 2));
    let unknown = &of_x[0];
    assert_eq!((unknown.attempt, unknown.unknown.as_slice(), unknown.reason.as_deref()), (1, &[1][..], Some("no answer")));
    assert_eq!((unknown.about.clone(), unknown.updated_at), (Some((id("x"), 1)), Timestamp::from_micros(50)));
    let same = NotificationFilter { alert: None, status: Some(unknown.status) };
    assert!(views.notifications(&org("a"), &same, None, 10).await.unwrap().iter().any(|one| one.id == unknown.id));
    let after = AlertPlace { created_at: Timestamp::from_micros(30), id: id("n3") };
    assert_eq!(views.notifications(&org("a"), &NotificationFilter::default(), Some(&after), 1).await.unwrap()[0].id, id("n2"));
}
