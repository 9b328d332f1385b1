//! What was asked and what was answered, and whether the journal agrees.

use ionveil::commands::command_id;
use ionveil_kernel::Org;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// What a caller wants of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Register,
    To(&'static str),
    RollBack,
}

/// A request under a key, as it was first sent.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) workflow: String,
    pub(crate) wish: Wish,
    pub(crate) sent: Instant,
}

/// How it ended for the caller.
#[derive(Clone, Debug)]
pub(crate) enum Ending {
    /// 2xx: the first body that came.
    Acknowledged { body: Value, at: Instant },
    /// A refusal: nothing may be there.
    Refused,
    /// The caller gave up without an answer: it may be there or not.
    Unknown,
}

/// Everything that was asked.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) entries: Vec<(Asked, Ending)>,
}

/// A workflow's events as the server shows them, oldest first.
pub(crate) type Streams = BTreeMap<String, Vec<Value>>;

impl Ledger {
    pub(crate) fn acknowledged(&self) -> impl Iterator<Item = (&Asked, &Value, Instant)> {
        self.entries.iter().filter_map(|(asked, ending)| match ending {
            Ending::Acknowledged { body, at } => Some((asked, body, *at)),
            Ending::Refused | Ending::Unknown => None,
        })
    }

    pub(crate) fn workflows(&self) -> BTreeSet<&str> {
        self.entries.iter().map(|(asked, _)| asked.workflow.as_str()).collect()
    }

    /// Every acknowledged command is there exactly once and in order, under its key; nothing else is, but what a caller
    /// gave up on.
    pub(crate) fn check(&self, streams: &Streams) {
        let by_cause = causes(streams);
        for (asked, body, _) in self.acknowledged() {
            let events = by_cause.get(&cause(&asked.key)).map(Vec::as_slice).unwrap_or_default();
            let [(workflow, event)] = events else { panic!("{asked:?} was acknowledged and has {} events", events.len()) };
            assert_eq!(*workflow, asked.workflow, "{asked:?}");
            assert_eq!(body["version"], event["sequence_number"], "{asked:?}");
            assert_eq!((&body["occurred_at"], &body["recorded_at"]), (&event["occurred_at"], &event["recorded_at"]), "{asked:?}");
        }
        self.nothing_else(&by_cause);
        self.states_follow(streams);
        self.order_is_kept();
    }

    fn nothing_else(&self, by_cause: &BTreeMap<String, Vec<(&str, &Value)>>) {
        let lawful: BTreeMap<_, _> = self.entries.iter().map(|(asked, ending)| (cause(&asked.key), (asked, ending))).collect();
        for (cause, events) in by_cause {
            let (asked, ending) = lawful.get(cause).unwrap_or_else(|| panic!("nobody asked for {events:?}"));
            assert!(!matches!(ending, Ending::Refused), "{asked:?} was refused and is there: {events:?}");
            assert_eq!(events.len(), 1, "{asked:?}");
            assert_eq!(events[0].1["type"], kind(asked.wish), "{asked:?}");
        }
    }

    /// The states that were answered are those that an independent fold of the events gives.
    fn states_follow(&self, streams: &Streams) {
        let states: BTreeMap<_, _> = streams.iter().map(|(workflow, events)| (workflow.as_str(), fold(workflow, events))).collect();
        for (asked, body, _) in self.acknowledged() {
            let version = usize::try_from(body["version"].as_u64().expect("a version")).expect("small");
            assert_eq!(body["state"], states[asked.workflow.as_str()][version - 1].as_str(), "{asked:?}");
        }
    }

    /// What was answered before something else was sent has the smaller version.
    fn order_is_kept(&self) {
        for workflow in self.workflows() {
            let mut all: Vec<_> = self.acknowledged().filter(|(asked, ..)| asked.workflow == workflow).collect();
            all.sort_by_key(|(_, body, _)| body["version"].as_u64());
            let mut latest_sent: Option<&Asked> = None;
            for (asked, _, at) in all {
                assert!(
                    latest_sent.is_none_or(|before| before.sent <= at),
                    "{asked:?} stands behind {latest_sent:?}, sent after its answer"
                );
                latest_sent = latest_sent.into_iter().chain([asked]).max_by_key(|asked| asked.sent);
            }
        }
    }
}

/// What the journal names as the cause of a command's events.
pub(crate) fn cause(key: &str) -> String {
    command_id(&Org::new("default").expect("lawful"), key).to_string()
}

fn causes(streams: &Streams) -> BTreeMap<String, Vec<(&str, &Value)>> {
    let mut by_cause: BTreeMap<String, Vec<(&str, &Value)>> = BTreeMap::new();
    for (workflow, events) in streams {
        for event in events {
            by_cause.entry(event["causation_id"].as_str().expect("a cause").to_owned()).or_default().push((workflow, event));
        }
    }
    by_cause
}

fn kind(wish: Wish) -> &'static str {
    match wish {
        Wish::Register => "registered",
        Wish::To(_) => "transitioned",
        Wish::RollBack => "rolled_back",
    }
}

/// The state after each event, by the words of the specification (§5.5) alone; numbers without gaps on the way.
fn fold(workflow: &str, events: &[Value]) -> Vec<String> {
    let mut stack: Vec<String> = Vec::new();
    let mut states = Vec::with_capacity(events.len());
    for (number, event) in (1..).zip(events) {
        assert_eq!(event["sequence_number"].as_u64(), Some(number), "{workflow}");
        let to = event["data"]["to"].as_str().expect("every event has a target").to_owned();
        match event["type"].as_str().expect("a type") {
            "registered" => stack = vec![to],
            "transitioned" => stack.push(to),
            "rolled_back" => assert!(stack.pop().is_some() && stack.last() == Some(&to), "{workflow}#{number}"),
            other => panic!("nobody asked for {other}"),
        }
        states.push(stack.last().expect("a state").clone());
    }
    states
}
