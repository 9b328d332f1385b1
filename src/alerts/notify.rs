//! The bridge that sends notifications. An attempt is recorded as begun before it is sent and as ended afterwards; the effect stays in
//! the outbox until both are. So a node that dies in between is followed by one that finds the attempt begun, and lists it as
//! *unknown*; the same id is then sent again.
//!
//! Nobody waits for a slow receiver: the outbox is told that the attempt is under way, and comes back.

use super::message::About;
use super::send::{Letter, Sent};
use super::{Alerting, Contact, Link, alert_stream, pager_stream};
use ionveil_actors::{AskError, EffectHandler, SendError};
use ionveil_alerts::alert::Alert;
use ionveil_alerts::pager::{self, About as Subject, Command, Notification, Outcome};
use ionveil_alerts::react::Notify;
use ionveil_journal::OutboxRow;
use ionveil_kernel::{BoxFuture, EntityId, Org, StreamId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// So long the outbox waits for an attempt; most are over by then.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long to wait before what came of an attempt is told again, and how often it is.
const RETRY: Duration = Duration::from_millis(200);
/// See [`RETRY`].
const TRIES_MAX: u32 = 50;

/// Attempts under way in this process: whether what came of them is recorded.
type Running = Arc<Mutex<BTreeMap<Uuid, watch::Receiver<bool>>>>;

/// Carries out the effects.
pub(super) struct Notifier {
    alerting: Alerting,
    running: Running,
}

impl Notifier {
    pub(super) fn new(alerting: Alerting) -> Self {
        Self { alerting, running: Running::default() }
    }

    async fn carry_out(&self, row: &OutboxRow) -> Result<(), SendError> {
        let effect = row.row.effect_id;
        let known = self.running.lock().get(&effect).cloned();
        let done = match known {
            Some(done) => done,
            None => match self.begin(row).await? {
                Some(done) => done,
                None => return Ok(()),
            },
        };
        self.wait(effect, done).await
    }

    /// Records the beginning of an attempt and starts it; none if there is nothing to send (any more).
    async fn begin(&self, row: &OutboxRow) -> Result<Option<watch::Receiver<bool>>, SendError> {
        let notify: Notify = serde_json::from_str(&row.row.payload).map_err(|error| SendError::Refused(error.to_string()))?;
        let org = &row.row.org;
        let owner = pager_stream(org, notify.recipient.clone()).map_err(|error| SendError::Refused(error.to_string()))?;
        let command = Command::Begin { notification: notify.notification.clone(), attempt: notify.attempt };
        let meta = self.alerting.own(org, "system:notifier");
        let reply = match self.alerting.ask_pager(owner.clone(), command, meta).await {
            Ok(reply) => reply,
            Err(AskError::Rejected(_settled)) => return Ok(None),
            Err(error) => return Err(SendError::NotSent(error.to_string())),
        };
        let under_way = reply.state.state.under_way.get(&notify.notification);
        let Some(notification) = under_way.filter(|one| one.begun && one.attempt == notify.attempt).cloned() else {
            // Whoever began it is gone: it was listed as unknown, and is repeated by its timer.
            self.alerting.0.boards.count(Outcome::Unknown);
            return Ok(None);
        };
        let (told, done) = watch::channel(false);
        self.running.lock().insert(row.row.effect_id, done.clone());
        let attempt = Attempt { alerting: self.alerting.clone(), owner, notify, notification };
        let ending = Ending { running: self.running.clone(), effect: row.row.effect_id };
        self.alerting.0.env.spawn(async move {
            let recorded = attempt.run().await;
            told.send_replace(recorded);
            drop(ending);
        });
        Ok(Some(done))
    }

    async fn wait(&self, effect: Uuid, mut done: watch::Receiver<bool>) -> Result<(), SendError> {
        let patience = self.alerting.0.env.sleep(PATIENCE);
        let ended = tokio::select! {
            biased;
            ended = done.wait_for(|recorded| *recorded) => ended.is_ok(),
            () = patience => false,
        };
        if ended || *done.borrow() {
            return Ok(());
        }
        let under_way = self.running.lock().contains_key(&effect);
        Err(SendError::NotSent(if under_way { "the attempt is under way" } else { "what came of the attempt is not recorded" }.to_owned()))
    }
}

impl EffectHandler for Notifier {
    fn send<'a>(&'a self, effect: &'a OutboxRow) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(self.carry_out(effect))
    }
}

/// Takes an attempt off the list when its task ends, however it does.
struct Ending {
    running: Running,
    effect: Uuid,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.running.lock().remove(&self.effect);
    }
}

/// One attempt.
struct Attempt {
    alerting: Alerting,
    owner: StreamId,
    notify: Notify,
    notification: Notification,
}

impl Attempt {
    /// Sends, and records what came of it; says whether that is recorded.
    async fn run(&self) -> bool {
        let sent = self.send().await;
        let (outcome, permanent, reason) = match sent {
            Sent::Taken => (Outcome::Sent, false, None),
            Sent::Failed { reason, permanent } => (Outcome::Failed, permanent, Some(reason.to_owned())),
            Sent::Unknown { reason } => (Outcome::Unknown, false, Some(reason.to_owned())),
        };
        self.alerting.0.boards.count(outcome);
        let Notify { notification, attempt, .. } = self.notify.clone();
        let command = Command::Report { notification, attempt, outcome, permanent, reason };
        let meta = self.alerting.own(&self.owner.org, "system:notifier");
        for _ in 0..TRIES_MAX {
            match self.alerting.ask_pager(self.owner.clone(), command.clone(), meta.clone()).await {
                Ok(_) | Err(AskError::Rejected(_)) => return true,
                Err(AskError::Draining) => return false,
                Err(error) => tracing::warn!(pager = %self.owner, %error, "what came of a notification is not recorded yet"),
            }
            self.alerting.0.env.sleep(RETRY).await;
        }
        false
    }

    async fn send(&self) -> Sent {
        let (org, recipient) = (&self.owner.org, &self.owner.id);
        let contact = match self.alerting.0.contacts.get(org, recipient).await {
            Ok(record) => record.and_then(|record| serde_json::from_str::<Contact>(&record).ok()).unwrap_or_default(),
            Err(_) => return Sent::failed("contacts_unavailable", false),
        };
        let channel = self.notification.channel;
        let Some(address) = contact.addresses.get(&channel) else { return Sent::failed("no_address", true) };
        let Ok(address) = self.alerting.0.secrets.resolve(&address.0) else { return Sent::failed("unknown_secret", false) };
        let id = &self.notify.notification;
        let about = match self.about(org, id).await {
            Ok(about) => about,
            Err(sent) => return sent,
        };
        let letter = Letter { org, id, attempt: self.notify.attempt, channel, address: &address, about };
        self.alerting.0.sender.send(letter).await
    }

    async fn about(&self, org: &Org, id: &EntityId) -> Result<About, Sent> {
        let (now, recipient) = (self.alerting.0.env.now(), &self.owner.id);
        match &self.notification.about {
            Subject::Test => Ok(About::test(id, recipient, now)),
            Subject::Step(step) => {
                let alert = self.alert(org, &step.alert).await?.ok_or(Sent::failed("no_such_alert", true))?;
                let link = self.link(org, &step.alert);
                Ok(About::step(id, recipient, (&step.alert, &alert), link))
            }
            Subject::Digest(members) => {
                let mut alerts: Vec<(EntityId, Option<Alert>)> = Vec::with_capacity(members.len());
                for pager::Member { about, .. } in members {
                    if alerts.iter().all(|(known, _)| *known != about.alert) {
                        alerts.push((about.alert.clone(), self.alert(org, &about.alert).await?));
                    }
                }
                Ok(About::digest(id, recipient, &alerts, now))
            }
        }
    }

    async fn alert(&self, org: &Org, id: &EntityId) -> Result<Option<Alert>, Sent> {
        let owner = alert_stream(org, id.clone()).map_err(|_| Sent::failed("no_such_alert", true))?;
        let loaded = self.alerting.0.alerts.loader().load(&owner).await;
        loaded.map(|loaded| loaded.state.alert().cloned()).map_err(|_| Sent::failed("alert_unreadable", false))
    }

    /// Where the alert is acknowledged; empty where the settings have no key or no address of ours.
    fn link(&self, org: &Org, alert: &EntityId) -> String {
        let settings = &self.alerting.0.settings;
        let (Some(key), Some(base)) = (settings.link_key(&self.alerting.0.secrets), &settings.public_url) else { return String::new() };
        let until = self.alerting.0.env.now().after(settings.link_lifetime);
        let link = Link { org: org.clone(), alert: alert.clone(), recipient: self.owner.id.clone(), until };
        format!("{}/acknowledge/{}", base.trim_end_matches('/'), link.seal(&key))
    }
}
