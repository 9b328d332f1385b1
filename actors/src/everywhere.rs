//! Commits that every node has to know before their callers are answered, such as a policy: from the answer on, nobody decides under
//! the older one. Asked are those who own partitions after the commit; whoever takes one over later hears of it before he decides.

use crate::answer::AskError;
use crate::class::Class;
use crate::core::Core;
use crate::host::{Delivery, Host};
use crate::pipeline::Answer;
use crate::zoo::Mutant;
use futures_util::future::join_all;
use ionveil_journal::StoreError;
use ionveil_kernel::{Decider, NodeId};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long one node may take before it is looked whether it still owns anything.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long until those who have not answered are asked again.
const AGAIN: Duration = Duration::from_millis(20);

impl<D: Decider> Host<D> {
    /// Whether an answer has to wait for the other nodes. What the house asks of itself (timers, reactors) does not: nobody was promised
    /// anything, and all hear of it from their feed.
    pub(crate) fn is_for_all(&self, delivery: Delivery) -> bool {
        let everywhere = self.0.rules.observer.as_ref().is_some_and(|observer| observer.everywhere());
        everywhere && delivery.class != Class::Reply && !Mutant::EarlyAnswer.is_loose() && self.0.core.journal.shared()
    }

    /// The answer, once all know what it says; that it timed out if they do not by `give_up`, on the monotonic clock.
    pub(crate) async fn once_known(&self, answer: Answer<D>, give_up: Duration, deadline: Duration) -> Answer<D> {
        let reply = answer?;
        if everywhere(&self.0.core, give_up).await { Ok(reply) } else { Err(AskError::TimedOut(deadline)) }
    }
}

/// Says whether all other nodes that may decide anything know what is committed by now.
async fn everywhere(core: &Core, give_up: Duration) -> bool {
    let (env, mut told) = (core.journal.env(), BTreeSet::new());
    loop {
        match tell(core, &mut told, give_up).await {
            Ok(true) => return true,
            Ok(false) => {}
            Err(error) => tracing::debug!(%error, "it cannot be read which nodes have to know of a commit"),
        }
        if env.monotonic() >= give_up {
            return false;
        }
        env.sleep(AGAIN).await;
    }
}

/// Tells those who are not told yet, all at once; says whether that is everybody.
async fn tell(core: &Core, told: &mut BTreeSet<NodeId>, give_up: Duration) -> Result<bool, StoreError> {
    let (journal, own) = (&core.journal, core.journal.node());
    let leases = journal.store().leases().await?;
    let owners = leases.iter().filter(|lease| !lease.remaining.is_zero()).filter_map(|lease| lease.node);
    let untold: BTreeSet<NodeId> = owners.filter(|node| *node != own && !told.contains(node)).collect();
    if untold.is_empty() {
        return Ok(true);
    }
    let members = journal.store().nodes().await?;
    let asked = untold.iter().map(|node| {
        let member = members.iter().map(|known| &known.member).find(|member| member.node == *node);
        ask(core, *node, member.map_or("", |member| &member.address), give_up)
    });
    told.extend(join_all(asked).await.into_iter().flatten());
    Ok(untold.is_subset(told))
}

/// The node, if it knows.
async fn ask(core: &Core, node: NodeId, address: &str, give_up: Duration) -> Option<NodeId> {
    let forward = core.forward.get().filter(|_| !address.is_empty())?;
    let patience = PATIENCE.min(give_up.saturating_sub(core.journal.env().monotonic()));
    match forward.hear(address, patience).await {
        Ok(()) => Some(node),
        Err(error) => {
            tracing::debug!(address, %error, "another node has not said that it knows of a commit");
            None
        }
    }
}
