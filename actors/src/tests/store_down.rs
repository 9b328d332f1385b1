//! The store goes away for 30 s under load and comes back: nothing acknowledged is lost, callers are told what they can do,
//! service resumes by itself, and no restart budget is spent.

use super::common::{causes, entity, fresh, open};
use super::tally::{Command, Tally};
use crate::testkit::Universe;
use crate::{AskError, Host, Phase, RuntimeConfig};
use ionveil_journal::testkit::Knobs;
use ionveil_kernel::{CommandId, StreamId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const CALLERS: u64 = 100;
const RECOVERIES_MAX: usize = 4;

fn target(number: u64) -> StreamId {
    entity("tally", &format!("e{number}"))
}

/// What was answered, and when.
type Log = RefCell<Vec<(Duration, CommandId, Result<(), AskError<super::tally::TooMuch>>)>>;

/// Asks for one command after the other until `until`, each of them once.
async fn caller(universe: &Universe, host: &Host<Tally>, number: u64, until: Duration, log: &Log) {
    while universe.env.monotonic() < until {
        let meta = fresh(&universe.env);
        let answer = host.ask(target(number), Command::Add(0), meta.clone()).await.map(|_| ());
        log.borrow_mut().push((universe.env.monotonic(), meta.command_id, answer));
        universe.env.sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn down_for_half_a_minute_under_load() {
    let config = RuntimeConfig { recoveries_max: RECOVERIES_MAX, deadline: Duration::from_secs(3), ..RuntimeConfig::default() };
    Universe::run(31, config, async |universe: Universe| {
        let delay = (Duration::from_millis(1), Duration::from_millis(3));
        universe.faults.set(|knobs| *knobs = Knobs { change_delay: delay, read_delay: delay, ..Knobs::default() });
        let host = universe.runtime.entity(Arc::new(Tally)).expect("a lawful kind");
        let (log, start) = (Log::default(), universe.env.monotonic());
        let at = |seconds| start + Duration::from_secs(seconds);
        let load = futures_util::future::join_all((0..CALLERS).map(|number| caller(&universe, &host, number, at(60), &log)));
        let outage = async {
            universe.env.sleep(Duration::from_secs(10)).await;
            universe.faults.set(|knobs| knobs.down = true);
            let (mut suspended, mut in_line) = (0, 0);
            while universe.env.monotonic() < at(40) {
                universe.env.sleep(Duration::from_millis(250)).await;
                let down = |number: &u64| universe.runtime.node(&target(*number)).is_some_and(|node| node.state == Phase::Suspended);
                suspended = (0..CALLERS).filter(down).count().max(suspended);
                in_line = universe.runtime.in_line().max(in_line);
            }
            universe.faults.set(|knobs| knobs.down = false);
            (suspended, in_line)
        };
        let (_, (suspended, in_line)) = futures_util::future::join(load, outage).await;
        assert!(universe.runtime.drain(Duration::from_secs(30)).await, "nothing hangs");
        let (log, mut stored) = (log.into_inner(), BTreeMap::<Uuid, u32>::new());
        for number in 0..CALLERS {
            let causes = causes(&universe.memory, &target(number)).await;
            causes.into_iter().for_each(|cause| *stored.entry(cause).or_default() += 1);
        }
        for (when, command, answer) in &log {
            match answer {
                Ok(()) => {
                    assert_eq!(stored.get(&command.0), Some(&1), "what was acknowledged is there once");
                    assert!(!(at(11)..at(40)).contains(when), "nothing is acknowledged while the store is away");
                }
                Err(error) => {
                    assert!(open(error), "a caller is told to come again: {error:?}");
                    assert!((at(10)..at(43)).contains(when), "{error:?} at {:?}", *when - start);
                }
            }
        }
        let failed = log.iter().filter(|(.., answer)| answer.is_err()).count();
        let resumed = log.iter().filter(|(when, .., answer)| *when > at(43) && answer.is_ok()).count();
        println!("{} answers, {failed} of them not now, {suspended} suspended, {in_line} in line, {resumed} after", log.len());
        assert!(failed > 1_000 && resumed > 10_000, "{failed} {resumed}");
        assert!(suspended > 90, "the tree shows it: {suspended}");
        assert!(u64::from(in_line) <= 4 * CALLERS, "memory stays flat: {in_line} in line");
        for figure in ["restarts_total", "quarantines_total", "panics_total", "dead_letters_total"] {
            assert_eq!(universe.figure(&format!("{figure}{{kind=\"tally\"}}")), 0.0, "{figure}");
        }
        // Beside the loads, only the dispatchers of timers and of the outbox read.
        let most = universe.faults.reading_most();
        assert!((RECOVERIES_MAX as u64..=RECOVERIES_MAX as u64 + 2).contains(&most), "{most} reads at once");
    });
}
