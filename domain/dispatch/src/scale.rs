//! Severity of orders and priority of incidents (specification of IonVeil §2.1). They run in opposite directions, so they
//! are two types, and neither is a bare number (trap T05):
//!
//! ```compile_fail
//! use ionveil_dispatch::scale::{Priority, Severity};
//! fn urgent(priority: Priority) -> bool { priority == Priority::MOST_URGENT }
//! urgent(Severity::WORST);
//! ```

use serde::{Deserialize, Serialize};
use std::fmt;

/// A number that is not on the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is a whole number from 1 to 5")]
pub struct OutOfScale;

macro_rules! scale {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(u8);

        impl $name {
            /// All of them, 1 first.
            pub const ALL: [Self; 5] = [Self(1), Self(2), Self(3), Self(4), Self(5)];

            /// Takes a number from 1 to 5.
            ///
            /// # Errors
            /// [`OutOfScale`] for any other.
            pub fn new(number: i64) -> Result<Self, OutOfScale> {
                Self::ALL.into_iter().find(|one| i64::from(one.0) == number).ok_or(OutOfScale)
            }

            /// The number, 1 to 5.
            #[must_use]
            pub const fn number(self) -> u8 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = OutOfScale;
            fn try_from(number: i64) -> Result<Self, OutOfScale> {
                Self::new(number)
            }
        }

        impl From<$name> for i64 {
            fn from(one: $name) -> i64 {
                one.0.into()
            }
        }
    };
}

scale!(
    /// How bad it is, of an order: 5 is worst. The greater one is the worse.
    Severity
);
scale!(
    /// How urgent it is, of an incident: 1 is most urgent. The *smaller* one is the more urgent.
    Priority
);

impl Severity {
    /// 5.
    pub const WORST: Self = Self(5);
    /// 1.
    pub const MILDEST: Self = Self(1);

    /// One step worse, at most 5.
    #[must_use]
    pub const fn worse(self) -> Self {
        if self.0 < 5 { Self(self.0 + 1) } else { self }
    }

    /// The priority of an incident that is as bad: 6 − severity (decision D02).
    #[must_use]
    pub const fn priority(self) -> Priority {
        Priority(6 - self.0)
    }

    /// The stable name, such as `critical`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self.0 {
            5 => "critical",
            4 => "high",
            3 => "moderate",
            2 => "low",
            _ => "informational",
        }
    }
}

impl Priority {
    /// 1.
    pub const MOST_URGENT: Self = Self(1);
    /// 5.
    pub const LEAST_URGENT: Self = Self(5);

    /// The more urgent of the two: the smaller number.
    #[must_use]
    pub fn or_more_urgent(self, other: Self) -> Self {
        self.min(other)
    }

    /// The severity of an order that is as urgent: 6 − priority (decision D02).
    #[must_use]
    pub const fn severity(self) -> Severity {
        Severity(6 - self.0)
    }

    /// The stable name, such as `critical`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self.0 {
            1 => "critical",
            2 => "high",
            3 => "medium",
            4 => "low",
            _ => "informational",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{OutOfScale, Priority, Severity};

    #[test]
    fn only_one_to_five_is_on_a_scale() {
        for number in [i64::MIN, -1, 0, 6, 257, i64::MAX] {
            assert_eq!(Severity::new(number), Err(OutOfScale), "{number}");
            assert_eq!(Priority::new(number), Err(OutOfScale), "{number}");
            assert!(serde_json::from_str::<Priority>(&number.to_string()).is_err(), "{number}");
        }
        assert!(serde_json::from_str::<Severity>("2.0").is_err());
    }

    #[test]
    fn the_scales_run_in_opposite_directions() {
        let pairs = [(5, 1, "critical", "critical"), (4, 2, "high", "high"), (3, 3, "moderate", "medium"), (2, 4, "low", "low")];
        for (severity, priority, of_severity, of_priority) in pairs {
            let (severity, priority) = (Severity::new(severity).unwrap(), Priority::new(priority).unwrap());
            assert_eq!((severity.priority(), priority.severity()), (priority, severity));
            assert_eq!((severity.label(), priority.label()), (of_severity, of_priority));
        }
        assert_eq!((Severity::MILDEST.label(), Priority::LEAST_URGENT.label()), ("informational", "informational"));
        assert_eq!(Severity::MILDEST.priority(), Priority::LEAST_URGENT);
        assert_eq!(Priority::MOST_URGENT.or_more_urgent(Priority::LEAST_URGENT), Priority::MOST_URGENT);
        assert_eq!((Severity::WORST.worse(), Severity::MILDEST.worse().number()), (Severity::WORST, 2));
        assert_eq!((Severity::WORST.to_string(), Priority::MOST_URGENT.to_string()), ("critical".into(), "P1".into()));
    }
}
