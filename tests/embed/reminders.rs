//! Timers across `kill -9`, in the program of `examples/reminders.rs` on SQLite.

use super::host::{Host, client};
use serde_json::Value;
use std::time::{Duration, Instant};

async fn fired(host: &Host, id: &str) -> u64 {
    let answer = client().get(host.url(&format!("/reminders/{id}"))).send().await.expect("an answer");
    answer.json::<Value>().await.expect("JSON")["fired"].as_u64().expect("a count")
}

async fn set(host: &Host, id: &str, in_ms: u64) {
    let answer = client().post(host.url(&format!("/reminders/{id}?in_ms={in_ms}"))).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]
async fn until_fired(host: &Host, id: &str) {
    let started = Instant::now();
    while fired(host, id).await == 0 {
        assert!(started.elapsed() < Duration::from_secs(30), "{id} does not fire");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_timer_set_before_kill_9_fires_once_after_the_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8");
    let host = Host::start("reminders", &[data]);
    set(&host, "missed", 1).await;
    until_fired(&host, "missed").await;
    // One is due while nobody is there, the other one a while after the restart.
    set(&host, "missed", 50).await;
    set(&host, "coming", 4_000).await;
    host.kill();
    let host = Host::start("reminders", &[data]);
    until_fired(&host, "coming").await;
    assert_eq!(fired(&host, "coming").await, 1);
    assert!((1..=2).contains(&fired(&host, "missed").await));
    // Killed once more: what has fired does not fire again, and the count says how often that was.
    host.kill();
    let host = Host::start("reminders", &[data]);
    set(&host, "last", 1).await;
    until_fired(&host, "last").await;
    assert_eq!((fired(&host, "coming").await, fired(&host, "missed").await), (1, 2));
}
