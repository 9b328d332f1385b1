//! `examples/embedded.rs`, run as a program.

use super::host::{Host, client};
use crate::support::postgres::Postgres;

#[tokio::test]
async fn the_example_switches_its_lamp_and_serves_our_routes_beside_its_own() {
    let (host, client) = (Host::start("embedded", &["memory:", "."]), client());
    let switch = |id: &str| client.post(host.url(&format!("/lamps/{id}"))).send();
    for expected in ["on\n", "off\n", "on\n"] {
        assert_eq!(switch("hall").await.expect("an answer").text().await.expect("a text"), expected);
    }
    assert_eq!(switch("not%20a%20name").await.expect("an answer").status(), 404);
    let get = async |path: &str| {
        let answer = client.get(host.url(path)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    assert!(get("/health").await.1.contains("\"ok\""));
    assert!(get("/metrics").await.1.contains("ionveil_committed_total{kind=\"lamp\"} 3"));
    // Without a credential the caller is of organisation `default`: the lamps of `home` are not his.
    assert!(!get("/api/v1/events").await.1.contains("switched"));
    let (status, text) = get("/no-such-route").await;
    assert!(status == 404 && text.contains("\"not_found\""), "{status} {text}");
    let stranger = client.get(host.url("/metrics")).header("host", "evil.example").send().await.expect("an answer");
    assert_eq!(stranger.status(), 403, "no keys are configured: only loopback's names are answered to");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_them_share_their_lamps() {
    let database = tokio::task::block_in_place(Postgres::shared).database();
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let hosts = folders.each_ref().map(|folder| Host::start("embedded", &[&database.url, folder.path().to_str().expect("UTF-8")]));
    let client = client();
    let mut lit = [false; 8];
    for round in 0..4 {
        for (number, lit) in lit.iter_mut().enumerate() {
            let url = hosts[(round + number) % 2].url(&format!("/lamps/l{number}"));
            let answer = client.post(url).send().await.expect("an answer").text().await.expect("a text");
            *lit = !*lit;
            assert_eq!(answer, if *lit { "on\n" } else { "off\n" }, "lamp {number}, round {round}");
        }
    }
    let cluster = client.get(hosts[0].url("/api/v1/system/cluster")).send().await.expect("an answer").text().await.expect("a text");
    assert_eq!(cluster.matches("\"serving\"").count(), 2, "{cluster}");
}

#[test]
fn it_is_as_short_as_it_claims() {
    let text = include_str!("../../examples/embedded.rs");
    assert!(text.lines().count() <= 60, "{} lines", text.lines().count());
}
