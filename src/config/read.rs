//! The second pass: from the merged table to settings that are in range and make sense, one function a section.
//!
//! A new setting needs its line here, its field in `settings` and its default in `config/default.toml`.

use crate::alerts::{Mail, Templates, Tls};
use crate::channels::Secrets;
use crate::config::section::Section;
use crate::config::settings::{
    Alertmanager, Alerts, Analytics, ApiKey, Auth, Channels, Config, Intake, KeyAlgorithm, LogFormat, Logging, Node, Policy, Queue, Roles,
    Server, Store, StoreUrl, TokenKey,
};
use crate::config::{ConfigFault, Origin, Raw};
use crate::web::Roots;
use ionveil_actors::{RestartLimits, RuntimeConfig, Strategy, Supervision};
use ionveil_alerts::pager::{Backoff, Pager};
use ionveil_channels::address::Allow;
use ionveil_channels::channel::Text;
use ionveil_dispatch::pool::{LIMIT_MAX, Pool, WINDOW_MS_MAX};
use ionveil_dispatch::queue::{InvalidThresholds, Monitor, RawThresholds, Thresholds};
use ionveil_journal::{JournalConfig, NODE_TEXT_MAX, PARTITIONS_MAX};
use ionveil_kernel::statistics::Alpha;
use ionveil_kernel::{EntityId, Kind, Org, Role};
use ionveil_policy::engine::Engine;
use ionveil_policy::tree::Tree;
use ionveil_routing::Settings as Routing;
use ionveil_workflow::{MachineDefinition, Machines, StateDefinition};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

impl Config {
    /// Reads every section; `None` only after a fault was noted.
    pub(super) fn read(raw: &Raw, faults: &mut Vec<ConfigFault>) -> Option<Self> {
        let server = read(raw, "server", faults, server);
        let node = read(raw, "node", faults, node);
        let roles = read(raw, "roles", faults, roles);
        let store = read(raw, "store", faults, store);
        let journal = read(raw, "journal", faults, journal);
        let runtime = read(raw, "runtime", faults, runtime);
        let policy = read(raw, "policy", faults, policy);
        let routing = read(raw, "routing", faults, routing);
        let queue = read(raw, "queue", faults, queue);
        let pool = read(raw, "pool", faults, pool);
        let intake = read(raw, "intake", faults, intake);
        let analytics = read(raw, "analytics", faults, analytics);
        let channels = read(raw, "channels", faults, |section| channels(raw, section));
        let alerts = read(raw, "alerts", faults, alerts);
        let nats = read(raw, "nats", faults, super::nats::read);
        let auth = read(raw, "auth", faults, auth);
        let logging = read(raw, "logging", faults, logging);
        let telemetry = read(raw, "telemetry", faults, super::telemetry::read);
        let definitions = read(raw, "machines", faults, |section| Some(section.each_table(machine)));
        let machines = definitions.and_then(|definitions| machines(raw, definitions, faults));
        unknown_sections(raw, faults);
        let (server, (store, lease)) = (server?, store?);
        Some(Self {
            journal: JournalConfig { lease, ..journal? },
            runtime: RuntimeConfig { deadline: server.request_timeout, ..runtime? },
            server,
            node: node?,
            roles: roles?,
            store,
            policy: policy?,
            routing: routing?,
            queue: queue?,
            pool: pool?,
            intake: intake?,
            analytics: analytics?,
            channels: channels?,
            alerts: alerts?,
            nats: nats?,
            auth: auth?,
            logging: logging?,
            telemetry: telemetry?,
            machines: machines?,
        })
    }
}

const SECTIONS: [&str; 19] = [
    "server",
    "node",
    "roles",
    "store",
    "journal",
    "runtime",
    "policy",
    "routing",
    "queue",
    "pool",
    "intake",
    "analytics",
    "channels",
    "nats",
    "alerts",
    "auth",
    "logging",
    "telemetry",
    "machines",
];

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

fn analytics(section: &mut Section<'_>) -> Option<Analytics> {
    let retention_h = section.integer("retention_h", 1..=168);
    let memory_mib = section.integer("memory_mib", 1..=65_536);
    let waiting_max = section.integer("updates_waiting_max", 1..=100_000);
    Some(Analytics {
        retention: Duration::from_secs(retention_h? * 3_600),
        bytes_max: size(memory_mib?).saturating_mul(1 << 20),
        waiting_max: size(waiting_max?),
    })
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

fn node(section: &mut Section<'_>) -> Option<Node> {
    let address = section.parsed("address", |text| if text.is_empty() { Ok(None) } else { node_address(text).map(Some) });
    Some(Node { address: address? })
}

/// A name or an address, and a port.
fn node_address(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(&format!("http://{text}")).ok().filter(|_| text.len() <= NODE_TEXT_MAX);
    let whole = url.is_some_and(|url| url.path() == "/" && url.query().is_none() && url.username().is_empty() && !text.ends_with('/'));
    let port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    if whole && port { Ok(text.to_owned()) } else { Err("must be HOST:PORT, such as 10.0.0.7:8080".to_owned()) }
}

fn roles(section: &mut Section<'_>) -> Option<Roles> {
    let (simulator, dashboard) = (section.parsed("simulator", listen), section.parsed("dashboard", listen));
    let alerts = section.parsed("alerts", listen);
    Some(Roles { simulator: simulator?, dashboard: dashboard?, alerts: alerts? })
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

fn runtime(section: &mut Section<'_>) -> Option<RuntimeConfig> {
    let resident_max = section.integer("resident_max", 1..=10_000_000);
    let idle_ms = section.integer("idle_ms", 100..=86_400_000);
    let queue_max = section.integer("queue_max", 1..=100_000);
    let in_line_max = section.integer("in_line_max", 1..=10_000_000);
    let in_flight_max = section.integer("in_flight_max", 1..=100_000);
    let recoveries_max = section.integer("recoveries_max", 1..=10_000);
    let dispatch_max = section.integer("dispatch_max", 1..=10_000);
    let timers_per_s = section.integer("timers_per_s", 1..=1_000_000);
    let snapshot_every = section.integer("snapshot_every", 10..=1_000_000);
    let handler_budget_ms = section.integer("handler_budget_ms", 1..=600_000);
    let dead_letters_max = section.integer("dead_letters_max", 1..=1_000_000);
    let timer_skip_after_ms = section.integer("timer_skip_after_ms", 0..=86_400_000);
    let supervision = supervision(section);
    Some(RuntimeConfig {
        resident_max: size(resident_max?),
        idle: Duration::from_millis(idle_ms?),
        queue_max: size(queue_max?),
        in_line_max: size(in_line_max?),
        in_flight_max: size(in_flight_max?),
        recoveries_max: size(recoveries_max?),
        dispatch_max: size(dispatch_max?),
        timers_per_s: u32::try_from(timers_per_s?).unwrap_or(u32::MAX),
        snapshot_every: snapshot_every?,
        handler_budget: Duration::from_millis(handler_budget_ms?),
        dead_letters_max: dead_letters_max?,
        timer_skip_after: Duration::from_millis(timer_skip_after_ms?),
        supervision: supervision?,
        deadline: RuntimeConfig::default().deadline,
    })
}

fn policy(section: &mut Section<'_>) -> Option<Policy> {
    let escalate_at = section.integer("escalate_at", 1..=1_000_000);
    let watch = section.integer("deescalate_watch_above", 1..=1_000_000);
    let restricted = section.integer("deescalate_restricted_above", 1..=1_000_000);
    let halted = section.integer("deescalate_halted_above", 1..=1_000_000);
    let dwell_s = section.integer("dwell_s", 0..=31_536_000);
    let notice_before_s = section.integer("notice_before_s", 0..=31_536_000);
    let simulations_max = section.integer("simulations_max", 1..=1_000);
    let engine = Engine::new(escalate_at?, [watch?, restricted?, halted?], Duration::from_secs(dwell_s?));
    Some(Policy { tree: Tree { notice_before: Duration::from_secs(notice_before_s?) }, engine, simulations_max: size(simulations_max?) })
}

fn routing(section: &mut Section<'_>) -> Option<Routing> {
    let alpha = section.number("alpha", 0.01..=1.0);
    let window_s = section.integer("window_s", 1..=86_400);
    let exclude_below = section.number("exclude_below", 0.01..=1.0);
    let warmup_s = section.integer("warmup_s", 0..=86_400);
    let stable_at = section.number("stable_at", 0.0..=1.0);
    let health_weight = section.number("health_weight", 0.0..=1e6);
    let trend_weight = section.number("trend_weight", 0.0..=1e6);
    Some(Routing {
        alpha: Alpha::new(alpha?).ok()?,
        window: Duration::from_secs(window_s?),
        exclude_below: exclude_below?,
        warmup: Duration::from_secs(warmup_s?),
        stable_at: stable_at?,
        health_weight: health_weight?,
        trend_weight: trend_weight?,
    })
}

fn queue(section: &mut Section<'_>) -> Option<Queue> {
    let mut ratio = |key| section.number(key, -1e6..=1e6);
    let (warn_ratio, critical_ratio, overload_ratio) = (ratio("warn_ratio"), ratio("critical_ratio"), ratio("overload_ratio"));
    let slow_p95_ms = section.number("slow_p95_ms", -1e9..=1e9);
    let hard_limit = section.integer("hard_limit", 0..=1_000_000_000_000);
    let outbox_limit = section.integer("outbox_limit", 1..=1_000_000_000_000);
    let raw = RawThresholds {
        warn_ratio: warn_ratio?,
        critical_ratio: critical_ratio?,
        overload_ratio: overload_ratio?,
        slow_p95_ms: slow_p95_ms?,
        hard_limit: hard_limit.and_then(|limit| i64::try_from(limit).ok())?,
    };
    let thresholds = Thresholds::new(raw).map_err(|invalid| {
        for fault in invalid.0 {
            section.fault(fault.field(), format!("{}: {}", InvalidThresholds::CODE, fault.must()));
        }
    });
    Some(Queue { monitor: Monitor::new(thresholds.ok()?), outbox_limit: i64::try_from(outbox_limit?).ok()? })
}

fn pool(section: &mut Section<'_>) -> Option<Pool> {
    let limit = section.integer("limit", 1..=LIMIT_MAX.unsigned_abs());
    let window_ms = section.integer("window_ms", 0..=WINDOW_MS_MAX.unsigned_abs());
    Pool::new(i64::try_from(window_ms?).ok()?, i64::try_from(limit?).ok()?).ok()
}

fn intake(section: &mut Section<'_>) -> Option<Intake> {
    let rows_max = section.integer("rows_max", 1..=100_000_000);
    let bytes_max = section.integer("bytes_max", 1..=1 << 40);
    let limit = section.integer("limit", 1..=1_000_000_000_000);
    Some(Intake { rows_max: rows_max?, bytes_max: bytes_max?, limit: i64::try_from(limit?).ok()? })
}

fn channels(raw: &Raw, section: &mut Section<'_>) -> Option<Channels> {
    let allow = section.texts("allow");
    let allow = allow.and_then(|entries| {
        let parsed = Allow::parse(entries.iter().map(String::as_str));
        parsed.map_err(|invalid| section.fault("allow", invalid.to_string())).ok()
    });
    let named = section.text("secrets_dir");
    let folder = named.map(|text| (!text.is_empty()).then(|| section.based("secrets_dir", &text)));
    let roots = section.text("root_certificates_file").and_then(|text| {
        let read = if text.is_empty() { Ok(Roots::default()) } else { Roots::read(&section.based("root_certificates_file", &text)) };
        read.map_err(|detail| section.fault("root_certificates_file", detail)).ok()
    });
    Some(Channels { allow: allow?, secrets: Secrets::new(raw.secrets.clone(), folder?), roots: roots? })
}

fn alerts(section: &mut Section<'_>) -> Option<Alerts> {
    let limit = section.integer("notifications_max", 1..=10_000);
    let window_s = section.integer("window_s", 1..=3_600);
    let attempts = section.integer("attempts_max", 1..=100);
    let first_ms = section.integer("first_retry_ms", 1..=3_600_000);
    let longest_ms = section.integer("longest_retry_ms", 1..=86_400_000);
    let timeout_ms = section.integer("timeout_ms", 1..=300_000);
    let mail = mail(section);
    let (subject, text) = (section.text("subject_template"), section.text("text_template"));
    let templates = subject.zip(text).and_then(|(subject, text)| {
        let made = Templates::new(&subject, &text);
        made.map_err(|faults| faults.into_iter().for_each(|(key, error)| section.fault(key, format!("is no template: {error}")))).ok()
    });
    let pagerduty_url = section.parsed("pagerduty_url", address);
    let webhook_key = section.parsed("webhook_key", secret);
    let public_url = section.parsed("public_url", optional_address);
    let link_key = section.parsed("link_key", secret);
    let link_minutes = section.integer("link_minutes", 1..=525_600);
    let heartbeat_url = section.parsed("heartbeat_url", optional_address);
    let heartbeat_s = section.integer("heartbeat_s", 1..=86_400);
    let alertmanager = alertmanager(section);
    let (first, longest) = (Duration::from_millis(first_ms?), Duration::from_millis(longest_ms?));
    let backoff = Backoff { first, longest, attempts: u32::try_from(attempts?).ok()? };
    Some(Alerts {
        pager: Pager { limit: usize::try_from(limit?).ok()?, window: Duration::from_secs(window_s?), backoff },
        timeout: Duration::from_millis(timeout_ms?),
        mail: mail?,
        templates: templates?,
        pagerduty_url: pagerduty_url?,
        webhook_key: webhook_key?,
        public_url: public_url?,
        link_key: link_key?,
        link_lifetime: Duration::from_mins(link_minutes?),
        heartbeat_url: heartbeat_url?,
        heartbeat: Duration::from_secs(heartbeat_s?),
        alertmanager: alertmanager?,
    })
}

/// None after a fault; none of some where alerts are told to none.
fn alertmanager(section: &mut Section<'_>) -> Option<Option<Alertmanager>> {
    let url = section.parsed("alertmanager", optional_address);
    let token = section.parsed("alertmanager_token", secret);
    let resend = section.integer("alertmanager_resend_s", 1..=3_600);
    let (url, token, resend) = (url?, token?, Duration::from_secs(resend?));
    Some(url.map(|base| Alertmanager { url: format!("{}/api/v2/alerts", base.trim_end_matches('/')), token, resend }))
}

/// None after a fault; none of some where mail is not sent.
fn mail(section: &mut Section<'_>) -> Option<Option<Mail>> {
    let server = section.parsed("smtp", |text| {
        if text.is_empty() {
            return Ok(None);
        }
        let what = || "must be smtps://HOST:PORT, smtp://HOST:PORT (STARTTLS) or smtp+plain://HOST:PORT (no TLS)".to_owned();
        let schemes = [("smtps://", Tls::Wrapped, 465), ("smtp://", Tls::Starttls, 587), ("smtp+plain://", Tls::None, 25)];
        let found = schemes.into_iter().find_map(|(scheme, tls, port)| Some((text.strip_prefix(scheme)?, tls, port)));
        let (rest, tls, port) = found.ok_or_else(what)?;
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| what())?),
            None => (rest, port),
        };
        if host.is_empty() || host.contains(['/', '@']) { Err(what()) } else { Ok(Some((host.to_owned(), port, tls))) }
    });
    let user = section.text("smtp_user");
    let password = section.parsed("smtp_password", secret);
    let from = section.parsed("mail_from", |text| text.parse().map_err(|_| "must be an address of mail".to_owned()));
    let (user, password, from) = (user?, password?, from?);
    let user = Some(user).filter(|user| !user.is_empty());
    Some(server?.map(|(host, port, tls)| Mail { host, port, tls, user, password, from }))
}

fn address(text: &str) -> Result<String, String> {
    let lawful = reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.password().is_none());
    if lawful { Ok(text.to_owned()) } else { Err("must be an address such as https://host/path".to_owned()) }
}

fn optional_address(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() { Ok(None) } else { address(text).map(Some) }
}

/// Where a secret is kept; the text itself is never one.
fn secret(text: &str) -> Result<Option<Text>, String> {
    match text.split_once(':') {
        None if text.is_empty() => Ok(None),
        Some(("env", name)) if name.starts_with(ionveil_channels::channel::SECRET_PREFIX) => Ok(Some(Text::Env { env: name.to_owned() })),
        Some(("file", name)) if !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']) => {
            Ok(Some(Text::File { file: name.to_owned() }))
        }
        Some(_) | None => Err("must be env:IONVEIL_SECRET_… or file:NAME (in channels.secrets_dir), not the secret itself".to_owned()),
    }
}

fn supervision(section: &mut Section<'_>) -> Option<Supervision> {
    let restarts_max = section.integer("restarts_max", 0..=1_000);
    let restart_window_ms = section.integer("restart_window_ms", 1..=86_400_000);
    let backoff_min_ms = section.integer("restart_backoff_min_ms", 1..=600_000);
    let backoff_max_ms = section.integer("restart_backoff_max_ms", 1..=3_600_000);
    let strategies = section.map("on_failure", strategy);
    let limits = RestartLimits {
        restarts_max: u32::try_from(restarts_max?).unwrap_or(u32::MAX),
        window: Duration::from_millis(restart_window_ms?),
        backoff_min: Duration::from_millis(backoff_min_ms?),
        backoff_max: Duration::from_millis(backoff_max_ms?),
    };
    Some(Supervision { limits, strategies: strategies? })
}

/// `path` is `""` (the root), an organisation or `*`, perhaps with `@node` of its policy tree, perhaps with `/kind`.
fn strategy(path: &str, name: &str) -> Result<Strategy, String> {
    let (place, kind) = path.split_once('/').map_or((path, None), |(place, kind)| (place, Some(kind)));
    let (org, node) = place.split_once('@').map_or((place, None), |(org, node)| (org, Some(node)));
    let lawful_org = org == "*" || Org::new(org).is_ok() || path.is_empty();
    if !lawful_org || node.is_some_and(|node| EntityId::new(node).is_err()) || kind.is_some_and(|kind| Kind::new(kind).is_err()) {
        return Err("must be named \"\" (the root), ORG, ORG@NODE, ORG/KIND or ORG@NODE/KIND, where ORG may be *".to_owned());
    }
    let known = Strategy::ALL.into_iter().find(|strategy| strategy.as_str() == name);
    known.ok_or_else(|| "must be restart_one, restart_all, stop or escalate".to_owned())
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
        let (name, to, assigns) = (state.text("name"), state.optional_texts("to"), state.flag("assigns"));
        Some(StateDefinition { name: name?, to: to.unwrap_or_default(), assigns: assigns? })
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
