//! What levels of policy do to work, what a preview says of it, and what the audit keeps.

use super::client::Api;
use super::given::{Guarded, World};
use crate::support::server::run;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

const PREVIEW: &str = "/api/v1/policy/preview";
const AUDIT: &str = "/api/v1/policy/audit";
/// What everything here ends within.
const PATIENCE: Duration = Duration::from_secs(120);

/// `root`, below it `a` with `b` and `c`, below `b` `d`; and `e` below the root.
async fn plant(api: &Api) {
    for (id, parent) in [("root", ""), ("a", "root"), ("b", "a"), ("c", "a"), ("d", "b"), ("e", "root")] {
        let body =
            if parent.is_empty() { json!({"id": id, "kind": "global"}) } else { json!({"id": id, "kind": "zone", "parent": parent}) };
        api.post("/api/v1/policy/nodes", body).await.json(201);
    }
}

async fn set(api: &Api, node: &str, level: &str) {
    let body = json!({"level": level, "authorization": "T1", "reason": "gas leak"});
    api.post(&format!("/api/v1/policy/nodes/{node}/override"), body).await.json(200);
}

async fn clear(api: &Api, node: &str) {
    let request = api.request("DELETE", &format!("/api/v1/policy/nodes/{node}/override")).json(&json!({"authorization": "T2"}));
    api.send(request).await.json(200);
}

/// Starts a workflow at a zone and an agency, where they are named.
async fn call_in(api: &Api, id: &str, zone: Option<&str>, agency: Option<&str>) {
    let named = [("zone", zone), ("agency", agency)].into_iter().filter_map(|(key, value)| Some((key, value?)));
    let attributes: BTreeMap<_, _> = named.collect();
    let body = json!({"id": id, "machine": "dispatch", "attributes": attributes});
    api.post("/api/v1/workflows", body).await.json(201);
}

fn transitions(id: &str) -> String {
    format!("/api/v1/workflows/{id}/transitions")
}

/// What the clients may count on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    Halting,
    Halted,
    Lifting,
    OpenAgain,
    Over,
}

/// Takes in calls of a zone and assigns units to them until all is over; tells each time that it met what the phase says.
async fn client(api: Api, number: usize, zone: &'static str, phase: watch::Receiver<Phase>, met: mpsc::UnboundedSender<(usize, Phase)>) {
    for round in 0.. {
        let (id, under_way) = (format!("{zone}-{number}-{round}"), format!("{zone}-{number}-{round}-under-way"));
        // Taking in is never refused, not even as under way.
        call_in(&api, &id, Some(zone), None).await;
        let body = json!({"id": under_way, "machine": "dispatch", "initial_state": "allocated", "attributes": {"zone": zone}});
        api.post("/api/v1/workflows", body).await.json(201);
        let before = *phase.borrow();
        let answer = api.post(&transitions(&id), json!({"to": "allocated"})).await;
        let after = *phase.borrow();
        if before == Phase::Over {
            return;
        }
        match (zone, before, after) {
            ("inside", Phase::Halted, Phase::Halted) => {
                let problem = answer.problem(409, "policy_halted");
                assert_eq!((&problem["policy"]["node"], &problem["policy"]["by"]), (&json!("inside"), &json!("anonymous")), "{problem}");
                assert!(problem["policy"]["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{problem}");
                assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("inside")), "{problem}");
                let step = json!({"step": "allocated", "outcome": "completed"});
                api.post(&format!("/api/v1/workflows/{id}/steps"), step).await.problem(409, "policy_halted");
            }
            ("inside", Phase::Open | Phase::OpenAgain, _) if before == after => drop(answer.json(200)),
            ("inside", ..) => assert!([200, 409].contains(&answer.status), "{}", answer.text),
            _beside => drop(answer.json(200)),
        }
        // Progress, and calling off.
        api.go(&under_way, "departed").await;
        api.post(&format!("/api/v1/workflows/{id}/cancel"), json!({})).await.json(200);
        if before == after && met.send((number, before)).is_err() {
            return;
        }
    }
}

/// Waits until each of the clients has met the phase.
async fn all_meet(clients: usize, phase: Phase, met: &mut mpsc::UnboundedReceiver<(usize, Phase)>) {
    let mut left: BTreeSet<_> = (0..clients).collect();
    let waiting = async {
        while !left.is_empty() {
            let (number, seen) = met.recv().await.expect("the clients work");
            if seen == phase {
                left.remove(&number);
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{phase:?} was not met"));
}

#[tokio::test]
async fn fifty_clients_meet_a_halted_zone_inside_and_nothing_beside_it() {
    const CLIENTS: usize = 50;
    let world = World::durable();
    let api = &world.api;
    for (id, kind, parent) in [("city", "global", None), ("inside", "zone", Some("city")), ("beside", "zone", Some("city"))] {
        api.post("/api/v1/policy/nodes", json!({"id": id, "kind": kind, "parent": parent})).await.json(201);
    }
    let ((phase, watched), (met, mut all_met)) = (watch::channel(Phase::Open), mpsc::unbounded_channel());
    let zone = |number: usize| if number.is_multiple_of(2) { "inside" } else { "beside" };
    let work = |number| tokio::spawn(client(api.clone(), number, zone(number), watched.clone(), met.clone()));
    let clients: Vec<_> = (0..CLIENTS).map(work).collect();
    all_meet(CLIENTS, Phase::Open, &mut all_met).await;
    phase.send_replace(Phase::Halting);
    set(api, "inside", "halted").await;
    phase.send_replace(Phase::Halted);
    all_meet(CLIENTS, Phase::Halted, &mut all_met).await;
    phase.send_replace(Phase::Lifting);
    clear(api, "inside").await;
    phase.send_replace(Phase::OpenAgain);
    all_meet(CLIENTS, Phase::OpenAgain, &mut all_met).await;
    phase.send_replace(Phase::Over);
    for client in clients {
        client.await.expect("no client met anything else");
    }
    let assigned: Vec<_> =
        api.feed().await.into_iter().filter(|event| event["data"]["to"] == "allocated" && event["type"] == "transitioned").collect();
    assert!(!assigned.is_empty());
    for event in assigned {
        let policy = &event["data"]["policy"];
        assert_eq!((&policy["level"], &policy["node"], &event["schema_version"]), (&json!("normal"), &json!("city"), &json!(2)), "{event}");
        assert!(policy["version"].as_u64().is_some_and(|version| version >= 3), "{event}");
    }
    let (server, folder) = world.into_parts();
    assert!(server.stop().success());
    let verified = run(&["verify", "--data-dir", folder.path().to_str().expect("UTF-8")]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[tokio::test]
async fn the_stricter_of_zone_and_agency_counts() {
    let world = World::open();
    let api = &world.api;
    call_in(api, "before", Some("a"), None).await;
    let moved = api.go("before", "allocated").await;
    assert_eq!(moved["state"], "allocated");
    plant(api).await;
    set(api, "a", "halted").await;
    for (id, zone, agency, node) in [
        ("zone", Some("a"), None, Some("a")),
        ("below", Some("d"), Some("e"), Some("a")),
        ("agency", Some("e"), Some("b"), Some("a")),
        ("agency-alone", None, Some("c"), Some("a")),
        ("beside", Some("e"), None, None),
        ("nowhere", None, None, None),
        ("unknown", Some("zz"), Some("e"), None),
    ] {
        call_in(api, id, zone, agency).await;
        let answer = api.post(&transitions(id), json!({"to": "allocated"})).await;
        match node {
            Some(node) => assert_eq!(answer.problem(409, "policy_halted")["policy"]["node"], node, "{id}"),
            None => drop(answer.json(200)),
        }
    }
    let body = json!({"level": "halted", "authorization": "T1"});
    api.send(api.request("PUT", "/api/v1/policy/root").json(&body)).await.json(200);
    for (id, zone) in [("no-zone", None), ("unknown-again", Some("zz"))] {
        call_in(api, id, zone, None).await;
        let problem = api.post(&transitions(id), json!({"to": "allocated"})).await.problem(409, "policy_halted");
        assert_eq!(problem["policy"]["node"], "root", "{id}");
    }
}

/// The level in force at each node.
async fn levels(api: &Api) -> BTreeMap<String, String> {
    let nodes = api.pages("/api/v1/policy/nodes").await;
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    nodes.iter().map(|node| (text(&node["id"]), text(&node["effective"]))).collect()
}

/// The changes of levels, by node.
fn changed(preview: &Value) -> BTreeMap<String, (Value, Value)> {
    let changes = preview["changes"].as_array().expect("a list").iter();
    changes.map(|change| (change["node"].as_str().expect("a node").to_owned(), (change["from"].clone(), change["to"].clone()))).collect()
}

/// The same, from what was before and after.
fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> BTreeMap<String, (Value, Value)> {
    let nodes: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let pair = |node: &String| (json!(before.get(node)), json!(after.get(node)));
    nodes.into_iter().map(|node| (node.clone(), pair(node))).filter(|(_, (from, to))| from != to).collect()
}

/// Carries out what was previewed.
async fn carry_out(api: &Api, command: &Value) {
    let mut body = command.as_object().expect("an object").clone();
    let kind = body.remove("kind").expect("a kind");
    let node = body.remove("node").unwrap_or_default();
    let path = format!("/api/v1/policy/nodes/{}", node.as_str().unwrap_or_default());
    let (method, path) = match kind.as_str().expect("a text") {
        "set_override" => ("POST", format!("{path}/override")),
        "clear_override" => ("DELETE", format!("{path}/override")),
        "set_root" => ("PUT", "/api/v1/policy/root".to_owned()),
        "move" => ("POST", format!("{path}/move")),
        _remove => ("DELETE", path),
    };
    api.send(api.request(method, &path).json(&body)).await.json(200);
}

/// The scopes of the work, each with how often it is done.
const WORK: [(Option<&str>, Option<&str>, usize); 7] = [
    (Some("a"), None, 3),
    (Some("b"), Some("e"), 2),
    (Some("d"), None, 2),
    (Some("e"), None, 4),
    (Some("e"), Some("c"), 1),
    (None, None, 2),
    (Some("zz"), None, 1),
];

/// Takes in all work and tries to assign it; gives the names of what was refused.
async fn do_the_work(api: &Api, prefix: &str) -> Vec<String> {
    let mut refused = Vec::new();
    for (scope, (zone, agency, times)) in WORK.into_iter().enumerate() {
        for time in 0..times {
            let id = format!("{prefix}-{scope}-{time}");
            call_in(api, &id, zone, agency).await;
            let answer = api.post(&transitions(&id), json!({"to": "allocated"})).await;
            if answer.status == 409 {
                answer.problem(409, "policy_halted");
                refused.push(format!("{scope}-{time}"));
            } else {
                answer.json(200);
            }
        }
    }
    refused
}

#[tokio::test]
async fn a_preview_says_what_then_happens() {
    let set = |node: &str, level: &str| json!({"kind": "set_override", "node": node, "level": level, "authorization": "T1"});
    let table: [(&str, &[Value], Value); 8] = [
        ("a zone halted", &[], set("a", "halted")),
        ("a zone restricted", &[], set("a", "restricted")),
        ("an agency halted", &[], set("c", "halted")),
        ("everything", &[], json!({"kind": "set_root", "level": "halted", "authorization": "T1"})),
        ("let go, with what is below", &[set("a", "watch"), set("b", "restricted"), set("d", "halted")], {
            json!({"kind": "clear_override", "node": "a", "authorization": "T2", "reason": "over"})
        }),
        ("one more than before", &[set("e", "halted")], set("b", "halted")),
        ("moved under a halted one", &[set("e", "halted")], json!({"kind": "move", "node": "b", "parent": "e"})),
        ("removed", &[set("d", "halted")], json!({"kind": "remove", "node": "d"})),
    ];
    for (name, given, command) in table {
        let world = World::open();
        let api = &world.api;
        plant(api).await;
        do_the_work(api, "accepted").await;
        for command in given {
            carry_out(api, command).await;
        }
        let (before, audited) = (levels(api).await, api.pages(&format!("{AUDIT}?after={}", newest(api).await)).await.len());
        let refused_before: BTreeSet<_> = do_the_work(api, "before").await.into_iter().collect();
        let asked = json!({"command": command});
        let preview = api.post(PREVIEW, asked.clone()).await.json(200);
        assert_eq!(levels(api).await, before, "{name}: nothing is done");
        carry_out(api, &command).await;
        assert_eq!(changed(&preview), difference(&before, &levels(api).await), "{name}");
        let refused = do_the_work(api, "after").await.into_iter().filter(|work| !refused_before.contains(work));
        // Accepted twice: before there was anything in force, and under what was given.
        assert_eq!(preview["would_refuse"]["total"], json!(2 * refused.count()), "{name}: {preview}");
        let lines = api.pages(&format!("{AUDIT}?after={}", newest(api).await)).await;
        let ended = lines[audited..].iter().filter(|line| line["action"] == "auto_reverted");
        let ended: Vec<_> = ended.map(|line| json!({"node": line["node"], "level": line["from"], "source": line["source"]})).collect();
        assert_eq!(preview["reverted"], json!(ended), "{name}");
        assert_eq!(preview["over_limit"], json!({"total": 0, "by_kind": {}, "examples": []}), "{name}");
    }
}

/// The position of the newest event of the policy tree.
async fn newest(api: &Api) -> String {
    let events = api.feed().await;
    let of_tree = |event: &&Value| event["stream"].as_str().is_some_and(|stream| stream.starts_with("policy-node:"));
    events.iter().rfind(of_tree).expect("an event")["position"].as_str().expect("a position").to_owned()
}

#[tokio::test]
async fn a_preview_judges_the_time_range_that_is_asked_for() {
    let world = World::open();
    let api = &world.api;
    plant(api).await;
    let at = |hour: usize| format!("2024-03-01T{hour:02}:00:00Z");
    for hour in 0..24 {
        let (id, zone) = (format!("w{hour:02}"), if hour % 2 == 0 { "b" } else { "e" });
        let body = json!({"id": id, "machine": "dispatch", "attributes": {"zone": zone}, "occurred_at": at(hour)});
        api.post("/api/v1/workflows", body).await.json(201);
        api.post(&transitions(&id), json!({"to": "allocated", "occurred_at": at(hour)})).await.json(200);
        // Work, but none that policy stops.
        api.post(&transitions(&id), json!({"to": "departed", "occurred_at": at(hour)})).await.json(200);
    }
    let ask = async |range: Value| {
        let mut body = json!({"command": {"kind": "set_override", "node": "a", "level": "halted", "authorization": "T1"}});
        body.as_object_mut().expect("an object").extend(range.as_object().expect("an object").clone());
        api.post(PREVIEW, body).await
    };
    for (name, from, to, expected) in
        [("all", 0, 23, 12), ("from its first instant", 2, 4, 1), ("before its end", 3, 4, 0), ("a few", 3, 9, 3), ("beside", 1, 2, 0)]
    {
        let preview = ask(json!({"from": at(from), "to": at(to)})).await.json(200);
        let refused = &preview["would_refuse"];
        assert_eq!(
            (&refused["total"], refused["by_kind"].get("assign")),
            (&json!(expected), (expected > 0).then_some(&json!(expected))),
            "{name}"
        );
        let examples = refused["examples"].as_array().expect("a list");
        assert_eq!(examples.len(), expected.min(10), "{name}");
        let first = (from..to).filter(|hour| hour % 2 == 0).take(10);
        for (example, hour) in examples.iter().zip(first) {
            let stream = format!("workflow:default:w{hour:02}");
            assert_eq!(example, &json!({"stream": stream, "type": "transitioned", "occurred_at": at(hour), "node": "a"}), "{name}");
        }
    }
    assert_eq!(ask(json!({})).await.json(200)["would_refuse"]["total"], 0, "the last day");
    for (range, fault) in [
        (json!({"from": at(2)}), "to: missing_field"),
        (json!({"to": at(2)}), "from: missing_field"),
        (json!({"from": at(2), "to": at(2)}), "to: invalid_range"),
        (json!({"from": at(3), "to": at(2)}), "to: invalid_range"),
        (json!({"from": "today", "to": at(2)}), "from: invalid_time"),
    ] {
        let (_, code) = fault.split_once(": ").expect("a code");
        assert_eq!(ask(range.clone()).await.faults(400, code)[0], fault, "{range}");
    }
}

#[tokio::test]
async fn a_preview_of_what_would_be_refused_has_that_code() {
    let world = World::open();
    let api = &world.api;
    let set = |node: &str, level: &str, authorization: &str| json!({"kind": "set_override", "node": node, "level": level, "authorization": authorization});
    assert_eq!(
        api.post(PREVIEW, json!({"command": set("a", "halted", "T1")})).await.faults(404, "unknown_node"),
        ["command.node: unknown_node"]
    );
    plant(api).await;
    self::set(api, "a", "restricted").await;
    let audited = api.pages(&format!("{AUDIT}?after={}", newest(api).await)).await;
    for (name, command, status, fault) in [
        ("below the parent", set("b", "watch", "T1"), 409, "command.level: deescalation_forbidden"),
        ("as the parent", set("b", "restricted", "T1"), 409, "command.level: no_effect"),
        ("no node", set("zz", "halted", "T1"), 404, "command.node: unknown_node"),
        ("no level", set("b", "strict", "T1"), 400, "command.level: unknown_policy"),
        ("no right", set("b", "halted", " "), 400, "command.authorization: missing_authorization"),
        ("the root", set("root", "halted", "T1"), 409, "command.node: root_has_no_parent"),
        ("nothing to clear", json!({"kind": "clear_override", "node": "e", "authorization": "T1"}), 409, "command.node: no_override"),
        ("the root as it is", json!({"kind": "set_root", "level": "normal", "authorization": "T1"}), 409, "-: no_change"),
        ("under itself", json!({"kind": "move", "node": "a", "parent": "d"}), 409, "command.parent: would_create_cycle"),
        ("nowhere", json!({"kind": "move", "node": "a", "parent": "zz"}), 404, "command.parent: unknown_parent"),
        ("with children", json!({"kind": "remove", "node": "b"}), 409, "command.node: has_children"),
        ("no kind", json!({"node": "b"}), 400, "command.kind: missing_field"),
        ("no known kind", json!({"kind": "halt", "node": "b"}), 400, "command.kind: invalid_field"),
        ("a field too much", json!({"kind": "remove", "node": "c", "force": true}), 400, "command.force: unknown_field"),
        ("no name", json!({"kind": "remove", "node": "-"}), 400, "command.node: invalid_id"),
        ("no object", json!("remove"), 400, "command: invalid_field"),
    ] {
        let (_, code) = fault.split_once(": ").expect("a code");
        assert_eq!(api.post(PREVIEW, json!({"command": command})).await.faults(status, code), [fault], "{name}");
    }
    let all = api.post(PREVIEW, json!({"command": set("b", "strict", ""), "form": 1, "to": "2024-03-01T00:00:00Z"})).await;
    let expected = ["from: missing_field", "form: unknown_field"];
    let faults = all.faults(400, "missing_field");
    assert!(expected.iter().all(|fault| faults.contains(&(*fault).to_owned())), "{faults:?}");
    assert_eq!(api.pages(AUDIT).await, audited, "a preview is not audited");
}

/// The audit's line of an event of the feed, if it has one.
fn line(event: &Value) -> Option<Value> {
    let (data, kind) = (&event["data"], event["type"].as_str()?);
    let action = match kind {
        "override_set" => "set",
        "override_replaced" => "replaced",
        "override_cleared" => "cleared",
        "override_auto_reverted" => "auto_reverted",
        "base_changed" => "base_changed",
        "override_rejected" => "rejected",
        "engine_changed" => "engine_changed",
        _other => return None,
    };
    let node = event["stream"].as_str()?.rsplit(':').next()?;
    let (from, to, by) = (&data["from"], &data["to"], &data["by"]);
    let all = json!({"seq": data["seq"], "node": node, "action": action, "from": from, "to": to, "source": by["source"],
        "authorization": by["authorization"], "reason": by["reason"], "code": data["code"], "time": event["occurred_at"]});
    Some(all.as_object()?.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), value.clone())).collect())
}

/// Everything that makes a line.
async fn stir(api: &Api) {
    plant(api).await;
    set(api, "a", "watch").await;
    set(api, "b", "restricted").await;
    set(api, "d", "halted").await;
    set(api, "a", "restricted").await;
    for (node, level, code) in [("c", "watch", "deescalation_forbidden"), ("c", "restricted", "no_effect")] {
        let body = json!({"level": level, "authorization": "T3"});
        api.post(&format!("/api/v1/policy/nodes/{node}/override"), body).await.problem(409, code);
    }
    clear(api, "a").await;
    for level in ["watch", "normal"] {
        let body = json!({"level": level, "authorization": "T4"});
        api.send(api.request("PUT", "/api/v1/policy/root").json(&body)).await.json(200);
    }
}

#[tokio::test]
async fn the_audit_is_what_the_events_say() {
    let world = World::open();
    let api = &world.api;
    assert_eq!(api.get(AUDIT).await.json(200), json!({"items": []}));
    stir(api).await;
    let lines = api.pages(&format!("{AUDIT}?after={}", newest(api).await)).await;
    let mut expected: Vec<_> = api.feed().await.iter().filter_map(line).collect();
    expected.sort_by_key(|line| line["seq"].as_u64());
    assert_eq!(lines, expected);
    assert_eq!(lines.iter().map(|line| line["seq"].as_u64()).collect::<Vec<_>>(), (1..=lines.len() as u64).map(Some).collect::<Vec<_>>());
    let actions: BTreeSet<_> = lines.iter().map(|line| line["action"].as_str().expect("a text")).collect();
    assert_eq!(actions.into_iter().collect::<Vec<_>>(), ["auto_reverted", "base_changed", "cleared", "rejected", "replaced", "set"]);
    for size in [1, 2, 5, 500] {
        assert_eq!(api.pages(&format!("{AUDIT}?page_size={size}")).await, lines, "{size} a page");
    }
    let of = |node: &str| lines.iter().filter(|line| line["node"] == node).cloned().collect::<Vec<_>>();
    for node in ["a", "b", "c", "root", "e", "zz"] {
        assert_eq!(api.pages(&format!("{AUDIT}?node={node}&page_size=2")).await, of(node), "{node}");
    }
    let since = lines[4]["time"].as_str().expect("a time");
    let later: Vec<_> =
        lines.iter().filter(|line| line["time"].as_str().is_some_and(|time| instant(time) >= instant(since))).cloned().collect();
    assert!(later.len() < lines.len());
    assert_eq!(api.pages(&format!("{AUDIT}?since={since}&page_size=3")).await, later);
    assert_eq!(api.get(&format!("{AUDIT}?since=2999-01-01T00:00:00Z")).await.json(200), json!({"items": []}));
}

fn instant(text: &str) -> jiff::Timestamp {
    text.parse().expect("a time")
}

#[tokio::test]
async fn a_part_of_the_audit_that_cannot_be_asked_for_is_refused() {
    let world = World::open();
    for (query, fault) in [
        ("node=-", "node: invalid_id"),
        ("since=yesterday", "since: invalid_time"),
        ("since=2024-03-01", "since: invalid_time"),
        ("cursor=1", "cursor: invalid_cursor"),
        ("cursor=a", "cursor: invalid_cursor"),
        ("cursor=a99999999999999999999", "cursor: invalid_cursor"),
        ("after=x", "after: invalid_field"),
        ("after=99-1", "after: invalid_field"),
        ("page_size=0", "page_size: invalid_field"),
        ("action=set", "action: unknown_field"),
    ] {
        let (_, code) = fault.split_once(": ").expect("a code");
        assert_eq!(world.api.get(&format!("{AUDIT}?{query}")).await.faults(400, code), [fault], "{query}");
    }
}

#[tokio::test]
async fn the_audit_and_the_work_of_others_are_nobodys_business() {
    let guarded = Guarded::start();
    let (acme, umbra) = (guarded.member("acme", "admin"), guarded.member("umbra", "admin"));
    stir(&acme).await;
    do_the_work(&acme, "w").await;
    let command = json!({"command": {"kind": "set_override", "node": "a", "level": "halted", "authorization": "T1"}});
    assert!(acme.post(PREVIEW, command.clone()).await.json(200)["would_refuse"]["total"].as_u64().is_some_and(|total| total > 0));
    assert_eq!(umbra.get(AUDIT).await.json(200), json!({"items": []}));
    umbra.post(PREVIEW, command.clone()).await.problem(404, "unknown_node");
    plant(&umbra).await;
    assert_eq!(umbra.post(PREVIEW, command).await.json(200)["would_refuse"], json!({"total": 0, "by_kind": {}, "examples": []}));
    set(&umbra, "a", "halted").await;
    acme.create("mine", "dispatch").await;
    let zoned = json!({"id": "zoned", "machine": "dispatch", "attributes": {"zone": "a"}});
    acme.post("/api/v1/workflows", zoned).await.json(201);
    acme.go("zoned", "allocated").await;
}
