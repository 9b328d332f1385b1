//! `examples/embedded.rs`, run as a program.

use super::host::{Host, client};

#[tokio::test]
async fn the_example_switches_its_lamp_and_serves_our_routes_beside_its_own() {
    let (host, client) = (Host::start("embedded", &[]), client());
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

#[test]
fn it_is_as_short_as_it_claims() {
    let text = include_str!("../../examples/embedded.rs");
    assert!(text.lines().count() <= 60, "{} lines", text.lines().count());
}
