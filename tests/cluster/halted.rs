//! The brake is pulled at one of three servers: from its answer on, nobody assigns anything anywhere.

use super::stage::{Node, Stage};
use crate::support::postgres::signal;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
/// So many that each server owns some.
const CALLS: usize = 9;
/// Lease 3 s, and what it takes to notice.
const ANSWERED_WITHIN: Duration = Duration::from_secs(6);

async fn set(stage: &Stage, node: &Node, level: &str) {
    let (status, answer) = stage.send(node, Method::PUT, "/policy/root", Some(json!({"level": level, "authorization": "T1"}))).await;
    assert_eq!(status, 200, "{level}: {answer}");
}

async fn call_in(stage: &Stage, node: &Node, id: &str) {
    let (status, answer) = stage.send(node, Method::POST, "/workflows", Some(json!({"id": id, "machine": "dispatch"}))).await;
    assert_eq!(status, 201, "{answer}");
}

/// Asks to assign something to each of them, all at once and here and there.
async fn assign(stage: &Stage, nodes: &[&Node], salt: &str) -> Vec<(u16, Value)> {
    let asked = (0..CALLS).map(|number| {
        let node = nodes[number % nodes.len()];
        let path = format!("/workflows/{salt}-{number}/transitions");
        async move { stage.send(node, Method::POST, &path, Some(json!({"to": "allocated"}))).await }
    });
    join_all(asked).await
}

fn are_halted(answers: &[(u16, Value)]) {
    for (status, answer) in answers {
        assert_eq!((*status, &answer["code"]), (409, &json!("policy_halted")), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_answer_on_nothing_is_assigned_at_any_server() {
    let stage = Stage::new("cluster-halted");
    let nodes = stage.three().await;
    let [first, second, third] = &nodes;
    let (status, answer) = stage.send(first, Method::POST, "/policy/nodes", Some(json!({"id": "city", "kind": "global"}))).await;
    assert_eq!(status, 201, "{answer}");
    for round in 0..ROUNDS {
        let salt = format!("r{round}");
        for number in 0..CALLS {
            call_in(&stage, &nodes[number % 3], &format!("{salt}-{number}")).await;
        }
        let order = [&nodes[round % 3], &nodes[(round + 1) % 3], &nodes[(round + 2) % 3]];
        set(&stage, order[0], "halted").await;
        are_halted(&assign(&stage, &order, &salt).await);
        set(&stage, order[1], "normal").await;
        let answers = assign(&stage, &order, &salt).await;
        assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    }

    // One that is frozen is not waited for any longer than it could do harm; when it wakes it knows.
    for number in 0..CALLS {
        call_in(&stage, first, &format!("frozen-{number}")).await;
    }
    signal(third.server.pid(), "STOP");
    let asked = Instant::now();
    set(&stage, first, "halted").await;
    let waited = asked.elapsed();
    assert!(waited < ANSWERED_WITHIN, "{waited:?}");
    stage.until_shared(first, 2).await;
    are_halted(&assign(&stage, &[first, second], "frozen").await);
    signal(third.server.pid(), "CONT");
    are_halted(&assign(&stage, &[third], "frozen").await);
    println!("the answer took {waited:?} while one was frozen");
}
