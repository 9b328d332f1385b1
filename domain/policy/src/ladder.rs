//! The engine's rules, alike for the live engine and the simulator: failures in a row climb a ladder of levels, successes
//! in a row come down it. Pure; time is whatever the caller counts in.

/// What an engine is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So many failures in a row lead one level up, at least 1.
    pub escalate_at: u64,
    /// By level: more than so many successes in a row lead one level down; none: never.
    pub deescalate_above: Box<[Option<u64>]>,
    /// A level that was reached is kept for so long before the engine leaves it downwards; in the unit of `at`.
    pub dwell: u64,
}

/// Where an engine stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    /// The index of the level, 0 the mildest.
    pub level: usize,
    /// Successes in a row.
    pub streak: u64,
    /// Failures in a row since the last step.
    pub burst: u64,
    /// When the level was reached.
    pub since: u64,
}

/// What an outcome led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One level up, after so many failures in a row.
    Up {
        /// The failures.
        burst: u64,
    },
    /// One level down, after so many successes in a row.
    Down {
        /// The successes.
        streak: u64,
    },
}

impl Ladder {
    /// Takes in one outcome at the time `at`. The burst begins anew after it was long enough, also on the last level; the
    /// streak begins anew after a step down.
    #[inline]
    pub fn observe(&mut self, rules: &Rules, at: u64, success: bool) -> Option<Step> {
        if success { self.succeed(rules, at) } else { self.fail(rules, at) }
    }

    #[inline]
    fn fail(&mut self, rules: &Rules, at: u64) -> Option<Step> {
        self.streak = 0;
        self.burst += 1;
        if self.burst < rules.escalate_at {
            return None;
        }
        let burst = std::mem::take(&mut self.burst);
        if self.level + 1 >= rules.deescalate_above.len() {
            return None;
        }
        self.level += 1;
        self.since = at;
        Some(Step::Up { burst })
    }

    #[inline]
    fn succeed(&mut self, rules: &Rules, at: u64) -> Option<Step> {
        self.burst = 0;
        self.streak += 1;
        let enough = rules.deescalate_above.get(self.level).copied().flatten().is_some_and(|above| self.streak > above);
        if self.level == 0 || !enough || at.saturating_sub(self.since) < rules.dwell {
            return None;
        }
        let streak = std::mem::take(&mut self.streak);
        self.level -= 1;
        self.since = at;
        Some(Step::Down { streak })
    }
}
