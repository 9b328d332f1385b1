//! How an event changes the state: total over lawful pairs, and loud about all others (the invariants of `lib.rs`).

use crate::attributes::Attributes;
use crate::catalog::Machines;
use crate::decide::FAILED;
use crate::event::{Cancelled, Cloned, Event, Reconciled, Registered, RolledBack, StepCompleted, StepFailed, StepStarted, Transitioned};
use crate::machine::{Machine, StateIndex};
use crate::state::{Live, State};
use ionveil_kernel::BrokenInvariant;
use std::sync::Arc;

/// A state, or why the event cannot follow.
type Evolved<T> = Result<T, BrokenInvariant>;

fn broken<T>(number: u16, detail: String) -> Evolved<T> {
    Err(BrokenInvariant { kind: crate::KIND, number, detail })
}

/// The state after `event`.
pub(crate) fn evolve(machines: &Machines, state: State, event: &Event) -> Evolved<State> {
    match (state, event) {
        (State::Absent, Event::Registered(event)) => registered(machines, event),
        (State::Absent, Event::Cloned(event)) => cloned(machines, event),
        (
            State::Absent,
            Event::StepStarted(_)
            | Event::StepCompleted(_)
            | Event::StepFailed(_)
            | Event::Transitioned(_)
            | Event::RolledBack(_)
            | Event::Cancelled(_)
            | Event::Reconciled(_),
        ) => broken(1, "the first event must be registered or cloned".to_owned()),
        (State::Live(_), Event::Registered(_) | Event::Cloned(_)) => broken(2, "the workflow had begun before".to_owned()),
        (State::Live(live), Event::StepStarted(event)) => live.step_started(event),
        (State::Live(live), Event::StepCompleted(event)) => live.step_completed(event),
        (State::Live(live), Event::StepFailed(event)) => live.step_failed(event),
        (State::Live(live), Event::Transitioned(Transitioned { from, to, .. })) => live.moved(from, to),
        (State::Live(live), Event::RolledBack(event)) => live.rolled_back(event),
        (State::Live(live), Event::Cancelled(event)) => live.cancelled(event),
        (State::Live(live), Event::Reconciled(event)) => live.reconciled(event),
    }
    .map(State::Live)
}

fn registered(machines: &Machines, event: &Registered) -> Evolved<Live> {
    let machine = machines.law(&event.machine, event.definition.as_ref()).or_else(|detail| broken(3, detail))?;
    let stack = vec![known(&machine, &event.to)?];
    Ok(begin(machine, stack, &event.attributes))
}

fn cloned(machines: &Machines, event: &Cloned) -> Evolved<Live> {
    let machine = machines.law(&event.machine, event.definition.as_ref()).or_else(|detail| broken(3, detail))?;
    let stack = event.stack.iter().map(|state| known(&machine, state)).collect::<Evolved<Vec<_>>>()?;
    if let Err(detail) = check_stack(&machine, &stack) {
        return broken(9, detail);
    }
    Ok(begin(machine, stack, &event.attributes))
}

fn begin(machine: Arc<Machine>, stack: Vec<StateIndex>, attributes: &Attributes) -> Live {
    let step_count = stack.len().saturating_sub(1) as u64;
    Live { machine, stack, step_count, in_flight: None, attributes: Arc::new(attributes.clone()) }
}

/// Whether a stack can have come about: there is a state, and each follows the one below it.
pub(crate) fn check_stack(machine: &Machine, stack: &[StateIndex]) -> Result<(), String> {
    if stack.is_empty() {
        return Err("the stack is empty".to_owned());
    }
    let gap = stack.windows(2).find(|pair| !machine.targets(pair[0]).contains(&pair[1]));
    gap.map_or(Ok(()), |pair| Err(format!("the machine has no edge from {:?} to {:?}", machine.state(pair[0]), machine.state(pair[1]))))
}

fn known(machine: &Machine, state: &str) -> Evolved<StateIndex> {
    machine.index(state).map_or_else(|| broken(4, format!("the machine {:?} has no state {state:?}", machine.name())), Ok)
}

impl Live {
    fn step_started(mut self, StepStarted { step }: &StepStarted) -> Evolved<Self> {
        self.in_flight = Some(self.edge(step)?);
        Ok(self)
    }

    fn step_completed(self, StepCompleted { step, from, to, .. }: &StepCompleted) -> Evolved<Self> {
        if step != to {
            return broken(7, format!("the step {step:?} cannot lead to {to:?}"));
        }
        self.moved(from, to)
    }

    fn step_failed(self, StepFailed { step, from, to, .. }: &StepFailed) -> Evolved<Self> {
        known(&self.machine, step)?;
        if to != FAILED {
            return broken(7, format!("a failed step cannot lead to {to:?}"));
        }
        self.moved(from, to)
    }

    fn cancelled(self, Cancelled { from, to, .. }: &Cancelled) -> Evolved<Self> {
        if to != self.machine.cancel_target() {
            return broken(7, format!("calling off cannot lead to {to:?}"));
        }
        self.moved(from, to)
    }

    fn moved(mut self, from: &str, to: &str) -> Evolved<Self> {
        self.is_in(from)?;
        let target = self.edge(to)?;
        self.stack.push(target);
        self.step_count += 1;
        self.in_flight = None;
        Ok(self)
    }

    fn rolled_back(mut self, RolledBack { from, to, .. }: &RolledBack) -> Evolved<Self> {
        self.is_in(from)?;
        let below = self.below().map(|state| self.machine.state(state));
        if self.is_terminal() || below != Some(to) {
            return broken(8, format!("a rollback from {from:?} cannot lead to {to:?}"));
        }
        self.stack.pop();
        self.in_flight = None;
        Ok(self)
    }

    fn reconciled(mut self, Reconciled { from, to, .. }: &Reconciled) -> Evolved<Self> {
        self.is_in(from)?;
        self.stack = vec![known(&self.machine, to)?];
        self.in_flight = None;
        Ok(self)
    }

    fn is_in(&self, from: &str) -> Evolved<()> {
        if self.present() == from { Ok(()) } else { broken(5, format!("the workflow is in {:?}, not in {from:?}", self.present())) }
    }

    /// The target of the edge from the present state to `to`.
    fn edge(&self, to: &str) -> Evolved<StateIndex> {
        if let Some(target) = self.machine.edge(self.top(), to) {
            return Ok(target);
        }
        known(&self.machine, to)?;
        broken(6, format!("the machine has no edge from {:?} to {to:?}", self.present()))
    }
}
