//! A policy tree to ask: what the tests of policy share.

use super::answer::Answer;
use super::client::Api;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const NODES: &str = "/api/v1/policy/nodes";
pub(super) const ROOT: &str = "/api/v1/policy/root";
const PATIENCE: Duration = Duration::from_secs(30);

/// Adds a node, which must be lawful.
pub(super) async fn add(api: &Api, id: &str, kind: &str, parent: Option<&str>) -> Value {
    api.post(NODES, json!({"id": id, "kind": kind, "parent": parent})).await.json(201)
}

/// city → (north → (n1, n2), fire): five nodes.
pub(super) async fn plant(api: &Api) {
    let below = [("north", "region", "city"), ("n1", "zone", "north"), ("n2", "zone", "north"), ("fire", "agency", "city")];
    add(api, "city", "global", None).await;
    for (id, kind, parent) in below {
        add(api, id, kind, Some(parent)).await;
    }
}

pub(super) fn node(id: &str) -> String {
    format!("{NODES}/{id}")
}

pub(super) async fn set(api: &Api, id: &str, level: &str) -> Answer {
    api.post(&format!("{NODES}/{id}/override"), json!({"level": level, "authorization": "chief"})).await
}

pub(super) async fn clear(api: &Api, id: &str) -> Answer {
    api.delete(&format!("{NODES}/{id}/override?authorization=chief")).await
}

pub(super) async fn set_root(api: &Api, level: &str) -> Answer {
    api.put(ROOT, json!({"level": level, "authorization": "chief"})).await
}

pub(super) async fn outcome(api: &Api, id: &str, success: bool) -> Answer {
    api.post(&format!("{NODES}/{id}/outcomes"), json!({"success": success})).await
}

/// Every node as `id level deciding-node`, in the order of the tree.
pub(super) async fn levels(api: &Api) -> Vec<String> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let one = |node: &Value| [&node["id"], &node["effective"], &node["deciding_node"]].map(text).join(" ");
    api.pages(NODES).await.iter().map(one).collect()
}

/// Asks for a node until `is` holds of it.
pub(super) async fn until(api: &Api, id: &str, is: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let found = api.get(&node(id)).await.json(200);
            if is(&found) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{id} never came to it"))
}

/// The events of policy in the feed, once there is one of this type at this stream.
pub(super) async fn until_event(api: &Api, stream: &str, event_type: &str) -> Vec<Value> {
    let asking = async {
        loop {
            let events = api.feed().await;
            if events.iter().any(|event| event["stream"] == stream && event["type"] == event_type) {
                return events;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{stream} never had {event_type}"))
}

/// How many events of this type there are.
pub(super) async fn count(api: &Api, event_type: &str) -> usize {
    api.feed().await.iter().filter(|event| event["type"] == event_type).count()
}
