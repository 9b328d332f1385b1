//! Channels over HTTP: set up, changed, looked at, blocked, forced and tried out. No rule lives here.

use crate::channels::{DriverFault, Entry, Message, stream};
use crate::commands::hash_of;
use crate::http::answers::{Problems, Refusal, problem_of};
use crate::http::app::App;
use crate::http::body::{Body, Empty, Nothing, Query};
use crate::http::call::Call;
use crate::http::channel_requests::{Block, Change, Create, Force, Listing, Test};
use crate::http::channel_shapes::{BlockChannel, ChangeChannel, CreateChannel, ForceChannel, TestChannel};
use crate::http::failover::BoundBody;
use crate::http::problem::{Code, Fault, Problem};
use crate::remote::REPLAYED;
use crate::time::Rfc3339;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, put};
use ionveil_actors::{Class, Reply};
use ionveil_channels::breaker::{Breaker, Mode, PolicyForm, StateName};
use ionveil_channels::channel::{Blocked, Channel, Command, Form, Live, Rejection};
use ionveil_channels::detector::Detector;
use ionveil_channels::score::score;
use ionveil_kernel::{EntityId, IdSource, Rejection as _, Role, StreamId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A channel.
#[derive(Serialize, ToSchema)]
#[schema(as = Channel)]
pub struct ChannelBody {
    /// Its name.
    #[schema(example = "radio-north")]
    name: String,
    /// How it sends; secrets are named, not shown.
    #[schema(value_type = Object)]
    driver: Value,
    /// Its breaker, as it was written.
    #[schema(value_type = Object)]
    breaker: PolicyForm,
    /// What judges its outcomes.
    #[schema(value_type = Object)]
    detector: Detector,
    /// Where its breaker stands.
    #[schema(value_type = String, pattern = "^(closed|open|half_open)$", example = "closed")]
    state: StateName,
    /// What a person forces, over that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    forced: Option<ForcedBody>,
    /// Who lets nothing through.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<BlockedBody>,
    /// 0 to 1: falls with failed attempts, rises with delivered ones.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    reliability: f64,
    /// 0 to 1: from reliability and latency.
    #[schema(minimum = 0, maximum = 1, example = 0.95)]
    score: f64,
    /// Its last calls since this process began.
    window: WindowBody,
    /// When an open breaker may be tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_probe_at: Option<Rfc3339>,
    /// Until when it is left alone because it asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    skip_until: Option<Rfc3339>,
    /// How many events it has; the ETag.
    version: u64,
}

/// A mode in force.
#[derive(Serialize, ToSchema)]
#[schema(as = ForcedBreaker)]
pub struct ForcedBody {
    /// Which.
    #[schema(value_type = String, pattern = "^(open|closed|metrics_only)$")]
    state: Mode,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Rfc3339>,
}

/// A block.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelBlock)]
pub struct BlockedBody {
    /// Why.
    reason: String,
    /// Who.
    by: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Rfc3339,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Rfc3339>,
}

/// The last calls of a channel, up to 100.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelWindow)]
pub struct WindowBody {
    /// How many.
    calls: usize,
    /// How many of them were not delivered.
    failures: usize,
    /// The share of those; 0 without calls.
    #[schema(minimum = 0, maximum = 1)]
    failure_rate: f64,
    /// What 95 of 100 answers did not exceed.
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_ms: Option<f64>,
    /// Failures that count in the breaker now.
    breaker_failures: u32,
}

/// A page of channels.
#[derive(Serialize, ToSchema)]
pub struct ChannelList {
    /// By name.
    items: Vec<ChannelBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

impl From<&Blocked> for BlockedBody {
    fn from(blocked: &Blocked) -> Self {
        let Blocked { reason, by, at, until } = blocked.clone();
        Self { reason, by, since: Rfc3339(at), until: until.map(Rfc3339) }
    }
}

impl ChannelBody {
    fn new(name: &EntityId, live: &Live, version: u64, entry: Option<&Entry>, now: Timestamp) -> Self {
        let policy = &live.setup.breaker;
        // What is due has happened, also before the timer has told the entity.
        let mut breaker = Breaker::at(policy.clone(), live.breaker.clone(), 0.5);
        let state = breaker.state(now);
        let (standing, breaker_failures) = (breaker.standing().clone(), breaker.failure_count(now));
        let window = entry.map(Entry::window).unwrap_or_default();
        let failure_rate = if window.calls == 0 { 0.0 } else { window.failures as f64 / window.calls as f64 };
        Self {
            name: name.to_string(),
            driver: serde_json::to_value(&live.setup.driver).unwrap_or_default(),
            breaker: policy.form().clone(),
            detector: live.setup.detector.clone(),
            state,
            forced: standing.forced.as_ref().map(|forced| ForcedBody { state: forced.mode, until: forced.until.map(Rfc3339) }),
            blocked: live.blocked_at(now).map(BlockedBody::from),
            reliability: live.reliability,
            score: score(live.reliability, window.last_ms.or(live.latency_ms)),
            window: WindowBody { calls: window.calls, failures: window.failures, failure_rate, p95_ms: window.p95_ms, breaker_failures },
            next_probe_at: standing.next_probe_at().map(Rfc3339),
            skip_until: live.skipped_at(now).map(Rfc3339),
            version,
        }
    }
}

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        let code = |name: &str| Code::from_name(name).unwrap_or(Code::Internal);
        let fault = |fault: &ionveil_channels::channel::Fault| Fault::field(code(fault.code), fault.field.clone(), fault.detail.clone());
        let faults: Vec<_> = self.faults().iter().map(fault).collect();
        if !faults.is_empty() {
            return faults;
        }
        let field = matches!(self, Self::DuplicateEntity).then(|| "name".to_owned());
        vec![Fault { code: code(self.code()), field, index: None, detail: self.to_string() }]
    }
}

fn not_found() -> Problem {
    Problem::new(Code::ChannelNotFound, "there is no channel of this name")
}

/// A path's name that could not be one names nothing.
fn owner(call: &Call, name: &str) -> Result<StreamId, Problem> {
    EntityId::new(name).map(|name| stream(&call.caller.org, name)).map_err(|_| not_found())
}

/// What the edge sees to be wrong with a channel: its URL, its secrets, its template, its host's detectors.
fn judge(app: &App, form: &Form) -> Result<(), Problem> {
    let channels = &app.node.channels;
    let code = |kind| match kind {
        DriverFault::Invalid => Code::InvalidField,
        DriverFault::AddressNotAllowed => Code::AddressNotAllowed,
        DriverFault::UnknownSecret => Code::UnknownSecret,
    };
    // What is wrong by itself is told by the channel, with all that it finds.
    if !form.driver.faults().is_empty() {
        return Ok(());
    }
    let driver = channels.drivers().faults(&form.driver).into_iter().map(|(kind, field, detail)| Fault::field(code(kind), field, detail));
    let unknown = form.detector.custom_names().into_iter().filter(|name| !channels.knows_detector(name));
    let unknown = unknown.map(|name| Fault::field(Code::UnknownDetector, "detector", format!("there is no detector {name:?} here")));
    let faults: Vec<_> = driver.chain(unknown).collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::of_faults(faults)) }
}

async fn ask(app: &App, call: &Call, owner: &StreamId, command: Command, expected: Option<u64>) -> Result<Reply<Channel>, Problem> {
    let meta = call.meta(&app.node.env, hash_of(&command, None, expected), None, expected);
    let asked = app.node.channels.ask_channel(owner.clone(), command, meta, Class::Control).await;
    asked.map_err(|error| problem_of(error, call.if_match.is_some()))
}

fn answer(app: &App, owner: &StreamId, reply: &Reply<Channel>, status: StatusCode) -> Result<HttpResponse, Problem> {
    let live = reply.state.state.live().ok_or_else(not_found)?;
    let (version, entry) = (reply.receipt.version, app.node.channels.registry().get(owner));
    let mut response = HttpResponse::build(status);
    response.insert_header((header::ETAG, format!("\"{version}\"")));
    if status == StatusCode::CREATED {
        response.insert_header((header::LOCATION, format!("/api/v1/channels/{}", owner.id)));
    }
    if reply.repeated {
        response.insert_header((REPLAYED, "true"));
    }
    Ok(response.json(ChannelBody::new(&owner.id, live, version, entry.as_deref(), app.node.env.now())))
}

/// Sets a channel up. Needs admin.
#[utoipa::path(context_path = "/api/v1", tag = "Channels", request_body = CreateChannel,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Set up", body = ChannelBody,
        headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = String, description = "Where it is"))), Problems))]
#[post("/channels")]
pub(crate) async fn create_channel(app: Data<App>, call: Call, body: Body<Create>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    let Create { name, form } = body.value;
    judge(&app, &form)?;
    let owner = stream(&call.caller.org, name);
    let reply = ask(&app, &call, &owner, Command::Create { form: Box::new(form) }, None).await?;
    answer(&app, &owner, &reply, StatusCode::CREATED)
}

/// The channels, by name, with where each stands.
#[utoipa::path(context_path = "/api/v1", tag = "Channels",
    params(("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = ChannelList), Problems))]
#[get("/channels")]
pub(crate) async fn list_channels(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { cursor, size } = listing.0;
    let mut found = app.node.channels.registry().list(&call.caller.org, cursor.as_ref(), size + 1);
    let more = found.len() > size;
    found.truncate(size);
    let next_cursor = found.last().filter(|_| more).map(|(name, _)| format!("c{name}"));
    let now = app.node.env.now();
    let shown = |(name, entry): &(EntityId, std::sync::Arc<Entry>)| {
        let latest = entry.latest();
        ChannelBody::new(name, &latest.live, latest.version, Some(entry), now)
    };
    Ok(HttpResponse::Ok().json(ChannelList { items: found.iter().map(shown).collect(), next_cursor }))
}

/// A channel, with where it stands.
#[utoipa::path(context_path = "/api/v1", tag = "Channels", params(("name" = String, Path, description = "The channel's name")),
    responses((status = 200, description = "The channel", body = ChannelBody, headers(("ETag" = String, description = "The version"))), Problems))]
#[get("/channels/{name}")]
pub(crate) async fn get_channel(app: Data<App>, call: Call, name: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let owner = owner(&call, &name)?;
    let entry = app.node.channels.registry().get(&owner).ok_or_else(not_found)?;
    let latest = entry.latest();
    let body = ChannelBody::new(&owner.id, &latest.live, latest.version, Some(&entry), app.node.env.now());
    Ok(HttpResponse::Ok().insert_header((header::ETAG, format!("\"{}\"", latest.version))).json(body))
}

/// Makes a channel of something else; its breaker stays where it is. Needs admin.
#[utoipa::path(context_path = "/api/v1", tag = "Channels", request_body = ChangeChannel,
    params(("name" = String, Path, description = "The channel's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "Changed", body = ChannelBody, headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[put("/channels/{name}")]
pub(crate) async fn change_channel(app: Data<App>, call: Call, name: Path<String>, body: Body<Change>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    let owner = owner(&call, &name)?;
    let Change { form, expected_version } = body.value;
    judge(&app, &form)?;
    let reply = ask(&app, &call, &owner, Command::Change { form: Box::new(form) }, expected_version).await?;
    answer(&app, &owner, &reply, StatusCode::OK)
}

/// A channel is gone.
#[derive(Serialize, ToSchema)]
#[schema(as = RemovedChannel)]
pub struct RemovedBody {
    /// Its name.
    name: String,
    /// Always `true`.
    removed: bool,
}

/// Takes a channel away. Needs admin.
#[utoipa::path(context_path = "/api/v1", tag = "Channels",
    params(("name" = String, Path, description = "The channel's name"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "It is gone", body = RemovedBody), Problems))]
#[delete("/channels/{name}")]
pub(crate) async fn remove_channel(app: Data<App>, call: Call, name: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    let owner = owner(&call, &name)?;
    ask(&app, &call, &owner, Command::Delete, None).await?;
    Ok(HttpResponse::Ok().json(RemovedBody { name: owner.id.to_string(), removed: true }))
}

async fn act(app: &App, call: &Call, name: &str, command: Command) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let owner = owner(call, name)?;
    let reply = ask(app, call, &owner, command, None).await?;
    answer(app, &owner, &reply, StatusCode::OK)
}

macro_rules! action {
    ($(#[$doc:meta])* $name:ident, $path:literal, $shape:ident, $body:ty, $read:expr) => {
        $(#[$doc])*
        #[utoipa::path(context_path = "/api/v1", tag = "Channels", request_body = $shape,
            params(("name" = String, Path, description = "The channel's name"),
                ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
                ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
            responses((status = 200, description = "Done", body = ChannelBody, headers(("ETag" = String, description = "The version"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
        #[post($path)]
        pub(crate) async fn $name(app: Data<App>, call: Call, name: Path<String>, body: Body<$body>) -> Result<HttpResponse, Problem> {
            let read: fn($body) -> Command = $read;
            act(&app, &call, &name, read(body.value)).await
        }
    };
}

action!(
    /// Lets nothing through a channel until somebody unblocks it, or the block ends by itself.
    block_channel, "/channels/{name}/block", BlockChannel, Block,
    |Block { reason, until }| Command::Block { reason, until }
);
action!(
    /// Ends the block of a channel.
    unblock_channel, "/channels/{name}/unblock", Empty, Nothing,
    |_nothing| Command::Unblock
);
action!(
    /// Puts a mode of a channel's breaker in force. It lies over the state, which stays as it is; outcomes do not move the breaker
    /// meanwhile.
    force_channel, "/channels/{name}/force", ForceChannel, Force,
    |Force { mode, until, reason }| Command::Force { mode, until, reason }
);

/// What came of trying a channel out.
#[derive(Serialize, ToSchema)]
#[schema(as = ChannelTest)]
pub struct TestBody {
    /// The channel.
    channel: String,
    /// Always `true`: nothing of it counts.
    test: bool,
    /// Whether it was delivered.
    delivered: bool,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The HTTP status, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// How long it took.
    latency_ms: f64,
    /// Whether nothing was really sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    simulated: bool,
    /// The limits of the policy at the root that cut the call short.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<BoundBody>,
}

/// Sends a message over a channel to try it out, whatever its breaker says; nothing of it counts. It is waited for as long as
/// the level at the root allows.
#[utoipa::path(context_path = "/api/v1", tag = "Channels", request_body = Option<TestChannel>, params(("name" = String, Path, description = "The channel's name")),
    responses((status = 200, description = "What came of it", body = TestBody), Problems))]
#[post("/channels/{name}/test")]
pub(crate) async fn test_channel(app: Data<App>, call: Call, name: Path<String>, body: Body<Test>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let owner = owner(&call, &name)?;
    let channels = &app.node.channels;
    let entry = channels.registry().get(&owner).ok_or_else(not_found)?;
    let dispatch_id = format!("test-{}", app.node.env.next_id());
    let message = Message { dispatch_id, channel: owner.id.to_string(), zone: None, payload: body.value.payload };
    let (answer, latency_ms) = channels.test(&owner, &entry, &message).await;
    let (delivered, simulated) = (answer.is_delivered(), entry.latest().live.setup.driver.is_simulated());
    let reason = (!delivered).then(|| answer.error.unwrap_or("send_failed").to_owned());
    let (channel, http_status, policy) = (owner.id.to_string(), answer.status, answer.bound.map(BoundBody::from));
    let body = TestBody { channel, test: true, delivered, reason, http_status, latency_ms, simulated, policy };
    Ok(HttpResponse::Ok().json(body))
}
