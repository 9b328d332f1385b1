//! Timers come and go with the append that changes them, and are found when they are due.

use super::given::*;
use ionveil_journal::{Append, ArmedTimer, Claim, Store, StoreError, TIMER_NAME_MAX, TimerChange, TimerChangeKind};
use ionveil_kernel::{StreamId, TimerPolicy, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

type Given = Arc<dyn Store>;
/// A case: the changes of each append, and the timer's due, the number of the append that armed it, and `consumed`.
type Case = (&'static str, Vec<Vec<TimerChange>>, Option<(i64, u64, bool)>);

const ONCE: TimerPolicy = TimerPolicy::FireOnceLate;

fn change(name: &str, change: TimerChangeKind) -> TimerChange {
    TimerChange { name: name.to_owned(), change }
}

/// Arms `name` for second `due`.
pub(crate) fn arm(name: &str, due: i64) -> TimerChange {
    change(name, TimerChangeKind::Arm { due: second(due), policy: ONCE })
}

fn disarm(name: &str) -> TimerChange {
    change(name, TimerChangeKind::Disarm)
}

fn consume(name: &str) -> TimerChange {
    change(name, TimerChangeKind::Consume)
}

/// An append of the one event `n` that changes timers.
pub(crate) fn with(owner: &StreamId, n: u64, timers: Vec<TimerChange>) -> Append {
    Append { timers, ..single(owner, &n.to_string(), n) }
}

fn all(store: &dyn Store) -> Vec<u16> {
    (0..store.partitions()).collect()
}

async fn due(store: &dyn Store, now: i64) -> Vec<ArmedTimer> {
    store.due_timers(&all(store), second(now), None, 1_000).await.unwrap()
}

async fn next(store: &dyn Store) -> Option<Timestamp> {
    store.next_due(&all(store)).await.unwrap()
}

/// What is left of the timers of `owner`: name, due in seconds, `armed`, `consumed`.
async fn shown(store: &dyn Store, owner: &StreamId) -> Vec<(String, i64, u64, bool)> {
    let timers = store.timers(owner).await.unwrap();
    let second = |due: Timestamp| (due.micros() - second(0).micros()) / 1_000_000;
    timers.into_iter().map(|timer| (timer.name, second(timer.due), timer.armed, timer.consumed)).collect()
}

fn row(name: &str, due: i64, armed: u64, consumed: bool) -> (String, i64, u64, bool) {
    (name.to_owned(), due, armed, consumed)
}

fn claim_of(claims: &[Claim], partition: u16) -> Claim {
    *claims.iter().find(|claim| claim.partition == partition).expect("claimed")
}

pub(crate) async fn an_armed_timer_reads_back_as_it_was_given(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let policies = [("a", ONCE), ("b", TimerPolicy::Skip), ("ü\n'\"", TimerPolicy::FireAll)];
    let arm = |(name, policy): &(&str, TimerPolicy)| change(name, TimerChangeKind::Arm { due: second(9), policy: *policy });
    let mut whole = append(&owner, "c", events(&owner, 1, 3));
    whole.timers = policies.iter().map(arm).collect();
    let receipt = accepted(&*store, &claims, &[whole]).await.remove(0);
    let (partition, armed) = (receipt.partition, receipt.position);
    let timer = |(name, policy): &(&str, TimerPolicy)| ArmedTimer {
        partition,
        owner: owner.clone(),
        name: (*name).to_owned(),
        due: second(9),
        policy: *policy,
        armed,
        consumed: false,
    };
    let expected: Vec<_> = policies.iter().map(timer).collect();
    assert_eq!(store.timers(&owner).await.unwrap(), expected);
    assert_eq!(due(&*store, 9).await, expected);
    assert_eq!(due(&*store, 8).await, []);
    assert_eq!(store.timers(&name("b")).await.unwrap(), []);
}

pub(crate) async fn arming_takes_the_position_of_the_receipt_also_without_events(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let mut empty = append(&owner, "c", vec![]);
    empty.timers = vec![arm("x", 5)];
    accepted(&*store, &claims, &[empty.clone()]).await;
    assert_eq!(shown(&*store, &owner).await, [row("x", 5, 0, false)]);
    let mut later = Append { command_id: command("d"), ..empty };
    later.timers = vec![arm("x", 6)];
    accepted(&*store, &claims, &[single(&owner, "1", 1), later]).await;
    assert_eq!(shown(&*store, &owner).await, [row("x", 6, 1, false)]);
}

pub(crate) async fn what_is_refused_changes_no_timer(store: Given) {
    let mut claims = owned(&*store).await;
    let (mine, lost, other) = (name_in(&*store, 0), name_in(&*store, 1), name_in(&*store, 2));
    let first = [with(&mine, 1, vec![arm("x", 5)]), with(&lost, 1, vec![arm("x", 5)])];
    let armed = accepted(&*store, &claims, &first).await;
    claims.retain(|claim| claim.partition != 1);
    let batch = [
        with(&mine, 1, vec![disarm("x"), arm("y", 1)]),
        with(&lost, 2, vec![consume("x"), arm("y", 1)]),
        with(&mine, 2, vec![arm("x", 1)]),
        with(&other, 7, vec![arm("x", 1)]),
    ];
    assert_eq!(words(&put(&*store, &claims, &batch).await), ["duplicate", "fenced", "conflict", "conflict"]);
    assert_eq!(shown(&*store, &mine).await, [row("x", 5, armed[0].position, false)]);
    assert_eq!(shown(&*store, &lost).await, [row("x", 5, armed[1].position, false)]);
    assert_eq!(shown(&*store, &other).await, []);
}

pub(crate) async fn a_batch_of_both_kinds_arms_for_the_accepted_only(store: Given) {
    let claims = owned(&*store).await;
    let (a, b) = (name_in(&*store, 0), name_in(&*store, 0).id.to_string() + "-b");
    let b = (0..).map(|n| name(&format!("{b}{n}"))).find(|b| b.partition(store.partitions()) == 0).expect("endless");
    accepted(&*store, &claims, &[single(&a, "1", 1)]).await;
    let batch = [with(&a, 1, vec![arm("x", 1)]), with(&b, 1, vec![arm("x", 2)]), with(&b, 2, vec![arm("y", 3)])];
    assert_eq!(words(&put(&*store, &claims, &batch).await), ["duplicate", "accepted", "accepted"]);
    assert_eq!(shown(&*store, &a).await, []);
    assert_eq!(shown(&*store, &b).await, [row("x", 2, 2, false), row("y", 3, 3, false)], "armed where the events are");
}

pub(crate) async fn changes_follow_the_order_of_list_and_batch(store: Given) {
    let claims = owned(&*store).await;
    let table: [Case; 12] = [
        ("armed", vec![vec![arm("x", 1)]], Some((1, 1, false))),
        ("armed again", vec![vec![arm("x", 1)], vec![arm("x", 2)]], Some((2, 2, false))),
        ("the last arming counts", vec![vec![arm("x", 1), arm("x", 2)]], Some((2, 1, false))),
        ("disarmed", vec![vec![arm("x", 1)], vec![disarm("x")]], None),
        ("disarmed at once", vec![vec![arm("x", 1), disarm("x")]], None),
        ("armed after being disarmed", vec![vec![arm("x", 1)], vec![disarm("x"), arm("x", 3)]], Some((3, 2, false))),
        ("consumed", vec![vec![arm("x", 1)], vec![consume("x")]], Some((1, 1, true))),
        ("consumed at once", vec![vec![arm("x", 1), consume("x")]], Some((1, 1, true))),
        ("armed after being consumed", vec![vec![arm("x", 1)], vec![consume("x"), arm("x", 1)]], Some((1, 2, false))),
        ("consumed twice", vec![vec![arm("x", 1)], vec![consume("x")], vec![consume("x")]], Some((1, 1, true))),
        ("nothing to disarm or consume", vec![vec![disarm("x"), consume("x")]], None),
        ("consumed after being disarmed", vec![vec![arm("x", 1)], vec![disarm("x"), consume("x")]], None),
    ];
    for together in [false, true] {
        for (case, (what, appends, expected)) in table.iter().enumerate() {
            let owner = stream("acme", "workflow", &format!("{together}-{case}"));
            let before = store.heads().await.unwrap()[usize::from(owner.partition(store.partitions()))];
            let batch: Vec<_> = (1..).zip(appends).map(|(n, timers)| with(&owner, n, timers.clone())).collect();
            match together {
                true => drop(accepted(&*store, &claims, &batch).await),
                false => {
                    for append in batch {
                        accepted(&*store, &claims, &[append]).await;
                    }
                }
            }
            let expected: Vec<_> = expected.iter().map(|(due, nth, consumed)| row("x", *due, before + nth, *consumed)).collect();
            assert_eq!(shown(&*store, &owner).await, expected, "{what}, in one batch: {together}");
        }
    }
}

/// Many owners, names and changes in batches of all sizes, against a map.
pub(crate) async fn many_changes_agree_with_a_map(store: Given) {
    let claims = owned(&*store).await;
    let owners: Vec<_> = (0..7).map(|n| name(&format!("m{n}"))).collect();
    let mut model: BTreeMap<(StreamId, String), (Timestamp, u64, bool)> = BTreeMap::new();
    let mut versions = [0_u64; 7];
    let mut dice = 12_345_u64;
    let mut draw = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % below
    };
    for size in [1, 2, 5, 17, 80, 300] {
        let mut batch = Vec::new();
        for _ in 0..size {
            let who = draw(7) as usize;
            versions[who] += 1;
            let timers = (0..draw(4)).map(|_| {
                let name = format!("t{}", draw(5));
                match draw(4) {
                    0 => disarm(&name),
                    1 => consume(&name),
                    _ => arm(&name, draw(100) as i64),
                }
            });
            let timers = timers.collect();
            batch.push(with(&owners[who], versions[who], timers));
        }
        let receipts = accepted(&*store, &claims, &batch).await;
        for (append, receipt) in batch.iter().zip(receipts) {
            for timer in &append.timers {
                let key = (append.owner.clone(), timer.name.clone());
                match timer.change {
                    TimerChangeKind::Arm { due, .. } => drop(model.insert(key, (due, receipt.position, false))),
                    TimerChangeKind::Disarm => drop(model.remove(&key)),
                    TimerChangeKind::Consume => drop(model.entry(key).and_modify(|timer| timer.2 = true)),
                }
            }
        }
        let mut found = BTreeMap::new();
        for owner in &owners {
            for timer in store.timers(owner).await.unwrap() {
                found.insert((owner.clone(), timer.name), (timer.due, timer.armed, timer.consumed));
            }
        }
        assert_eq!(found, model, "after a batch of {size}");
    }
    assert!(model.values().any(|timer| timer.2) && model.values().any(|timer| !timer.2), "both kinds were there");
}

pub(crate) async fn a_timer_is_consumed_once_and_only_as_it_was_armed(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    accepted(&*store, &claims, &[with(&owner, 1, vec![arm("x", 1), arm("y", 2)])]).await;
    let found = due(&*store, 9).await;
    let claim = claim_of(&claims, found[0].partition);
    assert!(store.consume_timer(claim, &found[0]).await.unwrap());
    assert!(!store.consume_timer(claim, &found[0]).await.unwrap(), "a second time");
    assert_eq!(due(&*store, 9).await, found[1..]);
    assert_eq!(next(&*store).await, Some(second(2)));
    accepted(&*store, &claims, &[with(&owner, 2, vec![arm("x", 1), arm("y", 2)])]).await;
    for (name, old) in [("consumed before", &found[0]), ("waiting before", &found[1])] {
        assert!(!store.consume_timer(claim, old).await.unwrap(), "armed anew: {name}");
    }
    assert_eq!(due(&*store, 9).await.len(), 2, "arming anew makes it wait again");
    let gone = ArmedTimer { name: "z".to_owned(), ..found[0].clone() };
    assert!(!store.consume_timer(claim, &gone).await.unwrap(), "there is none");
}

pub(crate) async fn who_lost_the_partition_consumes_nothing(store: Given) {
    let old = owned(&*store).await;
    let owner = name_in(&*store, 1);
    accepted(&*store, &old, &[with(&owner, 1, vec![arm("x", 1)])]).await;
    let timer = due(&*store, 9).await.remove(0);
    let new = owned(&*store).await;
    let future = Claim { epoch: claim_of(&new, 1).epoch + 1, ..claim_of(&new, 1) };
    let nowhere = Claim { partition: 60, ..claim_of(&new, 1) };
    for (name, claim) in
        [("old", claim_of(&old, 1)), ("to come", future), ("of another partition", claim_of(&new, 2)), ("of none", nowhere)]
    {
        assert!(!store.consume_timer(claim, &timer).await.unwrap(), "{name}");
    }
    assert_eq!(due(&*store, 9).await, std::slice::from_ref(&timer));
    assert!(store.consume_timer(claim_of(&new, 1), &timer).await.unwrap());
}

pub(crate) async fn due_timers_are_paged_in_order(store: Given) {
    let claims = owned(&*store).await;
    let names = [name("b"), name("a"), stream("zeta", "workflow", "a"), stream("acme", "unit", "z"), name("a-1")];
    let batch: Vec<_> =
        names.iter().map(|owner| with(owner, 1, vec![arm("t2", 5), arm("t10", 5), arm("late", 7), arm("soon", 3)])).collect();
    accepted(&*store, &claims, &batch).await;
    let found = due(&*store, 6).await;
    let places: Vec<_> = found.iter().map(ArmedTimer::place).collect();
    assert_eq!(found.len(), 15);
    assert!(places.is_sorted() && places.iter().all(|(due, ..)| *due <= second(6)), "{places:?}");
    for limit in [1, 4, 15, 16] {
        let mut paged = Vec::new();
        loop {
            let page = store.due_timers(&all(&*store), second(6), paged.last(), limit).await.unwrap();
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, found, "by {limit}");
    }
    assert_eq!(store.due_timers(&all(&*store), second(6), None, 0).await.unwrap(), []);
}

pub(crate) async fn partitions_that_are_not_asked_for_stay_out(store: Given) {
    let claims = owned(&*store).await;
    assert_eq!(next(&*store).await, None);
    for partition in 0..store.partitions() {
        let timers = vec![arm("x", 100 - i64::from(partition))];
        accepted(&*store, &claims, &[with(&name_in(&*store, partition), 1, timers)]).await;
    }
    let table: [(&str, &[u16], &[i64]); 5] = [
        ("none", &[], &[]),
        ("one", &[2], &[98]),
        ("two, against their order", &[0, 3], &[97, 100]),
        ("one named twice", &[1, 1], &[99]),
        ("one that does not exist", &[60, 1, 64, u16::MAX], &[99]),
    ];
    for (name, partitions, seconds) in table {
        let found = store.due_timers(partitions, second(1_000), None, 10).await.unwrap();
        let expected: Vec<_> = seconds.iter().map(|n| second(*n)).collect();
        assert_eq!(found.iter().map(|timer| timer.due).collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(store.next_due(partitions).await.unwrap(), expected.first().copied(), "{name}");
    }
}

pub(crate) async fn names_that_no_store_takes_are_refused(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let long = "n".repeat(TIMER_NAME_MAX);
    for (what, name) in [("empty", String::new()), ("too long", format!("{long}n")), ("a zero byte", "a\0b".to_owned())] {
        let refused = store.append(&claims, &[with(&owner, 1, vec![arm("ok", 1), disarm(&name)])], second(0)).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{what}: {refused:?}");
    }
    assert_eq!(shown(&*store, &owner).await, []);
    accepted(&*store, &claims, &[with(&owner, 1, vec![arm(&long, 1)])]).await;
    assert_eq!(shown(&*store, &owner).await, [row(&long, 1, 1, false)]);
}

pub(crate) async fn extreme_dues_survive(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let at = |name: &str, due| change(name, TimerChangeKind::Arm { due, policy: ONCE });
    accepted(&*store, &claims, &[with(&owner, 1, vec![at("last", Timestamp::MAX), at("first", Timestamp::MIN)])]).await;
    let found = store.due_timers(&all(&*store), Timestamp::MAX, None, 9).await.unwrap();
    assert_eq!(found.iter().map(|timer| timer.due).collect::<Vec<_>>(), [Timestamp::MIN, Timestamp::MAX]);
    assert_eq!(next(&*store).await, Some(Timestamp::MIN));
}
