//! Orders over HTTP: put in one by one or in lists that are taken whole or not at all, changed, listed, withdrawn, and planned once
//! under each request's name.

use super::client::Api;
use super::given::{Guarded, World};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const ORDERS: &str = "/api/v1/dispatch/orders";
pub(super) const PLAN: &str = "/api/v1/dispatch/plan";
pub(super) const BATCH: &str = "/api/v1/dispatch/plan/batch";

/// Requests are answered at once.
const AT_ONCE: &str = "[pool]\nwindow_ms = 0\n";

/// Six orders, of which three have an agency.
async fn six(api: &Api) {
    let orders = json!([
        {"id": "a", "urgency": 1, "eta": "10:00", "agency": "north"},
        {"id": "b", "urgency": 5, "eta": "10:00"},
        {"id": "c", "urgency": 5, "eta": "09:00", "agency": "south", "distance_km": 3.25, "zone": "B03"},
        {"id": "d", "urgency": 5, "agency": "north"},
        {"id": "e", "urgency": 5, "eta": "09:00"},
        {"id": "f", "urgency": 9, "eta": "12:00", "agency": "south"},
    ]);
    let made = api.post(ORDERS, orders).await.json(201);
    assert_eq!(made["items"].as_array().map(Vec::len), Some(6), "{made}");
}

async fn waiting(api: &Api) -> String {
    api.pages(&format!("{ORDERS}?page_size=2")).await.iter().map(|order| order["id"].as_str().expect("an id").to_owned()).collect()
}

/// `f>d more_urgent, …`.
fn shown(planned: &Value) -> String {
    let one = |order: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        format!("{}>{} {}", text(&order["id"]), text(&order["why"]["before"]), text(&order["why"]["reason"]))
    };
    planned.as_array().expect("a list").iter().map(one).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn an_order_is_put_in_looked_at_changed_and_withdrawn() {
    let world = World::configured(AT_ONCE);
    let api = &world.api;
    let order = json!({"id": "o-1", "urgency": 70, "eta": "09:05", "agency": "medic", "distance_km": 3.25, "zone": "B03"});
    let made = api.post(ORDERS, order.clone()).await;
    assert_eq!((made.json(201), made.header("location")), (order.clone(), Some("/api/v1/dispatch/orders/o-1")));
    let path = format!("{ORDERS}/o-1");
    assert_eq!(api.get(&path).await.json(200), order);
    let changed = |body: Value| api.send(api.request("PATCH", &path).json(&body));
    assert_eq!(changed(json!({"urgency": 90})).await.json(200)["urgency"], 90);
    assert_eq!(changed(json!({"eta": null})).await.json(200).get("eta"), None, "null takes it away");
    changed(json!({"urgency": 90})).await.problem(409, "no_change");
    changed(json!({})).await.problem(400, "missing_field");
    let wrong = changed(json!({"urgency": 0, "eta": "9:5"})).await;
    assert_eq!(wrong.faults(400, "non_positive_urgency"), ["urgency: non_positive_urgency", "eta: invalid_eta"]);
    changed(json!({"urgent": 1})).await.problem(400, "unknown_field");
    assert_eq!(api.delete(&path).await.json(200), json!({"id": "o-1", "withdrawn": true}));
    for gone in [api.delete(&path).await, api.get(&path).await, changed(json!({"urgency": 1})).await] {
        gone.problem(404, "not_pending");
    }
    for odd in ["-", "..%2f", "%00"] {
        api.get(&format!("{ORDERS}/{odd}")).await.problem(404, "not_pending");
        api.delete(&format!("{ORDERS}/{odd}")).await.problem(404, "not_pending");
    }
}

#[tokio::test]
async fn a_list_is_taken_whole_or_refused_with_every_fault_and_its_place() {
    let world = World::configured(AT_ONCE);
    let api = &world.api;
    six(api).await;
    let places = |problem: &Value| -> Vec<String> {
        let faults = problem["errors"].as_array().expect("a list").iter();
        faults
            .map(|fault| {
                format!("{} {} {}", fault["index"], fault["field"].as_str().unwrap_or("-"), fault["code"].as_str().expect("a code"))
            })
            .collect()
    };
    let list = json!([{"id": "g", "urgency": 1}, {"urgency": 0}, {"id": "a", "urgency": 1, "eta": "9:5"}, {"id": "g", "urgency": 1, "distance_km": -1}]);
    let refused = api.post(ORDERS, list).await.problem(400, "missing_id");
    let expected = [
        "1 id missing_id",
        "1 urgency non_positive_urgency",
        "2 id duplicate_id",
        "2 eta invalid_eta",
        "3 id duplicate_id",
        "3 distance_km invalid_distance",
    ];
    assert_eq!(places(&refused), expected);
    let list = json!([{"id": "g", "urgency": "high"}, {"id": "h", "urgency": -1}, 7, {"id": "i", "urgency": 1, "colour": "red"}]);
    let refused = api.post(ORDERS, list).await.problem(400, "invalid_field");
    assert_eq!(
        places(&refused),
        ["0 urgency invalid_field", "1 urgency non_positive_urgency", "2 - invalid_field", "3 colour unknown_field"]
    );
    api.post(ORDERS, json!([])).await.problem(400, "missing_field");
    let one = api.post(ORDERS, json!({"id": "a", "urgency": 1})).await.problem(409, "duplicate_id");
    assert_eq!(one["errors"][0].get("index"), None, "one order has no place in a list");
    let many: Vec<_> = (0..10_001).map(|n| json!({"id": format!("m{n}"), "urgency": 1})).collect();
    api.post(ORDERS, json!(many)).await.problem(400, "too_many_orders");
    assert_eq!(waiting(api).await, "fdceba", "nothing was taken in");
    api.post(ORDERS, json!(many[..10_000])).await.json(201);
    assert_eq!(api.get(ORDERS).await.json(200)["total"], 10_006);
    assert_eq!(api.get(&format!("{ORDERS}?agency=north")).await.json(200)["total"], 2);
    api.get(&format!("{ORDERS}?cursor=x")).await.problem(400, "invalid_cursor");
}

#[tokio::test]
async fn the_pool_says_when_it_is_full() {
    let world = World::configured("[pool]\nwindow_ms = 0\nlimit = 6\n");
    six(&world.api).await;
    let full = world.api.post(ORDERS, json!({"id": "g", "urgency": 1})).await.problem(429, "pool_full");
    assert!(full["detail"].as_str().is_some_and(|detail| detail.contains("0 more orders")), "{full}");
}

#[tokio::test]
async fn the_first_go_first_and_say_why() {
    let world = World::configured(AT_ONCE);
    let api = &world.api;
    six(api).await;
    let plan = api.post(PLAN, json!({"request_id": "r1", "capacity": 5})).await.json(200);
    assert_eq!(shown(&plan["planned"]), "f>d more_urgent, d>c no_eta, c>e arrived_first, e>b earlier_eta, b>a more_urgent");
    let c = json!({"id": "c", "urgency": 5, "eta": "09:00", "agency": "south", "distance_km": 3.25, "zone": "B03", "why": {"before": "e", "reason": "arrived_first"}});
    assert_eq!(plan["planned"][2], c);
    for capacity in [0, -7] {
        let none = api.post(PLAN, json!({"request_id": format!("none{capacity}"), "capacity": capacity})).await.json(200);
        assert_eq!(none, json!({"planned": []}));
    }
    let last = api.post(PLAN, json!({"request_id": "r2", "capacity": i64::MAX})).await.json(200);
    assert_eq!(shown(&last["planned"]), "a> last");
    api.post(ORDERS, json!({"id": "f", "urgency": 3})).await.json(201);
}

#[tokio::test]
async fn agencies_get_their_own_in_one_pass() {
    let world = World::configured(AT_ONCE);
    let api = &world.api;
    six(api).await;
    let asked = json!({"request_id": "r1", "share_unowned": true, "requests": [
        {"agency": "south", "capacity": 2}, {"agency": "north", "capacity": 3}, {"agency": "west", "capacity": 9},
    ]});
    let plan = api.post(BATCH, asked.clone()).await.json(200);
    let of = |agency: &str| shown(&plan["planned"][agency]);
    assert_eq!(of("south"), "f>c more_urgent, c> last");
    assert_eq!(of("north"), "d>a more_urgent, a>e own_before_unowned, e>b earlier_eta");
    assert_eq!(of("west"), "b> last");
    let again = api.post(BATCH, asked).await;
    assert_eq!((again.json(200), again.header("idempotency-replayed")), (plan, Some("true")));
    let request = |requests: Value| json!({"request_id": "r2", "requests": requests});
    let twice = request(json!([{"agency": "north", "capacity": 1}, {"agency": "-", "capacity": 1}, {"agency": "north", "capacity": 1}]));
    assert_eq!(api.post(BATCH, twice).await.faults(400, "invalid_id"), ["agency: invalid_id", "agency: duplicate_agency"]);
    api.post(BATCH, request(json!([]))).await.problem(400, "missing_field");
    let many: Vec<_> = (0..1_001).map(|n| json!({"agency": format!("a{n}"), "capacity": 1})).collect();
    api.post(BATCH, request(json!(many))).await.problem(400, "too_many_agencies");
    let other = request(json!([{"agency": "north", "capacity": 1}]));
    let reused = json!({"request_id": "r1", "requests": other["requests"]});
    assert_eq!(api.post(BATCH, reused).await.faults(409, "idempotency_key_reused"), ["request_id: idempotency_key_reused"]);
    api.post(PLAN, json!({"request_id": "r1", "capacity": 1})).await.problem(409, "idempotency_key_reused");
    for (body, code) in [
        (json!({"capacity": 1}), "missing_field"),
        (json!({"request_id": "", "capacity": 1}), "missing_id"),
        (json!({"request_id": "a b", "capacity": 1}), "invalid_id"),
        (json!({"request_id": "r"}), "missing_field"),
        (json!({"request_id": "r", "capacity": 1.5}), "invalid_field"),
    ] {
        api.post(PLAN, body).await.problem(400, code);
    }
}

#[tokio::test]
async fn requests_of_a_window_share_a_pass_and_each_order_is_given_once() {
    let world = World::durable_configured("[pool]\nwindow_ms = 150\n");
    let api = &world.api;
    let orders: Vec<_> = (0..200).map(|n| json!({"id": format!("o{n}"), "urgency": 1 + n % 7})).collect();
    api.post(ORDERS, json!(orders)).await.json(201);
    let before = api.feed().await.len();
    let ask = |n: usize| api.post(PLAN, json!({"request_id": format!("r{n}"), "capacity": 5}));
    let answers = join_all((0..20).chain(0..20).map(ask)).await;
    let bodies: Vec<Value> = answers.iter().map(|answer| answer.json(200)).collect();
    let (first, repeats) = bodies.split_at(20);
    assert_eq!(first, repeats, "a repeat inside the window is answered alike");
    let given: Vec<_> =
        first.iter().flat_map(|plan| plan["planned"].as_array().expect("a list")).map(|order| order["id"].clone()).collect();
    let distinct: BTreeSet<_> = given.iter().map(ToString::to_string).collect();
    assert_eq!((given.len(), distinct.len()), (100, 100), "no order is given twice");
    let events = api.feed().await;
    assert_eq!(events.len() - before, 40, "each request is recorded, and answered");
    let again = ask(7).await;
    assert_eq!((again.json(200), again.header("idempotency-replayed")), (first[7].clone(), Some("true")));
    assert_eq!(api.get(ORDERS).await.json(200)["total"], 100);
}

#[tokio::test]
async fn a_repeat_is_answered_alike_after_a_power_cut_and_after_many_others() {
    let world = World::durable_configured(AT_ONCE);
    six(&world.api).await;
    let asked = json!({"request_id": "r1", "capacity": 2});
    let first = world.api.post(PLAN, asked.clone()).await.json(200);
    let world = world.killed_and_restarted();
    assert_eq!(waiting(&world.api).await, "ceba", "what waits is known from the start");
    let keyed = [("idempotency-key", "k")];
    let order = json!({"id": "g", "urgency": 1});
    let made = world.api.post_with(ORDERS, order.clone(), &keyed).await.json(201);
    // Answered at the end of a window now.
    let in_window = json!({"request_id": "r2", "capacity": 2});
    let second = world.api.post(PLAN, in_window.clone()).await.json(200);
    assert_eq!(shown(&second["planned"]), "c>e arrived_first, e>b earlier_eta");
    // More answers than the pool remembers.
    for begin in (0..1_001).step_by(250) {
        let ask = |n: usize| world.api.post(PLAN, json!({"request_id": format!("other{n}"), "capacity": 0}));
        join_all((begin..begin + 250).map(ask)).await.iter().for_each(|answer| drop(answer.json(200)));
    }
    let again = world.api.post(PLAN, in_window).await;
    assert_eq!((again.json(200), again.header("idempotency-replayed")), (second, Some("true")));
    let again = world.api.post(PLAN, asked).await;
    assert_eq!((again.json(200), again.header("idempotency-replayed")), (first, Some("true")));
    let repeat = world.api.post_with(ORDERS, order, &keyed).await;
    assert_eq!((repeat.json(201), repeat.header("idempotency-replayed")), (made, Some("true")));
    world.api.post_with(ORDERS, json!({"id": "h", "urgency": 1}), &keyed).await.problem(409, "idempotency_key_reused");
}

#[tokio::test]
async fn a_halted_policy_stops_plans_and_says_who_did() {
    let world = World::configured(AT_ONCE);
    let api = &world.api;
    six(api).await;
    let first = api.post(PLAN, json!({"request_id": "r1", "capacity": 1})).await.json(200);
    super::policy_tree::add(api, "city", "global", None).await;
    api.put("/api/v1/policy/root", json!({"level": "halted", "authorization": "chief"})).await.json(200);
    let refused = api.post(PLAN, json!({"request_id": "r2", "capacity": 1})).await.problem(409, "policy_halted");
    assert_eq!(refused["policy"]["node"], "city", "{refused}");
    assert_eq!(api.post(PLAN, json!({"request_id": "r1", "capacity": 1})).await.json(200), first, "a repeat is answered");
    api.post(ORDERS, json!({"id": "g", "urgency": 1})).await.json(201);
}

#[tokio::test]
async fn an_organisation_sees_and_plans_its_own_only() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "dispatcher"), guarded.member("umbra", "dispatcher"));
    six(&acme).await;
    umbra.post(ORDERS, json!({"id": "a", "urgency": 2})).await.json(201);
    assert_eq!((waiting(&acme).await.len(), waiting(&umbra).await), (6, "a".to_owned()));
    umbra.get(&format!("{ORDERS}/f")).await.problem(404, "not_pending");
    umbra.delete(&format!("{ORDERS}/f")).await.problem(404, "not_pending");
    let asked = json!({"request_id": "r", "capacity": 100});
    let plan = umbra.post(PLAN, asked.clone()).await.json(200);
    assert_eq!(shown(&plan["planned"]), "a> last");
    assert_eq!(acme.post(PLAN, asked).await.json(200)["planned"].as_array().map(Vec::len), Some(6), "the same name is another request");
}
