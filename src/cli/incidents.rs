//! `ionveil incidents` and `ionveil units`: what goes on, and who is where, of a running server over its HTTP interface.

use super::board::BoardArgs;
use super::config::ConfigArgs;
use super::output::printable;
use super::site::{Site, read};
use super::table::{self, Look};
use super::target::ServerArgs;
use super::{load, pages, runtime};
use crate::remote::Remote;
use crate::time::Rfc3339;
use clap::Args;
use console::Style;
use ionveil_kernel::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::process::ExitCode;

const INCIDENTS: [&str; 7] = ["INCIDENT", "STATUS", "P", "AGE", "ZONE", "UNITS", "TITLE"];
const UNITS: [&str; 6] = ["UNIT", "STATUS", "DUTY", "TYPE", "INCIDENT", "NAME"];
/// The columns of figures stand to the right.
const FIGURES: std::ops::Range<usize> = 2..4;

/// Look at the incidents of a server, newest first
#[derive(Args)]
pub struct IncidentsCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    board: BoardArgs,
    /// Only those in this status
    #[arg(long)]
    status: Option<String>,
    /// Only those of this priority: 1, the most urgent, to 5
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u8).range(1..=5))]
    priority: Option<u8>,
    /// Only those in this zone
    #[arg(long)]
    zone: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

/// Look at the units of a server
#[derive(Args)]
pub struct UnitsCommand {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    board: BoardArgs,
    /// Only those of this type
    #[arg(long = "type", value_name = "TYPE")]
    unit_type: Option<String>,
    /// Only those in this status
    #[arg(long)]
    status: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Value>,
    total: u64,
}

impl IncidentsCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let Self { server, board, status, priority, zone, limit } = self;
        let site = Site { config, args: server };
        let texts = [("priority", priority.map(|number| number.to_string())), ("page_size", Some(limit.to_string()))];
        let wishes: Vec<_> = [("status", status), ("zone", zone)].into_iter().chain(texts).collect();
        let total = std::sync::atomic::AtomicU64::new(0);
        runtime::run(|threads| async move {
            let fetch = async |server: &Remote| {
                let query: Vec<_> = wishes.iter().filter_map(|(name, wish)| Some((*name, wish.as_deref()?))).collect();
                let page: Page = read(server.get(&["incidents"], &query).await?)?;
                total.store(page.total, std::sync::atomic::Ordering::Relaxed);
                Ok(page.items)
            };
            let draw = |all: Vec<Value>, now, look| {
                let incidents = all.into_iter().map(read::<Incident>).collect::<anyhow::Result<Vec<_>>>()?;
                Ok(draw_incidents(&incidents, total.load(std::sync::atomic::Ordering::Relaxed), now, look))
            };
            board.run(&site, &threads.env, fetch, draw).await
        })
    }
}

impl UnitsCommand {
    /// Carries it out.
    ///
    /// # Errors
    /// If there is no server, it does not answer, or it refuses.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let config = load(args, &[])?;
        runtime::log(&config.logging);
        let Self { server, board, unit_type, status } = self;
        let site = Site { config, args: server };
        runtime::run(|threads| async move {
            let wishes = [("type", unit_type), ("status", status)];
            let fetch = async |server: &Remote| {
                let query: Vec<_> = wishes.iter().filter_map(|(name, wish)| Some((*name, wish.as_deref()?))).collect();
                let mut all = Vec::new();
                let take = |unit| {
                    all.push(unit);
                    Ok(())
                };
                pages::each(server, &["units"], &query, take).await?;
                Ok(all)
            };
            let draw = |all: Vec<Value>, _, look| {
                let units = all.into_iter().map(read::<Unit>).collect::<anyhow::Result<Vec<_>>>()?;
                Ok(draw_units(&units, look))
            };
            board.run(&site, &threads.env, fetch, draw).await
        })
    }
}

/// An incident as a server answers with it.
#[derive(Deserialize)]
struct Incident {
    id: String,
    status: String,
    priority: u8,
    created_at: Rfc3339,
    zone: Option<String>,
    units: Vec<String>,
    title: String,
}

/// A unit as a server answers with it.
#[derive(Deserialize)]
struct Unit {
    id: String,
    status: String,
    duty: String,
    r#type: String,
    incident: Option<String>,
    name: String,
}

fn draw_incidents(incidents: &[Incident], total: u64, now: Timestamp, look: Look) -> Vec<String> {
    if incidents.is_empty() {
        return vec!["there are no such incidents".to_owned()];
    }
    let row = |incident: &Incident| {
        let cells = [
            printable(&incident.id),
            incident.status.clone(),
            incident.priority.to_string(),
            age(now.since(incident.created_at.0).as_secs()),
            incident.zone.as_deref().map_or_else(|| "-".to_owned(), printable),
            if incident.units.is_empty() { "-".to_owned() } else { printable(&incident.units.join(" ")) },
            printable(&incident.title),
        ];
        table::Row { cells, colour: Some((1, style(&incident.status))) }
    };
    let head = table::Row { cells: INCIDENTS.map(str::to_owned), colour: None };
    let rows: Vec<_> = std::iter::once(head).chain(incidents.iter().map(row)).collect();
    let mut lines = table::lines(&rows, FIGURES, look);
    if total > incidents.len() as u64 {
        lines.push(format!("{} of {total}", incidents.len()));
    }
    lines
}

fn draw_units(units: &[Unit], look: Look) -> Vec<String> {
    if units.is_empty() {
        return vec!["there are no such units: register one with POST /api/v1/units".to_owned()];
    }
    let row = |unit: &Unit| {
        let incident = unit.incident.as_deref().map_or_else(|| "-".to_owned(), printable);
        let cells = [printable(&unit.id), unit.status.clone(), unit.duty.clone(), printable(&unit.r#type), incident, printable(&unit.name)];
        table::Row { cells, colour: Some((1, style(&unit.status))) }
    };
    let head = table::Row { cells: UNITS.map(str::to_owned), colour: None };
    let rows: Vec<_> = std::iter::once(head).chain(units.iter().map(row)).collect();
    table::lines(&rows, 0..0, look)
}

/// Seconds, minutes, hours or days, whichever says enough.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _days => format!("{} d", seconds / 86_400),
    }
}

fn style(status: &str) -> Style {
    match status {
        "reported" | "out_of_service" => Style::new().red(),
        "available" | "resolved" | "closed" | "merged" => Style::new().green(),
        _under_way => Style::new().yellow(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_incident_and_each_unit_has_a_line() {
        let incidents: Vec<Incident> = serde_json::from_value(json!([
            {"id": "c1", "status": "reported", "priority": 2, "created_at": "2026-01-01T00:00:00Z", "units": [], "title": "Fire\u{7}"},
            {"id": "c2", "status": "on_scene", "priority": 1, "created_at": "2025-12-31T00:00:00Z", "zone": "B1", "units": ["E1", "M2"], "title": "Fall"},
        ]))
        .unwrap();
        let now = crate::time::parse("2026-01-01T00:01:05Z").unwrap();
        let expected = [
            "INCIDENT  STATUS    P    AGE  ZONE  UNITS  TITLE",
            "c1        reported  2  1 min  -     -      Fire�",
            "c2        on_scene  1    1 d  B1    E1 M2  Fall",
            "2 of 9",
        ];
        let drawn = draw_incidents(&incidents, 9, now, Look::default());
        assert_eq!((drawn[0].as_str(), &drawn[2..]), (expected[0], &[expected[2].to_owned(), expected[3].to_owned()][..]));
        assert!(drawn[1].starts_with("c1        reported  2  1 min  -     -      Fire") && !drawn[1].contains('\u{7}'));
        let units: Vec<Unit> = serde_json::from_value(json!([
            {"id": "E1", "status": "en_route", "duty": "on_duty", "type": "engine", "incident": "c2", "name": "Engine 1"},
        ]))
        .unwrap();
        let expected = ["UNIT  STATUS    DUTY     TYPE    INCIDENT  NAME", "E1    en_route  on_duty  engine  c2        Engine 1"];
        assert_eq!(draw_units(&units, Look::default()), expected);
        assert_eq!([draw_units(&[], Look::default()).len(), draw_incidents(&[], 0, now, Look::default()).len()], [1, 1]);
    }
}
