//! Dead letters over HTTP: commands that a decider failed on twice are listed, looked at, carried out once more and thrown
//! away. Those of other organisations are not there.
//!
//! It judges no command: a replay is decided as the command would have been, with the rights of who sent it.

use crate::http::answers::{Problems, problem_of_load};
use crate::http::app::App;
use crate::http::body::{Body, Empty, Nothing, Query};
use crate::http::call::Call;
use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::{Code, Problem};
use crate::time::Rfc3339;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, get, post};
use ionveil_actors::{Carried, Phase, ReplayError};
use ionveil_journal::DeadLetter;
use ionveil_kernel::{Meta, Role};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

/// A command that was set aside.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct LetterBody {
    /// Names it; the same for every failure of the same command.
    #[schema(example = "0196f0c1-7c00-5000-8000-000000000000")]
    id: String,
    /// The entity that it was for: `<kind>:<organisation>:<id>`.
    #[schema(example = "workflow:default:163664036-AM30")]
    entity: String,
    /// The command's own id.
    #[schema(example = "0196f0c1-7c00-7000-8000-000000000000")]
    command_id: String,
    /// The command.
    #[schema(value_type = serde_json::Value)]
    command: Box<RawValue>,
    /// What went wrong.
    fault: String,
    /// How often the decider panicked over it.
    panics: u32,
    /// When it was set aside.
    #[schema(value_type = String, format = DateTime)]
    parked_at: Rfc3339,
    /// Who asked for it; absent if that cannot be read any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "user:jane")]
    actor: Option<String>,
}

/// A page of dead letters.
#[derive(Serialize, ToSchema)]
pub struct DeadLetterList {
    /// By id.
    items: Vec<LetterBody>,
    /// Asks for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What became of a replay.
#[derive(Serialize, ToSchema)]
pub struct ReplayBody {
    /// `accepted` and `refused`: the dead letter is gone. `faulted`: the decider failed again, the letter is back.
    #[schema(pattern = "^(accepted|refused|faulted)$", example = "accepted")]
    outcome: &'static str,
    /// The stable code of a refusal; `command_faulted` of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// A dead letter is gone.
#[derive(Serialize, ToSchema)]
pub struct DiscardBody {
    /// Always `true`.
    discarded: bool,
}

impl From<DeadLetter> for LetterBody {
    fn from(letter: DeadLetter) -> Self {
        let actor = serde_json::from_str::<Meta>(&letter.meta).ok().map(|meta| meta.caller.subject.to_string());
        Self {
            id: letter.id.to_string(),
            entity: letter.owner.to_string(),
            command_id: letter.command_id.to_string(),
            // Whatever is no JSON is shown as the text that it is.
            command: RawValue::from_string(letter.command.clone())
                .or_else(|_| serde_json::value::to_raw_value(&letter.command))
                .unwrap_or_else(|_| RawValue::NULL.to_owned()),
            fault: letter.fault,
            panics: letter.panics,
            parked_at: Rfc3339(letter.parked_at),
            actor,
        }
    }
}

/// The page that is asked for.
pub struct Page {
    after: Option<Uuid>,
    size: usize,
}

impl FromFields for Page {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (size, cursor) = (page_size(fields), fields.optional::<String>("cursor"));
        let after = cursor.as_ref().and_then(|text| Uuid::try_parse(text.strip_prefix('d')?).ok());
        if cursor.is_some() && after.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { after, size: size? })
    }
}

/// The dead letters, by id. Commands may hold what not everybody should read: this needs the role supervisor.
#[utoipa::path(context_path = "/api/v1", tag = "System",
    params(("cursor" = Option<String>, Query, description = "`next_cursor` of the page before", min_length = 1),
        ("page_size" = Option<u32>, Query, description = "1 to 500, default 50", minimum = 1, maximum = 500)),
    responses((status = 200, description = "A page", body = DeadLetterList), Problems))]
#[get("/system/dead-letters")]
pub(crate) async fn list_dead_letters(app: Data<App>, call: Call, page: Query<Page>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    let Page { after, size } = page.0;
    let letters = app.node.runtime.dead_letters(&call.caller.org, after, size + 1).await;
    let mut letters = letters.map_err(|error| problem_of_load(&error.into()))?;
    let more = letters.len() > size;
    letters.truncate(size);
    let next_cursor = letters.last().filter(|_| more).map(|last| format!("d{}", last.id));
    Ok(HttpResponse::Ok().json(DeadLetterList { items: letters.into_iter().map(LetterBody::from).collect(), next_cursor }))
}

/// The dead letter in the path, if it is the caller's organisation's. An id that could not be one names nothing.
async fn letter(app: &App, call: &Call, id: &str) -> Result<DeadLetter, Problem> {
    let id = Uuid::try_parse(id).map_err(|_| not_found())?;
    let letter = app.node.runtime.dead_letter(&call.caller.org, id).await;
    letter.map_err(|error| problem_of_load(&error.into()))?.ok_or_else(not_found)
}

fn not_found() -> Problem {
    Problem::new(Code::NotFound, "there is no dead letter of this id")
}

/// A dead letter.
#[utoipa::path(context_path = "/api/v1", tag = "System", params(("id" = String, Path, description = "The dead letter's id")),
    responses((status = 200, description = "The dead letter", body = LetterBody), Problems))]
#[get("/system/dead-letters/{id}")]
pub(crate) async fn get_dead_letter(app: Data<App>, call: Call, id: Path<String>) -> Result<HttpResponse, Problem> {
    call.require(Role::Supervisor)?;
    Ok(HttpResponse::Ok().json(LetterBody::from(letter(&app, &call, &id).await?)))
}

/// Carries the command of a dead letter out once more, under its old id and with the rights of who sent it: what had been
/// accepted already is not done twice. Accepted or refused, the letter is gone; otherwise it stays. Needs admin.
#[utoipa::path(context_path = "/api/v1", tag = "System", request_body = Empty,
    params(("id" = String, Path, description = "The dead letter's id")),
    responses((status = 200, description = "What became of it", body = ReplayBody), Problems))]
#[post("/system/dead-letters/{id}/replay")]
pub(crate) async fn replay_dead_letter(app: Data<App>, call: Call, id: Path<String>, _: Body<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    let letter = letter(&app, &call, &id).await?;
    tracing::warn!(letter = %letter.id, entity = %letter.owner, actor = %call.caller.subject, "a dead letter is replayed");
    let carried = app.node.runtime.replay(&call.caller.org, letter.id).await.map_err(problem_of_replay)?;
    let outcome = |outcome, code, detail| Ok(HttpResponse::Ok().json(ReplayBody { outcome, code, detail }));
    match carried {
        Carried::Done { repeated } => outcome("accepted", None, repeated.then(|| "it had been accepted before".to_owned())),
        Carried::Refused { code, detail } => outcome("refused", Some(code), Some(detail)),
        Carried::Faulted { fault } => outcome("faulted", Some(Code::CommandFaulted.as_str()), Some(fault)),
        Carried::NotNow { why } => Err(not_now(&app, &letter, &why)),
        Carried::Unreadable { why } => Err(problem_of_replay(ReplayError::Unreadable(why))),
    }
}

/// Why the letter is still there, and what has to come first.
fn not_now(app: &App, letter: &DeadLetter, why: &str) -> Problem {
    let quarantined = app.node.runtime.node(&letter.owner).is_some_and(|node| node.state == Phase::Quarantined);
    if quarantined {
        return Problem::new(Code::Quarantined, format!("{why}; resume it first, the dead letter is kept"));
    }
    Problem::new(Code::OutcomeUnknown, format!("{why}; the dead letter is kept, to replay it again does nothing twice"))
}

fn problem_of_replay(error: ReplayError) -> Problem {
    match error {
        // Somebody else was faster.
        ReplayError::NotFound => not_found(),
        ReplayError::UnknownKind(_) | ReplayError::Unreadable(_) => {
            Problem::new(Code::DeadLetterUnreadable, format!("failed to {error}; the dead letter is kept"))
        }
        ReplayError::Store(error) => problem_of_load(&error.into()),
    }
}

/// Throws a dead letter away: its command is never carried out, unless it is sent again. Needs admin.
#[utoipa::path(context_path = "/api/v1", tag = "System", request_body = Empty,
    params(("id" = String, Path, description = "The dead letter's id")),
    responses((status = 200, description = "It is gone", body = DiscardBody), Problems))]
#[post("/system/dead-letters/{id}/discard")]
pub(crate) async fn discard_dead_letter(app: Data<App>, call: Call, id: Path<String>, _: Body<Nothing>) -> Result<HttpResponse, Problem> {
    call.require(Role::Admin)?;
    let letter = letter(&app, &call, &id).await?;
    tracing::warn!(letter = %letter.id, entity = %letter.owner, actor = %call.caller.subject, "a dead letter is discarded");
    let discarded = app.node.runtime.discard(&call.caller.org, letter.id).await.map_err(|error| problem_of_load(&error.into()))?;
    if discarded { Ok(HttpResponse::Ok().json(DiscardBody { discarded })) } else { Err(not_found()) }
}
