//! What a dispatch asks for, checked at once (specification of IonVeil §5.4).

use super::event::Requested;
use ionveil_kernel::EntityId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The latency that an answer may have unless told otherwise, in milliseconds (D25).
pub const LATENCY_THRESHOLD_MS_DEFAULT: f64 = 100.0;
/// The longest that it may be told, in milliseconds.
pub const LATENCY_THRESHOLD_MS_MAX: f64 = 300_000.0;
/// Attempts after the first one, unless told otherwise (D26).
pub const MAX_FAILOVERS_DEFAULT: u32 = 3;
/// The most backups.
pub const BACKUPS_MAX: usize = 64;
/// The most channels that a request blocks.
pub const BLOCKED_MAX: usize = 256;

/// A channel that is tried after the primary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// Its name.
    pub channel: EntityId,
    /// The larger, the earlier; above 0.
    pub weight: f64,
}

/// A request as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestForm {
    /// The first channel.
    pub primary: Option<EntityId>,
    /// The others.
    pub backups: Vec<Backup>,
    /// An answer that takes longer comes too late, in milliseconds.
    pub latency_threshold_ms: Option<f64>,
    /// The most attempts after the first one.
    pub max_failovers: Option<i64>,
    /// Channels that are not used, beside those that are blocked anyway.
    pub blocked: Vec<EntityId>,
    /// Where it happens.
    pub zone: Option<EntityId>,
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// The stable code.
    pub code: &'static str,
    /// The request field.
    pub field: String,
    /// What it must be.
    pub detail: String,
}

impl RequestForm {
    /// Checks everything and puts the chain in order: the primary, then the backups by weight, the heaviest first, of equal
    /// ones the first in the list.
    ///
    /// # Errors
    /// All faults, in the specification's order.
    pub fn check(&self, body_hash: String) -> Result<Requested, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut fault = |code, field: &str, detail: String| faults.push(Fault { code, field: field.to_owned(), detail });
        if self.primary.is_none() {
            fault("missing_primary", "primary", "is required".to_owned());
        }
        let mut seen: BTreeSet<&EntityId> = self.primary.iter().collect();
        for (index, backup) in self.backups.iter().enumerate() {
            if !seen.insert(&backup.channel) {
                fault("duplicate_channel", &format!("backups[{index}].channel"), "stands in the chain already".to_owned());
            }
        }
        for (index, backup) in self.backups.iter().enumerate() {
            if !(backup.weight > 0.0 && backup.weight.is_finite()) {
                fault("invalid_weight", &format!("backups[{index}].weight"), "must be above 0".to_owned());
            }
        }
        let threshold = self.latency_threshold_ms.unwrap_or(LATENCY_THRESHOLD_MS_DEFAULT);
        if !(threshold > 0.0 && threshold <= LATENCY_THRESHOLD_MS_MAX) {
            fault("invalid_threshold", "latency_threshold_ms", format!("must be above 0 and at most {LATENCY_THRESHOLD_MS_MAX}"));
        }
        let failovers = self.max_failovers.map_or(Some(MAX_FAILOVERS_DEFAULT), |most| u32::try_from(most).ok());
        if failovers.is_none() {
            fault("invalid_max_failovers", "max_failovers", "must be a whole number of 0 or more".to_owned());
        }
        for (field, count, most) in [("backups", self.backups.len(), BACKUPS_MAX), ("blocked", self.blocked.len(), BLOCKED_MAX)] {
            if count > most {
                fault("invalid_field", field, format!("must have at most {most} items"));
            }
        }
        match (&self.primary, failovers) {
            (Some(primary), Some(max_failovers)) if faults.is_empty() => Ok(Requested {
                chain: self.chain(primary),
                latency_threshold_ms: threshold,
                max_failovers,
                blocked: self.blocked.clone(),
                zone: self.zone.clone(),
                body_hash,
            }),
            _ => Err(faults),
        }
    }

    fn chain(&self, primary: &EntityId) -> Vec<EntityId> {
        let mut backups: Vec<_> = self.backups.iter().collect();
        backups.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        std::iter::once(primary).chain(backups.into_iter().map(|backup| &backup.channel)).cloned().collect()
    }
}
