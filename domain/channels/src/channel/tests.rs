//! A channel from its setup to its end: what is journaled of outcomes, what is forced, blocked and due, and what is refused.

use super::*;
use crate::breaker::{Mode, Permit, PolicyForm, StateName};
use crate::detector::{Detector, Verdict};
use ionveil_kernel::testkit::given;
use std::collections::BTreeMap;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms * 1_000)
}

fn http() -> Driver {
    let (url, method) = ("https://radio.example/send".to_owned(), "POST".to_owned());
    Driver::Http { url, method, headers: BTreeMap::new(), body: None, timeout_ms: TIMEOUT_MS_DEFAULT }
}

fn form() -> Box<Form> {
    Box::new(Form { driver: http(), breaker: PolicyForm::default(), detector: Detector::Delivery })
}

/// A channel and its history, with a clock.
struct World {
    events: Vec<((), Event)>,
    now: i64,
}

impl World {
    fn new() -> Self {
        Self::of(form())
    }

    fn of(form: Box<Form>) -> Self {
        let mut world = Self { events: Vec::new(), now: 0 };
        world.ask(Command::Create { form });
        world
    }

    /// Carries out a command that must be accepted; the types of the events.
    fn ask(&mut self, command: Command) -> Vec<&'static str> {
        let (state, events) = self.decided(&command).expect("accepted");
        // Checks the laws.
        drop(given(Channel, self.events.clone()).at(at(self.now)).when(command));
        drop(state);
        let types = events.iter().map(|((), event)| ionveil_kernel::EventCodec::event_type(event)).collect();
        self.events.extend(events);
        types
    }

    fn decided(&self, command: &Command) -> Result<(Named, Vec<((), Event)>), Rejection> {
        let (cause, ids) = (ionveil_kernel::testkit::meta(1), ionveil_kernel::testkit::CountingIds::default());
        let policy = ionveil_kernel::Policy::default();
        let now = at(self.now);
        let env = DecideEnv { now, occurred_at: now, ids: &ids, cause: &cause, policy: &policy };
        let state = ionveil_kernel::testkit::fold(&Channel, &owner(), &self.events);
        let events = Channel.decide(&state, command, &env)?;
        Ok((state, events))
    }

    fn live(&self) -> Live {
        let state = ionveil_kernel::testkit::fold(&Channel, &owner(), &self.events);
        state.state.live().expect("it is there").clone()
    }

    fn refused(&self, command: &Command) -> Rejection {
        self.decided(command).expect_err("refused")
    }
}

fn owner() -> StreamId {
    "channel:test:x".parse().expect("a lawful name")
}

fn record(delivered: bool, verdict: Verdict, permit: Option<Permit>) -> Command {
    let (reason, latency_ms) = ((!delivered).then(|| "send_failed".to_owned()), Some(12.5));
    let report =
        Report { attempt: "d#1".to_owned(), permit, delivered, verdict, reason, http_status: None, latency_ms, retry_after_ms: None };
    Command::Record { report: Box::new(report) }
}

fn permit(generation: u64) -> Option<Permit> {
    Some(Permit { generation, probe: None })
}

fn fail(generation: u64) -> Command {
    record(false, Verdict::Failure, permit(generation))
}

fn succeed(generation: u64) -> Command {
    record(true, Verdict::Success, permit(generation))
}

#[test]
fn success_on_a_channel_that_is_well_costs_no_event() {
    let mut world = World::new();
    assert!(world.live().is_quiet());
    assert_eq!(world.ask(succeed(0)), Vec::<&str>::new());
    assert_eq!(world.ask(fail(0)), ["outcome_recorded"]);
    assert!(!world.live().is_quiet());
    assert_eq!((world.live().reliability, world.live().latency_ms), (0.7, Some(12.5)));
    let mut events = 0;
    while !world.live().is_quiet() {
        events += world.ask(succeed(0)).len();
    }
    assert!((20..40).contains(&events), "reliability comes to rest after {events}");
    assert_eq!(world.ask(succeed(0)), Vec::<&str>::new());
}

#[test]
fn the_breaker_opens_waits_probes_and_closes() {
    let mut world = World::new();
    for _ in 0..4 {
        assert_eq!(world.ask(fail(0)), ["outcome_recorded"]);
    }
    assert_eq!(world.ask(fail(0)), ["outcome_recorded", "breaker_transitioned"]);
    assert_eq!(world.live().breaker.next_probe_at(), Some(at(30_000)));
    assert_eq!(world.refused(&Command::Admit { attempt: "d#2".to_owned() }), Rejection::CircuitOpen);
    world.now = 30_000;
    assert_eq!(world.ask(Command::Tick), ["breaker_transitioned"]);
    assert_eq!(world.ask(Command::Admit { attempt: "d#2".to_owned() }), ["probe_admitted"]);
    assert_eq!(world.ask(Command::Admit { attempt: "d#2".to_owned() }), Vec::<&str>::new(), "it has its place");
    assert_eq!(world.refused(&Command::Admit { attempt: "d#3".to_owned() }), Rejection::CircuitOpen);
    let probe = Some(Permit { generation: 2, probe: Some("d#2".to_owned()) });
    assert_eq!(world.ask(record(true, Verdict::Success, probe)), ["outcome_recorded", "breaker_transitioned"]);
    assert_eq!(world.live().breaker.name(), StateName::Closed);
}

#[test]
fn a_late_timer_harms_nobody_and_a_probe_without_an_answer_fails() {
    let mut world = World::new();
    (0..5).for_each(|_| drop(world.ask(fail(0))));
    world.now = 31_000;
    let types = world.ask(Command::Admit { attempt: "d#2".to_owned() });
    assert_eq!(types, ["breaker_transitioned", "probe_admitted"], "who asks first finds it half open");
    assert_eq!(world.timers(), ["probe 61000"]);
    world.now = 61_000;
    assert_eq!(world.ask(Command::Tick), ["breaker_transitioned"]);
    assert_eq!((world.live().breaker.name(), world.timers()), (StateName::Open, vec!["half_open 91000".to_owned()]));
    assert_eq!(world.live().reliability, 0.1681, "a probe that nobody answers leaves the reliability alone");
}

impl World {
    fn timers(&self) -> Vec<String> {
        let state = ionveil_kernel::testkit::fold(&Channel, &owner(), &self.events);
        let timers = Channel.timers(&state);
        assert!(timers.iter().all(|timer| Channel.on_timer(&timer.name, timer.due) == Some(Command::Tick)));
        timers.into_iter().map(|timer| format!("{} {}", timer.name, timer.due.millis())).collect()
    }
}

#[test]
fn a_4xx_lowers_the_reliability_and_counts_neither_way_in_the_breaker() {
    let mut world = World::new();
    for _ in 0..9 {
        assert_eq!(world.ask(record(false, Verdict::Ignored, permit(0))), ["outcome_recorded"]);
    }
    assert!(world.live().reliability < 0.1 && world.live().breaker.failures.is_empty());
}

#[test]
fn a_channel_that_asks_for_it_is_left_alone_for_five_minutes_at_most() {
    let mut world = World::new();
    for (ms, until) in [(7_000, 7_000), (3_600_000, 300_000)] {
        let Command::Record { mut report } = record(false, Verdict::Ignored, permit(0)) else { panic!("a record") };
        report.retry_after_ms = Some(ms);
        world.ask(Command::Record { report });
        assert_eq!(world.live().skipped_at(at(until - 1)), Some(at(until)));
        assert_eq!(world.live().skipped_at(at(until)), None);
    }
}

#[test]
fn a_block_holds_until_somebody_or_the_clock_ends_it() {
    let mut world = World::new();
    let block = |until: Option<i64>| Command::Block { reason: "antenna down".to_owned(), until: until.map(at) };
    assert_eq!(world.refused(&Command::Unblock), Rejection::NoChange);
    assert_eq!(world.ask(block(None)), ["blocked"]);
    assert_eq!(world.live().blocked_at(at(99)).map(|blocked| blocked.by.as_str()), Some("user:test"));
    assert_eq!(world.ask(Command::Unblock), ["unblocked"]);
    assert_eq!(world.refused(&block(Some(0))).faults()[0].code, "invalid_expiry");
    world.ask(block(Some(500)));
    assert_eq!(world.timers(), ["block 500"]);
    world.now = 500;
    assert_eq!(world.live().blocked_at(at(500)), None);
    assert_eq!(world.ask(Command::Tick), ["unblocked"]);
    let empty = Command::Block { reason: String::new(), until: None };
    assert_eq!(world.refused(&empty).faults()[0].field, "reason");
}

#[test]
fn what_is_forced_is_recorded_with_who_and_why_and_ends() {
    let mut world = World::new();
    let force = |mode, until: Option<i64>| Command::Force { mode, until: until.map(at), reason: Some("drill".to_owned()) };
    assert_eq!(world.refused(&force(None, None)), Rejection::NoChange);
    assert_eq!(world.ask(force(Some(Mode::Open), Some(900))), ["breaker_forced"]);
    let Some(((), Event::BreakerForced(forced))) = world.events.last() else { panic!("it is forced") };
    assert_eq!((forced.by.as_str(), forced.reason.as_deref()), ("user:test", Some("drill")));
    assert_eq!(world.refused(&force(Some(Mode::Open), Some(900))), Rejection::NoChange);
    assert_eq!(world.refused(&Command::Admit { attempt: "d#1".to_owned() }), Rejection::CircuitOpen);
    assert_eq!(world.timers(), ["force 900"]);
    world.now = 900;
    assert_eq!(world.ask(Command::Tick), ["breaker_released"]);
    assert!(matches!(world.events.last(), Some(((), Event::BreakerReleased(BreakerReleased { by }))) if by == "timer"));
}

#[test]
fn a_change_leaves_the_breaker_where_it_is_and_a_deleted_channel_may_come_again() {
    let mut world = World::new();
    (0..5).for_each(|_| drop(world.ask(fail(0))));
    assert_eq!(world.refused(&Command::Change { form: form() }), Rejection::NoChange);
    let simulated = Driver::Simulated { latency_ms: 5.0, failing: false };
    world.ask(Command::Change { form: Box::new(Form { driver: simulated, ..*form() }) });
    assert_eq!(world.live().breaker.name(), StateName::Open);
    assert_eq!(world.refused(&Command::Create { form: form() }), Rejection::DuplicateEntity);
    assert_eq!(world.ask(Command::Delete), ["deleted"]);
    assert_eq!((world.timers(), world.refused(&Command::Delete)), (Vec::new(), Rejection::NotFound));
    assert_eq!(world.ask(Command::Tick), Vec::<&str>::new());
    world.ask(Command::Create { form: form() });
    assert_eq!(world.live().breaker.name(), StateName::Closed);
}

#[test]
fn everything_that_is_wrong_with_a_channel_is_told_at_once() {
    let headers = [
        ("Authorization", Text::Plain("Bearer x".to_owned())),
        ("X-Key", Text::Env { env: "PATH".to_owned() }),
        ("X-File", Text::File { file: "../shadow".to_owned() }),
        ("Host", Text::Plain("x".to_owned())),
        ("x y", Text::Plain("x".to_owned())),
        ("X-Fine", Text::Env { env: "IONVEIL_SECRET_RADIO".to_owned() }),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let driver = Driver::Http { url: String::new(), method: "TRACE".to_owned(), headers, body: Some("x".repeat(16_385)), timeout_ms: 0 };
    let breaker = PolicyForm { failure_threshold: Some(0), ..PolicyForm::default() };
    let form = Box::new(Form { driver, breaker, detector: Detector::AnyOf { of: Vec::new() } });
    let empty = World { events: Vec::new(), now: 0 };
    let refused = empty.refused(&Command::Create { form });
    let faults: Vec<_> = refused.faults().iter().map(|fault| fault.field.as_str()).collect();
    let expected = [
        "driver.url",
        "driver.method",
        "driver.headers.Authorization",
        "driver.headers.Host",
        "driver.headers.X-File",
        "driver.headers.X-Key",
        "driver.headers.x y",
        "driver.body",
        "driver.timeout_ms",
        "breaker.failure_threshold",
        "detector.of",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn a_message_goes_to_a_subject_without_wildcards_and_its_secrets_are_references() {
    let nats = |subject: &str, login: Option<Login>| Driver::Nats {
        server: Some("nats://a".to_owned()),
        subject: subject.to_owned(),
        reply: true,
        headers: BTreeMap::new(),
        body: None,
        timeout_ms: 1,
        login,
    };
    let fields = |driver: &Driver| driver.faults().into_iter().map(|fault| fault.field).collect::<Vec<_>>();
    for subject in ["a", "a.b", "Alarm-1.x_y.$z"] {
        assert_eq!(fields(&nats(subject, None)), Vec::<String>::new(), "{subject}");
    }
    for subject in
        ["", ".", "a.", ".a", "a..b", "a.*", ">", "a.>", "a b", "a\r\nPUB b", "$JS.API.STREAM.DELETE.X", "_INBOX.x", &"a".repeat(256)]
    {
        assert_eq!(fields(&nats(subject, None)), ["driver.subject"], "{subject:?}");
    }
    let kept = || Text::Env { env: "IONVEIL_SECRET_A".to_owned() };
    let user = |user: &str, password| Login::User { user: user.to_owned(), password };
    for (login, expected) in [
        (user("u", kept()), None),
        (Login::Token { token: kept() }, None),
        (Login::Credentials { credentials: Text::File { file: "radio.creds".to_owned() } }, None),
        (user("", kept()), Some("driver.login.user")),
        (user("u", Text::Plain("hunter2".to_owned())), Some("driver.login.password")),
        (Login::Token { token: Text::Env { env: "PATH".to_owned() } }, Some("driver.login.token")),
        (Login::Credentials { credentials: Text::File { file: "../x".to_owned() } }, Some("driver.login.credentials")),
    ] {
        assert_eq!(fields(&nats("a", Some(login.clone()))).first().map(String::as_str), expected, "{login:?}");
    }
    let stored = serde_json::from_str::<Driver>(r#"{"kind":"nats","subject":"a.b"}"#).unwrap();
    assert_eq!(fields(&stored), ["driver.server"], "what was stored before there were servers is read, and cannot be made any more");
}

#[test]
fn an_unlawful_history_is_named_by_its_invariant() {
    let state = |events: Vec<Event>| events.iter().try_fold(State::Absent, evolve::evolve);
    let setup = World::new().live().setup;
    let created = || Event::Created(Created { setup: setup.clone() });
    let probe = Event::ProbeAdmitted(ProbeAdmitted { attempt: "d#1".to_owned(), at: at(0) });
    let number = |events| state(events).unwrap_err().number;
    assert_eq!(number(vec![Event::Deleted(Deleted { at: at(0) })]), 1);
    assert_eq!(number(vec![created(), created()]), 1);
    assert_eq!(number(vec![created(), probe]), 3);
    let mut world = World::new();
    (0..5).for_each(|_| drop(world.ask(fail(0))));
    let Some(((), opened)) = world.events.last().cloned() else { panic!("it opened") };
    assert_eq!(number(vec![created(), opened.clone(), opened]), 2);
}
