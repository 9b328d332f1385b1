//! The real calls, all of them, watched on virtual time: who is warned of and what is missed is held against a plain script over the
//! same file, which is here and shares nothing with what it checks.

use super::real;
use ionveil_alerts::firing::Firing;
use ionveil_alerts::monitor::{Command, Event, Monitor, State, stream};
use ionveil_alerts::words::Priority;
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{DecideEnv, Decider, EntityId, Policy, Timestamp};
use std::collections::BTreeMap;

type Row = BTreeMap<String, String>;

/// A call as the script sees it, in seconds.
struct Call {
    sent: i64,
    /// Somebody came then.
    there: Option<i64>,
    /// Everybody was free again then.
    over: Option<i64>,
    priority: i64,
    minutes: i64,
}

/// Seconds of a local time; the zone does not matter, as no clock was changed in that week.
fn seconds(text: &str) -> i64 {
    let number = |from: usize| text[from..from + 2].parse::<i64>().expect("a number");
    let days = |year: i64, month: i64, day: i64| (year - 2016) * 366 + if month == 12 { 335 } else { 0 } + day;
    let day = days(text[6..10].parse().expect("a year"), number(0), number(3));
    let hour = number(11) % 12 + if text.ends_with("PM") { 12 } else { 0 };
    ((day * 24 + hour) * 60 + number(14)) * 60 + number(17)
}

fn script() -> Option<BTreeMap<String, Call>> {
    let mut reader = csv::Reader::from_path(real::file()?).expect("a readable file");
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in reader.deserialize::<Row>().map(|row| row.expect("CSV")) {
        rows.entry(row["Call Number"].clone()).or_default().push(row);
    }
    let of = |(id, rows): (String, Vec<Row>)| {
        let times = |column: &str| rows.iter().filter(|row| !row[column].is_empty()).map(|row| seconds(&row[column])).collect::<Vec<_>>();
        let (priority, minutes) = match rows[0]["Priority"].as_str() {
            "E" => (1, 5),
            "3" => (2, 10),
            "B" | "C" => (3, 20),
            _ => (4, 45),
        };
        let sent = times("Dispatch DtTm").into_iter().min()?;
        let (there, over) = (times("On Scene DtTm").into_iter().min(), times("Available DtTm").into_iter().max());
        Some((id, Call { sent, there, over: over.filter(|over| *over >= sent), priority, minutes }))
    };
    Some(rows.into_iter().filter_map(of).collect())
}

impl Call {
    /// Whether there is a warning, and whether there is a breach.
    fn expected(&self) -> (bool, bool) {
        let target = self.minutes * 60;
        match (self.there, self.over) {
            (Some(there), _) => ((there - self.sent) * 4 >= target * 3, there - self.sent > target),
            (None, Some(over)) => ((over - self.sent) * 4 >= target * 3, over - self.sent >= target),
            (None, None) => (true, true),
        }
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// A monitor on virtual time, and what has fired: instant, and the firings of one command.
struct World {
    state: State,
    ids: CountingIds,
    fired: Vec<(Timestamp, Vec<Firing>)>,
}

impl World {
    fn tell(&mut self, now: Timestamp, command: &Command) {
        let (cause, policy) = (meta(1), Policy::default());
        let env = DecideEnv { now, occurred_at: now, ids: &self.ids, cause: &cause, policy: &policy };
        let decided = Monitor.decide(&self.state, command, &env).expect("not refused");
        let mut fired = Vec::new();
        for (part, event) in decided {
            self.state = Monitor.evolve(std::mem::take(&mut self.state), &part, &event).expect("lawful");
            if let Event::Fired(of) = event {
                fired.push(*of.firing);
            }
        }
        self.fired.push((now, fired));
    }

    /// Lets the timers fire that are due before `until`: who comes at the very instant is there first.
    fn run(&mut self, until: Timestamp) {
        while let Some(timer) = Monitor.timers(&self.state).into_iter().filter(|timer| timer.due < until).min_by_key(|timer| timer.due) {
            let command = Monitor.on_timer(&timer.name, timer.due).expect("its own timer");
            self.tell(timer.due, &command);
        }
    }
}

fn commands(calls: &BTreeMap<String, Call>) -> Vec<(i64, Command)> {
    let mut all = Vec::new();
    for (id, call) in calls {
        let incident: EntityId = id.parse().expect("a lawful id");
        let priority = Priority::new(call.priority).expect("a priority");
        all.push((call.sent, Command::Prioritised { incident: incident.clone(), priority }));
        all.push((call.sent, Command::Dispatched { incident: incident.clone(), at: at(call.sent) }));
        if let Some(there) = call.there.map(|there| there.max(call.sent)) {
            all.push((there, Command::Arrived { incident, at: at(there) }));
        } else if let Some(over) = call.over {
            all.push((over, Command::Ended { incident, at: at(over) }));
        }
    }
    // Stable: what is of one call keeps its order.
    all.sort_by_key(|(when, _)| *when);
    all
}

#[test]
fn every_real_call_that_is_late_has_one_breach_and_every_one_that_gets_close_one_warning_before() {
    let Some(calls) = script() else { return };
    assert_eq!(calls.len(), 3_560);
    assert!(stream(&"default".parse().expect("a name")).is_ok());
    let mut world = World { state: State::default(), ids: CountingIds::default(), fired: Vec::new() };
    for (when, command) in commands(&calls) {
        world.run(at(when));
        world.tell(at(when), &command);
    }
    world.run(Timestamp::MAX);
    let mut found: BTreeMap<String, Vec<(String, Timestamp)>> = BTreeMap::new();
    for (now, fired) in &world.fired {
        let mut of_this_check = std::collections::BTreeSet::new();
        for firing in fired {
            let incident = firing.incident.as_ref().expect("an incident").to_string();
            assert!(of_this_check.insert(incident.clone()), "{incident}: two from one check");
            found.entry(incident).or_default().push((firing.rule.to_string(), *now));
        }
    }
    let (mut warnings, mut breaches) = (0, 0);
    for (id, call) in &calls {
        let (is_close, is_late) = call.expected();
        let (sent, target) = (call.sent * 1_000_000, call.minutes * 60_000_000);
        let warning = is_close.then(|| ("sla-warning".to_owned(), Timestamp::from_micros(sent + target * 3 / 4)));
        let breach = is_late.then(|| ("sla-breach".to_owned(), Timestamp::from_micros(sent + target)));
        let expected: Vec<_> = warning.into_iter().chain(breach).collect();
        assert_eq!(found.remove(id).unwrap_or_default(), expected, "{id}");
        warnings += usize::from(is_close);
        breaches += usize::from(is_late);
    }
    assert!(found.is_empty(), "{found:?}");
    assert_eq!((warnings, breaches), (147, 72), "as the file has it");
}
