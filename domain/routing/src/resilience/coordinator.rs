//! How a take-over goes on: idle → probing → switching → active → idle.

use serde::{Deserialize, Serialize};

/// From so many errors on the region that took over is not healthy.
pub const ERRORS_MAX: u32 = 3;

/// How far a take-over has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// There is none.
    #[default]
    Idle,
    /// It is tried whether the other region answers.
    Probing,
    /// Traffic is on its way over.
    Switching,
    /// The other region is in use.
    Active,
}

/// One take-over at a time. A call at the wrong stage changes nothing and answers `false`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverCoordinator {
    stage: Stage,
    /// Probes of this take-over that were answered, and that were not.
    probes: (u32, u32),
    errors: u32,
}

impl FailoverCoordinator {
    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Probes of this take-over: how many were answered, and how many were not.
    #[must_use]
    pub const fn probes(&self) -> (u32, u32) {
        self.probes
    }

    /// Begins a take-over, from idle only; earlier probes are forgotten.
    pub fn begin(&mut self) -> bool {
        let begins = self.go(Stage::Idle, Stage::Probing);
        if begins {
            self.probes = (0, 0);
        }
        begins
    }

    /// Takes in how a probe went, while probing only.
    pub fn probe(&mut self, answered: bool) -> bool {
        let probing = self.stage == Stage::Probing;
        let count = if answered { &mut self.probes.0 } else { &mut self.probes.1 };
        *count = count.saturating_add(u32::from(probing));
        probing
    }

    /// Lets traffic go over, once a probe was answered.
    pub fn commit(&mut self) -> bool {
        self.probes.0 > 0 && self.go(Stage::Probing, Stage::Switching)
    }

    /// Traffic has gone over.
    pub fn activate(&mut self) -> bool {
        self.go(Stage::Switching, Stage::Active)
    }

    /// Goes back, from active only; errors are forgotten.
    pub fn deactivate(&mut self) -> bool {
        let ends = self.go(Stage::Active, Stage::Idle);
        if ends {
            self.errors = 0;
        }
        ends
    }

    /// Takes in an error of the region that took over.
    pub fn record_error(&mut self) {
        self.errors = self.errors.saturating_add(1);
    }

    /// Whether there were fewer than [`ERRORS_MAX`] errors.
    #[must_use]
    pub const fn is_healthy(&self) -> bool {
        self.errors < ERRORS_MAX
    }

    fn go(&mut self, from: Stage, to: Stage) -> bool {
        let goes = self.stage == from;
        if goes {
            self.stage = to;
        }
        goes
    }
}
