//! Plans an import: reads a file as a stream and says, row by row, which commands it stands for and what is wrong with it.
//!
//! A plan depends on the file, the mapping, the machine and the organisation alone, so that a second run plans the same
//! commands under the same ids and the journal answers them with their receipts. Nothing is guessed: a stamp that cannot
//! be a lawful step at its own time is left out and listed.

use super::clock::Meaning;
use super::columns::{Columns, Fields, HeaderError};
use super::issue::{Issue, Reason};
use super::mapping::{Cancel, Mapping};
use super::places::{AGENCY, ZONE};
use super::response::{Dispatch, Response};
use super::rows::{Found, Record, Rows};
use ionveil_kernel::{BodyHash, CommandId, EntityId, Org, Timestamp, derive_uuid};
use ionveil_workflow::{Attributes, Command, Machine, Machines};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::Arc;
use uuid::Uuid;

/// The most ids that are remembered to find a repeated one. Past it the journal's receipts find it.
const IDS_KEPT_MAX: usize = 1_000_000;
/// The most characters of a bad value that an issue repeats.
const SHOWN_CHARS_MAX: usize = 64;

/// One command of a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The column of its time.
    pub field: String,
    /// What to ask of the workflow.
    pub command: Command,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Derived from organisation, id and state: the same step is the same command, whichever file it stands in.
    pub command_id: CommandId,
    /// Over command and time: a step that was imported with another time or other attributes is a reused id.
    pub body_hash: BodyHash,
}

/// What a row of the file stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct RowPlan {
    /// The line on which the row starts, from 1 with the header.
    pub line: u64,
    /// The id of the workflow; none if the row has no lawful one or was left out whole.
    pub id: Option<EntityId>,
    /// The commands in their order. A refusal of one speaks against those behind it, but for a reused id: that step was
    /// imported with another time or other attributes, and what is new behind it may still be lawful. Empty if the row
    /// was left out.
    pub steps: Vec<Step>,
    /// What the row says of dispatch, if mapping and file tell of it.
    pub response: Option<Box<Response>>,
    /// What is to be said about the row.
    pub issues: Vec<Issue>,
}

/// Why a file cannot be planned at all. Nothing was imported then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("read the file")]
    Io(#[from] io::Error),
    /// Its header does not serve the mapping.
    #[error("find the columns of the mapping in the file")]
    Header(#[source] HeaderError),
    /// The mapping's machine does not exist.
    #[error("the mapping is for the machine {0:?}, which does not exist")]
    UnknownMachine(String),
    /// The mapping names a state that its machine lacks.
    #[error("the mapping leads to {state:?}, which the machine {machine:?} does not have")]
    UnknownState {
        /// The machine.
        machine: String,
        /// The state.
        state: String,
    },
}

/// The plans of the rows of a file, in their order. An error of the reader ends it.
pub struct Plans<R> {
    rows: Rows<R>,
    record: Record,
    columns: Columns,
    planner: Planner,
    lacks: Vec<String>,
    ended: bool,
}

/// All that stays the same from row to row, and the ids that were seen.
struct Planner {
    mapping: Mapping,
    machine: Arc<Machine>,
    org: Org,
    /// Whether the file has the columns of dispatch.
    dispatch: bool,
    file: Arc<str>,
    seen: HashMap<Uuid, u64>,
}

impl<R: Read> Plans<R> {
    /// Reads the header and checks that mapping, machine and file fit together. `file` is the name that issues show.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(input: R, file: &str, mapping: Mapping, machines: &Machines, org: Org) -> Result<Self, OpenError> {
        let machine = machines.get(&mapping.machine).cloned().ok_or_else(|| OpenError::UnknownMachine(mapping.machine.clone()))?;
        if let Some(state) = mapping.states().find(|state| !machine.has(state)) {
            return Err(OpenError::UnknownState { machine: mapping.machine.clone(), state: state.to_owned() });
        }
        let (mut rows, mut record) = (Rows::new(input), Record::default());
        let columns = match rows.read(&mut record)? {
            None => Err(HeaderError::Empty),
            Some((_, Found::Row)) => find(&mapping, &record),
            Some((_, Found::BadQuoting | Found::TooLong)) => Err(HeaderError::Unreadable),
        };
        let columns = columns.map_err(OpenError::Header)?;
        let lacks = columns.missing(mapping.dispatch.iter().flat_map(Dispatch::columns));
        let planner = Planner { mapping, machine, org, dispatch: lacks.is_empty(), file: file.into(), seen: HashMap::new() };
        Ok(Self { rows, record, columns, planner, lacks, ended: false })
    }
}

impl<R> Plans<R> {
    /// The columns of dispatch that the file lacks: then no incidents are made.
    #[must_use]
    pub fn lacks(&self) -> &[String] {
        &self.lacks
    }

    /// What the columns of dispatch mean, if there are any.
    #[must_use]
    pub fn dispatch(&self) -> Option<&Dispatch> {
        self.planner.mapping.dispatch.as_ref().filter(|_| self.planner.dispatch)
    }
}

/// A file may lack the columns that only dispatch needs.
fn find(mapping: &Mapping, header: &Record) -> Result<Columns, HeaderError> {
    let mut wanted = mapping.columns();
    let own: Vec<_> = mapping.dispatch.iter().flat_map(Dispatch::columns).filter(|column| !wanted.contains(column)).collect();
    let optional = mapping.optional.iter().cloned().chain(own.iter().map(|column| (*column).to_owned())).collect();
    wanted.extend(own);
    Columns::find(&wanted, &optional, header)
}

impl<R: Read> Iterator for Plans<R> {
    type Item = io::Result<RowPlan>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.rows.read(&mut self.record) {
            Ok(Some((line, found))) => Some(Ok(self.planner.plan(line, found, &self.columns, &self.record))),
            Ok(None) => None,
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl Planner {
    fn plan(&mut self, line: u64, found: Found, columns: &Columns, record: &Record) -> RowPlan {
        let row = Fields { columns, record };
        let id = match self.identify(found, &row) {
            Ok(id) => id,
            Err((field, reason)) => {
                let issue = Issue { file: self.file.clone(), line, id: None, field, reason };
                return RowPlan { line, id: None, steps: Vec::new(), response: None, issues: vec![issue] };
            }
        };
        let mut walk = Walk::new(self, &row, &id);
        walk.steps();
        walk.cancel();
        let response = walk.response();
        let Walk { taken: steps, notes, .. } = walk;
        if let (Some(first), true) = (steps.first(), self.seen.len() < IDS_KEPT_MAX) {
            self.seen.insert(first.command_id.0, line);
        }
        let place = |(field, reason)| Issue { file: self.file.clone(), line, id: Some(id.to_string()), field: Some(field), reason };
        let issues = notes.into_iter().map(place).collect();
        RowPlan { line, id: Some(id), steps, response, issues }
    }

    /// The row's id, or what speaks against the whole row.
    fn identify(&self, found: Found, row: &Fields<'_>) -> Result<EntityId, (Option<String>, Reason)> {
        if let Some(reason) = row.fault(found) {
            return Err((None, reason));
        }
        let fault = |reason| (Some(self.mapping.id.clone()), reason);
        let text = row.get(&self.mapping.id).ok_or_else(|| fault(Reason::InvalidUtf8 { left_out: vec!["the row".to_owned()] }))?;
        if text.is_empty() {
            return Err(fault(Reason::MissingId));
        }
        let id = EntityId::new(text).map_err(|error| fault(Reason::InvalidId(error.to_string())))?;
        match self.mapping.steps.first().and_then(|first| self.seen.get(&self.command_id(&id, &first.to).0)) {
            Some(line) => Err(fault(Reason::DuplicateId(*line))),
            None => Ok(id),
        }
    }

    fn command_id(&self, id: &EntityId, to: &str) -> CommandId {
        CommandId(derive_uuid(&["import-calls", self.org.as_str(), id.as_str(), to]))
    }
}

/// The way of one row through the machine, as far as it has come.
struct Walk<'r> {
    planner: &'r Planner,
    row: &'r Fields<'r>,
    id: &'r EntityId,
    taken: Vec<Step>,
    /// The state reached and the time and column of the step that led there.
    at: Option<(&'r str, Timestamp, &'r str)>,
    notes: Vec<(String, Reason)>,
}

impl<'r> Walk<'r> {
    fn new(planner: &'r Planner, row: &'r Fields<'r>, id: &'r EntityId) -> Self {
        Self { planner, row, id, taken: Vec::new(), at: None, notes: Vec::new() }
    }

    fn steps(&mut self) {
        let mapping = &self.planner.mapping;
        for (index, step) in mapping.steps.iter().enumerate() {
            match self.row.get(&step.column) {
                Some("") => {
                    let steps = mapping.steps[index + 1..].iter().map(|step| &step.column);
                    let later: Vec<_> = steps.chain(&mapping.later).filter(|column| self.row.filled(column)).cloned().collect();
                    if !later.is_empty() {
                        self.note(&step.column, Reason::MissingStamp { later, left_out: vec![step.to.clone()] });
                    }
                }
                Some(text) => self.stamp(&step.column, text, &step.to, None),
                None => self.note(&step.column, Reason::InvalidUtf8 { left_out: vec![step.to.clone()] }),
            }
        }
    }

    fn cancel(&mut self) {
        let mapping = &self.planner.mapping;
        let last = mapping.steps.last().map(|step| &step.column);
        let Some(cancel) = &mapping.cancel else { return };
        if last.into_iter().chain(&mapping.later).any(|column| self.row.filled(column)) {
            return;
        }
        let left_out = vec![cancel.to.clone()];
        match (self.row.get(&cancel.disposition), self.row.get(&cancel.column)) {
            (None, _) => self.note(&cancel.disposition, Reason::InvalidUtf8 { left_out }),
            (Some(disposition), _) if !cancels(cancel, disposition) => {}
            (Some(_), None) => self.note(&cancel.column, Reason::InvalidUtf8 { left_out }),
            (Some(_), Some("")) => {
                self.note(&cancel.column, Reason::MissingStamp { later: vec![cancel.disposition.clone()], left_out });
            }
            (Some(disposition), Some(time)) => self.stamp(&cancel.column, time, &cancel.to, Some(disposition.to_owned())),
        }
    }

    fn response(&mut self) -> Option<Box<Response>> {
        let mapping = &self.planner.mapping;
        let dispatch = mapping.dispatch.as_ref().filter(|_| self.planner.dispatch)?;
        dispatch.read(mapping, self.row).map(Box::new).map_err(|(column, reason)| self.note(column, reason)).ok()
    }

    /// Takes the step that a stamp stands for, or notes why not.
    fn stamp(&mut self, column: &'r str, text: &str, to: &'r str, why: Option<String>) {
        let (clock, left_out) = (&self.planner.mapping.clock, vec![to.to_owned()]);
        let shown = || text.chars().take(SHOWN_CHARS_MAX).collect::<String>();
        let zone = || clock.zone().to_owned();
        let not_before = self.at.map_or(Timestamp::MIN, |(_, last, _)| last);
        match clock.read(text) {
            Meaning::Unreadable => self.note(column, Reason::UnreadableTime { text: shown(), left_out }),
            Meaning::Never => self.note(column, Reason::NonexistentTime { text: shown(), zone: zone(), left_out }),
            Meaning::Once(time) => drop(self.go(column, time, to, why)),
            Meaning::Twice(earlier, later) => {
                let needed = earlier < not_before;
                let time = if needed { later } else { earlier };
                if self.go(column, time, to, why) {
                    let why = if needed { "the later, as the row's order needs it" } else { "the earlier" };
                    self.note(column, Reason::AmbiguousTime { text: shown(), zone: zone(), taken: clock.show(time), why });
                }
            }
        }
    }

    /// Takes a step at a known time if the machine and the order of the row allow it.
    fn go(&mut self, column: &'r str, time: Timestamp, to: &'r str, reason: Option<String>) -> bool {
        let first = self.planner.mapping.steps.first().is_some_and(|first| first.to == to);
        let command = match self.at {
            None if first => self.register(to),
            Some((from, last, before)) if self.planner.machine.allows(from, to) => {
                if time < last {
                    self.note(column, self.backwards(time, last, before, to));
                    return false;
                }
                Command::Transition { to: to.to_owned(), reason }
            }
            None | Some(_) => {
                self.unlawful(column, to);
                return false;
            }
        };
        let body_hash = hash(&command, to, time);
        let command_id = self.planner.command_id(self.id, to);
        self.taken.push(Step { field: column.to_owned(), command, occurred_at: time, command_id, body_hash });
        self.at = Some((to, time, column));
        true
    }

    fn backwards(&self, time: Timestamp, last: Timestamp, before: &str, to: &str) -> Reason {
        let clock = &self.planner.mapping.clock;
        let (time, previous) = (clock.show(time), clock.show(last));
        Reason::Backwards { time, previous, previous_column: before.to_owned(), left_out: vec![to.to_owned()] }
    }

    /// A step that cannot be taken because an earlier one was not belongs to that one's note.
    fn unlawful(&mut self, column: &str, to: &str) {
        if let Some(left_out) = self.notes.iter_mut().rev().find_map(|(_, reason)| reason.left_out()) {
            left_out.push(to.to_owned());
            return;
        }
        let from = self.at.map_or("nothing", |(state, ..)| state).to_owned();
        self.note(column, Reason::UnlawfulStep { from, to: to.to_owned() });
    }

    fn register(&mut self, to: &str) -> Command {
        let mapping = &self.planner.mapping;
        Command::Register { machine: mapping.machine.clone(), initial_state: Some(to.to_owned()), attributes: self.attributes() }
    }

    fn attributes(&mut self) -> BTreeMap<String, Value> {
        let columns = &self.planner.mapping.attributes;
        let mut values = BTreeMap::new();
        for (name, column) in columns {
            match self.row.get(column) {
                Some("") => {}
                Some(text) => drop(values.insert(name.clone(), Value::from(text))),
                None => self.note(column, Reason::InvalidAttribute("not UTF-8 text".to_owned())),
            }
        }
        self.place(&mut values);
        for fault in Attributes::check(&values).err().into_iter().flatten() {
            if let Some((name, column)) = fault.key.as_ref().and_then(|name| columns.get_key_value(name)) {
                values.remove(name);
                self.note(column, Reason::InvalidAttribute(fault.to_string()));
            }
        }
        values
    }

    /// The nodes of the policy tree that the workflow belongs to.
    fn place(&mut self, values: &mut BTreeMap<String, Value>) {
        let mapping = &self.planner.mapping;
        if let Some(zones) = &mapping.zones {
            match zones.place(self.row) {
                Ok(place) => values.extend(place.map(|place| (ZONE.to_owned(), Value::from(place.node().as_str())))),
                Err((column, reason)) => self.note(column, reason),
            }
        }
        let agency = mapping.agencies.as_ref().and_then(|agencies| agencies.agency(self.row));
        values.extend(agency.map(|agency| (AGENCY.to_owned(), Value::from(agency.as_str()))));
    }

    fn note(&mut self, column: &str, reason: Reason) {
        self.notes.push((column.to_owned(), reason));
    }
}

fn cancels(cancel: &Cancel, disposition: &str) -> bool {
    cancel.dispositions.iter().any(|listed| listed.trim().eq_ignore_ascii_case(disposition))
}

/// Over what the row says, in a form that no release may change: it is compared with what was stored by another.
fn hash(command: &Command, to: &str, time: Timestamp) -> BodyHash {
    let time = time.micros().to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![b"import-calls", to.as_bytes(), &time];
    if let Command::Register { machine, attributes, .. } = command {
        parts.push(machine.as_bytes());
        for (name, value) in attributes {
            parts.extend([name.as_bytes(), value.as_str().unwrap_or_default().as_bytes()]);
        }
    }
    BodyHash::of(&parts)
}
