//! The list of workflows: filters, pages, and reading one's own write; the events of one workflow in pages.

use super::client::Api;
use super::given::World;
use serde_json::Value;

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().expect("an id")).collect()
}

/// The position of the newest event of a workflow.
async fn position(api: &Api, id: &str) -> String {
    let events = api.pages(&format!("/api/v1/workflows/{id}/events")).await;
    events.last().expect("an event")["position"].as_str().expect("a position").to_owned()
}

/// Five calls, of which `b` and `d` are allocated, and two missions; the list has taken them in.
async fn seven(api: &Api) {
    let calls = ["e", "a", "c", "b", "d"].map(|id| (id, "dispatch"));
    for (id, machine) in calls.into_iter().chain([("m2", "mission"), ("m1", "mission")]) {
        api.create(id, machine).await;
    }
    for id in ["b", "d"] {
        api.go(id, "allocated").await;
    }
    for id in ["a", "b", "c", "d", "e", "m1", "m2"] {
        let after = position(api, id).await;
        api.get(&format!("/api/v1/workflows?after={after}")).await.json(200);
    }
}

#[tokio::test]
async fn a_list_is_filtered_by_state_and_machine_and_sorted_by_id() {
    let world = World::open();
    seven(&world.api).await;
    for (query, expected) in [
        ("", &["a", "b", "c", "d", "e", "m1", "m2"][..]),
        ("?machine=mission", &["m1", "m2"]),
        ("?state=allocated", &["b", "d"]),
        ("?state=queued&machine=dispatch", &["a", "c", "e"]),
        ("?state=allocated&machine=mission", &[]),
        ("?state=nowhere", &[]),
    ] {
        let page = world.api.get(&format!("/api/v1/workflows{query}")).await.json(200);
        assert_eq!(ids(page["items"].as_array().expect("items")), expected, "{query}");
        assert_eq!(page.get("next_cursor"), None, "{query}");
    }
    let listed = world.api.get("/api/v1/workflows?state=allocated&page_size=1").await.json(200)["items"][0].clone();
    assert_eq!(listed, world.api.get("/api/v1/workflows/b").await.json(200), "an item is the workflow itself");
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let world = World::open();
    seven(&world.api).await;
    for (size, pages) in [(1, 7), (2, 4), (3, 3), (7, 1), (500, 1)] {
        let (mut seen, mut count, mut query) = (Vec::new(), 0, format!("?page_size={size}"));
        loop {
            let page = world.api.get(&format!("/api/v1/workflows{query}")).await.json(200);
            seen.extend(page["items"].as_array().expect("items").clone());
            count += 1;
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("?page_size={size}&cursor={cursor}");
        }
        assert_eq!((ids(&seen), count), (vec!["a", "b", "c", "d", "e", "m1", "m2"], pages), "pages of {size}");
    }
}

#[tokio::test]
async fn who_passes_after_reads_his_own_write() {
    let world = World::durable();
    for number in 0..20 {
        let id = format!("own-{number}");
        world.api.create(&id, "dispatch").await;
        let after = position(&world.api, &id).await;
        let page = world.api.get(&format!("/api/v1/workflows?after={after}&page_size=500")).await.json(200);
        assert!(ids(page["items"].as_array().expect("items")).contains(&id.as_str()), "{id} at {after}");
    }
}

#[tokio::test]
async fn the_events_of_a_workflow_come_in_pages() {
    let world = World::open();
    world.api.create("w", "mission").await;
    for to in ["queued", "executing", "paused", "executing", "completed"] {
        world.api.go("w", to).await;
    }
    for size in [1, 2, 4, 6, 500] {
        let events = world.api.pages(&format!("/api/v1/workflows/w/events?page_size={size}")).await;
        let numbers: Vec<_> = events.iter().map(|event| event["sequence_number"].as_u64().expect("a number")).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6], "pages of {size}");
    }
    let last = world.api.get("/api/v1/workflows/w/events?page_size=6").await.json(200);
    assert_eq!(last.get("next_cursor"), None, "nothing is behind it");
}

#[tokio::test]
async fn a_page_that_cannot_be_asked_for_is_refused() {
    let world = World::open();
    seven(&world.api).await;
    for (path, code, field) in [
        ("/workflows?page_size=0", "invalid_field", "page_size"),
        ("/workflows?page_size=501", "invalid_field", "page_size"),
        ("/workflows?page_size=-1", "invalid_field", "page_size"),
        ("/workflows?page_size=ten", "invalid_field", "page_size"),
        ("/workflows?page_size=18446744073709551616", "invalid_field", "page_size"),
        ("/workflows?cursor=", "invalid_cursor", "cursor"),
        ("/workflows?cursor=a", "invalid_cursor", "cursor"),
        ("/workflows?cursor=w..", "invalid_cursor", "cursor"),
        ("/workflows?after=", "invalid_field", "after"),
        ("/workflows?after=1", "invalid_field", "after"),
        ("/workflows?after=99-1", "invalid_field", "after"),
        ("/workflows?after=0--1", "invalid_field", "after"),
        ("/workflows?after=0-99999999999999999999", "invalid_field", "after"),
        ("/workflows?state=", "invalid_field", "state"),
        ("/workflows?status=queued", "unknown_field", "status"),
        ("/workflows/a/events?cursor=1", "invalid_cursor", "cursor"),
        ("/workflows/a/events?cursor=v-1", "invalid_cursor", "cursor"),
        ("/workflows/a/events?page_size=1000", "invalid_field", "page_size"),
        ("/workflows/a/events?after=0-1", "unknown_field", "after"),
    ] {
        let answer = world.api.get(&format!("/api/v1{path}")).await;
        assert_eq!(answer.faults(400, code), [format!("{field}: {code}")], "{path}");
    }
    let several = world.api.get("/api/v1/workflows?page_size=0&cursor=x&after=y&z=1").await;
    let expected = ["page_size: invalid_field", "cursor: invalid_cursor", "after: invalid_field", "z: unknown_field"];
    assert_eq!(several.faults(400, "invalid_field"), expected);
}
