//! Who is told when, level by level (specification of IonVeil §6.3): the policy of an organisation, and the plan that an alert is
//! given when it is raised: the policy with the recipients in it, as they were then. Who comes on shift afterwards is told; who
//! is named in a later policy is told of later alerts.

use crate::fault::{Check, Fault, NAME_CHARS_MAX};
use crate::recipient::Recipient;
use crate::reject::Code;
use crate::rule::MINUTES_MAX;
use crate::words::{Channel, Level};
use ionveil_kernel::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often an alert escalates, where the policy says nothing else.
pub const MAX_ESCALATIONS: u32 = 3;
/// The most recipients of a level.
pub const LEVEL_RECIPIENTS_MAX: usize = 50;

/// The escalation policy of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EscalationPolicy {
    /// What it is called.
    pub name: String,
    /// Its levels, lowest first; not every level has to be there.
    pub levels: Vec<PolicyLevel>,
    /// Where an alert has got as high as it gets, that level is told again so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_after_minutes: Option<u32>,
    /// How often an alert escalates, by itself or by hand.
    pub max_escalations: u32,
}

/// What a policy says of one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyLevel {
    /// Which.
    pub level: Level,
    /// After so long on this level an alert goes on to the next.
    pub timeout_minutes: u32,
    /// Who is told.
    pub recipients: Vec<EntityId>,
    /// Over what; none: what the incident's priority says.
    pub channels: Vec<Channel>,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyForm {
    /// What it is called.
    pub name: String,
    /// Its levels.
    pub levels: Vec<LevelForm>,
    /// The highest level is told again so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_after_minutes: Option<i64>,
    /// How often an alert escalates; 3 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_escalations: Option<u32>,
}

/// A level as somebody asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelForm {
    /// `L1` to `L4`.
    pub level: String,
    /// After so long an alert goes on to the next.
    pub timeout_minutes: i64,
    /// Who is told.
    pub recipients: Vec<String>,
    /// Over what.
    #[serde(default)]
    pub channels: Vec<String>,
}

impl PolicyForm {
    /// The policy, whose recipients have to be among those given.
    ///
    /// # Errors
    /// Every fault, in the order of the fields.
    pub fn check(&self, known: &BTreeMap<EntityId, Arc<Recipient>>) -> Result<EscalationPolicy, Vec<Fault>> {
        let mut check = Check::new(Code::InvalidEscalationPolicy);
        check.text("name", &self.name, NAME_CHARS_MAX);
        check.hold((1..=Level::ALL.len()).contains(&self.levels.len()), "levels", || "has 1 to 4".to_owned());
        let mut levels = Vec::new();
        for (place, form) in self.levels.iter().enumerate().take(Level::ALL.len()) {
            levels.extend(form.read(&mut check, &format!("levels[{place}]"), known));
        }
        levels.sort_by_key(|level: &PolicyLevel| level.level);
        check.hold(levels.windows(2).all(|pair| pair[0].level != pair[1].level), "levels", || "each is named once".to_owned());
        let repeat_after_minutes = self.repeat_after_minutes.map(|minutes| check.minutes("repeat_after_minutes", minutes, 1, MINUTES_MAX));
        let max_escalations = self.max_escalations.unwrap_or(MAX_ESCALATIONS);
        check.hold(max_escalations <= 100, "max_escalations", || "is at most 100".to_owned());
        check.finish(Some(EscalationPolicy { name: self.name.clone(), levels, repeat_after_minutes, max_escalations }))
    }
}

impl LevelForm {
    fn read(&self, check: &mut Check, at: &str, known: &BTreeMap<EntityId, Arc<Recipient>>) -> Option<PolicyLevel> {
        let level = self.level.parse::<Level>().map_err(|unlisted| check.fault(&format!("{at}.level"), unlisted.to_string())).ok();
        let timeout_minutes = check.minutes(&format!("{at}.timeout_minutes"), self.timeout_minutes, 1, MINUTES_MAX);
        let field = format!("{at}.recipients");
        check.hold((1..=LEVEL_RECIPIENTS_MAX).contains(&self.recipients.len()), &field, || format!("has 1 to {LEVEL_RECIPIENTS_MAX}"));
        let mut recipients = Vec::new();
        for (place, name) in self.recipients.iter().enumerate().take(LEVEL_RECIPIENTS_MAX) {
            match EntityId::new(name).ok().filter(|id| known.contains_key(id)) {
                Some(id) => recipients.push(id),
                None => check.fault(&format!("{field}[{place}]"), "there is no recipient of this id"),
            }
        }
        check.unique(&field, &recipients);
        let channels = check.channels(&format!("{at}.channels"), &self.channels);
        level.map(|level| PolicyLevel { level, timeout_minutes, recipients, channels })
    }
}

/// Whom an alert tells when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Its levels, lowest first.
    pub levels: Vec<PlanLevel>,
    /// Where it has got as high as it gets, that level is told again so often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_after_minutes: Option<u32>,
    /// How often it escalates.
    pub max_escalations: u32,
}

/// What a plan says of one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanLevel {
    /// Which.
    pub level: Level,
    /// After so long it goes on to the next.
    pub timeout_minutes: u32,
    /// Over what, in this order.
    pub channels: Vec<Channel>,
    /// Who is told.
    pub recipients: Vec<Arc<Recipient>>,
}

/// Somebody to be told over something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Over what.
    pub channel: Channel,
    /// Who.
    pub recipient: EntityId,
}

/// The plan where there is no policy: nobody is told, and people may still escalate by hand.
impl Default for Plan {
    fn default() -> Self {
        Self { levels: Vec::new(), repeat_after_minutes: None, max_escalations: MAX_ESCALATIONS }
    }
}

impl Plan {
    /// What is planned for a level.
    #[must_use]
    pub fn at(&self, level: Level) -> Option<&PlanLevel> {
        self.levels.iter().find(|planned| planned.level == level)
    }

    /// Whether anything is planned above a level.
    #[must_use]
    pub fn goes_above(&self, level: Level) -> bool {
        self.levels.iter().any(|planned| planned.level > level)
    }

    /// Who can be told at `now` of an alert on this level: who is on shift and has an address, channel by channel in the plan's
    /// order. Where nothing is planned for the level, those of the next one below are told again: somebody has to know.
    #[must_use]
    pub fn targets(&self, level: Level, now: Timestamp) -> Vec<Target> {
        let Some(planned) = self.levels.iter().rev().find(|planned| planned.level <= level) else { return Vec::new() };
        let there: Vec<_> = planned.recipients.iter().filter(|recipient| recipient.is_on_shift(now)).collect();
        let over = |channel: Channel| {
            let with = there.iter().filter(move |recipient| recipient.channels.contains(&channel));
            with.map(move |recipient| Target { channel, recipient: recipient.id.clone() })
        };
        planned.channels.iter().copied().flat_map(over).collect()
    }
}

impl EscalationPolicy {
    /// The plan of an alert. `first` are the rule's channels of the first level, `otherwise` those of levels that name none;
    /// `after` is the rule's timeout of the first level.
    #[must_use]
    pub fn plan(&self, known: &BTreeMap<EntityId, Arc<Recipient>>, first: &[Channel], otherwise: &[Channel], after: Option<u32>) -> Plan {
        let level = |level: &PolicyLevel| {
            let is_first = level.level == Level::L1;
            let named = [if is_first { first } else { &[] }, &level.channels, otherwise];
            PlanLevel {
                level: level.level,
                timeout_minutes: after.filter(|_| is_first).unwrap_or(level.timeout_minutes),
                channels: named.into_iter().find(|channels| !channels.is_empty()).unwrap_or_default().to_vec(),
                recipients: level.recipients.iter().filter_map(|id| known.get(id)).cloned().collect(),
            }
        };
        Plan {
            levels: self.levels.iter().map(level).collect(),
            repeat_after_minutes: self.repeat_after_minutes,
            max_escalations: self.max_escalations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipient::RecipientForm;

    fn known() -> BTreeMap<EntityId, Arc<Recipient>> {
        let recipient = |id: &str, channels: &[&str]| {
            let channels = channels.iter().map(|channel| (*channel).to_owned()).collect();
            let recipient = RecipientForm { id: id.into(), channels, shift: None, time_zone: None }.check().unwrap();
            (recipient.id.clone(), Arc::new(recipient))
        };
        [recipient("a", &["sms", "email"]), recipient("b", &["email"])].into()
    }

    fn level(level: &str, recipients: &[&str], channels: &[&str]) -> LevelForm {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        LevelForm { level: level.into(), timeout_minutes: 10, recipients: owned(recipients), channels: owned(channels) }
    }

    #[test]
    fn a_plan_names_channels_by_rule_then_level_then_priority() {
        let levels = vec![level("L2", &["b"], &[]), level("L1", &["a", "b"], &["email"])];
        let form = PolicyForm { name: "p".into(), levels, repeat_after_minutes: Some(30), max_escalations: None };
        let policy = form.check(&known()).unwrap();
        assert_eq!(policy.max_escalations, 3);
        let plan = policy.plan(&known(), &[Channel::Sms], &[Channel::Push, Channel::Email], Some(2));
        let shown = |level: Level| {
            let targets = plan.targets(level, Timestamp::from_micros(0));
            targets.iter().map(|target| format!("{}:{}", target.channel, target.recipient)).collect::<Vec<_>>()
        };
        assert_eq!(
            (shown(Level::L1), shown(Level::L2), shown(Level::L3)),
            (vec!["sms:a".into()], vec!["email:b".into()], vec!["email:b".into()])
        );
        assert_eq!(plan.levels.iter().map(|level| level.timeout_minutes).collect::<Vec<_>>(), [2, 10]);
        let plan = policy.plan(&known(), &[], &[Channel::Push], None);
        assert_eq!((plan.levels[0].channels.clone(), plan.levels[0].timeout_minutes), (vec![Channel::Email], 10));
        assert!(plan.goes_above(Level::L1) && !plan.goes_above(Level::L2));
    }

    #[test]
    fn every_fault_of_a_policy_is_said_at_once() {
        let mut levels = vec![level("L5", &["x"], &["fax"]), level("L1", &["a", "a"], &[]), level("L1", &[], &[])];
        levels[1].timeout_minutes = 0;
        let form = PolicyForm { name: String::new(), levels, repeat_after_minutes: Some(0), max_escalations: Some(101) };
        let faults = form.check(&known()).unwrap_err();
        let fields = [
            "name",
            "levels[0].level",
            "levels[0].recipients[0]",
            "levels[0].channels[0]",
            "levels[1].timeout_minutes",
            "levels[1].recipients",
            "levels[2].recipients",
            "levels",
            "repeat_after_minutes",
            "max_escalations",
        ];
        assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), fields);
        let none = PolicyForm { name: "p".into(), levels: vec![], repeat_after_minutes: None, max_escalations: None };
        assert_eq!(none.check(&known()).unwrap_err()[0].field, "levels");
    }
}
