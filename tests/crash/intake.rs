//! SIGKILL in the middle of a batch: what was not answered is sent again, and comes in whole and once.

use super::scene::{Ground, until};
use crate::support::postgres::Postgres;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const ROWS: usize = 30_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_cut_off_goes_on_on_sqlite() {
    goes_on(&Ground::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_cut_off_goes_on_on_postgres() {
    let database = tokio::task::block_in_place(Postgres::shared).database();
    goes_on(&Ground::postgres(&database.url)).await;
}

/// Every hundredth row is none, every thousandth a repeat.
fn lines() -> String {
    let mut text = String::new();
    for n in 0..ROWS {
        let id = if n % 1_000 == 999 { n - 1 } else { n };
        if n % 100 == 7 {
            text.push_str("7\n");
            continue;
        }
        let row = json!({"command_id": format!("c{id}"), "satellite_id": "s", "intent": "move", "issued_by": "ops", "signature": "x", "deadline": 40_000_000_000_i64 + id as i64 % 977});
        writeln!(text, "{row}").expect("memory");
    }
    text
}

async fn goes_on(ground: &Ground) {
    let (client, body) = (ionveil::web::client().build().expect("a client"), lines());
    let send = |url: String| client.post(url).header("content-type", "application/x-ndjson").body(body.clone()).send();
    let status = |url: String| {
        let client = &client;
        async move { client.get(url).send().await.expect("an answer").json::<Value>().await.expect("JSON") }
    };
    let server = ground.serve();
    let sending = tokio::spawn(send(server.url("/api/v1/intake/batches?batch_id=night")));
    let path = "/api/v1/intake/batches/night";
    until(async || status(server.url(path)).await["recorded"].as_u64().is_some_and(|recorded| recorded > 1_000)).await;
    server.kill();
    drop(sending.await);
    let server = ground.serve();
    let left = status(server.url(path)).await;
    println!("killed after {} of {} rows", left["recorded"], ROWS);
    let answer: Value = send(server.url("/api/v1/intake/batches?batch_id=night")).await.expect("an answer").json().await.expect("JSON");
    let (rejected, duplicates) = (ROWS / 100, ROWS / 1_000);
    let expected = json!({"rows": ROWS, "rejected": rejected, "duplicates": duplicates, "accepted": ROWS - rejected - duplicates});
    for name in ["rows", "rejected", "duplicates", "accepted"] {
        assert_eq!(answer["stats"][name], expected[name], "{name} of {answer:.300}");
    }
    let done = status(server.url(path)).await;
    assert_eq!((&done["completed"], &done["recorded"]), (&json!(true), &json!(ROWS)));
    assert!(tokio::task::block_in_place(|| server.stop()).success());
    check(ground, ROWS - rejected - duplicates);
}

/// Each command is there once, in order, and every history folds.
fn check(ground: &Ground, accepted: usize) {
    let printed = ground.run(&["events", "--json"]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let text = String::from_utf8(printed.stdout).expect("UTF-8");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let commands: Vec<_> = events.filter(|event| event["type"] == "command_accepted").map(|event| event["data"].clone()).collect();
    let keys: Vec<_> =
        commands.iter().map(|command| (command["deadline"].as_i64().expect("a time"), command["command_id"].to_string())).collect();
    assert!(keys.is_sorted(), "in the order of their deadlines, then ids");
    assert_eq!((keys.len(), keys.iter().collect::<BTreeSet<_>>().len()), (accepted, accepted));
    let verified = ground.run(&["verify"]);
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains(" 0 findings"), "{said}{}", String::from_utf8_lossy(&verified.stderr));
}
