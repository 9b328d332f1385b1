//! The audit and the work that policy can stop, as every database of views keeps them.

use super::given::{Place, Script, id, org, stream};
use ionveil_kernel::{EntityId, EventCodec, PolicyLevel, Recorded, Timestamp};
use ionveil_policy::preview::WorkKind;
use ionveil_policy::tree::{self, AuditAction, AuditRecord, NodeAdded, NodeKind, OverrideCleared, OverrideSet, Setting};
use ionveil_views::{AuditFilter, ScopeCount, Views, WorkScope};
use ionveil_workflow::{Attributes, Event, Registered};
use std::collections::BTreeMap;

macro_rules! on_every_database {
    ($($name:ident,)*) => {
        mod memory { $(#[tokio::test] async fn $name() { super::$name(super::Place::memory()).await; })* }
        mod sqlite { $(#[tokio::test] async fn $name() { super::$name(super::Place::sqlite()).await; })* }
        mod postgres { $(#[tokio::test] async fn $name() { super::$name(super::Place::postgres()).await; })* }
    };
}

on_every_database! {
    lines_follow_the_events_of_a_tree,
    work_is_counted_by_scope_and_time,
    whole_hours_and_parts_of_hours_add_up,
    the_first_work_of_a_scope_is_found,
    a_rebuild_makes_the_same_again,
    what_cannot_be_read_of_a_tree_is_poison,
}

/// Starts a workflow at these nodes and assigns something.
async fn assign(script: &mut Script, org: &str, id: &str, nodes: &[(&str, &str)]) -> Recorded {
    let attributes: BTreeMap<_, _> = nodes.iter().map(|(key, node)| ((*key).to_owned(), (*node).into())).collect();
    let attributes = Attributes::check(&attributes).expect("lawful");
    let event = Registered { machine: "dispatch".to_owned(), definition: None, to: "queued".to_owned(), attributes };
    script.happen(org, id, &Event::Registered(event)).await;
    script.go(org, id, "queued", "allocated").await
}

async fn happen(script: &mut Script, org: &str, node: &str, event: tree::Event) -> Recorded {
    let data = event.encode().expect("encodable");
    script.append(stream("policy-node", org, node), event.event_type(), event.schema_version(), data).await
}

fn by(at: i64) -> Setting {
    Setting { source: "user:jane".to_owned(), authorization: "T1".to_owned(), reason: None, at: Timestamp::from_micros(at) }
}

/// A root `city` with a zone `b`, which is halted and let go.
async fn tree_of(script: &mut Script, org: &str) {
    let added = |kind, parent| tree::Event::NodeAdded(NodeAdded { kind, parent, term: 0 });
    happen(script, org, "city", added(NodeKind::Global, None)).await;
    happen(script, org, "b", added(NodeKind::Zone, Some(id("city")))).await;
    let set = OverrideSet { seq: 1, to: PolicyLevel::Halted, by: by(100), expires_at: None, notice_at: None };
    happen(script, org, "b", tree::Event::OverrideSet(set)).await;
    let cleared = OverrideCleared { seq: 2, from: PolicyLevel::Halted, by: by(200) };
    happen(script, org, "b", tree::Event::OverrideCleared(cleared)).await;
}

async fn audit(views: &Views, org_name: &str, filter: AuditFilter, after: u64) -> Vec<(u64, AuditAction)> {
    let lines = views.audit(&org(org_name), &filter, after, 10).await.expect("the audit");
    lines.into_iter().map(|line| (line.seq, line.action)).collect()
}

async fn lines_follow_the_events_of_a_tree(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    tree_of(&mut script, "a").await;
    tree_of(&mut script, "b").await;
    script.project(&views).await;
    let line = views.audit(&org("a"), &AuditFilter::default(), 0, 1).await.unwrap().remove(0);
    let expected = AuditRecord {
        seq: 1,
        node: id("b"),
        action: AuditAction::Set,
        from: None,
        to: Some(PolicyLevel::Halted),
        source: "user:jane".to_owned(),
        authorization: "T1".to_owned(),
        reason: None,
        code: None,
        time: Timestamp::from_micros(100),
    };
    assert_eq!(line, expected);
    let both = vec![(1, AuditAction::Set), (2, AuditAction::Cleared)];
    let of = |node: &str| AuditFilter { node: Some(id(node)), since: None };
    let since = |at| AuditFilter { node: None, since: Some(Timestamp::from_micros(at)) };
    for (name, org, filter, after, expected) in [
        ("all", "a", AuditFilter::default(), 0, &both[..]),
        ("another organisation's", "b", AuditFilter::default(), 0, &both),
        ("nobody's", "c", AuditFilter::default(), 0, &[]),
        ("behind the first", "a", AuditFilter::default(), 1, &both[1..]),
        ("of the node", "a", of("b"), 0, &both),
        ("of another node", "a", of("city"), 0, &[]),
        ("since its time", "a", since(100), 0, &both),
        ("since a little later", "a", since(101), 0, &both[1..]),
        ("of the node, since later", "a", AuditFilter { node: Some(id("b")), ..since(101) }, 0, &both[1..]),
    ] {
        assert_eq!(audit(&views, org, filter, after).await, expected, "{name}");
    }
}

fn scope(nodes: &[&str]) -> WorkScope {
    WorkScope { kind: WorkKind::Assign, nodes: nodes.iter().map(|node| id(node)).collect::<Vec<EntityId>>(), over: None }
}

/// Four pieces of work of `a` in three scopes, one of `b`.
async fn worked(script: &mut Script) -> Vec<Recorded> {
    let mut all = Vec::new();
    for (org, id, nodes) in [
        ("a", "1", &[("zone", "z"), ("agency", "y")][..]),
        ("a", "2", &[]),
        ("b", "1", &[("zone", "z")]),
        ("a", "3", &[("zone", "z")]),
        ("a", "4", &[("zone", "z"), ("agency", "y")]),
    ] {
        all.push(assign(script, org, id, nodes).await);
        script.go(org, id, "allocated", "departed").await;
    }
    all
}

async fn work_is_counted_by_scope_and_time(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    let work = worked(&mut script).await;
    script.project(&views).await;
    let found = async |org_name, from, to| {
        let mut found = views.scopes(&org(org_name), from, to).await.unwrap();
        found.sort_by(|one, other| one.scope.cmp(&other.scope));
        found
    };
    let count = |nodes: &[&str], count, first: usize| ScopeCount { scope: scope(nodes), count, first: work[first].occurred_at };
    let (begin, end) = (Timestamp::MIN, Timestamp::MAX);
    assert_eq!(found("a", begin, end).await, [count(&[], 1, 1), count(&["z"], 1, 3), count(&["z", "y"], 2, 0)]);
    assert_eq!(found("b", begin, end).await, [count(&["z"], 1, 2)]);
    assert_eq!(found("c", begin, end).await, []);
    let (first, last) = (work[0].occurred_at, work[4].occurred_at);
    assert_eq!(found("a", first, last).await, [count(&[], 1, 1), count(&["z"], 1, 3), count(&["z", "y"], 1, 0)], "before its end");
    assert_eq!(found("a", last, end).await, [count(&["z", "y"], 1, 4)], "from its first instant on");
    assert_eq!(found("a", last, last).await, []);
}

/// Whatever the ends of the range are to the hours, the number is that of a plain count.
async fn whole_hours_and_parts_of_hours_add_up(mut place: Place) {
    const HOUR: i64 = 3_600_000_000;
    let (views, mut script) = (place.open().await, Script::new().await);
    let mut times = Vec::new();
    for (number, near) in [-HOUR, 0, HOUR, 2 * HOUR, 2 * HOUR, 5 * HOUR].into_iter().enumerate() {
        for after in [-3, 0, 900_000_000] {
            script.at(near + after + i64::try_from(number).expect("small"));
            let zone = if after == 0 { "z" } else { "y" };
            times.push(
                assign(&mut script, "a", &format!("w{number}{after}").replace('-', "m"), &[("zone", zone)]).await.occurred_at.micros(),
            );
        }
        // Hours go on from page to page.
        script.project(&views).await;
    }
    let ends = times.iter().flat_map(|time| [*time, time + 1]).chain((-2..7).map(|hour| hour * HOUR)).collect::<Vec<_>>();
    for from in &ends {
        for to in &ends {
            let range = [*from, *to].map(Timestamp::from_micros);
            let found = views.scopes(&org("a"), range[0], range[1]).await.unwrap();
            let expected = times.iter().filter(|time| (from..to).contains(time)).count();
            assert_eq!(found.iter().map(|scope| scope.count).sum::<u64>(), expected as u64, "{from}..{to}");
            let first = times.iter().filter(|time| (from..to).contains(time)).min().copied();
            assert_eq!(found.iter().map(|scope| scope.first.micros()).min(), first, "{from}..{to}");
        }
    }
}

async fn the_first_work_of_a_scope_is_found(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    let work = worked(&mut script).await;
    script.project(&views).await;
    let all = (Timestamp::MIN, Timestamp::MAX);
    let found = async |nodes, range, limit| {
        let places = views.work(&org("a"), &scope(nodes), range, limit).await.unwrap();
        places.into_iter().map(|place| (place.occurred_at, place.partition, place.position)).collect::<Vec<_>>()
    };
    let at = |index: usize| (work[index].occurred_at, work[index].partition, work[index].position);
    assert_eq!(found(&["z", "y"], all, 10).await, [at(0), at(4)]);
    assert_eq!(found(&["z", "y"], all, 1).await, [at(0)]);
    assert_eq!(found(&["z", "y"], (work[1].occurred_at, Timestamp::MAX), 10).await, [at(4)]);
    assert_eq!(found(&["y", "z"], all, 10).await, []);
}

async fn a_rebuild_makes_the_same_again(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    tree_of(&mut script, "a").await;
    worked(&mut script).await;
    script.project(&views).await;
    let (begin, end) = (Timestamp::MIN, Timestamp::MAX);
    let before = (views.scopes(&org("a"), begin, end).await.unwrap(), audit(&views, "a", AuditFilter::default(), 0).await);
    assert_eq!((before.0.len(), before.1.len()), (3, 2));
    views.rebuild().await.unwrap();
    assert_eq!(views.scopes(&org("a"), begin, end).await.unwrap(), []);
    assert_eq!(audit(&views, "a", AuditFilter::default(), 0).await, []);
    script.project(&views).await;
    let after = (views.scopes(&org("a"), begin, end).await.unwrap(), audit(&views, "a", AuditFilter::default(), 0).await);
    assert_eq!(after, before);
}

async fn what_cannot_be_read_of_a_tree_is_poison(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    let poison = script.append(stream("policy-node", "a", "b"), "exploded", 1, "{}".to_owned()).await;
    let status = script.projector(&views, 10).catch_up(&mut |_| {}).await.unwrap();
    assert_eq!(status.poison.iter().map(|poison| poison.event_id).collect::<Vec<_>>(), [poison.event_id]);
}
