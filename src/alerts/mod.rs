//! Alerts of this node: what brings incidents to the monitor, pages people, and looks again every 30 s. What fires, who is told and
//! how often is decided in `domain/alerts`.

mod address;
mod alertmanager;
mod board;
mod link;
mod mail;
mod message;
mod notify;
mod send;
mod targets;

pub use address::{Address, AddressFault, Contact};
pub use board::Boards;
pub use link::Link;
pub use mail::{Mail, Tls};
pub use message::Templates;

use crate::channels::{Channels, Secrets};
use crate::config;
use board::Sweeper;
use ionveil_actors::{AskError, Class, Delivery, Host, RegisterError, Reply, Runtime};
use ionveil_alerts::alert::{self, Alerts};
use ionveil_alerts::monitor::{self, Monitor};
use ionveil_alerts::pager::{self, Pager};
use ionveil_alerts::react;
use ionveil_journal::Journal;
use ionveil_kernel::{
    BodyHash, Caller, CommandId, CorrelationId, EntityId, Env, IdSource as _, Kind, Meta, NameError, Org, Role, StreamId,
};
use ionveil_views::{Contacts, Views};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::watch;

/// A cheap handle on the alerts of one node.
#[derive(Clone)]
pub struct Alerting(Arc<Shared>);

struct Shared {
    env: Env,
    journal: Journal,
    monitors: Host<Monitor>,
    alerts: Host<Alerts>,
    pagers: Host<Pager>,
    boards: Arc<Boards>,
    contacts: Contacts,
    channels: Channels,
    secrets: Secrets,
    settings: config::Alerts,
    sender: send::Sender,
    deadline: Duration,
    /// What tells an Alertmanager, where there is one.
    teller: OnceLock<Weak<alertmanager::Teller>>,
}

/// The entities of alerts, as they are registered before anything is sent.
pub struct Entities {
    /// One per organisation.
    pub monitors: Host<Monitor>,
    /// One per alert.
    pub alerts: Host<Alerts>,
    /// One per recipient.
    pub pagers: Host<Pager>,
    /// What is published of them.
    pub boards: Arc<Boards>,
}

impl Entities {
    /// Registers them.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn register(runtime: &Runtime, settings: &config::Alerts) -> Result<Self, RegisterError> {
        let boards = Arc::new(Boards::default());
        Ok(Self {
            monitors: runtime.entity_observed(Arc::new(Monitor), boards.clone())?,
            alerts: runtime.entity_observed(Arc::new(Alerts), boards.clone())?,
            pagers: runtime.entity_observed(Arc::new(settings.pager), boards.clone())?,
            boards,
        })
    }
}

impl Alerting {
    /// Lets incidents, alerts and pagers keep in step, and sends what is to be sent.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub(crate) fn start(
        runtime: &Runtime,
        env: Env,
        entities: Entities,
        contacts: Contacts,
        channels: Channels,
        config: &config::Config,
    ) -> Result<Self, RegisterError> {
        let Entities { monitors, alerts, pagers, boards } = entities;
        let (settings, secrets, deadline) = (config.alerts.clone(), config.channels.secrets.clone(), config.runtime.deadline);
        let sender = send::Sender::new(env.clone(), channels.clone(), secrets.clone(), settings.clone());
        let shared = Shared {
            env,
            journal: runtime.journal().clone(),
            monitors,
            alerts,
            pagers,
            boards,
            contacts,
            channels,
            secrets,
            settings,
            sender,
            deadline,
            teller: OnceLock::new(),
        };
        let alerting = Self(Arc::new(shared));
        runtime.effects(react::NOTIFY, Arc::new(notify::Notifier::new(alerting.clone())));
        runtime.reactor(Arc::new(react::FromIncidents))?;
        runtime.reactor(Arc::new(targets::SettingsToMonitor))?;
        runtime.reactor(Arc::new(react::FromMonitor))?;
        runtime.reactor(Arc::new(react::FromWatches))?;
        runtime.reactor(Arc::new(react::FromAlerts))?;
        runtime.reactor(Arc::new(react::FromPagers))?;
        if let Some(target) = alerting.0.settings.alertmanager.clone() {
            let teller = alertmanager::Teller::new(alerting.clone(), target);
            // The runtime keeps it; here it would keep itself.
            let _first = alerting.0.teller.set(Arc::downgrade(&teller));
            runtime.effects(alertmanager::TELL, teller);
            runtime.reactor(Arc::new(alertmanager::AlertsToAlertmanager))?;
        }
        Ok(alerting)
    }

    /// Looks again every 30 s, and tells the outside that it is alive, until `stopped`.
    pub(crate) fn watch(&self, views: Views, stopped: &watch::Receiver<bool>) {
        let env = &self.0.env;
        env.spawn(Sweeper { alerting: self.clone(), views: views.clone() }.run(stopped.clone()));
        if let Some(teller) = self.0.teller.get().and_then(Weak::upgrade) {
            env.spawn(teller.run(stopped.clone()));
        }
        if let Some(url) = self.0.settings.heartbeat_url.clone() {
            env.spawn(self.clone().beat(url, views, stopped.clone()));
        }
    }

    /// Calls a URL each minute, from one node, as long as the lists can be read: whoever is not called any more knows that something is wrong.
    async fn beat(self, url: String, views: Views, mut stopped: watch::Receiver<bool>) {
        loop {
            if self.0.journal.leads() && views.positions().await.is_ok() {
                let called = self.0.channels.drivers().post(&url, &[], String::new(), self.0.settings.timeout).await;
                if !called.is_taken() {
                    tracing::warn!("the heartbeat was not taken");
                }
            }
            let wait = self.0.env.sleep(self.0.settings.heartbeat);
            tokio::select! {
                biased;
                _gone = stopped.wait_for(|stopped| *stopped) => return,
                () = wait => {}
            }
        }
    }

    /// The monitors.
    #[must_use]
    pub fn monitors(&self) -> &Host<Monitor> {
        &self.0.monitors
    }

    /// The alerts.
    #[must_use]
    pub fn alerts(&self) -> &Host<Alerts> {
        &self.0.alerts
    }

    /// The pagers.
    #[must_use]
    pub fn pagers(&self) -> &Host<Pager> {
        &self.0.pagers
    }

    /// What is published.
    #[must_use]
    pub fn boards(&self) -> &Arc<Boards> {
        &self.0.boards
    }

    /// Names and addresses.
    #[must_use]
    pub fn contacts(&self) -> &Contacts {
        &self.0.contacts
    }

    /// What is wrong with addresses, as far as it can be seen before anything is sent.
    #[must_use]
    pub fn faults(&self, contact: &Contact) -> Vec<AddressFault> {
        address::faults(contact, self.0.channels.drivers(), &self.0.secrets, &self.0.settings)
    }

    /// What a link says, if it is ours and not over.
    #[must_use]
    pub fn open_link(&self, token: &str) -> Option<Link> {
        let key = self.0.settings.link_key(&self.0.secrets)?;
        Link::open(token, &key, self.0.env.now())
    }

    fn delivery(&self, class: Class) -> Delivery {
        Delivery { class, deadline: self.0.deadline }
    }

    /// Lets a monitor decide.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask_monitor(
        &self,
        org: &Org,
        command: monitor::Command,
        meta: Meta,
    ) -> Result<Reply<Monitor>, AskError<monitor::Rejection>> {
        let owner = monitor::stream(org).map_err(|_| AskError::Unavailable)?;
        self.0.monitors.ask_as(owner, command, meta, self.delivery(Class::Command)).await
    }

    /// Lets an alert decide.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask_alert(
        &self,
        owner: StreamId,
        command: alert::Command,
        meta: Meta,
    ) -> Result<Reply<Alerts>, AskError<alert::Rejection>> {
        self.0.alerts.ask_as(owner, command, meta, self.delivery(Class::Command)).await
    }

    /// Lets a pager decide.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask_pager(
        &self,
        owner: StreamId,
        command: pager::Command,
        meta: Meta,
    ) -> Result<Reply<Pager>, AskError<pager::Rejection>> {
        self.0.pagers.ask_as(owner, command, meta, self.delivery(Class::Reply)).await
    }

    /// The metadata of what this node does by itself.
    fn own(&self, org: &Org, subject: &str) -> Meta {
        let id = self.0.env.next_id();
        Meta {
            command_id: CommandId(id),
            body_hash: BodyHash::of(&[id.as_bytes()]),
            correlation_id: CorrelationId(id),
            causation_id: None,
            caller: Caller { org: org.clone(), subject: subject.into(), role: Role::Operator },
            occurred_at: None,
            expected_version: None,
            traceparent: None,
        }
    }
}

/// What is counted of alerts.
#[must_use]
pub(crate) fn figures(boards: &Arc<Boards>) -> impl prometheus_client::collector::Collector + use<> {
    board::Figures(boards.clone())
}

/// The stream of an alert.
///
/// # Errors
/// Never: the kind is a lawful name.
pub fn alert_stream(org: &Org, id: EntityId) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(alert::KIND)?, id))
}

/// The stream of a recipient's pager.
///
/// # Errors
/// Never: the kind is a lawful name.
pub fn pager_stream(org: &Org, recipient: EntityId) -> Result<StreamId, NameError> {
    Ok(StreamId::new(org.clone(), Kind::new(pager::KIND)?, recipient))
}
