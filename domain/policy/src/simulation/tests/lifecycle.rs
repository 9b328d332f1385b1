//! The life of a simulation: every command in every phase.

use super::*;
use ionveil_kernel::testkit::{fold, given};
use ionveil_kernel::{Decider, Rejection as _};
use std::sync::Arc;

fn past(phase: &str) -> Vec<((), Event)> {
    let started = |restarted| Event::Started(Started { restarted });
    let events = match phase {
        "absent" => vec![],
        "pending" => vec![Event::Created(created())],
        "running" => vec![Event::Created(created()), started(false)],
        "restarted" => vec![Event::Created(created()), started(false), started(true)],
        "completed" => vec![Event::Created(created()), started(false), completed()],
        "failed" => vec![Event::Created(created()), started(false), Event::Failed(Failed { error: "gone".into() })],
        "cancelled" => vec![Event::Created(created()), Event::Cancelled(Cancelled {})],
        other => panic!("{other}"),
    };
    events.into_iter().map(|event| ((), event)).collect()
}

fn completed() -> Event {
    Event::Completed(Completed { outcome: Arc::new(outcome()) })
}

/// What a command leads to: the event's type, `-` for none, or the code of the refusal.
fn answer(phase: &str, command: Command) -> String {
    let state = fold(&Simulation, &"simulation:test:x".parse().unwrap(), &past(phase));
    match super::super::decide::decide(&state, &command) {
        Ok(Some(event)) => {
            let _laws = given(Simulation, past(phase)).when(command).then([((), event.clone())]);
            ionveil_kernel::EventCodec::event_type(&event).to_owned()
        }
        Ok(None) => "-".to_owned(),
        Err(rejection) => rejection.code().to_owned(),
    }
}

#[test]
fn every_command_in_every_phase() {
    let create = || Command::Create { scenario: Box::new(strict()), pattern: two_failures(), duration_s: 60.0 };
    let complete = || Command::Complete { outcome: Arc::new(outcome()) };
    let fail = || Command::Fail { error: "gone".into() };
    let (start, again) = (|| Command::Start { restarted: false }, || Command::Start { restarted: true });
    let table = [
        ("absent", ["created", "not_found", "not_found", "not_found", "not_found", "not_found"]),
        ("pending", ["duplicate_entity", "started", "not_running", "not_running", "not_running", "cancelled"]),
        ("running", ["duplicate_entity", "already_running", "started", "completed", "failed", "cancelled"]),
        ("restarted", ["duplicate_entity", "already_running", "started", "completed", "failed", "cancelled"]),
        ("completed", ["duplicate_entity", "-", "-", "-", "-", "-"]),
        ("failed", ["duplicate_entity", "not_runnable", "not_runnable", "-", "-", "-"]),
        ("cancelled", ["duplicate_entity", "not_runnable", "not_runnable", "-", "-", "-"]),
    ];
    for (phase, expected) in table {
        let commands = [create(), start(), again(), complete(), fail(), Command::Cancel];
        assert_eq!(commands.map(|command| answer(phase, command)), expected, "{phase}");
    }
}

#[test]
fn an_outcome_of_another_simulation_is_refused() {
    let other = Arc::new(ran(&default_scenario(), &events("fff"), 60));
    let longer = Arc::new(ran(&created().scenario, &events("fff"), 61));
    for outcome in [other, longer] {
        assert_eq!(answer("running", Command::Complete { outcome }), "foreign_outcome");
    }
}

#[test]
fn reasons_of_failure_are_cut() {
    let long = "é".repeat(ERROR_CHARS_MAX + 1);
    let kept = Event::Failed(Failed { error: "é".repeat(ERROR_CHARS_MAX) });
    given(Simulation, past("running")).when(Command::Fail { error: long }).then([((), kept)]);
}

/// Every pair that no lawful history contains trips the invariant of its number.
#[test]
fn unlawful_histories_are_loud() {
    let started = |restarted| Event::Started(Started { restarted });
    let foreign = Event::Completed(Completed { outcome: Arc::new(ran(&default_scenario(), &events("fff"), 60)) });
    let table = [
        ("absent", started(false), 1),
        ("pending", Event::Created(created()), 2),
        ("pending", started(true), 3),
        ("running", started(false), 3),
        ("completed", started(true), 3),
        ("pending", completed(), 4),
        ("cancelled", completed(), 4),
        ("pending", Event::Failed(Failed { error: "gone".into() }), 4),
        ("completed", Event::Cancelled(Cancelled {}), 5),
        ("running", foreign, 6),
    ];
    for (phase, event, number) in table {
        let state = fold(&Simulation, &"simulation:test:x".parse().unwrap(), &past(phase));
        assert_eq!(Simulation.evolve(state, &(), &event).unwrap_err().number, number, "{phase} {event:?}");
    }
}

#[test]
fn commands_have_a_serde_form() {
    for command in [
        Command::Create { scenario: Box::new(strict()), pattern: two_failures(), duration_s: 60.0 },
        Command::Start { restarted: true },
        Command::Complete { outcome: Arc::new(outcome()) },
        Command::Fail { error: "gone".into() },
        Command::Cancel,
    ] {
        let text = serde_json::to_string(&command).unwrap();
        assert!(text.contains(command.command_type()));
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command);
    }
    let bare = r#"{"create":{"scenario":{"name":"x"},"pattern":{"events":[]}}}"#;
    let Ok(Command::Create { duration_s, .. }) = serde_json::from_str(bare) else { panic!("{bare}") };
    assert_eq!(duration_s, DURATION_S_DEFAULT);
}
