//! The audit of an organisation's policy: who changed which level, from what to what, by which right and why.

use crate::http::answers::Problems;
use crate::http::app::App;
use crate::http::body::Query;
use crate::http::call::Call;
use crate::http::event_body::parse_position;
use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::{Code, Problem};
use crate::http::workflows::wait_for;
use crate::time::Rfc3339;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use ionveil_kernel::{PolicyLevel, Role};
use ionveil_policy::tree::{AuditAction, AuditRecord, RefusedCode};
use ionveil_views::AuditFilter;
use serde::Serialize;
use utoipa::ToSchema;

/// A line of the audit.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyAudit)]
pub struct AuditBody {
    /// Its number in the organisation, from 1 without gaps.
    #[schema(minimum = 1)]
    seq: u64,
    /// The node.
    #[schema(example = "B09.39")]
    node: String,
    /// What was done.
    #[schema(value_type = String, pattern = "^(set|replaced|cleared|auto_reverted|base_changed|rejected|engine_changed)$", example = "set")]
    action: AuditAction,
    /// The level before: of the override, or of the engine where that changed; absent if there was no override.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(normal|watch|restricted|halted)$")]
    from: Option<PolicyLevel>,
    /// The level after, likewise; with `rejected` the level that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(normal|watch|restricted|halted)$", example = "halted")]
    to: Option<PolicyLevel>,
    /// Who asked; `parent:<node>`, `timer` or `engine:<node>` where nobody did.
    #[schema(example = "user:jane")]
    source: String,
    /// The role or ticket; `system` where nobody asked.
    #[schema(example = "shift supervisor")]
    authorization: String,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What a rejected one was refused for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^(deescalation_forbidden|no_effect)$")]
    code: Option<RefusedCode>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    time: Rfc3339,
}

impl From<AuditRecord> for AuditBody {
    fn from(record: AuditRecord) -> Self {
        let AuditRecord { seq, node, action, from, to, source, authorization, reason, code, time } = record;
        Self { seq, node: node.to_string(), action, from, to, source, authorization, reason, code, time: Rfc3339(time) }
    }
}

/// A page of the audit.
#[derive(Serialize, ToSchema)]
#[schema(as = PolicyAuditList)]
pub struct AuditList {
    /// Oldest first.
    items: Vec<AuditBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Which lines are asked for, and where the page begins.
pub struct Listing {
    filter: AuditFilter,
    cursor: u64,
    after: Option<(u16, u64)>,
    size: usize,
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let filter = AuditFilter { node: fields.optional("node"), since: fields.optional("since") };
        let (after, cursor) = (fields.optional::<String>("after"), fields.optional::<String>("cursor"));
        let size = page_size(fields);
        let place = cursor.map_or(Some(0), |text| text.strip_prefix('a')?.parse::<u64>().ok().filter(|seq| i64::try_from(*seq).is_ok()));
        if place.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        let position = after.as_deref().and_then(parse_position);
        if after.is_some() && position.is_none() {
            fields.fault(Code::InvalidField, "after", "must be the `position` of an event");
        }
        Some(Self { filter, cursor: place?, after: position, size: size? })
    }
}

/// The audit of the policy tree, oldest first: every change of a level, and every override that was refused. It follows the
/// journal; who must see his own write in it passes `after`.
#[utoipa::path(context_path = "/api/v1", tag = "Policy",
    params(("node" = Option<String>, Query, description = "Only lines of this node", pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$"),
        ("since" = Option<String>, Query, description = "Only lines from this time on (RFC 3339)", format = DateTime),
        ("after" = Option<String>, Query, description = "Wait until the list has taken in this event's `position`", min_length = 1),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = AuditList), Problems))]
#[get("/policy/audit")]
pub(crate) async fn list_policy_audit(app: Data<App>, call: Call, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    let Listing { filter, cursor, after, size } = listing.0;
    if let Some(after) = after {
        wait_for(&app, after).await?;
    }
    let lines = app.node.views.audit(&call.caller.org, &filter, cursor, size + 1).await;
    let mut lines = lines.map_err(|error| {
        tracing::error!(error = %error, "the audit could not be read");
        Problem::new(Code::StoreUnavailable, "the audit cannot be read now")
    })?;
    let more = lines.len() > size;
    lines.truncate(size);
    let next_cursor = lines.last().filter(|_| more).map(|last| format!("a{}", last.seq));
    Ok(HttpResponse::Ok().json(AuditList { items: lines.into_iter().map(AuditBody::from).collect(), next_cursor }))
}
