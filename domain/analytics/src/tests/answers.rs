//! Figures and edges of the specification, worked out by hand.

use super::*;
use crate::answer::{AnomalyQuery, Direction, Gauges, Grid, RawAnomalyQuery, RawTrendQuery, Snapshot, TrendQuery, anomalies, fit};
use crate::{Position, UNKNOWN};

fn values(store: &Store, query: &Query) -> Vec<f64> {
    store.read().windows(query).points.iter().map(|point| point.value).collect()
}

#[test]
fn all_aggregations_of_ten_values() {
    let store = filled(&(1..=10).map(|n| (f64::from(n), f64::from(n))).collect::<Vec<_>>());
    for (aggregation, expected) in [
        (Aggregation::Sum, 55.0),
        (Aggregation::Count, 10.0),
        (Aggregation::Avg, 5.5),
        (Aggregation::P50, 5.0),
        (Aggregation::P90, 9.0),
        (Aggregation::P95, 10.0),
        (Aggregation::P99, 10.0),
        (Aggregation::Min, 1.0),
        (Aggregation::Max, 10.0),
    ] {
        for sliding in [false, true] {
            let query = Query { sliding, ..query(Metric::ResponseTime, Window::Minute, aggregation, 0.0, 60.0) };
            assert_eq!(values(&store, &query), [expected], "{aggregation} sliding {sliding}");
        }
    }
}

#[test]
fn every_metric_has_its_values() {
    let mut store = filled(&[(0.0, 1.234_56), (1.0, 2.0)]);
    store.ingest(&Observation { sla_met: false, ..seen("", 2.0, 3.0) }, at(2.0));
    for (metric, sum, avg) in [
        (Metric::ResponseTime, 6.2346, 2.0782),
        (Metric::DispatchCount, 3.0, 1.0),
        (Metric::Distance, 6.0, 2.0),
        (Metric::SlaCompliance, 2.0, 0.6667),
    ] {
        assert_eq!(values(&store, &query(metric, Window::Hour, Aggregation::Sum, 0.0, 60.0)), [sum], "{metric}");
        assert_eq!(values(&store, &query(metric, Window::Hour, Aggregation::Avg, 0.0, 60.0)), [avg], "{metric}");
    }
    assert_eq!(values(&store, &query(Metric::SlaCompliance, Window::Hour, Aggregation::Min, 0.0, 60.0)), [0.0]);
}

#[test]
fn bounds_stay_on_the_grid_where_the_range_cuts_a_window() {
    let store = filled(&[(10.0, 1.0), (250.0, 2.0), (299.0, 3.0), (300.0, 4.0)]);
    let answer = store.read().windows(&query(Metric::ResponseTime, Window::FiveMinutes, Aggregation::Count, 200.0, 299.0));
    assert_eq!((answer.points.len(), answer.points[0].start, answer.points[0].end, answer.points[0].count), (1, at(0.0), at(300.0), 1));
    assert_eq!(values(&Store::default(), &query(Metric::Distance, Window::Day, Aggregation::Sum, 0.0, 9.0)), [0.0; 0]);
}

#[test]
fn a_sliding_window_ends_at_each_minute_and_looks_back_over_its_length() {
    let store = filled(&[(0.0, 1.0), (70.0, 2.0), (400.0, 4.0)]);
    let query = Query { sliding: true, ..query(Metric::ResponseTime, Window::FiveMinutes, Aggregation::Sum, 60.0, 480.0) };
    let ends: Vec<_> = store.read().windows(&query).points.iter().map(|point| (point.end, point.value)).collect();
    let expected = [(120.0, 3.0), (180.0, 3.0), (240.0, 3.0), (300.0, 3.0), (360.0, 2.0), (420.0, 4.0), (480.0, 4.0)];
    assert_eq!(ends, expected.map(|(second, value)| (at(second), value)));
    assert!(Store::default().read().windows(&query).points.is_empty());
}

#[test]
fn a_filter_lets_through_what_is_equal_as_text() {
    let mut store = filled(&[(0.0, 1.0)]);
    let other =
        Observation { region: "south".into(), unit_type: UNKNOWN.into(), severity: Severity::new(5).unwrap(), ..seen("", 1.0, 7.0) };
    store.ingest(&other, at(1.0));
    let with = |filter| Query { filter, ..query(Metric::ResponseTime, Window::Hour, Aggregation::Sum, 0.0, 9.0) };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(values(&store, &with(Filter { region: text("south"), ..Filter::default() })), [7.0]);
    assert_eq!(values(&store, &with(Filter { severity: text("3"), ..Filter::default() })), [1.0]);
    assert_eq!(values(&store, &with(Filter { severity: text("3"), region: text("south"), ..Filter::default() })), [0.0; 0]);
    let sliding = Query { sliding: true, ..with(Filter { unit_type: text(UNKNOWN), ..Filter::default() }) };
    assert_eq!(values(&store, &sliding), [7.0]);
}

#[test]
fn a_snapshot_is_of_the_last_hour() {
    let gauges = Gauges { active_dispatches: 3, pending_dispatches: 2, open_alerts: 1 };
    let mut store = filled(&[(-3_601.0, 99.0), (-3_600.0, 2.0), (-1.0, 4.0), (0.0, 99.0)]);
    store.ingest(&Observation { sla_met: false, ..seen("", -30.0, 6.0) }, at(0.0));
    let found = store.read().snapshot(at(0.0), gauges);
    let response = found.response_time;
    assert_eq!((found.dispatch_count, found.compliance_rate, found.distance_avg, found.gauges), (3, 0.6667, 2.0, gauges));
    assert_eq!((response.avg, response.min, response.max), (4.0, 2.0, 6.0));
    assert_eq!([response.p50, response.p90, response.p95, response.p99], [4.0, 6.0, 6.0, 6.0]);
    let idle = store.read().snapshot(at(7_200.0), Gauges::default());
    assert_eq!(idle, Snapshot { at: at(7_200.0), ..Snapshot::default() }, "0 with a count of 0 when idle");
}

/// An event in each of the last hours, the present one last.
fn hourly(responses: &[f64]) -> Store {
    let last = responses.len() as f64 - 1.0;
    filled(&responses.iter().enumerate().map(|(hour, response)| ((hour as f64 - last) * 3_600.0, *response)).collect::<Vec<_>>())
}

fn trend(metric: &str, window: &str, horizon_hours: i64) -> TrendQuery {
    RawTrendQuery { metric: Some(metric.into()), window: Some(window.into()), lookback: None, horizon_hours: Some(horizon_hours) }
        .check()
        .unwrap()
}

#[test]
fn a_trend_is_a_straight_line_through_the_windows() {
    let found = hourly(&[1.0, 2.0, 3.0, 4.0]).read().trend(&trend("response_time", "1h", 3), at(1.0));
    assert_eq!((found.slope, found.direction, found.confidence), (1.0, Direction::Increasing, 1.0));
    let forecasts: Vec<_> = found.forecasts.iter().map(|forecast| (forecast.at, forecast.value)).collect();
    assert_eq!(forecasts, [(at(3_600.0), 5.0), (at(7_200.0), 6.0), (at(10_800.0), 7.0)]);
    let falling = hourly(&[9.0, 6.0, 3.0, 0.5]).read().trend(&trend("response_time", "1h", 2), at(1.0));
    assert_eq!((falling.slope, falling.direction), (-2.85, Direction::Decreasing));
    assert_eq!(
        (falling.confidence, falling.forecasts[1].value),
        (0.9982, 0.0),
        "R² is 14.25² / (5 · 40.6875), and a forecast is not below 0"
    );
    let of_minutes = filled(&[(0.0, 1.0), (60.0, 2.0)]).read().trend(&trend("response_time", "1m", 1), at(61.0));
    assert_eq!(of_minutes.forecasts[0].value, 62.0, "an hour is sixty steps of a minute");
}

#[test]
fn a_window_without_events_is_left_out_and_keeps_its_place() {
    let store = filled(&[(-7_200.0, 1.0), (0.0, 3.0)]);
    let found = store.read().trend(&trend("response_time", "1h", 1), at(1.0));
    assert_eq!((found.points.len(), found.slope, found.forecasts[0].value), (2, 1.0, 4.0));
}

#[test]
fn trends_of_little_or_nothing() {
    let none = Store::default().read().trend(&trend("response_time", "1h", 1), at(0.0));
    assert_eq!((none.slope, none.direction, none.confidence, none.forecasts[0].value), (0.0, Direction::Stable, 0.0, 0.0));
    let one = hourly(&[7.0]).read().trend(&trend("response_time", "1h", 1), at(1.0));
    assert_eq!((one.direction.name(), one.confidence, one.forecasts[0].value), ("stable", 0.0, 7.0));
    let equal = hourly(&[5.0; 4]).read().trend(&trend("response_time", "1h", 1), at(1.0));
    assert_eq!((equal.direction, equal.confidence, equal.forecasts[0].value), (Direction::Stable, 1.0, 5.0));
    assert_eq!(fit(&[0.0, 1.0], &[3.0, 3.0]).confidence, 1.0);
}

/// Slope 1 at a mean of 100, and a little more.
#[test]
fn a_slope_of_one_percent_of_the_mean_is_stable() {
    for (responses, expected) in [
        ([99.0, 100.0, 101.0], Direction::Stable),
        ([98.9, 100.0, 101.1], Direction::Increasing),
        ([101.1, 100.0, 98.9], Direction::Decreasing),
    ] {
        let found = hourly(&responses).read().trend(&trend("response_time", "1h", 1), at(1.0));
        assert_eq!(found.direction, expected, "{responses:?}: {}", found.slope);
    }
    assert_eq!([Direction::Increasing.name(), Direction::Decreasing.name()], ["increasing", "decreasing"]);
}

#[test]
fn a_trend_of_counts_is_of_sums_over_whole_windows() {
    let store = filled(&[(-7_100.0, 1.0), (-3_500.0, 1.0), (-3_400.0, 1.0), (0.0, 1.0)]);
    let found = store.read().trend(&trend("dispatch_count", "1h", 1), at(1.0));
    assert_eq!(found.points.iter().map(|point| point.value).collect::<Vec<_>>(), [1.0, 2.0]);
    assert_eq!((found.slope, found.forecasts[0].value), (1.0, 3.0));
}

#[test]
fn a_trend_looks_back_over_so_many_windows() {
    let store = hourly(&[50.0, 1.0, 2.0]);
    let found = store.read().trend(&TrendQuery { lookback: 2, ..trend("response_time", "1h", 1) }, at(1.0));
    assert_eq!(found.points.len(), 2);
    let counts = store.read().trend(&TrendQuery { lookback: 1, ..trend("dispatch_count", "1h", 1) }, at(1.0));
    assert_eq!(counts.points.iter().map(|point| point.start).collect::<Vec<_>>(), [at(-3_600.0)]);
}

#[test]
fn an_anomaly_lies_farther_off_than_the_sensitivity() {
    let values = [10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 40.0];
    let found = anomalies(&values, 2.0);
    assert_eq!(found.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [6]);
    // Mean 0, sample deviation 1: a value exactly one deviation off is none.
    assert_eq!(anomalies(&[-1.0, 0.0, 1.0], 1.0), []);
    assert_eq!(anomalies(&[-1.0, 0.0, 1.0], 0.99), [(0, -1.0), (2, 1.0)]);
    assert_eq!((anomalies(&[1.0, 9.0], 0.1), anomalies(&[5.0; 9], 0.1)), (vec![], vec![]), "too few, or all the same");
    let query = RawAnomalyQuery { metric: Some("response_time".into()), ..RawAnomalyQuery::default() }.check().unwrap();
    assert_eq!(query, AnomalyQuery { metric: Metric::ResponseTime, window: Window::Hour, lookback: 24, sensitivity: 2.0 });
    let answer = hourly(&values).read().anomalies(&query, at(1.0));
    assert_eq!((answer.windows, answer.mean, answer.deviation), (7, 14.2857, 11.3389));
    assert_eq!((answer.found.len(), answer.found[0].point.start, answer.found[0].deviations), (1, at(0.0), 2.2678));
}

#[test]
fn questions_about_trends_and_anomalies_tell_all_their_faults() {
    let codes = |faults: &crate::Faults| faults.iter().map(|fault| fault.kind.code()).collect::<Vec<_>>();
    let raw = RawTrendQuery { metric: None, window: Some("1y".into()), lookback: Some(0), horizon_hours: Some(169) };
    assert_eq!(codes(&raw.check().unwrap_err()), ["unknown_metric", "unknown_window", "invalid_lookback", "invalid_horizon"]);
    for (lookback, sensitivity) in [(-1, 0.0), (1_441, f64::NAN), (i64::MAX, 100.1)] {
        let raw = RawAnomalyQuery { metric: Some("speed".into()), window: None, lookback: Some(lookback), sensitivity: Some(sensitivity) };
        assert_eq!(codes(&raw.check().unwrap_err()), ["unknown_metric", "invalid_lookback", "invalid_sensitivity"]);
    }
}

#[test]
fn regions_have_their_figures() {
    let mut store = filled(&[(0.0, 1.0), (1.0, 2.0)]);
    let south = Observation { region: "south".into(), sla_met: false, distance_km: Amount::new(0.123_45).unwrap(), ..seen("", 2.0, 9.0) };
    store.ingest(&south, at(2.0));
    let found = store.read().regions(&Range { start: at(1.0), end: at(3.0) }).regions;
    let shown: Vec<_> =
        found.iter().map(|(name, of)| (name.as_str(), of.dispatch_count, of.avg_response, of.sla_compliance_rate)).collect();
    assert_eq!(shown, [("north", 1, 2.0, 1.0), ("south", 1, 9.0, 0.0)]);
    assert_eq!(found["south"].avg_distance, 0.1235);
}

#[test]
fn a_heatmap_sums_by_cell_and_counts_what_it_leaves_out() {
    let grid = Grid::new(Some(5), Some(4)).unwrap();
    let position = |latitude, longitude| Place::Position(Position::new(latitude, longitude).unwrap());
    for (place, expected) in [
        (Place::Cell { row: -1, col: -1 }, Some((4, 3))),
        (Place::Cell { row: 5, col: 9 }, Some((0, 1))),
        (position(-90.0, -180.0), Some((0, 0))),
        (position(90.0, 180.0), Some((4, 3))),
        (position(0.0, 0.0), Some((2, 2))),
        (position(-0.000_1, -0.000_1), Some((2, 1))),
        (Place::None, None),
    ] {
        assert_eq!(grid.cell(place), expected, "{place:?}");
    }
    let mut store = filled(&[(0.0, 1.0)]);
    for (place, response) in [(Place::Cell { row: -1, col: 0 }, 2.0), (Place::Cell { row: 4, col: 0 }, 3.0), (position(0.0, 0.0), 4.0)] {
        store.ingest(&Observation { place, ..seen("", 1.0, response) }, at(1.0));
    }
    let found = store.read().heatmap(Metric::ResponseTime, grid, &Range { start: at(0.0), end: at(2.0) }, &Filter::default());
    let cells: Vec<_> = found.cells.iter().map(|cell| (cell.row, cell.col, cell.value, cell.count)).collect();
    assert_eq!((cells, found.left_out), (vec![(2, 2, 4.0, 1), (4, 0, 5.0, 2)], 1));
    assert_eq!(Grid::new(None, None).unwrap(), Grid::new(Some(10), Some(10)).unwrap());
    let faults = Grid::new(Some(0), Some(1_001)).unwrap_err();
    assert_eq!(
        faults.iter().map(|fault| (fault.field, fault.kind.code())).collect::<Vec<_>>(),
        [("rows", "invalid_grid"), ("cols", "invalid_grid")]
    );
}
