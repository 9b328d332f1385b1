//! What is measured, over which windows, and how many values become one (specification of IonVeil §6.2).

use ionveil_kernel::Timestamp;

const MINUTE_MICROS: i64 = 60_000_000;

macro_rules! names {
    ($(#[$doc:meta])* $enum:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $enum { $($(#[$variant_doc])* $variant,)* }

        impl $enum {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The one of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

names!(
    /// What is measured of each dispatch.
    Metric {
        /// Minutes from dispatch to arrival.
        ResponseTime = "response_time",
        /// 1 each.
        DispatchCount = "dispatch_count",
        /// Kilometres.
        Distance = "distance",
        /// 1 if the SLA was met, else 0.
        SlaCompliance = "sla_compliance",
    }
);

names!(
    /// How long a window is. Its bounds lie on a grid that begins at the Unix epoch, so they are UTC: a `1d` window is 24
    /// hours from midnight UTC, whatever local clocks do.
    Window {
        /// One minute.
        Minute = "1m",
        /// Five minutes.
        FiveMinutes = "5m",
        /// A quarter of an hour.
        Quarter = "15m",
        /// One hour.
        Hour = "1h",
        /// Six hours.
        SixHours = "6h",
        /// 24 hours.
        Day = "1d",
    }
);

names!(
    /// How the values of a window become one.
    Aggregation {
        /// Their sum.
        Sum = "sum",
        /// How many there are.
        Count = "count",
        /// Their mean.
        Avg = "avg",
        /// The 50th percentile, by nearest rank as all of them.
        P50 = "p50",
        /// The 90th.
        P90 = "p90",
        /// The 95th.
        P95 = "p95",
        /// The 99th.
        P99 = "p99",
        /// The smallest.
        Min = "min",
        /// The greatest.
        Max = "max",
    }
);

impl Window {
    /// Its length in minutes.
    #[must_use]
    pub const fn minutes(self) -> i64 {
        match self {
            Self::Minute => 1,
            Self::FiveMinutes => 5,
            Self::Quarter => 15,
            Self::Hour => 60,
            Self::SixHours => 360,
            Self::Day => 1_440,
        }
    }

    /// The start of the window that an instant falls into.
    #[must_use]
    pub const fn start_of(self, at: Timestamp) -> Timestamp {
        at_minute(floor(minute_of(at), self.minutes()))
    }

    /// How many of these windows an hour is.
    #[must_use]
    pub(crate) fn per_hour(self) -> f64 {
        60.0 / self.minutes() as f64
    }
}

impl Aggregation {
    /// Which percentile it is, if it is one; the smallest value is that of 0 and the greatest that of 100.
    #[must_use]
    pub const fn percent(self) -> Option<f64> {
        match self {
            Self::Sum | Self::Count | Self::Avg => None,
            Self::P50 => Some(50.0),
            Self::P90 => Some(90.0),
            Self::P95 => Some(95.0),
            Self::P99 => Some(99.0),
            Self::Min => Some(0.0),
            Self::Max => Some(100.0),
        }
    }
}

/// Whole minutes since the epoch, rounded down.
pub(crate) const fn minute_of(at: Timestamp) -> i64 {
    at.micros().div_euclid(MINUTE_MICROS)
}

/// Whole minutes since the epoch, rounded up.
pub(crate) const fn minute_after(at: Timestamp) -> i64 {
    minute_of(Timestamp::from_micros(at.micros() - 1)) + 1
}

pub(crate) const fn at_minute(minute: i64) -> Timestamp {
    Timestamp::from_micros(minute.saturating_mul(MINUTE_MICROS))
}

/// The multiple of `step` at or below a minute.
pub(crate) const fn floor(minute: i64, step: i64) -> i64 {
    minute.div_euclid(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_do_not() {
        for metric in Metric::ALL {
            assert_eq!(Metric::named(metric.name()), Some(*metric));
        }
        assert_eq!(Window::ALL.iter().map(|window| window.to_string()).collect::<Vec<_>>(), ["1m", "5m", "15m", "1h", "6h", "1d"]);
        assert_eq!(Aggregation::ALL.len(), 9);
        assert_eq!((Metric::named("Distance"), Window::named("60s"), Aggregation::named("p999")), (None, None, None));
    }

    /// Constructed by hand: midnights UTC around both changes of local clocks in Berlin, and around a leap day.
    #[test]
    fn windows_are_of_utc_whatever_local_clocks_do() {
        let noon = 43_200;
        for (name, midnight) in [
            ("before 1970", -86_400),
            ("the leap day of 2024", 1_709_164_800),
            ("the day after it", 1_709_251_200),
            ("clocks go forward, 2026-03-29", 1_774_742_400),
            ("clocks go back, 2026-10-25", 1_792_886_400),
        ] {
            let at = |second: i64| Timestamp::from_micros((midnight + second) * 1_000_000);
            assert_eq!(Window::Day.start_of(at(noon)), at(0), "{name}");
            assert_eq!(Window::Day.start_of(at(86_399)), at(0), "{name}");
            assert_eq!(Window::Day.start_of(at(86_400)), at(86_400), "{name}");
            assert_eq!(Window::Hour.start_of(at(7_261)), at(7_200), "{name}");
            assert_eq!(Window::SixHours.start_of(at(noon + 1)), at(noon), "{name}");
        }
    }

    #[test]
    fn minutes_round_down_and_up() {
        let at = Timestamp::from_micros;
        assert_eq!([-60_000_001, -1, 0, 59_999_999, 60_000_000].map(|micros| minute_of(at(micros))), [-2, -1, 0, 0, 1]);
        assert_eq!([-60_000_001, -1, 0, 1, 60_000_000, 60_000_001].map(|micros| minute_after(at(micros))), [-1, 0, 0, 1, 1, 2]);
    }
}
