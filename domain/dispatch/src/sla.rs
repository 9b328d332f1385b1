//! Three tables of times for three purposes (specification of IonVeil §2.1, §2.2, §3.1): how long an order may wait, how
//! long the first unit may take to a call, and what an organisation says instead.

use crate::scale::{Priority, Severity};
use ionveil_kernel::Timestamp;
use ionveil_kernel::statistics::round;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an order of an unlisted severity may wait, in minutes.
pub const UNLISTED_ORDER_MINUTES: u32 = 480;
/// How long an order of an unlisted severity occupies its unit, in minutes.
pub const UNLISTED_TURNAROUND_MINUTES: u32 = 90;
/// The longest time of an organisation's table, in minutes: a year.
pub const MINUTES_MAX: u32 = 525_600;

/// How long an order may wait, in minutes.
#[must_use]
pub const fn order_minutes(severity: Severity) -> u32 {
    match severity.number() {
        5 => 15,
        4 => 30,
        3 => 60,
        2 => 120,
        _ => UNLISTED_ORDER_MINUTES,
    }
}

/// How long an order occupies its unit, in minutes.
#[must_use]
pub const fn turnaround_minutes(severity: Severity) -> u32 {
    match severity.number() {
        5 => 30,
        4 => 45,
        3 => 60,
        2 => 90,
        _ => 120,
    }
}

/// How long the first unit may take from dispatch to arrival, in minutes, where the organisation says nothing else.
#[must_use]
pub const fn response_minutes(priority: Priority) -> u32 {
    match priority.number() {
        1 => 5,
        2 => 10,
        3 => 20,
        4 => 45,
        _ => 120,
    }
}

/// Mean of the times of many orders, weighted by severity: Σ(minutes × severity) / Σ severity over **every** order, 2
/// places; 0 without any (trap T10: not over the distinct severities).
#[must_use]
pub fn weighted_minutes(orders: impl IntoIterator<Item = (f64, Severity)>) -> f64 {
    let add = |(sum, weight): (f64, f64), (minutes, severity): (f64, Severity)| {
        let severity = f64::from(severity.number());
        (sum + minutes * severity, weight + severity)
    };
    let (sum, weight) = orders.into_iter().fold((0.0, 0.0), add);
    if weight > 0.0 { round(sum / weight, 2) } else { 0.0 }
}

/// What an organisation promises for a severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// Dispatch to arrival, in minutes; 1 to [`MINUTES_MAX`].
    pub response_minutes: u32,
    /// Dispatch to resolution, in minutes; not below the response, at most [`MINUTES_MAX`].
    pub resolution_minutes: u32,
}

/// A promise that cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("severity {}: the response is from 1 to {MINUTES_MAX} minutes and not above the resolution", .severity.number())]
pub struct InvalidPromise {
    /// Of which severity.
    pub severity: Severity,
}

/// An organisation's own table; severities that it does not name keep the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Promise>", into = "BTreeMap<String, Promise>")]
pub struct Promises(BTreeMap<Severity, Promise>);

impl Promises {
    /// Checks and takes a table.
    ///
    /// # Errors
    /// Every promise that cannot be kept, mildest severity first.
    pub fn new(rows: BTreeMap<Severity, Promise>) -> Result<Self, Vec<InvalidPromise>> {
        let is_sound =
            |row: &Promise| (1..=row.resolution_minutes).contains(&row.response_minutes) && row.resolution_minutes <= MINUTES_MAX;
        let faults: Vec<_> =
            rows.iter().filter(|(_, row)| !is_sound(row)).map(|(severity, _)| InvalidPromise { severity: *severity }).collect();
        if faults.is_empty() { Ok(Self(rows)) } else { Err(faults) }
    }

    /// What is promised for this severity, if anything.
    #[must_use]
    pub fn get(&self, severity: Severity) -> Option<Promise> {
        self.0.get(&severity).copied()
    }

    /// What the organisation says itself, mildest severity first.
    pub fn iter(&self) -> impl Iterator<Item = (Severity, Promise)> {
        self.0.iter().map(|(severity, promise)| (*severity, *promise))
    }

    /// Dispatch to arrival in minutes: the organisation's row, else the default (decision D03).
    #[must_use]
    pub fn response_minutes(&self, priority: Priority) -> u32 {
        self.get(priority.severity()).map_or_else(|| response_minutes(priority), |row| row.response_minutes)
    }
}

impl Promises {
    /// Whether whoever was sent at `dispatched_at` and came at `arrived_at` came in time; to the last microsecond of the promise
    /// (§3.4: compliance is inclusive).
    #[must_use]
    pub fn is_in_time(&self, priority: Priority, dispatched_at: Timestamp, arrived_at: Timestamp) -> bool {
        let micros = i64::from(self.response_minutes(priority)) * 60_000_000;
        arrived_at.micros().saturating_sub(dispatched_at.micros()) <= micros
    }
}

/// Keys of JSON are texts; a number would not be read out of a command, whose tag comes first.
impl TryFrom<BTreeMap<String, Promise>> for Promises {
    type Error = String;
    fn try_from(rows: BTreeMap<String, Promise>) -> Result<Self, String> {
        let severity = |name: &str| name.parse().ok().and_then(|number| Severity::new(number).ok());
        let row = |(name, promise): (String, Promise)| severity(&name).map(|severity| (severity, promise)).ok_or(name);
        let rows = rows.into_iter().map(row).collect::<Result<_, _>>().map_err(|name| format!("{name:?} is no severity"))?;
        Self::new(rows).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }
}

impl From<Promises> for BTreeMap<String, Promise> {
    fn from(promises: Promises) -> Self {
        promises.iter().map(|(severity, promise)| (severity.number().to_string(), promise)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Promise, Promises, order_minutes, response_minutes, turnaround_minutes, weighted_minutes};
    use crate::scale::{Priority, Severity};
    use ionveil_kernel::Timestamp;
    use std::collections::BTreeMap;

    fn severity(number: i64) -> Severity {
        Severity::new(number).unwrap()
    }

    #[test]
    fn the_default_tables_are_the_specified_ones() {
        assert_eq!(Severity::ALL.map(order_minutes), [480, 120, 60, 30, 15]);
        assert_eq!(Severity::ALL.map(turnaround_minutes), [120, 90, 60, 45, 30]);
        assert_eq!(Priority::ALL.map(response_minutes), [5, 10, 20, 45, 120]);
    }

    #[test]
    fn an_organisation_may_say_otherwise() {
        let seed = [(5, 3, 60), (4, 8, 120), (3, 15, 360), (2, 30, 720)];
        let rows = seed.map(|(s, response_minutes, resolution_minutes)| (severity(s), Promise { response_minutes, resolution_minutes }));
        let promises = Promises::new(rows.into()).unwrap();
        assert_eq!(Priority::ALL.map(|priority| promises.response_minutes(priority)), [3, 8, 15, 30, 120]);
        assert_eq!(promises.get(severity(5)).unwrap().resolution_minutes, 60);
        assert_eq!(promises.get(severity(1)), None);
        let stored = serde_json::to_string(&promises).unwrap();
        assert_eq!(serde_json::from_str::<Promises>(&stored).unwrap(), promises);
    }

    #[test]
    fn promises_that_cannot_be_kept_are_refused_all_at_once() {
        let row = |response_minutes, resolution_minutes| Promise { response_minutes, resolution_minutes };
        let rows = [(1, row(0, 9)), (2, row(10, 9)), (3, row(9, 9)), (4, row(9, 525_601)), (5, row(1, 525_600))];
        let faults = Promises::new(rows.map(|(s, row)| (severity(s), row)).into()).unwrap_err();
        assert_eq!(faults.iter().map(|fault| fault.severity.number()).collect::<Vec<_>>(), [1, 2, 4]);
        assert!(serde_json::from_str::<Promises>(r#"{"5":{"response_minutes":0,"resolution_minutes":1}}"#).is_err());
    }

    #[test]
    fn a_table_that_names_no_severity_is_none() {
        for name in ["0", "6", "high", ""] {
            let text = format!(r#"{{"{name}":{{"response_minutes":1,"resolution_minutes":1}}}}"#);
            assert!(serde_json::from_str::<Promises>(&text).is_err(), "{name}");
        }
    }

    #[test]
    fn the_mean_is_over_every_order() {
        let orders = [(15.0, 5), (15.0, 5), (60.0, 3)].map(|(minutes, s)| (minutes, severity(s)));
        assert_eq!(weighted_minutes(orders), 25.38);
        assert_eq!(weighted_minutes([]), 0.0);
    }

    #[test]
    fn whoever_comes_with_the_last_microsecond_comes_in_time() {
        let (minutes, priority) = (|minutes: i64| Timestamp::from_micros(minutes * 60_000_000), |number| Priority::new(number).unwrap());
        let own = Promises::new(BTreeMap::from([(Severity::new(4).unwrap(), Promise { response_minutes: 8, resolution_minutes: 180 })]));
        let (default, own) = (Promises::default(), own.unwrap());
        for (promises, number, promised) in [(&default, 1, 5), (&default, 2, 10), (&default, 5, 120), (&own, 2, 8), (&own, 1, 5)] {
            let sent = minutes(7);
            let due = Timestamp::from_micros(sent.micros() + minutes(promised).micros());
            assert!(promises.is_in_time(priority(number), sent, due), "P{number}");
            assert!(!promises.is_in_time(priority(number), sent, Timestamp::from_micros(due.micros() + 1)), "P{number}");
        }
    }
}
