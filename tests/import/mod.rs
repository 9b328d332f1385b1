//! `import calls`: what a file of responses stands for, row by row. Nothing here needs a store.

mod dispatch;
mod hostile;
mod places;
pub(crate) mod real;
mod times;
mod watched;

use ionveil::import::{Mapping, OpenError, Plans, RowPlan};
use ionveil_workflow::{Command, Machines};
use std::io::Read;

/// The header of the constructed files: what the mapping needs, without its optional columns.
const HEADER: &str = "Call Number,Unit ID,Received DtTm,Dispatch DtTm,Response DtTm,On Scene DtTm,Transport DtTm,Hospital DtTm,\
                      Call Final Disposition,Available DtTm,RowID";

fn mapping() -> Mapping {
    Mapping::parse(include_str!("../../config/mappings/sf-fire.toml")).expect("the project's own mapping")
}

fn open<R: Read>(input: R) -> Result<Plans<R>, OpenError> {
    Plans::open(input, "calls.csv", mapping(), &Machines::default(), "default".parse().expect("lawful"))
}

fn plans(file: &[u8]) -> Vec<RowPlan> {
    open(file).expect("a good header").collect::<Result<_, _>>().expect("memory does not fail")
}

/// The plan of the only row of a file whose stamps are given in the order of [`HEADER`].
fn plan(stamps: [&str; 4], disposition: &str, available: &str) -> RowPlan {
    let [received, dispatch, response, on_scene] = stamps;
    let file = format!("{HEADER}\n1,E1,{received},{dispatch},{response},{on_scene},,,{disposition},{available},1-E1\n");
    let [plan] = <[RowPlan; 1]>::try_from(plans(file.as_bytes())).expect("one row");
    plan
}

/// `state time` of every step.
fn steps(plan: &RowPlan) -> Vec<String> {
    let shown = |step: &ionveil::import::Step| {
        let to = match &step.command {
            Command::Register { initial_state, .. } => initial_state.as_deref().unwrap_or("?"),
            Command::Transition { to, .. } => to,
            other => panic!("{other:?}"),
        };
        let time = jiff::Timestamp::from_microsecond(step.occurred_at.micros()).expect("a lawful time");
        format!("{to} {time}")
    };
    plan.steps.iter().map(shown).collect()
}

/// `line field code` of every issue.
fn issues(plan: &RowPlan) -> Vec<String> {
    let shown =
        |issue: &ionveil::import::Issue| format!("{} {} {}", issue.line, issue.field.as_deref().unwrap_or("-"), issue.reason.code());
    plan.issues.iter().map(shown).collect()
}
