//! The commands that rebuild a foreign system's workflows from a dump of {entity → state, history} (specification of
//! IonVeil §5.5 "Migration"). How the dump is written is in `dump.rs`.
//!
//! A plan only: whoever carries it out sends the commands of an entity in order and stops at the first refusal. Command
//! ids derive from organisation, entity and index, and each step expects the version that the steps before it lead to,
//! so a second run adds nothing.

pub use crate::dump::DumpFault;

use crate::command::Command;
use crate::dump::{self, History};
use crate::state::State;
use crate::{Workflow, decide, evolve};
use ionveil_kernel::{CommandId, EntityId, Org, Timestamp, derive_uuid};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The workflows, by id.
    pub migrations: Vec<Migration>,
    /// What comes of it.
    pub report: Report,
}

/// The commands of one workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// Its id.
    pub id: EntityId,
    /// In order; each leads to exactly one event.
    pub steps: Vec<Step>,
}

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What to ask.
    pub command: Command,
    /// Under which id.
    pub command_id: CommandId,
    /// When it happened, as far as the dump says; never decreases within a workflow.
    pub occurred_at: Option<Timestamp>,
    /// The version that the workflow must have before.
    pub expected_version: u64,
}

/// What comes of a migration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Workflows with a stored state.
    pub entities: usize,
    /// Events in all.
    pub events: usize,
    /// Events among them that had to force a state.
    pub reconciled: usize,
    /// Records that were older than the one before, and were moved to its time.
    pub clamped: usize,
    /// Workflows with a history and no stored state, by id; they are kept as their history left them.
    pub orphans: Vec<EntityId>,
}

/// Plans the migration of a dump into workflows of `machine`.
///
/// # Errors
/// Every fault of the dump; nothing is guessed.
pub fn plan(
    workflow: &Workflow,
    org: &Org,
    machine: &str,
    dump: &serde_json::Value,
    parse_time: &dyn Fn(&str) -> Option<Timestamp>,
) -> Result<Plan, Vec<DumpFault>> {
    let Some(law) = workflow.machines().get(machine) else {
        return Err(vec![DumpFault::new("machine".to_owned(), "unknown_machine", "there is no such machine")]);
    };
    let mut histories = dump::read(law, dump, parse_time)?;
    let mut report = Report::default();
    let mut migrations = Vec::with_capacity(histories.len());
    for (id, history) in std::mem::take(&mut histories) {
        match history.state {
            Some(_) => report.entities += 1,
            None => report.orphans.push(id.clone()),
        }
        let mut planner = Planner { workflow, state: State::Absent, commands: Vec::new(), report: &mut report };
        planner.plan(machine, history);
        let steps = number(org, &id, planner.commands);
        migrations.push(Migration { id, steps });
    }
    Ok(Plan { migrations, report })
}

fn number(org: &Org, id: &EntityId, commands: Vec<(Command, Option<Timestamp>)>) -> Vec<Step> {
    let derive = |index: u64| CommandId(derive_uuid(&["migrate-workflows", org.as_str(), id.as_str(), &index.to_string()]));
    let step =
        |(index, (command, occurred_at)): (u64, _)| Step { command, command_id: derive(index), occurred_at, expected_version: index };
    (0..).zip(commands).map(step).collect()
}

/// Follows one workflow with the real rules, so that each planned command is one that will be accepted.
struct Planner<'a> {
    workflow: &'a Workflow,
    state: State,
    commands: Vec<(Command, Option<Timestamp>)>,
    report: &'a mut Report,
}

impl Planner<'_> {
    fn plan(&mut self, machine: &str, history: History) {
        let first = history.records.first();
        let start = first.map(|record| record.from.clone()).or_else(|| history.state.clone());
        let register = Command::Register { machine: machine.to_owned(), initial_state: start, attributes: BTreeMap::new() };
        let mut time = first.map(|record| record.time);
        self.push(register, time);
        for record in history.records {
            if time.is_some_and(|last| record.time < last) {
                self.report.clamped += 1;
            }
            time = time.max(Some(record.time));
            let command = self.choose(record.from, record.to, record.reason, record.rollback);
            self.push(command, time);
        }
        if let Some(to) = history.state.filter(|stored| self.present() != Some(stored)) {
            self.push(Command::Reconcile { to, reason: None }, None);
        }
    }

    fn present(&self) -> Option<&str> {
        self.state.live().map(crate::Live::present)
    }

    fn choose(&self, from: String, to: String, reason: Option<String>, rollback: bool) -> Command {
        let here = self.state.live().filter(|live| live.present() == from);
        let goes_back =
            here.is_some_and(|live| rollback && !live.is_terminal() && live.below().is_some_and(|below| live.machine().state(below) == to));
        if goes_back {
            Command::Rollback { reason }
        } else if here.is_some_and(|live| live.machine().allows(&from, &to)) {
            Command::Transition { to, reason }
        } else {
            Command::Reconcile { to, reason }
        }
    }

    /// Plans a command. The dump was checked and the command chosen by the state, so it is accepted; if it were not,
    /// leaving it out would let the closing repair show.
    fn push(&mut self, command: Command, time: Option<Timestamp>) {
        let machines = self.workflow.machines();
        let Ok(event) = decide::decide(machines, &self.state, &command, None) else { return };
        let Ok(next) = evolve::evolve(machines, self.state.clone(), &event) else { return };
        self.state = next;
        self.report.events += 1;
        self.report.reconciled += usize::from(matches!(command, Command::Reconcile { .. }));
        self.commands.push((command, time));
    }
}
