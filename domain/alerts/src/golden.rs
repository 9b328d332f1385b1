//! The stored forms of this crate's events: `golden/<entity>/<type>.v<n>[.case].json` is what a released version has written;
//! it is never edited.

use crate::escalation::{Plan, Target};
use crate::firing::Firing;
use crate::pager::{About, Then};
use crate::slo::{Burn, Count, Pair};
use crate::suppression::{Pattern, Suppression};
use crate::testing::{firing, id, known, min, plan, policy, recipient, rule};
use crate::words::{Channel, Level, Priority, Severity, Targets};
use crate::{alert, monitor, pager};
use ionveil_kernel::testkit::{golden, unreadable};
use serde_json::json;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");

fn by() -> String {
    "user:jane".into()
}

fn rule_put(config: &serde_json::Value) -> monitor::Event {
    monitor::Event::RulePut(monitor::RulePut { rule: rule(config).check().expect("a rule"), by: by(), at: min(1) })
}

fn of_monitor() -> Vec<(&'static str, monitor::Event)> {
    use monitor::Event;
    let suppression = Suppression {
        id: id("s"),
        pattern: Pattern::new("sla-.*").expect("a pattern"),
        reason: "drill".into(),
        by: by(),
        from: min(1),
        until: min(11),
    };
    let desk = recipient("desk", &["sms", "email"]);
    let night = crate::recipient::RecipientForm {
        shift: Some(crate::recipient::ShiftForm {
            from: "22:00".into(),
            until: "06:00".into(),
            days: vec![ionveil_kernel::Weekday::Friday],
            zone: None,
        }),
        time_zone: Some("Europe/Berlin".into()),
        ..recipient("night", &["push"])
    };
    let put = |form: &crate::recipient::RecipientForm| {
        Event::RecipientPut(monitor::RecipientPut { recipient: form.check().expect("a recipient"), by: by() })
    };
    let policy = policy(&[("L1", 5, &["desk"]), ("L2", 10, &["night"])], Some(30), None).check(&known(&[desk.clone(), night.clone()]));
    let priority = Priority::new(2).expect("a priority");
    let asked = monitor::Asked { priority, dispatched_at: min(0), target_minutes: 10, by: by() };
    let checked = |breached, asked| monitor::WatchChecked { at: min(10), breached, held: vec![id("sla-breach")], asked };
    let pair = Pair { factor: 6.0, long_minutes: 360, short_minutes: 30 };
    let burn = Burn { pair, long: 7.5, short: 10.0, count: Count { total: 20, late: 15 } };
    let of_budget =
        Firing { incident: None, violation: None, burn: Some(burn), suppressed_by: Some(id("s")), ..firing("b", Plan::default()) };
    let fired = |firing: Firing| Event::Fired(monitor::Fired { firing: Box::new(firing) });
    let labels = [("alertname".to_owned(), "Latency".to_owned())].into();
    let origin = crate::external::Origin { labels, url: Some("http://prometheus/graph".into()) };
    let of_external = Firing {
        rule: id("alertmanager:Latency:0"),
        incident: None,
        violation: None,
        origin: Some(origin),
        ..firing("e", Plan::default())
    };
    let raised = |ends_at| Event::ExternalRaised(monitor::ExternalRaised { firing: Box::new(of_external.clone()), ends_at });
    vec![
        ("external_raised.v1", raised(Some(min(15)))),
        ("external_raised.v1.open", raised(None)),
        (
            "external_seen.v1",
            Event::ExternalSeen(monitor::ExternalSeen { ends: [(id("alertmanager:Latency:0"), Some(min(16))), (id("x"), None)].into() }),
        ),
        ("external_ended.v1", Event::ExternalEnded(monitor::ExternalEnded { rule: id("alertmanager:Latency:0"), alert: id("e") })),
        (
            "rule_put.v1",
            rule_put(&json!({"id": "r", "name": "R", "condition": "threshold", "severity": "warning", "channels": ["slack"],
                "threshold_config": {"metric": "elapsed_minutes", "operator": ">", "value": 7.5}, "escalation_after_minutes": 3})),
        ),
        ("rule_put.v1.breach", rule_put(&json!({"id": "b", "name": "B", "condition": "sla_breach", "severity": "critical"}))),
        ("rule_put.v1.warning", rule_put(&json!({"id": "w", "name": "W", "condition": "sla_warning", "severity": "info"}))),
        ("rule_put.v1.pattern", rule_put(&json!({"id": "p", "name": "P", "condition": "pattern", "severity": "emergency"}))),
        (
            "rule_put.v1.burn_rate",
            rule_put(&json!({"id": "s", "name": "S", "condition": "threshold", "severity": "critical", "enabled": false,
                "threshold_config": {"metric": "slo_burn_rate", "objective": 0.99}})),
        ),
        ("rule_removed.v1", Event::RuleRemoved(monitor::RuleRemoved { rule: id("r"), by: by() })),
        ("suppression_begun.v1", Event::SuppressionBegun(monitor::SuppressionBegun { suppression })),
        (
            "suppression_lifted.v1",
            Event::SuppressionLifted(monitor::SuppressionLifted { suppression: id("s"), was_active: true, by: by() }),
        ),
        ("escalation_policy_set.v1", Event::PolicySet(monitor::PolicySet { policy: policy.expect("a policy"), by: by() })),
        ("recipient_put.v1", put(&desk)),
        ("recipient_put.v1.shift", put(&night)),
        ("recipient_removed.v1", Event::RecipientRemoved(monitor::RecipientRemoved { recipient: id("desk"), by: by() })),
        ("targets_set.v1", Event::TargetsSet(monitor::TargetsSet { targets: Targets([(priority, 8)].into()), by: by() })),
        ("watch_prioritised.v1", Event::WatchPrioritised(monitor::WatchPrioritised { priority, target_minutes: 10, at: min(0) })),
        ("watch_started.v1", Event::WatchStarted(monitor::WatchStarted { dispatched_at: min(0), at: min(1) })),
        ("watch_checked.v1", Event::WatchChecked(checked(true, None))),
        ("watch_checked.v1.asked", Event::WatchChecked(checked(false, Some(asked)))),
        ("watch_ended.v1", Event::WatchEnded(monitor::WatchEnded { at: min(9), outcome: monitor::Outcome::Met, alerts: Vec::new() })),
        ("fired.v1", fired(firing("a", plan(&[("L1", 5, &["desk"])], None, None)))),
        ("fired.v1.budget", fired(of_budget)),
        ("budgets_evaluated.v1", Event::BudgetsEvaluated(monitor::BudgetsEvaluated { minute: 11 })),
        ("rule_cleared.v1", Event::RuleCleared(monitor::RuleCleared { rule: id("r"), alert: id("a") })),
    ]
}

fn of_alert() -> Vec<(&'static str, alert::Event)> {
    use alert::Event;
    let target = || Target { channel: Channel::Sms, recipient: id("desk") };
    let call = |step, level| alert::Call { step, level, severity: Severity::Critical, targets: vec![target()] };
    let firing = || Box::new(firing("a", plan(&[("L1", 5, &["desk"])], Some(30), None)));
    let escalated =
        |cause, by, reason| Event::Escalated(alert::Escalated { from: Level::L1, cause, by, reason, call: call(2, Level::L2), at: min(5) });
    vec![
        ("raised.v1", Event::Raised(alert::Raised { firing: firing(), call: Some(call(1, Level::L1)), at: min(0) })),
        ("raised.v1.suppressed", Event::Raised(alert::Raised { firing: firing(), call: None, at: min(0) })),
        (
            "acknowledged.v1",
            Event::Acknowledged(alert::Acknowledged { by: by(), at: min(1), note: Some("mine".into()), until: Some(min(31)) }),
        ),
        ("acknowledged.v1.bare", Event::Acknowledged(alert::Acknowledged { by: by(), at: min(1), note: None, until: None })),
        ("reopened.v1", Event::Reopened(alert::Reopened { call: call(2, Level::L1), at: min(31) })),
        ("escalated.v1", escalated(alert::Cause::Person, Some(by()), Some("big".into()))),
        ("escalated.v1.timeout", escalated(alert::Cause::Timeout, None, None)),
        ("escalated.v1.undelivered", escalated(alert::Cause::Undelivered, None, None)),
        ("repeated.v1", Event::Repeated(alert::Repeated { call: call(3, Level::L2), at: min(35) })),
        ("undelivered.v1", Event::Undelivered(alert::Undelivered { step: 1, level: Level::L1, at: min(1) })),
        ("delivered.v1", Event::Delivered(alert::Delivered { step: 1, target: target(), at: min(1) })),
        ("delivery_failed.v1", Event::DeliveryFailed(alert::DeliveryFailed { step: 1, target: target(), at: min(1) })),
        ("resolved.v1", Event::Resolved(alert::Resolved { by: by(), at: min(9), note: "done".into(), rule: None })),
        ("resolved.v1.budget", Event::Resolved(alert::Resolved { by: by(), at: min(9), note: "done".into(), rule: Some(id("s")) })),
    ]
}

fn of_pager() -> Vec<(&'static str, pager::Event)> {
    use pager::Event;
    let step = || pager::Step { alert: id("a"), step: 1 };
    let member = pager::Member { notification: id("n"), about: step() };
    let queued = |about, counts| Event::Queued(pager::Queued { about, channel: Channel::Sms, counts, at: min(0) });
    let ended = |outcome, reason: Option<&str>, then| {
        Event::AttemptEnded(pager::AttemptEnded { attempt: 1, outcome, reason: reason.map(str::to_owned), at: min(1), then })
    };
    let settled = Then::Settled { outcome: pager::Outcome::Sent, channel: Channel::Sms, steps: vec![step()] };
    let held = pager::Held { about: step(), channel: Channel::Sms, severity: Severity::Info, digest: id("d"), due: min(5), at: min(1) };
    vec![
        ("queued.v1", queued(About::Step(step()), true)),
        ("queued.v1.digest", queued(About::Digest(vec![member]), true)),
        ("queued.v1.test", queued(About::Test, false)),
        ("held.v1", Event::Held(held)),
        ("attempt_begun.v1", Event::AttemptBegun(pager::AttemptBegun { attempt: 1, at: min(0) })),
        ("attempt_ended.v1", ended(pager::Outcome::Sent, None, settled)),
        ("attempt_ended.v1.retry", ended(pager::Outcome::Unknown, Some("no answer"), Then::Retry { at: min(2) })),
        ("retried.v1", Event::Retried(pager::Retried { attempt: 2, at: min(2) })),
    ]
}

#[test]
fn every_stored_form_still_loads() {
    golden(format!("{FOLDER}/monitor"), monitor::Event::TYPES, &of_monitor());
    golden(format!("{FOLDER}/alert"), alert::Event::TYPES, &of_alert());
    golden(format!("{FOLDER}/pager"), pager::Event::TYPES, &of_pager());
}

#[test]
fn what_is_no_stored_form_is_not_read() {
    unreadable::<monitor::Event>(monitor::Event::TYPES, &[("suppression_begun", r#"{"suppression":{"id":"s","pattern":"("}}"#)]);
    unreadable::<alert::Event>(alert::Event::TYPES, &[("delivered", r#"{"step":1,"target":{"channel":"fax","recipient":"a"},"at":0}"#)]);
    unreadable::<pager::Event>(pager::Event::TYPES, &[("retried", r#"{"attempt":-1,"at":0}"#)]);
}
