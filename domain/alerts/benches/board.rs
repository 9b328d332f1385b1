//! What it costs to ask, beside a million active alerts: is this rule suppressed, which escalate now; and what a change costs.
//! Median and range of 7 runs, for 1,000 to 1,000,000 alerts, so that growth would show.
//!
//! `cargo bench -p ionveil-alerts --bench board`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock")]

use ionveil_alerts::alert::{Acknowledged, Call, Event, Raised};
use ionveil_alerts::board::Board;
use ionveil_alerts::escalation::{Plan, PlanLevel, Target};
use ionveil_alerts::firing::Firing;
use ionveil_alerts::monitor::{Command, Monitor, State};
use ionveil_alerts::recipient::Recipient;
use ionveil_alerts::words::{Channel, Level, Severity};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{DecideEnv, Decider, EntityId, Policy, StreamId, Timestamp};
use serde_json::json;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const RUNS: usize = 7;
/// So many questions make a run.
const TIMES: u32 = 1_000;

fn main() {
    println!("{:<64} {:>30}", "what", "µs (range)");
    let state = suppressed();
    let (rule, now) = (id("rule-150"), Timestamp::from_micros(1));
    figure("is a rule of 200 suppressed, by 1,000 suppressions", || {
        black_box(state.suppressions().of(black_box(&rule), now));
    });
    for count in [1_000, 100_000, 1_000_000] {
        let mut board = filled(count);
        let due = Timestamp::from_micros(60_000_100);
        figure(&format!("{count} active: the first 100 that escalate"), || {
            assert_eq!(board.escalating(black_box(due)).take(100).count(), 100);
        });
        let none = Timestamp::from_micros(0);
        figure(&format!("{count} active: none escalates"), || {
            assert!(board.escalating(black_box(none)).next().is_none());
        });
        let (alert, raised) = (name(count), raised(count));
        let acknowledged = Event::Acknowledged(Acknowledged { by: "user:a".into(), at: now, note: None, until: None });
        figure(&format!("{count} active: one is raised and acknowledged"), || {
            board.follow(&alert, &raised).expect("lawful");
            board.follow(&alert, &acknowledged).expect("lawful");
            board.follow(&alert, &resolved()).expect("lawful");
        });
    }
}

fn id(text: &str) -> EntityId {
    EntityId::new(text).expect("a lawful id")
}

fn name(number: u64) -> StreamId {
    format!("alert:city:a{number}").parse().expect("a lawful name")
}

fn resolved() -> Event {
    let at = Timestamp::from_micros(2);
    Event::Resolved(ionveil_alerts::alert::Resolved { by: "user:a".into(), at, note: "done".into(), rule: None })
}

/// An alert that escalates a minute after it was raised, one microsecond after the other.
fn raised(number: u64) -> Event {
    let at = Timestamp::from_micros(i64::try_from(number).unwrap_or(0));
    let recipient = Recipient { id: id("desk"), channels: vec![Channel::Sms], shift: None, time_zone: "UTC".into() };
    let level = PlanLevel { level: Level::L1, timeout_minutes: 1, channels: vec![Channel::Sms], recipients: vec![Arc::new(recipient)] };
    let firing = Firing {
        alert: id(&format!("a{number}")),
        rule: id("sla-breach"),
        severity: Severity::Critical,
        title: "SLA breach".into(),
        description: String::new(),
        incident: None,
        suppressed_by: None,
        violation: None,
        burn: None,
        origin: None,
        plan: Plan { levels: vec![level], repeat_after_minutes: None, max_escalations: 3 },
        at,
    };
    let targets = vec![Target { channel: Channel::Sms, recipient: id("desk") }];
    let call = Call { step: 1, level: Level::L1, severity: Severity::Critical, targets };
    Event::Raised(Raised { firing: Box::new(firing), call: Some(call), at })
}

fn filled(count: u64) -> Board {
    let mut board = Board::default();
    (0..count).for_each(|number| board.follow(&name(number), &raised(number)).expect("lawful"));
    board
}

/// 200 rules and 1,000 suppressions, each of which means five of them.
fn suppressed() -> State {
    let mut state = State::default();
    for number in 2..200 {
        let form = json!({"id": format!("rule-{number}"), "name": "R", "condition": "sla_breach", "severity": "info"});
        state = tell(state, &Command::PutRule { rule: serde_json::from_value(form).expect("a form") });
    }
    for number in 0..1_000 {
        let (pattern, reason) = (format!("rule-{}[0-4]", number % 20), "drill".to_owned());
        state = tell(state, &Command::Suppress { pattern, minutes: 60, reason });
    }
    state
}

fn tell(state: State, command: &Command) -> State {
    let (cause, policy, ids) = (meta(1), Policy::default(), CountingIds::default());
    let now = Timestamp::from_micros(0);
    let env = DecideEnv { now, occurred_at: now, ids: &Offset(ids, state.suppressions().len()), cause: &cause, policy: &policy };
    let decision = Monitor.decide(&state, command, &env).expect("accepted");
    decision.iter().fold(state, |state, (part, event)| Monitor.evolve(state, part, event).expect("lawful"))
}

/// Ids that do not repeat from one command to the next.
struct Offset(CountingIds, usize);

impl ionveil_kernel::IdSource for Offset {
    fn next_id(&self) -> uuid::Uuid {
        uuid::Uuid::from_u128(self.0.next_id().as_u128() + self.1 as u128)
    }
}

fn figure(name: &str, mut work: impl FnMut()) {
    let mut time = |_| {
        let start = Instant::now();
        (0..TIMES).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
    };
    let mut times: Vec<_> = (0..=RUNS).map(&mut time).skip(1).collect();
    times.sort_by(f64::total_cmp);
    let shown = format!("{:.3} ({:.3}-{:.3})", times[RUNS / 2], times[0], times[RUNS - 1]);
    println!("{name:<64} {shown:>30}");
}
