//! The orders that wait, over HTTP: put in, changed, taken out, planned. No rule lives here.

use crate::commands::hash_of;
use crate::http::answers::{Problems, Refusal, problem_of};
use crate::http::app::App;
use crate::http::body::{Body, LargeBodies, Nothing, Query};
use crate::http::call::Call;
use crate::http::order_requests::{
    Insert, Listing, NewOrders, ORDERS_BYTES_MAX, Plan, PlanAgencies, PlanAny, PlanBatch, PlanOrders, Reprioritise, ReprioritiseOrder,
    fault,
};
use crate::http::problem::{Code, Fault, Halted, Problem};
use crate::http::unrouted;
use crate::pools::{Answered, PlanError};
use crate::remote::REPLAYED;
use actix_web::dev::HttpServiceFactory;
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Path};
use actix_web::{HttpResponse, HttpResponseBuilder, delete, get, patch, post};
use ionveil_actors::{AskError, Reply};
use ionveil_dispatch::pool::{self, Command, Order, Planned, Pool, Reason, Rejection, Share, Why};
use ionveil_kernel::{CommandId, EntityId, Meta, Rejection as _, Role, StreamId, derive_uuid};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An order that waits.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderBody {
    /// Names it among the orders that wait.
    #[schema(example = "o-4711")]
    id: String,
    /// The greater goes first.
    #[schema(minimum = 1, example = 70)]
    urgency: i64,
    /// When it is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "09:05")]
    eta: Option<String>,
    /// The agency that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "medic")]
    agency: Option<String>,
    /// How far the way is.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_km: Option<f64>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "B03")]
    zone: Option<String>,
}

impl From<&Order> for OrderBody {
    fn from(order: &Order) -> Self {
        Self {
            id: order.id.to_string(),
            urgency: order.urgency,
            eta: order.eta.map(String::from),
            agency: order.agency.as_ref().map(ToString::to_string),
            distance_km: order.distance.map(f64::from),
            zone: order.zone.as_ref().map(ToString::to_string),
        }
    }
}

/// Orders that were taken in together.
#[derive(Serialize, ToSchema)]
pub struct OrdersBody {
    /// In the order in which they came.
    items: Vec<OrderBody>,
}

/// What was taken in: the order, or the list of them if a list was sent.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = InsertedOrders)]
pub enum InsertedBody {
    /// One.
    One(OrderBody),
    /// A list.
    Many(OrdersBody),
}

/// A page of orders.
#[derive(Serialize, ToSchema)]
pub struct OrderList {
    /// First to go first.
    items: Vec<OrderBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// How many wait, of the agency if one was named.
    total: usize,
}

/// An order is out of the pool.
#[derive(Serialize, ToSchema)]
#[schema(as = WithdrawnOrder)]
pub struct WithdrawnBody {
    /// Its id.
    id: String,
    /// Always `true`.
    withdrawn: bool,
}

/// An order that is planned.
#[derive(Serialize, ToSchema)]
#[schema(as = PlannedOrder)]
pub struct PlannedBody {
    /// The order.
    #[serde(flatten)]
    order: OrderBody,
    /// Why it came before the next one.
    why: WhyBody,
}

/// Why an order came before the next one.
#[derive(Serialize, ToSchema)]
#[schema(as = OrderReason)]
pub struct WhyBody {
    /// The next one, planned or left; absent: it was the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "o-4712")]
    before: Option<String>,
    /// What decided: more urgent, no ETA (before all others), an earlier ETA, the earlier arrival, its own before nobody's, or nothing
    /// because it was the last.
    #[schema(value_type = String, pattern = "^(more_urgent|no_eta|earlier_eta|arrived_first|own_before_unowned|last)$", example = "more_urgent")]
    reason: Reason,
}

impl From<&Planned> for PlannedBody {
    fn from(Planned { order, why: Why { before, reason } }: &Planned) -> Self {
        Self { order: order.into(), why: WhyBody { before: before.as_ref().map(ToString::to_string), reason: *reason } }
    }
}

/// Orders that are out of the pool now.
#[derive(Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanBody {
    /// First to go first.
    planned: Vec<PlannedBody>,
}

/// Orders of several agencies that are out of the pool now.
#[derive(Serialize, ToSchema)]
#[schema(as = AgencyPlans)]
pub struct PlansBody {
    /// Of each agency that was asked for, first to go first.
    planned: BTreeMap<String, Vec<PlannedBody>>,
}

impl Refusal for Rejection {
    fn as_faults(&self) -> Vec<Fault> {
        let faults: Vec<_> = self.faults().map(fault).collect();
        if !faults.is_empty() {
            return faults;
        }
        let field = matches!(self, Self::RequestReused).then(|| "request_id".to_owned());
        vec![Fault { code: Code::from_name(self.code()).unwrap_or(Code::Internal), field, index: None, detail: self.to_string() }]
    }

    fn halted(&self) -> Option<Halted> {
        let Self::PolicyHalted(halt) = self else { return None };
        Some((**halt).clone().into())
    }
}

/// The lists of orders, with a limit on bodies of their own.
pub fn routes() -> impl HttpServiceFactory {
    web::resource("/dispatch/orders")
        .app_data(LargeBodies(ORDERS_BYTES_MAX))
        .route(web::post().to(insert_orders))
        .route(web::get().to(list_orders))
        .default_service(web::to(unrouted::answer))
}

fn owner(call: &Call) -> Result<StreamId, Problem> {
    pool::stream(&call.caller.org).map_err(|_| Problem::internal())
}

fn not_pending() -> Problem {
    Problem::new(Code::NotPending, Rejection::NotPending.to_string())
}

async fn ask(app: &App, call: &Call, command: Command) -> Result<Reply<Pool>, Problem> {
    let meta = call.meta(&app.node.env, hash_of(&command, None, None), None, None);
    let asked = app.node.pools.ask(owner(call)?, command, meta).await;
    asked.map_err(|error| problem_of(error, call.if_match.is_some()))
}

fn response(status: StatusCode, repeated: bool) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    if repeated {
        response.insert_header((REPLAYED, "true"));
    }
    response
}

/// An order of this id, as it was when the pool had answered.
fn found(reply: &Reply<Pool>, id: &str) -> Result<OrderBody, Problem> {
    EntityId::new(id).ok().and_then(|id| reply.state.get(&id).map(OrderBody::from)).ok_or_else(Problem::internal)
}

/// Puts orders into the pool. A list is taken in whole or not at all: each fault comes with the place of its order.
#[utoipa::path(post, path = "/dispatch/orders", context_path = "/api/v1", tag = "Orders", request_body = NewOrders,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "Taken in", body = InsertedBody,
        headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"), ("Location" = Option<String>, description = "Where it is, if it was one"))), Problems))]
pub(crate) async fn insert_orders(app: Data<App>, call: Call, body: Body<Insert>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Insert { orders, is_list } = body.value;
    let ids: Vec<String> = orders.iter().map(|order| order.id.clone()).collect();
    let asked = ask(&app, &call, Command::Insert { orders }).await;
    let reply = asked.map_err(|problem| if is_list { problem } else { without_places(problem) })?;
    let mut items = ids.iter().map(|id| found(&reply, id)).collect::<Result<Vec<_>, _>>()?;
    let mut response = response(StatusCode::CREATED, reply.repeated);
    if is_list {
        return Ok(response.json(InsertedBody::Many(OrdersBody { items })));
    }
    let order = items.pop().ok_or_else(Problem::internal)?;
    response.insert_header((header::LOCATION, format!("/api/v1/dispatch/orders/{}", order.id)));
    Ok(response.json(InsertedBody::One(order)))
}

/// One order has no place in a list.
fn without_places(problem: Problem) -> Problem {
    let errors = problem.errors.into_iter().map(|fault| Fault { index: None, ..fault }).collect();
    Problem { errors, ..problem }
}

/// The orders that wait, first to go first.
#[utoipa::path(get, path = "/dispatch/orders", context_path = "/api/v1", tag = "Orders",
    params(("agency" = Option<String>, Query, description = "Only those of this agency", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = OrderList), Problems))]
pub(crate) async fn list_orders(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { agency, cursor, size } = listing.0;
    let (mut page, total) = app.node.pools.published().page(&call.caller.org, agency.as_ref(), cursor, size + 1);
    let more = page.len() > size;
    page.truncate(size);
    let next_cursor = page.last().filter(|_| more).map(|(place, _)| format!("o{place}"));
    let items = page.iter().map(|(_, order)| OrderBody::from(order)).collect();
    Ok(HttpResponse::Ok().json(OrderList { items, next_cursor, total }))
}

/// An order that waits.
#[utoipa::path(context_path = "/api/v1", tag = "Orders", params(("id" = String, Path, description = "The order's id")),
    responses((status = 200, description = "The order", body = OrderBody), Problems))]
#[get("/dispatch/orders/{id}")]
pub(crate) async fn get_order(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let id = EntityId::new(&id).map_err(|_| not_pending())?;
    let order = app.node.pools.published().read(&call.caller.org, |state| state.get(&id).map(OrderBody::from));
    Ok(HttpResponse::Ok().json(order.ok_or_else(not_pending)?))
}

/// Changes urgency or ETA of an order that waits. Among equals it keeps the place of its arrival.
#[utoipa::path(context_path = "/api/v1", tag = "Orders", request_body = ReprioritiseOrder,
    params(("id" = String, Path, description = "The order's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "The order after it", body = OrderBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[patch("/dispatch/orders/{id}")]
pub(crate) async fn reprioritise_order(
    app: Data<App>,
    call: Call,
    id: Path<String>,
    body: Body<Reprioritise>,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let Reprioritise { urgency, eta } = body.value;
    let reply = ask(&app, &call, Command::Reprioritise { id: id.clone(), urgency, eta }).await?;
    Ok(response(StatusCode::OK, reply.repeated).json(found(&reply, &id)?))
}

/// Takes an order out of the pool that is no longer wanted.
#[utoipa::path(context_path = "/api/v1", tag = "Orders",
    params(("id" = String, Path, description = "The order's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Names the request: a repeat is answered as the first was", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 200, description = "It is out", body = WithdrawnBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[delete("/dispatch/orders/{id}")]
pub(crate) async fn withdraw_order(app: Data<App>, call: Call, id: Path<String>, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Dispatcher)?;
    let reply = ask(&app, &call, Command::Cancel { id: id.clone() }).await?;
    Ok(response(StatusCode::OK, reply.repeated).json(WithdrawnBody { id: id.into_inner(), withdrawn: true }))
}

/// A request names its command by itself, so that a repeat is known for as long as receipts are.
async fn planned(app: &App, call: &Call, plan: Plan) -> Result<Answered, Problem> {
    call.require(Role::Dispatcher)?;
    let Plan { request_id, command } = plan;
    let org = &call.caller.org;
    let command_id = CommandId(derive_uuid(&["plan", org.as_str(), &request_id]));
    let meta = Meta { command_id, ..call.meta(&app.node.env, hash_of(&command, None, None), None, None) };
    // A request whose name cannot be one is refused by the pool, with all that is wrong with it.
    let Ok(request) = EntityId::new(&request_id) else {
        let refused = app.node.pools.ask(owner(call)?, command, meta).await;
        return Err(refused.map_or_else(|error| problem_of(error, call.if_match.is_some()), |_| Problem::internal()));
    };
    app.node.pools.plan(owner(call)?, &request, command, meta).await.map_err(|error| problem_of_plan(error, call.if_match.is_some()))
}

fn problem_of_plan(error: PlanError, if_match: bool) -> Problem {
    match error {
        PlanError::Ask(AskError::IdReused) => {
            Problem::field(Code::IdempotencyKeyReused, "request_id", Rejection::RequestReused.to_string())
        }
        PlanError::Ask(error) => problem_of(error, if_match),
        PlanError::Store(error) => {
            tracing::error!(%error, "an answered request cannot be read");
            Problem::new(Code::StoreUnavailable, "the answer cannot be read now; repeat the request under its request_id")
        }
        PlanError::Late => Problem::new(Code::OutcomeUnknown, "no answer came in time; repeat the request under its request_id"),
    }
}

fn bodies(share: &Share) -> Vec<PlannedBody> {
    share.orders.iter().map(PlannedBody::from).collect()
}

/// Takes the first orders out of the pool, whosever they are. Requests that come within a window share one pass at its end. A
/// repeat under the same `request_id` is answered as the first was.
#[utoipa::path(context_path = "/api/v1", tag = "Orders", request_body = PlanOrders,
    responses((status = 200, description = "The orders", body = PlanBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/dispatch/plan")]
pub(crate) async fn plan_orders(app: Data<App>, call: Call, body: Body<PlanAny>) -> Result<HttpResponse, Problem> {
    let Answered { shares, repeated } = planned(&app, &call, body.value.0).await?;
    Ok(response(StatusCode::OK, repeated).json(PlanBody { planned: shares.iter().flat_map(bodies).collect() }))
}

/// Takes the first orders of several agencies out of the pool in one pass, in the order of the request; none is given twice. As for
/// `/dispatch/plan`, a window is waited for and a repeat answered.
#[utoipa::path(context_path = "/api/v1", tag = "Orders", request_body = PlanAgencies,
    responses((status = 200, description = "The orders of each agency", body = PlansBody, headers(("Idempotency-Replayed" = Option<String>, description = "`true` if this answers a repeat"))), Problems))]
#[post("/dispatch/plan/batch")]
pub(crate) async fn plan_agencies(app: Data<App>, call: Call, body: Body<PlanBatch>) -> Result<HttpResponse, Problem> {
    let Answered { shares, repeated } = planned(&app, &call, body.value.0).await?;
    let named = |share: &Share| Some((share.agency.as_ref()?.to_string(), bodies(share)));
    Ok(response(StatusCode::OK, repeated).json(PlansBody { planned: shares.iter().filter_map(named).collect() }))
}
