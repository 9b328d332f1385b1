//! What can happen to a workflow. What makes no use of a newer form is still written in the older one, so that older
//! releases go on reading it.

use crate::attributes::Attributes;
use crate::definition::MachineDefinition;
use crate::policy::InForce;
use ionveil_kernel::EntityId;
use serde::{Deserialize, Serialize};

ionveil_kernel::events! {
    /// What happened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum Event {
        /// The workflow began.
        Registered = "registered" v 2 read like 1 in form form_of_registered,
        /// The workflow began as a copy of another.
        Cloned = "cloned" v 2 read like 1 in form form_of_cloned,
        /// A step is under way; the state stays.
        StepStarted = "step_started" v 1,
        /// A step was done and led to its state.
        StepCompleted = "step_completed" v 2 read like 1 in form form_of_step_completed,
        /// A step failed and led to `failed`.
        StepFailed = "step_failed" v 1,
        /// The workflow moved along an edge.
        Transitioned = "transitioned" v 2 read like 1 in form form_of_transitioned,
        /// The workflow went back to the state before.
        RolledBack = "rolled_back" v 1,
        /// The workflow was called off.
        Cancelled = "cancelled" v 1,
        /// The workflow was put into a state by force.
        Reconciled = "reconciled" v 1,
    }
}

/// Since version 2 the states of a definition say whether they assign.
fn form_of(definition: Option<&MachineDefinition>) -> u32 {
    if definition.is_some_and(MachineDefinition::assigns) { 2 } else { 1 }
}

fn form_of_registered(event: &Registered) -> u32 {
    form_of(event.definition.as_ref())
}

fn form_of_cloned(event: &Cloned) -> u32 {
    form_of(event.definition.as_ref())
}

/// Since version 2 there is the policy.
fn form_of_step_completed(event: &StepCompleted) -> u32 {
    if event.policy.is_some() { 2 } else { 1 }
}

/// Since version 2 there is the policy.
fn form_of_transitioned(event: &Transitioned) -> u32 {
    if event.policy.is_some() { 2 } else { 1 }
}

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
