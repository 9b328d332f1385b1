//! The brake is pulled at one of three servers: from its answer on, nobody assigns anything anywhere.

use super::stage::{Node, Stage};
use crate::support::postgres::signal;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ROUNDS: usize = 15;
/// So many that each server owns some.
const CALLS: usize = 9;
/// Lease 3 s, and what it takes to notice.
const ANSWERED_WITHIN: Duration = Duration::from_secs(6);

async fn send(stage: &Stage, node: &Node, method: &str, path: &str, body: Value) -> (u16, Value) {
    let url = node.server.url(&format!("/api/v1{path}"));
    let request = stage.scene.client.request(method.parse().expect("a method"), url).json(&body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn set(stage: &Stage, node: &Node, level: &str) {
    let (status, answer) = send(stage, node, "PUT", "/policy/root", json!({"level": level, "authorization": "T1"})).await;
    assert_eq!(status, 200, "{level}: {answer}");
}

async fn call_in(stage: &Stage, node: &Node, id: &str) {
    let (status, answer) = send(stage, node, "POST", "/workflows", json!({"id": id, "machine": "dispatch"})).await;
    assert_eq!(status, 201, "{answer}");
}

/// Asks to assign something to each of them, all at once and here and there.
async fn assign(stage: &Stage, nodes: &[&Node], salt: &str) -> Vec<(u16, Value)> {
    let asked = (0..CALLS).map(|number| {
        let node = nodes[number % nodes.len()];
        async move { send(stage, node, "POST", &format!("/workflows/{salt}-{number}/transitions"), json!({"to": "allocated"})).await }
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
    let (status, answer) = send(&stage, first, "POST", "/policy/nodes", json!({"id": "city", "kind": "global"})).await;
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
