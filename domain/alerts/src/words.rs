//! The words of alerts (specification of IonVeil §2.2, §4.6, §6.3): how bad, who must know, over what, and how long the first
//! unit may take. All of them are closed lists with stable names.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A name that is not on the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is one of {0}")]
pub struct Unlisted(pub String);

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Unlisted;
            fn from_str(text: &str) -> Result<Self, Unlisted> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(Unlisted([$($word),*].join(", "))) }
            }
        }
    };
}

words!(
    /// How bad an alert is: `info < warning < critical < emergency`. Decision D04 gives each policy level one, in this order.
    Severity {
        /// Good to know.
        Info = "info",
        /// Somebody should look.
        Warning = "warning",
        /// Somebody must act.
        Critical = "critical",
        /// Everything else waits; limits do not hold.
        Emergency = "emergency",
    }
);

words!(
    /// Who is told, lowest first.
    Level {
        /// The operator.
        L1 = "L1",
        /// The supervisor.
        L2 = "L2",
        /// The manager.
        L3 = "L3",
        /// The executive: nobody is above.
        L4 = "L4",
    }
);

words!(
    /// Over what somebody is told.
    Channel {
        /// A text message.
        Sms = "sms",
        /// A message to an app.
        Push = "push",
        /// A voice on the radio.
        Radio = "radio",
        /// A mail.
        Email = "email",
        /// A Slack-compatible webhook.
        Slack = "slack",
        /// PagerDuty's events.
        Pagerduty = "pagerduty",
        /// A signed webhook.
        Webhook = "webhook",
    }
);

impl Level {
    /// The level above; none above the highest.
    #[must_use]
    pub fn above(self) -> Option<Self> {
        Self::ALL.iter().copied().find(|level| *level > self)
    }
}

impl Severity {
    /// The priority whose channels an alert without an incident takes.
    #[must_use]
    pub const fn priority(self) -> Priority {
        match self {
            Self::Emergency => Priority(1),
            Self::Critical => Priority(2),
            Self::Warning => Priority(3),
            Self::Info => Priority(4),
        }
    }
}

/// How urgent an incident is, from 1, the most urgent, to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Priority(u8);

/// A priority that there is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a priority is a whole number from 1 to 5")]
pub struct InvalidPriority;

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];

    /// Takes a number from 1 to 5.
    ///
    /// # Errors
    /// [`InvalidPriority`] for any other.
    pub fn new(number: i64) -> Result<Self, InvalidPriority> {
        u8::try_from(number).ok().filter(|number| (1..=5).contains(number)).map(Self).ok_or(InvalidPriority)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The channels over which an incident of this priority is told, in the order in which they are tried (§4.6).
    #[must_use]
    pub const fn channels(self) -> &'static [Channel] {
        match self.0 {
            1 => &[Channel::Sms, Channel::Push, Channel::Radio, Channel::Email],
            2 => &[Channel::Sms, Channel::Push, Channel::Email],
            3 => &[Channel::Push, Channel::Email],
            _ => &[Channel::Email],
        }
    }

    /// Minutes from dispatch to arrival where the organisation says nothing else (§2.2, the second table).
    #[must_use]
    pub const fn response_minutes(self) -> u32 {
        match self.0 {
            1 => 5,
            2 => 10,
            3 => 20,
            4 => 45,
            _ => 120,
        }
    }
}

impl TryFrom<i64> for Priority {
    type Error = InvalidPriority;
    fn try_from(number: i64) -> Result<Self, InvalidPriority> {
        Self::new(number)
    }
}

impl From<Priority> for i64 {
    fn from(priority: Priority) -> Self {
        Self::from(priority.0)
    }
}

/// The longest response that an organisation may promise, in minutes: a year.
pub const TARGET_MINUTES_MAX: u32 = 525_600;

/// An organisation's own minutes from dispatch to arrival; what it does not name keeps the default (decision D03).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
// The keys of a JSON object are texts, also where it is read in two steps, as commands are.
#[serde(try_from = "BTreeMap<String, u32>", into = "BTreeMap<String, u32>")]
pub struct Targets(pub BTreeMap<Priority, u32>);

impl TryFrom<BTreeMap<String, u32>> for Targets {
    type Error = String;
    fn try_from(rows: BTreeMap<String, u32>) -> Result<Self, String> {
        let priority = |name: &str| name.parse().ok().and_then(|number| Priority::new(number).ok());
        let row = |(name, minutes): (String, u32)| priority(&name).map(|priority| (priority, minutes)).ok_or(name);
        let rows = rows.into_iter().map(row).collect::<Result<_, _>>().map_err(|name| format!("{name:?} is no priority"))?;
        Ok(Self(rows))
    }
}

impl From<Targets> for BTreeMap<String, u32> {
    fn from(Targets(rows): Targets) -> Self {
        rows.into_iter().map(|(priority, minutes)| (priority.number().to_string(), minutes)).collect()
    }
}

impl Targets {
    /// Minutes from dispatch to arrival.
    #[must_use]
    pub fn minutes(&self, priority: Priority) -> u32 {
        self.0.get(&priority).copied().unwrap_or_else(|| priority.response_minutes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_the_specified_ones() {
        assert_eq!(Priority::ALL.map(Priority::response_minutes), [5, 10, 20, 45, 120]);
        let channels = Priority::ALL.map(|priority| priority.channels().iter().map(|c| c.as_str()).collect::<Vec<_>>().join(" "));
        assert_eq!(channels, ["sms push radio email", "sms push email", "push email", "email", "email"]);
        assert_eq!(Severity::ALL.iter().map(|severity| severity.priority().number()).collect::<Vec<_>>(), [4, 3, 2, 1]);
        let own = Targets([(Priority(2), 8)].into());
        let text = serde_json::to_string(&own).unwrap();
        assert_eq!((text.as_str(), serde_json::from_str(&text).ok()), (r#"{"2":8}"#, Some(own.clone())));
        assert!(serde_json::from_str::<Targets>(r#"{"6":8}"#).is_err() && serde_json::from_str::<Targets>(r#"{"x":8}"#).is_err());
        assert_eq!(Priority::ALL.map(|priority| own.minutes(priority)), [5, 8, 20, 45, 120]);
    }

    #[test]
    fn words_are_ordered_and_read_back_and_others_are_refused() {
        assert!(Severity::ALL.is_sorted() && Level::ALL.is_sorted());
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(*level));
            assert_eq!(serde_json::to_string(level).unwrap(), format!("\"{level}\""));
        }
        assert_eq!((Level::L1.above(), Level::L4.above()), (Some(Level::L2), None));
        assert_eq!("L5".parse::<Level>().unwrap_err().to_string(), "it is one of L1, L2, L3, L4");
    }

    #[test]
    fn a_priority_is_from_1_to_5() {
        assert_eq!([0, 1, 5, 6, 257].map(|number| Priority::new(number).is_ok()), [false, true, true, false, false]);
        assert_eq!(serde_json::from_str::<Priority>("3").unwrap(), Priority(3));
        assert!(serde_json::from_str::<Priority>("9").is_err());
        assert_eq!(i64::from(Priority(4)), 4);
    }
}
