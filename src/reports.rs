//! What another system reported of its dispatches, taken in: one report concerns up to three entities, each of which records it
//! under an id that follows from the report's, so that a repeat, also after a crash in the middle, completes it and adds nothing
//! twice.

use crate::commands::{command_id_or_fresh, hash_of};
use crate::node::Node;
use ionveil_actors::{AskError, Class, Delivery, Host, Reply};
use ionveil_dispatch::report::Stage;
use ionveil_dispatch::{assignment, incident, unit};
use ionveil_kernel::{Decider, EntityId, Kind, Meta, StreamId, Timestamp};
use serde::{Deserialize, Serialize};

/// A report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Report {
    /// There was a call.
    Incident {
        /// Its id.
        id: EntityId,
        /// What it is, in a line.
        title: String,
        /// What it is.
        description: String,
        /// How urgent it was there: 1 to 5.
        priority: i64,
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// What kind it is; none: what the texts say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        category: Option<String>,
        /// The zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
        /// Where that was reported.
        source: String,
    },
    /// There was a unit.
    Unit {
        /// Its id.
        id: EntityId,
        /// What it is called.
        name: String,
        /// What it is.
        #[serde(rename = "type")]
        unit_type: String,
        /// Whose it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agency: Option<String>,
    },
    /// A unit was at a stage of its work on a call.
    Stage {
        /// The assignment, by the other system's count.
        id: EntityId,
        /// The call.
        incident: EntityId,
        /// The unit.
        unit: EntityId,
        /// The stage.
        stage: Stage,
        /// Where that was reported.
        source: String,
    },
    /// A call was over.
    Closed {
        /// The call.
        incident: EntityId,
    },
}

/// Why a report was not taken in, by whom.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The incident said so, or did not answer.
    #[error(transparent)]
    Incident(#[from] AskError<incident::Rejection>),
    /// The unit.
    #[error(transparent)]
    Unit(#[from] AskError<unit::Rejection>),
    /// The assignment.
    #[error(transparent)]
    Assignment(#[from] AskError<assignment::Rejection>),
}

impl Report {
    /// Takes the report in as `meta` says; says whether all of it had been taken in before. `key` names it: a repeat under the same
    /// one is known.
    ///
    /// # Errors
    /// [`ReportError`] of the first entity that refuses; what others have recorded stays, and a repeat goes on behind it.
    pub async fn take_in(self, node: &Node, meta: Meta, key: Option<&str>) -> Result<bool, ReportError> {
        let carrier = Carrier { node, meta, key };
        match self {
            Self::Incident { id, title, description, priority, latitude, longitude, category, zone, source } => {
                let (priority, source) = (Some(priority), Some(source));
                let create = incident::Command::Create { title, description, priority, latitude, longitude, category, zone, source };
                Ok(carrier.ask(&node.incidents, incident::KIND, id, create).await?.repeated)
            }
            Self::Unit { id, name, unit_type, agency } => {
                let (skills, capacity, shift) = (Vec::new(), 0, None);
                let (latitude, longitude) = (None, None);
                let register = unit::Command::Register { name, unit_type, agency, skills, capacity, latitude, longitude, shift };
                Ok(carrier.ask(&node.units, unit::KIND, id, register).await?.repeated)
            }
            Self::Stage { id, incident, unit, stage, source } => carrier.stage(id, incident, unit, stage, source).await,
            Self::Closed { incident } => {
                Ok(carrier.ask(&node.incidents, incident::KIND, incident, incident::Command::ReportClosed).await?.repeated)
            }
        }
    }
}

struct Carrier<'a> {
    node: &'a Node,
    meta: Meta,
    key: Option<&'a str>,
}

impl Carrier<'_> {
    /// The assignment begins with its unit, and the incident hears of it last.
    async fn stage(
        &self,
        assignment: EntityId,
        incident: EntityId,
        unit: EntityId,
        stage: Stage,
        source: String,
    ) -> Result<bool, ReportError> {
        let mut repeated = true;
        if stage == Stage::Dispatched {
            let report = assignment::Command::Report { incident: incident.clone(), unit: unit.clone(), source: source.clone() };
            repeated &= self.ask(&self.node.assignments, assignment::KIND, assignment.clone(), report).await?.repeated;
        }
        let work = unit::Command::ReportWork { assignment: assignment.clone(), incident: incident.clone(), stage, source: source.clone() };
        repeated &= self.ask(&self.node.units, unit::KIND, unit.clone(), work).await?.repeated;
        let report = incident::Command::ReportUnit { unit, assignment, stage, source };
        repeated &= self.ask(&self.node.incidents, incident::KIND, incident, report).await?.repeated;
        Ok(repeated)
    }

    async fn ask<D: Decider>(
        &self,
        host: &Host<D>,
        kind: &str,
        id: EntityId,
        command: D::Command,
    ) -> Result<Reply<D>, AskError<D::Rejection>>
    where
        D::Command: Serialize,
    {
        let org = &self.meta.caller.org;
        let kind = Kind::new(kind).unwrap_or_else(|_| unreachable!("a lawful kind"));
        let key = self.key.map(|key| format!("{key}/{kind}"));
        let occurred_at: Option<Timestamp> = self.meta.occurred_at;
        let meta = Meta {
            command_id: command_id_or_fresh(org, key.as_deref(), &self.node.env),
            body_hash: hash_of(&command, occurred_at, None),
            ..self.meta.clone()
        };
        let owner = StreamId::new(org.clone(), kind, id);
        host.ask_as(owner, command, meta, Delivery { class: Class::Command, deadline: self.node.deadline }).await
    }
}
