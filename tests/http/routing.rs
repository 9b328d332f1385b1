//! Routing over HTTP: nodes are reported, fall sick, come back and are chosen, and every answer says why.

use super::client::Api;
use super::given::{Guarded, World};
use serde_json::{Value, json};
use std::time::Duration;

const NODES: &str = "/api/v1/routing/nodes";
const SELECT: &str = "/api/v1/routing/select";
const ROUTE: &str = "/api/v1/routing/route";
const PATIENCE: Duration = Duration::from_secs(30);

/// A load that costs 45.
fn load(service: &str, endpoint: &str) -> Value {
    json!({"service": service, "endpoint": endpoint, "latency_ms": 21, "queue_depth": 0, "saturation": 0.2})
}

async fn register(api: &Api, service: &str, endpoint: &str) -> Value {
    api.post(NODES, load(service, endpoint)).await.json(201)
}

async fn act(api: &Api, endpoint: &str, action: &str) -> Value {
    api.post(&format!("{NODES}/{endpoint}/{action}"), json!({})).await.json(200)
}

async fn sample(api: &Api, endpoint: &str, value: f64) -> Value {
    api.post(&format!("{NODES}/{endpoint}/health"), json!({"value": value})).await.json(200)
}

async fn candidates(api: &Api, service: &str) -> Value {
    api.get(&format!("/api/v1/routing/services/{service}/candidates")).await.json(200)
}

/// Asks for the nodes of a service until `is` holds of one of them.
async fn until(api: &Api, endpoint: &str, is: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let found = candidates(api, "s").await;
            let nodes = found["candidates"].as_array().expect("a list");
            if let Some(node) = nodes.iter().find(|node| node["endpoint"] == endpoint && is(node)) {
                return node.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{endpoint} never came to it"))
}

/// What happened to a node, in order.
async fn history(api: &Api, endpoint: &str) -> Vec<String> {
    let stream = format!("routing-node:default:{endpoint}");
    let events = api.feed().await;
    let ours = events.iter().filter(|event| event["stream"] == stream.as_str());
    ours.map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

#[tokio::test]
async fn a_node_is_registered_reported_and_listed() {
    let world = World::open();
    assert_eq!(world.api.get(NODES).await.json(200), json!({"items": [], "total": 0}));
    let added = world.api.post(NODES, load("s", "b")).await;
    let node = json!({"endpoint": "b", "service": "s", "state": "active", "latency_ms": 21, "queue_depth": 0,
        "saturation": 0.2, "health": 1.0, "trend": 0.0, "sample_count": 0, "base_score": 45.0, "score": 45.0});
    assert_eq!((added.json(201), added.header("etag")), (node.clone(), Some("\"1\"")));
    assert_eq!(added.header("location"), Some("/api/v1/routing/services/s/candidates"));
    let again = world.api.post(NODES, load("s", "b")).await;
    assert_eq!((again.json(200), again.header("etag")), (node.clone(), Some("\"1\"")), "the same load is no news");
    let mut busier = load("s", "b");
    busier["queue_depth"] = json!(10);
    let busier = world.api.post(NODES, busier).await;
    assert_eq!((&busier.json(200)["score"], busier.header("etag")), (&json!(79.0), Some("\"2\"")));
    for (service, endpoint) in [("t", "c"), ("s", "a:443")] {
        register(&world.api, service, endpoint).await;
    }
    let page = world.api.get(&format!("{NODES}?page_size=2")).await.json(200);
    assert_eq!((&page["total"], page["items"].as_array().map(Vec::len)), (&json!(3), Some(2)));
    let names = |all: &[Value]| all.iter().map(|node| node["endpoint"].as_str().expect("a text").to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&world.api.pages(&format!("{NODES}?page_size=2")).await), ["a:443", "b", "c"]);
    assert_eq!(names(&world.api.pages(&format!("{NODES}?service=s")).await), ["a:443", "b"]);
    world.api.get(&format!("{NODES}?cursor=x")).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn a_node_that_fails_is_out_and_comes_back_with_a_tenth() {
    let world = World::open();
    register(&world.api, "s", "a").await;
    register(&world.api, "s", "b").await;
    let sick = sample(&world.api, "a", 0.1).await;
    assert_eq!((&sick["state"], &sick["health"], &sick["out"]), (&json!("excluded"), &json!(0.1), &json!("unhealthy")));
    let found = candidates(&world.api, "s").await;
    let known = [&found["candidates"][0]["share"], &found["candidates"][0]["reason"], &found["candidates"][0]["why"], &found["primary"]];
    assert_eq!(json!(known), json!([0.0, "unhealthy", "its health is below the limit", "b"]));
    for draw in [0.0, 0.5, 0.999_999] {
        assert_eq!(world.api.post(SELECT, json!({"service": "s", "draw": draw})).await.json(200)["endpoint"], "b");
    }
    let back = sample(&world.api, "a", 1.0).await;
    assert_eq!((&back["state"], &back["health"]), (&json!("warming"), &json!(0.415)));
    assert!(back["warmup"]["fraction"].as_f64().is_some_and(|fraction| (0.1..0.15).contains(&fraction)), "{back}");
    assert_eq!(
        history(&world.api, "a").await[1..],
        ["health_sampled", "node_excluded", "health_sampled", "node_readmitted", "warmup_started"]
    );
}

#[tokio::test]
async fn of_two_equal_nodes_the_one_that_comes_back_gets_a_tenth_of_its_weight() {
    let world = World::open();
    register(&world.api, "s", "a").await;
    register(&world.api, "s", "b").await;
    assert_eq!(act(&world.api, "a", "degraded").await["score"], 545.0);
    act(&world.api, "a", "recovered").await;
    let found = candidates(&world.api, "s").await;
    let share = found["candidates"][0]["share"].as_f64().expect("a number");
    // 0.1 of 1.1 at its very start; it has been on its way for less than 20 s.
    assert!((0.0909..0.105).contains(&share), "{found}");
    assert_eq!(found["available"], "all_new", "one warms up, of the other nothing is known");
    sample(&world.api, "b", 1.0).await;
    assert_eq!(candidates(&world.api, "s").await["available"], "some");
}

#[tokio::test]
async fn a_choice_is_the_same_for_the_same_draw_and_costs_no_event() {
    let world = World::open();
    for endpoint in ["a", "b", "c", "d"] {
        register(&world.api, "s", endpoint).await;
    }
    let before = world.api.feed().await.len();
    let mut chosen = Vec::new();
    for draw in [0.0, 0.249, 0.25, 0.74, 0.75, 0.99] {
        let answer = world.api.post(SELECT, json!({"service": "s", "draw": draw})).await.json(200);
        assert_eq!((&answer["draw"], &answer["nodes"], &answer["candidates"]), (&json!(draw), &json!(4), &json!(4)));
        assert_eq!((&answer["available"], &answer["chosen"]["share"]), (&json!("all_new"), &json!(0.25)));
        chosen.push(answer["endpoint"].as_str().expect("a text").to_owned());
    }
    assert_eq!(chosen, ["a", "a", "b", "c", "d", "d"]);
    let free = world.api.post(SELECT, json!({"service": "s"})).await.json(200);
    let repeated = world.api.post(SELECT, json!({"service": "s", "draw": free["draw"]})).await.json(200);
    assert_eq!(free["endpoint"], repeated["endpoint"], "a draw that the server made can be made again");
    assert_eq!(world.api.feed().await.len(), before);
}

#[tokio::test]
async fn when_nobody_is_left_the_answer_says_so_and_why() {
    let world = World::open();
    assert_eq!(candidates(&world.api, "s").await["available"], "none");
    let none = world.api.post(SELECT, json!({"service": "s"})).await;
    assert_eq!(none.faults(409, "no_route_candidates"), ["service: no_route_candidates"]);
    register(&world.api, "s", "a").await;
    register(&world.api, "s", "b").await;
    act(&world.api, "a", "maintenance").await;
    sample(&world.api, "b", 0.0).await;
    let found = candidates(&world.api, "s").await;
    assert_eq!((&found["available"], found.get("primary")), (&json!("all_out"), None));
    let none = world.api.post(SELECT, json!({"service": "s"})).await.problem(409, "no_route_candidates");
    assert_eq!(none["errors"][0]["detail"], "all 2 nodes of the service are out: 1 maintenance, 1 unhealthy");
}

#[tokio::test]
async fn time_alone_brings_a_node_back_and_ends_its_warm_up() {
    let world = World::configured("[routing]\nwindow_s = 1\nwarmup_s = 1\n");
    register(&world.api, "s", "a").await;
    sample(&world.api, "a", 0.0).await;
    until(&world.api, "a", |node| node["state"] == "warming").await;
    let whole = until(&world.api, "a", |node| node["state"] == "active").await;
    assert_eq!((&whole["share"], &whole["health"], &whole["sample_count"]), (&json!(1.0), &json!(1.0), &json!(0)));
    let told = ["health_sampled", "node_excluded", "node_readmitted", "warmup_started", "warmup_completed"];
    assert_eq!(history(&world.api, "a").await[1..], told);
}

#[tokio::test]
async fn after_a_crash_every_node_is_where_it_was() {
    let world = World::durable();
    for endpoint in ["a", "b", "c", "d"] {
        register(&world.api, "s", endpoint).await;
    }
    sample(&world.api, "a", 0.0).await;
    act(&world.api, "b", "degraded").await;
    act(&world.api, "c", "maintenance").await;
    act(&world.api, "c", "recovered").await;
    let since = |found: &Value| found["items"][2]["warmup"]["started_at"].clone();
    let before = world.api.get(NODES).await.json(200);
    let world = world.killed_and_restarted();
    let after = world.api.get(NODES).await.json(200);
    let states = |found: &Value| found["items"].as_array().expect("a list").iter().map(|node| node["state"].clone()).collect::<Vec<_>>();
    assert_eq!(states(&after), [json!("excluded"), json!("degraded"), json!("warming"), json!("active")]);
    assert_eq!((states(&before), since(&before)), (states(&after), since(&after)), "a warm-up goes on where it was");
    assert_eq!(world.api.post(SELECT, json!({"service": "s", "draw": 0.0})).await.json(200)["endpoint"], "b");
    let timers = world.api.get("/api/v1/system/entities/routing-node/a").await.json(200);
    assert_eq!(timers["timers"][0]["name"], "review", "{timers}");
}

/// Path behind the nodes, body, status, code, faults.
type Row = (&'static str, Value, u16, &'static str, &'static [&'static str]);

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_its_reason() {
    let world = World::open();
    register(&world.api, "s", "a").await;
    let ahead = "2999-01-01T00:00:00Z";
    let mut negative = load("s", "x");
    negative["saturation"] = json!(-0.5);
    let rows: [Row; 14] = [
        ("", negative, 400, "invalid_saturation", &["saturation: invalid_saturation"]),
        ("", load("t", "a"), 409, "duplicate_entity", &["service: duplicate_entity"]),
        (
            "",
            json!({"service": "-", "endpoint": "a/b", "latency_ms": -1, "queue_depth": 1.5, "colour": 1}),
            400,
            "invalid_id",
            &[
                "service: invalid_id",
                "endpoint: invalid_id",
                "latency_ms: invalid_field",
                "queue_depth: invalid_field",
                "saturation: missing_field",
                "colour: unknown_field",
            ],
        ),
        ("/a/health", json!({}), 400, "missing_field", &["value: missing_field"]),
        ("/a/health", json!({"value": 1.5}), 400, "invalid_health", &["value: invalid_health"]),
        ("/a/health", json!({"value": -0.1}), 400, "invalid_health", &["value: invalid_health"]),
        ("/a/health", json!({"value": 1, "at": ahead}), 400, "occurred_in_future", &["at: occurred_in_future"]),
        ("/a/health", json!({"value": "good", "at": "soon"}), 400, "invalid_field", &["value: invalid_field", "at: invalid_time"]),
        ("/x/health", json!({"value": 1}), 404, "unknown_endpoint", &["-: unknown_endpoint"]),
        ("/x/degraded", json!({}), 404, "unknown_endpoint", &["-: unknown_endpoint"]),
        ("/x/maintenance", json!({}), 404, "unknown_endpoint", &["-: unknown_endpoint"]),
        ("/x/recovered", json!({}), 404, "unknown_endpoint", &["-: unknown_endpoint"]),
        ("/a/recovered", json!({}), 409, "no_change", &["-: no_change"]),
        ("/a/degraded", json!({"expected_version": 9}), 409, "version_conflict", &["expected_version: version_conflict"]),
    ];
    for (path, body, status, code, faults) in rows {
        let answer = world.api.post(&format!("{NODES}{path}"), body.clone()).await;
        assert_eq!(answer.faults(status, code), faults, "{path} {body}");
    }
    world.api.post(&format!("{NODES}/%20/degraded"), json!({})).await.problem(404, "unknown_endpoint");
    for draw in [json!(1.0), json!(-0.1), json!(7)] {
        world.api.post(SELECT, json!({"service": "s", "draw": draw})).await.problem(400, "invalid_draw");
    }
    assert_eq!(history(&world.api, "a").await, ["node_registered"], "nothing was done");
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_was_and_a_stale_etag_is_not_taken() {
    let world = World::open();
    let key = [("idempotency-key", "k1")];
    world.api.post_with(NODES, load("s", "a"), &key).await.json(201);
    let again = world.api.post_with(NODES, load("s", "a"), &key).await;
    assert_eq!((again.json(201)["state"].clone(), again.header("idempotency-replayed")), (json!("active"), Some("true")));
    let key = [("idempotency-key", "k2"), ("if-match", "\"1\"")];
    let health = format!("{NODES}/a/health");
    world.api.post_with(&health, json!({"value": 0.0}), &key).await.json(200);
    world.api.post_with(&health, json!({"value": 0.0}), &key).await.json(200);
    assert_eq!(history(&world.api, "a").await, ["node_registered", "health_sampled", "node_excluded"]);
    world.api.post_with(&health, json!({"value": 1.0}), &key).await.problem(409, "idempotency_key_reused");
    world.api.post_with(&health, json!({"value": 1.0}), &[("if-match", "\"1\"")]).await.problem(412, "precondition_failed");
}

#[tokio::test]
async fn each_organisation_has_nodes_of_its_own() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "admin"), guarded.member("umbra", "admin"));
    register(&acme, "s", "a").await;
    assert_eq!(umbra.get(NODES).await.json(200)["total"], 0);
    umbra.post(&format!("{NODES}/a/degraded"), json!({})).await.problem(404, "unknown_endpoint");
    umbra.post(SELECT, json!({"service": "s"})).await.problem(409, "no_route_candidates");
    register(&umbra, "t", "a").await;
    assert_eq!(acme.get(NODES).await.json(200)["items"][0]["service"], "s");
}

/// A node of each service of `orbit-adjust`, and a busy cheap one of intake.
async fn chain(api: &Api) {
    for service in ["intake", "planner", "policy", "orbit"] {
        let dear = json!({"service": service, "endpoint": format!("{service}-1"), "latency_ms": 100, "queue_depth": 0, "saturation": 0.2});
        api.post(NODES, dear).await.json(201);
    }
    let cheap = json!({"service": "intake", "endpoint": "intake-2", "latency_ms": 1, "queue_depth": 0, "saturation": 0.7});
    api.post(NODES, cheap).await.json(201);
    let elsewhere = json!({"service": "audit", "endpoint": "audit-1", "latency_ms": 1, "queue_depth": 0, "saturation": 0.8});
    api.post(NODES, elsewhere).await.json(201);
}

#[tokio::test]
async fn a_route_leads_through_the_chain_and_around_what_the_risk_forbids() {
    let world = World::open();
    chain(&world.api).await;
    let route = async |more: Value| {
        let mut body = json!({"intent": "orbit-adjust"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        world.api.post(ROUTE, body).await.json(200)
    };
    let ends = |route: &Value| route["chain"].as_array().expect("a chain").iter().map(|stop| stop["endpoint"].clone()).collect::<Vec<_>>();
    let calm = route(json!({"risk": 69.9})).await;
    assert_eq!(json!(ends(&calm)), json!(["intake-2", "planner-1", "policy-1", "orbit-1"]));
    let known = [&calm["routed"], &calm["chain_length"], &calm["total_latency_ms"], &calm["blocked_count"], &calm["gated"]];
    assert_eq!(json!(known), json!([true, 4, 301, 0, false]));
    for gated in [json!({"risk": 70}), json!({"risk": 55, "comms_degraded": true})] {
        let risky = route(gated).await;
        assert_eq!((&ends(&risky)[0], &risky["total_latency_ms"]), (&json!("intake-1"), &json!(400)));
        assert_eq!(risky["blocked_count"], 2, "also where the chain does not lead");
        let saturated = json!([{"endpoint": "audit-1", "service": "audit", "reason": "saturated"},
            {"endpoint": "intake-2", "service": "intake", "reason": "saturated"}]);
        assert_eq!(risky["blocked"], saturated);
    }
    let named = route(json!({"blocked": ["intake-2"]})).await;
    assert_eq!((&ends(&named)[0], &named["blocked"][0]["reason"]), (&json!("intake-1"), &json!("blocked")));
    let more = route(json!({
        "regions": [{"name": "b", "state": "healthy"}, {"name": "a"}, {"name": "c", "state": "offline"}],
        "stations": [{"name": "kiruna", "latency_ms": 60}, {"name": "awarua", "latency_ms": 60}, {"name": "inuvik"}], "blackout": ["awarua"]}))
    .await;
    assert_eq!((&more["regions"], &more["station"]), (&json!(["b", "a"]), &json!("kiruna")));
    assert_eq!((calm.get("regions"), calm.get("station")), (None, None));
}

#[tokio::test]
async fn a_way_that_is_nowhere_open_names_every_obstacle() {
    let world = World::open();
    chain(&world.api).await;
    act(&world.api, "policy-1", "maintenance").await;
    let refused = world.api.post(ROUTE, json!({"intent": "firmware-patch", "stations": [], "risk": 1})).await;
    let faults = ["intent: missing_topology", "intent: no_route_candidates", "intent: missing_topology", "stations: no_ground_station"];
    assert_eq!(refused.faults(409, "missing_topology"), faults);
    let body = refused.problem(409, "missing_topology");
    assert_eq!(body["errors"][0]["detail"], "its chain needs the service security, which has no nodes");
    assert_eq!(body["errors"][1]["detail"], "its chain needs the service policy: all 1 nodes of the service are out: 1 maintenance");
    let wrong =
        world.api.post(ROUTE, json!({"risk": "high", "regions": [{"state": "warm"}], "stations": [{"name": "x", "latency_ms": -1}]})).await;
    let faults =
        ["intent: missing_field", "risk: invalid_field", "regions[0].name: missing_field", "stations[0].latency_ms: invalid_field"];
    assert_eq!(wrong.faults(400, "missing_field"), faults);
    let many: Vec<_> = (0..1_001).map(|n| format!("e{n}")).collect();
    world.api.post(ROUTE, json!({"intent": "x", "blocked": many})).await.problem(400, "invalid_field");
}
