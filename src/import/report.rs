//! Adds up what became of an import, for people (a table) and programs (JSON).
//!
//! It counts everything and keeps a bounded number of issues; who must have them all takes them from the plans as they
//! come.

use super::dispatch::{Deed, DispatchReport};
use super::issue::{Issue, Reason};
use super::plan::{RowPlan, Step};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The most issues that a report keeps; all are counted.
pub const ISSUES_KEPT_MAX: usize = 1_000_000;
/// The most issues that the table shows.
const ISSUES_SHOWN_MAX: usize = 20;

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its event was appended.
    Appended,
    /// It had been imported before.
    AlreadyThere,
    /// It was refused.
    Refused {
        /// The stable code of the refusal.
        code: String,
        /// Its text.
        detail: String,
    },
}

/// What became of an import so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The file, as the user named it.
    pub file: String,
    /// Rows that were read, without the header.
    pub rows: u64,
    /// Rows that stand for a workflow: those with at least one lawful step.
    pub workflows: u64,
    /// Rows that were left out whole.
    pub rows_left_out: u64,
    /// Events that this run appended.
    pub appended: u64,
    /// Steps that an earlier run had imported.
    pub already_there: u64,
    /// Steps that were refused.
    pub refused: u64,
    /// What became of what the rows say of dispatch; the counts above are of workflows.
    pub dispatch: DispatchReport,
    /// What is to be said about the rows.
    #[serde(flatten)]
    pub found: Findings,
}

/// Issues, counted and kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// All issues.
    pub issues_total: u64,
    /// Rows with at least one issue.
    pub rows_with_issues: u64,
    /// How many issues have each code.
    pub issues_by_code: BTreeMap<String, u64>,
    /// The first [`ISSUES_KEPT_MAX`] issues.
    pub issues: Vec<Issue>,
    /// The line of the last row that was counted among those with issues.
    #[serde(skip)]
    line: u64,
}

impl Report {
    /// An empty report on `file`.
    #[must_use]
    pub fn new(file: &str) -> Self {
        Self { file: file.to_owned(), ..Self::default() }
    }

    /// Counts a row and its issues; its steps follow one by one.
    pub fn row(&mut self, plan: &RowPlan) {
        self.rows += 1;
        if plan.steps.is_empty() {
            self.rows_left_out += 1;
        } else {
            self.workflows += 1;
        }
        for issue in &plan.issues {
            self.found.issue(issue.clone());
        }
    }

    /// Counts what became of a step of the row that was counted last.
    pub fn step(&mut self, plan: &RowPlan, step: &Step, outcome: Outcome) {
        match outcome {
            Outcome::Appended => self.appended += 1,
            Outcome::AlreadyThere => self.already_there += 1,
            Outcome::Refused { code, detail } => {
                self.refused += 1;
                let id = plan.id.as_ref().map(ToString::to_string);
                let reason = Reason::Refused { code, detail };
                self.found.issue(Issue { file: self.file.as_str().into(), line: plan.line, id, field: Some(step.field.clone()), reason });
            }
        }
    }
}

impl Report {
    /// Counts an issue of a row that was counted.
    pub fn issue(&mut self, issue: Issue) {
        self.found.issue(issue);
    }

    /// Counts what became of a report on dispatch.
    pub fn deed(&mut self, deed: &Deed, outcome: Outcome) {
        match outcome {
            Outcome::Appended => self.dispatch.appended += 1,
            Outcome::AlreadyThere => self.dispatch.already_there += 1,
            Outcome::Refused { code, detail } => {
                self.dispatch.refused += 1;
                let (file, id) = (self.file.as_str().into(), Some(deed.row.to_string()));
                self.found.issue(Issue { file, line: deed.line, id, field: None, reason: Reason::Refused { code, detail } });
            }
        }
    }

    /// Whether everything was taken.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.refused == 0 && self.dispatch.refused == 0
    }
}

impl Findings {
    /// Counts an issue; those of a row follow one another.
    pub(super) fn issue(&mut self, issue: Issue) {
        self.issues_total += 1;
        self.rows_with_issues += u64::from(self.line != issue.line);
        self.line = issue.line;
        *self.issues_by_code.entry(issue.reason.code().to_owned()).or_default() += 1;
        if self.issues.len() < ISSUES_KEPT_MAX {
            self.issues.push(issue);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("rows", self.rows),
            ("workflows", self.workflows),
            ("rows left out", self.rows_left_out),
            ("events appended", self.appended),
            ("already there", self.already_there),
            ("refused", self.refused),
        ];
        table(f, &self.file, &counts, &self.found)?;
        dispatch(f, &self.dispatch)
    }
}

fn dispatch(f: &mut fmt::Formatter<'_>, report: &DispatchReport) -> fmt::Result {
    if !report.lacks.is_empty() {
        return writeln!(f, "no incidents: the file lacks {}", report.lacks.join(", "));
    }
    let times = &report.response.all;
    let counts = [
        ("incidents", report.incidents),
        ("units", report.units),
        ("assignments", report.assignments),
        ("reports appended", report.appended),
        ("already there", report.already_there),
        ("refused", report.refused),
        ("with an arrival", times.with_arrival),
        ("without", times.without_arrival),
        ("late", times.late),
    ];
    writeln!(f, "dispatch")?;
    for (name, count) in counts {
        writeln!(f, "  {name:<16}{count:>9}")?;
    }
    writeln!(f, "  {:<16}{:>9.2}", "median minutes", times.median_minutes)?;
    for overlap in report.overlaps.iter().take(ISSUES_SHOWN_MAX) {
        writeln!(f, "{} was sent to {} while it was on {}, for {} s", overlap.unit, overlap.second, overlap.first, overlap.seconds)?;
    }
    Ok(())
}

/// The file, the counts and the first issues.
pub(super) fn table(f: &mut fmt::Formatter<'_>, file: &str, counts: &[(&str, u64)], found: &Findings) -> fmt::Result {
    writeln!(f, "{file}")?;
    for (name, count) in counts.iter().chain(&[("issues", found.issues_total)]) {
        writeln!(f, "  {name:<16}{count:>9}")?;
    }
    for (code, count) in &found.issues_by_code {
        writeln!(f, "    {code:<14}{count:>9}")?;
    }
    for issue in found.issues.iter().take(ISSUES_SHOWN_MAX) {
        writeln!(f, "{issue}")?;
    }
    match found.issues_total.saturating_sub(ISSUES_SHOWN_MAX as u64) {
        0 => Ok(()),
        more => writeln!(f, "… and {more} more; --json lists them"),
    }
}
