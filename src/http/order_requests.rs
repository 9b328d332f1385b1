//! What clients send to the routes of orders and plans: bodies and queries, read strictly, and their shapes for OpenAPI. What a
//! value means is judged by the pool.

use crate::http::fields::{At, Fields, FromFields, FromValue};
use crate::http::list::page_size;
use crate::http::problem::{Code, Fault};
use ionveil_dispatch::pool::{self, AgencyRequest, Command, Order, Place, RawOrder};
use ionveil_kernel::EntityId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The largest list of orders in bytes.
pub const ORDERS_BYTES_MAX: usize = 4 * 1024 * 1024;
/// So many faults of one list are named.
const FAULTS_MAX: usize = 1_000;

/// An order.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Names it among the orders that wait.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "o-4711")]
    id: String,
    /// The greater goes first.
    #[schema(minimum = 1, example = 70)]
    urgency: i64,
    /// When it is expected: `HH:MM`, or `YYYY-MM-DDTHH:MM:SS` with or without `Z`. Without, it goes before all others of its
    /// urgency.
    #[schema(pattern = "^([0-9]{2}:[0-9]{2}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z?)?$", example = "09:05")]
    eta: Option<String>,
    /// The agency that it is for; absent: any.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "medic")]
    agency: Option<String>,
    /// How far the way is.
    #[schema(minimum = 0, maximum = 100000)]
    distance_km: Option<f64>,
    /// Where it is.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "B03")]
    zone: Option<String>,
}

/// One order, or a list of at most 10,000 of which all are taken or none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = NewOrders)]
pub enum NewOrders {
    /// One.
    One(NewOrder),
    /// All or none.
    Many(Vec<NewOrder>),
}

struct Read(RawOrder);

impl FromFields for Read {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (id, urgency) = (fields.optional::<String>("id"), fields.optional("urgency"));
        let (eta, agency) = (fields.optional("eta"), fields.optional("agency"));
        let (distance_km, zone) = (fields.optional("distance_km"), fields.optional("zone"));
        // What is missing is for the pool to tell.
        Some(Self(RawOrder { id: id.unwrap_or_default(), urgency: urgency.unwrap_or_default(), eta, agency, distance_km, zone }))
    }
}

/// Orders as they were read.
pub struct Insert {
    pub(super) orders: Vec<RawOrder>,
    /// They came as a list.
    pub(super) is_list: bool,
}

impl FromValue for Insert {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        match value {
            Value::Array(items) => Ok(Self { orders: read_all(items)?, is_list: true }),
            one => Ok(Self { orders: vec![Read::from_value(one, at)?.0], is_list: false }),
        }
    }
}

/// Reads a list. Where one has a fault of form, those of meaning are told beside it, as far as one order shows them.
fn read_all(items: Vec<Value>) -> Result<Vec<RawOrder>, Vec<Fault>> {
    let at = At { path: String::new(), text_only: false };
    let read: Vec<_> = items.into_iter().map(|item| Read::from_value(item, &at)).collect();
    if read.iter().all(Result::is_ok) {
        return Ok(read.into_iter().flatten().map(|order| order.0).collect());
    }
    let of_meaning = |order: &RawOrder| Order::check(order).err().unwrap_or_default().iter().map(fault).collect();
    let faults = read.into_iter().enumerate().flat_map(|(index, read)| {
        let faults: Vec<Fault> = read.map_or_else(|faults| faults, |order| of_meaning(&order.0));
        faults.into_iter().map(move |fault| Fault { index: Some(index), ..fault })
    });
    Err(faults.take(FAULTS_MAX).collect())
}

/// A fault of the pool's, as clients read it.
pub(super) fn fault(fault: &pool::Fault) -> Fault {
    let code = Code::from_name(fault.kind.code()).unwrap_or(Code::Internal);
    Fault { code, field: Some(fault.field.to_owned()), index: fault.index, detail: fault.kind.to_string() }
}

/// What is to change of an order; at least one of the two.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReprioritiseOrder {
    /// The urgency from now on.
    #[schema(minimum = 1, example = 90)]
    urgency: Option<i64>,
    /// The ETA from now on; null or empty: none.
    #[schema(pattern = "^([0-9]{2}:[0-9]{2}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z?)?$", example = "09:05")]
    eta: Option<String>,
}

/// A [`ReprioritiseOrder`] as it was read.
pub struct Reprioritise {
    pub(super) urgency: Option<i64>,
    pub(super) eta: Option<String>,
}

impl FromFields for Reprioritise {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (urgency, eta) = (fields.optional("urgency"), fields.nullable::<String>("eta"));
        Some(Self { urgency, eta: eta.map(Option::unwrap_or_default) })
    }
}

/// Takes the first orders, whosever they are.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanOrders {
    /// Names the request: a repeat is answered as the first was.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "r-1")]
    request_id: String,
    /// At most so many; 0 and below: none.
    #[schema(example = 20)]
    capacity: i64,
}

/// A request for a plan as it was read.
pub struct Plan {
    pub(super) request_id: String,
    pub(super) command: Command,
}

/// The same for one of all agencies.
pub struct PlanAny(pub(super) Plan);

impl FromFields for PlanAny {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (request_id, capacity) = (fields.required::<String>("request_id"), fields.required("capacity"));
        let request_id = request_id?;
        Some(Self(Plan { command: Command::Take { request_id: request_id.clone(), capacity: capacity? }, request_id }))
    }
}

/// Takes the first orders of several agencies in one pass.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanAgencies {
    /// Names the request: a repeat is answered as the first was.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "r-2")]
    request_id: String,
    /// Whose, and how many; no agency twice.
    #[schema(min_items = 1, max_items = 1000)]
    requests: Vec<PlanAgency>,
    /// Whether orders without an agency go to the first of them that has room left; absent: no.
    share_unowned: Option<bool>,
}

/// How many orders an agency can take.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanAgency {
    /// The agency.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$", example = "medic")]
    agency: String,
    /// At most so many; 0 and below: none.
    #[schema(example = 20)]
    capacity: i64,
}

struct ReadAgency(AgencyRequest);

impl FromFields for ReadAgency {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (agency, capacity) = (fields.required("agency"), fields.required("capacity"));
        Some(Self(AgencyRequest { agency: agency?, capacity: capacity? }))
    }
}

/// A [`PlanAgencies`] as it was read.
pub struct PlanBatch(pub(super) Plan);

impl FromFields for PlanBatch {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (request_id, requests) = (fields.required::<String>("request_id"), fields.required::<Vec<ReadAgency>>("requests"));
        let share_unowned = fields.optional("share_unowned").unwrap_or(false);
        let request_id = request_id?;
        let requests = requests?.into_iter().map(|read| read.0).collect();
        Some(Self(Plan { command: Command::TakeBatch { request_id: request_id.clone(), requests, share_unowned }, request_id }))
    }
}

/// Which orders are asked for, and where the page begins.
pub struct Listing {
    pub(super) agency: Option<EntityId>,
    pub(super) cursor: Option<Place>,
    pub(super) size: usize,
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;

    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (agency, text, size) = (fields.optional("agency"), fields.optional::<String>("cursor"), page_size(fields));
        let cursor = text.as_deref().and_then(|text| text.strip_prefix('o')?.parse().ok());
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { agency, cursor, size: size? })
    }
}
