//! What clients send to the routes of analytics: posted events and questions, read strictly, and their shapes for OpenAPI. What a
//! value means is judged by the domain.

use crate::analytics::streams::{Topic, Watched};
use crate::http::fields::{At, Fields, FromFields, FromValue};
use crate::http::problem::{Code, Fault};
use crate::time::Rfc3339;
use ionveil_analytics::answer::{RawAnomalyQuery, RawTrendQuery};
use ionveil_analytics::hub::KEYS_MAX;
use ionveil_analytics::query::{Filter, RawQuery};
use ionveil_analytics::{Aggregation, Faults, Metadata, Metric, Report, Window};
use ionveil_kernel::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The largest list of events in bytes.
pub const EVENTS_BYTES_MAX: usize = 8 * 1024 * 1024;
const DIMENSIONS: [&str; 3] = ["region", "severity", "unit_type"];
/// Faults that need no clock are looked for at this instant.
const SOME_TIME: Timestamp = Timestamp::from_micros(0);

/// A dispatch as it was observed.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DispatchEvent)]
pub struct EventShape {
    /// Names it: the same id again counts once.
    #[schema(min_length = 1, max_length = 128, example = "163664050-E39")]
    event_id: String,
    /// The dispatch.
    #[schema(max_length = 128)]
    dispatch_id: Option<String>,
    /// When it was: within the last 24 hours (or what is configured), at most five minutes ahead; absent: now.
    #[schema(value_type = Option<String>, format = DateTime)]
    timestamp: Option<Rfc3339>,
    /// 5 is worst.
    #[schema(minimum = 1, maximum = 5)]
    severity: i64,
    /// Minutes from dispatch to arrival.
    #[schema(minimum = 0, maximum = 1_000_000)]
    response_time_minutes: f64,
    /// How far it was.
    #[schema(minimum = 0, maximum = 100_000)]
    distance_km: f64,
    /// Where it counts; absent: `unknown`.
    #[schema(max_length = 64, example = "north")]
    region: Option<String>,
    /// What was sent; absent: `unknown`.
    #[schema(max_length = 64, example = "engine")]
    unit_type: Option<String>,
    /// Whether the response was within its SLA.
    sla_met: bool,
    /// Where it was.
    metadata: Option<MetadataShape>,
}

/// Where a dispatch was: a cell of a grid, which counts first, or a position.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DispatchEventMetadata)]
pub struct MetadataShape {
    /// The row of a cell, with `col`.
    row: Option<i32>,
    /// Its column.
    col: Option<i32>,
    /// Degrees north, with `longitude`.
    #[schema(minimum = -90, maximum = 90)]
    latitude: Option<f64>,
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180)]
    longitude: Option<f64>,
    /// Stands for `latitude`.
    #[schema(minimum = -90, maximum = 90)]
    lat: Option<f64>,
    /// Stands for `longitude`.
    #[schema(minimum = -180, maximum = 180)]
    lon: Option<f64>,
}

/// One event, or a list of at most 10,000, of which bad ones do not stop the rest: each is an error of its place.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = DispatchEvents)]
pub enum EventsShape {
    /// One.
    One(Box<EventShape>),
    /// Many.
    Many(Vec<Value>),
}

impl FromFields for Metadata {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (row, col) = (fields.optional("row"), fields.optional("col"));
        let (latitude, longitude) = (fields.optional("latitude"), fields.optional("longitude"));
        let (lat, lon) = (fields.optional("lat"), fields.optional("lon"));
        Some(Self { row, col, latitude: latitude.or(lat), longitude: longitude.or(lon) })
    }
}

/// A report, the fields that are missing left to the domain to tell.
struct Read(Report);

impl FromFields for Read {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self(Report {
            event_id: fields.optional("event_id"),
            dispatch_id: fields.optional("dispatch_id"),
            timestamp: fields.optional("timestamp"),
            severity: fields.optional("severity"),
            response_time_minutes: fields.optional("response_time_minutes"),
            distance_km: fields.optional("distance_km"),
            region: fields.optional("region"),
            unit_type: fields.optional("unit_type"),
            sla_met: fields.optional("sla_met"),
            metadata: fields.optional("metadata").unwrap_or_default(),
        }))
    }
}

/// Events as they came, each with what is wrong with its form.
pub enum Posted {
    /// One, which is refused if it is bad.
    One(Box<Report>),
    /// Many.
    Many(Vec<Result<Report, Vec<Fault>>>),
}

impl FromValue for Posted {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let read = |value| Read::from_value(value, &At { path: String::new(), text_only: false }).map(|Read(report)| report);
        match value {
            Value::Array(items) => Ok(Self::Many(items.into_iter().map(read).collect())),
            one @ Value::Object(_) => read(one).map(|report| Self::One(Box::new(report))),
            other => Err(at.wrong_type("an event, or a list of them", &other)),
        }
    }
}

/// What the domain says of a report or a question, as faults of the request.
#[must_use]
pub fn faults(faults: &Faults) -> Vec<Fault> {
    let fault = |fault: &ionveil_analytics::Fault| {
        Fault::field(Code::from_name(fault.kind.code()).unwrap_or(Code::InvalidField), fault.field, fault.kind.to_string())
    };
    faults.iter().map(fault).collect()
}

/// Tells what the domain finds wrong beside what is wrong already.
fn note(fields: &mut Fields, found: Option<Faults>) {
    found.iter().flat_map(faults).for_each(|fault| fields.fault(fault.code, &fault.field.unwrap_or_default(), fault.detail));
}

/// `GET /dashboard/metrics`.
pub struct Metrics(pub RawQuery);

impl FromFields for Metrics {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let mut query = RawQuery {
            metric: fields.optional("metric"),
            window: fields.optional("window"),
            aggregation: fields.optional("aggregation"),
            start: fields.optional("start"),
            end: fields.optional("end"),
            sliding: fields.optional("sliding").unwrap_or_default(),
            dimensions: dimensions(fields),
        };
        // Whatever else is named is taken for a dimension (§6.2).
        query.dimensions.extend(fields.others().into_iter().map(|(name, _)| (name, String::new())));
        if fields.faulty() {
            note(fields, RawQuery { start: None, end: None, ..query.clone() }.check(SOME_TIME).err());
        }
        Some(Self(query))
    }
}

fn dimensions(fields: &mut Fields) -> BTreeMap<String, String> {
    DIMENSIONS.into_iter().filter_map(|name| Some((name.to_owned(), fields.optional(name)?))).collect()
}

/// `GET /dashboard/trends`.
pub struct Trends(pub RawTrendQuery);

impl FromFields for Trends {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (metric, window) = (fields.optional("metric"), fields.optional("window"));
        let query =
            RawTrendQuery { metric, window, lookback: fields.optional("lookback"), horizon_hours: fields.optional("horizon_hours") };
        if fields.faulty() {
            note(fields, query.check().err());
        }
        Some(Self(query))
    }
}

/// `GET /dashboard/anomalies`.
pub struct Anomalies(pub RawAnomalyQuery);

impl FromFields for Anomalies {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (metric, window) = (fields.optional("metric"), fields.optional("window"));
        let query = RawAnomalyQuery { metric, window, lookback: fields.optional("lookback"), sensitivity: fields.optional("sensitivity") };
        if fields.faulty() {
            note(fields, query.check().err());
        }
        Some(Self(query))
    }
}

/// A range of time, as it came.
#[derive(Clone, Copy, Default)]
pub struct Span {
    /// The first instant.
    pub start: Option<Timestamp>,
    /// The first instant after it.
    pub end: Option<Timestamp>,
}

impl FromFields for Span {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self { start: fields.optional("start"), end: fields.optional("end") })
    }
}

/// `GET /dashboard/heatmap`.
pub struct Heat {
    /// What is summed.
    pub metric: Metric,
    /// Rows of the grid.
    pub rows: Option<i64>,
    /// Columns of the grid.
    pub cols: Option<i64>,
    /// Instead of a grid: the resolution of H3 cells.
    pub h3_resolution: Option<u8>,
    /// Which events count.
    pub span: Span,
    /// Which events count.
    pub filter: Filter,
}

impl FromFields for Heat {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let metric = RawQuery { metric: fields.optional("metric"), ..RawQuery::default() }.check(SOME_TIME);
        note(fields, metric.as_ref().err().cloned());
        let (rows, cols) = (fields.optional("rows"), fields.optional("cols"));
        let resolution = fields.optional::<u16>("h3_resolution");
        let h3_resolution = resolution.and_then(|number| u8::try_from(number).ok()).filter(|number| *number <= 15);
        if resolution.is_some() && h3_resolution.is_none() {
            fields.fault(Code::InvalidGrid, "h3_resolution", "it is from 0 to 15");
        }
        if resolution.is_some() && (rows.is_some() || cols.is_some()) {
            fields.fault(Code::InvalidField, "h3_resolution", "comes instead of rows and cols");
        }
        let (span, filter) = (Span::from_fields(fields)?, filter(fields));
        Some(Self { metric: metric.ok()?.metric, rows, cols, h3_resolution, span, filter })
    }
}

fn filter(fields: &mut Fields) -> Filter {
    Filter { region: fields.optional("region"), severity: fields.optional("severity"), unit_type: fields.optional("unit_type") }
}

/// `GET /dashboard/stream`: what is followed.
pub struct Followed(pub Vec<Topic>);

impl FromFields for Followed {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let named = fields.optional::<String>("metrics");
        let alerts = fields.optional::<bool>("alerts").unwrap_or_default();
        let filter = filter(fields);
        let all = || Metric::ALL.iter().map(|metric| watched(*metric, Window::Minute, Aggregation::Avg, &filter)).collect();
        let mut topics = match &named {
            Some(text) => text.split(',').filter_map(|name| topic(fields, name, &filter)).collect(),
            None if alerts => Vec::new(),
            None => all(),
        };
        topics.extend(alerts.then_some(Topic::Alerts));
        if topics.len() > KEYS_MAX {
            fields.fault(Code::InvalidField, "metrics", format!("must name at most {KEYS_MAX} metrics"));
            return None;
        }
        Some(Self(topics))
    }
}

/// `METRIC[:WINDOW[:AGGREGATION]]`; none after a fault was noted.
fn topic(fields: &mut Fields, text: &str, filter: &Filter) -> Option<Topic> {
    let mut parts = text.split(':');
    let metric = parts.next().map(str::to_owned);
    let raw =
        RawQuery { metric, window: parts.next().map(str::to_owned), aggregation: parts.next().map(str::to_owned), ..RawQuery::default() };
    if parts.next().is_some() {
        fields.fault(Code::InvalidField, "metrics", "each is METRIC[:WINDOW[:AGGREGATION]], such as response_time:5m:p95");
        return None;
    }
    match raw.check(SOME_TIME) {
        Ok(query) => Some(watched(query.metric, query.window, query.aggregation, filter)),
        Err(found) => {
            faults(&found).into_iter().for_each(|fault| fields.fault(fault.code, "metrics", fault.detail));
            None
        }
    }
}

fn watched(metric: Metric, window: Window, aggregation: Aggregation, filter: &Filter) -> Topic {
    let Filter { region, severity, unit_type } = filter.clone();
    Topic::Metric(Watched { metric, window, aggregation, region, severity, unit_type })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn followed(pairs: &[(&str, &str)]) -> Result<Vec<Topic>, Vec<(Code, Option<String>)>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let read = Fields::read_query::<Followed>(pairs);
        read.map(|Followed(topics)| topics).map_err(|problem| problem.errors.into_iter().map(|fault| (fault.code, fault.field)).collect())
    }

    #[test]
    fn what_is_followed_is_named_in_one_parameter() {
        assert_eq!(followed(&[]).unwrap().len(), 4);
        assert_eq!(followed(&[("alerts", "true")]).unwrap(), [Topic::Alerts]);
        let all = followed(&[("metrics", "distance,response_time:5m:p95"), ("alerts", "true"), ("region", "north")]).unwrap();
        let filter = Filter { region: Some("north".into()), ..Filter::default() };
        let expected = [
            watched(Metric::Distance, Window::Minute, Aggregation::Avg, &filter),
            watched(Metric::ResponseTime, Window::FiveMinutes, Aggregation::P95, &filter),
            Topic::Alerts,
        ];
        assert_eq!(all, expected);
        let field = || Some("metrics".to_owned());
        for (text, code) in [
            ("speed", Code::UnknownMetric),
            ("distance:2m", Code::UnknownWindow),
            ("distance:1m:median", Code::UnknownAggregation),
            ("distance:1m:avg:x", Code::InvalidField),
            ("", Code::UnknownMetric),
        ] {
            assert_eq!(followed(&[("metrics", text)]), Err(vec![(code, field())]), "{text}");
        }
    }

    #[test]
    fn a_bad_event_of_a_list_does_not_stop_the_rest() {
        let body = json!([{"event_id": "a", "severity": "x"}, 7, {"event_id": "b", "metadata": {"lat": 1.5, "lon": 2}}]);
        let Posted::Many(all) = Fields::read_body::<Posted>(body).unwrap() else { panic!("a list") };
        assert_eq!(all[0].as_ref().unwrap_err()[0].field.as_deref(), Some("severity"));
        assert!(all[1].is_err());
        assert_eq!(all[2].as_ref().unwrap().metadata.latitude, Some(1.5));
        assert!(Fields::read_body::<Posted>(json!(7)).is_err());
    }
}
