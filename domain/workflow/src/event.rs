//! What can happen to a workflow, and the stored form of it: stable type names, a schema version each, and the chain that
//! lifts older forms.
//!
//! A stored form never changes. Another shape is another schema version and a link in [`UPCASTERS`], and the golden
//! file of the old version stays. A form that only adds optional fields needs no link, because the older ones are read
//! like it; and what makes no use of them is still written in the older form, so that older releases go on reading it.

use crate::attributes::Attributes;
use crate::definition::MachineDefinition;
use crate::policy::InForce;
use ionveil_kernel::{DecodeError, EntityId, EventCodec, Upcaster, upcast};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Lifts old stored forms, one schema version at a time. No form so far needs it.
const UPCASTERS: &[Upcaster] = &[];

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $type:literal v $version:literal $(read like $older:literal)?,)*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event { $($(#[$doc])* $name($name),)* }

        impl Event {
            /// Every type with the newest schema version that is written today.
            pub const TYPES: &'static [(&'static str, u32)] = &[$(($type, $version),)*];
        }

        impl EventCodec for Event {
            fn event_type(&self) -> &'static str {
                match self { $(Self::$name(_) => $type,)* }
            }

            fn schema_version(&self) -> u32 {
                match self { $(Self::$name(event) => event.form($version),)* }
            }

            fn encode(&self) -> Result<String, DecodeError> {
                match self { $(Self::$name(event) => serde_json::to_string(event),)* }
                    .map_err(|error| DecodeError::invalid(self.event_type(), error))
            }

            fn decode(event_type: &str, schema_version: u32, data: &str) -> Result<Self, DecodeError> {
                match event_type {
                    $($type => {
                        let version = $(if ($older..$version).contains(&schema_version) { $version } else)? { schema_version };
                        read(UPCASTERS, $type, version, $version, data).map(Self::$name)
                    })*
                    _ => Err(DecodeError::UnknownEventType(event_type.to_owned())),
                }
            }
        }
    };
}

events! {
    /// The workflow began.
    Registered = "registered" v 2 read like 1,
    /// The workflow began as a copy of another.
    Cloned = "cloned" v 2 read like 1,
    /// A step is under way; the state stays.
    StepStarted = "step_started" v 1,
    /// A step was done and led to its state.
    StepCompleted = "step_completed" v 2 read like 1,
    /// A step failed and led to `failed`.
    StepFailed = "step_failed" v 1,
    /// The workflow moved along an edge.
    Transitioned = "transitioned" v 2 read like 1,
    /// The workflow went back to the state before.
    RolledBack = "rolled_back" v 1,
    /// The workflow was called off.
    Cancelled = "cancelled" v 1,
    /// The workflow was put into a state by force.
    Reconciled = "reconciled" v 1,
}

/// Reads a payload, lifted to `newest` through the chain.
pub(crate) fn read<T: DeserializeOwned>(
    chain: &[Upcaster],
    event_type: &str,
    version: u32,
    newest: u32,
    data: &str,
) -> Result<T, DecodeError> {
    let parsed = match upcast(chain, event_type, version, newest, data)? {
        None => serde_json::from_str(data),
        Some(value) => serde_json::from_value(value),
    };
    parsed.map_err(|error| DecodeError::invalid(event_type, error))
}

/// Which form an event is written in: the oldest that can hold it.
trait Form {
    /// Its schema version; `newest` where there is no choice.
    fn form(&self, newest: u32) -> u32 {
        newest
    }
}

/// Since version 2 the states of a definition say whether they assign.
fn form_of(definition: Option<&MachineDefinition>) -> u32 {
    if definition.is_some_and(MachineDefinition::assigns) { 2 } else { 1 }
}

impl Form for Registered {
    fn form(&self, _newest: u32) -> u32 {
        form_of(self.definition.as_ref())
    }
}

impl Form for Cloned {
    fn form(&self, _newest: u32) -> u32 {
        form_of(self.definition.as_ref())
    }
}

/// Since version 2 there is the policy.
impl Form for StepCompleted {
    fn form(&self, _newest: u32) -> u32 {
        if self.policy.is_some() { 2 } else { 1 }
    }
}

/// Since version 2 there is the policy.
impl Form for Transitioned {
    fn form(&self, _newest: u32) -> u32 {
        if self.policy.is_some() { 2 } else { 1 }
    }
}

impl Form for StepStarted {}
impl Form for StepFailed {}
impl Form for RolledBack {}
impl Form for Cancelled {}
impl Form for Reconciled {}

/// Payload of [`Event::Registered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    /// The name of the machine.
    pub machine: String,
    /// The machine's law if it is not built in: the workflow keeps it whatever becomes of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<MachineDefinition>,
    /// The state that it starts in.
    pub to: String,
    /// What the client keeps with it.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// Payload of [`Event::Cloned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cloned {
    /// The workflow that was copied.
    pub source: EntityId,
    /// The version of it that was copied.
    pub source_version: u64,
    /// The name of the machine.
    pub machine: String,
    /// The machine's law if it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<MachineDefinition>,
    /// The states of the source, oldest first; the last is the present one.
    pub stack: Vec<String>,
    /// The attributes of the source.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// Payload of [`Event::StepStarted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepStarted {
    /// The state that the step leads to.
    pub step: String,
}

/// Payload of [`Event::StepCompleted`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepCompleted {
    /// The step.
    pub step: String,
    /// The state before.
    pub from: String,
    /// The state after: the step's.
    pub to: String,
    /// The policy in force, if the step assigned something and there was a policy tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<InForce>,
}

/// Payload of [`Event::StepFailed`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFailed {
    /// The step.
    pub step: String,
    /// The state before.
    pub from: String,
    /// The state after: `failed`.
    pub to: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Payload of [`Event::Transitioned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transitioned {
    /// The state before.
    pub from: String,
    /// The state after.
    pub to: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The policy in force, if the move assigned something and there was a policy tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<InForce>,
}

macro_rules! moves {
    ($($name:ident),*) => {$(
        #[doc = concat!("Payload of [`Event::", stringify!($name), "`].")]
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The state before.
            pub from: String,
            /// The state after.
            pub to: String,
            /// Why.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub reason: Option<String>,
        }
    )*};
}

moves!(RolledBack, Cancelled, Reconciled);
