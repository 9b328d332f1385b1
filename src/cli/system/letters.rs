//! `ionveil system dead-letters`: lists and shows commands that were set aside, replays and discards them.

use crate::cli::output::{self, printable};
use crate::cli::pages;
use crate::cli::site::read;
use crate::remote::Remote;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::Value;
use std::process::ExitCode;
use uuid::Uuid;

/// List commands that a decider failed on twice, show one, replay or discard them.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct DeadLetters {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Show one, with its command
    Show(Show),
    /// Carry them out once more, under their old ids: what was accepted before is not done twice
    Replay(Replay),
    /// Throw them away
    Discard(Discard),
}

#[derive(Args)]
struct Show {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// The dead letter's id
    id: Uuid,
}

/// Carry out dead letters once more.
#[derive(Args)]
pub(super) struct Replay {
    /// The dead letters' ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<Uuid>,
}

/// Throw dead letters away.
#[derive(Args)]
pub(super) struct Discard {
    /// The dead letters' ids
    #[arg(required = true, value_name = "ID")]
    ids: Vec<Uuid>,
}

#[derive(Deserialize)]
struct Letter {
    id: String,
    entity: String,
    command_id: String,
    command: Value,
    fault: String,
    panics: u32,
    parked_at: String,
    actor: Option<String>,
}

#[derive(Deserialize)]
struct Replayed {
    outcome: String,
    code: Option<String>,
    detail: Option<String>,
}

impl DeadLetters {
    pub(super) async fn run(self, server: &Remote) -> anyhow::Result<ExitCode> {
        match self.action {
            None => list(server, self.json).await,
            Some(Action::Show(command)) => command.run(server).await,
            Some(Action::Replay(command)) => command.run(server).await,
            Some(Action::Discard(command)) => command.run(server).await,
        }
    }
}

/// All of them, page by page.
async fn list(server: &Remote, json: bool) -> anyhow::Result<ExitCode> {
    let mut any = false;
    let show = |item: Value| {
        any = true;
        output::line(if json { item.to_string() } else { row(&read(item)?) })
    };
    pages::each(server, &["system", "dead-letters"], &[], show).await?;
    if !any && !json {
        output::line("there are no dead letters")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(letter: &Letter) -> String {
    let actor = letter.actor.as_deref().unwrap_or("unknown");
    format!("{}  {}  {}  by {}  {}", letter.id, letter.parked_at, letter.entity, printable(actor), printable(&letter.fault))
}

impl Show {
    async fn run(self, server: &Remote) -> anyhow::Result<ExitCode> {
        let answer = server.get(&["system", "dead-letters", &self.id.to_string()], &[]).await?;
        if self.json {
            output::line(answer)?;
            return Ok(ExitCode::SUCCESS);
        }
        let letter: Letter = read(answer)?;
        for (name, value) in [
            ("id", &letter.id),
            ("entity", &letter.entity),
            ("command id", &letter.command_id),
            ("parked at", &letter.parked_at),
            ("panics", &letter.panics.to_string()),
            ("asked by", letter.actor.as_ref().unwrap_or(&"unknown".to_owned())),
            ("fault", &letter.fault),
            ("command", &letter.command.to_string()),
        ] {
            output::line(format_args!("{name:<12}{}", printable(value)))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Replay {
    pub(super) async fn run(self, server: &Remote) -> anyhow::Result<ExitCode> {
        let mut all_accepted = true;
        for id in &self.ids {
            let done = replay(server, *id).await;
            all_accepted &= matches!(done, Ok(true));
            complain(*id, done)?;
        }
        Ok(if all_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Says what became of one; whether it was accepted.
async fn replay(server: &Remote, id: Uuid) -> anyhow::Result<bool> {
    let answer = server.post(&["system", "dead-letters", &id.to_string(), "replay"]).await?;
    let Replayed { outcome, code, detail } = read(answer)?;
    let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
    let detail = detail.map(|detail| format!(": {}", printable(&detail))).unwrap_or_default();
    output::line(format_args!("{id}  {outcome}{code}{detail}"))?;
    Ok(outcome == "accepted")
}

impl Discard {
    pub(super) async fn run(self, server: &Remote) -> anyhow::Result<ExitCode> {
        let mut all_done = true;
        for id in &self.ids {
            let done = discard(server, *id).await;
            all_done &= done.is_ok();
            complain(*id, done.map(|()| true))?;
        }
        Ok(if all_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

async fn discard(server: &Remote, id: Uuid) -> anyhow::Result<()> {
    server.post(&["system", "dead-letters", &id.to_string(), "discard"]).await?;
    output::line(format_args!("{id}  discarded"))
}

/// One that went wrong does not keep the others from their turn; that nobody reads our output does.
fn complain(id: Uuid, done: anyhow::Result<bool>) -> anyhow::Result<()> {
    match done {
        Err(error) if error.is::<std::io::Error>() => Err(error),
        Err(error) => {
            eprintln!("error: {id}: {}", printable(&error.to_string()));
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}
