//! Callers as a careful client would write them: each request has a key, and is repeated under it until it is answered.

use super::ledger::{Asked, Ending, Wish};
use super::scene::{PATIENCE, Scene};
use super::seed::Seed;
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::timeout;

const STATES: [&str; 3] = ["north", "east", "south"];
const WORKFLOWS: u64 = 12;
/// A careful client waits as long as `Retry-After` says; these are in a hurry.
const PAUSE: Duration = Duration::from_millis(10);

/// Callers at work.
pub(crate) struct Callers(JoinSet<()>);

/// One try of one request.
enum Try {
    Acknowledged(Value, bool),
    Refused,
    /// Whether anything was done is not known, or nothing was: ask again.
    Again,
}

impl Callers {
    /// Sends `count` callers out; each asks one thing after the other, under keys that begin with `name`.
    pub(crate) fn start(scene: &Arc<Scene>, name: &'static str, count: u64, seed: &mut Seed) -> Self {
        let mut callers = JoinSet::new();
        for number in 0..count {
            let caller = Caller { scene: scene.clone(), name, number, seed: seed.fork(), asked: 0 };
            callers.spawn(caller.work());
        }
        Self(callers)
    }

    /// Lets them settle what they have begun. Needs a server that answers.
    pub(crate) async fn finish(mut self, scene: &Scene) {
        scene.stop.send_replace(true);
        let all = async {
            while let Some(ended) = self.0.join_next().await {
                ended.expect("a caller found nothing wrong");
            }
        };
        timeout(PATIENCE, all).await.expect("the callers are answered in time");
        println!("acknowledged {}, set back {:?}", scene.acknowledged(), scene.setbacks.lock());
    }

    /// Fails now if one of them has found something wrong.
    pub(crate) fn check(&mut self) {
        if let Some(ended) = self.0.try_join_next() {
            ended.expect("a caller found nothing wrong");
            panic!("a caller ended by itself");
        }
    }
}

struct Caller {
    scene: Arc<Scene>,
    name: &'static str,
    number: u64,
    seed: Seed,
    asked: u64,
}

impl Caller {
    async fn work(mut self) {
        while !*self.scene.stop.borrow() {
            if self.seed.percent(15) {
                self.repeat_an_old_one().await;
            } else {
                self.ask_something().await;
            }
        }
    }

    async fn ask_something(&mut self) {
        self.asked += 1;
        let wish = match self.seed.below(10) {
            0 => Wish::Register,
            1..=3 => Wish::RollBack,
            _ => Wish::To(STATES[usize::try_from(self.seed.below(3)).expect("small")]),
        };
        let workflow = format!("w{}", self.seed.below(WORKFLOWS));
        let asked = Asked { key: format!("{}-{}-{}", self.name, self.number, self.asked), workflow, wish, sent: Instant::now() };
        let patient = self.seed.percent(90);
        let ending = self.settle(&asked, patient).await;
        self.scene.ledger.lock().entries.push((asked, ending));
    }

    /// Asks until there is an answer, or once if not `patient`.
    async fn settle(&self, asked: &Asked, patient: bool) -> Ending {
        loop {
            match self.scene.send(asked).await {
                Try::Acknowledged(body, _) => {
                    self.scene.answers.send_modify(|answers| *answers += 1);
                    return Ending::Acknowledged { body, at: Instant::now() };
                }
                Try::Refused => return Ending::Refused,
                Try::Again if patient => tokio::time::sleep(PAUSE).await,
                Try::Again => return Ending::Unknown,
            }
        }
    }

    /// A repeated key gets the first answer, whatever came in between.
    async fn repeat_an_old_one(&mut self) {
        let found = {
            let ledger = self.scene.ledger.lock();
            let all = ledger.entries.len() as u64;
            let index = usize::try_from(self.seed.below(all.max(1))).expect("small");
            ledger.entries.get(index).cloned()
        };
        if let Some((asked, Ending::Acknowledged { body, .. })) = found {
            self.scene.repeat(&asked, &body).await;
        }
    }
}

impl Scene {
    /// Repeats a request until it is answered: as the first time.
    pub(crate) async fn repeat(&self, asked: &Asked, first: &Value) {
        loop {
            match self.send(asked).await {
                Try::Acknowledged(body, replayed) => {
                    assert_eq!(body, *first, "the repeat of {asked:?}");
                    assert!(replayed, "{asked:?} says that it is a repeat");
                    self.answers.send_modify(|answers| *answers += 1);
                    return;
                }
                Try::Refused => panic!("{asked:?} was accepted before, and its repeat is refused"),
                Try::Again => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn send(&self, asked: &Asked) -> Try {
        let (path, body) = match asked.wish {
            Wish::Register => (String::new(), json!({ "id": asked.workflow, "machine": "ring" })),
            Wish::To(to) => (format!("/{}/transitions", asked.workflow), json!({ "to": to })),
            Wish::RollBack => (format!("/{}/rollback", asked.workflow), json!({})),
        };
        let url = format!("http://{}/api/v1/workflows{path}", self.place().await);
        match self.client.post(url).header("idempotency-key", &asked.key).json(&body).send().await {
            Ok(answer) => self.judge(asked, answer).await,
            Err(_) => self.set_back("no answer"),
        }
    }

    async fn judge(&self, asked: &Asked, answer: Response) -> Try {
        let (status, headers) = (answer.status(), answer.headers().clone());
        // An answer that is cut off in the middle is none.
        let Ok(body) = answer.json::<Value>().await else { return self.set_back("half an answer") };
        if status.is_success() {
            return Try::Acknowledged(body, headers.contains_key("idempotency-replayed"));
        }
        let code = body["code"].as_str().unwrap_or_else(|| panic!("{asked:?}: {status} without a code: {body}"));
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
                assert!(after.is_some_and(|seconds| seconds > 0), "{asked:?}: {status} {code} without Retry-After");
                assert_eq!(body["retryable"], true, "{asked:?}: {body}");
                self.set_back(code)
            }
            // A server that was frozen while the request came has not read it in time.
            StatusCode::REQUEST_TIMEOUT => {
                assert_eq!(body["retryable"], true, "{asked:?}: {body}");
                self.set_back(code)
            }
            StatusCode::CONFLICT | StatusCode::NOT_FOUND => {
                let lawful = ["duplicate_entity", "invalid_transition", "entity_not_found", "no_history"].contains(&code);
                assert!(lawful, "{asked:?}: {body}");
                Try::Refused
            }
            other => panic!("{asked:?}: {other} {body}"),
        }
    }

    fn set_back(&self, code: &str) -> Try {
        *self.setbacks.lock().entry(code.to_owned()).or_default() += 1;
        Try::Again
    }
}
