//! Random events, late, repeated, out of order, as time goes on: whatever is asked equals what a plain list gives, worked out
//! from scratch with floating numbers and the house's percentile.

use super::*;
use crate::answer::{Gauges, Grid, Point};
use crate::store::Ingested;
use ionveil_kernel::statistics::{mean, percentile, round};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const RETENTION_S: i64 = 3 * 3_600;
const MICROS: i64 = 1_000_000;

/// A posted event: how long after the one before, how late, and what it says.
#[derive(Clone, Debug)]
struct Post {
    pause_s: i64,
    late_s: i64,
    micros: i64,
    id: u8,
    quarters: u16,
    severity: i64,
    region: u8,
    met: bool,
    row: i8,
}

fn posts() -> impl Strategy<Value = Vec<Post>> {
    let late = prop_oneof![4 => 0_i64..90, 2 => 0_i64..4_000, 1 => 10_700_i64..10_900];
    let fields = (0_i64..200, late, 0..MICROS, 0_u8..120, 0_u16..400, 1_i64..=5, 0_u8..3, any::<bool>(), -3_i8..3);
    let post = fields.prop_map(|(pause_s, late_s, micros, id, quarters, severity, region, met, row)| Post {
        pause_s,
        late_s,
        micros,
        id,
        quarters,
        severity,
        region,
        met,
        row,
    });
    prop::collection::vec(post, 1..150)
}

fn observed(post: &Post, now: i64) -> Observation {
    Observation {
        // Some have no id.
        event_id: if post.id < 20 { String::new() } else { format!("e{}", post.id) }.into(),
        timestamp: Timestamp::from_micros((now - post.late_s) * MICROS - post.micros),
        severity: Severity::new(post.severity).unwrap(),
        response_time_minutes: Amount::new(f64::from(post.quarters) / 4.0).unwrap(),
        distance_km: Amount::new(f64::from(post.quarters % 7) / 2.0).unwrap(),
        region: format!("r{}", post.region).into(),
        sla_met: post.met,
        place: if post.row < -1 { Place::None } else { Place::Cell { row: post.row.into(), col: post.region.into() } },
        ..seen("", 0.0, 0.0)
    }
}

/// The plain list.
#[derive(Default)]
struct Model(Vec<Observation>);

fn minute(at: Timestamp) -> i64 {
    at.micros().div_euclid(60 * MICROS)
}

impl Model {
    fn post(&mut self, seen: &Observation, now: Timestamp) -> Ingested {
        let horizon = Timestamp::from_micros(now.micros() - RETENTION_S * MICROS);
        self.0.retain(|known| minute(known.timestamp) >= minute(horizon));
        if seen.timestamp <= horizon {
            Ingested::TooOld
        } else if !seen.event_id.is_empty() && self.0.iter().any(|known| known.event_id == seen.event_id) {
            Ingested::Duplicate
        } else {
            self.0.push(seen.clone());
            Ingested::Accepted
        }
    }

    fn values(&self, query: &Query, start: Timestamp, end: Timestamp) -> Vec<f64> {
        let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let all = self.0.iter().filter(|seen| start <= seen.timestamp && seen.timestamp < end);
        let all =
            all.filter(|seen| is(&query.filter.region, &seen.region) && is(&query.filter.severity, &seen.severity.number().to_string()));
        all.map(|seen| value(query.metric, seen)).collect()
    }

    /// Every window that could hold something, one after another.
    fn windows(&self, query: &Query) -> Vec<Point> {
        let length = query.window.minutes();
        let to_time = |minute: i64| Timestamp::from_micros(minute * 60 * MICROS);
        let (first, end) = (minute(query.range.start), minute(Timestamp::from_micros(query.range.end.micros() - 1)) + 1);
        let starts: Vec<i64> = if query.sliding {
            (first + 1 - length..=end - length).collect()
        } else {
            (first - length..end).filter(|start| start.rem_euclid(length) == 0).collect()
        };
        let point = |start: i64| {
            let from = if query.sliding { to_time(start) } else { to_time(start).max(query.range.start) };
            let values = self.values(query, from, to_time(start + length).min(query.range.end));
            let point = Point {
                start: to_time(start),
                end: to_time(start + length),
                value: aggregated(query.aggregation, &values),
                count: values.len() as u64,
            };
            (!values.is_empty()).then_some(point)
        };
        starts.into_iter().filter_map(point).collect()
    }
}

fn value(metric: Metric, seen: &Observation) -> f64 {
    match metric {
        Metric::ResponseTime => seen.response_time_minutes.get(),
        Metric::Distance => seen.distance_km.get(),
        Metric::DispatchCount => 1.0,
        Metric::SlaCompliance => {
            if seen.sla_met {
                1.0
            } else {
                0.0
            }
        }
    }
}

fn aggregated(aggregation: Aggregation, values: &[f64]) -> f64 {
    let found = match aggregation {
        Aggregation::Sum => values.iter().sum(),
        Aggregation::Count => values.len() as f64,
        Aggregation::Avg => mean(values),
        Aggregation::P50 => percentile(values, 50.0),
        Aggregation::P90 => percentile(values, 90.0),
        Aggregation::P95 => percentile(values, 95.0),
        Aggregation::P99 => percentile(values, 99.0),
        Aggregation::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
        Aggregation::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    round(found, 4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_that_of_a_plain_list(
        posts in posts(),
        (back_s, length_s, cut) in (0_i64..9_000, 1_i64..9_000, 0_i64..MICROS),
        (severity, region) in (prop::option::of(1_u8..=5), prop::option::of(0_u8..4)),
    ) {
        let limits = Limits { retention: Duration::from_secs(RETENTION_S as u64), ..Limits::default() };
        let (mut store, mut model, mut now_s) = (Store::new(limits), Model::default(), NOON);
        for post in &posts {
            now_s += post.pause_s;
            let (seen, now) = (observed(post, now_s), Timestamp::from_micros(now_s * MICROS));
            prop_assert_eq!(store.ingest(&seen, now), model.post(&seen, now));
        }
        let start = Timestamp::from_micros((now_s - back_s) * MICROS + cut);
        let range = Range { start, end: start.after(Duration::from_secs(length_s as u64)) };
        let filter = Filter { severity: severity.map(|severity| severity.to_string()), region: region.map(|region| format!("r{region}")), unit_type: None };
        for metric in Metric::ALL.iter().copied() {
            for (window, aggregation) in Window::ALL.iter().flat_map(|window| Aggregation::ALL.iter().map(move |aggregation| (*window, *aggregation))) {
                for sliding in [false, true] {
                    let query = Query { metric, window, aggregation, range, sliding, filter: filter.clone() };
                    prop_assert_eq!(store.read().windows(&query).points, model.windows(&query), "{:?}", query);
                }
            }
        }
        at_a_glance(&store, &model, Timestamp::from_micros(now_s * MICROS + cut))?;
        by_place(&store, &model, range)?;
    }
}

fn at_a_glance(store: &Store, model: &Model, now: Timestamp) -> Result<(), TestCaseError> {
    let hour = Range::last(now, Duration::from_secs(3_600));
    let of = |metric| model.values(&Query { metric, ..query(metric, Window::Hour, Aggregation::Avg, 0.0, 0.0) }, hour.start, hour.end);
    let found = store.read().snapshot(now, Gauges::default());
    let (responses, met) = (of(Metric::ResponseTime), of(Metric::SlaCompliance));
    prop_assert_eq!(found.dispatch_count, responses.len() as u64);
    prop_assert_eq!((found.response_time.avg, found.compliance_rate), (round(mean(&responses), 4), round(mean(&met), 4)));
    prop_assert_eq!(found.distance_avg, round(mean(&of(Metric::Distance)), 4));
    let figures = found.response_time;
    let expected = [50.0, 90.0, 95.0, 99.0].map(|percent| percentile(&responses, percent));
    prop_assert_eq!([figures.p50, figures.p90, figures.p95, figures.p99], expected);
    Ok(())
}

fn by_place(store: &Store, model: &Model, range: Range) -> Result<(), TestCaseError> {
    let inside: Vec<_> = model.0.iter().filter(|seen| range.start <= seen.timestamp && seen.timestamp < range.end).collect();
    let mut regions: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut cells: BTreeMap<(i32, i32), f64> = BTreeMap::new();
    for seen in &inside {
        regions.entry(seen.region.to_string()).or_default().push(seen.response_time_minutes.get());
        if let Place::Cell { row, col } = seen.place {
            *cells.entry((if row < 0 { row + 2 } else { row % 2 }, col)).or_default() += seen.distance_km.get();
        }
    }
    let found = store.read().regions(&range).regions;
    let shown: Vec<_> = found.into_iter().map(|(name, of)| (name, of.dispatch_count, of.avg_response)).collect();
    let expected: Vec<_> = regions.into_iter().map(|(name, of)| (name, of.len() as u64, round(mean(&of), 4))).collect();
    prop_assert_eq!(shown, expected);
    let heat = store.read().heatmap(Metric::Distance, Grid::new(Some(2), Some(3)).unwrap(), &range, &Filter::default());
    let shown: Vec<_> = heat.cells.iter().map(|cell| ((cell.row, cell.col), cell.value)).collect();
    prop_assert_eq!(shown, cells.into_iter().collect::<Vec<_>>());
    prop_assert_eq!(heat.left_out, inside.iter().filter(|seen| seen.place == Place::None).count() as u64);
    Ok(())
}
