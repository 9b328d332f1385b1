//! The life of a bridge: connect, work until something is wrong, wait a little longer each time, and again. That NATS is away is
//! no failure of the bridge: it costs no restart, and the node stays ready.

use super::bridge::Role;
use super::connect::Session;
use super::figures::Figures;
use super::gateway::Gateway;
use super::{BridgeError, chain, commands, intake, publish};
use crate::config::Nats;
use crate::node::Node;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long to wait before the first further try, and at most.
const WAIT_MIN: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(10);
/// A connection that lasted so long starts the waiting anew.
const SOUND: Duration = Duration::from_secs(5);

/// What a bridge works with.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) role: Role,
    pub(super) nats: Arc<Nats>,
    pub(super) node: Node,
    pub(super) figures: Figures,
    pub(super) gateway: Option<Gateway>,
    /// The most bytes of a command's body, and how deep it may be nested.
    pub(super) body: (usize, usize),
}

impl Site {
    /// Said when the bridge is at work.
    pub(super) fn connected(&self) {
        self.figures.set_connected(self.role.as_str(), true);
        tracing::info!(bridge = self.role.as_str(), "a bridge to NATS is at work");
    }
}

/// Sets the figure back, however the work ends.
struct Connected<'a>(&'a Site);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.figures.set_connected(self.0.role.as_str(), false);
    }
}

/// Works until `stop` is gone.
pub(super) async fn attend(site: Site, mut stop: watch::Receiver<()>) {
    let _connected = Connected(&site);
    let mut failures = 0;
    loop {
        let began = site.node.env.monotonic();
        let error = tokio::select! {
            biased;
            _gone = stop.changed() => return,
            done = session(&site) => done.err().unwrap_or(BridgeError::Disconnected),
        };
        site.figures.set_connected(site.role.as_str(), false);
        site.figures.failed(site.role.as_str());
        if site.role == Role::Events {
            publish::fall_behind(&site).await;
        }
        let lasted = site.node.env.monotonic().saturating_sub(began);
        failures = if lasted >= SOUND { 0 } else { failures };
        let wait = wait(failures, site.node.env.random());
        failures = failures.saturating_add(1);
        tracing::warn!(bridge = site.role.as_str(), error = chain(&error), ?wait, "a bridge to NATS begins anew");
        tokio::select! {
            biased;
            _gone = stop.changed() => return,
            () = site.node.env.sleep(wait) => {}
        }
    }
}

async fn session(site: &Site) -> Result<(), BridgeError> {
    let session = Session::open(&site.nats, site.role.as_str()).await?;
    let work = async {
        match site.role {
            Role::Events => publish::publish(site, &session).await,
            Role::Commands => commands::serve(site, &session).await,
            Role::Intake => intake::take_in(site, &session).await,
        }
    };
    tokio::select! {
        biased;
        () = session.lost() => Err(BridgeError::Disconnected),
        done = work => done,
    }
}

/// Doubles, and differs by up to a half, so that the bridges of many nodes do not come at once.
fn wait(failures: u32, random: u128) -> Duration {
    let longest = WAIT_MIN.saturating_mul(1 << failures.min(10)).min(WAIT_MAX);
    let share = u32::try_from(random % 1_000).unwrap_or_default();
    longest / 2 + longest / 2 * share / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ() {
        assert_eq!(wait(0, 0), WAIT_MIN / 2);
        assert!(wait(3, 999) > wait(2, 999) && wait(3, 0) < wait(3, 1));
        assert!(wait(u32::MAX, u128::MAX) <= WAIT_MAX && wait(30, 0) >= WAIT_MAX / 2);
    }
}
