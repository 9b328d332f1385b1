//! Chains of services, and what the risk forbids.

use super::{TYPICAL, at, id, node, topology};
use crate::node::{Load, Node, Phase};
use crate::{NoRoute, Out, Request, RouteFault, Topology, intent, risk_gate};

/// A node for each service of every chain, and some that are busy.
fn everything(busy: f64) -> Topology {
    let services = ["intake", "orbit", "analytics", "planner", "policy", "resilience", "audit", "notifications", "security", "mission"];
    let mut nodes: Vec<(String, Node)> =
        services.iter().map(|name| (format!("{name}-1"), node(name, Load { latency_ms: 100, ..TYPICAL }, Phase::Active, &[]))).collect();
    let load = Load { latency_ms: 1, queue_depth: 0, saturation: busy };
    nodes.push(("intake-2".to_owned(), node("intake", load, Phase::Active, &[])));
    nodes.push(("mission-2".to_owned(), node("mission", load, Phase::Active, &[])));
    topology(&nodes.iter().map(|(endpoint, node)| (endpoint.as_str(), node.clone())).collect::<Vec<_>>())
}

fn request(intent: &str, risk: f64, comms_degraded: bool) -> Request {
    Request { intent: intent.to_owned(), risk, comms_degraded, ..Request::default() }
}

#[test]
fn each_intent_has_its_chain_and_the_unknown_has_one_too() {
    let chains = ["status-refresh", "orbit-adjust", "replay-window", "failover-region", "firmware-patch", "tea"]
        .map(|name| intent::chain(name).join(" "));
    let expected = [
        "intake orbit analytics",
        "intake planner policy orbit",
        "intake policy resilience audit",
        "intake resilience notifications",
        "intake security policy mission",
        "intake policy audit",
    ];
    assert_eq!(chains, expected);
    assert!(intent::is_known("orbit-adjust") && !intent::is_known("tea"));
}

#[test]
fn a_route_has_one_node_of_each_service_in_the_chains_order() {
    let mut topology = everything(0.4);
    let route = topology.refreshed(at(1_000)).route(&request("status-refresh", 75.0, false)).unwrap();
    let stops: Vec<_> = route.stops.iter().map(|stop| (stop.service, stop.node.endpoint.as_str())).collect();
    assert_eq!(stops, [("intake", "intake-2"), ("orbit", "orbit-1"), ("analytics", "analytics-1")]);
    assert_eq!((route.total_latency_ms, route.blocked.len(), route.gated), (201, 0, true));
}

#[test]
fn at_the_gate_whatever_is_more_than_half_busy_is_blocked_everywhere() {
    let mut topology = everything(0.7);
    for (risk, comms_degraded, gated) in [(69.99, false, false), (70.0, false, true), (54.99, true, false), (55.0, true, true)] {
        let route = topology.refreshed(at(1_000)).route(&request("status-refresh", risk, comms_degraded)).unwrap();
        assert_eq!(route.gated, gated, "{risk} {comms_degraded}");
        assert_eq!(route.stops[0].node.endpoint.as_str(), if gated { "intake-1" } else { "intake-2" });
        let blocked: Vec<_> = route.blocked.iter().map(|one| (one.endpoint.as_str(), one.why)).collect();
        let everywhere = [("intake-2", Out::Saturated), ("mission-2", Out::Saturated)];
        assert_eq!(blocked, if gated { &everywhere[..] } else { &[] }, "also where the chain does not lead");
    }
    assert_eq!((risk_gate(false), risk_gate(true)), (70.0, 55.0));
    let mut topology = everything(0.5);
    assert_eq!(topology.refreshed(at(1_000)).route(&request("status-refresh", 99.0, true)).unwrap().blocked.len(), 0, "half is not more");
}

#[test]
fn what_is_blocked_by_name_is_left_out_and_counted_once() {
    let mut topology = everything(0.7);
    let blocked = [id("intake-2"), id("orbit-9")].into();
    let route = topology.refreshed(at(1_000)).route(&Request { blocked, ..request("status-refresh", 90.0, false) }).unwrap();
    let kept: Vec<_> = route.blocked.iter().map(|one| (one.endpoint.as_str(), one.service.as_str(), one.why)).collect();
    assert_eq!(kept, [("intake-2", "intake", Out::Blocked), ("mission-2", "mission", Out::Saturated)], "only what is there");
}

#[test]
fn every_service_that_has_none_to_give_is_named() {
    let busy = Load { saturation: 0.9, ..TYPICAL };
    let mut nodes = topology(&[("i", node("intake", busy, Phase::Active, &[])), ("p", node("policy", TYPICAL, Phase::Active, &[]))]);
    let NoRoute(faults) = nodes.refreshed(at(1_000)).route(&request("anything", 80.0, false)).unwrap_err();
    let [RouteFault::NoCandidates { service: "intake", why }, RouteFault::MissingTopology { service: "audit" }] = faults[..] else {
        panic!("{faults:?}")
    };
    assert_eq!(why.to_string(), "all 1 nodes of the service are out: 1 saturated");
}
