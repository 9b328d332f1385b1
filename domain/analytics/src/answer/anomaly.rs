//! Windows that stand out: farther from the mean than so many deviations of a sample (specification of IonVeil §6.2).

use crate::answer::PLACES;
use crate::answer::trend::{LOOKBACK_DEFAULT, LOOKBACK_MAX, bounded};
use crate::answer::windows::Point;
use crate::metric::{Metric, Window};
use crate::query::{metric, window};
use crate::reject::{Check, FaultKind, Faults};
use crate::store::{Accuracy, Reading};
use ionveil_kernel::Timestamp;
use ionveil_kernel::statistics::{Moments, round};

/// So many deviations where nothing is said.
pub const SENSITIVITY_DEFAULT: f64 = 2.0;
const SENSITIVITY_MAX: f64 = 100.0;
/// Of fewer nothing stands out.
const POINTS_MIN: u64 = 3;

/// `GET /dashboard/anomalies`, as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawAnomalyQuery {
    /// Needed.
    pub metric: Option<String>,
    /// `1h` if it is absent.
    pub window: Option<String>,
    /// Windows; 24 if it is absent.
    pub lookback: Option<i64>,
    /// Deviations; 2 if it is absent.
    pub sensitivity: Option<f64>,
}

/// A question about what stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnomalyQuery {
    /// What is measured.
    pub metric: Metric,
    /// Over which windows.
    pub window: Window,
    /// How many of them.
    pub lookback: u32,
    /// How many deviations a value may lie off the mean.
    pub sensitivity: f64,
}

impl RawAnomalyQuery {
    /// Checks all of it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self) -> Result<AnomalyQuery, Faults> {
        let mut check = Check::default();
        let lawful = |given: f64| (given > 0.0 && given <= SENSITIVITY_MAX).then_some(given);
        let query = AnomalyQuery {
            metric: metric(&mut check, self.metric.as_deref()),
            window: window(&mut check, self.window.as_deref(), Window::Hour),
            lookback: bounded(&mut check, "lookback", self.lookback, LOOKBACK_DEFAULT, LOOKBACK_MAX, FaultKind::InvalidLookback),
            sensitivity: self.sensitivity.map_or(SENSITIVITY_DEFAULT, |given| {
                check.need("sensitivity", lawful(given), FaultKind::InvalidSensitivity, SENSITIVITY_DEFAULT)
            }),
        };
        check.finish().map(|()| query)
    }
}

/// A window that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anomaly {
    /// The window.
    pub point: Point,
    /// How many deviations it lies off the mean; negative below it.
    pub deviations: f64,
}

/// What stands out, and of what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Anomalies {
    /// Ascending in time.
    pub found: Vec<Anomaly>,
    /// How many windows were looked at.
    pub windows: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample deviation.
    pub deviation: f64,
    /// How far they can be trusted.
    pub accuracy: Accuracy,
}

impl Reading<'_> {
    /// What stands out, as of `now`.
    #[must_use]
    pub fn anomalies(&self, query: &AnomalyQuery, now: Timestamp) -> Anomalies {
        let (points, accuracy) = self.latest(query.metric, query.window, query.lookback, now);
        let values: Vec<_> = points.iter().map(|point| point.value).collect();
        let moments = Moments::of(&values);
        let found = anomalies(&values, query.sensitivity);
        let found = found.into_iter().map(|(place, deviations)| Anomaly { point: points[place], deviations: round(deviations, PLACES) });
        Anomalies {
            found: found.collect(),
            windows: values.len(),
            mean: round(moments.mean(), PLACES),
            deviation: round(moments.deviation(), PLACES),
            accuracy,
        }
    }
}

/// The places of values that lie **more** than `sensitivity` sample deviations off the mean, with by how many; none of fewer
/// than three values, nor where all are equal.
#[must_use]
pub fn anomalies(values: &[f64], sensitivity: f64) -> Vec<(usize, f64)> {
    let moments = Moments::of(values);
    let deviation = moments.deviation();
    if moments.count() < POINTS_MIN || deviation <= 0.0 {
        return Vec::new();
    }
    let off = values.iter().map(|value| value - moments.mean()).enumerate();
    off.filter(|(_, off)| off.abs() > sensitivity * deviation).map(|(place, off)| (place, off / deviation)).collect()
}
