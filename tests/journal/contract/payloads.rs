//! Sizes and texts at the edge of what is lawful.

use super::given::*;
use ionveil_journal::{APPEND_EVENTS_MAX, Store};
use ionveil_kernel::Timestamp;
use std::sync::Arc;

type Given = Arc<dyn Store>;

pub(crate) async fn texts_survive(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let texts = [
        "",
        " ",
        "null",
        "'; DROP TABLE events; --",
        r#"{"quote":"\"","slash":"\\"}"#,
        "line\r\nbreak\ttab",
        "\u{1}\u{1f}\u{7f}",
        "ünïcödé 漢字 🚒 \u{10ffff}",
        "\u{feff}bom",
        "a,b{c}\"d\\e",
        "NULL",
        "{\"n\":1e400}",
    ];
    let given = (1..).zip(texts).map(|(n, text)| {
        let mut event = event(&owner, n);
        event.data = text.to_owned();
        event.actor = format!("user:{text}").into();
        event.traceparent = Some(text.into());
        event
    });
    accepted(&*store, &claims, &[append(&owner, "c", given.collect())]).await;
    let read = store.read_stream(&owner, 0, 100).await.unwrap();
    assert_eq!(read.len(), texts.len());
    for (event, text) in read.iter().zip(texts) {
        assert_eq!((&*event.data, &*event.actor, event.traceparent.as_deref()), (text, &*format!("user:{text}"), Some(text)));
    }
}

pub(crate) async fn a_megabyte_survives(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let mut large = event(&owner, 1);
    large.data = format!("\"{}\"", "0123456789abcdé".repeat(65_536));
    accepted(&*store, &claims, &[append(&owner, "c", vec![large.clone(), event(&owner, 2)])]).await;
    let read = store.read_entity(&owner, 0, 0, 10).await.unwrap();
    assert!(read[0].data == large.data, "{} bytes of {}", read[0].data.len(), large.data.len());
    assert_eq!(numbers(&read), [1, 2]);
}

pub(crate) async fn names_of_full_length_survive(store: Given) {
    let claims = owned(&*store).await;
    let owner = stream(&"o".repeat(63), &"k".repeat(63), &"Z".repeat(128));
    let part = stream(&"o".repeat(63), &"p".repeat(63), &format!("0{}", ":@._-".repeat(25)));
    accepted(&*store, &claims, &[append(&owner, "c", vec![event(&owner, 1), event(&part, 1)])]).await;
    let read = store.read_entity(&owner, 0, 0, 10).await.unwrap();
    assert_eq!(read.iter().map(|event| (&event.stream, &event.owner)).collect::<Vec<_>>(), [(&owner, &owner), (&part, &owner)]);
    assert_eq!(store.entities(None, 10).await.unwrap(), [owner]);
}

pub(crate) async fn extreme_times_survive(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let times = [Timestamp::MIN, Timestamp::from_micros(-1), Timestamp::from_micros(0), Timestamp::MAX];
    let given = (1..).zip(times).map(|(n, time)| {
        let mut event = event(&owner, n);
        event.occurred_at = time;
        event
    });
    accepted(&*store, &claims, &[append(&owner, "c", given.collect())]).await;
    let read = store.read_stream(&owner, 0, 10).await.unwrap();
    assert_eq!(read.iter().map(|event| event.occurred_at).collect::<Vec<_>>(), times);
}

pub(crate) async fn twenty_thousand_events_travel_alone(store: Given) {
    let claims = owned(&*store).await;
    let owner = name("a");
    let count = APPEND_EVENTS_MAX as u64;
    let receipt = accepted(&*store, &claims, &[append(&owner, "c", events(&owner, 1, count))]).await.remove(0);
    assert_eq!((receipt.version, receipt.position, u64::from(receipt.events)), (count, count, count));
    let read = store.read_entity(&owner, 0, 0, usize::MAX).await.unwrap();
    assert_eq!(numbers(&read), (1..=count).collect::<Vec<_>>());
    assert_eq!(positions(&read), (1..=count).collect::<Vec<_>>());
}

pub(crate) async fn two_thousand_appends_travel_together(store: Given) {
    let claims = owned(&*store).await;
    let names: Vec<_> = (0..500).map(|n| name(&format!("e{n}"))).collect();
    let rounds = (1..=4).flat_map(|n: u64| names.iter().map(move |owner| single(owner, &n.to_string(), n)));
    let receipts = accepted(&*store, &claims, &rounds.collect::<Vec<_>>()).await;
    assert_eq!(receipts.len(), 2_000);
    assert_eq!(store.heads().await.unwrap().iter().sum::<u64>(), 2_000);
    for owner in names.iter().step_by(97) {
        assert_eq!(numbers(&store.read_stream(owner, 0, 10).await.unwrap()), [1, 2, 3, 4]);
    }
}
