//! What a process that died left running: it is started again from its beginning, which comes to the same outcome.
//!
//! A run that was under way in three processes that died is not tried a fourth time: it may be what they died of. It fails.

use super::Simulator;
use super::run::{Cause, RETRY, meta};
use crate::store::entities_of;
use ionveil_actors::{AskError, Class};
use ionveil_journal::{Store, StoreError};
use ionveil_kernel::StreamId;
use ionveil_policy::simulation::{Command, KIND, Phase};
use std::collections::BTreeMap;

/// In so many processes a run is tried.
const STARTS_MAX: usize = 3;
/// How many names are read at a time.
const NAMES: usize = 500;

/// A simulation that was running when the process before ended.
struct Left {
    owner: StreamId,
    starts: usize,
}

impl Simulator {
    /// Starts again what was running before this process came; `heads` are the ends of the partitions as it found them. Says whether
    /// that is done: it is not if the partitions may not be used meanwhile.
    async fn recover(self, heads: BTreeMap<u16, u64>) -> bool {
        self.0.found.lock().extend(&heads);
        while !self.is_closed() {
            match left_running(&**self.0.journal.store(), &heads).await {
                Ok(left) => {
                    let mut done = true;
                    for one in left {
                        done &= self.resume(one).await;
                    }
                    return done;
                }
                Err(error) if error.retryable() => self.0.journal.env().sleep(RETRY).await,
                Err(error) => {
                    tracing::error!(%error, "simulations that were running were not found");
                    return true;
                }
            }
        }
        true
    }

    /// As [`Self::recover`], until it is done: of a node that has its store for itself.
    pub(crate) async fn recover_all(self, heads: BTreeMap<u16, u64>) {
        while !self.clone().recover(heads.clone()).await {
            self.0.journal.env().sleep(RETRY).await;
        }
    }

    /// As [`Self::recover`], of partitions that come to this node from others, as long as it goes on.
    pub(crate) async fn recover_taken(self) {
        let journal = &self.0.journal;
        let (mut table, mut seen) = (journal.partitions(), Vec::new());
        while !self.is_closed() {
            table.mark_unchanged();
            let claims = journal.claims();
            // Where a lease has run out its claims come back as they were, and nothing tells of it.
            if claims.is_empty() {
                journal.env().sleep(RETRY).await;
                continue;
            }
            let is_new = |partition| claims.iter().any(|claim| claim.partition == partition && !seen.contains(claim));
            let done = match journal.store().heads().await {
                Ok(heads) if claims.iter().any(|claim| is_new(claim.partition)) => {
                    self.clone().recover((0..).zip(heads).filter(|(partition, _)| is_new(*partition)).collect()).await
                }
                Ok(_) => true,
                Err(_) => false,
            };
            if !done {
                journal.env().sleep(RETRY).await;
                continue;
            }
            seen = claims;
            if table.changed().await.is_err() {
                return;
            }
        }
    }

    /// Says whether it is done with; it is not where its partition may not be used for now, or is gone.
    async fn resume(&self, left: Left) -> bool {
        if self.0.runs.lock().contains_key(&left.owner) {
            return true;
        }
        // It waits for its turn like any other; another node's are that node's business.
        let Ok(place) = self.0.places.clone().acquire_owned().await else { return true };
        let command = match left.starts {
            STARTS_MAX.. => Command::Fail { error: format!("the process ended during each of {} runs", left.starts) },
            _ => Command::Start { restarted: true },
        };
        let env = self.0.journal.env();
        let meta = meta(env, &left.owner.org, None, command.command_type());
        while !self.is_closed() && self.0.journal.epoch(&left.owner).is_some() {
            match self.ask(left.owner.clone(), command.clone(), meta.clone(), Class::Reply).await {
                Ok(reply) => {
                    if let Some(live) = reply.state.live().filter(|live| matches!(live.phase, Phase::Running)) {
                        tracing::info!(entity = %left.owner, "a simulation that was running runs again");
                        self.begin(left.owner, live.clone(), Cause::of(&meta), Some(place));
                    }
                    return true;
                }
                Err(AskError::Unavailable | AskError::Overloaded | AskError::OutcomeUnknown | AskError::TimedOut(_)) => {
                    env.sleep(RETRY).await;
                }
                // It has ended meanwhile, or a person has to look.
                Err(error) => {
                    tracing::info!(entity = %left.owner, %error, "a simulation that was running is not run again");
                    return true;
                }
            }
        }
        self.is_closed()
    }
}

async fn left_running(store: &dyn Store, heads: &BTreeMap<u16, u64>) -> Result<Vec<Left>, StoreError> {
    let mut left = Vec::new();
    let mut orgs = store.organisations(None, NAMES).await?;
    while !orgs.is_empty() {
        for org in &orgs {
            for owner in entities_of(store, org, KIND).await? {
                left.extend(look_at(store, owner, heads).await?);
            }
        }
        orgs = store.organisations(orgs.last(), NAMES).await?;
    }
    Ok(left)
}

/// Looks at what came after the first event, which holds the pattern and may be large. What came after `heads` is a run of
/// this process.
async fn look_at(store: &dyn Store, owner: StreamId, heads: &BTreeMap<u16, u64>) -> Result<Option<Left>, StoreError> {
    let events = store.read_stream(&owner, 1, STARTS_MAX + 2).await?;
    let is_left = events
        .last()
        .is_some_and(|last| last.event_type == "started" && heads.get(&last.partition).is_some_and(|head| last.position <= *head));
    Ok(is_left.then_some(Left { owner, starts: events.len() }))
}
