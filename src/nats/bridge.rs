//! The bridges as supervised actors: each is in the tree under the organisation `system`. A bridge that panics is made anew within
//! its restart budget, and is quarantined when that is spent.

use super::attend::{Site, attend};
use super::gateway::Gateway;
use crate::config::Config;
use crate::http::server::Mount;
use crate::node::Node;
use futures_util::FutureExt;
use ionveil_actors::{ActorHandle, ActorSpec, Class, RegisterError, SupervisedActor};
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
    roles.map(|role| seat(site(role))).collect::<Result<_, _>>().map(Bridges)
}

fn seat(site: Site) -> Result<Arc<Seat>, RegisterError> {
    let seat: Arc<Seat> = Arc::default();
    let (held, runtime, spec) = (Arc::downgrade(&seat), site.node.runtime.clone(), ActorSpec::new(KIND, site.role.as_str()).queue_max(4));
    let handle = runtime.spawn(spec, move || {
        let (work, stop) = watch::channel(());
        let (site, held, env) = (site.clone(), held.clone(), site.node.env.clone());
        env.spawn(async move {
            let Err(panic) = AssertUnwindSafe(attend(site, stop)).catch_unwind().await else { return };
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let fell = Fell(text.unwrap_or_else(|| "a panic without a text".to_owned()));
            if let Some(handle) = held.upgrade().as_deref().and_then(OnceLock::get) {
                drop(handle.tell(Class::Control, fell));
            }
        });
        Bridge { _work: work }
    })?;
    drop(seat.set(handle));
    Ok(seat)
}

impl std::fmt::Debug for Bridges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bridges").field(&self.0.len()).finish()
    }
}
