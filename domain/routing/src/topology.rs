//! All nodes of an organisation by service: what is asked when work is to be sent somewhere. Kept up by whoever sees the
//! nodes' states; it decides nothing and records nothing.

use crate::Settings;
use crate::node::Node;
use crate::pool::{Available, Candidate, NoCandidates, Pool, Selection};
use crate::route::{NoRoute, Request, Route, route};
use crate::standing::Gate;
use ionveil_kernel::{EntityId, Timestamp};
use std::collections::BTreeMap;

/// The nodes of an organisation.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    settings: Settings,
    pools: BTreeMap<String, Pool>,
    /// Until when every standing holds, at least; none: for ever.
    until: Option<Timestamp>,
}

/// A topology whose every figure holds at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    topology: &'a Topology,
    now: Timestamp,
}

impl Topology {
    /// Without nodes.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, pools: BTreeMap::new(), until: None }
    }

    /// Puts a node, as it is at `now`, in place of what was known of its endpoint. A node never changes its service.
    pub fn put(&mut self, endpoint: &EntityId, node: &Node, now: Timestamp) {
        if !self.pools.contains_key(node.service.as_str()) {
            self.pools.insert(node.service.to_string(), Pool::default());
        }
        let Some(pool) = self.pools.get_mut(node.service.as_str()) else { return };
        pool.put(endpoint, node, now, &self.settings);
        let until = node.samples.until(now, self.settings.window);
        self.until = Some(self.until.map_or(until, |known| known.min(until)));
    }

    /// The topology at `now`, if nothing has to be made anew for that.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Option<Current<'_>> {
        self.until.is_none_or(|until| now < until).then_some(Current { topology: self, now })
    }

    /// The topology at `now`; what has aged since it was last asked for is made anew.
    pub fn refreshed(&mut self, now: Timestamp) -> Current<'_> {
        let settings = self.settings;
        self.pools.values_mut().filter(|pool| !pool.is_current(now)).for_each(|pool| pool.refresh(now, &settings));
        self.until = self.pools.values().filter_map(Pool::until).min();
        Current { topology: self, now }
    }
}

impl<'a> Current<'a> {
    /// The instant.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Whom a draw, from 0 to below 1, falls on: the same draw on the same topology always on the same one. A draw outside
    /// that range counts as its nearest end.
    ///
    /// # Errors
    /// [`NoCandidates`].
    pub fn select(&self, service: &str, draw: f64) -> Result<Selection<'a>, NoCandidates> {
        let draw = if draw > 0.0 { draw.min(1.0) } else { 0.0 };
        self.pool(service)?.select(self.now, draw, Gate::OPEN, &self.topology.settings)
    }

    /// The one that costs least, whatever draws and warm-ups say; where all are warming up, the one that weighs most. Of equal
    /// ones the first by endpoint.
    ///
    /// # Errors
    /// [`NoCandidates`].
    pub fn primary(&self, service: &str) -> Result<Candidate<'a>, NoCandidates> {
        self.primary_behind(service, Gate::OPEN)
    }

    pub(crate) fn primary_behind(&self, service: &str, gate: Gate<'_>) -> Result<Candidate<'a>, NoCandidates> {
        self.pool(service)?.primary(self.now, gate, &self.topology.settings)
    }

    fn pool(&self, service: &str) -> Result<&'a Pool, NoCandidates> {
        self.topology.pools.get(service).ok_or(NoCandidates::EMPTY)
    }

    /// Every node of a service in the order of endpoints, each with its share or with why it is out; and how much there is to
    /// choose from.
    #[must_use]
    pub fn candidates(&self, service: &str) -> (Available, Vec<Candidate<'a>>) {
        let pool = self.topology.pools.get(service);
        pool.map_or((Available::None, Vec::new()), |pool| pool.candidates(self.now, Gate::OPEN, &self.topology.settings))
    }

    /// Every node, or those of one service, in the order of endpoints.
    #[must_use]
    pub fn nodes(&self, service: Option<&str>) -> Vec<Candidate<'a>> {
        let wanted = self.topology.pools.keys().filter(|name| service.is_none_or(|wanted| wanted == *name));
        let mut all: Vec<_> = wanted.flat_map(|name| self.candidates(name).1).collect();
        all.sort_by(|a, b| a.endpoint.cmp(b.endpoint));
        all
    }

    /// Every endpoint with its node, service by service.
    pub(crate) fn every(&self) -> impl Iterator<Item = (&'a EntityId, &'a Node)> + use<'a> {
        self.topology.pools.values().flat_map(Pool::nodes)
    }

    /// The chain of an intent, with one node of each service, and what is blocked because of the risk.
    ///
    /// # Errors
    /// [`NoRoute`] with every service that has none to give.
    pub fn route(&self, request: &Request) -> Result<Route<'a>, NoRoute> {
        route(self, request)
    }
}
