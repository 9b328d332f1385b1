//! Reads `[runtime]`.

use crate::config::read::size;
use crate::config::section::Section;
use ionveil_actors::{RestartLimits, RuntimeConfig, Strategy, Supervision};
use ionveil_kernel::{EntityId, Kind, Org};
use std::time::Duration;

pub(super) fn read(section: &mut Section<'_>) -> Option<RuntimeConfig> {
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
