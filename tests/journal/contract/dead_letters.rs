//! Commands that were set aside: replaced, bounded, listed, thrown away.

use super::given::*;
use ionveil_journal::{DeadLetter, Store, StoreError};
use ionveil_kernel::{Org, StreamId};
use std::sync::Arc;
use uuid::Uuid;

type Given = Arc<dyn Store>;

fn letter(owner: &StreamId, name: &str) -> DeadLetter {
    DeadLetter {
        id: DeadLetter::id_of(owner, command(name)),
        owner: owner.clone(),
        command_id: command(name),
        command: format!(r#"{{"do":"{name}"}}"#),
        meta: r#"{"caller":"ü"}"#.to_owned(),
        fault: "it panicked".to_owned(),
        panics: 2,
        parked_at: second(7),
    }
}

async fn park(store: &dyn Store, letter: &DeadLetter, max: u64) -> bool {
    store.park(letter, max).await.unwrap()
}

pub(crate) async fn a_dead_letter_reads_back_as_it_was_given(store: Given) {
    let letter = DeadLetter { panics: u32::MAX, ..letter(&name("a"), "c") };
    assert_eq!(store.dead_letter(letter.id).await.unwrap(), None);
    assert!(park(&*store, &letter, 10).await);
    assert_eq!(store.dead_letter(letter.id).await.unwrap(), Some(letter.clone()));
    assert_eq!(store.dead_letters(None, None, 10).await.unwrap(), [letter]);
}

pub(crate) async fn the_same_command_has_one_dead_letter(store: Given) {
    let first = letter(&name("a"), "c");
    let second = DeadLetter { panics: 3, fault: "again".to_owned(), parked_at: second(8), ..first.clone() };
    assert!(park(&*store, &first, 1).await);
    assert!(park(&*store, &second, 1).await, "it takes its own place, also when there is no other");
    assert_eq!(store.dead_letters(None, None, 10).await.unwrap(), [second]);
    let ids = [(name("a"), "c"), (name("a"), "d"), (name("b"), "c")].map(|(owner, name)| DeadLetter::id_of(&owner, command(name)));
    assert!(ids[0] == first.id && ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
}

pub(crate) async fn an_organisation_has_so_many_and_takes_none_from_others(store: Given) {
    let (acme, zeta) = (name("a"), stream("zeta", "workflow", "a"));
    assert!(!park(&*store, &letter(&acme, "1"), 0).await, "none at all");
    for (command, parked) in [("1", true), ("2", true), ("3", false), ("2", true)] {
        assert_eq!(park(&*store, &letter(&acme, command), 2).await, parked, "{command}");
    }
    assert!(park(&*store, &letter(&zeta, "1"), 2).await, "another organisation");
    assert_eq!(store.dead_letter(letter(&acme, "3").id).await.unwrap(), None);
    assert!(store.discard(letter(&acme, "1").id).await.unwrap());
    assert!(park(&*store, &letter(&acme, "3"), 2).await, "there is room again");
}

pub(crate) async fn dead_letters_are_paged_by_organisation(store: Given) {
    let (acme, zeta) = (Org::new("acme").unwrap(), Org::new("zeta").unwrap());
    let mut all: Vec<_> = (0..5).map(|n| letter(&name("a"), &format!("a{n}"))).collect();
    all.extend((0..4).map(|n| letter(&stream("zeta", "unit", "z"), &format!("z{n}"))));
    for letter in &all {
        assert!(park(&*store, letter, 10).await);
    }
    all.sort_by_key(|letter| letter.id);
    for (name, org) in [("all", None), ("acme", Some(&acme)), ("zeta", Some(&zeta)), ("nobody's", Some(&Org::new("none").unwrap()))] {
        let expected: Vec<_> = all.iter().filter(|letter| org.is_none_or(|org| letter.owner.org == *org)).cloned().collect();
        for limit in [1, 2, 9] {
            let mut paged: Vec<DeadLetter> = Vec::new();
            loop {
                let page = store.dead_letters(org, paged.last().map(|letter| letter.id), limit).await.unwrap();
                assert!(page.len() <= limit);
                if page.is_empty() {
                    break;
                }
                paged.extend(page);
            }
            assert_eq!(paged, expected, "{name} by {limit}");
        }
    }
}

pub(crate) async fn what_is_discarded_is_gone(store: Given) {
    let letter = letter(&name("a"), "c");
    assert!(!store.discard(Uuid::nil()).await.unwrap());
    assert!(park(&*store, &letter, 10).await);
    assert!(store.discard(letter.id).await.unwrap());
    assert!(!store.discard(letter.id).await.unwrap());
    assert_eq!(store.dead_letters(None, None, 10).await.unwrap(), []);
}

pub(crate) async fn a_zero_byte_is_refused_in_commands_and_replaced_in_faults(store: Given) {
    let good = letter(&name("a"), "c");
    for (name, bad) in [
        ("command", DeadLetter { command: "\0".to_owned(), ..good.clone() }),
        ("meta", DeadLetter { meta: "\0".to_owned(), ..good.clone() }),
    ] {
        let refused = store.park(&bad, 10).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{name}: {refused:?}");
    }
    assert!(park(&*store, &DeadLetter { fault: "a\0b".to_owned(), ..good.clone() }, 10).await);
    assert_eq!(store.dead_letter(good.id).await.unwrap().expect("there").fault, "a\u{fffd}b");
}
