//! The bridges as supervised actors: each is in the tree under the organisation `system`. A bridge that panics is made anew within
//! its restart budget, and is quarantined when that is spent.

use super::attend::{Site, attend};
use super::gateway::Gateway;
use crate::config::Config;
use crate::http::server::Mount;
use crate::node::Node;
use futures_util::FutureExt;
use ionveil_actors::{ActorHandle, ActorSpec, Class, RegisterError, Runtime, SupervisedActor};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// The kind of the bridges in the tree.
pub const KIND: &str = "nats-bridge";

/// What a bridge does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Events go out.
    Events,
    /// Commands come in.
    Commands,
    /// Batches come in.
    Intake,
}

impl Role {
    /// Its name in the tree and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Commands => "commands",
            Self::Intake => "intake",
        }
    }
}

/// The bridges of one node. They end with it.
pub struct Bridges(Vec<Arc<Seat>>);

/// The actor's handle, which its work tells when it has panicked.
type Seat = OnceLock<ActorHandle<Bridge>>;

struct Bridge {
    /// Its work ends when this is gone.
    _work: watch::Sender<()>,
}

/// The work of the bridge has panicked, with this text.
struct Fell(String);

impl SupervisedActor for Bridge {
    type Message = Fell;

    /// Falls as its work did, so that its supervisor judges it.
    fn handle(&mut self, Fell(fault): Fell) {
        resume_unwind(Box::new(fault));
    }
}

/// Starts the bridges that `[nats]` asks for; none without it. Call it inside an actix `System`.
///
/// # Errors
/// [`RegisterError::Taken`] if the node has bridges already.
pub fn start(config: &Config, node: &Node, mount: &Mount) -> Result<Bridges, RegisterError> {
    let Some(nats) = config.nats.clone() else { return Ok(Bridges(Vec::new())) };
    let inbound = nats.commands || nats.intake;
    let gateway = inbound.then(|| Gateway::start(mount.clone()));
    let wanted = [(Role::Events, nats.events), (Role::Commands, nats.commands), (Role::Intake, nats.intake)];
    let body = (config.server.body_limit_bytes, config.server.body_depth_max);
    let nats = Arc::new(nats);
    let site =
        |role| Site { role, nats: nats.clone(), node: node.clone(), figures: node.nats_figures.clone(), gateway: gateway.clone(), body };
    let roles = wanted.into_iter().filter_map(|(role, wanted)| wanted.then_some(role));
    let begin = |role| {
        let site = site(role);
        seat(&node.runtime, role, move |stop| attend(site.clone(), stop))
    };
    roles.map(begin).collect::<Result<_, _>>().map(Bridges)
}

/// Has `work` done until the node ends, and anew after each panic of it.
fn seat<W: Future<Output = ()> + Send>(
    runtime: &Runtime,
    role: Role,
    work: impl Fn(watch::Receiver<()>) -> W + Clone + Send + Sync + 'static,
) -> Result<Arc<Seat>, RegisterError> {
    let seat: Arc<Seat> = Arc::default();
    let (held, env, spec) = (Arc::downgrade(&seat), runtime.journal().env().clone(), ActorSpec::new(KIND, role.as_str()).queue_max(4));
    let handle = runtime.spawn(spec, move || {
        let (working, stop) = watch::channel(());
        let (work, held) = (work.clone(), held.clone());
        env.spawn(async move {
            let Err(panic) = AssertUnwindSafe(work(stop)).catch_unwind().await else { return };
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let fell = Fell(text.unwrap_or_else(|| "a panic without a text".to_owned()));
            if let Some(handle) = held.upgrade().as_deref().and_then(OnceLock::get) {
                drop(handle.tell(Class::Control, fell));
            }
        });
        Bridge { _work: working }
    })?;
    drop(seat.set(handle));
    Ok(seat)
}

impl std::fmt::Debug for Bridges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bridges").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_actors::testkit::Universe;
    use ionveil_actors::{Phase, RuntimeConfig, TreeNode};
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    /// A bridge whose work panics so often before it works, after a minute of virtual time.
    fn after(panics: u32, look: impl FnOnce(&Runtime, TreeNode, u32) + 'static) {
        Universe::run(1, RuntimeConfig::default(), async move |universe: Universe| {
            let (begun, env) = (Arc::new(AtomicU32::new(0)), universe.env.clone());
            let counted = begun.clone();
            let seat = seat(&universe.runtime, Role::Events, move |mut stop| {
                let falls = counted.fetch_add(1, Ordering::Relaxed) < panics;
                async move {
                    assert!(!falls, "the server said what nobody expects");
                    drop(stop.changed().await);
                }
            });
            let seat = seat.expect("the first of its name");
            env.sleep(Duration::from_secs(60)).await;
            let node = universe.runtime.node(&"nats-bridge:system:events".parse().expect("lawful")).expect("it is in the tree");
            look(&universe.runtime, node, begun.load(Ordering::Relaxed));
            drop(seat);
        });
    }

    #[test]
    fn a_bridge_that_panics_is_made_anew() {
        after(2, |_, node, begun| {
            assert_eq!((node.state, node.restarts, begun), (Phase::Running, 2, 3));
            assert!(node.last_fault.is_some_and(|fault| fault.contains("the server said what nobody expects")));
        });
    }

    #[test]
    fn one_that_panics_for_ever_is_quarantined_and_can_be_resumed() {
        after(u32::MAX, |runtime, node, begun| {
            assert_eq!(node.state, Phase::Quarantined);
            assert!(begun < 20, "it was begun {begun} times");
            assert!(runtime.resume(&"nats-bridge:system:events".parse().expect("lawful")));
        });
    }
}
