//! What the tests of this crate share: names, instants, a policy and an alert in few words.

use crate::escalation::{LevelForm, Plan, PolicyForm};
use crate::firing::{Firing, Violation};
use crate::recipient::{Recipient, RecipientForm};
use crate::rule::RuleForm;
use crate::words::{Channel, Priority, Severity};
use ionveil_kernel::testkit::{CountingIds, meta};
use ionveil_kernel::{CorrelationId, DecideEnv, Decider, EntityId, EventCodec, EventId, Part, Policy, Recorded, StreamId, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

pub(crate) fn id(text: &str) -> EntityId {
    EntityId::new(text).expect("a lawful id")
}

/// Minutes after the epoch.
pub(crate) fn min(minutes: i64) -> Timestamp {
    micros(minutes * 60_000_000)
}

pub(crate) fn micros(at: i64) -> Timestamp {
    Timestamp::from_micros(at)
}

pub(crate) fn rule(config: &Value) -> RuleForm {
    serde_json::from_value(config.clone()).expect("a form")
}

pub(crate) fn recipient(name: &str, channels: &[&str]) -> RecipientForm {
    let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
    RecipientForm { id: name.into(), channels, shift: None, time_zone: None }
}

pub(crate) fn known(forms: &[RecipientForm]) -> BTreeMap<EntityId, Arc<Recipient>> {
    let read = |form: &RecipientForm| form.check().map(|one| (one.id.clone(), Arc::new(one))).expect("a recipient");
    forms.iter().map(read).collect()
}

/// Levels by name, timeout in minutes and recipients.
pub(crate) fn policy(levels: &[(&str, i64, &[&str])], repeat: Option<i64>, max: Option<u32>) -> PolicyForm {
    let level = |(level, timeout_minutes, recipients): &(&str, i64, &[&str])| LevelForm {
        level: (*level).into(),
        timeout_minutes: *timeout_minutes,
        recipients: recipients.iter().map(|name| (*name).to_owned()).collect(),
        channels: Vec::new(),
    };
    let levels = levels.iter().map(level).collect();
    PolicyForm { name: "city".into(), levels, repeat_after_minutes: repeat, max_escalations: max }
}

/// The plan of a policy over mail, its recipients all reachable.
pub(crate) fn plan(levels: &[(&str, i64, &[&str])], repeat: Option<i64>, max: Option<u32>) -> Plan {
    let names: Vec<_> = levels.iter().flat_map(|(_, _, names)| names.iter()).map(|name| recipient(name, &["email"])).collect();
    let known = known(&names);
    policy(levels, repeat, max).check(&known).expect("a policy").plan(&known, &[], &[Channel::Email], None)
}

pub(crate) fn firing(alert: &str, plan: Plan) -> Firing {
    let priority = Priority::new(2).expect("a priority");
    Firing {
        alert: id(alert),
        rule: id("sla-breach"),
        severity: Severity::Critical,
        title: "[P2] SLA breach: incident i".into(),
        description: "10.0 of 10 minutes since dispatch (100 %)".into(),
        incident: Some(id("i")),
        suppressed_by: None,
        violation: Some(Violation::new(priority, 10, min(0), 600_000_000)),
        burn: None,
        origin: None,
        plan,
        at: min(10),
    }
}

/// One entity on virtual time.
pub(crate) struct World<D: Decider> {
    decider: D,
    owner: StreamId,
    pub(crate) state: D::State,
    pub(crate) past: Vec<(D::Part, D::Event)>,
    ids: CountingIds,
}

impl<D: Decider> World<D> {
    pub(crate) fn new(decider: D, name: &str) -> Self {
        let owner: StreamId = format!("{}:test:{name}", D::KIND).parse().expect("a lawful name");
        Self { state: decider.initial(&owner), decider, owner, past: Vec::new(), ids: CountingIds::default() }
    }

    /// Tells it something now; what happened.
    #[track_caller]
    pub(crate) fn tell(&mut self, now: Timestamp, command: &D::Command) -> Result<Vec<D::Event>, D::Rejection> {
        let (cause, policy) = (meta(1), Policy::default());
        let env = DecideEnv { now, occurred_at: now, ids: &self.ids, cause: &cause, policy: &policy };
        let decided = self.decider.decide(&self.state, command, &env)?;
        for (part, event) in &decided {
            let state = std::mem::replace(&mut self.state, self.decider.initial(&self.owner));
            self.state = self.decider.evolve(state, part, event).expect("a lawful event");
        }
        self.past.extend(decided.iter().cloned());
        Ok(decided.into_iter().map(|(_, event)| event).collect())
    }

    /// The next timer that is due by then.
    pub(crate) fn next(&self, until: Timestamp) -> Option<(Timestamp, D::Command)> {
        let timers = self.decider.timers(&self.state).into_iter().filter(|timer| timer.due <= until);
        let timer = timers.min_by(|a, b| (a.due, &a.name).cmp(&(b.due, &b.name)))?;
        Some((timer.due, self.decider.on_timer(&timer.name, timer.due).expect("a timer that it knows")))
    }

    /// Lets all timers fire in time; what happened, and when.
    #[track_caller]
    pub(crate) fn run(&mut self, until: Timestamp) -> Vec<(Timestamp, D::Event)> {
        let mut happened = Vec::new();
        while let Some((due, command)) = self.next(until) {
            let events = self.tell(due, &command).expect("timers are not refused");
            assert!(!events.is_empty(), "a timer fired for nothing at {due:?}");
            happened.extend(events.into_iter().map(|event| (due, event)));
        }
        happened
    }

    /// The laws of the kernel's test kit on all that has happened.
    #[track_caller]
    pub(crate) fn check_laws(&self) {
        ionveil_kernel::testkit::check_laws(&self.decider, &self.owner, &self.past);
    }

    /// The events as the journal holds them.
    pub(crate) fn recorded(&self) -> Vec<Recorded> {
        let record = |(part, event): &(D::Part, D::Event)| recorded(&self.owner, part.stream(&self.owner), event);
        self.past.iter().map(record).collect()
    }
}

/// An event as the journal holds it.
pub(crate) fn recorded(owner: &StreamId, stream: StreamId, event: &impl EventCodec) -> Recorded {
    Recorded {
        event_id: EventId(Uuid::from_u128(1)),
        stream,
        owner: owner.clone(),
        sequence_number: 1,
        partition: 0,
        position: 1,
        event_type: event.event_type().into(),
        schema_version: event.schema_version(),
        data: event.encode().expect("a stored form"),
        occurred_at: min(0),
        recorded_at: min(0),
        correlation_id: CorrelationId(Uuid::from_u128(1)),
        causation_id: Uuid::from_u128(1),
        actor: "user:test".into(),
        traceparent: None,
    }
}
