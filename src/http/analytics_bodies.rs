//! What the routes of analytics answer with.

use crate::analytics::Progress;
use crate::http::problem::Fault;
use crate::time::Rfc3339;
use ionveil_analytics::answer::{self, Figures, Snapshot, Trend};
use ionveil_analytics::query::Query;
use ionveil_analytics::store::Accuracy;
use ionveil_analytics::{Metric, Window};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How far an answer can be trusted.
#[derive(Serialize, ToSchema)]
#[schema(as = Accuracy)]
pub struct AccuracyBody {
    /// Whether it may differ from what exact events would give: part of it is of rolled up minutes.
    approximate: bool,
    /// How much percentiles may be off at most, relative to their true value; sums, counts, means and bounds are exact all the same.
    #[schema(example = 0.0)]
    relative_error_max: f64,
    /// How many rolled up minutes count whole, or not at all, though the range cuts them.
    cut_minutes: u32,
    /// Before this instant nothing is known, and the range goes further back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    missing_before: Option<Rfc3339>,
}

impl From<Accuracy> for AccuracyBody {
    fn from(Accuracy { approximate, relative_error_max, cut_minutes, missing_before }: Accuracy) -> Self {
        Self { approximate, relative_error_max, cut_minutes, missing_before: missing_before.map(Rfc3339) }
    }
}

/// What became of posted events.
#[derive(Serialize, ToSchema)]
#[schema(as = PostedDispatchEvents)]
pub struct PostedBody {
    /// How many are new.
    pub(super) accepted: u64,
    /// How many were known.
    pub(super) duplicates: u64,
    /// How many are bad.
    pub(super) rejected: usize,
    /// What is wrong with these, the first 1,000 faults, each with the place of its event.
    pub(super) errors: Vec<Fault>,
}

/// A window and its value.
#[derive(Serialize, ToSchema)]
#[schema(as = MetricPoint)]
pub struct PointBody {
    /// Its first instant.
    #[schema(value_type = String, format = DateTime)]
    start: Rfc3339,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    end: Rfc3339,
    /// The value.
    value: f64,
    /// Of how many events.
    count: u64,
}

impl From<&answer::Point> for PointBody {
    fn from(point: &answer::Point) -> Self {
        Self { start: Rfc3339(point.start), end: Rfc3339(point.end), value: point.value, count: point.count }
    }
}

/// A metric over windows.
#[derive(Serialize, ToSchema)]
#[schema(as = MetricWindows)]
pub struct WindowsBody {
    /// What was measured.
    #[schema(value_type = String, example = "response_time")]
    metric: &'static str,
    /// Over which windows.
    #[schema(value_type = String, example = "5m")]
    window: &'static str,
    /// How values became one.
    #[schema(value_type = String, example = "p95")]
    aggregation: &'static str,
    /// Whether windows end at each minute.
    sliding: bool,
    /// Ascending; windows without events are left out.
    points: Vec<PointBody>,
    /// How far they can be trusted.
    #[serde(flatten)]
    accuracy: AccuracyBody,
}

impl WindowsBody {
    pub(super) fn new(query: &Query, windows: &answer::Windows) -> Self {
        Self {
            metric: query.metric.name(),
            window: query.window.name(),
            aggregation: query.aggregation.name(),
            sliding: query.sliding,
            points: windows.points.iter().map(PointBody::from).collect(),
            accuracy: windows.accuracy.into(),
        }
    }
}

/// What the values of a metric say; all 0 of none.
#[derive(Serialize, ToSchema)]
#[schema(as = MetricFigures)]
pub struct FiguresBody {
    /// The mean.
    avg: f64,
    /// The smallest.
    min: f64,
    /// The greatest.
    max: f64,
    /// The 50th percentile.
    p50: f64,
    /// The 90th.
    p90: f64,
    /// The 95th.
    p95: f64,
    /// The 99th.
    p99: f64,
}

/// The organisation at a glance.
#[derive(Serialize, ToSchema)]
#[schema(as = DashboardSnapshot)]
pub struct SnapshotBody {
    /// The instant; figures are of the hour before it.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// How many dispatches there were: of so many are the figures below. With 0 they say nothing.
    dispatch_count: u64,
    /// Minutes to arrival.
    response_time: FiguresBody,
    /// Kilometres, the mean.
    distance_avg: f64,
    /// The share that met the SLA.
    #[schema(minimum = 0, maximum = 1)]
    compliance_rate: f64,
    /// Workflows that are allocated or departed.
    active_dispatches: u64,
    /// Workflows that are queued.
    pending_dispatches: u64,
    /// Alerts that are open, acknowledged or escalated.
    open_alerts: u64,
    /// How far it can be trusted.
    #[serde(flatten)]
    accuracy: AccuracyBody,
}

impl From<Snapshot> for SnapshotBody {
    fn from(snapshot: Snapshot) -> Self {
        let Figures { avg, min, max, p50, p90, p95, p99 } = snapshot.response_time;
        Self {
            at: Rfc3339(snapshot.at),
            dispatch_count: snapshot.dispatch_count,
            response_time: FiguresBody { avg, min, max, p50, p90, p95, p99 },
            distance_avg: snapshot.distance_avg,
            compliance_rate: snapshot.compliance_rate,
            active_dispatches: snapshot.gauges.active_dispatches,
            pending_dispatches: snapshot.gauges.pending_dispatches,
            open_alerts: snapshot.gauges.open_alerts,
            accuracy: snapshot.accuracy.into(),
        }
    }
}

/// What the line through the last windows says of an hour to come.
#[derive(Serialize, ToSchema)]
#[schema(as = MetricForecast)]
pub struct ForecastBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Rfc3339,
    /// The value.
    #[schema(minimum = 0)]
    value: f64,
}

/// Where a metric goes.
#[derive(Serialize, ToSchema)]
#[schema(as = MetricTrend)]
pub struct TrendBody {
    /// What was measured.
    #[schema(value_type = String, example = "response_time")]
    metric: &'static str,
    /// Over which windows.
    #[schema(value_type = String, example = "1h")]
    window: &'static str,
    /// By how much a window's value differs from the one before.
    slope: f64,
    /// Which way that is; `stable` if the slope is at most 1 % of the mean.
    #[schema(value_type = String, pattern = "^(stable|increasing|decreasing)$")]
    direction: &'static str,
    /// How well the line fits: R², 1 when all values are equal.
    #[schema(minimum = 0, maximum = 1)]
    confidence: f64,
    /// Hour by hour.
    forecasts: Vec<ForecastBody>,
    /// What it was drawn through.
    points: Vec<PointBody>,
    /// How far these can be trusted.
    #[serde(flatten)]
    accuracy: AccuracyBody,
}

impl TrendBody {
    pub(super) fn new(metric: Metric, window: Window, trend: &Trend) -> Self {
        Self {
            metric: metric.name(),
            window: window.name(),
            slope: trend.slope,
            direction: trend.direction.name(),
            confidence: trend.confidence,
            forecasts: trend.forecasts.iter().map(|one| ForecastBody { at: Rfc3339(one.at), value: one.value }).collect(),
            points: trend.points.iter().map(PointBody::from).collect(),
            accuracy: trend.accuracy.into(),
        }
    }
}

/// A window that stands out.
#[derive(Serialize, ToSchema)]
#[schema(as = MetricAnomaly)]
pub struct AnomalyBody {
    /// The window.
    #[serde(flatten)]
    point: PointBody,
    /// How many deviations it lies off the mean; negative below it.
    deviations: f64,
}

/// What stands out, and of what.
#[derive(Serialize, ToSchema)]
#[schema(as = MetricAnomalies)]
pub struct AnomaliesBody {
    /// What was measured.
    #[schema(value_type = String, example = "response_time")]
    metric: &'static str,
    /// Over which windows.
    #[schema(value_type = String, example = "1h")]
    window: &'static str,
    /// Ascending in time.
    anomalies: Vec<AnomalyBody>,
    /// How many windows were looked at.
    windows: usize,
    /// Their mean.
    mean: f64,
    /// Their sample deviation.
    deviation: f64,
    /// How far it can be trusted.
    #[serde(flatten)]
    accuracy: AccuracyBody,
}

impl AnomaliesBody {
    pub(super) fn new(metric: Metric, window: Window, found: &answer::Anomalies) -> Self {
        let anomaly = |one: &answer::Anomaly| AnomalyBody { point: (&one.point).into(), deviations: one.deviations };
        Self {
            metric: metric.name(),
            window: window.name(),
            anomalies: found.found.iter().map(anomaly).collect(),
            windows: found.windows,
            mean: found.mean,
            deviation: found.deviation,
            accuracy: found.accuracy.into(),
        }
    }
}

/// What a region's dispatches say.
#[derive(Serialize, ToSchema)]
#[schema(as = RegionFigures)]
pub struct RegionBody {
    /// How many there were.
    dispatch_count: u64,
    /// The mean, in minutes.
    avg_response: f64,
    /// The mean, in kilometres.
    avg_distance: f64,
    /// The share that met the SLA.
    #[schema(minimum = 0, maximum = 1)]
    sla_compliance_rate: f64,
}

/// Figures by region.
#[derive(Serialize, ToSchema)]
#[schema(as = Regions)]
pub struct RegionsBody {
    /// Those with dispatches in the range, by name.
    regions: BTreeMap<String, RegionBody>,
    /// How far they can be trusted.
    #[serde(flatten)]
    accuracy: AccuracyBody,
}

impl From<answer::Regions> for RegionsBody {
    fn from(found: answer::Regions) -> Self {
        let region = |figures: answer::RegionFigures| RegionBody {
            dispatch_count: figures.dispatch_count,
            avg_response: figures.avg_response,
            avg_distance: figures.avg_distance,
            sla_compliance_rate: figures.sla_compliance_rate,
        };
        let regions = found.regions.into_iter().map(|(name, figures)| (name, region(figures))).collect();
        Self { regions, accuracy: found.accuracy.into() }
    }
}

/// A cell of the grid with something in it.
#[derive(Serialize, ToSchema)]
#[schema(as = HeatmapCell)]
pub struct CellBody {
    /// From 0, south first.
    row: i32,
    /// From 0, west first.
    col: i32,
    /// The sum of the metric.
    value: f64,
    /// Of how many events.
    count: u64,
}

/// The sum of a metric by cell of a grid.
#[derive(Serialize, ToSchema)]
#[schema(as = Heatmap)]
pub struct HeatmapBody {
    /// What was summed.
    #[schema(value_type = String, example = "dispatch_count")]
    metric: &'static str,
    /// Occupied cells, by row and column.
    cells: Vec<CellBody>,
    /// Events without a place, or rolled up: they are left out.
    left_out: u64,
    /// How far it can be trusted.
    #[serde(flatten)]
    accuracy: AccuracyBody,
}

impl HeatmapBody {
    pub(super) fn new(metric: Metric, found: &answer::Heatmap) -> Self {
        let cell = |one: &answer::GridCell| CellBody { row: one.row, col: one.col, value: one.value, count: one.count };
        Self {
            metric: metric.name(),
            cells: found.cells.iter().map(cell).collect(),
            left_out: found.left_out,
            accuracy: found.accuracy.into(),
        }
    }
}

/// How far reading the journal anew has come.
#[derive(Serialize, ToSchema)]
#[schema(as = Rebuild)]
pub struct RebuildBody {
    /// Whether it is under way; meanwhile what was there answers.
    running: bool,
    /// Positions of the journal that were looked at.
    done: u64,
    /// Positions that are to be looked at.
    total: u64,
    /// How often it was done since the server began.
    rebuilds: u64,
}

impl From<Progress> for RebuildBody {
    fn from(Progress { running, done, total, rebuilds }: Progress) -> Self {
        Self { running, done, total, rebuilds }
    }
}
