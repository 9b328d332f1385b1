//! The feed in pages: everything once, in order per partition, whatever is filtered.

use super::client::Api;
use super::given::World;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Thirty workflows with one to three events.
async fn sixty_events(api: &Api) {
    for number in 0..30 {
        let id = format!("w{number}");
        api.create(&id, "dispatch").await;
        for to in ["allocated", "departed"].iter().take(number % 3) {
            api.go(&id, to).await;
        }
    }
}

/// `stream#number` of each event.
fn names(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| format!("{}#{}", event["stream"].as_str().expect("a stream"), event["sequence_number"])).collect()
}

/// Checks that each partition goes on without a gap; `position` is opaque to clients, but this test knows it.
fn assert_ordered(events: &[Value]) {
    let mut last = BTreeMap::new();
    for event in events {
        let (partition, position) = event["position"].as_str().and_then(|text| text.split_once('-')).expect("a position");
        let (partition, position): (u16, u64) = (partition.parse().expect("a number"), position.parse().expect("a number"));
        assert_eq!(last.insert(partition, position).unwrap_or(0) + 1, position, "partition {partition}");
    }
}

#[tokio::test]
async fn an_event_has_every_member_of_the_contract() {
    let world = World::open();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let asked = json!({"id": "w", "machine": "dispatch", "occurred_at": "2026-01-01T00:00:00Z"});
    let created = world.api.post_with("/api/v1/workflows", asked, &[("traceparent", parent)]).await.json(201);
    let mut event = world.api.feed().await[0].clone();
    let members = event.as_object_mut().expect("an object");
    for opaque in ["event_id", "position", "causation_id"] {
        let value = members.remove(opaque).and_then(|value| value.as_str().map(str::to_owned));
        assert!(value.is_some_and(|value| !value.is_empty()), "{opaque}");
    }
    let expected = json!({"stream": "workflow:default:w", "sequence_number": 1, "type": "registered", "schema_version": 1,
        "data": {"machine": "dispatch", "to": "queued"}, "occurred_at": "2026-01-01T00:00:00Z", "recorded_at": created["recorded_at"],
        "correlation_id": "4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "actor": "anonymous", "traceparent": parent});
    assert_eq!(event, expected);
}

#[tokio::test]
async fn pages_of_any_size_hold_every_event_once_and_in_order() {
    let world = World::durable();
    sixty_events(&world.api).await;
    let whole = world.api.feed().await;
    assert_eq!(names(&whole).into_iter().collect::<BTreeSet<_>>().len(), 60);
    for size in [1, 7, 59, 60, 500] {
        let events = world.api.pages(&format!("/api/v1/events?page_size={size}")).await;
        assert_eq!(events.len(), 60, "pages of {size}");
        assert_eq!(names(&events).into_iter().collect::<BTreeSet<_>>().len(), 60, "pages of {size}");
        assert_ordered(&events);
    }
}

#[tokio::test]
async fn a_kept_cursor_goes_on_with_what_came_later() {
    let world = World::open();
    sixty_events(&world.api).await;
    let page = world.api.get("/api/v1/events?page_size=500").await.json(200);
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let later = format!("/api/v1/events?cursor={cursor}");
    assert_eq!(world.api.get(&later).await.json(200)["items"], json!([]));
    world.api.go("w0", "allocated").await;
    world.api.create("late", "dispatch").await;
    let page = world.api.get(&later).await.json(200);
    let new: BTreeSet<_> = names(page["items"].as_array().expect("items")).into_iter().collect();
    assert_eq!(new, ["workflow:default:late#1", "workflow:default:w0#2"].map(str::to_owned).into());
}

#[tokio::test]
async fn filters_hold_back_everything_else() {
    let world = World::open();
    sixty_events(&world.api).await;
    let all = world.api.feed().await;
    let recorded = |event: &Value| event["recorded_at"].as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time");
    let since = recorded(&all[40]);
    let known_since = all.iter().filter(|event| recorded(event) >= since).count();
    for (query, expected) in [
        ("kind=workflow".to_owned(), 60),
        ("kind=channel".to_owned(), 0),
        ("stream=workflow:default:w5".to_owned(), 3),
        ("stream=workflow:default:nobody".to_owned(), 0),
        ("stream=workflow:default:w5&kind=channel".to_owned(), 0),
        (format!("since={since}"), known_since),
        ("since=9999-01-01T00:00:00Z".to_owned(), 0),
        ("since=1970-01-01T00:00:00Z".to_owned(), 60),
    ] {
        for size in [2, 500] {
            let events = world.api.pages(&format!("/api/v1/events?{query}&page_size={size}")).await;
            assert_eq!(events.len(), expected, "{query} in pages of {size}");
        }
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused() {
    let world = World::open();
    sixty_events(&world.api).await;
    let page = world.api.get("/api/v1/events?page_size=2").await.json(200);
    let cursor = page["next_cursor"].as_str().expect("a cursor").to_owned();
    let spoilt = format!("{}{}", if cursor.starts_with('B') { 'C' } else { 'B' }, &cursor[1..]);
    for (query, code, field) in [
        (format!("cursor={spoilt}"), "invalid_cursor", "cursor"),
        (format!("cursor={cursor}A"), "invalid_cursor", "cursor"),
        (format!("cursor={cursor}&kind=workflow"), "invalid_cursor", "cursor"),
        ("cursor=".to_owned(), "invalid_cursor", "cursor"),
        (format!("cursor={}", "A".repeat(10_000)), "invalid_cursor", "cursor"),
        ("kind=".to_owned(), "invalid_id", "kind"),
        ("kind=Work%20flow".to_owned(), "invalid_id", "kind"),
        ("stream=workflow".to_owned(), "invalid_id", "stream"),
        ("stream=workflow:default:".to_owned(), "invalid_id", "stream"),
        ("since=yesterday".to_owned(), "invalid_time", "since"),
        ("page_size=501".to_owned(), "invalid_field", "page_size"),
        ("sice=2017-01-01T00:00:00Z".to_owned(), "unknown_field", "sice"),
    ] {
        let answer = world.api.get(&format!("/api/v1/events?{query}")).await;
        assert_eq!(answer.faults(400, code), [format!("{field}: {code}")], "{query}");
    }
    world.api.get("/api/v1/events?stream=workflow:other:w1").await.problem(404, "not_found");
}
