//! Names and addresses of recipients: personal data and secrets, kept outside of the journal, and what is wrong with them.

use crate::channels::{Drivers, Secrets};
use crate::config;
use ionveil_alerts::words::Channel;
use ionveil_channels::channel::{SECRET_PREFIX, Text};
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most characters of an address.
pub(crate) const ADDRESS_CHARS_MAX: usize = 2_048;

/// What is kept of a recipient outside of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// What they are called.
    #[serde(default)]
    pub name: String,
    /// Where they are reached.
    pub addresses: BTreeMap<Channel, Address>,
}

/// An address: itself, or where it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub Text);

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(…)")
    }
}

impl Address {
    /// As people are shown it: what is a secret by itself is not.
    #[must_use]
    pub fn shown(&self, channel: Channel) -> String {
        match &self.0 {
            Text::Env { env } => format!("env:{env}"),
            Text::File { file } => format!("file:{file}"),
            Text::Plain(_) if matches!(channel, Channel::Slack | Channel::Pagerduty | Channel::Webhook) => "(kept)".to_owned(),
            Text::Plain(text) => text.clone(),
        }
    }
}

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressFault {
    /// The stable code.
    pub code: &'static str,
    /// Of which channel.
    pub channel: Channel,
    /// What it must be; the address itself is not repeated.
    pub detail: String,
}

/// Everything that is wrong with the addresses of a contact.
pub(super) fn faults(contact: &Contact, drivers: &Drivers, secrets: &Secrets, settings: &config::Alerts) -> Vec<AddressFault> {
    let one = |(channel, address): (&Channel, &Address)| {
        let fault = |code, detail: String| Some(AddressFault { code, channel: *channel, detail });
        if let Text::File { file } = &address.0
            && !is_name(file)
        {
            return fault("invalid_recipient", "names a file without a path".to_owned());
        }
        if let Text::Env { env } = &address.0
            && !env.starts_with(SECRET_PREFIX)
        {
            return fault("invalid_recipient", format!("names a variable that begins with {SECRET_PREFIX}"));
        }
        let Ok(text) = secrets.resolve(&address.0) else {
            return fault("unknown_secret", "names a secret that is not there".to_owned());
        };
        if text.is_empty() || text.chars().count() > ADDRESS_CHARS_MAX || text.chars().any(char::is_control) {
            return fault("invalid_recipient", format!("has 1 to {ADDRESS_CHARS_MAX} characters, none a control character"));
        }
        match channel {
            Channel::Email if settings.mail.is_none() => {
                fault("invalid_recipient", "needs a mail server: alerts.smtp is not set".to_owned())
            }
            Channel::Email if text.parse::<Mailbox>().is_err() => fault("invalid_recipient", "must be an address of mail".to_owned()),
            Channel::Webhook if settings.webhook_key(secrets).is_none() => {
                fault("unknown_secret", "needs a key to sign with: alerts.webhook_key is not set".to_owned())
            }
            Channel::Slack | Channel::Webhook => {
                let (is_refused, detail) = drivers.url_fault(&text)?;
                fault(if is_refused { "address_not_allowed" } else { "invalid_recipient" }, detail)
            }
            Channel::Sms | Channel::Push | Channel::Radio | Channel::Email | Channel::Pagerduty => None,
        }
    };
    contact.addresses.iter().filter_map(one).collect()
}

/// Whether it is the name of a file in a folder, and nothing else.
fn is_name(file: &str) -> bool {
    let lawful = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=128).contains(&file.len()) && !file.starts_with('.') && file.bytes().all(lawful)
}
