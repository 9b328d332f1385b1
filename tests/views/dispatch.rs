//! The lists of incidents and units, as every database of views keeps them.

use super::given::{Place, Script, id, org, stream};
use ionveil_dispatch::geo::Position;
use ionveil_dispatch::incident::{self, Archived, Created, Status, Transitioned, UnitLeft};
use ionveil_dispatch::scale::Priority;
use ionveil_dispatch::unit::{self, AssignmentDeclined, Availability, DeclineReason, Registered, StatusChanged};
use ionveil_kernel::{EntityId, EventCodec, Timestamp};
use ionveil_views::{IncidentFilter, IncidentPlace, UnitFilter, Views};
use std::collections::BTreeSet;

macro_rules! on_every_database {
    ($($name:ident,)*) => {
        mod memory { $(#[tokio::test] async fn $name() { super::$name(super::Place::memory()).await; })* }
        mod sqlite { $(#[tokio::test] async fn $name() { super::$name(super::Place::sqlite()).await; })* }
        mod postgres { $(#[tokio::test] async fn $name() { super::$name(super::Place::postgres()).await; })* }
    };
}

on_every_database! {
    incidents_come_newest_first_and_are_counted,
    what_was_put_away_leaves_the_list,
    units_come_by_id_and_are_filtered,
    a_rebuild_makes_the_same_lists_again,
    what_cannot_follow_is_poison,
}

async fn happen(script: &mut Script, org: &str, name: &str, event: incident::Event) {
    let data = event.encode().expect("encodable");
    script.append(stream("incident", org, name), event.event_type(), event.schema_version(), data).await;
}

async fn report(script: &mut Script, org: &str, name: &str, at: i64, priority: i64, zone: Option<&str>) {
    let created = Created {
        title: format!("title of {name}"),
        description: "é \"quoted\"\n".to_owned(),
        priority: Priority::new(priority).expect("lawful"),
        by_keyword: false,
        position: Position::new(37.5, -122.5).expect("on Earth"),
        category: "general".to_owned(),
        zone: zone.map(id),
        by: "user:jane".to_owned(),
        source: None,
        at: Timestamp::from_micros(at),
    };
    happen(script, org, name, incident::Event::Created(created)).await;
}

async fn triage(script: &mut Script, name: &str) {
    let event = Transitioned { from: Status::Reported, to: Status::Triaged, at: Timestamp::from_micros(900), arrival: None };
    happen(script, "a", name, incident::Event::Transitioned(event)).await;
}

async fn happen_to_unit(script: &mut Script, name: &str, event: unit::Event) {
    let data = event.encode().expect("encodable");
    script.append(stream("unit", "a", name), event.event_type(), event.schema_version(), data).await;
}

async fn register(script: &mut Script, name: &str, unit_type: &str) {
    let event = Registered {
        name: name.to_owned(),
        unit_type: unit_type.to_owned(),
        agency: None,
        skills: BTreeSet::from(["emt".to_owned()]),
        capacity: 2,
        position: None,
        shift: None,
        at: Timestamp::from_micros(1),
    };
    happen_to_unit(script, name, unit::Event::Registered(event)).await;
}

async fn five(script: &mut Script) {
    for (name, at, priority, zone) in
        [("b", 20, 1, Some("z1")), ("a", 20, 2, Some("z2")), ("c", 30, 1, None), ("d", 10, 1, Some("z1")), ("e", 40, 5, Some("z1"))]
    {
        report(script, "a", name, at, priority, zone).await;
    }
    report(script, "other", "a", 50, 1, Some("z1")).await;
    triage(script, "b").await;
}

async fn names(views: &Views, filter: &IncidentFilter, after: Option<&IncidentPlace>, limit: usize) -> Vec<String> {
    let rows = views.incidents(&org("a"), filter, after, limit).await.expect("a list");
    rows.iter().map(|row| row.id.to_string()).collect()
}

async fn incidents_come_newest_first_and_are_counted(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    five(&mut script).await;
    script.project(&views).await;
    let p1 = Priority::new(1).ok();
    for (status, priority, zone, expected) in [
        (None, None, None, &["e", "c", "b", "a", "d"][..]),
        (Some(Status::Triaged), None, None, &["b"]),
        (None, p1, None, &["c", "b", "d"]),
        (None, None, Some("z1"), &["e", "b", "d"]),
        (Some(Status::Reported), p1, Some("z1"), &["d"]),
        (Some(Status::Closed), None, None, &[]),
    ] {
        let filter = IncidentFilter { status, priority, zone: zone.map(id) };
        assert_eq!(names(&views, &filter, None, 10).await, expected, "{filter:?}");
        assert_eq!(views.count_incidents(&org("a"), &filter).await.unwrap(), expected.len() as u64, "{filter:?}");
    }
    let after = IncidentPlace { created_at: Timestamp::from_micros(20), id: id("b") };
    assert_eq!(names(&views, &IncidentFilter::default(), Some(&after), 1).await, ["a"], "ties by id");
    let row = views
        .incidents(&org("a"), &IncidentFilter { status: Some(Status::Triaged), ..Default::default() }, None, 1)
        .await
        .unwrap()
        .remove(0);
    let incident = row.state.live().expect("it is known");
    assert_eq!((row.version, incident.status, incident.description.as_str()), (2, Status::Triaged, "é \"quoted\"\n"));
}

async fn what_was_put_away_leaves_the_list(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    five(&mut script).await;
    script.project(&views).await;
    happen(&mut script, "a", "c", incident::Event::Archived(Archived { units: Vec::new(), at: Timestamp::from_micros(99) })).await;
    script.project(&views).await;
    assert_eq!(names(&views, &IncidentFilter::default(), None, 10).await, ["e", "b", "a", "d"]);
    assert_eq!(views.count_incidents(&org("a"), &IncidentFilter::default()).await.unwrap(), 4);
}

async fn units_come_by_id_and_are_filtered(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    for (name, unit_type) in [("E2", "engine"), ("M1", "medic"), ("E1", "engine")] {
        register(&mut script, name, unit_type).await;
    }
    let declined = AssignmentDeclined { assignment: id("as1"), reason: DeclineReason::Unknown };
    happen_to_unit(&mut script, "nobody", unit::Event::AssignmentDeclined(declined)).await;
    let (from, to, at) = (Availability::Available, Availability::OutOfService, Timestamp::from_micros(9));
    script.project(&views).await;
    happen_to_unit(&mut script, "E2", unit::Event::StatusChanged(StatusChanged { from, to, assignment: None, at })).await;
    script.project(&views).await;
    let found = async |filter: &UnitFilter, after: Option<&EntityId>, limit| {
        let rows = views.units(&org("a"), filter, after, limit).await.unwrap();
        rows.iter().map(|row| format!("{} {}", row.id, row.state.live().expect("it is known").status().as_str())).collect::<Vec<_>>()
    };
    let engines = UnitFilter { unit_type: Some("engine".to_owned()), status: None };
    let out = UnitFilter { unit_type: Some("engine".to_owned()), status: Some(Availability::OutOfService) };
    assert_eq!(found(&UnitFilter::default(), None, 9).await, ["E1 available", "E2 out_of_service", "M1 available"]);
    assert_eq!(found(&UnitFilter::default(), Some(&id("E1")), 1).await, ["E2 out_of_service"]);
    assert_eq!(found(&engines, None, 9).await, ["E1 available", "E2 out_of_service"]);
    assert_eq!(found(&out, None, 9).await, ["E2 out_of_service"]);
}

async fn a_rebuild_makes_the_same_lists_again(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    five(&mut script).await;
    register(&mut script, "E1", "engine").await;
    script.project(&views).await;
    let before = views.incidents(&org("a"), &IncidentFilter::default(), None, 10).await.unwrap();
    views.rebuild().await.unwrap();
    assert!(names(&views, &IncidentFilter::default(), None, 10).await.is_empty());
    assert!(views.units(&org("a"), &UnitFilter::default(), None, 10).await.unwrap().is_empty());
    script.project(&views).await;
    assert_eq!(views.incidents(&org("a"), &IncidentFilter::default(), None, 10).await.unwrap(), before);
    assert_eq!(views.units(&org("a"), &UnitFilter::default(), None, 10).await.unwrap().len(), 1);
}

async fn what_cannot_follow_is_poison(mut place: Place) {
    let (views, mut script) = (place.open().await, Script::new().await);
    report(&mut script, "a", "x", 1, 1, None).await;
    let left = UnitLeft { unit: id("E1"), assignment: id("as1"), at: Timestamp::from_micros(2) };
    happen(&mut script, "a", "x", incident::Event::UnitLeft(left)).await;
    let status = script.projector(&views, 100).catch_up(&mut |_| {}).await.unwrap();
    assert!(status.poison.len() == 1 && status.poison[0].reason.contains("cannot follow"), "{status:?}");
    assert_eq!(names(&views, &IncidentFilter::default(), None, 10).await, ["x"], "what came before it is there");
}
