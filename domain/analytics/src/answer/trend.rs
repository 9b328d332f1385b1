//! Where a metric goes: a straight line through the last windows by least squares, what it says of the hours to come, and how
//! well it fits (decision D34).
//!
//! A window's value is the mean of its events. Of `dispatch_count`, which is 1 for each event, the mean says nothing: there it
//! is the sum, over whole windows only, since the present one is not over.

use crate::answer::PLACES;
use crate::answer::windows::Point;
use crate::metric::{Aggregation, Metric, Window, at_minute, floor, minute_of};
use crate::query::{Filter, Query, Range, metric, window};
use crate::reject::{Check, FaultKind, Faults};
use crate::store::{Accuracy, Reading};
use ionveil_kernel::Timestamp;
use ionveil_kernel::statistics::{mean, round};
use std::time::Duration;

/// The most windows that are looked back on.
pub const LOOKBACK_MAX: u32 = 1_440;
/// So many where nothing is said.
pub const LOOKBACK_DEFAULT: u32 = 24;
/// The most hours that are looked ahead: a week.
pub const HORIZON_HOURS_MAX: u32 = 168;
/// A slope of at most this share of the mean is none.
const STABLE_SHARE: f64 = 0.01;

/// `GET /dashboard/trends`, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawTrendQuery {
    /// Needed.
    pub metric: Option<String>,
    /// `1h` if it is absent.
    pub window: Option<String>,
    /// Windows; 24 if it is absent.
    pub lookback: Option<i64>,
    /// Hours to forecast; 1 if it is absent.
    pub horizon_hours: Option<i64>,
}

/// A question about where a metric goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrendQuery {
    /// What is measured.
    pub metric: Metric,
    /// Over which windows.
    pub window: Window,
    /// How many of them, the present one included; 1 to [`LOOKBACK_MAX`].
    pub lookback: u32,
    /// How many hours to forecast; 1 to [`HORIZON_HOURS_MAX`].
    pub horizon_hours: u32,
}

impl RawTrendQuery {
    /// Checks all of it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<TrendQuery, Faults> {
        let mut check = Check::default();
        let query = TrendQuery {
            metric: metric(&mut check, self.metric.as_deref()),
            window: window(&mut check, self.window.as_deref(), Window::Hour),
            lookback: bounded(&mut check, "lookback", self.lookback, LOOKBACK_DEFAULT, LOOKBACK_MAX, FaultKind::InvalidLookback),
            horizon_hours: bounded(&mut check, "horizon_hours", self.horizon_hours, 1, HORIZON_HOURS_MAX, FaultKind::InvalidHorizon),
        };
        check.finish().map(|()| query)
    }
}

pub(super) fn bounded(check: &mut Check, field: &'static str, given: Option<i64>, default: u32, max: u32, kind: FaultKind) -> u32 {
    let lawful = |given| u32::try_from(given).ok().filter(|given| (1..=max).contains(given));
    given.map_or(default, |given| check.need(field, lawful(given), kind, default))
}

/// Which way it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Nowhere: the slope is at most 1 % of the mean.
    #[default]
    Stable,
    /// Up.
    Increasing,
    /// Down.
    Decreasing,
}

impl Direction {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Increasing => "increasing",
            Self::Decreasing => "decreasing",
        }
    }
}

/// What the line says of an hour to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// So many hours after the start of the last window.
    pub at: Timestamp,
    /// Not below 0.
    pub value: f64,
}

/// Where a metric goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    /// By how much a window's value differs from the one before.
    pub slope: f64,
    /// Which way that is.
    pub direction: Direction,
    /// Hour by hour; without any event all are 0, counted from now.
    pub forecasts: Vec<Forecast>,
    /// How well the line fits, 0 to 1: R², 1 when all values are equal, 0 of fewer than two.
    pub confidence: f64,
    /// What it was drawn through.
    pub points: Vec<Point>,
    /// How far those can be trusted.
    pub accuracy: Accuracy,
}

impl Reading<'_> {
    /// Where a metric goes, as of `now`.
    #[must_use]
    pub fn trend(&self, query: &TrendQuery, now: Timestamp) -> Trend {
        let (points, accuracy) = self.latest(query.metric, query.window, query.lookback, now);
        let places = places(&points, query.window);
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        let line = fit(&places, &values);
        let last = places.last().copied().unwrap_or(0.0);
        let origin = points.last().map_or(now, |point| point.start);
        let forecast = |hour: u32| Forecast {
            at: origin.after(Duration::from_secs(u64::from(hour) * 3_600)),
            value: round(line.at(last + f64::from(hour) * query.window.per_hour()).max(0.0), PLACES),
        };
        Trend {
            slope: round(line.slope, PLACES),
            direction: line.direction(mean(&values)),
            forecasts: (1..=query.horizon_hours).map(forecast).collect(),
            confidence: round(line.confidence, PLACES),
            points,
            accuracy,
        }
    }

    /// The last so many windows on the grid, those without events left out.
    pub(super) fn latest(&self, metric: Metric, window: Window, lookback: u32, now: Timestamp) -> (Vec<Point>, Accuracy) {
        let present = floor(minute_of(now), window.minutes());
        let counts = metric == Metric::DispatchCount;
        let first = present - (i64::from(lookback) - i64::from(!counts)) * window.minutes();
        let range = Range { start: at_minute(first), end: if counts { at_minute(present) } else { now } };
        let aggregation = if counts { Aggregation::Sum } else { Aggregation::Avg };
        let answer = self.windows(&Query { metric, window, aggregation, range, sliding: false, filter: Filter::default() });
        (answer.points, answer.accuracy)
    }
}

/// Where points stand, in windows after the first.
fn places(points: &[Point], window: Window) -> Vec<f64> {
    let Some(first) = points.first() else { return Vec::new() };
    let minutes = |point: &Point| minute_of(point.start) - minute_of(first.start);
    points.iter().map(|point| (minutes(point) / window.minutes()) as f64).collect()
}

/// A straight line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Line {
    /// By how much it rises from one place to the next.
    pub slope: f64,
    /// Its value at place 0.
    pub intercept: f64,
    /// R², 0 to 1.
    pub confidence: f64,
}

impl Line {
    fn at(&self, place: f64) -> f64 {
        self.intercept + self.slope * place
    }

    fn direction(&self, mean: f64) -> Direction {
        if self.slope.abs() <= STABLE_SHARE * mean.abs() {
            Direction::Stable
        } else if self.slope > 0.0 {
            Direction::Increasing
        } else {
            Direction::Decreasing
        }
    }
}

/// The line through values at ascending places by least squares. Nothing gives 0; one value is kept with a confidence of 0.
#[must_use]
pub fn fit(places: &[f64], values: &[f64]) -> Line {
    let (x, y) = (mean(places), mean(values));
    let sum = |of: &dyn Fn(f64, f64) -> f64| places.iter().zip(values).map(|(place, value)| of(place - x, value - y)).sum::<f64>();
    let (across, along, total) = (sum(&|dx, dy| dx * dy), sum(&|dx, _| dx * dx), sum(&|_, dy| dy * dy));
    if along <= 0.0 {
        return Line { slope: 0.0, intercept: y, confidence: 0.0 };
    }
    let slope = across / along;
    let confidence = if values.iter().all(|value| *value == values[0]) { 1.0 } else { (across * slope / total).clamp(0.0, 1.0) };
    Line { slope, intercept: y - slope * x, confidence }
}
