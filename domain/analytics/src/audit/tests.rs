//! Chains that were tampered with, and the canonical form.

use super::*;
use crate::query::before;
use ionveil_kernel::{CorrelationId, EventId, Org, Recorded, Timestamp};
use proptest::prelude::*;
use std::time::Duration;

fn change(number: u64) -> Change {
    Change {
        id: format!("e{number}"),
        org: Org::new("acme").unwrap(),
        entity: "incident:acme:i-1".into(),
        incident: Some("i-1".into()),
        action: if number.is_multiple_of(2) { "incident.updated" } else { "incident.created" }.into(),
        actor: "user:jane".into(),
        details: format!(r#"{{"n":{number}}}"#),
        timestamp: Timestamp::from_micros(i64::try_from(number).unwrap()),
    }
}

fn chain(length: u64) -> Vec<Entry> {
    let mut head = Head::EMPTY;
    let next = |number| {
        let entry = Entry::seal(&head, change(number));
        head = entry.head();
        entry
    };
    (1..=length).map(next).collect()
}

/// What is found of a chain of five, whose end is known, once it was tampered with.
fn found(tamper: impl FnOnce(&mut Vec<Entry>)) -> Option<(u64, Defect)> {
    let mut entries = chain(5);
    let known = entries[4].head();
    tamper(&mut entries);
    verify(&entries, Some(known)).err().map(|broken| (broken.sequence, broken.defect))
}

/// A forger who knows how checksums are made seals the rest anew.
fn forge(entries: &mut [Entry], from: usize) {
    for place in from..entries.len() {
        let head = if place == 0 { Head::EMPTY } else { entries[place - 1].head() };
        entries[place] = Entry::seal(&head, entries[place].change.clone());
    }
}

#[test]
fn a_whole_chain_is_whole() {
    assert_eq!(found(|_| {}), None);
    let entries = chain(5);
    assert_eq!(verify(&entries, None).unwrap(), entries[4].head());
    assert_eq!(verify([], None).unwrap(), Head::EMPTY);
    let mut rest = Verifier::new(entries[2].head(), None);
    entries[3..].iter().for_each(|entry| rest.check(entry).unwrap());
    assert_eq!(rest.finish().unwrap(), entries[4].head());
    assert_eq!(verify(&entries, Some(entries[1].head())).unwrap(), entries[4].head(), "an older head is on the way");
}

#[test]
fn the_first_bad_entry_is_named() {
    assert_eq!(found(|entries| entries[2].change.details = "{}".into()), Some((3, Defect::Altered)));
    assert_eq!(found(|entries| entries[1].change.actor = "user:eve".into()), Some((2, Defect::Altered)));
    assert_eq!(found(|entries| entries[1].change.incident = None), Some((2, Defect::Altered)));
    assert_eq!(found(|entries| drop(entries.remove(1))), Some((2, Defect::Removed { found: 3 })));
    assert_eq!(found(|entries| drop(entries.remove(0))), Some((1, Defect::Removed { found: 2 })));
    assert_eq!(found(|entries| entries.swap(1, 2)), Some((2, Defect::Removed { found: 3 })));
    assert_eq!(found(|entries| entries.insert(3, entries[1].clone())), Some((4, Defect::Reordered { found: 2 })));
    assert_eq!(found(|entries| drop(entries.pop())), Some((5, Defect::Truncated)));
    assert_eq!(found(Vec::clear), Some((1, Defect::Truncated)));
}

#[test]
fn a_forger_who_seals_anew_is_found_at_the_end_that_is_known() {
    let alter = |entries: &mut Vec<Entry>| {
        entries[2].change.actor = "user:eve".into();
        entries[2] = Entry::seal(&entries[1].head(), entries[2].change.clone());
    };
    assert_eq!(found(alter), Some((4, Defect::Unlinked)), "only the altered one was sealed anew");
    let alter_all = |entries: &mut Vec<Entry>| {
        entries[2].change.actor = "user:eve".into();
        forge(entries, 2);
    };
    assert_eq!(found(alter_all), Some((5, Defect::Truncated)));
    let remove = |entries: &mut Vec<Entry>| {
        entries.remove(1);
        forge(entries, 1);
    };
    assert_eq!(found(remove), Some((5, Defect::Truncated)));
}

#[test]
fn what_is_found_is_told_with_number_and_id() {
    let mut entries = chain(3);
    entries[1].change.action = "incident.closed".into();
    let broken = verify(&entries, None).unwrap_err();
    assert_eq!(broken.to_string(), "entry 2 (e2) was altered: its checksum is that of other fields");
    let cut = verify(&entries[..1], Some(chain(3)[2].head())).unwrap_err();
    assert_eq!(cut.to_string(), "entry 2 is missing or is another one: the chain's known end does not fit");
}

/// Worked out with `printf '…' | sha256sum`.
#[test]
fn a_checksum_is_that_of_the_canonical_json() {
    let entry = Entry::seal(&Head::EMPTY, Change { incident: None, ..change(1) });
    assert_eq!(entry.checksum.to_string(), "e42811096df001dbb3c6bf155d016b3551578151fb8754a8cd25227f3222f395");
    assert_eq!(entry.previous.to_string(), "0".repeat(64));
    let text = serde_json::to_string(&entry).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
}

#[test]
fn an_event_becomes_a_change() {
    let uuid = "0198c0de-0000-7000-8000-000000000001".parse().unwrap();
    let stream = |text: &str| text.parse().unwrap();
    let event = Recorded {
        event_id: EventId(uuid),
        stream: stream("unit:acme:u-1"),
        owner: stream("unit:acme:u-1"),
        sequence_number: 1,
        partition: 0,
        position: 1,
        event_type: "assigned".into(),
        schema_version: 1,
        data: r#"{"incident": "i-7", "a": 1.10}"#.into(),
        occurred_at: Timestamp::from_micros(5),
        recorded_at: Timestamp::from_micros(6),
        correlation_id: CorrelationId(uuid),
        causation_id: uuid,
        actor: "user:jane".into(),
        traceparent: None,
    };
    let change = Change::of(&event);
    assert_eq!((change.action.as_str(), change.incident.as_deref()), ("unit.assigned", Some("i-7")));
    assert_eq!(change.details, r#"{"a":1.10,"incident":"i-7"}"#, "numbers stay as they are written");
    let of_incident = Recorded { owner: stream("incident:acme:i-9"), data: "{}".into(), ..event.clone() };
    assert_eq!(Change::of(&of_incident).incident.as_deref(), Some("i-9"));
    let of_none = Recorded { data: "[]".into(), ..event.clone() };
    assert_eq!(Change::of(&of_none).incident, None);
    assert_eq!(Change::of(&Recorded { data: "{".into(), ..event }).details, "\"{\"", "what is no JSON is a text");
}

#[test]
fn a_query_is_inclusive_at_both_ends_and_keeps_to_its_organisation() {
    let entries = chain(6);
    let changes: Vec<_> = entries.iter().map(|entry| &entry.change).collect();
    let at = |micros| Some(Timestamp::from_micros(micros));
    let acme = || AuditQuery::all(Org::new("acme").unwrap());
    let total = |query: &AuditQuery| report(changes.iter().copied(), query).total;
    assert_eq!(total(&AuditQuery { since: at(2), until: at(4), ..acme() }), 3);
    assert_eq!(total(&AuditQuery { since: at(3), until: at(3), ..acme() }.checked().unwrap()), 1);
    assert_eq!(total(&AuditQuery { action: Some("incident.created".into()), incident: Some("i-1".into()), ..acme() }), 3);
    assert_eq!(total(&AuditQuery { actor: Some("user:eve".into()), ..acme() }), 0);
    assert_eq!(total(&AuditQuery { entity: Some("incident:acme:i-1".into()), ..acme() }), 6);
    assert_eq!(total(&AuditQuery::all(Org::new("other").unwrap())), 0);
    let counted = report(changes, &acme());
    assert_eq!(counted.by_action, [("incident.created".to_owned(), 3), ("incident.updated".to_owned(), 3)].into());
    let backwards = AuditQuery { since: at(3), until: Some(before(Timestamp::from_micros(3), Duration::from_micros(1))), ..acme() };
    assert_eq!(backwards.checked().unwrap_err().code(), "invalid_range");
}

#[test]
fn json_has_one_form() {
    for (text, expected) in [
        (r#" { "b" : [ 1 , {"d":null,"c":true} ] , "a" : "\u00e9\/" } "#, r#"{"a":"é/","b":[1,{"c":true,"d":null}]}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"[{},[], 0.10000000000000000001, -0, 1e400]"#, r#"[{},[],0.10000000000000000001,-0,1e400]"#),
        ("\"\\n\"", "\"\\n\""),
    ] {
        assert_eq!(canonical(text).unwrap(), expected);
        assert_eq!(canonical(expected).unwrap(), expected);
    }
    for bad in ["", "{", "nul", "1 2", r#"{"a":}"#, "[1,]"] {
        assert!(matches!(canonical(bad), Err(NotCanonical::Malformed(_))), "{bad}");
    }
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(canonical(&deep(100)).is_ok());
    assert!(canonical(&deep(200)).is_err());
}

proptest! {
    /// Whatever one entry is replaced, removed or moved: the chain is not whole, and nothing before it is blamed.
    #[test]
    fn no_tampering_goes_unseen(length in 2_u64..20, place in 0_usize..20, kind in 0_u8..4, to in 0_usize..20) {
        let mut entries = chain(length);
        let known = entries.last().unwrap().head();
        let (place, to) = (place % entries.len(), to % entries.len());
        match kind {
            0 => { entries.remove(place); }
            1 => entries[place].change.details.push(' '),
            2 => entries[place].previous = Checksum::NONE,
            _ => entries.swap(place, to),
        }
        let is_whole = entries == chain(length);
        let outcome = verify(&entries, Some(known));
        prop_assert_eq!(outcome.is_ok(), is_whole);
        if let Err(broken) = outcome {
            let first = if kind == 3 { place.min(to) } else { place };
            prop_assert_eq!(broken.sequence, first as u64 + 1);
        }
    }
}
