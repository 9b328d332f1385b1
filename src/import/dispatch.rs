//! What the rows of a file say of dispatch, taken together: calls, units and stages in the order of time, with what is to be said
//! of response times. All rows are kept until the file is read, because the rows of a call, and those of a unit, stand anywhere in it.

use super::issue::{Issue, Reason};
use super::plan::RowPlan;
use super::response::{Call, Response};
use crate::reports::Report;
use ionveil_dispatch::report::Stage;
use ionveil_dispatch::response::{Summary, summary};
use ionveil_dispatch::scale::Priority;
use ionveil_dispatch::sla::Promises;
use ionveil_kernel::{EntityId, Org, Timestamp, derive_uuid};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most rows that are kept; a file that has more is to be cut.
pub const RESPONSES_MAX: usize = 1_000_000;
/// The most overlaps that a report lists; all are counted.
const OVERLAPS_KEPT_MAX: usize = 1_000;
const MICROS_PER_MINUTE: f64 = 60_000_000.0;

/// A report of something, to be taken in at its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// When it was.
    pub at: Timestamp,
    /// What is reported.
    pub report: Report,
    /// Names it: the same deed is the same report, whichever file it stands in.
    pub key: String,
    /// The row that tells of it, or the first of several.
    pub line: u64,
    /// The id of that row.
    pub row: EntityId,
    /// The call that it is of, and when that came in; none: of a unit.
    pub call: Option<(EntityId, Timestamp)>,
}

impl Deed {
    /// The entities that it concerns: deeds that share one are taken in one after the other.
    #[must_use]
    pub fn concerns(&self) -> Vec<String> {
        match &self.report {
            Report::Incident { id, .. } => vec![format!("incident {id}")],
            Report::Unit { id, .. } => vec![format!("unit {id}")],
            Report::Stage { incident, unit, .. } => vec![format!("incident {incident}"), format!("unit {unit}")],
            Report::Closed { incident } => vec![format!("incident {incident}")],
        }
    }
}

/// A unit that was on two calls at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Overlap {
    /// Which.
    pub unit: String,
    /// The response that it was on.
    pub first: String,
    /// The response to which it was sent before that was over.
    pub second: String,
    /// For how many seconds, as far as is known.
    pub seconds: i64,
}

/// What response times say: first dispatch of a call to the first unit on scene.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// Calls.
    pub calls: u64,
    /// Calls with an arrival; the figures below are theirs.
    pub with_arrival: u64,
    /// Calls without one: they are left out.
    pub without_arrival: u64,
    /// Calls whose first arrival lies before their first dispatch: they are left out.
    pub arrival_before_dispatch: u64,
    /// Calls that took longer than the organisation promises.
    pub late: u64,
    /// The middle response time in minutes, 2 places; 0 of none.
    pub median_minutes: f64,
    /// The 90th percentile, by nearest rank.
    pub p90_minutes: f64,
    /// Their mean.
    pub mean_minutes: f64,
}

/// What the calls of a file say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Of all calls.
    #[serde(flatten)]
    pub all: Times,
    /// By priority, 1 to 5.
    pub by_priority: BTreeMap<u8, Times>,
    /// By region; calls that name none are left out.
    pub by_region: BTreeMap<String, Times>,
}

/// The rows of a file.
#[derive(Clone, Debug, Default)]
pub struct Responses {
    rows: Vec<Row>,
    calls: BTreeMap<EntityId, Facts>,
    units: BTreeMap<EntityId, Unit>,
}

#[derive(Clone, Debug)]
struct Row {
    line: u64,
    id: EntityId,
    call: EntityId,
    unit: EntityId,
    /// Those that do not lie before the one they follow.
    stages: Vec<(Stage, Timestamp)>,
}

/// What is known of a call from all of its rows.
#[derive(Clone, Debug)]
struct Facts {
    call: Call,
    line: u64,
    row: EntityId,
    begun: Timestamp,
    ended: Timestamp,
    /// Whether every unit was free again.
    over: bool,
    first_dispatch: Option<Timestamp>,
    first_arrival: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Unit {
    unit_type: String,
    agency: Option<EntityId>,
    since: Timestamp,
    line: u64,
    row: EntityId,
}

/// From when to when, as far as that is known, and by which response.
type Span<'a> = (Timestamp, Option<Timestamp>, &'a EntityId);

fn earlier(known: Option<Timestamp>, found: Option<Timestamp>) -> Option<Timestamp> {
    known.into_iter().chain(found).min()
}

impl Responses {
    /// Takes in what a row says; what is wrong with it comes back. A row that says nothing of dispatch, or not when its unit was sent,
    /// adds nothing.
    pub fn add(&mut self, plan: &RowPlan, file: &Arc<str>, column: impl Fn(Stage) -> String) -> Vec<Issue> {
        let (Some(response), Some(id)) = (&plan.response, &plan.id) else { return Vec::new() };
        let issue =
            |stage, reason| Issue { file: file.clone(), line: plan.line, id: Some(id.to_string()), field: Some(column(stage)), reason };
        let of = |stage| response.stages.iter().find(|(of, _)| *of == stage).map(|(_, at)| *at);
        let (Some(dispatched), true) = (of(Stage::Dispatched), self.rows.len() < RESPONSES_MAX) else {
            let reason = Reason::InvalidResponse("it does not say when the unit was sent, or there are too many rows".to_owned());
            return vec![issue(Stage::Dispatched, reason)];
        };
        let mut stages: Vec<(Stage, Timestamp)> = Vec::with_capacity(4);
        let mut issues = Vec::new();
        for (stage, at) in response.stages.iter().copied() {
            match stages.last() {
                Some((_, last)) if at < *last => {
                    let told = plan.issues.iter().any(|issue| issue.field.as_deref() == Some(&column(stage)));
                    if !told {
                        let why = format!("{} lies before the stage that it follows", stage.as_str());
                        issues.push(issue(stage, Reason::InvalidStage(why)));
                    }
                }
                _ => stages.push((stage, at)),
            }
        }
        self.take(plan.line, id, response, dispatched, of(Stage::OnScene), &stages);
        self.rows.push(Row { line: plan.line, id: id.clone(), call: response.call.id.clone(), unit: response.unit.clone(), stages });
        issues
    }

    fn take(
        &mut self,
        line: u64,
        row: &EntityId,
        response: &Response,
        dispatched: Timestamp,
        arrived: Option<Timestamp>,
        stages: &[(Stage, Timestamp)],
    ) {
        let last = stages.last().map_or(dispatched, |(_, at)| *at);
        let begun = response.call.received.map_or(dispatched, |received| received.min(dispatched));
        let fresh = || Facts {
            call: response.call.clone(),
            line,
            row: row.clone(),
            begun,
            ended: last,
            over: true,
            first_dispatch: None,
            first_arrival: None,
        };
        let facts = self.calls.entry(response.call.id.clone()).or_insert_with(fresh);
        facts.begun = facts.begun.min(begun);
        facts.ended = facts.ended.max(last);
        facts.over &= stages.iter().any(|(stage, _)| *stage == Stage::Available);
        facts.first_dispatch = earlier(facts.first_dispatch, Some(dispatched));
        facts.first_arrival = earlier(facts.first_arrival, arrived);
        let fresh =
            || Unit { unit_type: response.unit_type.clone(), agency: response.agency.clone(), since: dispatched, line, row: row.clone() };
        let unit = self.units.entry(response.unit.clone()).or_insert_with(fresh);
        unit.since = unit.since.min(dispatched);
    }

    /// How many calls, units and responses there are.
    #[must_use]
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.calls.len() as u64, self.units.len() as u64, self.rows.len() as u64)
    }

    /// Everything that was, in the order in which it was.
    #[must_use]
    pub fn deeds(&self, org: &Org, file: &str) -> Vec<Deed> {
        let name: String = file.rsplit('/').next().unwrap_or(file).chars().filter(|c| !c.is_control()).take(200).collect();
        let source = |line: u64| format!("{name}:{line}");
        let key = |parts: &[&str]| {
            let parts: Vec<_> = ["reported", org.as_str()].iter().chain(parts).copied().collect();
            derive_uuid(&parts).to_string()
        };
        // At the same instant: what becomes known, who is free again, then the stages in their order, then what is over.
        let mut deeds: Vec<(Timestamp, u8, Deed)> = Vec::with_capacity(self.rows.len() * 5);
        for (id, facts) in &self.calls {
            let call = Some((id.clone(), facts.begun));
            let Facts { line, row, .. } = facts;
            let deed =
                |at, what, report| Deed { at, report, key: key(&[what, id.as_str()]), line: *line, row: row.clone(), call: call.clone() };
            deeds.push((facts.begun, 0, deed(facts.begun, "incident", opened(id, &facts.call, source(*line)))));
            if facts.over {
                deeds.push((facts.ended, 6, deed(facts.ended, "closed", Report::Closed { incident: id.clone() })));
            }
        }
        for (id, unit) in &self.units {
            let agency = unit.agency.as_ref().map(ToString::to_string);
            let report = Report::Unit { id: id.clone(), name: id.to_string(), unit_type: unit.unit_type.clone(), agency };
            let key = key(&["unit", id.as_str()]);
            deeds.push((unit.since, 0, Deed { at: unit.since, report, key, line: unit.line, row: unit.row.clone(), call: None }));
        }
        for row in &self.rows {
            let begun = self.calls.get(&row.call).map(|facts| (row.call.clone(), facts.begun));
            let mut before = None;
            for (stage, at) in row.stages.iter().copied() {
                let rank = match stage {
                    // Of this very response: not before the stage that it ends.
                    Stage::Available if before == Some(at) => 5,
                    Stage::Available => 1,
                    Stage::Dispatched => 2,
                    Stage::EnRoute => 3,
                    Stage::OnScene => 4,
                };
                before = Some(at);
                let (incident, unit) = (row.call.clone(), row.unit.clone());
                let report = Report::Stage { id: row.id.clone(), incident, unit, stage, source: source(row.line) };
                let key = key(&["stage", row.id.as_str(), stage.as_str()]);
                deeds.push((at, rank, Deed { at, report, key, line: row.line, row: row.id.clone(), call: begun.clone() }));
            }
        }
        deeds.sort_by_key(|(at, rank, deed)| (*at, *rank, deed.line));
        deeds.into_iter().map(|(.., deed)| deed).collect()
    }

    /// When the first call came in.
    #[must_use]
    pub fn first(&self) -> Option<Timestamp> {
        self.calls.values().map(|facts| facts.begun).min()
    }

    /// What was in `[from, to)`, of calls that came in then. A unit becomes known right before the first of it that concerns it.
    #[must_use]
    pub fn within(&self, org: &Org, file: &str, from: Timestamp, to: Timestamp) -> Vec<Deed> {
        let came_in = |deed: &Deed| deed.call.as_ref().is_some_and(|(_, begun)| *begun >= from) && deed.at < to;
        let (mut units, mut chosen) = (BTreeMap::new(), Vec::new());
        for deed in self.deeds(org, file) {
            match &deed.report {
                Report::Unit { id, .. } => drop(units.insert(id.clone(), deed)),
                Report::Stage { unit, .. } if came_in(&deed) => {
                    chosen.extend(units.remove(unit).map(|known| Deed { at: deed.at, ..known }));
                    chosen.push(deed);
                }
                Report::Incident { .. } | Report::Stage { .. } | Report::Closed { .. } => chosen.extend(came_in(&deed).then_some(deed)),
            }
        }
        chosen
    }

    /// The responses to which a unit was sent before it was free of another, by the unit.
    #[must_use]
    pub fn overlaps(&self) -> Vec<Overlap> {
        let mut by_unit: BTreeMap<&EntityId, Vec<Span<'_>>> = BTreeMap::new();
        for row in &self.rows {
            let of = |stage| row.stages.iter().find(|(of, _)| *of == stage).map(|(_, at)| *at);
            let Some(from) = of(Stage::Dispatched) else { continue };
            by_unit.entry(&row.unit).or_default().push((from, of(Stage::Available), &row.id));
        }
        let mut found = Vec::new();
        for (unit, mut spans) in by_unit {
            spans.sort();
            let mut open: Option<(Timestamp, &EntityId)> = None;
            for (from, until, id) in spans {
                if let Some((end, first)) = open.filter(|(end, _)| from < *end) {
                    let end = until.map_or(end, |until| until.min(end));
                    let seconds = i64::try_from(end.since(from).as_secs()).unwrap_or(i64::MAX);
                    let (first, second) = (first.to_string(), id.to_string());
                    found.push(Overlap { unit: unit.to_string(), first, second, seconds });
                }
                open = open.into_iter().chain(until.map(|until| (until, id))).max();
            }
        }
        found
    }

    /// What response times say by what an organisation promises.
    #[must_use]
    pub fn figures(&self, promises: &Promises) -> Figures {
        let (mut all, mut by_priority, mut by_region) = (Sample::default(), BTreeMap::new(), BTreeMap::new());
        for facts in self.calls.values() {
            let priority = facts.call.priority;
            all.add(facts, promises);
            by_priority.entry(priority.number()).or_insert_with(Sample::default).add(facts, promises);
            if let Some(region) = &facts.call.region {
                by_region.entry(region.to_string()).or_insert_with(Sample::default).add(facts, promises);
            }
        }
        let times = |samples: BTreeMap<_, Sample>| samples.into_iter().map(|(key, sample)| (key, sample.times())).collect();
        let by_region = by_region.into_iter().map(|(key, sample)| (key, sample.times())).collect();
        Figures { all: all.times(), by_priority: times(by_priority), by_region }
    }
}

fn opened(id: &EntityId, call: &Call, source: String) -> Report {
    Report::Incident {
        id: id.clone(),
        title: call.title.clone(),
        description: call.description.clone(),
        priority: i64::from(call.priority.number()),
        latitude: call.position.latitude(),
        longitude: call.position.longitude(),
        category: None,
        zone: call.zone.as_ref().map(ToString::to_string),
        source,
    }
}

#[derive(Default)]
struct Sample {
    times: Times,
    minutes: Vec<f64>,
}

impl Sample {
    fn add(&mut self, facts: &Facts, promises: &Promises) {
        self.times.calls += 1;
        let (Some(dispatched), Some(arrived)) = (facts.first_dispatch, facts.first_arrival) else {
            self.times.without_arrival += 1;
            return;
        };
        if arrived < dispatched {
            self.times.arrival_before_dispatch += 1;
            return;
        }
        let minutes = (arrived.micros() - dispatched.micros()) as f64 / MICROS_PER_MINUTE;
        let promised: Priority = facts.call.priority;
        self.times.with_arrival += 1;
        // Equality is in time (specification of IonVeil §3.4, trap T44).
        self.times.late += u64::from(minutes > f64::from(promises.response_minutes(promised)));
        self.minutes.push(minutes);
    }

    fn times(self) -> Times {
        let Summary { median, p90, mean, .. } = summary(&self.minutes);
        Times { median_minutes: median, p90_minutes: p90, mean_minutes: mean, ..self.times }
    }
}

/// What became of what a file says of dispatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DispatchReport {
    /// Calls, each an incident.
    pub incidents: u64,
    /// Units.
    pub units: u64,
    /// Responses, each an assignment.
    pub assignments: u64,
    /// Reports that this run added.
    pub appended: u64,
    /// Reports that an earlier run had added.
    pub already_there: u64,
    /// Reports that were refused.
    pub refused: u64,
    /// How often a unit was on two calls at once; it is recorded as it was.
    pub overlaps_total: u64,
    /// The first 1,000 of them.
    pub overlaps: Vec<Overlap>,
    /// What response times say.
    pub response: Figures,
    /// The columns that the file lacks: then there is nothing of this.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
}

impl DispatchReport {
    /// Of these responses, before any is carried out.
    #[must_use]
    pub fn new(responses: &Responses, promises: &Promises, lacks: &[String]) -> Self {
        let ((incidents, units, assignments), mut overlaps) = (responses.counts(), responses.overlaps());
        let overlaps_total = overlaps.len() as u64;
        overlaps.truncate(OVERLAPS_KEPT_MAX);
        let (response, lacks) = (responses.figures(promises), lacks.to_vec());
        Self { incidents, units, assignments, overlaps_total, overlaps, response, lacks, ..Self::default() }
    }
}
