//! Escalation on virtual time over a week with 10,000 alerts equals a plain model that was written apart from it: it looks at
//! every alert every minute, as the passes of the specification do, and keeps nothing but what the specification names.

use super::{acknowledge, resolve, target};
use crate::alert::{Alerts, Command, Event, Next, Status};
use crate::testing::{World, firing, min, plan};

const ALERTS: u64 = 10_000;
const WEEK: i64 = 7 * 24 * 60;

/// What people do to an alert, in minutes after it was raised.
#[derive(Clone, Copy, Debug)]
struct Script {
    raised: i64,
    timeouts: [i64; 3],
    repeat: Option<i64>,
    max: u32,
    acknowledged: Option<(i64, Option<i64>)>,
    escalated: Option<i64>,
    resolved: i64,
    /// Nobody of the first level is reached; that is known after so long.
    lost: Option<i64>,
}

/// Who was told when: minute and level.
type Told = Vec<(i64, usize)>;

/// SplitMix64.
fn random(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

fn script(seed: &mut u64) -> Script {
    let mut draw = |from: i64, to: i64| from + i64::try_from(random(seed, u64::try_from(to - from).unwrap())).unwrap();
    Script {
        raised: draw(0, WEEK - 300),
        timeouts: [draw(1, 20), draw(1, 30), draw(1, 40)],
        repeat: (draw(0, 2) == 0).then(|| draw(3, 30)),
        max: u32::try_from(draw(0, 5)).unwrap(),
        acknowledged: (draw(0, 2) == 0).then(|| (draw(1, 60), (draw(0, 2) == 0).then(|| draw(1, 40)))),
        escalated: (draw(0, 4) == 0).then(|| draw(1, 60)),
        resolved: draw(1, 240),
        lost: (draw(0, 5) == 0).then(|| draw(1, 6)),
    }
}

/// The plain model. Levels count from 1; a policy has the first three. At one minute people come before the pass.
fn model(script: &Script) -> Told {
    let (mut level, mut entered, mut told_at, mut steps, mut count) = (1_usize, 0, 0, 1, 0);
    let (mut acknowledged, mut until, mut undelivered) = (false, None, false);
    let mut told = vec![(script.raised, 1)];
    for minute in 1..script.resolved {
        let mut tell = |level: usize, steps: &mut u32, told_at: &mut i64| {
            *steps += 1;
            *told_at = minute;
            told.push((script.raised + minute, level));
        };
        if script.lost == Some(minute) && steps == 1 {
            undelivered = true;
            if !acknowledged {
                (level, entered, count) = (level + 1, minute, count + 1);
                tell(level, &mut steps, &mut told_at);
            } else {
                undelivered = false;
            }
        }
        if let Some((at, minutes)) = script.acknowledged
            && at == minute
            && !acknowledged
        {
            acknowledged = true;
            until = minutes.map(|minutes| minute + minutes);
        }
        if script.escalated == Some(minute) && !acknowledged && level < 4 && count < script.max {
            (level, entered, count) = (level + 1, minute, count + 1);
            tell(level, &mut steps, &mut told_at);
        }
        if acknowledged {
            if until == Some(minute) {
                (acknowledged, until, entered) = (false, None, minute);
                tell(level, &mut steps, &mut told_at);
            }
            continue;
        }
        let timeout = script.timeouts.get(level - 1).filter(|_| level < 4 && count < script.max);
        let repeat = script.repeat.or(undelivered.then_some(5));
        match (timeout, repeat) {
            (Some(timeout), _) if minute - entered >= *timeout => {
                (level, entered, count) = (level + 1, minute, count + 1);
                tell(level, &mut steps, &mut told_at);
            }
            (None, Some(repeat)) if minute - told_at >= repeat => tell(level, &mut steps, &mut told_at),
            (_, _) => {}
        }
    }
    told
}

fn level(call: &crate::alert::Call) -> usize {
    1 + crate::words::Level::ALL.iter().position(|level| *level == call.level).unwrap()
}

fn told(events: &[Event]) -> impl Iterator<Item = usize> {
    events.iter().filter_map(|event| match event {
        Event::Raised(of) => of.call.as_ref().map(level),
        Event::Escalated(of) => Some(level(&of.call)),
        Event::Repeated(of) => Some(level(&of.call)),
        Event::Reopened(of) => Some(level(&of.call)),
        _ => None,
    })
}

/// The decider, driven by what people do and by its own timers, nothing in between.
fn real(script: &Script) -> Told {
    let levels: [(&str, i64, &[&str]); 3] =
        [("L1", script.timeouts[0], &["a"]), ("L2", script.timeouts[1], &["b"]), ("L3", script.timeouts[2], &["c"])];
    let mut world = World::new(Alerts, "a");
    let now = |after: i64| min(script.raised + after);
    let mut all = Vec::new();
    let mut tell = |world: &mut World<Alerts>, after: i64, command: &Command| {
        let events = world.tell(now(after), command).unwrap_or_default();
        all.extend(told(&events).map(|level| (script.raised + after, level)));
    };
    tell(&mut world, 0, &Command::Raise { firing: Box::new(firing("a", plan(&levels, script.repeat, Some(script.max)))) });
    let mut people = vec![(script.resolved, 3, resolve("done"))];
    people.extend(script.lost.map(|at| (at, 0, Command::DeliveryFailed { step: 1, target: target("a") })));
    people.extend(script.acknowledged.map(|(at, minutes)| (at, 1, acknowledge(minutes))));
    people.extend(script.escalated.map(|at| (at, 2, Command::Escalate { reason: None })));
    people.sort_by_key(|(at, order, _)| (*at, *order));
    for (at, _, command) in people {
        while let Some((due, pass)) = world.next(now(at - 1)) {
            tell(&mut world, due.micros() / 60_000_000 - script.raised, &pass);
        }
        if at < script.resolved || matches!(command, Command::Resolve { .. }) {
            tell(&mut world, at, &command);
        }
    }
    assert_eq!(world.state.alert().map(|alert| (alert.status, alert.next().map(Next::due))), Some((Status::Resolved, None)));
    all
}

#[test]
fn ten_thousand_alerts_in_a_week_escalate_as_in_a_plain_model() {
    let mut seed = 7;
    let mut calls = 0;
    for number in 0..ALERTS {
        let script = script(&mut seed);
        let (expected, found) = (model(&script), real(&script));
        assert_eq!(found, expected, "alert {number}: {script:?}");
        calls += found.len();
    }
    assert!(calls > 20_000, "{calls} calls");
}
