//! `ionveil migrate --from sqlite://… --to postgres://…`: a journal moves into a database, whole or not at all.

use super::output;
use super::runtime::Threads;
use crate::config::{ConfigFault, ConfigFaults, StoreUrl};
use crate::datadir::DataDir;
use crate::node::VIEWS_FILE;
use crate::store::{JOURNAL_FILE, Place, postgres_options};
use anyhow::{Context, bail};
use clap::Args;
use ionveil_journal::{Copied, CopyProgress, PARTITIONS_DEFAULT, copy_to_postgres};
use ionveil_views::{CONTACTS_FILE, Contacts, Location, Views, ViewsError};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// From where to where.
#[derive(Args)]
pub(super) struct Copy {
    /// Copy the journal in this file instead: sqlite://PATH; no server may be using it
    #[arg(long, value_name = "URL", requires = "to")]
    from: Option<String>,
    /// Copy it here: postgres://USER@HOST/DATABASE; nothing may be there yet
    #[arg(long, value_name = "URL", requires = "from")]
    to: Option<String>,
}

impl Copy {
    /// Both addresses, if a copy is wanted.
    pub(super) fn wanted(&self) -> Result<Option<(PathBuf, StoreUrl)>, ConfigFaults> {
        let (Some(from), Some(to)) = (&self.from, &self.to) else { return Ok(None) };
        let mut faults = Vec::new();
        let source = sqlite(from).map_err(|fault| faults.push(fault)).ok();
        let target = postgres(to).map_err(|fault| faults.push(fault)).ok();
        source.zip(target).map(Some).ok_or(ConfigFaults(faults))
    }
}

fn sqlite(text: &str) -> Result<PathBuf, ConfigFault> {
    match StoreUrl::parse(text).ok().as_ref().map(Place::at) {
        Some(Place::Sqlite(path)) => Ok(path),
        Some(Place::Memory | Place::Postgres(_)) | None => {
            Err(fault("--from", "must be sqlite://PATH: a journal is copied from a file only"))
        }
    }
}

fn postgres(text: &str) -> Result<StoreUrl, ConfigFault> {
    match StoreUrl::parse(text).ok().as_ref().map(Place::at) {
        Some(Place::Postgres(url)) => Ok(url),
        // It is not repeated: there may be a password in it.
        Some(Place::Memory | Place::Sqlite(_)) | None => {
            Err(fault("--to", "must be postgres://USER@HOST/DATABASE: a journal is copied into a database only"))
        }
    }
}

fn fault(option: &str, detail: &str) -> ConfigFault {
    ConfigFault { path: option.to_owned(), origin: None, detail: detail.to_owned() }
}

/// Copies.
///
/// # Errors
/// As [`copy_to_postgres`]; if a server has the data directory; if there is no such file.
pub(super) async fn copy(lease: Duration, from: PathBuf, to: StoreUrl, json: bool, threads: Threads) -> anyhow::Result<ExitCode> {
    if !from.exists() {
        bail!("there is no journal at {}", from.display());
    }
    let _locked = lock(&from, &threads)?;
    let bar = output::count_bar(0, "copying");
    let (shown, target) = (bar.clone(), to.clone());
    // Addresses of recipients lie beside a journal that has a directory of its own.
    let beside = lock_folder(&from).map(|folder| folder.join(VIEWS_FILE)).filter(|views| views.with_file_name(CONTACTS_FILE).exists());
    let copied = threads.journal.spawn(async move {
        let tell = |CopyProgress { sent, rows }| {
            shown.set_length(rows);
            shown.set_position(sent);
        };
        copy_to_postgres(&from, target.secret(), &postgres_options(PARTITIONS_DEFAULT, lease), tell).await
    });
    let copied = copied.await?;
    bar.finish_and_clear();
    let copied = copied.context("copy the journal")?;
    let (partitions, url) = (u16::try_from(copied.heads.len())?, to.clone());
    let contacts = match beside {
        Some(views) => threads.journal.spawn(async move { copy_contacts(views, &url, partitions).await }).await?,
        None => Ok(0),
    };
    let contacts = contacts.context("the journal was copied, but not the addresses of recipients in contacts.sqlite beside it")?;
    output::line(if json { report(&copied, contacts).to_string() } else { told(&copied, contacts, &to) })?;
    Ok(ExitCode::SUCCESS)
}

async fn copy_contacts(views: PathBuf, to: &StoreUrl, partitions: u16) -> Result<u64, ViewsError> {
    let location = Location::parse(to.secret())?;
    // They lie in the schema of the views.
    Views::open(&location, partitions).await?.close().await;
    let (here, there) = (Contacts::open(&Location::Sqlite(views)).await?, Contacts::open(&location).await?);
    let copied = here.copy_to(&there).await;
    here.close().await;
    there.close().await;
    copied
}

/// The data directory that the file lies in; another file is guarded by its leases alone.
fn lock(file: &Path, threads: &Threads) -> anyhow::Result<Option<DataDir>> {
    Ok(lock_folder(file).map(|folder| DataDir::open(folder, &threads.env)).transpose()?)
}

fn lock_folder(file: &Path) -> Option<&Path> {
    let own = file.file_name().is_some_and(|name| name == JOURNAL_FILE);
    own.then(|| file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new(".")))
}

fn report(copied: &Copied, contacts: u64) -> serde_json::Value {
    serde_json::json!({ "partitions": copied.heads.len(), "rows": copied.rows, "heads": copied.heads, "contacts": contacts })
}

fn told(copied: &Copied, contacts: u64, to: &StoreUrl) -> String {
    let mut text = format!("the journal was copied to {to}; it has {} partitions\n", copied.heads.len());
    for (table, rows) in &copied.rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {:<20} {rows:>12}", table.replace('_', " "));
    }
    let _ = writeln!(text, "  {:<20} {contacts:>12}", "contacts");
    text.push_str("check it with `ionveil verify --store URL`, serve it with `ionveil serve --store URL`, and put the old file away");
    text
}
