//! Our own alerts, told to an Alertmanager. An alert that is raised or resolved is an effect of the outbox, so that it is told also
//! after a crash and for as long as nobody listens; those that are active are told again at every interval, because an Alertmanager
//! takes for resolved what is not. What is told is how the alert stands then, so that telling it twice is telling it once.
//!
//! Nobody waits for a slow Alertmanager: one task tells it, several alerts at once, and the outbox comes back for what became of its.
//! Alerts of other systems are not told: they may be from there.

use super::{Alerting, alert_stream};
use crate::channels::Secrets;
use crate::config::Alertmanager;
use crate::time::Rfc3339;
use ionveil_actors::{EffectHandler, SendError};
use ionveil_alerts::alert::{self, Alert, Event};
use ionveil_journal::OutboxRow;
use ionveil_kernel::{BoxFuture, DecodeError, EffectClass, EntityId, EventCodec, Reaction, Reactor, Recorded, StreamId, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// The bridge.
pub(super) const TELL: &str = "alertmanager";
/// Told at once.
const BATCH: usize = 64;
/// So long the outbox waits for what becomes of an alert.
const PATIENCE: Duration = Duration::from_millis(50);
/// So many effects are remembered that the outbox has not come back for.
const EFFECTS_MAX: usize = 10_000;
/// What is not told again within so many intervals is over.
const INTERVALS: u32 = 4;

/// What the bridge is given.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    alert: EntityId,
}

/// Wants alerts told that were raised or resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlertsToAlertmanager;

impl Reactor for AlertsToAlertmanager {
    fn name(&self) -> &'static str {
        "alerts-to-alertmanager"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(alert::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let is_wanted = match Event::decode(&event.event_type, event.schema_version, &event.data)? {
            Event::Raised(raised) => raised.call.is_some() && raised.firing.origin.is_none(),
            Event::Resolved(_) => true,
            _ => false,
        };
        if !is_wanted {
            return Ok(Vec::new());
        }
        let payload = serde_json::to_string(&Told { alert: event.stream.id.clone() });
        let payload = payload.map_err(|error| DecodeError::invalid(&event.event_type, error))?;
        Ok(vec![Reaction::Effect { channel: TELL.to_owned(), class: EffectClass::Repeatable, payload }])
    }
}

/// What became of an alert that was to be told: none yet, whether it was taken.
type Outcome = watch::Receiver<Option<bool>>;

/// What is to be told, and who waits for it.
#[derive(Default)]
struct Pending {
    alerts: BTreeMap<StreamId, Vec<watch::Sender<Option<bool>>>>,
    effects: BTreeMap<Uuid, Outcome>,
}

/// Tells.
pub(super) struct Teller {
    alerting: Alerting,
    target: Alertmanager,
    pending: Mutex<Pending>,
    wake: Notify,
}

impl Teller {
    pub(super) fn new(alerting: Alerting, target: Alertmanager) -> Arc<Self> {
        Arc::new(Self { alerting, target, pending: Mutex::default(), wake: Notify::new() })
    }

    async fn carry_out(&self, row: &OutboxRow) -> Result<(), SendError> {
        let refused = |error: &dyn std::fmt::Display| SendError::Refused(error.to_string());
        let told: Told = serde_json::from_str(&row.row.payload).map_err(|error| refused(&error))?;
        let owner = alert_stream(&row.row.org, told.alert).map_err(|error| refused(&error))?;
        let effect = row.row.effect_id;
        let mut outcome = self.outcome(effect, owner);
        let patience = self.alerting.0.env.sleep(PATIENCE);
        let taken = tokio::select! {
            biased;
            known = outcome.wait_for(Option::is_some) => known.ok().and_then(|known| *known).unwrap_or(false),
            () = patience => return Err(SendError::NotSent("it is being told".to_owned())),
        };
        self.pending.lock().effects.remove(&effect);
        if taken { Ok(()) } else { Err(SendError::NotSent("the Alertmanager has not taken it".to_owned())) }
    }

    fn outcome(&self, effect: Uuid, owner: StreamId) -> Outcome {
        let mut pending = self.pending.lock();
        if let Some(known) = pending.effects.get(&effect) {
            return known.clone();
        }
        if pending.effects.len() >= EFFECTS_MAX {
            pending.effects.clear();
        }
        let (teller, outcome) = watch::channel(None);
        pending.effects.insert(effect, outcome.clone());
        pending.alerts.entry(owner).or_default().push(teller);
        self.wake.notify_one();
        outcome
    }

    /// Tells until `stopped`.
    pub(super) async fn run(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let env = self.alerting.0.env.clone();
        let mut next = env.monotonic() + self.target.resend;
        loop {
            let again = env.sleep(next.saturating_sub(env.monotonic()));
            tokio::select! {
                biased;
                _gone = stopped.wait_for(|stopped| *stopped) => return,
                () = self.wake.notified() => {}
                () = again => {
                    next = env.monotonic() + self.target.resend;
                    self.tell_all_again();
                }
            }
            while let Some(batch) = self.next() {
                let taken = self.tell(batch.keys()).await;
                for teller in batch.into_values().flatten() {
                    teller.send_replace(Some(taken));
                }
            }
        }
    }

    fn tell_all_again(&self) {
        let active = self.alerting.0.boards.active_alerts().into_iter().filter(|owner| self.alerting.0.journal.admits(owner));
        let mut pending = self.pending.lock();
        for owner in active {
            pending.alerts.entry(owner).or_default();
        }
    }

    fn next(&self) -> Option<BTreeMap<StreamId, Vec<watch::Sender<Option<bool>>>>> {
        let mut pending = self.pending.lock();
        let batch: BTreeMap<_, _> = std::iter::from_fn(|| pending.alerts.pop_first()).take(BATCH).collect();
        (!batch.is_empty()).then_some(batch)
    }

    /// Tells how these stand now; says whether that was taken.
    async fn tell(&self, owners: impl Iterator<Item = &StreamId>) -> bool {
        let mut alerts = Vec::new();
        for owner in owners {
            let Ok(loaded) = self.alerting.0.alerts.loader().load(owner).await else { return false };
            alerts.extend(loaded.state.alert().and_then(|alert| self.body(owner, alert)));
        }
        if alerts.is_empty() {
            return true;
        }
        let headers: Vec<_> = self.token().map(|token| ("authorization", format!("Bearer {token}"))).into_iter().collect();
        let drivers = self.alerting.0.channels.drivers();
        let posted = drivers.post(&self.target.url, &headers, Value::Array(alerts).to_string(), self.alerting.0.settings.timeout).await;
        if !posted.is_taken() {
            tracing::warn!("the Alertmanager has not taken the alerts");
        }
        posted.is_taken()
    }

    fn token(&self) -> Option<String> {
        let secrets: &Secrets = &self.alerting.0.secrets;
        secrets.resolve(self.target.token.as_ref()?).ok().filter(|token| !token.is_empty())
    }

    fn body(&self, owner: &StreamId, alert: &Alert) -> Option<Value> {
        let lasts = self.target.resend.saturating_mul(INTERVALS);
        body(owner, alert, self.alerting.0.env.now(), lasts, self.alerting.0.settings.public_url.as_deref())
    }
}

impl EffectHandler for Teller {
    fn send<'a>(&'a self, effect: &'a OutboxRow) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(self.carry_out(effect))
    }
}

/// An alert as an Alertmanager takes it, which goes by its labels; none of one that it need not, or may not, hear of. What was resolved
/// so long ago that it has ended there by itself need not be told.
fn body(owner: &StreamId, alert: &Alert, now: Timestamp, lasts: Duration, public_url: Option<&str>) -> Option<Value> {
    let firing = &alert.firing;
    let was_told = firing.origin.is_none() && firing.suppressed_by.is_none();
    let ends_at = match &alert.resolved {
        Some(mark) if mark.at.after(lasts) < now => return None,
        Some(mark) => mark.at,
        None => now.after(lasts),
    };
    let incident = firing.incident.as_ref().map(ToString::to_string).unwrap_or_default();
    let url = public_url.map(|base| format!("{}/api/v1/alerts/{}", base.trim_end_matches('/'), owner.id));
    was_told.then(|| {
        json!({
            "labels": {
                "alertname": firing.rule,
                "severity": firing.severity,
                "org": owner.org,
                "incident": incident,
                "alert": owner.id,
                "source": "ionveil",
            },
            "annotations": {"summary": firing.title, "description": firing.description},
            "startsAt": Rfc3339(firing.at),
            "endsAt": Rfc3339(ends_at),
            "generatorURL": url.unwrap_or_default(),
        })
    })
}
