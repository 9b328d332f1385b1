//! Tests of incidents, by subject: what leads to what, what is refused, what is stored. How several incidents keep in step
//! is tested with the reactors.

use super::*;
use crate::geo::Position;
use crate::report::Stage;
use crate::scale::Priority;
use ionveil_kernel::testkit::{Given, fold, given};
use ionveil_kernel::testkit::{golden, unreadable};
use ionveil_kernel::{Decider, EntityId, Timestamp};

const NOW: Timestamp = Timestamp::from_micros(0);

fn id(name: &str) -> EntityId {
    EntityId::new(name).expect("a lawful id")
}

fn priority(number: i64) -> Priority {
    Priority::new(number).expect("lawful")
}

fn created() -> Event {
    Event::Created(Created {
        title: "smoke".into(),
        description: "on a roof".into(),
        priority: priority(3),
        by_keyword: false,
        position: Position::new(37.0, -122.0).expect("lawful"),
        category: "fire".into(),
        zone: None,
        by: "user:test".into(),
        source: None,
        at: NOW,
    })
}

fn moved(from: Status, to: Status) -> Event {
    Event::Transitioned(Transitioned { from, to, at: NOW, arrival: None })
}

/// Somebody, sent at once, is there for the first time.
fn first_there(at: Timestamp, zone: Option<EntityId>) -> Event {
    let arrival = Some(Arrival { priority: priority(3), dispatched_at: NOW, zone });
    Event::Transitioned(Transitioned { from: Status::EnRoute, to: Status::OnScene, at, arrival })
}

fn attached(assignment: &str, units: &[&str], status: Status) -> Event {
    let units = units.iter().map(|unit| id(unit)).collect();
    Event::UnitsAttached(UnitsAttached { assignment: id(assignment), units, replaced: None, status, at: NOW })
}

fn on(unit: &str, assignment: &str) -> AssignedUnit {
    AssignedUnit { unit: id(unit), assignment: id(assignment) }
}

fn closed(from: Status, units: Vec<AssignedUnit>) -> Event {
    Event::Closed(Closed { from, units, reported: false, at: NOW })
}

fn merged() -> Event {
    Event::Merged(Merged { into: id("p"), units: vec![], priority: priority(3), depth: 0, at: NOW })
}

/// The past that leads to a status, without units.
fn past(to: Status) -> Vec<Event> {
    use Status::{Closed, Dispatched, EnRoute, Merged, Mitigated, OnScene, Reported, Resolved, Triaged};
    let way = [Reported, Triaged, Dispatched, EnRoute, OnScene, Mitigated, Resolved];
    let steps = way.iter().position(|status| *status == to).unwrap_or(0);
    let moves = way.windows(2).take(steps).map(|pair| moved(pair[0], pair[1]));
    let end = match to {
        Closed => Some(closed(Reported, vec![])),
        Merged => Some(merged()),
        Reported | Triaged | Dispatched | EnRoute | OnScene | Mitigated | Resolved => None,
    };
    std::iter::once(created()).chain(moves).chain(end).collect()
}

fn with(events: impl IntoIterator<Item = Event>) -> Given<Incidents> {
    given(Incidents, events.into_iter().map(|event| ((), event)))
}

fn then(event: Event) -> [((), Event); 1] {
    [((), event)]
}

fn incident(events: impl IntoIterator<Item = Event>) -> Incident {
    let events: Vec<_> = events.into_iter().map(|event| ((), event)).collect();
    fold(&Incidents, &"incident:test:x".parse().unwrap(), &events).live().expect("reported").clone()
}

fn create(title: &str, priority: Option<i64>, category: Option<&str>) -> Command {
    let category = category.map(str::to_owned);
    Command::Create {
        title: title.into(),
        description: "as told".into(),
        priority,
        latitude: 37.0,
        longitude: -122.0,
        category,
        zone: None,
        source: None,
    }
}

/// Priority, whether a keyword decided, and category of what is created.
fn made(command: Command) -> (u8, bool, String) {
    let cause = ionveil_kernel::testkit::meta(1);
    let (ids, policy) = (ionveil_kernel::testkit::CountingIds::default(), ionveil_kernel::Policy::default());
    let env = DecideEnv { now: NOW, occurred_at: NOW, ids: &ids, cause: &cause, policy: &policy };
    let decision = Incidents.decide(&State::Absent { id: id("x") }, &command, &env).expect("lawful");
    let [((), Event::Created(created))] = &decision[..] else { panic!("{decision:?}") };
    assert_eq!(created.by, "user:test");
    (created.priority.number(), created.by_keyword, created.category.clone())
}

#[test]
fn the_most_urgent_of_what_is_given_and_said_counts() {
    for (title, given, expected) in [
        ("explosion", Some(4), (1, true)),
        ("explosion", Some(1), (1, false)),
        ("parking violation", Some(2), (2, false)),
        ("parking violation", None, (5, true)),
        ("cat in a tree", None, (3, false)),
        ("cat in a tree", Some(5), (5, false)),
        ("hazmat", Some(5), (2, true)),
    ] {
        let (priority, by_keyword, _) = made(create(title, given, None));
        assert_eq!((priority, by_keyword), expected, "{title} {given:?}");
    }
}

#[test]
fn a_missing_category_is_read_from_the_texts() {
    for (category, expected) in [(None, "fire"), (Some(""), "fire"), (Some("general"), "fire"), (Some("drill"), "drill")] {
        assert_eq!(made(create("smoke", None, category)).2, expected);
    }
    assert_eq!(made(create("cat in a tree", None, None)).2, "general");
}

#[test]
fn a_report_is_refused_with_every_fault() {
    let bad = Command::Create {
        title: "x".repeat(501),
        description: " ".into(),
        priority: Some(6),
        latitude: 91.0,
        longitude: f64::NAN,
        category: Some("c".repeat(65)),
        zone: Some("no zone".into()),
        source: None,
    };
    let refusal = with([]).when_unstored(bad).then_rejected("invalid_text");
    let Rejection::Invalid(faults) = &refusal else { panic!("{refusal}") };
    let told: Vec<_> = faults.iter().map(|fault| fault.field).collect();
    assert_eq!(told, ["title", "description", "priority", "latitude", "longitude", "category", "zone"]);
    assert_eq!(refusal.class(), RejectionClass::Invalid);
    with([]).when(create(&"x".repeat(500), Some(0), None)).then_rejected("invalid_priority");
    with([created()]).when(create("again", None, None)).then_rejected("duplicate_entity");
    for command in [Command::Close, Command::Remark { text: "x".into() }, Command::Drop { unit: id("u"), assignment: id("a") }] {
        assert_eq!(with([]).when(command).then_rejected("entity_not_found").class(), RejectionClass::NotFound);
    }
}

#[test]
fn the_table_of_statuses_is_the_specified_one() {
    use Status::{Closed, Dispatched, EnRoute, Merged, Mitigated, OnScene, Reported, Resolved, Triaged};
    let allowed = |from| match from {
        Reported => vec![Triaged, Closed],
        Triaged => vec![Dispatched, Closed],
        Dispatched => vec![EnRoute, Triaged],
        EnRoute => vec![OnScene, Dispatched],
        OnScene => vec![Mitigated, Resolved],
        Mitigated => vec![Resolved, OnScene],
        Resolved => vec![Closed, OnScene],
        Closed | Merged => vec![],
    };
    for from in Status::ALL {
        for to in Status::ALL {
            let asked = with(past(from)).when(Command::Transition { to });
            match (from, to) {
                (Closed | Merged, _) => drop(asked.then_rejected("terminal_incident")),
                (_, Closed) if allowed(from).contains(&to) => drop(asked.then(then(closed(from, vec![])))),
                (_, Closed) => drop(asked.then_rejected("must_resolve_first")),
                (EnRoute, OnScene) => drop(asked.then(then(first_there(NOW, None)))),
                _ if allowed(from).contains(&to) => drop(asked.then(then(moved(from, to)))),
                _ => drop(asked.then_rejected("invalid_transition")),
            }
        }
    }
}

#[test]
fn a_close_lets_the_units_go_and_is_idempotent() {
    let events = || [created(), attached("a", &["u", "v"], Status::Dispatched)];
    with(events()).when(Command::Close).then_rejected("must_resolve_first");
    let back = moved(Status::Dispatched, Status::Triaged);
    let state =
        with(events().into_iter().chain([back])).when(Command::Close).then(then(closed(Status::Triaged, vec![on("u", "a"), on("v", "a")])));
    let after = state.live().unwrap();
    assert_eq!((after.status, after.units.len(), after.closed_at), (Status::Closed, 0, Some(NOW)));
    with(past(Status::Closed)).when(Command::Close).then([]);
    with(past(Status::Merged)).when(Command::Close).then_rejected("terminal_incident");
}

#[test]
fn the_archive_erases_nothing_and_lets_the_units_go() {
    let archived = |units| Event::Archived(Archived { units, at: NOW });
    let events = || [created(), attached("a", &["u"], Status::Dispatched)];
    let state = with(events()).when(Command::Archive).then(then(archived(vec![on("u", "a")])));
    assert!(state.live().unwrap().has_ended());
    let put_away = || past(Status::Reported).into_iter().chain([archived(vec![])]);
    with(put_away()).when(Command::Archive).then([]);
    with(put_away()).when(Command::Close).then_rejected("terminal_incident");
    with(put_away()).when(Command::Remark { text: "x".into() }).then_rejected("terminal_incident");
    with(past(Status::Closed)).when(Command::Archive).then(then(archived(vec![])));
}

#[test]
fn updates_and_remarks_change_what_they_name() {
    let update = |title: Option<&str>, priority, latitude| Command::Update {
        title: title.map(str::to_owned),
        description: None,
        priority,
        category: None,
        latitude,
        longitude: None,
    };
    let updated = Event::Updated(Updated { title: Some("fire".into()), priority: Some(priority(1)), at: NOW, ..Updated::default() });
    let state = with([created()]).when(update(Some("fire"), Some(1), None)).then(then(updated));
    assert_eq!((state.live().unwrap().title.as_str(), state.live().unwrap().description.as_str()), ("fire", "on a roof"));
    with([created()]).when(update(None, None, None)).then_rejected("missing_field");
    with([created()]).when(update(Some("smoke"), Some(3), None)).then_rejected("no_change");
    with([created()]).when(update(None, Some(9), None)).then_rejected("invalid_priority");
    with([created()]).when(update(None, None, Some(1.0))).then_rejected("invalid_position");
    with(past(Status::Closed)).when(update(Some("fire"), None, None)).then_rejected("terminal_incident");
    let remark = |text: &str| Command::Remark { text: text.into() };
    let remarked = Event::Remarked(Remarked { text: "roof is hot\nstay off".into(), by: "user:test".into(), at: NOW });
    assert_eq!(with([created()]).when(remark("roof is hot\nstay off")).then(then(remarked)).live().unwrap().remarks, 1);
    with([created()]).when(remark("\u{1b}[2J")).then_rejected("invalid_text");
    with([created()]).when(remark(&"x".repeat(2_001))).then_rejected("invalid_text");
}

#[test]
fn units_come_to_what_is_open_and_everyone_is_answered() {
    use Status::{Closed, Dispatched, EnRoute, Merged, Mitigated, OnScene, Reported, Resolved, Triaged};
    let attach = |replaces: Option<&str>| Command::Attach { assignment: id("a"), units: vec![id("u")], replaces: replaces.map(id) };
    let declined = |reason| then(Event::AttachDeclined(AttachDeclined { assignment: id("a"), reason }));
    for (before, after) in [
        (Reported, Dispatched),
        (Triaged, Dispatched),
        (Dispatched, Dispatched),
        (EnRoute, EnRoute),
        (OnScene, OnScene),
        (Mitigated, Mitigated),
    ] {
        let state = with(past(before)).when(attach(None)).then(then(attached("a", &["u"], after)));
        assert_eq!((state.live().unwrap().status, &state.live().unwrap().units), (after, &vec![on("u", "a")]));
    }
    for ended in [Resolved, Closed, Merged] {
        with(past(ended)).when(attach(None)).then(declined(AttachDeclineReason::TerminalIncident));
    }
    with([]).when(attach(None)).then(declined(AttachDeclineReason::Unknown));
    let events = || [created(), attached("a", &["u"], Dispatched)];
    with(events()).when(attach(None)).then([]);
    with([created()]).when(attach(Some("v"))).then(declined(AttachDeclineReason::NotOnIncident));
    let replace = Command::Attach { assignment: id("b"), units: vec![id("v")], replaces: Some(id("u")) };
    let replaced = Event::UnitsAttached(UnitsAttached {
        assignment: id("b"),
        units: vec![id("v")],
        replaced: Some(on("u", "a")),
        status: Dispatched,
        at: NOW,
    });
    assert_eq!(with(events()).when(replace).then(then(replaced)).live().unwrap().units, [on("v", "b")]);
    let leave = |assignment| Command::Drop { unit: id("u"), assignment: id(assignment) };
    with(events()).when(leave("b")).then([]);
    let left = Event::UnitLeft(UnitLeft { unit: id("u"), assignment: id("a"), at: NOW });
    assert!(with(events()).when(leave("a")).then(then(left)).live().unwrap().units.is_empty());
}

#[test]
fn a_merge_is_begun_answered_and_ended() {
    let begun = || Event::MergeBegun(MergeBegun { secondary: id("s"), at: NOW });
    let merge = |secondary| Command::Merge { secondary: id(secondary) };
    with([created()]).when(merge("s")).then(then(begun()));
    with([created(), begun()]).when(merge("s")).then([]);
    assert_eq!(with([created()]).when(merge("x")).then_rejected("self_merge").class(), RejectionClass::Invalid);
    with(past(Status::Closed)).when(merge("s")).then_rejected("terminal_incident");
    for command in [Command::Archive, Command::Close] {
        with([created(), begun()]).when(command).then_rejected("merge_pending");
    }
    let join = || Command::Join { primary: id("p") };
    let declined = |reason| then(Event::JoinDeclined(JoinDeclined { primary: id("p"), reason }));
    with([]).when(join()).then(declined(JoinDeclineReason::Unknown));
    with(past(Status::Closed)).when(join()).then(declined(JoinDeclineReason::TerminalIncident));
    with([created(), begun()]).when(join()).then(declined(JoinDeclineReason::MergePending));
    with(past(Status::Merged)).when(join()).then([]);
    let handed = Event::Merged(Merged { into: id("p"), units: vec![on("u", "a")], priority: priority(3), depth: 0, at: NOW });
    let state = with([created(), attached("a", &["u"], Status::Dispatched)]).when(join()).then(then(handed));
    assert_eq!((state.live().unwrap().merged_into.as_ref(), state.live().unwrap().units.len()), (Some(&id("p")), 0));
    let absorb = Command::Absorb { secondary: id("s"), units: vec![on("u", "z"), on("v", "b")], priority: priority(1), depth: 0 };
    with([created()]).when(absorb.clone()).then([]);
    let absorbed =
        Event::Absorbed(Absorbed { secondary: id("s"), units: vec![on("u", "z"), on("v", "b")], priority: priority(1), depth: 1, at: NOW });
    let events = [created(), attached("a", &["u"], Status::Dispatched), begun()];
    let state = with(events).when(absorb).then(then(absorbed));
    let primary = state.live().unwrap();
    assert_eq!((&primary.units, primary.priority.number()), (&vec![on("u", "a"), on("u", "z"), on("v", "b")], 1), "its own come first");
    let end = Command::EndMerge { secondary: id("s"), reason: JoinDeclineReason::Unknown };
    let ended = Event::MergeEnded(MergeEnded { secondary: id("s"), reason: JoinDeclineReason::Unknown });
    with([created()]).when(end.clone()).then([]);
    assert!(with([created(), begun()]).when(end).then(then(ended)).live().unwrap().merging.is_empty());
}

#[test]
fn possible_duplicates_are_open_near_and_recent() {
    let minute = 60_000_000;
    let at = |metres_north: f64, minutes: i64| {
        let position = Position::new(37.0 + metres_north / 111_194.93, -122.0).unwrap();
        Incident { position, created_at: Timestamp::from_micros(minutes * minute), ..incident([created()]) }
    };
    let over = Incident { status: Status::Closed, ..at(0.0, 15) };
    let all = [
        ("far", at(301.0, 15)),
        ("b", at(120.0, 0)),
        ("a", at(-100.0, 30)),
        ("old", at(0.0, -1)),
        ("new", at(0.0, 31)),
        ("near", at(299.9, 15)),
        ("over", over),
    ];
    let all: Vec<_> = all.map(|(name, incident)| (id(name), incident)).into();
    let found = possible_duplicates(
        all.iter().map(|(id, incident)| (id, incident)),
        Position::new(37.0, -122.0).unwrap(),
        Timestamp::from_micros(15 * minute),
    );
    assert_eq!(found.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["a", "b", "near"]);
}

#[test]
fn the_timeline_tells_each_event_in_a_line() {
    use ionveil_kernel::{CorrelationId, EventCodec, EventId, Recorded};
    let told = |kind: &str, event: Event| {
        let id = uuid::Uuid::from_u128(1);
        let stream: StreamId = format!("{kind}:test:x").parse().unwrap();
        let recorded = Recorded {
            event_id: EventId(id),
            owner: stream.clone(),
            stream,
            sequence_number: 4,
            partition: 0,
            position: 9,
            event_type: event.event_type().into(),
            schema_version: event.schema_version(),
            data: event.encode().unwrap(),
            occurred_at: NOW,
            recorded_at: NOW,
            correlation_id: CorrelationId(id),
            causation_id: id,
            actor: "user:a".into(),
            traceparent: None,
        };
        timeline::entry(&recorded)
            .unwrap()
            .map(|entry| format!("{} {} {}: {}", entry.sequence_number, entry.actor, entry.event_type, entry.text))
    };
    let of = |event| told(KIND, event).expect("a line");
    assert_eq!(of(created()), "4 user:a created: reported, P3");
    assert_eq!(of(moved(Status::EnRoute, Status::OnScene)), "4 user:a transitioned: en_route to on_scene");
    assert_eq!(of(attached("a", &["u", "v"], Status::Dispatched)), "4 user:a units_attached: assigned u, v");
    assert_eq!(of(closed(Status::Resolved, vec![on("u", "a")])), "4 user:a closed: closed, 1 unit released");
    let updated = Updated { title: Some("t".into()), priority: Some(priority(1)), at: NOW, ..Updated::default() };
    assert_eq!(of(Event::Updated(updated)), "4 user:a updated: changed: title, priority");
    assert_eq!(of(Event::Remarked(Remarked { text: "hot".into(), by: "user:a".into(), at: NOW })), "4 user:a remarked: hot");
    assert_eq!(told("other", created()), None);
}

#[test]
fn statuses_have_names_also_those_of_older_data() {
    for status in Status::ALL {
        assert_eq!(Status::parse(status.as_str()), Some(status));
        assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{}\"", status.as_str()));
    }
    assert_eq!(
        (Status::parse("open"), Status::parse("acknowledged"), Status::parse("Open")),
        (Some(Status::Reported), Some(Status::Triaged), None)
    );
}

#[test]
fn histories_that_no_incident_can_have_break_an_invariant() {
    let number = |events: Vec<Event>, last: Event| {
        Incidents.evolve(State::Live(Box::new(incident(events))), &(), &last).expect_err("unlawful").number
    };
    assert_eq!(Incidents.evolve(State::Absent { id: id("x") }, &(), &merged()).unwrap_err().number, 1);
    assert_eq!(number(past(Status::Reported), created()), 1);
    assert_eq!(number(past(Status::Reported), moved(Status::Triaged, Status::Dispatched)), 2);
    assert_eq!(number(past(Status::Reported), moved(Status::Reported, Status::Resolved)), 2);
    assert_eq!(number(past(Status::Reported), attached("a", &["u"], Status::Reported)), 2);
    assert_eq!(number(past(Status::OnScene), closed(Status::OnScene, vec![])), 2);
    assert_eq!(number(past(Status::Closed), moved(Status::Closed, Status::Triaged)), 3);
    let ended = Event::MergeEnded(MergeEnded { secondary: id("s"), reason: JoinDeclineReason::Unknown });
    assert_eq!(number(past(Status::Reported), ended), 4);
    let left = Event::UnitLeft(UnitLeft { unit: id("u"), assignment: id("a"), at: NOW });
    assert_eq!(number(past(Status::Reported), left), 5);
    assert_eq!(number(past(Status::Reported), closed(Status::Reported, vec![on("u", "a")])), 6);
    let archived = || Event::Archived(Archived { units: vec![], at: NOW });
    assert_eq!(number([created(), archived()].into(), archived()), 3);
}

#[test]
fn every_stored_form_still_loads_and_every_type_has_one() {
    let at = Timestamp::from_micros(1_700_000_000_000_001);
    let full = Created {
        title: "a\n\"b\" é".into(),
        description: "d".into(),
        priority: priority(1),
        by_keyword: true,
        position: Position::new(37.774_929_5, -122.419_415_5).unwrap(),
        category: "hazmat".into(),
        zone: Some(id("B03")),
        by: "user:a".into(),
        source: None,
        at,
    };
    let imported = Created { source: Some("calls.csv:2".into()), ..full.clone() };
    let updated = Updated {
        title: Some("t".into()),
        description: Some("d".into()),
        priority: Some(priority(5)),
        category: Some("c".into()),
        position: Position::new(0.0, 0.0).ok(),
        at,
    };
    let units = || vec![on("u", "a")];
    let there = |arrival| match unit_reported("u", Stage::OnScene, Status::OnScene) {
        Event::UnitReported(event) => Event::UnitReported(UnitReported { at, arrival, ..event }),
        other => other,
    };
    let expected = vec![
        ("created.v1", Event::Created(full)),
        ("created.v1.bare", created()),
        ("created.v1.reported", Event::Created(imported)),
        ("updated.v1", Event::Updated(updated)),
        ("remarked.v1", Event::Remarked(Remarked { text: "r".into(), by: "user:a".into(), at })),
        ("transitioned.v1", moved(Status::OnScene, Status::Mitigated)),
        ("transitioned.v2", first_there(Timestamp::from_micros(600_000_000), Some(id("B09.39")))),
        ("closed.v1", closed(Status::Resolved, units())),
        ("closed.v1.reported", Event::Closed(Closed { from: Status::Dispatched, units: vec![], reported: true, at })),
        ("archived.v1", Event::Archived(Archived { units: units(), at })),
        ("merge_begun.v1", Event::MergeBegun(MergeBegun { secondary: id("s"), at })),
        ("merged.v1", Event::Merged(Merged { into: id("p"), units: units(), priority: priority(2), depth: 0, at })),
        ("join_declined.v1", Event::JoinDeclined(JoinDeclined { primary: id("p"), reason: JoinDeclineReason::TerminalIncident })),
        ("absorbed.v1", Event::Absorbed(Absorbed { secondary: id("s"), units: units(), priority: priority(2), depth: 0, at })),
        ("merge_ended.v1", Event::MergeEnded(MergeEnded { secondary: id("s"), reason: JoinDeclineReason::MergePending })),
        (
            "units_attached.v1",
            Event::UnitsAttached(UnitsAttached {
                assignment: id("a"),
                units: vec![id("u"), id("v")],
                replaced: Some(on("w", "b")),
                status: Status::EnRoute,
                at,
            }),
        ),
        ("units_attached.v1.bare", attached("a", &["u"], Status::Dispatched)),
        ("attach_declined.v1", Event::AttachDeclined(AttachDeclined { assignment: id("a"), reason: AttachDeclineReason::NotOnIncident })),
        ("unit_left.v1", Event::UnitLeft(UnitLeft { unit: id("u"), assignment: id("a"), at })),
        ("unit_reported.v1", there(None)),
        ("unit_reported.v2", there(Some(Arrival { priority: priority(2), dispatched_at: at, zone: Some(id("B1")) }))),
    ];
    golden(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/incident"), Event::TYPES, &expected);
    unreadable::<Event>(
        Event::TYPES,
        &[("merge_begun", r#"{"secondary":"-","at":0}"#), ("transitioned", r#"{"from":"reported","to":"lost","at":0}"#)],
    );
}

#[test]
fn the_first_arrival_says_what_the_response_is_judged_by_and_no_later_one_does() {
    let minute = |minutes: i64| Timestamp::from_micros(minutes * 60_000_000);
    let Event::Created(report) = created() else { panic!("a report") };
    let report = Event::Created(Created { zone: Some(id("B1")), ..report });
    let absent = Incidents.initial(&"incident:test:i1".parse().expect("a stream"));
    let mut state = Incidents.evolve(absent, &(), &report).expect("lawful");
    let way = [
        (Status::Triaged, 1),
        (Status::Dispatched, 2),
        (Status::Triaged, 3),
        (Status::Dispatched, 4),
        (Status::EnRoute, 5),
        (Status::OnScene, 9),
        (Status::Resolved, 20),
        (Status::OnScene, 30),
    ];
    let mut arrivals = Vec::new();
    for (to, minutes) in way {
        let (cause, ids) = (ionveil_kernel::testkit::meta(1), ionveil_kernel::testkit::CountingIds::default());
        let policy = ionveil_kernel::Policy::default();
        let (now, occurred_at) = (minute(minutes), minute(minutes));
        let env = DecideEnv { now, occurred_at, ids: &ids, cause: &cause, policy: &policy };
        let decided = decide::decide(&state, &Command::Transition { to }, &env).expect("accepted").expect("an event");
        state = Incidents.evolve(state, &(), &decided).expect("lawful");
        if let Event::Transitioned(Transitioned { arrival: Some(arrival), .. }) = &decided {
            arrivals.push(arrival.clone());
        }
    }
    let expected = Arrival { priority: priority(3), dispatched_at: minute(2), zone: Some(id("B1")) };
    assert_eq!(arrivals, [expected], "counted from when units were first sent");
}

fn report_unit(unit: &str, stage: Stage) -> Command {
    Command::ReportUnit { unit: id(unit), assignment: id("a"), stage, source: "calls.csv:2".into() }
}

fn unit_reported(unit: &str, stage: Stage, status: Status) -> Event {
    let source = "calls.csv:2".into();
    Event::UnitReported(UnitReported { unit: id(unit), assignment: id("a"), stage, status, source, at: NOW, arrival: None })
}

#[test]
fn what_was_reported_of_units_leads_an_incident_forward_past_stages_that_nobody_saw() {
    let mut events = vec![created()];
    let said = [
        ("u", Stage::Dispatched, Status::Dispatched, 1),
        ("u", Stage::OnScene, Status::OnScene, 1),
        ("v", Stage::Dispatched, Status::OnScene, 2),
        ("v", Stage::EnRoute, Status::OnScene, 2),
        ("v", Stage::OnScene, Status::OnScene, 2),
        ("u", Stage::Available, Status::OnScene, 1),
        ("v", Stage::Available, Status::OnScene, 0),
        ("v", Stage::Available, Status::OnScene, 0),
    ];
    for (unit, stage, status, there) in said {
        let mut event = unit_reported(unit, stage, status);
        if let (Event::UnitReported(reported), "u", Stage::OnScene) = (&mut event, unit, stage) {
            reported.arrival = Some(Arrival { priority: priority(3), dispatched_at: NOW, zone: None });
        }
        let past = events.iter().cloned().map(|event| ((), event));
        let state = given(Incidents, past).when(report_unit(unit, stage)).then([((), event.clone())]);
        let incident = state.live().unwrap();
        assert_eq!((incident.status, incident.units.len()), (status, there), "{unit} {stage:?}");
        events.push(event);
    }
    let ended = Event::Closed(Closed { from: Status::OnScene, units: vec![], reported: true, at: NOW });
    given(Incidents, events.iter().cloned().map(|event| ((), event))).when(Command::ReportClosed).then([((), ended.clone())]);
    events.push(ended);
    let past = || events.iter().cloned().map(|event| ((), event));
    given(Incidents, past()).when(Command::ReportClosed).then([]);
    given(Incidents, past()).when(report_unit("u", Stage::Dispatched)).then_rejected("terminal_incident");
    let state = fold(&Incidents, &"incident:test:x".parse().unwrap(), &[((), created())]);
    let back = Incidents.evolve(state, &(), &unit_reported("u", Stage::OnScene, Status::Dispatched)).unwrap_err();
    assert_eq!(back.number, 7);
}

#[test]
fn an_incident_of_another_system_keeps_the_priority_that_it_had_there() {
    let reported = |source: Option<&str>| match create("explosion", Some(4), None) {
        Command::Create { title, description, priority, latitude, longitude, category, zone, .. } => {
            let source = source.map(str::to_owned);
            Command::Create { title, description, priority, latitude, longitude, category, zone, source }
        }
        other => other,
    };
    assert_eq!(made(reported(None)).0, 1);
    assert_eq!(made(reported(Some("calls.csv:2"))), (4, false, "general".into()));
}
