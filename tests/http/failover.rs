//! Dispatches over channels through the running binary: real servers on loopback that answer, stall, refuse, reset and
//! recover; the chain, the breakers and the times are those of the specification.

use super::client::Api;
use super::given::World;
use super::policy_tree;
use crate::support::gateway::{Gateway, Manner};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(super) const ROUTE: &str = "/api/v1/dispatch/route/failover";
pub(super) const CHANNELS: &str = "/api/v1/channels";

/// A server whose channels may call loopback.
pub(super) fn world() -> World {
    World::configured("[channels]\nallow = [\"127.0.0.0/8\"]\n")
}

/// Sets a channel up over a gateway.
pub(super) async fn channel(api: &Api, name: &str, gateway: &Gateway, breaker: Value) {
    let body = json!({"name": name, "driver": {"kind": "http", "url": gateway.url()}, "breaker": breaker});
    api.post(CHANNELS, body).await.json(201);
}

pub(super) async fn state(api: &Api, name: &str) -> Value {
    api.get(&format!("{CHANNELS}/{name}")).await.json(200)
}

/// The attempts of an answer as `channel outcome reason status`.
fn told(answer: &Value) -> Vec<String> {
    let text = |attempt: &Value, key: &str| match &attempt[key] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let line = |attempt: &Value| ["channel", "outcome", "reason", "http_status"].map(|key| text(attempt, key)).join(" ");
    answer["attempts"].as_array().expect("attempts").iter().map(line).collect()
}

fn asked(id: &str, primary: &str, backups: &[&str]) -> Value {
    let backups: Vec<_> = backups.iter().map(|channel| json!({"channel": channel})).collect();
    json!({"dispatch_id": id, "primary": primary, "backups": backups, "latency_threshold_ms": 2_000, "payload": {"text": "fire"}})
}

/// The list of attempts of a dispatch, once `is` is true of it.
async fn logged(api: &Api, id: &str, is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    for _ in 0..2_000 {
        let items = api.pages(&format!("/api/v1/routing/attempts?dispatch_id={id}")).await;
        if is(&items) {
            return items;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the list does not come that far")
}

#[tokio::test]
async fn a_healthy_primary_delivers_and_a_repeat_sends_nothing() {
    let (world, radio) = (world(), Gateway::start(Manner::Answer(204, "")).await);
    let api = &world.api;
    channel(api, "radio", &radio, json!({})).await;
    let first = api.post(ROUTE, asked("d1", "radio", &[])).await;
    let answer = first.json(200);
    assert_eq!((&answer["channel"], &answer["failovers"]), (&json!("radio"), &json!(0)));
    assert_eq!(told(&answer), ["radio success - 204"]);
    assert_eq!(answer["total_latency_ms"], answer["attempts"][0]["latency_ms"]);
    let again = api.post("/dispatch/route/failover", asked("d1", "radio", &[])).await;
    assert_eq!((again.status, &again.text), (200, &first.text), "also at the root");
    let heard = radio.heard();
    assert_eq!(heard.len(), 1, "it was sent once");
    assert!(heard[0].contains(r#"{"dispatch_id":"d1","payload":{"text":"fire"}}"#), "{}", heard[0]);
    api.post(ROUTE, asked("d1", "radio", &["other"])).await.problem(409, "duplicate_dispatch");
    let items = logged(api, "d1", |items| items.len() == 1 && items[0]["outcome"] == "success").await;
    assert_eq!((&items[0]["number"], &items[0]["channel"]), (&json!(1), &json!("radio")));
    let events = api.feed().await;
    let of_channel = events.iter().filter(|event| event["stream"] == "channel:default:radio").count();
    assert_eq!(of_channel, 1, "success on a channel that is well is not journaled");
}

#[tokio::test]
async fn every_kind_of_failure_leads_to_the_next_channel() {
    let world = world();
    let api = &world.api;
    let gateways = [
        ("sick", Gateway::start(Manner::Answer(500, "")).await),
        ("missing", Gateway::start(Manner::Answer(404, "")).await),
        ("moved", Gateway::start(Manner::Answer(302, "location: http://127.0.0.1:1/\r\n")).await),
        ("cut", Gateway::start(Manner::Reset).await),
        ("gone", Gateway::start(Manner::Answer(200, "")).await),
        ("well", Gateway::start(Manner::Answer(200, "")).await),
    ];
    for (name, gateway) in &gateways {
        channel(api, name, gateway, json!({})).await;
    }
    let [_, _, _, _, (_, gone), (_, well)] = &gateways;
    let gone_url = gone.url();
    assert!(gone_url.starts_with("http"));
    // A port that nobody listens on any more.
    let free = { Gateway::start(Manner::Stall).await.address };
    let refused = json!({"driver": {"kind": "http", "url": format!("http://{free}/")}});
    api.put(&format!("{CHANNELS}/gone"), refused).await.json(200);
    let mut request = asked("d1", "sick", &["missing", "moved", "nobody", "cut", "gone", "well"]);
    request["max_failovers"] = json!(9);
    let answer = api.post(ROUTE, request).await.json(200);
    let expected = [
        "sick failed send_failed 500",
        "missing failed send_failed 404",
        "moved failed send_failed 302",
        "nobody failed unknown_channel -",
        "cut failed send_failed -",
        "gone failed send_failed -",
        "well success - 200",
    ];
    assert_eq!(told(&answer), expected);
    assert_eq!((&answer["failovers"], well.heard().len()), (&json!(6), 1));
    let counted = |channel: &Value| (channel["window"]["breaker_failures"].clone(), channel["reliability"].clone());
    assert_eq!(counted(&state(api, "sick").await), (json!(1), json!(0.7)));
    assert_eq!(counted(&state(api, "missing").await), (json!(0), json!(0.7)), "a 4xx does not count in the breaker");
    assert_eq!(counted(&state(api, "gone").await), (json!(1), json!(0.7)));
    assert_eq!(counted(&state(api, "well").await), (json!(0), json!(1.0)));
}

#[tokio::test]
async fn five_failures_open_the_breaker_and_a_probe_closes_it_again() {
    let (world, radio) = (world(), Gateway::start(Manner::Answer(500, "")).await);
    let api = &world.api;
    let sms = Gateway::start(Manner::Answer(200, "")).await;
    channel(api, "radio", &radio, json!({"reset_timeout_ms": 3_000})).await;
    channel(api, "sms", &sms, json!({})).await;
    for n in 0..5 {
        let answer = api.post(ROUTE, asked(&format!("d{n}"), "radio", &["sms"])).await.json(200);
        assert_eq!(told(&answer), ["radio failed send_failed 500", "sms success - 200"], "{n}");
    }
    let open = state(api, "radio").await;
    assert_eq!((&open["state"], &open["reliability"]), (&json!("open"), &json!(0.1681)));
    assert!(open["next_probe_at"].is_string(), "{open}");
    let skipped = api.post(ROUTE, asked("d5", "radio", &["sms"])).await.json(200);
    assert_eq!(told(&skipped), ["radio skipped circuit_open -", "sms success - 200"]);
    assert_eq!((&skipped["failovers"], radio.heard().len()), (&json!(0), 5), "a skip sends nothing and costs no attempt");
    let failed = api.post(ROUTE, asked("d6", "radio", &[])).await;
    let problem = failed.problem(503, "all_channels_failed");
    assert_eq!(told(&problem), ["radio skipped circuit_open -"], "also when everything was skipped");
    assert_eq!(
        api.post(ROUTE, asked("d6", "radio", &[])).await.json(503)["attempts"],
        problem["attempts"],
        "a repeat is answered the same"
    );
    radio.turn(Manner::Answer(200, ""));
    let half_open = async {
        while state(api, "radio").await["state"] != "half_open" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), half_open).await.expect("it opens half by itself");
    let probed = api.post(ROUTE, asked("d7", "radio", &["sms"])).await.json(200);
    assert_eq!(told(&probed), ["radio success - 200"], "recovered breakers are probed by a normal attempt");
    assert_eq!(state(api, "radio").await["state"], "closed");
    let events = api.feed().await;
    let transitions: Vec<_> = events.iter().filter(|event| event["type"] == "breaker_transitioned").collect();
    let told: Vec<_> = transitions.iter().map(|event| event["data"]["transition"]["reason"].as_str().expect("a reason")).collect();
    assert_eq!(told, ["failure_threshold", "reset_timeout", "probes_succeeded"]);
    let evidence = &transitions[0]["data"]["transition"]["evidence"];
    assert_eq!(evidence, &json!({"failures": 5, "threshold": 5, "detector": "delivery"}));
}

#[tokio::test]
async fn a_channel_that_asks_for_it_is_left_alone() {
    let (world, radio) = (world(), Gateway::start(Manner::Answer(429, "retry-after: 60\r\n")).await);
    let api = &world.api;
    channel(api, "radio", &radio, json!({})).await;
    let first = api.post(ROUTE, asked("d1", "radio", &[])).await.problem(503, "all_channels_failed");
    assert_eq!(told(&first), ["radio failed send_failed 429"]);
    let second = api.post(ROUTE, asked("d2", "radio", &[])).await.problem(503, "all_channels_failed");
    assert_eq!(told(&second), ["radio skipped retry_after -"]);
    let radio = state(api, "radio").await;
    assert_eq!((&radio["state"], &radio["window"]["breaker_failures"]), (&json!("closed"), &json!(0)));
    assert!(radio["skip_until"].is_string());
}

#[tokio::test]
async fn an_answer_beyond_the_threshold_is_not_waited_for_and_recorded_when_it_comes() {
    let (world, slow) = (world(), Gateway::start(Manner::After(1_500)).await);
    let api = &world.api;
    let sms = Gateway::start(Manner::Answer(200, "")).await;
    channel(api, "slow", &slow, json!({})).await;
    channel(api, "sms", &sms, json!({})).await;
    let mut request = asked("d1", "slow", &["sms"]);
    request["latency_threshold_ms"] = json!(300);
    let begun = Instant::now();
    let answer = api.post(ROUTE, request).await.json(200);
    let took = begun.elapsed();
    assert_eq!(told(&answer), ["slow failed latency_exceeded -", "sms success - 200"]);
    assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(1_400), "{took:?}");
    assert_eq!(state(api, "slow").await["window"]["breaker_failures"], 1);
    let items = logged(api, "d1", |items| items.first().is_some_and(|first| first["answered_late"].is_object())).await;
    let late = &items[0]["answered_late"];
    assert_eq!((&late["delivered"], &late["http_status"]), (&json!(true), &json!(200)));
    assert!(late["latency_ms"].as_f64().expect("a latency") >= 1_500.0, "{late}");
    assert_eq!((&items[0]["outcome"], &items[0]["reason"]), (&json!("failed"), &json!("latency_exceeded")), "it stays a failure");
}

#[tokio::test]
async fn the_timeout_of_the_driver_counts_when_it_is_shorter() {
    let (world, stalled) = (world(), Gateway::start(Manner::Stall).await);
    let driver = json!({"kind": "http", "url": stalled.url(), "timeout_ms": 200});
    world.api.post(CHANNELS, json!({"name": "radio", "driver": driver})).await.json(201);
    let answer = world.api.post(ROUTE, asked("d1", "radio", &[])).await.problem(503, "all_channels_failed");
    assert_eq!(told(&answer), ["radio failed timeout -"]);
    assert_eq!(state(&world.api, "radio").await["window"]["breaker_failures"], 1);
}

#[tokio::test]
async fn a_repeat_while_the_first_is_under_way_waits_for_its_answer() {
    let (world, slow) = (world(), Gateway::start(Manner::After(400)).await);
    let api = &world.api;
    channel(api, "radio", &slow, json!({})).await;
    let (first, second) = (api.post(ROUTE, asked("d1", "radio", &[])), api.post(ROUTE, asked("d1", "radio", &[])));
    let (first, second) = futures_util::future::join(first, second).await;
    assert_eq!((first.status, &first.text), (200, &second.text));
    assert_eq!(slow.heard().len(), 1);
}

#[tokio::test]
async fn blocks_and_modes_of_people_hold() {
    let (world, radio) = (world(), Gateway::start(Manner::Answer(200, "")).await);
    let api = &world.api;
    channel(api, "radio", &radio, json!({})).await;
    let act = |what: &str, body: Value| {
        let path = format!("{CHANNELS}/radio/{what}");
        async move { api.post(&path, body).await }
    };
    let blocked = act("block", json!({"reason": "antenna down"})).await.json(200);
    assert_eq!(blocked["blocked"]["reason"], "antenna down");
    let answer = api.post(ROUTE, asked("d1", "radio", &[])).await.problem(503, "all_channels_failed");
    assert_eq!(told(&answer), ["radio skipped blocked -"]);
    act("unblock", json!({})).await.json(200);
    act("unblock", json!({})).await.problem(409, "no_change");
    assert_eq!(act("force", json!({"state": "open", "reason": "drill"})).await.json(200)["forced"]["state"], "open");
    let answer = api.post(ROUTE, asked("d2", "radio", &[])).await.problem(503, "all_channels_failed");
    assert_eq!(told(&answer), ["radio skipped circuit_open -"]);
    act("force", json!({"state": "none"})).await.json(200);
    let mut request = asked("d3", "radio", &[]);
    request["blocked"] = json!(["radio"]);
    let answer = api.post(ROUTE, request).await.problem(503, "all_channels_failed");
    assert_eq!(told(&answer), ["radio skipped blocked -"], "blocked by the request itself");
    assert_eq!(radio.heard().len(), 0);
    let tried = act("test", json!({"payload": 1})).await.json(200);
    assert_eq!((&tried["test"], &tried["delivered"]), (&json!(true), &json!(true)));
    act("force", json!({"state": "open", "until": "2020-01-01T00:00:00Z"})).await.problem(400, "invalid_expiry");
}

#[tokio::test]
async fn a_request_that_cannot_be_is_refused_with_all_its_faults_in_order() {
    let world = world();
    let wrong = json!({"dispatch_id": "d", "backups": [{"channel": "a", "weight": 0}, {"channel": "a"}], "latency_threshold_ms": -1, "max_failovers": -1});
    let faults = world.api.post(ROUTE, wrong).await.faults(400, "missing_primary");
    let expected = [
        "primary: missing_primary",
        "backups[1].channel: duplicate_channel",
        "backups[0].weight: invalid_weight",
        "latency_threshold_ms: invalid_threshold",
        "max_failovers: invalid_max_failovers",
    ];
    assert_eq!(faults, expected);
    world.api.post(ROUTE, json!({"dispatch_id": "d", "primary": "a", "colour": 1})).await.problem(400, "unknown_field");
    let answer = world.api.post(ROUTE, asked("d", "nobody", &[])).await.problem(503, "all_channels_failed");
    assert_eq!(told(&answer), ["nobody failed unknown_channel -"]);
}

#[tokio::test]
async fn a_simulated_channel_says_so_in_every_answer() {
    let world = World::open();
    let api = &world.api;
    for (name, latency, failing) in [("quick", 100.0, false), ("slow", 101.0, false), ("down", -1.0, false), ("sick", 1.0, true)] {
        let driver = json!({"kind": "simulated", "latency_ms": latency, "failing": failing});
        api.post(CHANNELS, json!({"name": name, "driver": driver})).await.json(201);
    }
    let backups = json!([{"channel": "slow", "weight": 3}, {"channel": "down", "weight": 2}, {"channel": "quick"}]);
    let answer = api.post(ROUTE, json!({"dispatch_id": "d", "primary": "sick", "backups": backups})).await.json(200);
    let expected = ["sick failed send_failed -", "slow failed latency_exceeded -", "down failed unavailable -", "quick success - -"];
    assert_eq!(told(&answer), expected, "equal to the threshold is fine");
    let attempts = answer["attempts"].as_array().expect("attempts");
    assert!(attempts.iter().all(|attempt| attempt["simulated"] == true), "{answer}");
    assert_eq!(attempts[3]["latency_ms"], 100.0);
}

#[tokio::test]
async fn a_halted_zone_sends_nothing_and_what_was_begun_before_keeps_its_answer() {
    let (world, radio) = (world(), Gateway::start(Manner::Answer(204, "")).await);
    let api = &world.api;
    channel(api, "radio", &radio, json!({})).await;
    policy_tree::plant(api).await;
    let within = |id: &str, zone: &str| {
        let mut request = asked(id, "radio", &[]);
        request["zone"] = json!(zone);
        request
    };
    let zone = "n1";
    let before = api.post(ROUTE, within("d1", zone)).await;
    before.json(200);
    policy_tree::set(api, zone, "halted").await.json(200);
    let problem = api.post(ROUTE, within("d2", zone)).await.problem(409, "policy_halted");
    assert_eq!(problem["policy"]["node"], zone);
    assert_eq!(api.post(ROUTE, within("d1", zone)).await.text, before.text, "a repeat is answered as before");
    assert_eq!(radio.heard().len(), 1, "nothing was sent");
    api.post(ROUTE, asked("d3", "radio", &[])).await.json(200);
    policy_tree::clear(api, zone).await.json(200);
    api.post(ROUTE, within("d2", zone)).await.json(200);
}

#[tokio::test]
async fn calls_over_a_channel_are_health_samples_of_the_node_of_its_name() {
    let world = world();
    let api = &world.api;
    let (sick, well) = (Gateway::start(Manner::Answer(500, "")).await, Gateway::start(Manner::Answer(200, "")).await);
    for (name, gateway) in [("sick", &sick), ("well", &well)] {
        channel(api, name, gateway, json!({})).await;
        let load = json!({"service": "sms", "endpoint": name, "latency_ms": 20, "queue_depth": 0, "saturation": 0.1});
        api.post("/api/v1/routing/nodes", load).await.json(201);
    }
    api.post(ROUTE, asked("d1", "sick", &["well"])).await.json(200);
    for (name, health) in [("sick", 0.0), ("well", 1.0)] {
        let stream = format!("routing-node:default:{name}");
        let events = policy_tree::until_event(api, &stream, "health_sampled").await;
        let is_sample = |event: &&Value| event["stream"] == stream.as_str() && event["type"] == "health_sampled";
        let sample = events.iter().find(is_sample).expect("a sample");
        assert_eq!(sample["data"]["sample"]["value"], json!(health), "{name}");
    }
}

/// `n1` is restricted: a call is waited for 10 s at most, and there is one retry.
#[tokio::test]
async fn a_restricted_zone_cuts_calls_and_failovers_and_beside_it_nothing_changes() {
    let world = world();
    let api = &world.api;
    let (mute, sick) = (Gateway::start(Manner::Stall).await, Gateway::start(Manner::Answer(500, "")).await);
    let driver = |timeout_ms: u64| json!({"kind": "http", "url": mute.url(), "timeout_ms": timeout_ms});
    for (name, timeout_ms) in [("slow", 60_000), ("hasty", 300)] {
        api.post(CHANNELS, json!({"name": name, "driver": driver(timeout_ms)})).await.json(201);
    }
    for name in ["a", "b", "c", "d"] {
        channel(api, name, &sick, json!({})).await;
    }
    policy_tree::plant(api).await;
    policy_tree::set(api, "n1", "restricted").await.json(200);
    let within = |id: &str, zone: &str, primary: &str, backups: &[&str]| {
        let mut request = asked(id, primary, backups);
        (request["zone"], request["latency_threshold_ms"]) = (json!(zone), json!(60_000));
        request
    };
    let begun = Instant::now();
    let cut = api.post(ROUTE, within("cut", "n1", "slow", &[])).await.problem(503, "all_channels_failed");
    let took = begun.elapsed();
    assert!((Duration::from_secs(10)..Duration::from_secs(40)).contains(&took), "{took:?}");
    let limits = json!({"level": "restricted", "node": "n1", "max_failovers": 1, "timeout_ms": 10_000});
    assert_eq!((&cut["attempts"][0]["reason"], &cut["attempts"][0]["policy"]), (&json!("timeout"), &limits), "{cut}");
    let items = logged(api, "cut", |items| items.len() == 1 && items[0]["reason"] == "timeout").await;
    assert_eq!(items[0]["policy"], limits, "it can be seen afterwards");
    // A driver that gives up sooner was not cut by the level.
    let own = api.post(ROUTE, within("own", "n1", "hasty", &[])).await.problem(503, "all_channels_failed");
    assert_eq!((&own["attempts"][0]["reason"], own["attempts"][0].get("policy")), (&json!("timeout"), None));
    // One retry in the zone, the three that were asked for beside it.
    let backups = ["b", "c", "d"];
    let few = api.post(ROUTE, within("few", "n1", "a", &backups)).await.problem(503, "all_channels_failed");
    assert_eq!(few["attempts"].as_array().map(Vec::len), Some(2), "{few}");
    let detail = few["detail"].as_str().expect("a text");
    assert!(detail.contains(r#""n1" is restricted and allows 1 failovers"#), "{detail}");
    let all = api.post(ROUTE, within("all", "n2", "a", &backups)).await.problem(503, "all_channels_failed");
    assert_eq!(all["attempts"].as_array().map(Vec::len), Some(4), "{all}");
    assert_eq!(all["detail"], "no channel has delivered after 4 attempts");
    let events = api.feed().await;
    let end = |id: &str| {
        let stream = format!("failover:default:{id}");
        let end = events.iter().find(|event| event["stream"] == stream.as_str() && event["type"] == "failover_exhausted");
        end.map(|event| event["data"]["bound"].clone())
    };
    assert_eq!((end("few"), end("all"), end("cut")), (Some(limits), Some(Value::Null), Some(Value::Null)));
    // A direct call is under the level of the root.
    policy_tree::set_root(api, "halted").await.json(200);
    let tried = api.post(&format!("{CHANNELS}/slow/test"), json!({})).await.json(200);
    assert_eq!((&tried["delivered"], &tried["reason"]), (&json!(false), &json!("timeout")));
    assert_eq!((&tried["policy"]["level"], &tried["policy"]["timeout_ms"]), (&json!("halted"), &json!(5_000)));
}
