//! The chain of §5.4 step by step, what a crash leaves, and what is refused.

use super::*;
use ionveil_kernel::testkit::{Given, given};
use ionveil_kernel::{EntityId, Policy, PolicyLevel};

fn id(text: &str) -> EntityId {
    EntityId::new(text).expect("a lawful id")
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms * 1_000)
}

fn form() -> RequestForm {
    let backup = |channel: &str, weight| Backup { channel: id(channel), weight };
    RequestForm {
        primary: Some(id("radio")),
        backups: vec![backup("sms", 1.0), backup("satellite", 3.0), backup("mail", 1.0)],
        ..RequestForm::default()
    }
}

fn requested() -> Requested {
    form().check("hash".to_owned()).expect("a lawful request")
}

fn skip(reason: &str) -> Step {
    Step::Skip { reason: reason.to_owned() }
}

fn begin() -> Step {
    Step::Begin { simulated: false, permit: None, within_ms: 5_000 }
}

fn start(steps: Vec<Step>) -> Command {
    Command::Start { request: Box::new(requested()), steps, bound: None }
}

fn failed(number: u32, reason: &str) -> Option<Conclusion> {
    Some(Conclusion {
        number,
        outcome: Outcome::Failed,
        reason: Some(reason.to_owned()),
        latency_ms: Some(40.0),
        http_status: None,
        bound: None,
    })
}

fn delivered(number: u32) -> Option<Conclusion> {
    Some(Conclusion { number, outcome: Outcome::Success, reason: None, latency_ms: Some(2.5), http_status: Some(204), bound: None })
}

/// Carries out commands one after the other; what each led to, as a line per event.
fn told(commands: Vec<(i64, Command)>) -> (State, Vec<String>) {
    let (mut events, mut lines, mut state) = (Vec::new(), Vec::new(), State::Absent);
    for (ms, command) in commands {
        let all = events.clone();
        let decided = decide_at(&state, &command, ms).expect("accepted");
        lines.extend(decided.iter().map(line));
        events.extend(decided.into_iter().map(|event| ((), event)));
        let given: Given<Failover> = given(Failover, all).at(at(ms));
        drop(given.when(command));
        state = events.iter().fold(State::Absent, |state, ((), event)| state.evolve(event).expect("a lawful event"));
    }
    (state, lines)
}

fn decide_at(state: &State, command: &Command, ms: i64) -> Result<Vec<Event>, Rejection> {
    let (cause, ids) = (ionveil_kernel::testkit::meta(1), ionveil_kernel::testkit::CountingIds::default());
    let policy = ionveil_kernel::Policy::default();
    decide::decide(state, command, &DecideEnv { now: at(ms), occurred_at: at(ms), ids: &ids, cause: &cause, policy: &policy })
}

fn line(event: &Event) -> String {
    match event {
        Event::Requested(event) => format!("requested {}", event.chain.iter().map(EntityId::as_str).collect::<Vec<_>>().join(" ")),
        Event::ChannelSkipped(event) => format!("{} {} skipped {}", event.number, event.channel, event.reason),
        Event::AttemptBegun(event) => format!("{} {} begun", event.number, event.channel),
        Event::ChannelAttempted(event) => {
            format!("{} {} {:?} {}", event.number, event.channel, event.outcome, event.reason.as_deref().unwrap_or("-"))
        }
        Event::AnsweredLate(event) => format!("{} late {}", event.attempt.number, event.delivered),
        Event::RouteSelected(event) => format!("selected {} after {} in {}", event.channel, event.failovers, event.total_latency_ms),
        Event::FailoverExhausted(event) => format!("exhausted after {} in {}", event.attempts, event.total_latency_ms),
    }
}

#[test]
fn backups_come_by_weight_and_equal_ones_as_they_were_listed() {
    let chain: Vec<_> = requested().chain.iter().map(ToString::to_string).collect();
    assert_eq!(chain, ["radio", "satellite", "sms", "mail"]);
    assert_eq!((requested().latency_threshold_ms, requested().max_failovers), (100.0, 3));
}

#[test]
fn all_faults_are_told_in_the_order_of_the_specification() {
    let backup = |channel: &str, weight| Backup { channel: id(channel), weight };
    let wrong = RequestForm {
        primary: None,
        backups: vec![backup("a", 0.0), backup("a", f64::NAN)],
        latency_threshold_ms: Some(0.0),
        max_failovers: Some(-1),
        ..RequestForm::default()
    };
    let faults: Vec<_> =
        wrong.check(String::new()).unwrap_err().into_iter().map(|fault| format!("{} {}", fault.field, fault.code)).collect();
    let expected = [
        "primary missing_primary",
        "backups[1].channel duplicate_channel",
        "backups[0].weight invalid_weight",
        "backups[1].weight invalid_weight",
        "latency_threshold_ms invalid_threshold",
        "max_failovers invalid_max_failovers",
    ];
    assert_eq!(faults, expected);
    let twice = RequestForm { backups: vec![backup("radio", 1.0)], ..form() };
    assert_eq!(twice.check(String::new()).unwrap_err()[0].code, "duplicate_channel");
    assert!(RequestForm { max_failovers: Some(0), backups: Vec::new(), ..form() }.check(String::new()).is_ok());
}

#[test]
fn a_failure_leads_to_the_next_channel_and_a_success_ends_it() {
    let (state, lines) = told(vec![
        (0, start(vec![begin()])),
        (40, Command::Proceed { concluded: failed(1, "send_failed"), steps: vec![skip("circuit_open"), begin()], bound: None }),
        (43, Command::Proceed { concluded: delivered(3), steps: vec![], bound: None }),
    ]);
    let expected = [
        "requested radio satellite sms mail",
        "1 radio begun",
        "1 radio Failed send_failed",
        "2 satellite skipped circuit_open",
        "3 sms begun",
        "3 sms Success -",
        "selected sms after 1 in 42.5",
    ];
    assert_eq!(lines, expected);
    assert_eq!(state.live().and_then(|live| live.end), Some(End::Delivered));
}

#[test]
fn skips_cost_no_attempt_and_attempts_end_after_the_failovers_allowed() {
    let request = RequestForm { max_failovers: Some(1), ..form() }.check(String::new()).unwrap();
    let steps = vec![skip("blocked"), Step::Fail { reason: "unknown_channel".to_owned() }, begin()];
    let (state, lines) = told(vec![
        (0, Command::Start { request: Box::new(request), steps, bound: None }),
        (1, Command::Proceed { concluded: failed(3, "timeout"), steps: vec![], bound: None }),
    ]);
    assert_eq!(lines.last().map(String::as_str), Some("exhausted after 2 in 40"));
    let live = state.live().expect("asked for");
    assert_eq!((live.attempts(), live.failovers(), live.next()), (2, 1, None));
    let refused = decide_at(&state, &Command::Proceed { concluded: None, steps: vec![begin()], bound: None }, 2);
    assert_eq!(refused, Err(Rejection::NoNextChannel));
}

#[test]
fn where_everything_is_skipped_it_is_exhausted_at_once() {
    let (state, lines) = told(vec![(0, start(vec![skip("blocked"), skip("blocked"), skip("circuit_open"), skip("blocked")]))]);
    assert_eq!(lines.last().map(String::as_str), Some("exhausted after 0 in 0"));
    assert_eq!(state.live().and_then(|live| live.end), Some(End::Exhausted));
}

#[test]
fn after_a_crash_the_attempt_is_unknown_and_a_repeat_goes_on_with_the_next() {
    let (state, lines) = told(vec![
        (0, start(vec![begin()])),
        (4_999, Command::Cut),
        (5_000, Command::Cut),
        (5_001, Command::Cut),
        (9_000, Command::Proceed { concluded: None, steps: vec![begin()], bound: None }),
        (9_002, Command::Proceed { concluded: delivered(2), steps: vec![], bound: None }),
    ]);
    let expected = [
        "requested radio satellite sms mail",
        "1 radio begun",
        "1 radio Unknown no_result",
        "2 satellite begun",
        "2 satellite Success -",
        "selected satellite after 1 in 2.5",
    ];
    assert_eq!(lines, expected, "the deadline is inclusive, and cuts once; the unknown one counts as an attempt");
    assert_eq!(Failover.timers(&state), []);
}

#[test]
fn a_repeat_right_after_the_crash_and_a_result_after_the_deadline_are_taken() {
    let unknown =
        Conclusion { outcome: Outcome::Unknown, reason: Some(CRASHED.to_owned()), latency_ms: None, ..failed(1, "").expect("one") };
    let proceed = Command::Proceed { concluded: Some(unknown), steps: vec![begin()], bound: None };
    let (_, lines) = told(vec![(0, start(vec![begin()])), (10, proceed)]);
    assert_eq!(lines[2..], ["1 radio Unknown no_result", "2 satellite begun"]);
    let late = Command::Proceed { concluded: delivered(1), steps: vec![], bound: None };
    let (_, lines) = told(vec![(0, start(vec![begin()])), (5_000, Command::Cut), (5_001, late)]);
    assert_eq!(lines[2..], ["1 radio Unknown no_result", "1 radio Success -", "selected radio after 0 in 2.5"]);
}

#[test]
fn an_answer_to_an_attempt_that_was_given_up_is_recorded_once() {
    let late = || Command::AnswerLate { number: 1, delivered: true, latency_ms: 180.0, http_status: Some(200) };
    let (state, lines) = told(vec![
        (0, start(vec![begin()])),
        (100, Command::Proceed { concluded: failed(1, "latency_exceeded"), steps: vec![begin()], bound: None }),
        (103, Command::Proceed { concluded: delivered(2), steps: vec![], bound: None }),
        (180, late()),
        (181, late()),
    ]);
    assert_eq!(lines.iter().filter(|line| line.contains("late true")).count(), 1, "{lines:?}");
    assert_eq!(state.live().map(|live| live.log[0].answered_late), Some(true));
    let stray = Command::AnswerLate { number: 7, delivered: true, latency_ms: 1.0, http_status: None };
    assert_eq!(decide_at(&state, &stray, 200), Err(Rejection::StaleAttempt));
}

#[test]
fn what_does_not_fit_is_refused() {
    let begun = || given(Failover, [((), Event::Requested(requested())), ((), begun_event())]);
    begun().when(start(vec![])).then_rejected("duplicate_dispatch");
    begun().when(Command::Proceed { concluded: None, steps: vec![begin()], bound: None }).then_rejected("no_next_channel");
    begun().when(Command::Proceed { concluded: failed(2, "x"), steps: vec![], bound: None }).then_rejected("stale_attempt");
    begun().when(Command::Proceed { concluded: delivered(1), steps: vec![begin()], bound: None }).then_rejected("no_next_channel");
    given(Failover, []).when(Command::Cut).then_rejected("dispatch_not_found");
}

fn begun_event() -> Event {
    let (number, channel, permit) = (1, id("radio"), None);
    Event::AttemptBegun(AttemptBegun { number, channel, simulated: false, permit, at: at(0), deadline: at(5_000) })
}

#[test]
fn an_unlawful_history_is_named_by_its_invariant() {
    let one = State::Absent.evolve(&Event::Requested(requested())).unwrap();
    let exhausted =
        Event::FailoverExhausted(FailoverExhausted { attempts: 0, total_latency_ms: 0.0, zone: None, longest_ms: 0, bound: None });
    let skipped = |number, channel: &str| {
        Event::ChannelSkipped(ChannelSkipped { number, channel: id(channel), reason: "blocked".to_owned(), at: at(0) })
    };
    let broken = |state: &State, event: &Event| state.clone().evolve(event).unwrap_err().number;
    assert_eq!(broken(&State::Absent, &exhausted), 1);
    assert_eq!(broken(&one, &Event::Requested(requested())), 1);
    assert_eq!(broken(&one, &skipped(1, "sms")), 2);
    assert_eq!(broken(&one, &skipped(2, "radio")), 2);
    let ended = one.evolve(&exhausted).unwrap();
    assert_eq!(broken(&ended, &skipped(1, "radio")), 4);
}

#[test]
fn a_halted_zone_begins_nothing_and_ends_what_was_begun() {
    let halted = || Policy { level: PolicyLevel::Halted, node: Some("n1".into()), ..Policy::default() };
    let given = || -> Given<Failover> { given(Failover, []).under(halted()) };
    given().when(start(vec![begin()])).then_rejected("policy_halted");
    let mut request = requested();
    request.zone = Some(id("n1"));
    let zoned = Command::Start { request: Box::new(request), steps: vec![begin()], bound: None };
    let owner = format!("{KIND}:test:d1").parse().expect("a stream");
    assert_eq!(Failover.scope(&owner, &State::Absent, &zoned), Some(vec![id("n1")]));
    assert_eq!(Failover.scope(&owner, &State::Absent, &start(vec![])), Some(vec![]), "without a zone it is the root");
    assert_eq!(Failover.scope(&owner, &State::Absent, &Command::Cut), None);
}

fn bound(level: PolicyLevel, max_failovers: u32, timeout_ms: u64) -> Option<Bound> {
    Some(Bound { level, node: "B09".to_owned(), max_failovers, timeout_ms })
}

fn proceed(concluded: Option<Conclusion>, steps: Vec<Step>, bound: Option<Bound>) -> Command {
    Command::Proceed { concluded, steps, bound }
}

#[test]
fn a_level_leaves_fewer_failovers_and_the_end_names_it() {
    let restricted = || bound(PolicyLevel::Restricted, 1, 10_000);
    let start = |bound| Command::Start { request: Box::new(requested()), steps: vec![begin()], bound };
    let (state, lines) = told(vec![
        (0, start(restricted())),
        (40, proceed(failed(1, "send_failed"), vec![begin()], restricted())),
        (80, proceed(failed(2, "send_failed"), vec![], restricted())),
    ]);
    assert_eq!(lines.last().map(String::as_str), Some("exhausted after 2 in 80"), "the request allows three failovers, the level one");
    assert_eq!(state.live().and_then(|live| live.cut_by.clone()), restricted());
    let (state, _) = told(vec![(0, start(restricted())), (40, proceed(failed(1, "send_failed"), vec![begin()], restricted()))]);
    let refused = decide_at(&state, &proceed(failed(2, "send_failed"), vec![begin()], restricted()), 80);
    assert_eq!(refused, Err(Rejection::NoNextChannel), "nobody goes on beyond it");
    // What ends where the request itself ends is nobody's doing.
    let request = RequestForm { max_failovers: Some(0), ..form() }.check(String::new()).unwrap();
    let (state, _) = told(vec![
        (0, Command::Start { request: Box::new(request), steps: vec![begin()], bound: restricted() }),
        (40, proceed(failed(1, "send_failed"), vec![], restricted())),
    ]);
    assert_eq!(state.live().map(|live| (live.end, live.cut_by.clone())), Some((Some(End::Exhausted), None)));
}

#[test]
fn a_level_that_is_raised_under_way_binds_what_is_left() {
    let halted = || bound(PolicyLevel::Halted, 0, 5_000);
    let normal = bound(PolicyLevel::Normal, 3, 30_000);
    let start = Command::Start { request: Box::new(requested()), steps: vec![skip("blocked"), begin()], bound: normal };
    let (state, lines) = told(vec![(0, start), (40, proceed(failed(2, "timeout"), vec![], halted()))]);
    assert_eq!(lines.last().map(String::as_str), Some("exhausted after 1 in 40"));
    assert_eq!(state.live().and_then(|live| live.cut_by.clone()), halted());
}

#[test]
fn a_call_that_a_level_cut_short_says_so_and_for_how_long_it_was_waited_for() {
    let cut = bound(PolicyLevel::Restricted, 1, 10_000);
    let concluded = failed(1, "timeout").map(|failed| Conclusion { latency_ms: None, bound: cut.clone(), ..failed });
    let (state, _) = told(vec![(0, start(vec![begin()])), (10_003, proceed(concluded, vec![begin()], cut.clone()))]);
    let live = state.live().expect("asked for");
    assert_eq!((live.log[0].bound.clone(), live.log[0].waited_ms, live.longest_ms()), (cut.clone(), Some(10_003), 10_003));
    assert_eq!(live.total_latency_ms(), 0.0, "a time in vain is no latency");
    let cut = cut.expect("one");
    let below = [None, Some(20_000), Some(10_000), Some(1)].map(|own| cut.is_below(own));
    assert_eq!(below, [true, true, false, false], "what ends as soon by itself was not cut by the level");
    assert_eq!([(3, None), (0, Some(&cut)), (3, Some(&cut))].map(|(asked, bound)| failovers_max(asked, bound)), [3, 0, 1]);
}
