//! Tests over the two nights in which the clocks of Los Angeles are changed: a call that waits through the change is late by the
//! minutes that have passed, and whoever is on shift by the clock on the wall is called.

use crate::alert::{self, Alerts};
use crate::firing::Firing;
use crate::monitor::{Command, Event, ID, Monitor};
use crate::recipient::{RecipientForm, ShiftForm};
use crate::testing::{World, id, policy};
use crate::words::Priority;
use ionveil_kernel::{Timestamp, Weekday};

const ZONE: &str = "America/Los_Angeles";

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn recipient(name: &str, (day, from, until): (Weekday, &str, &str)) -> Command {
    let shift = ShiftForm { from: from.into(), until: until.into(), days: vec![day], zone: None };
    let recipient = RecipientForm { id: name.into(), channels: vec!["push".into()], shift: Some(shift), time_zone: Some(ZONE.into()) };
    Command::PutRecipient { recipient }
}

/// Two desks that relieve each other in this night, both of the first level.
fn desks(late: (Weekday, &str, &str), early: (Weekday, &str, &str)) -> World<Monitor> {
    let (mut world, noon) = (World::new(Monitor, ID), at("2026-01-01T00:00:00Z"));
    world.tell(noon, &recipient("late", late)).unwrap();
    world.tell(noon, &recipient("early", early)).unwrap();
    let policy = policy(&[("L1", 60, &["late", "early"])], None, None);
    world.tell(noon, &Command::SetPolicy { policy }).unwrap();
    world
}

/// A call of priority 2, ten minutes, that nobody answers: each rule that fires, when, after how many minutes, and who is called.
fn unanswered(world: &mut World<Monitor>, incident: &str, sent: &str) -> Vec<(String, String, f64, Vec<String>)> {
    let (sent, priority) = (at(sent), Priority::new(2).unwrap());
    world.tell(sent, &Command::Prioritised { incident: id(incident), priority }).unwrap();
    world.tell(sent, &Command::Dispatched { incident: id(incident), at: sent }).unwrap();
    let happened = world.run(sent.after(std::time::Duration::from_secs(3_600)));
    let fired = happened.into_iter().filter_map(|(now, event)| if let Event::Fired(of) = event { Some((now, *of.firing)) } else { None });
    fired.map(|(now, firing)| told(now, firing)).collect()
}

fn told(now: Timestamp, firing: Firing) -> (String, String, f64, Vec<String>) {
    let (rule, minutes) = (firing.rule.to_string(), firing.violation.as_ref().unwrap().actual_minutes);
    let mut world = World::new(Alerts, firing.alert.as_str());
    let raised = world.tell(now, &alert::Command::Raise { firing: Box::new(firing) }).unwrap();
    let alert::Event::Raised(raised) = &raised[0] else { panic!("{raised:?}") };
    let called = raised.call.iter().flat_map(|call| &call.targets).map(|target| target.recipient.to_string()).collect();
    let local = jiff::Timestamp::from_microsecond(now.micros()).unwrap().in_tz(ZONE).unwrap().strftime("%H:%M:%S %Z").to_string();
    (rule, local, minutes, called)
}

fn line(rule: &str, local: &str, minutes: f64, called: &str) -> (String, String, f64, Vec<String>) {
    (rule.into(), local.into(), minutes, vec![called.into()])
}

#[test]
fn where_the_clock_is_put_forward_ten_minutes_are_ten_and_the_next_shift_begins_an_hour_sooner() {
    let mut world = desks((Weekday::Saturday, "19:00", "03:00"), (Weekday::Sunday, "03:00", "11:00"));
    let told = unanswered(&mut world, "i", "2026-03-08T09:50:00Z");
    assert_eq!(told, [line("sla-warning", "01:57:30 PST", 7.5, "late"), line("sla-breach", "03:00:00 PDT", 10.0, "early")]);
    world.check_laws();
}

#[test]
fn where_the_clock_is_put_back_ten_minutes_are_ten_and_the_hour_that_comes_twice_is_in_both_shifts_twice() {
    let mut world = desks((Weekday::Saturday, "18:00", "01:30"), (Weekday::Sunday, "01:30", "09:00"));
    let first = unanswered(&mut world, "i", "2026-11-01T08:20:00Z");
    assert_eq!(first, [line("sla-warning", "01:27:30 PDT", 7.5, "late"), line("sla-breach", "01:30:00 PDT", 10.0, "early")]);
    let over = unanswered(&mut world, "j", "2026-11-01T08:50:00Z");
    assert_eq!(over, [line("sla-warning", "01:57:30 PDT", 7.5, "early"), line("sla-breach", "01:00:00 PST", 10.0, "late")]);
    let again = unanswered(&mut world, "k", "2026-11-01T09:20:00Z");
    assert_eq!(again, [line("sla-warning", "01:27:30 PST", 7.5, "late"), line("sla-breach", "01:30:00 PST", 10.0, "early")]);
    world.check_laws();
}
