//! Questions, as they come from a query string, and what is wrong with them.

use crate::metric::{Aggregation, Metric, Window};
use crate::reject::{Check, FaultKind, Faults};
use ionveil_kernel::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// How far a range goes back where nothing is said.
pub const RANGE_DEFAULT: Duration = Duration::from_secs(3_600);

/// A range of time, `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

impl Range {
    /// A range; without an end it ends now, without a start it begins so long before now.
    ///
    /// # Errors
    /// `invalid_range` unless it ends after it starts.
    pub fn new(start: Option<Timestamp>, end: Option<Timestamp>, now: Timestamp, length: Duration) -> Result<Self, Faults> {
        let mut check = Check::default();
        let range = Self::check(&mut check, start, end, now, length);
        check.finish().map(|()| range)
    }

    fn check(check: &mut Check, start: Option<Timestamp>, end: Option<Timestamp>, now: Timestamp, length: Duration) -> Self {
        let range = Self { start: start.unwrap_or_else(|| before(now, length)), end: end.unwrap_or(now) };
        if range.start >= range.end {
            check.fault("end", FaultKind::InvalidRange);
        }
        range
    }

    /// The last so long before `now`.
    #[must_use]
    pub fn last(now: Timestamp, length: Duration) -> Self {
        Self { start: before(now, length), end: now }
    }

    pub(crate) fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }
}

pub(crate) fn before(now: Timestamp, length: Duration) -> Timestamp {
    let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(micros))
}

/// What an event must be like, compared as text; an absent dimension lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Its region.
    pub region: Option<String>,
    /// Its severity, such as `5`.
    pub severity: Option<String>,
    /// Its unit type.
    pub unit_type: Option<String>,
}

impl Filter {
    /// Takes dimensions by name.
    ///
    /// # Errors
    /// `unknown_dimension` once for all others.
    pub fn new(dimensions: &BTreeMap<String, String>) -> Result<Self, Faults> {
        let mut check = Check::default();
        let filter = Self::check(&mut check, dimensions);
        check.finish().map(|()| filter)
    }

    fn check(check: &mut Check, dimensions: &BTreeMap<String, String>) -> Self {
        if dimensions.keys().any(|name| !["region", "severity", "unit_type"].contains(&name.as_str())) {
            check.fault("dimensions", FaultKind::UnknownDimension);
        }
        let of = |name| dimensions.get(name).cloned();
        Self { region: of("region"), severity: of("severity"), unit_type: of("unit_type") }
    }

    /// Whether everything passes.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.region.is_none() && self.severity.is_none() && self.unit_type.is_none()
    }

    pub(crate) fn admits(&self, region: &str, severity: u8, unit_type: &str) -> bool {
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        is(&self.region, region) && is(&self.unit_type, unit_type) && is(&self.severity, &severity.to_string())
    }
}

/// `GET /dashboard/metrics`, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawQuery {
    /// Needed.
    pub metric: Option<String>,
    /// `1m` if it is absent.
    pub window: Option<String>,
    /// `avg` if it is absent.
    pub aggregation: Option<String>,
    /// The first instant; an hour ago if it is absent.
    pub start: Option<Timestamp>,
    /// The first instant after; now if it is absent.
    pub end: Option<Timestamp>,
    /// Whether windows end at each minute instead of lying side by side.
    pub sliding: bool,
    /// What events must be like.
    pub dimensions: BTreeMap<String, String>,
}

/// A question about a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What is measured.
    pub metric: Metric,
    /// Over which windows.
    pub window: Window,
    /// How their values become one.
    pub aggregation: Aggregation,
    /// Which events count.
    pub range: Range,
    /// Whether windows end at each minute instead of lying side by side.
    pub sliding: bool,
    /// Which events count.
    pub filter: Filter,
}

impl RawQuery {
    /// Checks all of it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, now: Timestamp) -> Result<Query, Faults> {
        let mut check = Check::default();
        let query = Query {
            metric: metric(&mut check, self.metric.as_deref()),
            window: window(&mut check, self.window.as_deref(), Window::Minute),
            aggregation: self.aggregation.as_deref().map_or(Aggregation::Avg, |name| {
                check.need("aggregation", Aggregation::named(name), FaultKind::UnknownAggregation, Aggregation::Avg)
            }),
            range: Range::check(&mut check, self.start, self.end, now, RANGE_DEFAULT),
            sliding: self.sliding,
            filter: Filter::check(&mut check, &self.dimensions),
        };
        check.finish().map(|()| query)
    }
}

pub(crate) fn metric(check: &mut Check, name: Option<&str>) -> Metric {
    // An absent metric is as unknown as another: the text of the fault lists them.
    check.need("metric", name.and_then(Metric::named), FaultKind::UnknownMetric, Metric::ResponseTime)
}

pub(crate) fn window(check: &mut Check, name: Option<&str>, default: Window) -> Window {
    name.map_or(default, |name| check.need("window", Window::named(name), FaultKind::UnknownWindow, default))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(7_200_000_000);

    fn dimensions(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let query = RawQuery { metric: Some("distance".into()), ..RawQuery::default() }.check(NOW).unwrap();
        assert_eq!((query.metric, query.window, query.aggregation), (Metric::Distance, Window::Minute, Aggregation::Avg));
        assert_eq!(query.range, Range { start: Timestamp::from_micros(3_600_000_000), end: NOW });
        assert!(query.filter.is_open() && !query.sliding);
    }

    #[test]
    fn all_faults_of_a_question_are_told_at_once() {
        let raw = RawQuery {
            metric: None,
            window: Some("2m".into()),
            aggregation: Some("median".into()),
            start: Some(NOW),
            dimensions: dimensions(&[("zone", "a"), ("region", "b")]),
            ..RawQuery::default()
        };
        let faults = raw.check(NOW).unwrap_err();
        let codes: Vec<_> = faults.iter().map(|fault| fault.kind.code()).collect();
        assert_eq!(codes, ["unknown_metric", "unknown_window", "unknown_aggregation", "invalid_range", "unknown_dimension"]);
        assert_eq!(Range::new(Some(NOW), Some(NOW), NOW, RANGE_DEFAULT).unwrap_err().code(), "invalid_range");
        assert_eq!(Filter::new(&dimensions(&[("colour", "red")])).unwrap_err().code(), "unknown_dimension");
    }

    #[test]
    fn dimensions_are_compared_as_text() {
        let filter = Filter::new(&dimensions(&[("severity", "5"), ("region", "north")])).unwrap();
        assert!(filter.admits("north", 5, "engine") && !filter.is_open());
        assert!(!filter.admits("north", 4, "engine") && !filter.admits("North", 5, "engine"));
        assert!(!Filter::new(&dimensions(&[("severity", "05")])).unwrap().admits("north", 5, "engine"));
        assert!(!Filter::new(&dimensions(&[("unit_type", "truck")])).unwrap().admits("north", 5, "engine"));
    }

    #[test]
    fn a_range_is_half_open() {
        let range = Range::new(Some(Timestamp::from_micros(1)), None, NOW, RANGE_DEFAULT).unwrap();
        assert!(range.contains(range.start) && !range.contains(range.end));
        assert_eq!(Range::last(Timestamp::MIN, RANGE_DEFAULT).start, Timestamp::MIN);
    }
}
