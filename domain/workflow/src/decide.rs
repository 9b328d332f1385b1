//! What a command leads to: one event, or a refusal. Order of the checks: is there such a workflow, does the command
//! make sense for its machine, has it ended, is there an edge, does the policy in force let it pass.

use crate::attributes::{AttributeFault, Attributes};
use crate::catalog::Machines;
use crate::command::{Command, StepOutcome};
use crate::definition::MachineDefinition;
use crate::event::{Cancelled, Cloned, Event, Reconciled, Registered, RolledBack, StepCompleted, StepFailed, StepStarted, Transitioned};
use crate::evolve::check_stack;
use crate::machine::Machine;
use crate::reject::{CLONE_STACK_MAX, Fault, Faults, REASON_CHARS_MAX, Rejection};
use crate::state::{Live, State};
use ionveil_kernel::{EntityId, Policy};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where a failed step leads to.
pub(crate) const FAILED: &str = "failed";

/// The one event that follows.
pub(crate) fn decide(machines: &Machines, state: &State, command: &Command, policy: Option<&Policy>) -> Result<Event, Rejection> {
    match (state, command) {
        (State::Absent, Command::Register { machine, initial_state, attributes }) => {
            register(machines, machine, initial_state.as_deref(), attributes)
        }
        (State::Absent, Command::Clone { source, source_version, machine, definition, stack, attributes }) => {
            let law = machines.law(machine, definition.as_ref());
            clone(Origin { source, source_version: *source_version, machine, definition: definition.as_ref(), stack }, law, attributes)
        }
        (
            State::Absent,
            Command::Transition { .. }
            | Command::Step { .. }
            | Command::Rollback { .. }
            | Command::Cancel { .. }
            | Command::Reconcile { .. },
        ) => Err(Rejection::EntityNotFound),
        (State::Live(_), Command::Register { .. } | Command::Clone { .. }) => Err(Rejection::DuplicateEntity),
        (State::Live(live), Command::Transition { to, reason }) => live.transition(to, reason, policy),
        (State::Live(live), Command::Step { step, outcome, reason }) => live.step(step, *outcome, reason, policy),
        (State::Live(live), Command::Rollback { reason }) => live.roll_back(reason),
        (State::Live(live), Command::Cancel { reason }) => live.cancel(reason),
        (State::Live(live), Command::Reconcile { to, reason }) => live.reconcile(to, reason),
    }
}

fn register(machines: &Machines, name: &str, initial: Option<&str>, raw: &BTreeMap<String, Value>) -> Result<Event, Rejection> {
    let mut faults = Vec::new();
    let machine = machines.get(name);
    match (machine, initial) {
        (None, _) => faults.push(Fault::UnknownMachine(name.to_owned())),
        (Some(machine), Some(state)) => faults.extend(unknown(machine, "initial_state", state)),
        (Some(_), None) => {}
    }
    let attributes = check(raw, &mut faults);
    Faults::refuse(faults)?;
    let Some(machine) = machine else { return Err(Rejection::EntityNotFound) };
    Ok(Event::Registered(Registered {
        machine: name.to_owned(),
        definition: machine.embedded().cloned(),
        to: initial.unwrap_or_else(|| machine.initial()).to_owned(),
        attributes,
    }))
}

/// What a clone is made of.
struct Origin<'a> {
    source: &'a EntityId,
    source_version: u64,
    machine: &'a str,
    definition: Option<&'a MachineDefinition>,
    stack: &'a [String],
}

/// Whether the source may be copied was settled where the command was made; here, whether it is a history at all: a
/// command may come from anywhere.
fn clone(origin: Origin<'_>, law: Result<std::sync::Arc<Machine>, String>, raw: &BTreeMap<String, Value>) -> Result<Event, Rejection> {
    if origin.stack.len() > CLONE_STACK_MAX {
        return Err(Rejection::HistoryTooLong { states: origin.stack.len() });
    }
    let mut faults = Vec::new();
    match &law {
        Err(_) if origin.definition.is_none() => faults.push(Fault::UnknownMachine(origin.machine.to_owned())),
        Err(detail) => faults.push(Fault::InvalidClone(detail.clone())),
        Ok(machine) => check_copy(machine, origin.stack, &mut faults),
    }
    let attributes = check(raw, &mut faults);
    Faults::refuse(faults)?;
    Ok(Event::Cloned(Cloned {
        source: origin.source.clone(),
        source_version: origin.source_version,
        machine: origin.machine.to_owned(),
        definition: origin.definition.cloned(),
        stack: origin.stack.to_vec(),
        attributes,
    }))
}

fn check_copy(machine: &Machine, stack: &[String], faults: &mut Vec<Fault>) {
    let places: Vec<_> = stack.iter().filter_map(|state| machine.index(state)).collect();
    if places.len() < stack.len() {
        let field = |place| Cow::Owned(format!("stack[{place}]"));
        let strange = stack.iter().enumerate().filter(|(_, state)| !machine.has(state));
        faults.extend(strange.map(|(place, state)| Fault::UnknownState { field: field(place), state: state.clone() }));
    } else if let Err(detail) = check_stack(machine, &places) {
        faults.push(Fault::InvalidClone(detail));
    }
}

impl Live {
    fn transition(&self, to: &str, reason: &Option<String>, policy: Option<&Policy>) -> Result<Event, Rejection> {
        self.check(Some(("to", to)), reason)?;
        let from = self.leave(to, Some("to"))?;
        let policy = self.admit(to, policy)?;
        Ok(Event::Transitioned(Transitioned { from, to: to.to_owned(), reason: reason.clone(), policy }))
    }

    fn step(&self, step: &str, outcome: StepOutcome, reason: &Option<String>, policy: Option<&Policy>) -> Result<Event, Rejection> {
        self.check(Some(("step", step)), reason)?;
        let owned = step.to_owned();
        Ok(match outcome {
            StepOutcome::Started => self.leave(step, Some("step")).map(|_| Event::StepStarted(StepStarted { step: owned }))?,
            StepOutcome::Completed => {
                let from = self.leave(step, Some("step"))?;
                let policy = self.admit(step, policy)?;
                Event::StepCompleted(StepCompleted { step: owned.clone(), from, to: owned, policy })
            }
            StepOutcome::Failed => {
                let from = self.leave(FAILED, None)?;
                Event::StepFailed(StepFailed { step: owned, from, to: FAILED.to_owned(), reason: reason.clone() })
            }
        })
    }

    fn roll_back(&self, reason: &Option<String>) -> Result<Event, Rejection> {
        self.check(None, reason)?;
        self.refuse_ended()?;
        let below = self.below().ok_or(Rejection::NoHistory)?;
        let to = self.machine.state(below).to_owned();
        Ok(Event::RolledBack(RolledBack { from: self.present().to_owned(), to, reason: reason.clone() }))
    }

    fn cancel(&self, reason: &Option<String>) -> Result<Event, Rejection> {
        self.check(None, reason)?;
        let to = self.machine.cancel_target();
        let from = self.leave(to, None)?;
        Ok(Event::Cancelled(Cancelled { from, to: to.to_owned(), reason: reason.clone() }))
    }

    /// Allowed from every state to every state, also the present one: the way there is forgotten.
    fn reconcile(&self, to: &str, reason: &Option<String>) -> Result<Event, Rejection> {
        self.check(Some(("to", to)), reason)?;
        Ok(Event::Reconciled(Reconciled { from: self.present().to_owned(), to: to.to_owned(), reason: reason.clone() }))
    }

    fn check(&self, target: Option<(&'static str, &str)>, reason: &Option<String>) -> Result<(), Rejection> {
        let state = target.and_then(|(field, state)| unknown(&self.machine, field, state));
        let reason = reason.as_ref().filter(|reason| !is_lawful_reason(reason)).map(|_| Fault::InvalidReason);
        Faults::refuse(state.into_iter().chain(reason).collect())
    }

    /// The present state, if an edge leads from it to `to`.
    fn leave(&self, to: &str, field: Option<&'static str>) -> Result<String, Rejection> {
        self.refuse_ended()?;
        let from = self.present().to_owned();
        if self.machine.edge(self.top(), to).is_some() {
            return Ok(from);
        }
        Err(Rejection::InvalidTransition { from, to: to.to_owned(), field })
    }

    fn refuse_ended(&self) -> Result<(), Rejection> {
        if self.is_terminal() { Err(Rejection::TerminalState { state: self.present().to_owned() }) } else { Ok(()) }
    }
}

fn unknown(machine: &Machine, field: &'static str, state: &str) -> Option<Fault> {
    (!machine.has(state)).then(|| Fault::UnknownState { field: Cow::Borrowed(field), state: state.to_owned() })
}

fn check(raw: &BTreeMap<String, Value>, faults: &mut Vec<Fault>) -> Attributes {
    Attributes::check(raw).unwrap_or_else(|found: Vec<AttributeFault>| {
        faults.extend(found.into_iter().map(Fault::Attribute));
        Attributes::default()
    })
}

/// Whether `reason` may be kept.
pub(crate) fn is_lawful_reason(reason: &str) -> bool {
    reason.chars().count() <= REASON_CHARS_MAX && !reason.chars().any(char::is_control)
}
