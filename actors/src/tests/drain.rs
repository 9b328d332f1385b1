//! The end of a node: what was accepted is answered, nothing new is let in, and the deadline holds also if the store hangs.

use super::common::{causes, entity, fresh};
use super::tally::{Command, Tally};
use crate::testkit::Universe;
use crate::{AskError, RuntimeConfig};
use ionveil_journal::testkit::Knobs;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn under_load_everything_accepted_is_answered() {
    Universe::run(41, RuntimeConfig::default(), async |universe: Universe| {
        let delay = (Duration::from_millis(2), Duration::from_millis(40));
        universe.faults.set(|knobs| *knobs = Knobs { change_delay: delay, ..Knobs::default() });
        let host = universe.runtime.entity(Arc::new(Tally)).expect("a lawful kind");
        let caller = async |number: u64| {
            let (target, mut done) = (entity("tally", &format!("e{}", number % 20)), Vec::new());
            loop {
                let meta = fresh(&universe.env);
                let id = meta.command_id.0;
                match host.ask(target.clone(), Command::Add(0), meta).await {
                    Ok(_) => done.push((target.clone(), id)),
                    Err(AskError::Draining) => return done,
                    Err(error) => panic!("accepted, and then {error:?}"),
                }
            }
        };
        let drain = async {
            universe.env.sleep(SECOND * 2).await;
            assert!(universe.runtime.in_line() > 100, "there is load");
            let drained = universe.runtime.drain(SECOND * 5).await;
            (drained, universe.runtime.in_line(), universe.runtime.in_flight())
        };
        let (done, drained) = futures_util::future::join(futures_util::future::join_all((0..200).map(caller)), drain).await;
        assert_eq!(drained, (true, 0, 0));
        let (mut stored, done) = (Vec::new(), done.concat());
        for number in 0..20 {
            stored.extend(causes(&universe.memory, &entity("tally", &format!("e{number}"))).await);
        }
        let mut told: Vec<_> = done.into_iter().map(|(_, id)| id).collect();
        told.sort_unstable();
        stored.sort_unstable();
        assert!(told.len() > 1_000 && told == stored, "told {}, stored {}", told.len(), stored.len());
        let answer = host.ask(entity("tally", "new"), Command::Add(1), fresh(&universe.env)).await;
        assert_eq!(answer.map(|_| ()), Err(AskError::Draining));
    });
}

#[test]
fn the_deadline_holds_while_the_store_hangs() {
    Universe::run(42, RuntimeConfig::default(), async |universe: Universe| {
        let host = universe.runtime.entity(Arc::new(Tally)).expect("a lawful kind");
        universe.faults.set(|knobs| knobs.change_delay = (SECOND * 60, SECOND * 60));
        let ask = host.ask(entity("tally", "a"), Command::Add(1), fresh(&universe.env));
        let drain = async {
            universe.env.sleep(Duration::from_millis(1)).await;
            let start = universe.env.monotonic();
            (universe.runtime.drain(SECOND * 2).await, universe.env.monotonic() - start)
        };
        let (answer, (drained, took)) = futures_util::future::join(ask, drain).await;
        assert_eq!((drained, took), (false, SECOND * 2), "it says that not all was answered, in time");
        assert_eq!(answer.map(|_| ()), Err(AskError::TimedOut(SECOND * 10)), "who waits is told, by his own deadline");
    });
}
