//! The second pass: what the settings mean. A value of these types is in range and makes sense.
//!
//! Files that settings name (keys) are not opened here; `auth` loads them.

use crate::config::section::Section;
use crate::config::{ConfigFault, Origin, Raw};
use ionveil_actors::HostConfig;
use ionveil_journal::{JournalConfig, PARTITIONS_MAX};
use ionveil_kernel::{Org, Role};
use ionveil_workflow::{MachineDefinition, Machines, StateDefinition};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[store]`
    pub store: Store,
    /// `[journal]`, with the lease of `[store]`
    pub journal: JournalConfig,
    /// `[runtime]`, with the request timeout of `[server]`
    pub runtime: HostConfig,
    /// `[auth]`
    pub auth: Auth,
    /// `[logging]`
    pub logging: Logging,
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
        let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
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

    fn parse(text: &str) -> Result<Self, String> {
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

impl Config {
    /// Reads every section; `None` only after a fault was noted.
    pub(super) fn read(raw: &Raw, faults: &mut Vec<ConfigFault>) -> Option<Self> {
        let server = read(raw, "server", faults, server);
        let store = read(raw, "store", faults, store);
        let journal = read(raw, "journal", faults, journal);
        let runtime = read(raw, "runtime", faults, runtime);
        let auth = read(raw, "auth", faults, auth);
        let logging = read(raw, "logging", faults, logging);
        let definitions = read(raw, "machines", faults, |section| Some(section.each_table(machine)));
        let machines = definitions.and_then(|definitions| machines(raw, definitions, faults));
        unknown_sections(raw, faults);
        let (server, (store, lease)) = (server?, store?);
        Some(Self {
            journal: JournalConfig { lease, ..journal? },
            runtime: HostConfig { deadline: server.request_timeout, ..runtime? },
            server,
            store,
            auth: auth?,
            logging: logging?,
            machines: machines?,
        })
    }
}

const SECTIONS: [&str; 7] = ["server", "store", "journal", "runtime", "auth", "logging", "machines"];

fn unknown_sections(raw: &Raw, faults: &mut Vec<ConfigFault>) {
    for name in raw.table.keys().filter(|name| !SECTIONS.contains(&name.as_str())) {
        let hint = crate::spelling::nearest(name, SECTIONS.into_iter()).map(|known| format!("; did you mean [{known}]?"));
        let detail = format!("is an unknown section{}", hint.unwrap_or_default());
        faults.push(ConfigFault { path: name.clone(), origin: raw.origin(name).cloned(), detail });
    }
}

fn read<T>(raw: &Raw, name: &str, faults: &mut Vec<ConfigFault>, fields: impl FnOnce(&mut Section<'_>) -> Option<T>) -> Option<T> {
    let mut section = Section::open(raw, name, faults);
    let value = fields(&mut section);
    section.finish();
    value
}

fn server(section: &mut Section<'_>) -> Option<Server> {
    let listen = section.parsed("listen", listen);
    let workers = section.integer("workers", 0..=1024);
    let request_timeout_ms = section.integer("request_timeout_ms", 100..=600_000);
    let drain_timeout_ms = section.integer("drain_timeout_ms", 0..=600_000);
    let body_limit_bytes = section.integer("body_limit_bytes", 1024..=64 << 20);
    // serde_json's own guard stops at 128 levels.
    let body_depth_max = section.integer("body_depth_max", 1..=120);
    let allowed_hosts = section.texts("allowed_hosts").and_then(|hosts| lawful_hosts(section, hosts));
    Some(Server {
        listen: listen?,
        workers: Some(size(workers?)).filter(|workers| *workers > 0),
        request_timeout: Duration::from_millis(request_timeout_ms?),
        drain_timeout: Duration::from_millis(drain_timeout_ms?),
        body_limit_bytes: size(body_limit_bytes?),
        body_depth_max: size(body_depth_max?),
        allowed_hosts: allowed_hosts?,
    })
}

/// An address with a port; `localhost` is the IPv4 loopback, so that no name service is asked.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match port {
        Some(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().map_err(|_| format!("must be ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080, not {text:?}")),
    }
}

fn lawful_hosts(section: &mut Section<'_>, hosts: Vec<String>) -> Option<Vec<String>> {
    let lawful = |host: &String| !host.is_empty() && !host.contains(['/', ' ', '*']) && host.is_ascii();
    match hosts.iter().find(|host| !lawful(host)) {
        Some(host) => {
            section.fault("allowed_hosts", format!("must be host names without scheme, path or wildcard, not {host:?}"));
            None
        }
        None => Some(hosts.iter().map(|host| host.to_ascii_lowercase()).collect()),
    }
}

fn store(section: &mut Section<'_>) -> Option<(Store, Duration)> {
    let data_dir = section.path("data_dir");
    let url = section.parsed("url", |text| if text.is_empty() { Ok(None) } else { StoreUrl::parse(text).map(Some) });
    let partitions = section.integer("partitions", 1..=u64::from(PARTITIONS_MAX));
    let lease_ms = section.integer("lease_ms", 500..=60_000);
    let partitions = u16::try_from(partitions?).ok()?;
    Some((Store { data_dir: data_dir?, url: url?, partitions }, Duration::from_millis(lease_ms?)))
}

fn journal(section: &mut Section<'_>) -> Option<JournalConfig> {
    let batch_events_max = section.integer("batch_events_max", 1..=20_000);
    let batch_bytes_max = section.integer("batch_bytes_max", 1024..=64 << 20);
    let queue_max = section.integer("queue_max", 1..=1_000_000);
    let retry_ms = section.integer("retry_ms", 0..=600_000);
    Some(JournalConfig {
        batch_events_max: size(batch_events_max?),
        batch_bytes_max: size(batch_bytes_max?),
        queue_max: size(queue_max?),
        retry_for: Duration::from_millis(retry_ms?),
        ..JournalConfig::default()
    })
}

fn runtime(section: &mut Section<'_>) -> Option<HostConfig> {
    let resident_max = section.integer("resident_max", 1..=10_000_000);
    let idle_ms = section.integer("idle_ms", 100..=86_400_000);
    let queue_max = section.integer("queue_max", 1..=100_000);
    let snapshot_every = section.integer("snapshot_every", 10..=1_000_000);
    Some(HostConfig {
        resident_max: size(resident_max?),
        idle: Duration::from_millis(idle_ms?),
        queue_max: size(queue_max?),
        snapshot_every: snapshot_every?,
        ..HostConfig::default()
    })
}

fn auth(section: &mut Section<'_>) -> Option<Auth> {
    let issuer = section.parsed("issuer", not_empty);
    let audience = section.parsed("audience", not_empty);
    let leeway_s = section.integer("leeway_s", 0..=300);
    let keys = section.tables("keys", token_key);
    let api_keys = section.tables("api_keys", api_key);
    let (keys, api_keys) = (keys?, api_keys?);
    note_repeats(section, "keys", keys.iter().map(|key| &*key.id));
    note_repeats(section, "api_keys", api_keys.iter().map(|key| &*key.id));
    Some(Auth { issuer: issuer?, audience: audience?, leeway: Duration::from_secs(leeway_s?), keys, api_keys })
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn note_repeats<'k>(section: &mut Section<'_>, key: &str, ids: impl Iterator<Item = &'k str>) {
    let mut seen = std::collections::BTreeSet::new();
    for id in ids.filter(|id| !seen.insert(*id)) {
        section.fault(key, format!("has two entries with the id {id:?}"));
    }
}

fn token_key(section: &mut Section<'_>) -> Option<TokenKey> {
    let id = section.parsed("id", not_empty);
    let algorithm = section.parsed("algorithm", KeyAlgorithm::parse);
    let (secret, public) = (section.optional_path("secret_file"), section.optional_path("public_key_file"));
    let algorithm = algorithm?;
    let (wanted, file, other) = match algorithm {
        KeyAlgorithm::EdDsa | KeyAlgorithm::Rs256 => ("public_key_file", public, secret),
        KeyAlgorithm::Hs256 => ("secret_file", secret, public),
    };
    if file.is_none() || other.is_some() {
        section.fault(wanted, format!("a key for {} has {wanted} and no other file", algorithm.as_str()));
    }
    Some(TokenKey { id: id?, algorithm, file: file? })
}

fn api_key(section: &mut Section<'_>) -> Option<ApiKey> {
    let id = section.parsed("id", |text| {
        if crate::auth::is_key_id(text) { Ok(text.to_owned()) } else { Err(format!("must match {}", crate::auth::KEY_ID_PATTERN)) }
    });
    let org = section.parsed("org", |text| Org::new(text).map_err(|error| error.to_string()));
    let role = section.parsed("role", role);
    let subject = section.optional_text("subject");
    let sha256 =
        section.parsed("sha256", |text| crate::auth::hash_from_hex(text).ok_or_else(|| "must be 64 hexadecimal digits".to_owned()));
    let id = id?;
    Some(ApiKey { subject: subject.unwrap_or_else(|| id.clone()), id, org: org?, role: role?, sha256: sha256? })
}

fn role(text: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.as_str() == text);
    known.ok_or_else(|| "must be operator, dispatcher, supervisor or admin".to_owned())
}

fn logging(section: &mut Section<'_>) -> Option<Logging> {
    let format = section.parsed("format", |text| match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be text or json".to_owned()),
    });
    let level = section.parsed("level", |text| {
        let named = ["error", "warn", "info", "debug", "trace"].contains(&text.to_ascii_lowercase().as_str());
        text.parse().ok().filter(|_| named).ok_or_else(|| "must be error, warn, info, debug or trace".to_owned())
    });
    Some(Logging { format: format?, level: level? })
}

fn machine(section: &mut Section<'_>) -> Option<MachineDefinition> {
    let initial = section.text("initial");
    let terminal = section.optional_texts("terminal");
    let states = section.tables("states", |state| {
        let (name, to) = (state.text("name"), state.optional_texts("to"));
        Some(StateDefinition { name: name?, to: to.unwrap_or_default() })
    });
    Some(MachineDefinition { initial: initial?, terminal, states: states? })
}

fn machines(raw: &Raw, definitions: Vec<(String, MachineDefinition)>, faults: &mut Vec<ConfigFault>) -> Option<Machines> {
    // With a row missing because of a fault of form, the checks of the whole would only report what follows from it.
    if faults.iter().any(|fault| fault.path.starts_with("machines.")) {
        return None;
    }
    let found = Machines::new(definitions).map_err(|found| {
        faults.extend(found.into_iter().map(|fault| {
            let origin: Option<Origin> = raw.origin(&fault.path).cloned();
            ConfigFault { path: fault.path, origin, detail: fault.kind.to_string() }
        }));
    });
    found.ok()
}

/// Ranges above fit every `usize` that we build for; a smaller one is capped.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
