//! What helps when regions fail, over HTTP: questions that change nothing. No rule lives here.

use crate::http::answers::Problems;
use crate::http::body::{Body, Query};
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::problem::{Code, Problem};
use crate::http::routing_requests::{NAME_CHARS_MAX, limited};
use actix_web::{HttpResponse, get, post};
use ionveil_kernel::Role;
use ionveil_routing::resilience::{Backoff, RegionState, ReplayPlan, ReplayRequest, build_replay_plan, degraded_regions, select_region};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// So many waits a schedule shows: from the seventh on all are alike.
const SCHEDULE_MAX: i64 = 64;

/// The regions that could be used.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Regions {
    /// The one that is used as long as it is well.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "us-east-1")]
    primary: String,
    /// Those that could take over, best first, at most 1,000.
    #[schema(max_items = 1000)]
    candidates: Vec<String>,
    /// Those that are known to be degraded, at most 1,000.
    #[schema(value_type = Option<Vec<String>>, max_items = 1000)]
    degraded: Vec<String>,
    /// What is known of breakers of regions, at most 1,000; one that is open makes its region count as degraded.
    #[schema(value_type = Option<Vec<RegionReport>>, max_items = 1000)]
    breakers: Vec<RegionReport>,
}

impl FromFields for Regions {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let primary = fields.line("primary", NAME_CHARS_MAX);
        if !fields.has("candidates") {
            fields.fault(Code::MissingField, "candidates", "is required");
        }
        let candidates = limited(fields, "candidates");
        let (degraded, breakers) = (limited(fields, "degraded"), limited(fields, "breakers"));
        let (degraded, breakers) = (degraded.unwrap_or_default(), breakers.unwrap_or_default());
        Some(Self { primary: primary?, candidates: candidates?, degraded, breakers })
    }
}

/// The breaker of a region.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionReport {
    /// The region.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "us-west-2")]
    region: String,
    /// Its state.
    #[schema(value_type = String, pattern = "^(closed|open|half_open)$", example = "open")]
    state: RegionState,
}

impl FromFields for RegionReport {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (region, state) = (fields.line("region", NAME_CHARS_MAX), fields.line("state", NAME_CHARS_MAX));
        let known = state.as_deref().and_then(|state| match state {
            "closed" => Some(RegionState::Closed),
            "open" => Some(RegionState::Open),
            "half_open" => Some(RegionState::HalfOpen),
            _other => None,
        });
        if state.is_some() && known.is_none() {
            fields.fault(Code::InvalidField, "state", "must be `closed`, `open` or `half_open`");
        }
        Some(Self { region: region?, state: known? })
    }
}

impl Regions {
    fn candidates(&self) -> impl Iterator<Item = &str> {
        self.candidates.iter().map(String::as_str)
    }

    fn degraded(&self) -> BTreeSet<&str> {
        let known = self.degraded.iter().map(String::as_str);
        degraded_regions(known, self.breakers.iter().map(|breaker| (breaker.region.as_str(), breaker.state)))
    }
}

/// The region that is to be used.
#[derive(Serialize, ToSchema)]
#[schema(as = FailoverRegion)]
pub struct RegionBody {
    /// Its name.
    #[schema(example = "us-central-1")]
    region: String,
    /// Where from.
    #[schema(example = "us-east-1")]
    from: String,
    /// No candidate is well, so this is the primary again.
    fallback: bool,
    /// The regions that counted as degraded.
    degraded: Vec<String>,
}

/// Which region takes over: the first candidate that is neither the primary nor degraded, else the primary. A region whose
/// breaker is open counts as degraded. It changes nothing.
#[utoipa::path(context_path = "/api/v1", tag = "Resilience", request_body = Regions,
    responses((status = 200, description = "The region", body = RegionBody), Problems))]
#[post("/resilience/failover-region")]
pub(crate) async fn select_failover_region(call: Call, body: Body<Regions>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let regions = body.value;
    let degraded = regions.degraded();
    let selected = select_region(&regions.primary, regions.candidates(), &degraded);
    Ok(HttpResponse::Ok().json(RegionBody {
        region: selected.region.to_owned(),
        from: regions.primary.clone(),
        fallback: selected.fallback,
        degraded: degraded.into_iter().map(ToOwned::to_owned).collect(),
    }))
}

/// Asks for a plan of a replay.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanReplay {
    /// How many events were missed; 0 or less: there is nothing to replay.
    events: i64,
    /// How long it may take, in seconds; 0 or less: there is no time for it.
    timeout_s: i64,
    /// Whether it is replayed side by side; absent: one after the other.
    parallel: Option<bool>,
    /// The region that missed them.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "us-east-1")]
    primary: String,
    /// Those that could take over, best first, at most 1,000.
    #[schema(max_items = 1000)]
    candidates: Vec<String>,
    /// Those that are known to be degraded, at most 1,000.
    #[schema(max_items = 1000)]
    degraded: Option<Vec<String>>,
    /// What is known of breakers of regions, at most 1,000; one that is open makes its region count as degraded.
    #[schema(max_items = 1000)]
    breakers: Option<Vec<RegionReport>>,
}

/// A [`PlanReplay`] as it was read.
pub struct Replay {
    events: i64,
    timeout_s: i64,
    parallel: Option<bool>,
    regions: Regions,
}

impl FromFields for Replay {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (events, timeout_s, parallel) = (fields.required("events"), fields.required("timeout_s"), fields.optional("parallel"));
        let regions = Regions::from_fields(fields);
        Some(Self { events: events?, timeout_s: timeout_s?, parallel, regions: regions? })
    }
}

/// A plan of a replay.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayPlan)]
pub struct PlanBody {
    /// How many events are replayed; 0: none, and all other figures are 0.
    budget: i64,
    /// How many at a time.
    batch_size: i64,
    /// How often a batch is tried again.
    retries: i64,
    /// Where.
    region: String,
    /// No candidate is well, or nothing is replayed, so the region is the primary.
    fallback: bool,
    /// How bad the outage is.
    #[schema(value_type = String, pattern = "^(minor|degraded|major|critical)$")]
    outage_class: ionveil_routing::resilience::OutageClass,
    /// How much of what was missed is replayed.
    #[schema(value_type = String, pattern = "^(skip|sampled|partial|full)$")]
    mode: ionveil_routing::resilience::Mode,
    /// The same as a part, from 0 to 1.
    coverage: f64,
    /// How long it takes, in seconds.
    est_duration_s: f64,
}

impl From<ReplayPlan<'_>> for PlanBody {
    fn from(plan: ReplayPlan<'_>) -> Self {
        Self {
            budget: plan.budget,
            batch_size: plan.batch_size,
            retries: plan.retries,
            region: plan.region.to_owned(),
            fallback: plan.fallback,
            outage_class: plan.outage_class,
            mode: plan.mode,
            coverage: plan.coverage,
            est_duration_s: plan.est_duration_s,
        }
    }
}

/// How much of what was missed is replayed, in what pieces, how often it is tried, and where. It changes nothing.
#[utoipa::path(context_path = "/api/v1", tag = "Resilience", request_body = PlanReplay,
    responses((status = 200, description = "The plan", body = PlanBody), Problems))]
#[post("/resilience/replay-plan")]
pub(crate) async fn plan_replay(call: Call, body: Body<Replay>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Replay { events, timeout_s, parallel, regions } = body.value;
    let plan = build_replay_plan(&ReplayRequest {
        events,
        timeout_s,
        parallel: parallel.unwrap_or(false),
        primary: &regions.primary,
        candidates: regions.candidates().collect(),
        degraded: regions.degraded(),
    });
    Ok(HttpResponse::Ok().json(PlanBody::from(plan)))
}

/// How long to wait.
#[derive(Serialize, ToSchema)]
#[schema(as = BackoffDelay)]
pub struct BackoffBody {
    /// The attempt.
    attempt: i64,
    /// The wait before it, in milliseconds.
    delay_ms: u64,
    /// The waits before the attempts from 1 to it, at most 64 of them.
    schedule_ms: Vec<u64>,
}

/// Which attempt is asked for.
pub struct Attempt(i64);

impl FromFields for Attempt {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        fields.required("attempt").map(Self)
    }
}

/// How long to wait before an attempt: 80 ms before the first, then twice as long each time, at most 5 s.
#[utoipa::path(context_path = "/api/v1", tag = "Resilience",
    params(("attempt" = i64, Query, description = "Which one, from 1; below 1 it is the wait before the first")),
    responses((status = 200, description = "The wait", body = BackoffBody), Problems))]
#[get("/resilience/backoff")]
pub(crate) async fn get_backoff(call: Call, attempt: Query<Attempt>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let (backoff, Attempt(attempt)) = (Backoff::default(), attempt.0);
    let schedule_ms = backoff.schedule(attempt.min(SCHEDULE_MAX)).collect();
    Ok(HttpResponse::Ok().json(BackoffBody { attempt, delay_ms: backoff.delay_ms(attempt), schedule_ms }))
}
