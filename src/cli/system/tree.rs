//! `ionveil system tree`: the tree, once or again and again.

use super::draw::draw;
use crate::cli::output;
use crate::cli::screen::Screen;
use crate::cli::site::{Site, read};
use crate::cli::target::SendError;
use clap::Args;
use ionveil_actors::Tree;
use ionveil_kernel::{Env, Kind};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is drawn.
const EVERY: Duration = Duration::from_secs(1);
/// How long a picture is waited for before that is worth a word.
const PATIENCE: Duration = Duration::from_secs(3);

/// Draw the tree of supervisors and entities: those in memory, in trouble first.
#[derive(Args)]
pub(super) struct TreeArgs {
    /// 1: the organisation, 2: and its policy nodes and kinds of entities, 3: and the entities
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    depth: u8,
    /// Only entities of this kind
    #[arg(long)]
    kind: Option<Kind>,
    /// The most entities of each kind at each place
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=500))]
    entities: u16,
    /// Draw it again each second until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    /// The tree as JSON, one object a line
    #[arg(long)]
    json: bool,
}

/// Why there is no picture.
enum Missing {
    /// The server is away, or cannot answer now.
    ForNow(String),
    ForGood(anyhow::Error),
}

impl TreeArgs {
    pub(super) async fn run(self, site: &Site, env: &Env) -> anyhow::Result<ExitCode> {
        let mut screen = Screen::new("--depth 2 shows less");
        // What is wrong from the start is not waited for.
        let first = self.lines(&self.ask(&site.server()?).await?, &screen)?;
        if !self.watch {
            first.iter().try_for_each(output::line)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut stop = signal(SignalKind::interrupt())?;
        tokio::select! {
            biased;
            _ = stop.recv() => Ok(ExitCode::SUCCESS),
            ended = self.follow(first, site, &mut screen, env) => ended,
        }
    }

    /// Draws until it cannot.
    async fn follow(&self, first: Vec<String>, site: &Site, screen: &mut Screen, env: &Env) -> anyhow::Result<ExitCode> {
        let (mut last, mut away) = (first, false);
        screen.show(&last)?;
        loop {
            env.sleep(EVERY).await;
            match self.look(site, screen).await {
                Ok(lines) => {
                    (last, away) = (lines, false);
                    screen.show(&last)?;
                }
                Err(Missing::ForNow(why)) if screen.is_term() => {
                    let word = [format!("{why}; trying again. What was seen last:"), String::new()];
                    screen.show(&[&word, &last[..]].concat())?;
                }
                Err(Missing::ForNow(why)) => {
                    if !std::mem::replace(&mut away, true) {
                        eprintln!("{why}; trying again");
                    }
                }
                Err(Missing::ForGood(error)) => return Err(error),
            }
        }
    }

    /// Looks for the server anew each time: one that was started again has another address.
    async fn look(&self, site: &Site, screen: &Screen) -> Result<Vec<String>, Missing> {
        let server = site.find().map_err(Missing::ForGood)?.ok_or_else(|| Missing::ForNow(site.absent()))?;
        let asked = tokio::time::timeout(PATIENCE, self.ask(&server)).await;
        let asked = asked.map_err(|_| Missing::ForNow("the server does not answer in time".to_owned()))?;
        let answer = asked.map_err(|error: SendError| match error.retryable {
            true => Missing::ForNow(error.detail),
            false => Missing::ForGood(error.into()),
        })?;
        self.lines(&answer, screen).map_err(Missing::ForGood)
    }

    async fn ask(&self, server: &crate::remote::Remote) -> Result<Value, SendError> {
        let (depth, entities) = (self.depth.to_string(), self.entities.to_string());
        let mut query = vec![("depth", depth.as_str()), ("entities", &entities)];
        query.extend(self.kind.as_ref().map(|kind| ("kind", kind.as_str())));
        server.get(&["system", "tree"], &query).await
    }

    fn lines(&self, answer: &Value, screen: &Screen) -> anyhow::Result<Vec<String>> {
        if self.json {
            return Ok(vec![answer.to_string()]);
        }
        Ok(draw(&read::<Tree>(answer.clone())?, screen.look()))
    }
}
