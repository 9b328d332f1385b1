//! The escalation policy and the recipients as clients see them.

use crate::alerts::Contact;
use crate::http::alert_bodies::names;
use crate::http::alert_requests::LevelShape;
use ionveil_alerts::escalation::EscalationPolicy;
use ionveil_alerts::recipient::Recipient;
use ionveil_alerts::words::Channel;
use ionveil_kernel::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The escalation policy.
#[derive(Serialize, ToSchema)]
#[schema(as = EscalationPolicy)]
pub struct PolicyBody {
    /// What it is called.
    name: String,
    /// Its levels, lowest first.
    levels: Vec<LevelShape>,
    /// The highest level is told again so often.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_after_minutes: Option<u32>,
    /// How often an alert escalates.
    max_escalations: u32,
}

impl From<&EscalationPolicy> for PolicyBody {
    fn from(policy: &EscalationPolicy) -> Self {
        let level = |level: &ionveil_alerts::escalation::PolicyLevel| LevelShape {
            level: level.level.to_string(),
            timeout_minutes: level.timeout_minutes.into(),
            recipients: level.recipients.iter().map(ToString::to_string).collect(),
            channels: Some(names(&level.channels)),
        };
        Self {
            name: policy.name.clone(),
            levels: policy.levels.iter().map(level).collect(),
            repeat_after_minutes: policy.repeat_after_minutes,
            max_escalations: policy.max_escalations,
        }
    }
}

/// Whom alerts reach.
#[derive(Serialize, ToSchema)]
#[schema(as = Recipient)]
pub struct RecipientBody {
    /// An opaque id.
    id: String,
    /// What they are called.
    name: String,
    /// By channel: the address, where it is kept, or `(kept)` where it is a secret by itself.
    addresses: BTreeMap<String, String>,
    /// When they work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::http::unit_requests::ShiftShape>)]
    shift: Option<ionveil_kernel::Shift>,
    /// The zone in which they are shown times.
    time_zone: String,
    /// Whether they are on shift now.
    on_shift: bool,
}

impl RecipientBody {
    /// As it is known in the journal and beside it.
    #[must_use]
    pub fn new(recipient: &Recipient, contact: &Contact, now: Timestamp) -> Self {
        let address = |channel: &Channel| {
            let shown = contact.addresses.get(channel).map_or_else(|| "(missing)".to_owned(), |address| address.shown(*channel));
            (channel.to_string(), shown)
        };
        Self {
            id: recipient.id.to_string(),
            name: contact.name.clone(),
            addresses: recipient.channels.iter().map(address).collect(),
            shift: recipient.shift.clone(),
            time_zone: recipient.time_zone.clone(),
            on_shift: recipient.is_on_shift(now),
        }
    }
}

/// All recipients of an organisation.
#[derive(Serialize, ToSchema)]
pub struct Recipients {
    /// By id; of each its channels, without addresses.
    pub(super) items: Vec<RecipientLine>,
}

/// A recipient in a list.
#[derive(Serialize, ToSchema)]
pub struct RecipientLine {
    /// An opaque id.
    pub(super) id: String,
    /// The channels of which there is an address.
    pub(super) channels: Vec<String>,
    /// Whether they are on shift now.
    pub(super) on_shift: bool,
}

impl RecipientLine {
    /// As it stands at `now`.
    #[must_use]
    pub fn new(recipient: &Recipient, now: Timestamp) -> Self {
        Self { id: recipient.id.to_string(), channels: names(&recipient.channels), on_shift: recipient.is_on_shift(now) }
    }
}

/// Test messages on their way.
#[derive(Serialize, ToSchema)]
pub struct RecipientTest {
    /// To whom.
    pub(super) recipient: String,
    /// The notifications; what came of them stands in the list of notifications.
    pub(super) notifications: Vec<TestBody>,
}

/// One test message.
#[derive(Serialize, ToSchema)]
#[schema(as = TestNotification)]
pub struct TestBody {
    /// Its id, which the receiver sees.
    pub(super) id: String,
    /// Over what.
    pub(super) channel: String,
}
