//! What clients send to the workflow routes: bodies and queries, read strictly, and their shapes for OpenAPI.

use crate::http::event_body::parse_position;
use crate::http::fields::{Fields, FromFields};
use crate::http::list::page_size;
use crate::http::problem::Code;
use crate::time::Rfc3339;
use ionveil_actors::Until;
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_views::WorkflowFilter;
use ionveil_workflow::{Command, REASON_CHARS_MAX, StepOutcome};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What every writing body may have beside its own fields.
#[derive(Default)]
pub(super) struct When {
    pub(super) occurred_at: Option<Timestamp>,
    pub(super) expected_version: Option<u64>,
}

impl When {
    pub(super) fn read(fields: &mut Fields) -> Self {
        Self { occurred_at: fields.optional("occurred_at"), expected_version: fields.optional("expected_version") }
    }
}

macro_rules! body {
    ($(#[$doc:meta])* $name:ident, empty $empty:literal, $fields:ident => $read:expr, { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Serialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_doc])* $field: $type,)*
            /// When it happened; absent: now. Not before the workflow's last event, at most five minutes ahead.
            #[schema(value_type = Option<String>, format = DateTime)]
            occurred_at: Option<Rfc3339>,
            /// The version that the client has seen; another one is refused with 409.
            expected_version: Option<u64>,
        }

        impl FromFields for Read<$name> {
            const EMPTY_OK: bool = $empty;
            fn from_fields($fields: &mut Fields) -> Option<Self> {
                let asked = $read;
                let when = When::read($fields);
                Some(Self { asked: asked?, when, shape: std::marker::PhantomData })
            }
        }
    };
}

/// What was read of a body: what is asked, and when.
pub struct Read<T> {
    pub(super) asked: Asked,
    pub(super) when: When,
    shape: std::marker::PhantomData<T>,
}

/// A command, or the wish for one that the server completes.
pub(super) enum Asked {
    Register { id: Option<EntityId>, command: Command },
    Do(Command),
    CloneTo(EntityId),
}

body!(
    /// Starts a workflow.
    CreateWorkflow, empty false, fields => {
        let (id, machine) = (fields.optional("id"), fields.line("machine", 63));
        let initial_state = fields.optional_line("initial_state", 63);
        let attributes = fields.optional_object("attributes").unwrap_or_default().into_iter().collect();
        machine.map(|machine| Asked::Register { id, command: Command::Register { machine, initial_state, attributes } })
    }, {
        /// Its id; absent: the server makes one.
        #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        id: Option<EntityId>,
        /// The machine whose table it follows; see `GET /machines`.
        #[schema(min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "dispatch")]
        machine: String,
        /// Where to start; absent: the machine's initial state.
        #[schema(min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
        initial_state: Option<String>,
        /// Up to 64 names with texts, numbers or booleans. Not for personal data.
        #[schema(value_type = Option<BTreeMap<String, Value>>)]
        attributes: Option<BTreeMap<String, Value>>,
    }
);
body!(
    /// Moves along an edge of the machine's table.
    Transition, empty false, fields => {
        let (to, reason) = (fields.line("to", 63), fields.optional_line("reason", REASON_CHARS_MAX));
        to.map(|to| Asked::Do(Command::Transition { to, reason }))
    }, {
        /// The state to move to.
        #[schema(min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "allocated")]
        to: String,
        /// Why.
        #[schema(min_length = 1, max_length = 1024, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
        reason: Option<String>,
    }
);
body!(
    /// Reports on a step.
    Step, empty false, fields => {
        let (step, outcome) = (fields.line("step", 63), fields.line("outcome", 16));
        let reason = fields.optional_line("reason", REASON_CHARS_MAX);
        let outcome = outcome.and_then(|text| step_outcome(fields, &text));
        step.zip(outcome).map(|(step, outcome)| Asked::Do(Command::Step { step, outcome, reason }))
    }, {
        /// The state that the step leads to.
        #[schema(min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$", example = "departed")]
        step: String,
        /// `started` marks it, `completed` moves to it, `failed` moves to `failed`.
        #[schema(value_type = String, pattern = "^(started|completed|failed)$", example = "completed")]
        outcome: StepOutcome,
        /// Why.
        #[schema(min_length = 1, max_length = 1024, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
        reason: Option<String>,
    }
);
body!(
    /// Goes back to the state before the last transition.
    Rollback, empty true, fields => {
        Some(Asked::Do(Command::Rollback { reason: fields.optional_line("reason", REASON_CHARS_MAX) }))
    }, {
        /// Why.
        #[schema(min_length = 1, max_length = 1024, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
        reason: Option<String>,
    }
);
body!(
    /// Cancels.
    Cancel, empty true, fields => {
        Some(Asked::Do(Command::Cancel { reason: fields.optional_line("reason", REASON_CHARS_MAX) }))
    }, {
        /// Why.
        #[schema(min_length = 1, max_length = 1024, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
        reason: Option<String>,
    }
);
body!(
    /// Copies machine, states and attributes to a new workflow.
    CloneTo, empty false, fields => fields.required("new_id").map(Asked::CloneTo), {
        /// The id of the copy.
        #[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
        new_id: EntityId,
    }
);
body!(
    /// Forces a state, whatever the table says, and forgets the way there.
    Reconcile, empty false, fields => {
        let (to, reason) = (fields.line("to", 63), fields.optional_line("reason", REASON_CHARS_MAX));
        to.map(|to| Asked::Do(Command::Reconcile { to, reason }))
    }, {
        /// The state to be in.
        #[schema(min_length = 1, max_length = 63, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
        to: String,
        /// Why.
        #[schema(min_length = 1, max_length = 1024, pattern = r"^[^\x00-\x1f\x7f-\x9f]+$")]
        reason: Option<String>,
    }
);

fn step_outcome(fields: &mut Fields, text: &str) -> Option<StepOutcome> {
    match text {
        "started" => Some(StepOutcome::Started),
        "completed" => Some(StepOutcome::Completed),
        "failed" => Some(StepOutcome::Failed),
        _other => {
            fields.fault(Code::InvalidField, "outcome", "must be `started`, `completed` or `failed`");
            None
        }
    }
}

/// Which past to answer from.
pub struct AsOf(pub(super) Until);

impl FromFields for AsOf {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self(Until { at: fields.optional("at"), known_at: fields.optional("known_at"), position: None }))
    }
}

/// The page that is asked for.
pub struct Page {
    pub(super) after: u64,
    pub(super) size: usize,
}

impl FromFields for Page {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (size, cursor) = (page_size(fields), fields.optional::<String>("cursor"));
        let after = cursor.map_or(Some(0), |text| {
            text.strip_prefix('v').and_then(|number| number.parse::<u64>().ok()).filter(|n| i64::try_from(*n).is_ok())
        });
        if after.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { after: after?, size: size? })
    }
}

/// Which workflows are asked for, and where the page begins.
pub struct Listing {
    pub(super) filter: WorkflowFilter,
    pub(super) cursor: Option<EntityId>,
    pub(super) after: Option<(u16, u64)>,
    pub(super) size: usize,
}

impl FromFields for Listing {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (state, machine) = (fields.optional_line("state", 63), fields.optional_line("machine", 63));
        let (cursor, after) = (fields.optional::<String>("cursor"), fields.optional::<String>("after"));
        let size = page_size(fields);
        let place = cursor.as_ref().and_then(|text| EntityId::new(text.strip_prefix('w')?).ok());
        if cursor.is_some() && place.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        let position = after.as_deref().and_then(parse_position);
        if after.is_some() && position.is_none() {
            fields.fault(Code::InvalidField, "after", "must be the `position` of an event");
        }
        Some(Self { filter: WorkflowFilter { state, machine }, cursor: place, after: position, size: size? })
    }
}
