//! The bodies of channels as the description of the interface shows them; they are read in `channel_requests.rs`.

use crate::time::Rfc3339;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How a channel sends: `kind` is `http` (with `url`, …), `nats` (with `server`, `subject`, …) or `simulated` (with
/// `latency_ms`, …).
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChannelDriver)]
pub struct DriverShape {
    /// Which.
    #[schema(pattern = "^(http|nats|simulated)$", example = "http")]
    kind: String,
    /// `http`: where to. Addresses that are not globally routable need `channels.allow`; redirects are not followed.
    #[schema(max_length = 2048, example = "https://gateway.example/messages")]
    url: Option<String>,
    /// `http`: absent: POST.
    #[schema(pattern = "^(GET|POST|PUT|PATCH|DELETE)$")]
    method: Option<String>,
    /// `http` and `nats`: further headers: texts, or where a secret is kept: `{"env": "IONVEIL_SECRET_…"}`, `{"file": "NAME"}`.
    #[schema(value_type = Option<Object>, example = json!({"Authorization": {"env": "IONVEIL_SECRET_GATEWAY"}}))]
    headers: Option<Value>,
    /// `http` and `nats`: a template (minijinja) with `dispatch_id`, `payload`, `channel` and `zone`; absent: `{"dispatch_id", "payload"}`.
    #[schema(max_length = 16384)]
    body: Option<String>,
    /// `http` and `nats`: absent: 30000.
    #[schema(minimum = 1, maximum = 300_000)]
    timeout_ms: Option<u64>,
    /// `nats`: the server, `nats://HOST:PORT` or `tls://HOST:PORT`. Addresses that are not globally routable need `channels.allow`,
    /// and so does every name with `tls`; other servers that it tells of are not used.
    #[schema(max_length = 2048, example = "nats://radio.example:4222")]
    server: Option<String>,
    /// `nats`: where to; no wildcards.
    #[schema(max_length = 255, example = "radio.north.alarm")]
    subject: Option<String>,
    /// `nats`: whether a reply is waited for (absent: it is). A reply with the header `Nats-Service-Error-Code`, or a JetStream error,
    /// counts as its status. Without a reply the server's word is enough.
    reply: Option<bool>,
    /// `nats`: `{"user": "NAME", "password": SECRET}`, `{"token": SECRET}` or `{"credentials": SECRET}` (a file as `nsc` makes it),
    /// where a secret is `{"env": "IONVEIL_SECRET_…"}` or `{"file": "NAME"}`.
    #[schema(value_type = Option<Object>, example = json!({"token": {"env": "IONVEIL_SECRET_RADIO"}}))]
    login: Option<Value>,
    /// `simulated`: how long it seems to take; negative: the channel is not available.
    #[schema(maximum = 300_000)]
    latency_ms: Option<f64>,
    /// `simulated`: whether it fails.
    failing: Option<bool>,
}

/// The breaker of a channel; what is absent is the profile's default.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BreakerPolicy)]
pub struct PolicyShape {
    /// Where the defaults come from; absent: `core`.
    #[schema(pattern = "^(core|lattice|http)$")]
    profile: Option<String>,
    /// Failures that open it; absent: 5.
    #[schema(minimum = 1, maximum = 1000)]
    failure_threshold: Option<i64>,
    /// Successes of probes that close it, at most `probe_count`.
    #[schema(minimum = 1, maximum = 1000)]
    success_threshold: Option<i64>,
    /// Probes that half-open admits.
    #[schema(minimum = 1, maximum = 1000)]
    probe_count: Option<i64>,
    /// How long it stays open; absent: 30000.
    #[schema(minimum = 0)]
    reset_timeout_ms: Option<i64>,
    /// Only failures and calls younger than this count.
    #[schema(minimum = 1)]
    window_ms: Option<i64>,
    /// Whether a success clears the failures.
    reset_on_success: Option<bool>,
    /// A probe without an answer fails after this; absent: `reset_timeout_ms`.
    #[schema(minimum = 1)]
    probe_timeout_ms: Option<i64>,
    /// Whether a success that nobody had a permit for closes it.
    permitless_success_closes_open: Option<bool>,
    /// The share of failed calls that opens it; above 0.
    #[schema(maximum = 1)]
    failure_rate: Option<f64>,
    /// The share of slow calls that opens it; above 0.
    #[schema(maximum = 1)]
    slow_call_rate: Option<f64>,
    /// A call that takes longer is slow.
    #[schema(minimum = 0)]
    slow_call_ms: Option<i64>,
    /// Calls that the rates need.
    #[schema(minimum = 1, maximum = 1000)]
    min_calls: Option<i64>,
    /// Calls that the rates look at.
    #[schema(minimum = 1, maximum = 1000)]
    window_calls: Option<i64>,
    /// By this factor each further opening lasts longer.
    #[schema(minimum = 1, maximum = 10)]
    backoff_factor: Option<f64>,
    /// The longest opening.
    #[schema(minimum = 0)]
    reset_timeout_max_ms: Option<i64>,
    /// By up to this share an opening is longer or shorter by chance.
    #[schema(minimum = 0, maximum = 1)]
    jitter: Option<f64>,
}

/// Sets a channel up.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateChannel {
    /// Its name, unique in the organisation.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "radio-north")]
    name: String,
    /// How it sends.
    driver: DriverShape,
    /// Its breaker; absent: the profile `core`.
    breaker: Option<PolicyShape>,
    /// What judges its outcomes, by `kind`: `delivery` (the default), `http`, `status`, `errors`, `latency`, `any_of`, `all_of`,
    /// `ignore`, `custom`.
    #[schema(value_type = Option<Object>, example = json!({"kind": "latency", "above_ms": 250}))]
    detector: Option<Value>,
}

/// Makes a channel of something else.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeChannel {
    /// How it sends.
    driver: DriverShape,
    /// Its breaker; absent: the profile `core`.
    breaker: Option<PolicyShape>,
    /// What judges its outcomes.
    #[schema(value_type = Option<Object>)]
    detector: Option<Value>,
    /// The version that the client has seen; another one is refused with 409.
    expected_version: Option<u64>,
}

/// Lets nothing through.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockChannel {
    /// Why.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "antenna down")]
    reason: String,
    /// When it ends by itself; absent: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Rfc3339>,
}

/// Puts a mode of the breaker in force.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForceChannel {
    /// Which; `none` ends it.
    #[schema(pattern = "^(open|closed|metrics_only|none)$", example = "open")]
    state: String,
    /// When it ends by itself; absent: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Rfc3339>,
    /// Why.
    #[schema(min_length = 1, max_length = 256, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
    reason: Option<String>,
}

/// What is sent to try a channel out.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestChannel {
    /// The payload; absent: null.
    payload: Option<Value>,
}

/// Routes a dispatch over channels.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteFailover {
    /// Names the dispatch: a repeat is answered as the first was.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "d-4711")]
    dispatch_id: String,
    /// The first channel.
    #[schema(example = "radio-north")]
    primary: String,
    /// Channels that are tried after it, the heaviest first.
    #[schema(max_items = 64)]
    backups: Option<Vec<BackupShape>>,
    /// An answer that takes longer comes too late; absent: 100.
    #[schema(maximum = 300_000)]
    latency_threshold_ms: Option<f64>,
    /// The most attempts after the first one; absent: 3.
    #[schema(minimum = 0)]
    max_failovers: Option<i64>,
    /// Channels that are not used, beside those that are blocked anyway.
    #[schema(max_items = 256)]
    blocked: Option<Vec<String>>,
    /// What is to be told; it is sent, not kept.
    payload: Option<Value>,
    /// Where it happens.
    zone: Option<String>,
}

/// A channel that is tried after the primary.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FailoverBackup)]
pub struct BackupShape {
    /// Its name.
    channel: String,
    /// Above 0; absent: 1.
    weight: Option<f64>,
}
