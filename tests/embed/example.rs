//! `examples/embedded.rs`, run as a program.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Killed with the test, whatever becomes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Cargo builds examples before it runs tests, beside the folder of the test binaries.
fn example() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    test.parent().and_then(|deps| deps.parent()).expect("target/…/deps").join("examples/embedded")
}

/// Free a moment ago.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]
fn until_listening(address: &str) {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "the example does not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn the_example_switches_its_lamp_and_serves_our_routes_beside_its_own() {
    let address = free_address();
    let _running = Running(Command::new(example()).arg(&address).spawn().expect("the example"));
    until_listening(&address);
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let switch = |id: &str| client.post(format!("http://{address}/lamps/{id}")).send();
    for expected in ["on\n", "off\n", "on\n"] {
        assert_eq!(switch("hall").await.expect("an answer").text().await.expect("a text"), expected);
    }
    assert_eq!(switch("not%20a%20name").await.expect("an answer").status(), 404);
    let get = async |path: &str| {
        let answer = client.get(format!("http://{address}{path}")).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    assert!(get("/health").await.1.contains("\"ok\""));
    assert!(get("/metrics").await.1.contains("ionveil_committed_total{kind=\"lamp\"} 3"));
    // Without a credential the caller is of organisation `default`: the lamps of `home` are not his.
    assert!(!get("/api/v1/events").await.1.contains("switched"));
    let (status, text) = get("/no-such-route").await;
    assert!(status == 404 && text.contains("\"not_found\""), "{status} {text}");
    let stranger = client.get(format!("http://{address}/metrics")).header("host", "evil.example").send().await.expect("an answer");
    assert_eq!(stranger.status(), 403, "no keys are configured: only loopback's names are answered to");
}

#[test]
fn it_is_as_short_as_it_claims() {
    let text = include_str!("../../examples/embedded.rs");
    assert!(text.lines().count() <= 60, "{} lines", text.lines().count());
}
