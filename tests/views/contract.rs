//! What every database of views does in the same way.

use super::given::{PARTITIONS, Place, Script, id, org, rows, stream};
use ionveil_views::{Applied, Views, WorkflowFilter};
use std::time::Duration;

macro_rules! on_every_database {
    ($($name:ident,)*) => {
        mod memory { $(#[tokio::test] async fn $name() { super::$name(super::Place::memory()).await; })* }
        mod sqlite { $(#[tokio::test] async fn $name() { super::$name(super::Place::sqlite()).await; })* }
        mod postgres { $(#[tokio::test] async fn $name() { super::$name(super::Place::postgres()).await; })* }
    };
}

on_every_database! {
    rows_follow_the_events,
    other_kinds_of_entities_make_no_rows,
    a_page_counts_once,
    a_page_behind_a_gap_changes_nothing,
    a_page_that_was_half_taken_in_goes_on_where_it_was,
    a_crash_between_pages_loses_nothing,
    two_projectors_at_once_count_each_event_once,
    a_rebuild_makes_what_was_there,
    organisations_do_not_see_each_other,
    filters_narrow_lists_and_counts,
    pages_neither_repeat_nor_hide_what_stays,
    a_poison_event_stops_its_partition_and_is_shown,
    views_of_another_journal_are_made_anew,
    views_ahead_of_the_journal_are_made_anew,
    a_reader_waits_for_its_own_write,
}

async fn rows_follow_the_events(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    script.register("a", "x", "dispatch", "queued").await;
    script.go("a", "x", "queued", "allocated").await;
    let last = script.go("a", "x", "allocated", "cancelled").await;
    script.project(&views).await;
    let row = views.workflow(&org("a"), &id("x")).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.machine.as_str(), row.terminal, row.version), ("cancelled", "dispatch", true, 3));
    assert_eq!((row.occurred_at, row.recorded_at), (last.occurred_at, last.recorded_at));
    assert_eq!(row.attributes, r#"{"unit":"x"}"#);
    assert_eq!(rows(&views).await, script.expected().await);
    assert_eq!(views.workflow(&org("a"), &id("y")).await.unwrap(), None);
}

async fn other_kinds_of_entities_make_no_rows(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    script.append(stream("siren", "a", "x"), "opened", 9, "no JSON at all".to_owned()).await;
    script.register("a", "x", "dispatch", "queued").await;
    script.project(&views).await;
    assert_eq!(rows(&views).await.len(), 1);
}

/// A partition with at least five events, and those.
async fn long_partition(script: &Script) -> (u16, Vec<ionveil_kernel::Recorded>) {
    for partition in 0..PARTITIONS {
        let events = script.partition(partition).await;
        if events.len() >= 5 {
            return (partition, events);
        }
    }
    panic!("the script is too short");
}

async fn a_page_counts_once(mut place: Place) {
    let (views, script) = (place.open().await, Script::with(12).await);
    let (partition, events) = long_partition(&script).await;
    let end = events.len() as u64;
    let applied = Applied { position: end, poison: None };
    assert_eq!(views.apply(partition, 0, &events, end).await.unwrap(), applied);
    let before = rows(&views).await;
    assert_eq!(views.apply(partition, 0, &events, end).await.unwrap(), applied);
    assert_eq!(views.apply(partition, 2, &events[2..], end).await.unwrap(), applied);
    assert_eq!(views.apply(partition, 0, &[], 1).await.unwrap(), applied);
    assert_eq!(rows(&views).await, before);
    let checkpoint = views.checkpoints().await.unwrap().swap_remove(usize::from(partition));
    assert_eq!(checkpoint.position, end);
    assert_eq!(checkpoint.event, events.last().map(|last| (last.position, last.event_id)));
}

async fn a_page_behind_a_gap_changes_nothing(mut place: Place) {
    let (views, script) = (place.open().await, Script::with(12).await);
    let (partition, events) = long_partition(&script).await;
    let applied = views.apply(partition, 3, &events[3..], events.len() as u64).await.unwrap();
    assert_eq!(applied, Applied { position: 0, poison: None });
    assert!(rows(&views).await.is_empty());
}

async fn a_page_that_was_half_taken_in_goes_on_where_it_was(mut place: Place) {
    let (views, script) = (place.open().await, Script::with(12).await);
    let (partition, events) = long_partition(&script).await;
    let end = events.len() as u64;
    views.apply(partition, 0, &events[..2], 2).await.unwrap();
    assert_eq!(views.apply(partition, 0, &events, end).await.unwrap().position, end);
    let here: Vec<_> = script
        .expected()
        .await
        .into_iter()
        .filter(|row| stream("workflow", "a", row.id.as_str()).partition(PARTITIONS) == partition)
        .collect();
    assert_eq!(rows(&views).await, here);
}

async fn a_crash_between_pages_loses_nothing(mut place: Place) {
    let script = Script::with(30).await;
    let views = place.open().await;
    let (partition, events) = long_partition(&script).await;
    views.apply(partition, 0, &events[..3], 3).await.unwrap();
    drop(views);
    let again = place.open().await;
    assert_eq!(again.positions().await.unwrap()[usize::from(partition)], 3);
    script.project(&again).await;
    assert_eq!(rows(&again).await, script.expected().await);
}

async fn two_projectors_at_once_count_each_event_once(mut place: Place) {
    let script = Script::with(90).await;
    let (one, other) = (place.open().await, place.open().await);
    let (mut first, mut second) = (script.projector(&one, 5), script.projector(&other, 3));
    let (mut silent, mut silent_too) = (|_: &_| {}, |_: &_| {});
    let (first, second) = tokio::join!(first.catch_up(&mut silent), second.catch_up(&mut silent_too));
    assert_eq!(first.unwrap().positions, second.unwrap().positions);
    assert_eq!(rows(&one).await, script.expected().await);
    assert_eq!(rows(&other).await, script.expected().await);
}

async fn a_rebuild_makes_what_was_there(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::with(20).await);
    script.project(&views).await;
    script.go("a", "w1", "allocated", "cancelled").await;
    script.project(&views).await;
    let live = rows(&views).await;
    views.rebuild().await.unwrap();
    assert!(rows(&views).await.is_empty());
    assert_eq!(views.positions().await.unwrap(), vec![0; usize::from(PARTITIONS)]);
    script.project(&views).await;
    assert_eq!(rows(&views).await, live);
}

async fn organisations_do_not_see_each_other(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    for (org, id) in [("a", "same"), ("b", "same"), ("b", "other")] {
        script.register(org, id, "dispatch", "queued").await;
    }
    script.go("b", "same", "queued", "allocated").await;
    script.project(&views).await;
    let state = async |org_name: &str| views.workflow(&org(org_name), &id("same")).await.unwrap().unwrap().state;
    assert_eq!((state("a").await.as_str(), state("b").await.as_str()), ("queued", "allocated"));
    assert_eq!(rows(&views).await.len(), 1);
    assert_eq!(views.count(&org("b"), &WorkflowFilter::default()).await.unwrap(), 2);
    assert_eq!(views.workflow(&org("a"), &id("other")).await.unwrap(), None);
    assert_eq!(views.count(&org("c"), &WorkflowFilter::default()).await.unwrap(), 0);
}

async fn filters_narrow_lists_and_counts(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    for (id, machine, state) in
        [("1", "dispatch", "queued"), ("2", "mission", "queued"), ("3", "dispatch", "arrived"), ("4", "dispatch", "queued")]
    {
        script.register("a", id, machine, state).await;
    }
    script.project(&views).await;
    for (state, machine, expected) in [
        (None, None, vec!["1", "2", "3", "4"]),
        (Some("queued"), None, vec!["1", "2", "4"]),
        (None, Some("dispatch"), vec!["1", "3", "4"]),
        (Some("queued"), Some("dispatch"), vec!["1", "4"]),
        (Some("' OR 1=1 --"), None, vec![]),
        (Some("queued"), Some("%"), vec![]),
    ] {
        let filter = WorkflowFilter { state: state.map(str::to_owned), machine: machine.map(str::to_owned) };
        let found = views.workflows(&org("a"), &filter, None, 10).await.unwrap();
        assert_eq!(found.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(views.count(&org("a"), &filter).await.unwrap(), expected.len() as u64);
    }
}

async fn pages_neither_repeat_nor_hide_what_stays(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    // Byte order: digits, capitals, underscore never first, small letters.
    for id in ["b", "B", "a-1", "a.1", "a", "9", "Z", "a:1", "a@1", "a_1"] {
        script.register("a", id, "dispatch", "queued").await;
    }
    script.project(&views).await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = views.workflows(&org("a"), &WorkflowFilter::default(), after.as_ref(), 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        seen.extend(page.iter().map(|row| row.id.to_string()));
        // What comes in behind the reader stays unseen, what changes ahead is seen once.
        script.register("a", &format!("0{}", seen.len()), "dispatch", "queued").await;
        if seen.len() == 3 {
            script.go("a", "b", "queued", "allocated").await;
        }
        script.project(&views).await;
    }
    assert_eq!(seen, ["9", "B", "Z", "a", "a-1", "a.1", "a:1", "a@1", "a_1", "b"]);
    assert!(views.workflows(&org("a"), &WorkflowFilter::default(), None, 0).await.unwrap().is_empty());
}

async fn a_poison_event_stops_its_partition_and_is_shown(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    let bad = stream("workflow", "a", "bad");
    let there = bad.partition(PARTITIONS);
    let beside = (0..).map(|n| format!("n{n}")).find(|id| stream("workflow", "a", id).partition(PARTITIONS) == there).unwrap();
    let elsewhere = (0..).map(|n| format!("n{n}")).find(|id| stream("workflow", "a", id).partition(PARTITIONS) != there).unwrap();
    script.register("a", "bad", "dispatch", "queued").await;
    script.register("a", &beside, "dispatch", "queued").await;
    let poison = script.append(bad, "vanished", 1, "{}".to_owned()).await;
    script.go("a", &beside, "queued", "allocated").await;
    script.register("a", &elsewhere, "dispatch", "queued").await;
    let mut projector = script.projector(&views, 100);
    let status = projector.catch_up(&mut |_| {}).await.unwrap();
    let found: Vec<_> = status.poison.iter().map(|poison| (poison.partition, poison.position, poison.event_id)).collect();
    assert_eq!(found, [(there, poison.position, poison.event_id)]);
    assert!(!status.healthy() && status.poison[0].reason.contains("vanished"), "{status:?}");
    assert_eq!(status.positions[usize::from(there)], poison.position - 1);
    let state = async |name: &str| views.workflow(&org("a"), &id(name)).await.unwrap().unwrap().state;
    assert_eq!(state("bad").await, "queued");
    assert_eq!(state(&beside).await, "queued", "what is behind the poison is not taken in");
    assert_eq!(state(&elsewhere).await, "queued");
    assert_eq!(projector.catch_up(&mut |_| {}).await.unwrap().poison, status.poison, "and it stays shown, once");
}

async fn views_of_another_journal_are_made_anew(mut place: Place) {
    let (views, script) = (place.open().await, Script::with(10).await);
    script.project(&views).await;
    let mut other = Script::new().await;
    for n in 0..40 {
        other.register("a", &format!("other{n}"), "mission", "planned").await;
    }
    other.project(&views).await;
    assert_eq!(rows(&views).await, other.expected().await);
}

async fn views_ahead_of_the_journal_are_made_anew(mut place: Place) {
    let (views, script) = (place.open().await, Script::with(10).await);
    script.project(&views).await;
    let empty = Script::new().await;
    empty.project(&views).await;
    assert!(rows(&views).await.is_empty());
}

async fn a_reader_waits_for_its_own_write(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    let event = script.register("a", "x", "dispatch", "queued").await;
    let mut wanted = vec![0; usize::from(PARTITIONS)];
    wanted[usize::from(event.partition)] = event.position;
    let behind = views.wait_for(&script.env, &wanted, Duration::from_millis(1)).await.unwrap_err();
    assert_eq!(behind.positions, vec![0; usize::from(PARTITIONS)]);
    // Another handle, as in another process, takes the event in.
    let other: Views = place.open().await;
    let (waited, ()) = tokio::join!(views.wait_for(&script.env, &wanted, Duration::from_secs(60)), script.project(&other));
    waited.unwrap();
    assert!(views.wait_for(&script.env, &[], Duration::ZERO).await.is_ok());
    assert!(views.wait_for(&script.env, &[0, 0, 0, 0, 1], Duration::ZERO).await.is_err(), "a partition that is not");
}
