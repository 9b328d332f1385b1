//! Timers fire once, at their time, whatever happens to the node, the store or the entity meanwhile; what they miss is
//! decided by their policy; none spins.

use super::alarm::{Alarm, Command, Set, State, Then};
use super::common::{entity, fresh};
use crate::testkit::{Chaos, Chaotic, Universe};
use crate::{Host, Phase, RuntimeConfig};
use ionveil_journal::TimerStore;
use ionveil_kernel::{StreamId, TimerPolicy, Timestamp};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn register(universe: &Universe) -> Host<Alarm> {
    universe.runtime.entity(Arc::new(Alarm)).expect("a lawful kind")
}

fn a() -> StreamId {
    entity("alarm", "a")
}

/// Sets the timer `t` of entity `a`, due in so many seconds; when that is.
async fn remind(universe: &Universe, host: &Host<Alarm>, seconds: u32, policy: TimerPolicy, then: Then) -> Timestamp {
    remind_of(universe, host, a(), seconds, policy, then).await
}

async fn remind_of(universe: &Universe, host: &Host<Alarm>, owner: StreamId, seconds: u32, policy: TimerPolicy, then: Then) -> Timestamp {
    let due = universe.env.now().after(SECOND * seconds);
    let set = Set { name: "t".to_owned(), due, policy, then };
    host.ask(owner, Command::Remind(set), fresh(&universe.env)).await.expect("accepted");
    due
}

async fn state(host: &Host<Alarm>, owner: &StreamId) -> State {
    host.loader().load(owner).await.expect("folds").state
}

async fn rang(host: &Host<Alarm>) -> Vec<Timestamp> {
    state(host, &a()).await.rang
}

#[track_caller]
fn on_time(rang: &[Timestamp], due: Timestamp, within: Duration) {
    assert_eq!(rang.len(), 1, "once: {rang:?}");
    assert!(rang[0] >= due && rang[0].since(due) <= within, "due {due:?}, rang {:?}", rang[0]);
}

#[test]
fn it_fires_once_at_its_time_snoozed_later_and_cancelled_never() {
    Universe::run(1, RuntimeConfig::default(), async |universe: Universe| {
        let host = register(&universe);
        let first = remind(&universe, &host, 5, TimerPolicy::FireOnceLate, Then::Gone).await;
        universe.env.sleep(SECOND * 4).await;
        let snoozed = remind(&universe, &host, 5, TimerPolicy::FireOnceLate, Then::Gone).await;
        assert!(snoozed > first);
        universe.env.sleep(SECOND * 60).await;
        on_time(&rang(&host).await, snoozed, Duration::from_millis(2));
        remind(&universe, &host, 5, TimerPolicy::FireOnceLate, Then::Gone).await;
        host.ask(a(), Command::Cancel("t".to_owned()), fresh(&universe.env)).await.expect("accepted");
        universe.env.sleep(SECOND * 60).await;
        assert_eq!(rang(&host).await.len(), 1, "a cancelled one does not fire");
        assert_eq!(universe.figure("timers_fired_total{kind=\"alarm\"}"), 1.0);
    });
}

#[test]
fn set_before_a_crash_it_fires_once_after_it() {
    Universe::run(2, RuntimeConfig::default(), async |universe: Universe| {
        let host = register(&universe);
        let due = remind(&universe, &host, 5, TimerPolicy::FireOnceLate, Then::Gone).await;
        drop(host);
        let universe = universe.crash().await;
        let host = register(&universe);
        universe.env.sleep(SECOND * 60).await;
        on_time(&rang(&host).await, due, Duration::from_millis(2));
    });
}

#[test]
fn due_while_the_node_is_down_its_policy_decides() {
    // Down for 10.5 s, due after 1 s or 8 s; the times at which it has rung, in seconds after it was set, when 11 s are over.
    let table = [
        ("late", 1, TimerPolicy::FireOnceLate, Then::Gone, vec![10.5]),
        ("skipped", 1, TimerPolicy::Skip, Then::Gone, vec![]),
        ("skip, but not late enough", 8, TimerPolicy::Skip, Then::Gone, vec![10.5]),
        ("all of them", 1, TimerPolicy::FireAll, Then::Again(2_000_000), vec![1.0, 3.0, 5.0, 7.0, 9.0]),
        ("of many only one late", 1, TimerPolicy::FireOnceLate, Then::Again(2_000_000), vec![10.5]),
    ];
    for (name, seconds, policy, then, expected) in table {
        let rang = Universe::run(3, RuntimeConfig::default(), async move |universe: Universe| {
            let host = register(&universe);
            let start = remind(&universe, &host, seconds, policy, then).await;
            drop(host);
            universe.faults.set(|knobs| knobs.down = true);
            universe.env.sleep(Duration::from_millis(10_500)).await;
            universe.faults.set(|knobs| knobs.down = false);
            let universe = universe.crash().await;
            let host = register(&universe);
            universe.env.sleep(Duration::from_millis(450)).await;
            let skipped = universe.figure("timers_skipped_total{kind=\"alarm\"}");
            assert_eq!(skipped, f64::from(u8::from(expected.is_empty())), "{name}");
            let set_at = start.micros() - i64::from(seconds) * 1_000_000;
            let rang = rang(&host).await.into_iter().map(|at| (at.micros() - set_at) as f64 / 1e6).collect::<Vec<_>>();
            assert_eq!(rang.len(), expected.len(), "{name}: {rang:?}");
            rang.into_iter().zip(expected).map(|(rang, expected)| (name, rang, expected)).collect::<Vec<_>>()
        });
        for (name, rang, expected) in rang {
            // A restarted node takes a moment to look.
            assert!(rang >= expected && rang - expected < 0.4, "{name}: {rang} for {expected}");
        }
    }
}

#[test]
fn a_passive_entity_wakes_on_time() {
    let config = RuntimeConfig { idle: SECOND, ..RuntimeConfig::default() };
    Universe::run(4, config, async |universe: Universe| {
        let host = register(&universe);
        let due = remind(&universe, &host, 60, TimerPolicy::FireOnceLate, Then::Gone).await;
        universe.env.sleep(SECOND * 30).await;
        assert_eq!((universe.runtime.resident(), universe.runtime.node(&a())), (0, None), "it is not in memory");
        universe.env.sleep(SECOND * 31).await;
        on_time(&rang(&host).await, due, Duration::from_millis(2));
    });
}

#[test]
fn refused_or_left_as_it_was_it_is_consumed_and_does_not_spin() {
    for (then, rings) in [(Then::Refused, 0), (Then::Stays, 1)] {
        Universe::run(5, RuntimeConfig::default(), async move |universe: Universe| {
            let host = register(&universe);
            for round in 1..=2 {
                remind(&universe, &host, 5, TimerPolicy::FireOnceLate, then).await;
                universe.env.sleep(SECOND * 3_600).await;
                let row = universe.memory.timers(&a()).await.expect("in memory").pop().expect("still wished for");
                assert!(row.consumed, "{then:?}");
                assert_eq!(rang(&host).await.len(), rings * round, "{then:?}: once for each arming");
                assert_eq!(universe.figure("commands_total{kind=\"alarm\"}"), 2.0 * round as f64, "{then:?}: asked once for each arming");
            }
        });
    }
}

#[test]
fn ten_thousand_due_at_once_all_fire_soon() {
    Universe::run(6, RuntimeConfig::default(), async |universe: Universe| {
        let (host, count) = (register(&universe), 10_000);
        let due = universe.env.now().after(SECOND * 60);
        let set = Set { name: "t".to_owned(), due, policy: TimerPolicy::FireOnceLate, then: Then::Gone };
        let asked = (0..count).map(|number| {
            let owner = entity("alarm", &format!("n{number}"));
            host.ask(owner, Command::Remind(set.clone()), fresh(&universe.env))
        });
        assert!(futures_util::future::join_all(asked).await.iter().all(Result::is_ok));
        universe.env.sleep(SECOND * 90).await;
        assert_eq!(universe.figure("timers_fired_total{kind=\"alarm\"}"), f64::from(count), "within 30 s");
        assert_eq!(universe.memory.next_due(&[0, 1, 2, 3]).await.expect("in memory"), None);
    });
}

#[test]
fn no_more_fire_in_a_second_than_may_and_those_that_may_do() {
    let config = RuntimeConfig { timers_per_s: 100, ..RuntimeConfig::default() };
    Universe::run(7, config, async |universe: Universe| {
        let (host, count) = (register(&universe), 1_000);
        let due = universe.env.now().after(SECOND * 60);
        let set = Set { name: "t".to_owned(), due, policy: TimerPolicy::FireOnceLate, then: Then::Gone };
        for number in 0..count {
            host.ask(entity("alarm", &format!("n{number}")), Command::Remind(set.clone()), fresh(&universe.env)).await.expect("set");
        }
        universe.env.sleep(due.since(universe.env.now()) + SECOND * 5).await;
        let half = universe.figure("timers_fired_total{kind=\"alarm\"}");
        assert!((450.0..=510.0).contains(&half), "{half} after 5 s");
        universe.env.sleep(SECOND * 6).await;
        assert_eq!(universe.figure("timers_fired_total{kind=\"alarm\"}"), f64::from(count));
    });
}

#[test]
fn whatever_call_of_the_store_a_firing_is_interrupted_at_it_fires_once() {
    for (calls, stored, crash) in
        (0..16).flat_map(|calls| [(true, true), (true, false), (false, true), (false, false)].map(|(s, c)| (calls, s, c)))
    {
        Universe::run(calls, RuntimeConfig::default(), async move |mut universe: Universe| {
            let mut host = register(&universe);
            let due = remind(&universe, &host, 5, TimerPolicy::FireOnceLate, Then::Gone).await;
            universe.faults.fuse(calls, stored);
            universe.env.sleep(SECOND * 6).await;
            universe.faults.defuse();
            universe.faults.set(|knobs| knobs.down = false);
            if crash {
                drop(host);
                universe = universe.crash().await;
                host = register(&universe);
            }
            universe.env.sleep(SECOND * 60).await;
            let rang = rang(&host).await;
            assert_eq!(rang.len(), 1, "after {calls} calls, stored: {stored}, crash: {crash}");
            assert!(rang[0] >= due);
        });
    }
}

#[test]
fn due_while_the_store_is_away_it_fires_soon_after() {
    Universe::run(8, RuntimeConfig::default(), async |universe: Universe| {
        let host = register(&universe);
        remind(&universe, &host, 5, TimerPolicy::FireOnceLate, Then::Gone).await;
        universe.faults.set(|knobs| knobs.down = true);
        universe.env.sleep(SECOND * 30).await;
        universe.faults.set(|knobs| knobs.down = false);
        let back = universe.env.now();
        universe.env.sleep(SECOND * 60).await;
        on_time(&rang(&host).await, back, SECOND * 3);
    });
}

#[test]
fn one_that_cannot_fire_now_does_not_delay_the_others() {
    Universe::run(9, RuntimeConfig::default(), async |universe: Universe| {
        let chaos = Chaos::new(universe.env.clone());
        let host = universe.runtime.entity(Arc::new(Chaotic::new(Alarm, chaos.clone()))).expect("a lawful kind");
        let ask = async |owner: StreamId, seconds| {
            let due = universe.env.now().after(SECOND * seconds);
            let set = Set { name: "t".to_owned(), due, policy: TimerPolicy::FireOnceLate, then: Then::Gone };
            let asked = host.ask(owner, Command::Remind(set), fresh(&universe.env)).await;
            asked.is_ok().then_some(due)
        };
        assert!(ask(a(), 1).await.is_some());
        chaos.panics(1_000);
        while universe.runtime.node(&a()).is_some_and(|node| node.state != Phase::Quarantined) {
            assert!(ask(a(), 1).await.is_none());
        }
        chaos.panics(0);
        // Until the one in quarantine is tried at long intervals only.
        universe.env.sleep(SECOND * 30).await;
        for _ in 0..5 {
            let other = entity("alarm", "b");
            let due = ask(other.clone(), 7).await.expect("accepted");
            universe.env.sleep(SECOND * 8).await;
            let rang = host.loader().load(&other).await.expect("folds").state.rang;
            on_time(&rang[rang.len().saturating_sub(1)..], due, Duration::from_millis(2));
        }
    });
}
