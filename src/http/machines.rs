//! The machines that workflows follow, and ways through their tables.

use crate::http::answers::Problems;
use crate::http::app::App;
use crate::http::body::{Nothing, Query};
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::problem::{Code, Problem};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get};
use ionveil_kernel::Role;
use ionveil_workflow::{Machine, path};
use serde::Serialize;
use utoipa::ToSchema;

/// A machine.
#[derive(Serialize, ToSchema)]
pub struct MachineBody {
    /// Its name.
    #[schema(example = "dispatch")]
    name: String,
    /// Where workflows start unless asked otherwise.
    initial: String,
    /// The states that nothing leads out of.
    terminal: Vec<String>,
    /// The table, in its order.
    states: Vec<StateBody>,
}

/// A state and the states that it leads to.
#[derive(Serialize, ToSchema)]
pub struct StateBody {
    /// Its name.
    name: String,
    /// Where it leads, in the order of the table.
    to: Vec<String>,
    /// Whether a move into it assigns a unit or a resource, which the policy level *halted* refuses; absent: it does not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    assigns: bool,
}

/// All machines.
#[derive(Serialize, ToSchema)]
pub struct MachineList {
    /// By name.
    items: Vec<MachineBody>,
}

impl MachineBody {
    fn new(machine: &Machine) -> Self {
        let states = machine.definition().states.iter();
        Self {
            name: machine.name().to_owned(),
            initial: machine.initial().to_owned(),
            terminal: machine.terminals().map(str::to_owned).collect(),
            states: states.map(|state| StateBody { name: state.name.clone(), to: state.to.clone(), assigns: state.assigns }).collect(),
        }
    }
}

/// All machines: built in, and from the configuration.
#[utoipa::path(context_path = "/api/v1", tag = "Workflows", responses((status = 200, description = "All of them", body = MachineList), Problems))]
#[get("/machines")]
pub(crate) async fn list_machines(app: Data<App>, call: Call, _: Query<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let mut items: Vec<_> = app.node.machines.iter().map(|machine| MachineBody::new(machine)).collect();
    items.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(HttpResponse::Ok().json(MachineList { items }))
}

/// From where to where.
pub struct Ends {
    from: String,
    to: String,
}

impl FromFields for Ends {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (from, to) = (fields.line("from", 63), fields.line("to", 63));
        Some(Self { from: from?, to: to? })
    }
}

/// A way through a table.
#[derive(Serialize, ToSchema)]
pub struct PathBody {
    /// The machine.
    machine: String,
    /// The states on the way, both ends included; empty if there is none.
    path: Vec<String>,
}

/// The shortest way from one state to another (breadth first, in the order of the table); an unknown or unreachable
/// state gives an empty way.
#[utoipa::path(context_path = "/api/v1", tag = "Workflows",
    params(("machine" = String, Path, description = "The machine's name"),
        ("from" = String, Query, description = "Where the way begins", min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$"),
        ("to" = String, Query, description = "Where it ends", min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")),
    responses((status = 200, description = "The way", body = PathBody), Problems))]
#[get("/machines/{machine}/path")]
pub(crate) async fn find_path(app: Data<App>, call: Call, machine: Path<String>, ends: Query<Ends>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Some(machine) = app.node.machines.get(&machine) else { return Err(Problem::new(Code::NotFound, "there is no such machine")) };
    let way = path(machine, &ends.0.from, &ends.0.to).unwrap_or_default();
    Ok(HttpResponse::Ok().json(PathBody { machine: machine.name().to_owned(), path: way.into_iter().map(str::to_owned).collect() }))
}
