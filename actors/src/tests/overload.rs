//! Ten times the capacity: queues stay bounded, what is shed is told so and counted, control commands come through, and more
//! handles make no more room.

use super::common::{entity, fresh};
use super::tally::{Command, Tally};
use crate::testkit::Universe;
use crate::{AskError, Class, Delivery, Host, RuntimeConfig};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use ionveil_journal::testkit::Knobs;
use ionveil_kernel::StreamId;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

const ENTITIES: u64 = 20;
const QUEUE_MAX: usize = 16;
const IN_LINE_MAX: usize = 128;
const DEADLINE: Duration = Duration::from_secs(2);

/// What is in flight is committed every 20 ms: at most 4 commands each time, 200 in a second.
fn config() -> RuntimeConfig {
    RuntimeConfig { queue_max: QUEUE_MAX, in_line_max: IN_LINE_MAX, in_flight_max: 4, deadline: DEADLINE, ..RuntimeConfig::default() }
}

fn slow(universe: &Universe) {
    let delay = Duration::from_millis(20);
    universe.faults.set(|knobs| *knobs = Knobs { change_delay: (delay, delay), ..Knobs::default() });
}

/// What callers were told.
#[derive(Default)]
struct Told {
    done: Cell<u64>,
    shed: Cell<u64>,
    late: Cell<u64>,
}

fn bump(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}

fn target(number: u64) -> StreamId {
    entity("tally", &format!("e{number}"))
}

async fn ask(universe: &Universe, host: &Host<Tally>, number: u64, told: &Told) {
    match host.ask(target(number % ENTITIES), Command::Add(0), fresh(&universe.env)).await {
        Ok(_) => bump(&told.done),
        Err(AskError::Overloaded) => bump(&told.shed),
        Err(AskError::TimedOut(_)) => bump(&told.late),
        Err(error) => panic!("{error:?}"),
    }
}

/// A control command each 25 ms; the longest that one took.
async fn steer(universe: &Universe, host: &Host<Tally>, until: Duration) -> Duration {
    let (mut longest, mut number) = (Duration::ZERO, 0);
    let delivery = Delivery { class: Class::Control, deadline: DEADLINE };
    while universe.env.monotonic() < until {
        let sent = universe.env.monotonic();
        let answer = host.ask_as(target(number % ENTITIES), Command::Add(0), fresh(&universe.env), delivery).await;
        assert!(answer.is_ok(), "a control command: {answer:?}");
        longest = longest.max(universe.env.monotonic() - sent);
        number += 1;
        universe.env.sleep(Duration::from_millis(25)).await;
    }
    longest
}

/// The most in line on the node, and at one entity.
async fn look(universe: &Universe, until: Duration) -> (u32, u64) {
    let (mut in_line, mut queued) = (0, 0);
    while universe.env.monotonic() < until {
        in_line = in_line.max(universe.runtime.in_line());
        let depth = |number| universe.runtime.node(&target(number)).map_or(0, |node| node.mailbox_depth + node.in_flight);
        queued = (0..ENTITIES).map(depth).fold(queued, u64::max);
        universe.env.sleep(Duration::from_millis(7)).await;
    }
    (in_line, queued)
}

#[test]
fn ten_times_the_capacity_for_a_minute() {
    Universe::run(21, config(), async |universe: Universe| {
        slow(&universe);
        let host = universe.runtime.entity(Arc::new(Tally)).expect("a lawful kind");
        let (told, until) = (Told::default(), universe.env.monotonic() + Duration::from_secs(60));
        let flood = async {
            // 2,000 in a second, more than ten times what the store takes; callers do not wait for each other.
            let (mut asked, mut number) = (FuturesUnordered::new(), 0);
            while universe.env.monotonic() < until {
                asked.extend((number..number + 20).map(|number| ask(&universe, &host, number, &told)));
                number += 20;
                let mut pause = universe.env.sleep(Duration::from_millis(10));
                while let Either::Left((Some(()), waiting)) = select(asked.next(), pause).await {
                    pause = waiting;
                }
            }
            asked.collect::<Vec<()>>().await;
            number
        };
        let (asked, longest, (in_line, queued)) =
            futures_util::future::join3(flood, steer(&universe, &host, until), look(&universe, until)).await;
        let (done, shed, late) = (told.done.get(), told.shed.get(), told.late.get());
        println!("asked {asked}, done {done}, shed {shed}, late {late}; control {longest:?}; in line {in_line}, queued {queued}");
        assert_eq!(done + shed + late, asked, "everybody was told something");
        assert!(asked >= 9 * (done + late), "it was an overload");
        assert!(done > 5_000, "and work went on");
        assert!(longest <= Duration::from_millis(50), "control commands took up to {longest:?}");
        assert!(in_line <= Class::Control.limit(IN_LINE_MAX) && in_line >= 100, "in line: {in_line}");
        assert!(queued <= u64::from(Class::Control.limit(QUEUE_MAX)), "at one entity: {queued}");
        assert_eq!(universe.figure("shed_total{kind=\"tally\"}"), shed as f64, "what was shed is counted");
        assert_eq!((universe.runtime.in_line(), universe.runtime.in_flight()), (0, 0), "every place was given back");
    });
}

#[test]
fn a_thousand_handles_have_the_room_of_one() {
    Universe::run(22, config(), async |universe: Universe| {
        slow(&universe);
        let host = universe.runtime.entity(Arc::new(Tally)).expect("a lawful kind");
        let told = Told::default();
        let handles: Vec<Host<Tally>> = (0..1_000).map(|_| host.clone()).collect();
        futures_util::future::join_all(handles.iter().map(|host| ask(&universe, host, 0, &told))).await;
        assert_eq!((told.done.get(), told.shed.get()), (QUEUE_MAX as u64, 1_000 - QUEUE_MAX as u64));
        assert_eq!(universe.figure("shed_total{kind=\"tally\"}"), told.shed.get() as f64);
    });
}
