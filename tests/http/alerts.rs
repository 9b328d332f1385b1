//! Alerts over HTTP, and the people whom they reach: over a real mail server and real receivers on loopback, which take, stall and
//! fail.

use super::client::Api;
use super::given::World;
use crate::support::gateway::{Gateway, Manner};
use crate::support::mail::MailServer;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ALERTS: &str = "/api/v1/alerts";
const CHECK: &str = "/api/v1/alerts/check";

/// Settings under which mail goes to this server, and failures are tried again soon.
pub(super) fn settings(mail: Option<&MailServer>, more: &str) -> String {
    let smtp = mail.map(|mail| format!("smtp = \"smtp+plain://{}\"\n", mail.address)).unwrap_or_default();
    format!(
        "[channels]\nallow = [\"127.0.0.0/8\"]\nsecrets_dir = \"secrets\"\n[alerts]\n{smtp}timeout_ms = 400\nfirst_retry_ms = 50\n\
         longest_retry_ms = 200\nattempts_max = 5\n{more}"
    )
}

/// Waits until `found` is there.
pub(super) async fn until<T>(mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found().await {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) async fn recipient(api: &Api, id: &str, addresses: Value) {
    api.put(&format!("/api/v1/recipients/{id}"), json!({"addresses": addresses})).await.json(200);
}

pub(super) async fn policy(api: &Api, levels: &[(&str, &[&str], &[&str])]) {
    let level = |(level, recipients, channels): &(&str, &[&str], &[&str])| json!({"level": level, "timeout_minutes": 5, "recipients": recipients, "channels": channels});
    let levels: Vec<_> = levels.iter().map(level).collect();
    api.put("/api/v1/alerts/escalation-policy", json!({"name": "city", "levels": levels})).await.json(200);
}

/// An incident that is far too late: a breach. Answers with the alert.
pub(super) async fn breach(api: &Api, incident: &str) -> String {
    let late = json!({"incident": incident, "priority": 2, "dispatched_at": "2026-01-01T00:00:00Z", "now": "2026-01-01T00:30:00Z"});
    let checked = api.post(CHECK, late).await.json(200);
    let alerts = checked["alerts"].as_array().expect("alerts");
    assert_eq!(alerts.iter().map(|alert| alert["rule"].as_str().expect("a rule")).collect::<Vec<_>>(), ["sla-breach"], "{checked}");
    alerts[0]["id"].as_str().expect("an id").to_owned()
}

pub(super) async fn alert(api: &Api, id: &str) -> Value {
    api.get(&format!("{ALERTS}/{id}")).await.json(200)
}

async fn notifications(api: &Api, alert: &str) -> Vec<Value> {
    let list = api.get(&format!("/api/v1/notifications?alert={alert}")).await.json(200);
    list["items"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_breach_is_mailed_and_acknowledged_over_the_link_in_the_mail() {
    let mail = MailServer::start().await;
    let more = "public_url = \"https://ionveil.example/\"\nlink_key = \"file:link\"\n";
    let dir = tempfile::TempDir::new().expect("a folder");
    std::fs::write(dir.path().join("link"), "0123456789abcdef0123456789abcdef").expect("a key");
    let settings = settings(Some(&mail), more).replace("\"secrets\"", &format!("{:?}", dir.path()));
    let world = World::configured(&settings);
    let api = &world.api;
    recipient(api, "desk", json!({"email": "Desk <desk@city.example>"})).await;
    policy(api, &[("L1", &["desk"], &["email"])]).await;
    let begun = Instant::now();
    let id = breach(api, "i1").await;
    let first = until(async || mail.taken().first().cloned()).await;
    assert!(first.at.duration_since(begun) < Duration::from_secs(5));
    let sent = until(async || notifications(api, &id).await.into_iter().find(|one| one["status"] == "sent")).await;
    let named = format!("<{}@localhost>", sent["id"].as_str().expect("an id"));
    assert_eq!(first.header("Message-ID"), Some(named.as_str()), "{}", first.text);
    assert_eq!((&sent["attempt"], &sent["unknown_attempts"], &sent["recipient"]), (&json!(1), &json!([]), &json!("desk")));
    let text = first.text.replace("\r\n..", "\r\n.").replace("=\r\n", "").replace("=3D", "=");
    let link = text.split("https://ionveil.example").nth(1).expect("a link").split_whitespace().next().expect("a link").to_owned();
    for _scanner in 0..2 {
        assert_eq!(api.get(&link).await.status, 200);
    }
    assert_eq!(alert(api, &id).await["status"], "open", "who only looks acknowledges nothing");
    let form = api.request("POST", &link).header("content-type", "application/x-www-form-urlencoded").body("");
    assert_eq!(api.send(form).await.status, 200);
    let after = alert(api, &id).await;
    assert_eq!((&after["status"], &after["acknowledged"]["by"]), (&json!("acknowledged"), &json!("recipient:desk")));
    let forged = format!("{}x", link);
    api.get(&forged).await.problem(404, "not_found");
    let listed = until(async || {
        let list = api.get(&format!("{ALERTS}?status=acknowledged")).await.json(200);
        (list["total"] == 1).then_some(list)
    });
    assert_eq!(listed.await["items"][0]["id"], json!(id));
    assert!(!world.server.log().contains("desk@city.example"), "an address is in the log");
    let feed = api.get("/api/v1/events?page_size=500").await.text;
    assert!(!feed.contains("desk@city.example"), "an address is in an event");
    assert_eq!(mail.taken().len(), 1);
}

#[tokio::test]
async fn receivers_see_the_id_with_every_attempt_and_only_unknown_ones_get_a_second_copy() {
    let (slack, hook, pager) =
        (Gateway::start(Manner::Answer(200, "")).await, Gateway::start(Manner::Stall).await, Gateway::start(Manner::Answer(503, "")).await);
    let dir = tempfile::TempDir::new().expect("a folder");
    std::fs::write(dir.path().join("hook"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("a key");
    let more = format!("webhook_key = \"file:hook\"\npagerduty_url = \"{}\"\n", pager.url());
    let settings = settings(None, &more).replace("\"secrets\"", &format!("{:?}", dir.path()));
    let world = World::configured(&settings);
    let api = &world.api;
    recipient(api, "desk", json!({"slack": slack.url(), "webhook": hook.url(), "pagerduty": "key"})).await;
    policy(api, &[("L1", &["desk"], &["slack", "webhook", "pagerduty"])]).await;
    let id = breach(api, "i1").await;
    until(async || (pager.heard().len() >= 2).then_some(())).await;
    pager.turn(Manner::Answer(202, ""));
    until(async || (slack.heard().len() == 1 && hook.heard().len() >= 2).then_some(())).await;
    hook.turn(Manner::Answer(204, ""));
    let settled = until(async || {
        let all = notifications(api, &id).await;
        (all.len() == 3 && all.iter().all(|one| one["status"] == "sent")).then_some(all)
    });
    for one in settled.await {
        let (name, channel) = (one["id"].as_str().expect("an id"), one["channel"].as_str().expect("a channel"));
        let (heard, mark) = match channel {
            "slack" => (slack.heard(), String::new()),
            "webhook" => (hook.heard(), format!("webhook-id: {name}")),
            _ => (pager.heard(), format!("\"dedup_key\":\"{name}\"")),
        };
        assert!(heard.iter().all(|request| request.contains(&mark)), "{channel}: {heard:?}");
        let unknown = one["unknown_attempts"].as_array().expect("a list").len();
        // What was refused is certain; what was stalled is not, and is listed.
        assert_eq!(unknown, if channel == "webhook" { heard.len() - 1 } else { 0 }, "{one}");
    }
    assert!(hook.heard()[0].contains("webhook-signature: v1,"));
}

#[tokio::test]
async fn where_nobody_can_be_reached_the_next_level_is_told_and_a_test_message_says_so() {
    let refused = {
        let gateway = Gateway::start(Manner::Answer(200, "")).await;
        gateway.url()
    };
    let slack = Gateway::start(Manner::Answer(200, "")).await;
    let world = World::configured(&settings(None, ""));
    let api = &world.api;
    recipient(api, "gone", json!({"slack": refused})).await;
    recipient(api, "boss", json!({"slack": slack.url()})).await;
    policy(api, &[("L1", &["gone"], &["slack"]), ("L2", &["boss"], &["slack"])]).await;
    let id = breach(api, "i1").await;
    until(async || (slack.heard().len() == 1).then_some(())).await;
    let shown = alert(api, &id).await;
    assert_eq!((&shown["status"], &shown["level"]), (&json!("escalated"), &json!("L2")), "{shown}");
    let causes: Vec<_> = shown["history"].as_array().expect("a history").iter().filter_map(|line| line["cause"].as_str()).collect();
    assert_eq!(causes, ["undelivered"]);
    let tested = api.post("/api/v1/recipients/boss/test", json!({"channel": "slack"})).await.json(202);
    assert_eq!(tested["notifications"].as_array().map(Vec::len), Some(1));
    until(async || (slack.heard().len() == 2).then_some(())).await;
    assert!(slack.heard()[1].contains("[TEST]"));
    api.delete("/api/v1/recipients/boss").await.problem(409, "recipient_in_use");
    let resolve = format!("{ALERTS}/{id}/resolve");
    api.post(&resolve, json!({"note": " "})).await.problem(400, "resolution_note_required");
    api.post(&resolve, json!({"note": "done"})).await.json(200);
    api.post(&resolve, json!({"note": "done"})).await.problem(409, "already_resolved");
}

#[tokio::test]
async fn a_suppressed_rule_tells_nobody_and_everything_wrong_is_said_at_once() {
    let world = World::configured(&settings(None, ""));
    let api = &world.api;
    let made = api.post("/api/v1/alerts/suppressions", json!({"pattern": "sla-.*", "minutes": 5, "reason": "drill"})).await.json(201);
    let keyed = async |reason: &str| {
        let body = json!({"pattern": "other", "minutes": 5, "reason": reason});
        api.post_with("/api/v1/alerts/suppressions", body, &[("idempotency-key", reason)]).await.json(201)["id"].clone()
    };
    let (first, second) = (keyed("one").await, keyed("two").await);
    assert_eq!((keyed("one").await, keyed("two").await), (first, second), "a repeat is answered with its own");
    let id = breach(api, "i1").await;
    assert_eq!(alert(api, &id).await["status"], "suppressed");
    api.post(&format!("{ALERTS}/{id}/acknowledge"), json!({})).await.problem(409, "not_acknowledgeable");
    let path = format!("/api/v1/alerts/suppressions/{}", made["id"].as_str().expect("an id"));
    assert_eq!(api.delete(&path).await.json(200)["was_active"], true);
    api.delete(&path).await.problem(404, "not_found");
    api.post("/api/v1/alerts/suppressions", json!({"pattern": "(", "minutes": 0, "reason": "r"})).await.problem(400, "invalid_pattern");
    let wrong = json!({"addresses": {"fax": "1", "slack": "http://10.0.0.1/x", "webhook": {"file": "../x"}}, "time_zone": "Mars"});
    let refused = api.put("/api/v1/recipients/desk", wrong).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let ahead = json!({"incident": "i", "priority": 9, "dispatched_at": "2026-01-02T00:00:00Z", "now": "2026-01-01T00:00:00Z"});
    assert_eq!(api.post(CHECK, ahead).await.faults(400, "invalid_priority").len(), 2);
}

#[tokio::test]
async fn a_snapshot_of_the_figures_counts_what_is_active() {
    let world = World::open();
    let api = &world.api;
    let counts = async |wanted: u64| {
        let found = async || {
            let snapshot = api.get("/api/v1/dashboard/snapshot").await.json(200);
            (snapshot["open_alerts"] == wanted).then_some(())
        };
        until(found).await;
    };
    counts(0).await;
    let id = breach(api, "i").await;
    counts(1).await;
    api.post(&format!("{ALERTS}/{id}/resolve"), json!({"note": "seen to"})).await.json(200);
    counts(0).await;
}
