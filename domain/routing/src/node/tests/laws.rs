//! Random lives of a node, second by second, with its timer fired when it is due, against the plain rule: after every step
//! the phase is the one that health and warm-up ask for.

use super::*;
use ionveil_kernel::testkit::{CountingIds, check_laws, meta};
use ionveil_kernel::{DecideEnv, Policy};
use proptest::prelude::*;

/// What somebody asks for, or nothing.
fn wish() -> impl Strategy<Value = Option<Command>> {
    prop_oneof![
        3 => Just(None),
        4 => prop_oneof![Just(0.0), Just(1.0), 0.0_f64..=1.0].prop_map(|value| Some(sample(value))),
        1 => (0_u32..400).prop_map(|second| Some(Command::ReportHealthSample { value: 0.1, at: Some(at(second)) })),
        1 => Just(Some(Command::MarkDegraded)),
        1 => Just(Some(Command::EnterMaintenance)),
        2 => Just(Some(Command::Recover)),
    ]
}

struct Life {
    decider: RoutingNode,
    history: Vec<((), Event)>,
    state: State,
}

impl Life {
    /// Refusals change nothing.
    fn ask(&mut self, command: &Command, second: u32) {
        let (cause, ids, policy) = (meta(1), CountingIds::default(), Policy::default());
        let env = DecideEnv { now: at(second), occurred_at: at(second), ids: &ids, cause: &cause, policy: &policy };
        for event in self.decider.decide(&self.state, command, &env).unwrap_or_default() {
            self.state = self.decider.evolve(self.state.clone(), &(), &event.1).unwrap();
            self.history.push(event);
        }
    }

    /// Fires the timer until nothing is due any more; each firing must lead to something.
    fn fire(&mut self, second: u32) {
        while let Some(timer) = self.decider.timers(&self.state).into_iter().find(|timer| timer.due <= at(second)) {
            let before = self.history.len();
            self.ask(&self.decider.on_timer(&timer.name, timer.due).unwrap(), second);
            assert!(self.history.len() > before, "a firing that changes nothing would never be armed again");
        }
    }

    /// Whether the phase is one that health and warm-up allow now.
    fn is_settled(&self, second: u32) -> bool {
        let node = self.state.live().unwrap();
        let health = node.samples.health(at(second), &self.decider.settings).health;
        match node.phase {
            Phase::Active => health >= 0.3,
            Phase::Excluded => health < 0.3,
            Phase::Warming(warmup) => health >= 0.3 && !(at(second) >= warmup.end() && health >= 0.7),
            Phase::Degraded | Phase::Maintenance => true,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_phase_is_always_the_one_that_health_asks_for(wishes in prop::collection::vec((wish(), 1_u32..40), 1..60)) {
        let settings = Settings { window: std::time::Duration::from_secs(60), warmup: std::time::Duration::from_secs(45), ..Settings::default() };
        let decider = RoutingNode { settings };
        let state = decider.evolve(State::Absent, &(), &registered()).unwrap();
        let mut life = Life { decider, history: vec![((), registered())], state };
        let mut second = 0;
        for (wish, pause) in wishes {
            for _ in 0..pause {
                second += 1;
                life.fire(second);
                prop_assert!(life.is_settled(second), "at {}: {:?}", second, life.state);
            }
            if let Some(wish) = wish {
                life.ask(&wish, second);
                prop_assert!(life.is_settled(second), "at {} after {:?}: {:?}", second, wish, life.state);
            }
        }
        check_laws(&life.decider, &"routing-node:test:x".parse().unwrap(), &life.history);
    }
}

#[test]
fn commands_keep_their_form() {
    for (text, command) in [
        (r#"{"type":"report_health_sample","value":1.0}"#, sample(1.0)),
        (r#"{"type":"mark_degraded"}"#, Command::MarkDegraded),
        (
            r#"{"type":"report","service":"s","latency_ms":1,"queue_depth":2,"saturation":0.5}"#,
            Command::Report { service: id("s"), latency_ms: 1, queue_depth: 2, saturation: 0.5 },
        ),
    ] {
        assert_eq!(serde_json::from_str::<Command>(text).unwrap(), command);
        assert!(text.contains(command.command_type()));
    }
    assert!(serde_json::from_str::<Command>(r#"{"type":"report_health_sample","value":1.0,"colour":"red"}"#).is_err());
}
