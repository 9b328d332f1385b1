//! How urgent a message is, and how much of a queue its class may fill.

use serde::{Deserialize, Serialize};

/// The classes of messages, most urgent first: `Control > Reply > Command > Telemetry`. A more urgent one is taken first
/// and still finds room where less urgent ones are turned away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What steers the house: brakes, cancellations, repairs.
    Control,
    /// What somebody inside the house waits for: timers, reactors' commands.
    Reply,
    /// Everybody's work.
    #[default]
    Command,
    /// What may be lost first.
    Telemetry,
}

impl Class {
    /// All of them, most urgent first.
    pub const ALL: [Self; 4] = [Self::Control, Self::Reply, Self::Command, Self::Telemetry];

    /// The place in [`Self::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Reply => "reply",
            Self::Command => "command",
            Self::Telemetry => "telemetry",
        }
    }

    /// How much may be waiting, all classes together, for one more of this class to be let in, where `max` commands may
    /// wait: half for telemetry, a sixteenth (at least 8) more for control, half of that for replies.
    #[must_use]
    pub fn limit(self, max: usize) -> u32 {
        let max = u32::try_from(max).unwrap_or(u32::MAX / 4).clamp(1, u32::MAX / 4);
        let reserve = (max / 16).max(8);
        match self {
            Self::Control => max + reserve,
            Self::Reply => max + reserve / 2,
            Self::Command => max,
            Self::Telemetry => (max / 2).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_urgent_classes_find_more_room() {
        for max in [0, 1, 7, 1_024, usize::MAX] {
            let limits = Class::ALL.map(|class| class.limit(max));
            assert!(limits[0] > limits[1] && limits[1] > limits[2] && limits[2] >= limits[3], "{max}: {limits:?}");
            assert!(limits[3] >= 1);
        }
        assert_eq!(Class::Command.limit(1_024), 1_024);
    }
}
