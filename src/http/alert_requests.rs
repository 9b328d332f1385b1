//! What clients send to the routes of alerts: bodies and queries, read strictly, and their shapes for OpenAPI. What a value means is
//! for the domain to judge.

use crate::alerts::Address;
use crate::http::fields::{Fields, FromFields};
use crate::http::incident_requests::position;
use crate::http::list::page_size;
use crate::http::problem::Code;
use crate::http::unit_requests::ShiftShape;
use crate::time::Rfc3339;
use ionveil_alerts::alert;
use ionveil_alerts::escalation::{LevelForm, PolicyForm};
use ionveil_alerts::monitor;
use ionveil_alerts::recipient::ShiftForm;
use ionveil_alerts::rule::RuleForm;
use ionveil_alerts::view::NotificationStatus;
use ionveil_alerts::words::{Channel, Severity};
use ionveil_channels::channel::Text;
use ionveil_kernel::{EntityId, Timestamp};
use ionveil_views::{AlertFilter, AlertPlace, NotificationFilter};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The value that has this stable name.
fn named<T: DeserializeOwned>(fields: &mut Fields, field: &'static str, must: &str) -> Option<T> {
    let name = fields.optional::<String>(field)?;
    let read = serde_json::from_value(Value::String(name)).ok();
    if read.is_none() {
        fields.fault(Code::InvalidField, field, format!("must be one of {must}"));
    }
    read
}

/// A rule; what is absent has its default.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PutAlertRule)]
pub struct RuleShape {
    /// What it is called.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
        example = "Late"
    )]
    name: String,
    /// What it is for.
    #[schema(max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    description: Option<String>,
    /// When it fires.
    #[schema(pattern = "^(sla_breach|sla_warning|threshold|pattern)$", example = "sla_breach")]
    condition: String,
    /// What the condition needs to know: `sla_breach` `min_magnitude` (1), `sla_warning` `sla_remaining_pct` (25), `pattern`
    /// `consecutive_breaches` (3), `threshold` `metric` (`elapsed_minutes`, `remaining_pct`, `breach_magnitude`), `operator` and `value`; or
    /// `metric` `slo_burn_rate` with `objective` (0.9), `period_days` (30), `pairs` and `false_pages_per_90_days` (1).
    #[schema(value_type = Option<Object>, example = json!({"min_magnitude": 1.5}))]
    threshold_config: Option<Value>,
    /// How bad that is.
    #[schema(pattern = "^(info|warning|critical|emergency)$", example = "critical")]
    severity: String,
    /// Over what the first level is told; absent or empty: what the level says, else what the priority says.
    #[schema(max_items = 7, example = json!(["email"]))]
    channels: Option<Vec<String>>,
    /// After so long the alert goes to the second level.
    #[schema(minimum = 1, maximum = 10_080)]
    escalation_after_minutes: Option<i64>,
    /// So long there is no second alert of the same incident; absent: 5, 0: there always is.
    #[schema(minimum = 0, maximum = 10_080)]
    suppression_window_minutes: Option<i64>,
    /// Whether it fires at all; absent: it does.
    enabled: Option<bool>,
}

/// A rule as it was sent; its id is in the path, or beside it.
pub struct Rule(pub(super) RuleForm);

impl FromFields for Rule {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, condition, severity) = (fields.required("name"), fields.required("condition"), fields.required("severity"));
        let description = fields.optional("description");
        let threshold_config = fields.optional_object("threshold_config").map_or(Value::Null, Value::Object);
        let channels = fields.optional("channels").unwrap_or_default();
        let escalation_after_minutes = fields.optional("escalation_after_minutes");
        let suppression_window_minutes = fields.optional("suppression_window_minutes");
        let enabled = fields.optional("enabled");
        Some(Self(RuleForm {
            id: String::new(),
            name: name?,
            description,
            condition: condition?,
            threshold_config,
            severity: severity?,
            channels,
            escalation_after_minutes,
            suppression_window_minutes,
            enabled,
        }))
    }
}

/// Tries a rule on what was recorded.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TryAlertRule {
    /// The rule; whether it is enabled is nothing to the trial.
    rule: RuleShape,
    /// Only incidents whose units were sent then or later.
    #[schema(value_type = String, format = DateTime)]
    from: Rfc3339,
    /// And before then.
    #[schema(value_type = String, format = DateTime)]
    to: Rfc3339,
}

/// See [`TryAlertRule`].
pub struct TryRule {
    pub(super) rule: RuleForm,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

impl FromFields for TryRule {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (rule, from, to) = (fields.required::<Rule>("rule"), fields.required("from"), fields.required("to"));
        let (from, to): (Timestamp, Timestamp) = (from?, to?);
        if from >= to {
            fields.fault(Code::InvalidRange, "to", "must be after from");
            return None;
        }
        Some(Self { rule: RuleForm { id: "trial".to_owned(), ..rule?.0 }, from, to })
    }
}

/// Wants an incident checked now.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckIncident {
    /// Which; it need not be known here.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9_:@.-]{0,127}$")]
    incident: String,
    /// 1 is most urgent.
    #[schema(minimum = 1, maximum = 5)]
    priority: i64,
    /// When somebody was sent; not after `now`.
    #[schema(value_type = String, format = DateTime)]
    dispatched_at: Rfc3339,
    /// As of when; absent: now. At most five minutes ahead.
    #[schema(value_type = Option<String>, format = DateTime)]
    now: Option<Rfc3339>,
}

/// See [`CheckIncident`].
pub struct Check(pub(super) monitor::Command);

impl FromFields for Check {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (incident, priority) = (fields.required("incident"), fields.required("priority"));
        let (dispatched_at, now) = (fields.required("dispatched_at"), fields.optional("now"));
        Some(Self(monitor::Command::Check { incident: incident?, priority: priority?, dispatched_at: dispatched_at?, now }))
    }
}

/// Takes care of an alert.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgeAlert {
    /// What there is to say.
    #[schema(max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    note: Option<String>,
    /// For so long; then it opens again. Absent: for good.
    #[schema(minimum = 1, maximum = 10_080)]
    minutes: Option<i64>,
}

/// Ends an alert.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveAlert {
    /// How; not only blanks.
    #[schema(
        min_length = 1,
        max_length = 2000,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
    )]
    note: String,
}

/// Lets the next level know.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalateAlert {
    /// Why.
    #[schema(max_length = 2000, pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$")]
    reason: Option<String>,
}

/// See [`AcknowledgeAlert`].
pub struct Acknowledge(pub(super) alert::Command);
/// See [`ResolveAlert`].
pub struct Resolve(pub(super) alert::Command);
/// See [`EscalateAlert`].
pub struct Escalate(pub(super) alert::Command);

impl FromFields for Acknowledge {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self(alert::Command::Acknowledge { note: fields.optional("note"), minutes: fields.optional("minutes") }))
    }
}

impl FromFields for Resolve {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        fields.required("note").map(|note| Self(alert::Command::Resolve { note }))
    }
}

impl FromFields for Escalate {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self(alert::Command::Escalate { reason: fields.optional("reason") }))
    }
}

/// Keeps rules quiet for a while.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuppressAlerts {
    /// A regular expression that matches the whole id of the rules; it takes time linear in the text.
    #[schema(min_length = 1, max_length = 256, example = "sla-.*")]
    pattern: String,
    /// For how long.
    #[schema(minimum = 1, maximum = 525_600, example = 60)]
    minutes: i64,
    /// Why.
    #[schema(
        min_length = 1,
        max_length = 2000,
        pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$",
        example = "drill"
    )]
    reason: String,
}

/// See [`SuppressAlerts`].
pub struct Suppress(pub(super) monitor::Command);

impl FromFields for Suppress {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (pattern, minutes, reason) = (fields.required("pattern"), fields.required("minutes"), fields.required("reason"));
        Some(Self(monitor::Command::Suppress { pattern: pattern?, minutes: minutes?, reason: reason? }))
    }
}

/// Who is told when.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetEscalationPolicy)]
pub struct PolicyShape {
    /// What it is called.
    #[schema(
        min_length = 1,
        max_length = 128,
        pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$",
        example = "city"
    )]
    name: String,
    /// Its levels, each named once.
    #[schema(min_items = 1, max_items = 4)]
    levels: Vec<LevelShape>,
    /// Where an alert has got as high as it gets, that level is told again so often.
    #[schema(minimum = 1, maximum = 10_080)]
    repeat_after_minutes: Option<i64>,
    /// How often an alert escalates; absent: 3.
    #[schema(minimum = 0, maximum = 100)]
    max_escalations: Option<u32>,
}

/// One level.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EscalationLevel)]
pub struct LevelShape {
    /// `L1` operator, `L2` supervisor, `L3` manager, `L4` executive.
    #[schema(pattern = "^L[1-4]$", example = "L1")]
    pub(super) level: String,
    /// After so long on this level an alert goes on to the next.
    #[schema(minimum = 1, maximum = 10_080, example = 10)]
    pub(super) timeout_minutes: i64,
    /// Who is told: ids of recipients.
    #[schema(min_items = 1, max_items = 50)]
    pub(super) recipients: Vec<String>,
    /// Over what; absent or empty: what the incident's priority says.
    #[schema(max_items = 7)]
    pub(super) channels: Option<Vec<String>>,
}

struct Level(LevelForm);

impl FromFields for Level {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (level, timeout_minutes) = (fields.required("level"), fields.required("timeout_minutes"));
        let (recipients, channels) = (fields.required("recipients"), fields.optional("channels").unwrap_or_default());
        Some(Self(LevelForm { level: level?, timeout_minutes: timeout_minutes?, recipients: recipients?, channels }))
    }
}

/// See [`PolicyShape`].
pub struct Policy(pub(super) PolicyForm);

impl FromFields for Policy {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (name, levels) = (fields.required("name"), fields.required::<Vec<Level>>("levels"));
        let (repeat_after_minutes, max_escalations) = (fields.optional("repeat_after_minutes"), fields.optional("max_escalations"));
        let levels = levels?.into_iter().map(|level| level.0).collect();
        Some(Self(PolicyForm { name: name?, levels, repeat_after_minutes, max_escalations }))
    }
}

/// Whom alerts reach. Name and addresses are kept outside of the journal.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PutRecipient)]
pub struct RecipientShape {
    /// What they are called.
    #[schema(max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$", example = "Night desk")]
    name: Option<String>,
    /// Where they are reached, by channel (`email`, `sms`, `push`, `radio`, `slack`, `pagerduty`, `webhook`): the address, or where it is kept:
    /// `{"env": "IONVEIL_SECRET_…"}`, `{"file": "NAME"}`. Text messages, push and radio go over the organisation's channel of that name.
    #[schema(value_type = Object, example = json!({"sms": "+15550100"}))]
    addresses: Value,
    /// When they work; absent: always.
    shift: Option<ShiftShape>,
    /// The zone in which they are shown times; absent: UTC.
    #[schema(example = "America/Los_Angeles")]
    time_zone: Option<String>,
}

/// See [`RecipientShape`].
pub struct Recipient {
    pub(super) name: String,
    pub(super) addresses: BTreeMap<Channel, Address>,
    pub(super) shift: Option<ShiftForm>,
    pub(super) time_zone: Option<String>,
}

impl FromFields for Recipient {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let name = fields.optional_line("name", 128).unwrap_or_default();
        let addresses = fields.required::<Map<String, Value>>("addresses").map(|object| addresses(fields, object));
        let (shift, time_zone) = (fields.optional::<ReadShift>("shift"), fields.optional("time_zone"));
        Some(Self { name, addresses: addresses??, shift: shift.map(|read| read.0), time_zone })
    }
}

fn addresses(fields: &mut Fields, object: Map<String, Value>) -> Option<BTreeMap<Channel, Address>> {
    let mut read = BTreeMap::new();
    let count = object.len();
    for (name, value) in object {
        let field = format!("addresses.{}", name.chars().take(64).collect::<String>());
        let Ok(channel) = name.parse::<Channel>() else {
            let all: Vec<_> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
            fields.fault(Code::InvalidRecipient, &field, format!("is no channel; there are {}", all.join(", ")));
            continue;
        };
        let text = match &value {
            Value::String(text) => Some(Text::Plain(text.clone())),
            Value::Object(_) => serde_json::from_value::<Text>(value).ok().filter(|text| !matches!(text, Text::Plain(_))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
        };
        match text {
            Some(text) => drop(read.insert(channel, Address(text))),
            None => fields.fault(Code::InvalidRecipient, &field, "must be a text, {\"env\": \"NAME\"} or {\"file\": \"NAME\"}"),
        }
    }
    (read.len() == count).then_some(read)
}

struct ReadShift(ShiftForm);

impl FromFields for ReadShift {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (from, until) = (fields.required("from"), fields.required("until"));
        let (days, zone) = (fields.required::<Vec<String>>("days"), fields.required("zone"));
        let read: Vec<_> = days?.into_iter().map(|day| serde_json::from_value(Value::String(day)).ok()).collect();
        let days = read.into_iter().collect::<Option<Vec<_>>>();
        if days.is_none() {
            fields.fault(Code::InvalidRecipient, "days", "must be days of the week");
        }
        Some(Self(ShiftForm { from: from?, until: until?, days: days?, zone: Some(zone?) }))
    }
}

/// Over what a test message goes.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestRecipient {
    /// Over which channel; absent: over all that they have.
    #[schema(pattern = "^(sms|push|radio|email|slack|pagerduty|webhook)$")]
    channel: Option<String>,
}

/// See [`TestRecipient`].
pub struct Test(pub(super) Option<Channel>);

impl FromFields for Test {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        Some(Self(named(fields, "channel", "sms, push, radio, email, slack, pagerduty, webhook")))
    }
}

/// Which page of a list.
pub struct Listing<F> {
    pub(super) filter: F,
    pub(super) cursor: Option<AlertPlace>,
    pub(super) after: Option<(u16, u64)>,
    pub(super) size: usize,
}

pub(super) fn cursor(created_at: Timestamp, id: &EntityId) -> String {
    format!("a{}_{id}", created_at.micros())
}

fn parse_cursor(text: &str) -> Option<AlertPlace> {
    let (created_at, id) = text.strip_prefix('a')?.split_once('_')?;
    Some(AlertPlace { created_at: Timestamp::from_micros(created_at.parse().ok()?), id: EntityId::new(id).ok()? })
}

impl<F> Listing<F> {
    fn read(fields: &mut Fields, filter: F) -> Option<Self> {
        let (after, size, text) = (position(fields), page_size(fields), fields.optional::<String>("cursor"));
        let cursor = text.as_deref().and_then(parse_cursor);
        if text.is_some() && cursor.is_none() {
            fields.fault(Code::InvalidCursor, "cursor", "is no cursor of this list");
        }
        Some(Self { filter, cursor, after, size: size? })
    }
}

impl FromFields for Listing<AlertFilter> {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let severity = named::<Severity>(fields, "severity", "info, warning, critical, emergency");
        let status = named(fields, "status", "open, escalated, acknowledged, suppressed, resolved");
        Self::read(fields, AlertFilter { severity, status })
    }
}

impl FromFields for Listing<NotificationFilter> {
    const EMPTY_OK: bool = true;
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let alert = fields.optional("alert");
        let status = named::<NotificationStatus>(fields, "status", "pending, digest, sent, failed, unknown");
        Self::read(fields, NotificationFilter { alert, status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let place = AlertPlace { created_at: Timestamp::from_micros(-5), id: EntityId::new("a_b:c").unwrap() };
        assert_eq!(parse_cursor(&cursor(place.created_at, &place.id)), Some(place));
        for text in ["", "a", "a1", "a1_", "x1_a", "ax_a", "a1_-"] {
            assert_eq!(parse_cursor(text), None, "{text}");
        }
    }
}
