//! The nodes of one service, and the choice among them (`latticeforge.md` L1, rules 2, 4, 5 and 7).

use crate::node::{Node, Phase};
use crate::standing::{Gate, Out, Standing};
use crate::{Health, Settings, fraction};
use ionveil_kernel::{EntityId, Timestamp};
use std::fmt;

/// The nodes of one service, in the order of their endpoints.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    members: Vec<Member>,
    /// Until when every member's standing holds, at least.
    until: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Member {
    endpoint: EntityId,
    node: Node,
    standing: Standing,
}

/// How much there is to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Available {
    /// The service has no node.
    None,
    /// It has nodes, and each is out.
    AllOut,
    /// Of every node that is in nothing is known yet, or it is warming up: shares rest on load, or on how far each came.
    AllNew,
    /// At least one node is in and known.
    Some,
}

impl Available {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AllOut => "all_out",
            Self::AllNew => "all_new",
            Self::Some => "some",
        }
    }

    /// Of how many nodes so many are in, and so many of those known.
    const fn of(all: usize, inside: usize, known: usize) -> Self {
        match (all, inside, known) {
            (0, _, _) => Self::None,
            (_, 0, _) => Self::AllOut,
            (_, _, 0) => Self::AllNew,
            _ => Self::Some,
        }
    }
}

/// A node as a request sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its endpoint.
    pub endpoint: &'a EntityId,
    /// Its state.
    pub node: &'a Node,
    /// Its health now.
    pub health: Health,
    /// What it costs by load.
    pub base_score: f64,
    /// What it costs with its health: the lower, the better.
    pub score: f64,
    /// The part of its full share that it gets while it warms up, else 1.
    pub fraction: f64,
    /// Its part of the traffic, from 0 to 1; 0 if it is out.
    pub share: f64,
    /// Why it is out, if it is.
    pub out: Option<Out>,
}

impl<'a> Candidate<'a> {
    /// A node at `now` as if its service had no other.
    #[must_use]
    pub fn alone(endpoint: &'a EntityId, node: &'a Node, now: Timestamp, settings: &Settings) -> Self {
        let standing = Standing::of(node, now, settings);
        Self {
            endpoint,
            node,
            health: standing.health,
            base_score: standing.base,
            score: standing.score,
            fraction: fraction(node.phase, standing.health.health, now, settings),
            share: if standing.out.is_none() { 1.0 } else { 0.0 },
            out: standing.out,
        }
    }
}

/// Whom a draw fell on.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// The node.
    pub chosen: Candidate<'a>,
    /// How much there was to choose from.
    pub available: Available,
    /// How many nodes the service has.
    pub nodes: usize,
    /// How many of them are in.
    pub candidates: usize,
}

/// Nobody is left to choose; there is no silent way around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCandidates {
    /// How many nodes the service has.
    pub nodes: usize,
    /// How many are out because they are blocked, saturated, in maintenance, unhealthy.
    pub out: [(Out, usize); 4],
}

impl NoCandidates {
    /// The service has no nodes.
    pub(crate) const EMPTY: Self =
        Self { nodes: 0, out: [(Out::Blocked, 0), (Out::Saturated, 0), (Out::Maintenance, 0), (Out::Unhealthy, 0)] };
}

impl fmt::Display for NoCandidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes == 0 {
            return f.write_str("the service has no nodes");
        }
        write!(f, "all {} nodes of the service are out", self.nodes)?;
        let reasons = self.out.iter().filter(|(_, count)| *count > 0);
        reasons
            .enumerate()
            .try_for_each(|(place, (out, count))| write!(f, "{}{count} {}", if place == 0 { ": " } else { ", " }, out.name()))
    }
}

/// What each member weighs at an instant, and all together.
struct Weights {
    each: Vec<f64>,
    sum: f64,
    inside: usize,
    known: usize,
}

impl Pool {
    /// Puts a node in place of what was known of its endpoint.
    pub(crate) fn put(&mut self, endpoint: &EntityId, node: &Node, now: Timestamp, settings: &Settings) {
        let standing = Standing::of(node, now, settings);
        self.until = Some(self.until.map_or(standing.until, |until| until.min(standing.until)));
        match self.members.binary_search_by(|member| member.endpoint.cmp(endpoint)) {
            Ok(place) => (self.members[place].node, self.members[place].standing) = (node.clone(), standing),
            Err(place) => self.members.insert(place, Member { endpoint: endpoint.clone(), node: node.clone(), standing }),
        }
    }

    /// Whether every standing holds at `now`.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Makes every standing anew that does not hold at `now`.
    pub(crate) fn refresh(&mut self, now: Timestamp, settings: &Settings) {
        for member in self.members.iter_mut().filter(|member| member.standing.until <= now) {
            member.standing = Standing::of(&member.node, now, settings);
        }
        self.until = self.members.iter().map(|member| member.standing.until).min();
    }

    pub(crate) const fn until(&self) -> Option<Timestamp> {
        self.until
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&EntityId, &Node)> {
        self.members.iter().map(|member| (&member.endpoint, &member.node))
    }

    /// Whom the draw `draw`, from 0 to below 1, falls on: the shares lie one after the other in the order of endpoints.
    pub(crate) fn select(&self, now: Timestamp, draw: f64, gate: Gate<'_>, settings: &Settings) -> Result<Selection<'_>, NoCandidates> {
        let weights = self.weights(now, gate, settings);
        let (target, mut passed) = (draw * weights.sum, 0.0);
        let mut last = None;
        for (place, weight) in weights.each.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            last = Some(place);
            passed += weight;
            if passed > target {
                break;
            }
        }
        // Where rounding leaves the sum a little short, it is the last one.
        let place = last.ok_or_else(|| self.no_candidates(gate))?;
        let available = Available::of(self.members.len(), weights.inside, weights.known);
        let chosen = self.candidate(place, weights.each[place], weights.sum, now, gate, settings);
        Ok(Selection { chosen, available, nodes: self.members.len(), candidates: weights.inside })
    }

    /// The one that costs least, whatever draws and warm-ups say; where all are warming up, the one that weighs most. Of equal
    /// ones the first.
    pub(crate) fn primary(&self, now: Timestamp, gate: Gate<'_>, settings: &Settings) -> Result<Candidate<'_>, NoCandidates> {
        let weights = self.weights(now, gate, settings);
        let inside = || weights.each.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
        let all_warming = inside().all(|(place, _)| matches!(self.members[place].node.phase, Phase::Warming(_)));
        let cost = |place: usize, weight: f64| if all_warming { -weight } else { self.members[place].standing.score };
        let least = inside().map(|(place, weight)| (place, cost(place, *weight))).min_by(|a, b| a.1.total_cmp(&b.1));
        let (place, _) = least.ok_or_else(|| self.no_candidates(gate))?;
        Ok(self.candidate(place, weights.each[place], weights.sum, now, gate, settings))
    }

    /// All nodes, in the order of endpoints, each with its share or with why it is out.
    pub(crate) fn candidates(&self, now: Timestamp, gate: Gate<'_>, settings: &Settings) -> (Available, Vec<Candidate<'_>>) {
        let weights = self.weights(now, gate, settings);
        let one = |(place, weight): (usize, &f64)| self.candidate(place, *weight, weights.sum, now, gate, settings);
        let available = Available::of(self.members.len(), weights.inside, weights.known);
        (available, weights.each.iter().enumerate().map(one).collect())
    }

    fn weights(&self, now: Timestamp, gate: Gate<'_>, settings: &Settings) -> Weights {
        let mut weights = Weights { each: Vec::with_capacity(self.members.len()), sum: 0.0, inside: 0, known: 0 };
        let open = gate.blocked.is_empty() && !gate.saturated;
        for Member { endpoint, node, standing } in &self.members {
            let wanted = open || gate.keeps_out(endpoint, node).is_none();
            let weight = match node.phase {
                _ if !wanted => 0.0,
                Phase::Warming(_) => standing.weight * fraction(node.phase, standing.health.health, now, settings),
                Phase::Active | Phase::Degraded | Phase::Maintenance | Phase::Excluded => standing.weight,
            };
            let (inside, new) = (weight > 0.0, standing.health.samples == 0 || matches!(node.phase, Phase::Warming(_)));
            weights.inside += usize::from(inside);
            weights.known += usize::from(inside && !new);
            weights.sum += weight;
            weights.each.push(weight);
        }
        weights
    }

    fn candidate(&self, place: usize, weight: f64, sum: f64, now: Timestamp, gate: Gate<'_>, settings: &Settings) -> Candidate<'_> {
        let Member { endpoint, node, standing } = &self.members[place];
        Candidate {
            endpoint,
            node,
            health: standing.health,
            base_score: standing.base,
            score: standing.score,
            fraction: fraction(node.phase, standing.health.health, now, settings),
            share: if weight > 0.0 { weight / sum } else { 0.0 },
            out: gate.keeps_out(endpoint, node).or(standing.out),
        }
    }

    fn no_candidates(&self, gate: Gate<'_>) -> NoCandidates {
        let reasons = self.members.iter().filter_map(|member| gate.keeps_out(&member.endpoint, &member.node).or(member.standing.out));
        let reasons: Vec<Out> = reasons.collect();
        let count = |out: Out| (out, reasons.iter().filter(|reason| **reason == out).count());
        NoCandidates { nodes: self.members.len(), out: [Out::Blocked, Out::Saturated, Out::Maintenance, Out::Unhealthy].map(count) }
    }
}
