//! Reads `[server]`, `[node]` and `[roles]`: where a server is reached.

use crate::config::read::size;
use crate::config::section::Section;
use crate::config::settings::{Node, Roles, Server};
use ionveil_journal::NODE_TEXT_MAX;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

pub(super) fn server(section: &mut Section<'_>) -> Option<Server> {
    let listen = section.parsed("listen", listen);
    let workers = section.integer("workers", 0..=1024);
    let request_timeout_ms = section.integer("request_timeout_ms", 100..=600_000);
    let drain_timeout_ms = section.integer("drain_timeout_ms", 0..=600_000);
    let body_limit_bytes = section.integer("body_limit_bytes", 1024..=64 << 20);
    // serde_json's own guard stops at 128 levels.
    let body_depth_max = section.integer("body_depth_max", 1..=120);
    let allowed_hosts = section.texts("allowed_hosts").and_then(|hosts| lawful_hosts(section, hosts));
    Some(Server {
        listen: listen?,
        workers: Some(size(workers?)).filter(|workers| *workers > 0),
        request_timeout: Duration::from_millis(request_timeout_ms?),
        drain_timeout: Duration::from_millis(drain_timeout_ms?),
        body_limit_bytes: size(body_limit_bytes?),
        body_depth_max: size(body_depth_max?),
        allowed_hosts: allowed_hosts?,
    })
}

pub(super) fn node(section: &mut Section<'_>) -> Option<Node> {
    let address = section.parsed("address", |text| if text.is_empty() { Ok(None) } else { node_address(text).map(Some) });
    Some(Node { address: address? })
}

/// A name or an address, and a port.
fn node_address(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(&format!("http://{text}")).ok().filter(|_| text.len() <= NODE_TEXT_MAX);
    let whole = url.is_some_and(|url| url.path() == "/" && url.query().is_none() && url.username().is_empty() && !text.ends_with('/'));
    let port = text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    if whole && port { Ok(text.to_owned()) } else { Err("must be HOST:PORT, such as 10.0.0.7:8080".to_owned()) }
}

pub(super) fn roles(section: &mut Section<'_>) -> Option<Roles> {
    let (simulator, dashboard) = (section.parsed("simulator", listen), section.parsed("dashboard", listen));
    let alerts = section.parsed("alerts", listen);
    Some(Roles { simulator: simulator?, dashboard: dashboard?, alerts: alerts? })
}

/// An address with a port; `localhost` is the IPv4 loopback, so that no name service is asked.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match port {
        Some(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text.parse().map_err(|_| format!("must be ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080, not {text:?}")),
    }
}

fn lawful_hosts(section: &mut Section<'_>, hosts: Vec<String>) -> Option<Vec<String>> {
    let lawful = |host: &String| !host.is_empty() && !host.contains(['/', ' ', '*']) && host.is_ascii();
    match hosts.iter().find(|host| !lawful(host)) {
        Some(host) => {
            section.fault("allowed_hosts", format!("must be host names without scheme, path or wildcard, not {host:?}"));
            None
        }
        None => Some(hosts.iter().map(|host| host.to_ascii_lowercase()).collect()),
    }
}
