//! SIGKILL while people are being paged, twenty times: every step reaches its recipient at least once, and a second copy has the
//! same id and belongs to an attempt that is listed as unknown. Meanwhile the mail server says nothing, and the web server stalls,
//! fails, answers late and hangs up by turns.

use super::scene::{Ground, until_within};
use crate::support::gateway::{Gateway, Manner};
use crate::support::mail::MailServer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const KILLS: usize = 20;
const ALERTS: usize = 2;
/// How the web server behaves from one kill to the next.
const MANNERS: [Manner; 4] = [Manner::Stall, Manner::Answer(503, ""), Manner::After(90), Manner::Reset];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_forgotten_and_no_copy_goes_unnoticed() {
    let (mail, web) = (MailServer::start().await, Gateway::start(Manner::Stall).await);
    let keys = tempfile::tempdir().expect("a folder");
    std::fs::write(keys.path().join("hook"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
    let config = format!(
        "[channels]\nallow = [\"127.0.0.0/8\"]\nsecrets_dir = {:?}\n[alerts]\nwebhook_key = \"file:hook\"\nsmtp = \"smtp+plain://{}\"\ntimeout_ms = 60000\nfirst_retry_ms = 20\nlongest_retry_ms = 1000\nattempts_max = 100\n\
         notifications_max = 10000\n",
        keys.path(),
        mail.address
    );
    let ground = Ground::new(None, &config);
    let client = ionveil::web::client().build().expect("a client");
    let mut server = ground.serve();
    let put = async |path: &str, body: Value| {
        let answer = client.put(server.url(path)).json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.expect("a text"));
    };
    put("/api/v1/recipients/desk", json!({"addresses": {"email": "desk@city.example", "webhook": web.url()}})).await;
    let levels = json!([{"level": "L1", "timeout_minutes": 60, "recipients": ["desk"], "channels": ["email", "webhook"]}]);
    put("/api/v1/alerts/escalation-policy", json!({"name": "p", "levels": levels})).await;
    mail.be_silent(true);
    let mut wanted = 0;
    for kill in 0..KILLS {
        web.turn(MANNERS[kill % MANNERS.len()].clone());
        for number in 0..ALERTS {
            let late = json!({"incident": format!("i{kill}-{number}"), "priority": 2, "dispatched_at": "2026-01-01T00:00:00Z",
                "now": "2026-01-01T00:30:00Z"});
            let answer = client.post(server.url("/api/v1/alerts/check")).json(&late).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            wanted += 2;
        }
        // Some are in the hands of a server that says nothing; others wait for the breaker or for their turn.
        tokio::time::sleep(Duration::from_millis(100 + 10 * u64::try_from(kill).expect("small"))).await;
        server.kill();
        if kill + 1 == KILLS {
            // Before the last server finds out otherwise: its breakers would open.
            mail.be_silent(false);
            web.turn(Manner::Answer(200, ""));
        }
        server = ground.serve();
    }
    let mut listed = Vec::new();
    until_within(Duration::from_secs(150), async || {
        let list: Value =
            client.get(server.url("/api/v1/notifications?page_size=500")).send().await.expect("an answer").json().await.expect("JSON");
        listed = list["items"].as_array().cloned().unwrap_or_default();
        listed.len() == wanted && listed.iter().all(|one| one["status"] == "sent")
    })
    .await;
    let mut copies = BTreeMap::<String, usize>::new();
    for mail in mail.taken() {
        let id = mail.header("Message-ID").and_then(|id| id.strip_prefix('<')?.strip_suffix("@localhost>")).expect("an id");
        *copies.entry(id.to_owned()).or_default() += 1;
    }
    for request in web.taken() {
        let id = request.lines().find_map(|line| line.strip_prefix("webhook-id: ")).expect("an id");
        *copies.entry(id.to_owned()).or_default() += 1;
    }
    for one in &listed {
        let count = copies.remove(one["id"].as_str().expect("an id")).unwrap_or_default();
        let unknown = one["unknown_attempts"].as_array().expect("a list").len();
        assert!((1..=1 + unknown).contains(&count), "{count} copies: {one}");
    }
    assert!(copies.is_empty(), "copies under ids that nobody lists: {copies:?}");
    assert!(listed.iter().any(|one| one["unknown_attempts"] != json!([])), "no kill came in the middle of anything");
}
