//! The second pass: from the merged table to settings that are in range and make sense, one function a section;
//! those of the larger ones have a file each.
//!
//! A new setting needs its line here, its field in `settings` and its default in `config/default.toml`.

use crate::channels::Secrets;
use crate::config::section::Section;
use crate::config::settings::{Analytics, Channels, Config, Intake, LogFormat, Logging, Policy, Queue, Store, StoreUrl};
use crate::config::{ConfigFault, Origin, Raw, alerts, auth, nats, runtime, server, telemetry};
use crate::web::Roots;
use ionveil_actors::RuntimeConfig;
use ionveil_channels::address::Allow;
use ionveil_dispatch::pool::{LIMIT_MAX, Pool, WINDOW_MS_MAX};
use ionveil_dispatch::queue::{InvalidThresholds, Monitor, RawThresholds, Thresholds};
use ionveil_journal::{JournalConfig, PARTITIONS_MAX};
use ionveil_kernel::statistics::Alpha;
use ionveil_policy::engine::Engine;
use ionveil_policy::tree::Tree;
use ionveil_routing::Settings as Routing;
use ionveil_workflow::{MachineDefinition, Machines, StateDefinition};
use std::time::Duration;

impl Config {
    /// Reads every section; `None` only after a fault was noted.
    pub(super) fn read(raw: &Raw, faults: &mut Vec<ConfigFault>) -> Option<Self> {
        let server = read(raw, "server", faults, server::server);
        let node = read(raw, "node", faults, server::node);
        let roles = read(raw, "roles", faults, server::roles);
        let store = read(raw, "store", faults, store);
        let journal = read(raw, "journal", faults, journal);
        let runtime = read(raw, "runtime", faults, runtime::read);
        let policy = read(raw, "policy", faults, policy);
        let routing = read(raw, "routing", faults, routing);
        let queue = read(raw, "queue", faults, queue);
        let pool = read(raw, "pool", faults, pool);
        let intake = read(raw, "intake", faults, intake);
        let analytics = read(raw, "analytics", faults, analytics);
        let channels = read(raw, "channels", faults, |section| channels(raw, section));
        let alerts = read(raw, "alerts", faults, alerts::read);
        let nats = read(raw, "nats", faults, nats::read);
        let auth = read(raw, "auth", faults, auth::read);
        let logging = read(raw, "logging", faults, logging);
        let telemetry = read(raw, "telemetry", faults, telemetry::read);
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
pub(super) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
