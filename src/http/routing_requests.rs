//! What clients send to the routing routes: bodies and queries, read strictly, and their shapes for OpenAPI.

use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::Code;
use crate::time::Rfc3339;
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_routing::node::Command;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// So many names a list of a request has at most.
pub(super) const NAMES_MAX: usize = 1_000;
/// So many characters a name has at most that is no id.
pub(super) const NAME_CHARS_MAX: usize = 128;

/// Registers a node, or reports the load of one.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportRoutingNode)]
#[serde(deny_unknown_fields)]
pub struct ReportNode {
    /// The service that it belongs to; it keeps it.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "intake")]
    service: EntityId,
    /// Its endpoint, unique in the organisation.
    #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "gw-1:8443")]
    endpoint: EntityId,
    /// How long it takes to answer, in milliseconds.
    latency_ms: u32,
    /// How many wait there.
    queue_depth: u32,
    /// How busy it is: 1 is fully, more is possible.
    #[schema(minimum = 0, maximum = 1_000_000)]
    saturation: f64,
    /// The version of the node that the client has seen; another one is refused with 409.
    expected_version: Option<u64>,
}

/// A command to a node, and the version that the client has seen.
pub struct Read<T> {
    pub(super) asked: T,
    pub(super) expected_version: Option<u64>,
}

/// A [`ReportNode`] as it was read.
pub struct Reported {
    pub(super) endpoint: EntityId,
    pub(super) command: Command,
}

impl FromFields for Read<Reported> {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (service, endpoint) = (fields.required("service"), fields.required("endpoint"));
        let (latency_ms, queue_depth) = (fields.required("latency_ms"), fields.required("queue_depth"));
        let (saturation, expected_version) = (fields.required("saturation"), fields.optional("expected_version"));
        let command = Command::Report { service: service?, latency_ms: latency_ms?, queue_depth: queue_depth?, saturation: saturation? };
        Some(Self { asked: Reported { endpoint: endpoint?, command }, expected_version })
    }
}

/// Reports how something went at a node.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HealthSample {
    /// From 0, a failure, to 1, a success.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    value: f64,
    /// When; absent: now. At most five minutes ahead; what is older than the window has no effect.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Rfc3339>,
    /// The version of the node that the client has seen; another one is refused with 409.
    expected_version: Option<u64>,
}

/// A [`HealthSample`] as it was read.
pub struct Sampled(pub(super) Command);

impl FromFields for Read<Sampled> {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (value, at) = (fields.required("value"), fields.optional::<Timestamp>("at"));
        let expected_version = fields.optional("expected_version");
        Some(Self { asked: Sampled(Command::ReportHealthSample { value: value?, at }), expected_version })
    }
}

/// Changes how a node stands; the path says how.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeNode {
    /// The version of the node that the client has seen; another one is refused with 409.
    expected_version: Option<u64>,
}

impl FromFields for Read<ChangeNode> {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let expected_version = fields.optional("expected_version");
        Some(Self { asked: ChangeNode { expected_version }, expected_version })
    }
}

/// Which nodes are asked for.
pub struct Listing {
    pub(super) service: Option<String>,
    pub(super) cursor: Option<EntityId>,
    pub(super) size: usize,
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (service, size, text) = (fields.optional("service"), page_size(fields), fields.optional::<String>("cursor"));
        // A cursor is the last endpoint of the page before.
        let cursor = text.as_deref().and_then(|text| EntityId::new(text.strip_prefix('n')?).ok());
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { service, cursor, size: size? })
    }
}

/// Chooses a node of a service.
#[derive(Serialize, ToSchema)]
#[schema(as = SelectRoutingNode)]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// The service.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "intake")]
    pub(super) service: String,
    /// From 0 to below 1; absent: one is made.
    #[schema(minimum = 0, exclusive_maximum = 1, example = 0.25)]
    pub(super) draw: Option<f64>,
}

impl FromFields for Select {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (service, draw) = (fields.line("service", NAME_CHARS_MAX), fields.optional("draw"));
        if draw.is_some_and(|draw: f64| !(0.0..1.0).contains(&draw)) {
            fields.fault(Code::InvalidDraw, "draw", "must be from 0 to below 1");
        }
        Some(Self { service: service?, draw })
    }
}

/// Asks for a route.
#[derive(Serialize, ToSchema)]
#[schema(as = FindRoute)]
#[serde(deny_unknown_fields)]
pub struct FindRoute {
    /// What is wanted; an unknown one has a chain as well.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "orbit-adjust")]
    pub(super) intent: String,
    /// How risky it is, usually 0 to 100; absent: 0. From 70 on, from 55 where communications are degraded, nodes that are more
    /// than half busy are blocked.
    pub(super) risk: Option<f64>,
    /// Whether communications are degraded; absent: no.
    pub(super) comms_degraded: Option<bool>,
    /// Endpoints that are not wanted, at most 1,000.
    #[schema(value_type = Option<Vec<String>>, max_items = 1000)]
    pub(super) blocked: Option<BTreeSet<EntityId>>,
    /// Regions that the intent could reach, at most 1,000.
    #[schema(max_items = 1000)]
    pub(super) regions: Option<Vec<NamedRegion>>,
    /// Ground stations to choose from, at most 1,000.
    #[schema(max_items = 1000)]
    pub(super) stations: Option<Vec<Station>>,
    /// Ground stations that cannot be used, at most 1,000.
    #[schema(max_items = 1000)]
    pub(super) blackout: Option<Vec<String>>,
}

impl FromFields for FindRoute {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (intent, risk) = (fields.line("intent", NAME_CHARS_MAX), fields.optional("risk"));
        let comms_degraded = fields.optional("comms_degraded");
        let blocked: Option<Vec<EntityId>> = limited(fields, "blocked");
        let (regions, stations, blackout) = (limited(fields, "regions"), limited(fields, "stations"), limited(fields, "blackout"));
        let blocked = blocked.map(|all| all.into_iter().collect());
        Some(Self { intent: intent?, risk, comms_degraded, blocked, regions, stations, blackout })
    }
}

/// A list of at most [`NAMES_MAX`], if it is there.
pub(super) fn limited<T: crate::http::fields::FromValue>(fields: &mut Fields, name: &'static str) -> Option<Vec<T>> {
    let list: Option<Vec<T>> = fields.optional(name);
    if list.as_ref().is_some_and(|list| list.len() > NAMES_MAX) {
        fields.fault(Code::InvalidField, name, format!("must have at most {NAMES_MAX} entries"));
    }
    list
}

/// A region, and how it is.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedRegion {
    /// Its name.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "us-east-1")]
    pub(super) name: String,
    /// How it is, such as `healthy`, `warm`, `degraded` or `offline`; absent: nobody knows.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "healthy")]
    pub(super) state: Option<String>,
}

impl FromFields for NamedRegion {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, state) = (fields.line("name", NAME_CHARS_MAX), fields.optional_line("state", NAME_CHARS_MAX));
        Some(Self { name: name?, state })
    }
}

/// A ground station.
#[derive(Serialize, ToSchema)]
#[schema(as = GroundStation)]
#[serde(deny_unknown_fields)]
pub struct Station {
    /// Its name.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "svalbard")]
    pub(super) name: String,
    /// In milliseconds; absent: nobody knows, which counts as 10,000.
    pub(super) latency_ms: Option<u32>,
}

impl FromFields for Station {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, latency_ms) = (fields.line("name", NAME_CHARS_MAX), fields.optional("latency_ms"));
        Some(Self { name: name?, latency_ms })
    }
}
