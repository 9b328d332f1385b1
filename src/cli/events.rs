//! `ionveil events`: what was recorded, read from the store beside whoever writes.

use super::config::ConfigArgs;
use super::{load, output, parse_time, runtime};
use crate::http::event_body::EventBody;
use crate::store::Place;
use crate::time;
use anyhow::Context;
use clap::Args;
use ionveil_journal::{Cursor, Feed, Filter};
use ionveil_kernel::{Kind, Org, Recorded, StreamId, Timestamp};
use std::process::ExitCode;
use std::time::Duration;

const PAGE: usize = 512;
const LOOK: Duration = Duration::from_millis(250);

/// Print what was recorded.
#[derive(Args)]
pub struct Events {
    /// Only this organisation's
    #[arg(long)]
    org: Option<Org>,
    /// Only streams of this kind
    #[arg(long)]
    kind: Option<Kind>,
    /// Only this stream, named KIND:ORGANISATION:ID
    #[arg(long)]
    stream: Option<StreamId>,
    /// Only what was recorded then or later (RFC 3339)
    #[arg(long, value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Stop after so many
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Wait for more
    #[arg(long, short)]
    follow: bool,
    /// One JSON object a line, as the HTTP interface shows events
    #[arg(long)]
    json: bool,
}

impl Events {
    /// Prints them.
    ///
    /// # Errors
    /// If the store cannot be read or the output cannot be written.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        runtime::run(|threads| async move {
            let place = Place::of(&config.store);
            let store = threads.journal.spawn(async move { place.open_read_only().await }).await?.context("open the journal")?;
            let filter = Filter {
                org: self.org.clone(),
                kind: self.kind.clone(),
                stream: self.stream.clone(),
                since: self.since,
                ..Filter::default()
            };
            let mut feed = Feed::new(store.clone(), filter, &Cursor::start(store.partitions()), PAGE);
            let mut left = self.limit.unwrap_or(u64::MAX);
            while left > 0 {
                let events = feed.next(PAGE.min(usize::try_from(left).unwrap_or(PAGE))).await.context("read the journal")?;
                left -= events.len() as u64;
                for event in &events {
                    self.print(event)?;
                }
                match (feed.at_end(), self.follow) {
                    (true, false) => break,
                    (true, true) => threads.env.sleep(LOOK).await,
                    (false, _) => {}
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    fn print(&self, event: &Recorded) -> anyhow::Result<()> {
        if self.json {
            return output::line(serde_json::to_string(&EventBody::new(event))?);
        }
        let (happened, known) = (time::format(event.occurred_at), time::format(event.recorded_at));
        output::line(format_args!(
            "{known}  {}#{}  {}  {}  (happened {happened}, by {})",
            event.stream, event.sequence_number, event.event_type, event.data, event.actor
        ))
    }
}
