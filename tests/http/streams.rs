//! Server-sent events: everything once and in order, also over a power cut; bounded; ended by the server's end.

use super::answer::Answer;
use super::client::Api;
use super::given::World;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
const STREAM: &str = "/api/v1/events/stream";

/// One message of a stream; one without data only moves the cursor.
#[derive(Clone, Debug)]
struct Message {
    id: String,
    event: Option<String>,
    data: Option<Value>,
}

/// An open stream.
struct Listener {
    response: Response,
    text: String,
    ready: VecDeque<Message>,
}

impl Listener {
    async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { response, text: String::new(), ready: VecDeque::new() }
    }

    /// The next message; none at the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("something in time");
            // A server that is killed ends its streams in the middle.
            let chunk = chunk.ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                self.ready.push_back(parse(message));
                self.text = rest.to_owned();
            }
        }
    }

    /// The next `count` messages that are events.
    async fn events(&mut self, count: usize) -> Vec<Message> {
        let mut events = Vec::new();
        while events.len() < count {
            let message = self.next().await.expect("the stream goes on");
            if message.data.is_some() {
                events.push(message);
            }
        }
        events
    }
}

fn parse(text: &str) -> Message {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
    let data = field("data").map(|data| serde_json::from_str(&data).expect("JSON"));
    Message { id: field("id").expect("every message has a cursor"), event: field("event"), data }
}

fn name(event: &Value) -> String {
    format!("{}#{}", event["stream"].as_str().expect("a stream"), event["sequence_number"])
}

fn names(messages: &[Message]) -> Vec<String> {
    messages.iter().filter_map(|message| message.data.as_ref().map(name)).collect()
}

fn resumed(api: &Api, id: &str) -> RequestBuilder {
    api.request("GET", STREAM).header("last-event-id", id)
}

#[tokio::test]
async fn a_stream_begins_with_its_cursor_and_goes_on_as_events_come() {
    let world = World::open();
    world.api.create("before", "dispatch").await;
    let mut stream = Listener::open(world.api.request("GET", STREAM)).await;
    let greeting = stream.next().await.expect("something at once");
    assert!(greeting.data.is_none() && greeting.event.is_none() && !greeting.id.is_empty());
    assert_eq!(names(&stream.events(1).await), ["workflow:default:before#1"]);
    world.api.create("after", "mission").await;
    let message = stream.events(1).await.remove(0);
    assert_eq!(message.event.as_deref(), Some("registered"));
    let in_feed = world.api.feed().await.into_iter().find(|event| event["stream"] == "workflow:default:after");
    assert_eq!(message.data, in_feed, "the same form as in the feed");
    let behind = world.api.get(&format!("/api/v1/events?cursor={}", message.id)).await.json(200);
    assert_eq!(behind["items"], json!([]), "the id of an event is a cursor of the feed");
}

#[tokio::test]
async fn every_event_is_a_place_to_resume_from() {
    let world = World::open();
    for number in 0..12 {
        world.api.create(&format!("w{number}"), "dispatch").await;
    }
    let all = Listener::open(world.api.request("GET", STREAM)).await.events(12).await;
    let whole: BTreeSet<_> = names(&all).into_iter().collect();
    assert_eq!(whole.len(), 12);
    for (index, message) in all.iter().enumerate().take(11) {
        let rest = Listener::open(resumed(&world.api, &message.id)).await.events(11 - index).await;
        let seen: BTreeSet<_> = names(&all[..=index]).into_iter().chain(names(&rest)).collect();
        assert_eq!(seen, whole, "from event {index}");
    }
    let in_query = world.api.request("GET", &format!("{STREAM}?cursor={}", all[5].id));
    assert_eq!(names(&Listener::open(in_query).await.events(6).await).len(), 6);
    let both = world.api.request("GET", &format!("{STREAM}?cursor={}", all[5].id)).header("last-event-id", &all[9].id);
    let rest: BTreeSet<_> = names(&Listener::open(both).await.events(2).await).into_iter().collect();
    assert_eq!(rest, names(&all[10..]).into_iter().collect(), "the header goes before the query");
}

#[tokio::test]
async fn nothing_is_missed_or_repeated_over_power_cuts() {
    let mut world = World::durable();
    let (mut seen, mut last, mut written) = (Vec::new(), String::new(), 0);
    for round in 0..3 {
        let mut stream = Listener::open(resumed(&world.api, &last)).await;
        for _ in 0..10 {
            world.api.create(&format!("w{written}"), "dispatch").await;
            written += 1;
        }
        // Some are left unread at the cut; the next round must bring them.
        let read = stream.events(9 - round).await;
        last.clone_from(&read.last().expect("a message").id);
        seen.extend(names(&read));
        world = world.killed_and_restarted();
        while stream.next().await.is_some() {}
    }
    let mut stream = Listener::open(resumed(&world.api, &last)).await;
    seen.extend(names(&stream.events(written - seen.len()).await));
    world.api.create("end", "dispatch").await;
    assert_eq!(names(&stream.events(1).await), ["workflow:default:end#1"], "nothing of the past comes behind");
    let expected: BTreeSet<_> = (0..written).map(|n| format!("workflow:default:w{n}#1")).collect();
    assert_eq!((seen.len(), seen.into_iter().collect::<BTreeSet<_>>()), (written, expected));
}

#[tokio::test]
async fn filters_hold_and_belong_to_the_cursor() {
    let world = World::open();
    for id in ["a", "b"] {
        world.api.create(id, "dispatch").await;
    }
    let mut stream = Listener::open(world.api.request("GET", &format!("{STREAM}?stream=workflow:default:b&kind=workflow"))).await;
    let first = stream.events(1).await.remove(0);
    world.api.go("a", "allocated").await;
    world.api.go("b", "allocated").await;
    assert_eq!(names(&stream.events(1).await), ["workflow:default:b#2"]);
    for (query, header) in
        [("", Some(first.id.as_str())), ("?stream=workflow:default:a", Some(&first.id)), ("?cursor=AAAA", None), ("", Some("x"))]
    {
        let request = world.api.request("GET", &format!("{STREAM}{query}"));
        let request = header.into_iter().fold(request, |request, id| request.header("last-event-id", id));
        assert_eq!(world.api.send(request).await.faults(400, "invalid_cursor"), ["cursor: invalid_cursor"], "{query} {header:?}");
    }
    world.api.get(&format!("{STREAM}?kind=Work%20flow")).await.problem(400, "invalid_id");
    world.api.get(&format!("{STREAM}?knid=workflow")).await.problem(400, "unknown_field");
    world.api.get(&format!("{STREAM}?stream=workflow:other:a")).await.problem(404, "not_found");
    let since = world.api.get("/api/v1/workflows/b").await.json(200)["recorded_at"].as_str().expect("a time").to_owned();
    let late = Listener::open(world.api.request("GET", &format!("{STREAM}?since={since}"))).await.events(1).await;
    assert_eq!(names(&late), ["workflow:default:b#2"]);
}

#[tokio::test]
async fn streams_are_bounded_and_a_place_that_is_left_is_given_on() {
    let world = World::open();
    let mut open = Vec::new();
    let refused = loop {
        let response = world.api.request("GET", STREAM).send().await.expect("an answer");
        match response.status().as_u16() {
            200 => open.push(response),
            _refused => break Answer::read(response).await,
        }
        assert!(open.len() <= 600, "somewhere is an end");
    };
    refused.problem(429, "overloaded");
    assert_eq!(open.len(), 512);
    world.api.create("w", "dispatch").await;
    drop(open);
    let again = async {
        while world.api.request("GET", STREAM).send().await.expect("an answer").status().as_u16() == 429 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.expect("a place is free again");
}

#[tokio::test]
async fn the_servers_end_is_the_streams_end() {
    let world = World::durable();
    world.api.create("w", "dispatch").await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = Listener::open(world.api.request("GET", STREAM)).await;
        stream.events(1).await;
        streams.push(stream);
    }
    let (server, _dir) = world.into_parts();
    let stopping = tokio::task::spawn_blocking(move || server.stop());
    for stream in &mut streams {
        while stream.next().await.is_some() {}
    }
    let status = timeout(PATIENCE, stopping).await.expect("an end in time").expect("no panic");
    assert!(status.success(), "{status}");
}
