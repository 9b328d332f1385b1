//! Configuration: embedded defaults, then a file, then the environment, then flags. One type per pass: [`Raw`] (what
//! was written, and where) and [`Config`] (what it means); keys and machines are loaded from there.
//!
//! All faults are reported at once, each with its full path. Nothing is read here but the file that is named: the
//! environment comes in as a value from [`mod@env`].

mod alerts;
mod auth;
pub mod env;
mod fault;
mod layers;
mod nats;
mod read;
mod runtime;
mod section;
mod server;
mod settings;
mod show;
mod telemetry;

pub use fault::{ConfigFault, ConfigFaults};
pub use layers::{Flag, Origin, Raw};
pub use settings::{
    Alertmanager, Alerts, Analytics, ApiKey, Auth, Channels, Config, Intake, KeyAlgorithm, LogFormat, Logging, Nats, NatsLogin, NatsServer,
    Node, Queue, Roles, Server, Store, StoreUrl, Telemetry, TokenKey,
};
pub use show::show;

use std::collections::BTreeMap;
use std::path::Path;

/// The defaults, with comments, as `ionveil config show --defaults` prints them.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// What is in force, and what it was made from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The validated settings.
    pub config: Config,
    /// Each setting with its origin.
    pub raw: Raw,
}

/// Reads all layers: `file` if one is named, the variables of `environment` that begin with `IONVEIL__` (and those of queues
/// that begin with `IONVEIL_QUEUE_`), and `flags`.
///
/// # Errors
/// Every fault of every layer.
pub fn load(file: Option<&Path>, environment: &BTreeMap<String, String>, flags: &[Flag]) -> Result<Loaded, ConfigFaults> {
    let (raw, mut faults) = Raw::gather(file, environment, flags);
    let config = Config::read(&raw, &mut faults);
    match config {
        Some(config) if faults.is_empty() => Ok(Loaded { config, raw }),
        Some(_) | None => Err(ConfigFaults(faults)),
    }
}

/// The defaults with some settings replaced, each named by its path: for hosts that embed an instance. Reads nothing from
/// outside.
///
/// # Errors
/// Every fault of these settings.
pub fn of(settings: &[(&'static str, &str)]) -> Result<Config, ConfigFaults> {
    let flag = |(path, value): &(&'static str, &str)| Flag { name: path, path, value: (*value).to_owned() };
    let flags: Vec<Flag> = settings.iter().map(flag).collect();
    Ok(load(None, &BTreeMap::new(), &flags)?.config)
}

#[cfg(test)]
mod tests;
