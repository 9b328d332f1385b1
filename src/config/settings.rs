//! What the settings mean. A value of these types is in range and makes sense, because only `read` makes them.
//!
//! Files that settings name (keys) are not opened here; `auth` loads them.

use crate::alerts::{Mail, Templates};
use crate::channels::Secrets;
use crate::services::Service;
use crate::web::Roots;
use ionveil_actors::RuntimeConfig;
use ionveil_alerts::pager::Pager;
use ionveil_channels::address::Allow;
use ionveil_channels::channel::Text;
use ionveil_dispatch::pool::Pool;
use ionveil_dispatch::queue::Monitor;
use ionveil_journal::JournalConfig;
use ionveil_kernel::{Org, Role};
use ionveil_policy::engine::Engine;
use ionveil_policy::tree::Tree;
use ionveil_routing::Settings as Routing;
use ionveil_workflow::Machines;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[node]`
    pub node: Node,
    /// `[roles]`
    pub roles: Roles,
    /// `[store]`
    pub store: Store,
    /// `[journal]`, with the lease of `[store]`
    pub journal: JournalConfig,
    /// `[runtime]`, with the request timeout of `[server]`
    pub runtime: RuntimeConfig,
    /// `[policy]`
    pub policy: Policy,
    /// `[routing]`
    pub routing: Routing,
    /// `[queue]`
    pub queue: Queue,
    /// `[pool]`
    pub pool: Pool,
    /// `[intake]`
    pub intake: Intake,
    /// `[analytics]`
    pub analytics: Analytics,
    /// `[channels]`
    pub channels: Channels,
    /// `[alerts]`
    pub alerts: Alerts,
    /// `[nats]`; none means that there is no bridge
    pub nats: Option<Nats>,
    /// `[auth]`
    pub auth: Auth,
    /// `[logging]`
    pub logging: Logging,
    /// `[telemetry]`; none means that no traces are sent
    pub telemetry: Option<Telemetry>,
    /// `[machines]`, together with the built-in ones
    pub machines: Machines,
}

/// `[server]`
#[derive(Clone, Debug)]
pub struct Server {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Threads that serve requests; none means one per core.
    pub workers: Option<usize>,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long requests may take to finish after SIGTERM.
    pub drain_timeout: Duration,
    /// Largest body in bytes.
    pub body_limit_bytes: usize,
    /// Most levels of arrays and objects in a body.
    pub body_depth_max: usize,
    /// Host names, in lower case, that a server without authentication answers to beside localhost.
    pub allowed_hosts: Vec<String>,
}

/// `[node]`
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the other nodes of the same store reach this one; none: where it listens.
    pub address: Option<String>,
}

/// `[roles]`: where services listen that have a listener of their own.
#[derive(Clone, Copy, Debug)]
pub struct Roles {
    /// The simulator.
    pub simulator: SocketAddr,
    /// The dashboard.
    pub dashboard: SocketAddr,
    /// Alerts.
    pub alerts: SocketAddr,
}

impl Roles {
    /// Where a service listens.
    #[must_use]
    pub const fn of(&self, service: Service) -> SocketAddr {
        match service {
            Service::Simulator => self.simulator,
            Service::Dashboard => self.dashboard,
            Service::Alerts => self.alerts,
        }
    }
}

/// `[store]`
#[derive(Clone, Debug)]
pub struct Store {
    /// Where the lock, the node's id and the SQLite file are kept.
    pub data_dir: PathBuf,
    /// The database; none means a SQLite file in the data directory.
    pub url: Option<StoreUrl>,
    /// How many partitions a new database gets.
    pub partitions: u16,
}

/// The address of a database. It may hold a password, so it is printed without it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// The address with everything that it takes to connect.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Takes `sqlite:`, `postgres:`, `postgresql:` and `memory:`.
    ///
    /// # Errors
    /// What is wrong, for people; the text itself is not repeated, since it may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let schemes = ["sqlite://", "sqlite:", "postgres://", "postgresql://"];
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
        let known = rest.is_some_and(|rest| !rest.is_empty());
        if known || text == "memory:" {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be sqlite://PATH, postgres://USER@HOST/DATABASE or memory:".to_owned())
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::show::without_password(&self.0))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `[policy]`
#[derive(Clone, Debug)]
pub struct Policy {
    /// The trees.
    pub tree: Tree,
    /// The engines of their nodes.
    pub engine: Engine,
    /// The most simulations that run at once.
    pub simulations_max: usize,
}

/// `[queue]`
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// What judges all queues.
    pub monitor: Monitor,
    /// How much of an organisation's may wait to be sent.
    pub outbox_limit: i64,
}

/// `[intake]`
#[derive(Clone, Copy, Debug)]
pub struct Intake {
    /// The most rows of a batch.
    pub rows_max: u64,
    /// The most bytes of a batch, unpacked.
    pub bytes_max: u64,
    /// How many rows of an organisation are taken in at once.
    pub limit: i64,
}

/// `[analytics]`
#[derive(Clone, Copy, Debug)]
pub struct Analytics {
    /// For how long events count.
    pub retention: Duration,
    /// In how many bytes the events of an organisation are kept.
    pub bytes_max: usize,
    /// The most updates that wait for a subscriber.
    pub waiting_max: usize,
}

/// `[channels]`
#[derive(Clone, Debug)]
pub struct Channels {
    /// What may be called beside globally routable addresses.
    pub allow: Allow,
    /// Secrets that channels may name.
    pub secrets: Secrets,
    /// What servers of channels and of mail are trusted by, besides the certificates built in.
    pub roots: Roots,
}

/// `[alerts]`
#[derive(Clone, Debug)]
pub struct Alerts {
    /// How many notifications a recipient gets, and when what has failed is tried again.
    pub pager: Pager,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// The mail server.
    pub mail: Option<Mail>,
    /// What notifications say.
    pub templates: Templates,
    /// Where PagerDuty takes events.
    pub pagerduty_url: String,
    /// Where the key is that webhooks are signed with.
    pub webhook_key: Option<Text>,
    /// Where people reach this server.
    pub public_url: Option<String>,
    /// Where the key is that links are signed with.
    pub link_key: Option<Text>,
    /// How long links can be used.
    pub link_lifetime: Duration,
    /// What is called to say that this server is alive.
    pub heartbeat_url: Option<String>,
    /// How often.
    pub heartbeat: Duration,
    /// The Alertmanager that our own alerts are told to.
    pub alertmanager: Option<Alertmanager>,
}

/// `alertmanager…` of `[alerts]`
#[derive(Clone, Debug)]
pub struct Alertmanager {
    /// Where it takes alerts.
    pub url: String,
    /// Where the token is that is shown to it.
    pub token: Option<Text>,
    /// How often active alerts are told again.
    pub resend: Duration,
}

impl Alerts {
    /// The key that webhooks are signed with: `whsec_` and base64, or as it is.
    #[must_use]
    pub fn webhook_key(&self, secrets: &Secrets) -> Option<Vec<u8>> {
        use base64::Engine as _;
        let text = secrets.resolve(self.webhook_key.as_ref()?).ok().filter(|text| !text.is_empty())?;
        let coded = text.strip_prefix("whsec_");
        Some(coded.and_then(|coded| base64::engine::general_purpose::STANDARD.decode(coded).ok()).unwrap_or_else(|| text.into_bytes()))
    }

    /// The key that links are signed with.
    #[must_use]
    pub fn link_key(&self, secrets: &Secrets) -> Option<Vec<u8>> {
        let text = secrets.resolve(self.link_key.as_ref()?).ok()?;
        (text.len() >= 32).then(|| text.into_bytes())
    }
}

/// `[telemetry]`
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// Where a collector takes traces over HTTP: the whole URL.
    pub otlp_url: String,
    /// The name that this node's spans go under.
    pub service_name: String,
    /// How many of the traces that begin here are recorded, from 0 to 1.
    pub share: f64,
}

/// `[nats]`
#[derive(Clone, Debug)]
pub struct Nats {
    /// The servers of one NATS, without user and password.
    pub servers: Vec<NatsServer>,
    /// Who we are there.
    pub login: NatsLogin,
    /// Certificates in PEM that servers may have besides those that the system trusts.
    pub root_certificates: Option<PathBuf>,
    /// Whether events go out.
    pub events: bool,
    /// Whether commands come in.
    pub commands: bool,
    /// Whether batches come in.
    pub intake: bool,
    /// The stream of the events.
    pub events_stream: String,
    /// The stream of the batches.
    pub intake_stream: String,
    /// How long a stream keeps a message.
    pub max_age: Duration,
    /// How many bytes a stream keeps; the oldest go first.
    pub max_bytes: i64,
    /// On how many servers of a cluster.
    pub replicas: usize,
    /// How long JetStream remembers the ids of messages.
    pub duplicate_window: Duration,
    /// The most events that were sent and not acknowledged yet.
    pub unacknowledged_max: usize,
    /// The most commands, and the most batches, that are carried out at once.
    pub in_flight_max: usize,
}

/// A server of `[nats]`: `nats://HOST:PORT` or `tls://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsServer(pub(super) String);

impl NatsServer {
    /// The address, which holds no secret.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a bridge says who it is. Secrets stay in files, which are read at every connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatsLogin {
    /// It does not.
    Nobody,
    /// A file as `nsc` makes it: a JWT and the seed of a key.
    Credentials(PathBuf),
    /// A user with the file of a password.
    User(String, PathBuf),
    /// The file of a token.
    Token(PathBuf),
}

/// `[auth]`
#[derive(Clone, Debug)]
pub struct Auth {
    /// What `iss` must be.
    pub issuer: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// By how much other clocks may differ.
    pub leeway: Duration,
    /// Who may sign tokens.
    pub keys: Vec<TokenKey>,
    /// Long-lived keys of machines.
    pub api_keys: Vec<ApiKey>,
}

/// `[[auth.keys]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// The `kid` of tokens that it signed.
    pub id: String,
    /// The only algorithm that is accepted with it.
    pub algorithm: KeyAlgorithm,
    /// Where it is kept: a public key in PEM, or a secret for HS256.
    pub file: PathBuf,
}

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    Rs256,
    /// HMAC with SHA-256 (RFC 7518 §3.2).
    Hs256,
}

impl KeyAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Rs256, Self::Hs256];

    /// The name in tokens (RFC 7518 §3.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or_else(|| "must be EdDSA, RS256 or HS256".to_owned())
    }
}

/// `[[auth.api_keys]]`
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The part of the key that is no secret.
    pub id: String,
    /// Who is recorded as the actor, after `key:`.
    pub subject: String,
    /// The organisation.
    pub org: Org,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the whole key.
    pub sha256: [u8; 32],
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({} of {}, {})", self.id, self.org, self.role)
    }
}

/// `[logging]`
#[derive(Clone, Debug)]
pub struct Logging {
    /// How lines look.
    pub format: LogFormat,
    /// What is worth a line.
    pub level: tracing::Level,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
