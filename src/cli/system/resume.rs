//! `ionveil system resume`: takes an entity out of quarantine, and says whether it stays out.

use crate::cli::output::{self, printable};
use crate::cli::site::read;
use crate::remote::Remote;
use clap::Args;
use ionveil_actors::{Phase, TreeNode};
use ionveil_kernel::{EntityId, Kind};
use std::process::ExitCode;

/// Take an entity out of quarantine: it is folded anew, with a fresh restart budget.
#[derive(Args)]
pub(super) struct Resume {
    /// The entity's kind, such as workflow
    kind: Kind,
    /// The entity's id
    id: EntityId,
}

impl Resume {
    /// Exit code 1 if it is quarantined again.
    pub(super) async fn run(self, server: &Remote) -> anyhow::Result<ExitCode> {
        let answer = server.post(&["system", "entities", self.kind.as_str(), self.id.as_str(), "resume"]).await?;
        let node: TreeNode = read(answer)?;
        let (name, state) = (format!("{} {}", self.kind, self.id), node.state.as_str());
        if node.state == Phase::Quarantined {
            let fault = node.last_fault.as_deref().unwrap_or("no reason is known");
            output::line(format_args!("{name} is {state} again: {}", printable(fault)))?;
            return Ok(ExitCode::FAILURE);
        }
        output::line(format_args!("{name} is {state}"))?;
        Ok(ExitCode::SUCCESS)
    }
}
