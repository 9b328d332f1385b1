//! The nodes that work is sent to, over HTTP: they are reported, and asked for. To choose one changes nothing and costs no
//! event. No rule lives here.

use crate::commands::hash_of;
use crate::http::answers::{Problems, Refusal, problem_of};
use crate::http::app::App;
use crate::http::body::{Body, Query};
use crate::http::call::Call;
use crate::http::problem::{Code, Fault, Problem};
use crate::http::routing_bodies::{CandidatesBody, NodeBody, RouteBody, RoutingNodeList, SelectionBody};
use crate::http::routing_requests::{
    ChangeNode, FindRoute, HealthSample, Listing, NamedRegion, Read, ReportNode, Reported, Sampled, Select, Station,
};
use crate::remote::REPLAYED;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use ionveil_actors::{Class, Delivery};
use ionveil_kernel::{EntityId, Env, Rejection as _, Role};
use ionveil_routing::node::{self, Command, Rejection};
use ionveil_routing::{Candidate, NoCandidates, NoRoute, Request, RouteFault, reach};

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        let code = Code::from_name(self.code()).unwrap_or(Code::Internal);
        let detail = match self {
            Self::Invalid(fault) => fault.kind.to_string(),
            Self::UnknownEndpoint | Self::DuplicateEntity(_) | Self::NoChange(_) => self.to_string(),
        };
        vec![Fault { code, field: self.field().map(Into::into), index: None, detail }]
    }
}

fn unknown_endpoint() -> Problem {
    Problem::new(Code::UnknownEndpoint, Rejection::UnknownEndpoint.to_string())
}

/// Lets the node decide, and answers with it as it is after the commit.
async fn ask(app: &App, call: &Call, endpoint: EntityId, asked: Read<Command>, class: Class) -> Result<HttpResponse, Problem> {
    let owner = node::stream(&call.caller.org, endpoint).map_err(|_| Problem::internal())?;
    let meta = call.meta(&app.node.env, hash_of(&asked.asked, None, asked.expected_version), None, asked.expected_version);
    let delivery = Delivery { class, deadline: app.node.deadline };
    let answer = app.node.routing_nodes.ask_as(owner.clone(), asked.asked, meta, delivery).await;
    let reply = answer.map_err(|error| problem_of(error, call.if_match.is_some()))?;
    let node = reply.state.live().ok_or_else(unknown_endpoint)?;
    let is_new = (reply.receipt.version, reply.receipt.events) == (1, 1);
    let mut response = HttpResponse::build(if is_new { StatusCode::CREATED } else { StatusCode::OK });
    response.insert_header((header::ETAG, format!("\"{}\"", reply.receipt.version)));
    if is_new {
        response.insert_header((header::LOCATION, format!("/api/v1/routing/services/{}/candidates", node.service)));
    }
    if reply.repeated {
        response.insert_header((REPLAYED, "true"));
    }
    let one = Candidate::alone(&owner.id, node, app.node.env.now(), &app.node.topologies.settings());
    Ok(response.json(NodeBody::of(&one)))
}

/// Registers a node (201), or reports the load of one that is registered (200); the same load again changes nothing.
#[utoipa::path(context_path = "/api/v1", tag = "Routing", request_body = ReportNode,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "Reported", body = NodeBody, headers(("ETag" = String, description = "The version of the node"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))),
        (status = 201, description = "Registered", body = NodeBody, headers(("ETag" = String, description = "The version of the node"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = String, description = "The nodes of its service"))), Problems))]
#[post("/routing/nodes")]
pub(crate) async fn report_routing_node(app: Data<App>, call: Call, body: Body<Read<Reported>>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Read { asked: Reported { endpoint, command }, expected_version } = body.value;
    ask(&app, &call, endpoint, Read { asked: command, expected_version }, Class::Command).await
}

/// An endpoint in a path that could not be one names nothing.
fn path_endpoint(text: &str) -> Result<EntityId, Problem> {
    EntityId::new(text).map_err(|_| unknown_endpoint())
}

/// Reports how something went at a node. What was seen below the limit for long enough takes it out.
#[utoipa::path(context_path = "/api/v1", tag = "Routing", request_body = HealthSample,
    params(("endpoint" = String, Path, description = "The node's endpoint"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
        ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
    responses((status = 200, description = "The node after it", body = NodeBody, headers(("ETag" = String, description = "The version of the node"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/routing/nodes/{endpoint}/health")]
pub(crate) async fn report_routing_health(
    app: Data<App>,
    call: Call,
    endpoint: Path<String>,
    body: Body<Read<Sampled>>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Read { asked: Sampled(command), expected_version } = body.value;
    ask(&app, &call, path_endpoint(&endpoint)?, Read { asked: command, expected_version }, Class::Telemetry).await
}

macro_rules! change {
    ($(#[$doc:meta])* $name:ident, $path:literal, $command:ident) => {
        $(#[$doc])*
        #[utoipa::path(context_path = "/api/v1", tag = "Routing", request_body = Option<ChangeNode>,
            params(("endpoint" = String, Path, description = "The node's endpoint"),
                ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$"),
                ("If-Match" = Option<String>, Header, description = "The ETag that the client has seen; another version is refused with 412", pattern = r#"^(\*|(W/)?"[^"]*")$"#)),
            responses((status = 200, description = "The node after it", body = NodeBody, headers(("ETag" = String, description = "The version of the node"), ("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
        #[post($path)]
        pub(crate) async fn $name(
            app: Data<App>,
            call: Call,
            endpoint: Path<String>,
            body: Body<Read<ChangeNode>>,
        ) -> Result<HttpResponse, Problem> {
            call.require(Role::Supervisor)?;
            let asked = Read { asked: Command::$command, expected_version: body.value.expected_version };
            ask(&app, &call, path_endpoint(&endpoint)?, asked, Class::Control).await
        }
    };
}

change!(
    /// Makes a node dear: it gets something only where all others are dearer. Ends a warm-up.
    degrade_routing_node, "/routing/nodes/{endpoint}/degraded", MarkDegraded
);
change!(
    /// Takes a node out until it recovers. Ends a warm-up.
    maintain_routing_node, "/routing/nodes/{endpoint}/maintenance", EnterMaintenance
);
change!(
    /// Ends degradation or maintenance: the node begins with a tenth of its share and grows to the whole; or its health keeps it out.
    recover_routing_node, "/routing/nodes/{endpoint}/recovered", Recover
);

/// All nodes of the organisation.
#[utoipa::path(context_path = "/api/v1", tag = "Routing",
    params(("service" = Option<String>, Query, description = "Only those of this service"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = RoutingNodeList), Problems))]
#[get("/routing/nodes")]
pub(crate) async fn list_routing_nodes(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { service, cursor, size } = listing.0;
    let list = app.node.topologies.read(&call.caller.org, |current| {
        let all = current.nodes(service.as_deref());
        let begin = cursor.as_ref().map_or(0, |cursor| all.partition_point(|one| one.endpoint <= cursor));
        let page = &all[begin..all.len().min(begin + size)];
        let more = begin + page.len() < all.len();
        let next_cursor = page.last().filter(|_| more).map(|last| format!("n{}", last.endpoint));
        RoutingNodeList { items: page.iter().map(NodeBody::of).collect(), next_cursor, total: all.len() }
    });
    Ok(HttpResponse::Ok().json(list))
}

/// The nodes of a service, each with its share of the traffic or with why it is out.
#[utoipa::path(context_path = "/api/v1", tag = "Routing",
    params(("service" = String, Path, description = "The service")),
    responses((status = 200, description = "The nodes; none if the service has none", body = CandidatesBody), Problems))]
#[get("/routing/services/{service}/candidates")]
pub(crate) async fn list_routing_candidates(app: Data<App>, call: Call, service: Path<String>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let body = app.node.topologies.read(&call.caller.org, |current| {
        let (available, all) = current.candidates(&service);
        CandidatesBody::new(&service, current.now(), available, &all, current.primary(&service).ok())
    });
    Ok(HttpResponse::Ok().json(body))
}

/// Chooses a node of a service by a draw, in proportion to the shares. It changes nothing.
#[utoipa::path(context_path = "/api/v1", tag = "Routing", request_body = Select,
    responses((status = 200, description = "The node", body = SelectionBody), Problems))]
#[post("/routing/select")]
pub(crate) async fn select_routing_node(app: Data<App>, call: Call, body: Body<Select>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Select { service, draw } = body.value;
    let draw = draw.unwrap_or_else(|| drawn(&app.node.env));
    let selected = app.node.topologies.read(&call.caller.org, |current| {
        current.select(&service, draw).map(|selection| SelectionBody::new(&service, draw, current.now(), &selection))
    });
    Ok(HttpResponse::Ok().json(selected.map_err(|none| Problem::field(Code::NoRouteCandidates, "service", none.to_string()))?))
}

/// From 0 to below 1, in steps of 2^-53: as fine as numbers are there.
fn drawn(env: &Env) -> f64 {
    let bits = u64::try_from(env.random() >> (128 - f64::MANTISSA_DIGITS)).unwrap_or(0);
    bits as f64 / (1_u64 << f64::MANTISSA_DIGITS) as f64
}

/// The chain of services that an intent takes, with the node of each that costs least, around what the risk forbids; and, if
/// they are named, the regions that it reaches and the ground station. It changes nothing.
#[utoipa::path(context_path = "/api/v1", tag = "Routing", request_body = FindRoute,
    responses((status = 200, description = "The way", body = RouteBody), Problems))]
#[post("/routing/route")]
pub(crate) async fn find_route(app: Data<App>, call: Call, body: Body<FindRoute>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let FindRoute { intent, risk, comms_degraded, blocked, regions, stations, blackout } = body.value;
    let station = stations.map(|stations| station(&stations, &blackout.unwrap_or_default()));
    let asked = Request {
        intent,
        risk: risk.unwrap_or(0.0),
        comms_degraded: comms_degraded.unwrap_or(false),
        blocked: blocked.unwrap_or_default(),
    };
    let found = app
        .node
        .topologies
        .read(&call.caller.org, |current| current.route(&asked).map(|route| RouteBody::new(&asked.intent, current.now(), &route)));
    let mut faults: Vec<Fault> = found.as_ref().err().into_iter().flat_map(|NoRoute(faults)| faults.iter().map(of_fault)).collect();
    if station == Some(None) {
        faults.push(Fault::field(Code::NoGroundStation, "stations", "each of them is in the blackout, or there are none"));
    }
    let mut route = found.ok().filter(|_| faults.is_empty()).ok_or_else(|| Problem::of_faults(faults))?;
    route.station = station.flatten();
    route.regions = regions.map(|regions| reached(&asked.intent, &regions));
    Ok(HttpResponse::Ok().json(route))
}

fn station(stations: &[Station], blackout: &[String]) -> Option<String> {
    let blackout: Vec<&str> = blackout.iter().map(String::as_str).collect();
    reach::station(stations.iter().map(|station| (station.name.as_str(), station.latency_ms)), &blackout).map(ToOwned::to_owned)
}

fn reached(intent: &str, regions: &[NamedRegion]) -> Vec<String> {
    let regions = regions.iter().map(|region| (region.name.as_str(), region.state.as_deref()));
    reach::fan_out(intent, regions).into_iter().map(ToOwned::to_owned).collect()
}

fn of_fault(fault: &RouteFault) -> Fault {
    match fault {
        RouteFault::MissingTopology { service } => {
            Fault::field(Code::MissingTopology, "intent", format!("its chain needs the service {service}, which has no nodes"))
        }
        RouteFault::NoCandidates { service, why } => no_candidates(service, why),
    }
}

fn no_candidates(service: &str, why: &NoCandidates) -> Fault {
    Fault::field(Code::NoRouteCandidates, "intent", format!("its chain needs the service {service}: {why}"))
}
