//! The services of the registry (specification of IonVeil §3.10): what they are called, where they listen, and in which order they
//! start. Those that have a listener of their own are [`Service`]s; all others are in every process.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Every service and those that it depends on.
const REGISTRY: [(&str, &[&str]); 13] = [
    ("gateway", &[]),
    ("identity", &["gateway"]),
    ("intake", &["identity"]),
    ("dispatch", &["identity", "intake"]),
    ("routing", &["dispatch"]),
    ("policy", &["identity"]),
    ("notifications", &["identity"]),
    ("analytics", &["dispatch", "routing"]),
    ("audit", &["identity"]),
    ("security", &["identity"]),
    ("simulator", &["policy"]),
    ("dashboard", &["analytics", "dispatch"]),
    ("alerts", &["policy", "notifications", "audit"]),
];

/// Why services have no order, or are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// There is no such service.
    #[error("unknown_service: there is no service {0:?}; there are {known}", known = names(Service::ALL))]
    Unknown(String),
    /// It has no listener of its own.
    #[error("the service {0:?} is in every process and has no listener of its own; those that have are {known}", known = names(Service::ALL))]
    NotAlone(String),
    /// It is named twice.
    #[error("the service {0:?} is named twice")]
    Twice(String),
    /// They wait for each other.
    #[error("dependency_cycle: {} depend on each other", .0.join(", "))]
    Cycle(Vec<String>),
}

/// A service that may have a listener of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Policies tried on made-up failures.
    Simulator,
    /// The numbers as they move.
    Dashboard,
    /// Alerts, and whom they reach.
    Alerts,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Simulator, Self::Dashboard, Self::Alerts];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simulator => "simulator",
            Self::Dashboard => "dashboard",
            Self::Alerts => "alerts",
        }
    }

    /// The paths that it answers, and all below them; beside those that every listener has.
    #[must_use]
    pub const fn paths(self) -> &'static [&'static str] {
        match self {
            Self::Simulator => &["/api/v1/simulations"],
            Self::Dashboard => &["/api/v1/dashboard"],
            Self::Alerts => {
                &["/api/v1/alerts", "/api/v1/recipients", "/api/v1/notifications", "/api/v1/integrations", "/api/v2/alerts", "/acknowledge"]
            }
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn names(services: [Service; 3]) -> String {
    services.map(Service::as_str).join(", ")
}

impl FromStr for Service {
    type Err = RegistryError;

    fn from_str(name: &str) -> Result<Self, RegistryError> {
        let found = Self::ALL.into_iter().find(|service| service.as_str() == name);
        let is_known = || REGISTRY.iter().any(|(known, _)| *known == name);
        found.ok_or_else(|| if is_known() { RegistryError::NotAlone(name.to_owned()) } else { RegistryError::Unknown(name.to_owned()) })
    }
}

/// Services by their names, separated by commas, in the order in which they start.
///
/// # Errors
/// [`RegistryError`] for the first that is wrong.
pub fn parse(text: &str) -> Result<Vec<Service>, RegistryError> {
    let mut wanted = BTreeSet::new();
    for name in text.split(',').map(str::trim) {
        if !wanted.insert(name.parse::<Service>()?) {
            return Err(RegistryError::Twice(name.to_owned()));
        }
    }
    let order = start_order(&REGISTRY)?;
    Ok(order.into_iter().filter_map(|name| name.parse().ok()).filter(|service| wanted.contains(service)).collect())
}

/// Kahn's algorithm: of those whose dependencies have started, the next in the order of names.
fn start_order<'a>(registry: &[(&'a str, &[&'a str])]) -> Result<Vec<&'a str>, RegistryError> {
    let known = |name: &str| registry.iter().any(|(other, _)| *other == name);
    if let Some(unknown) = registry.iter().flat_map(|(_, needs)| needs.iter()).find(|name| !known(name)) {
        return Err(RegistryError::Unknown((*unknown).to_owned()));
    }
    let (mut waiting, mut order): (Vec<_>, Vec<&str>) = (registry.to_vec(), Vec::new());
    waiting.sort_by_key(|(name, _)| *name);
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|(_, needs)| needs.iter().all(|need| order.contains(need)));
        let Some(ready) = ready else {
            return Err(RegistryError::Cycle(waiting.iter().map(|(name, _)| (*name).to_owned()).collect()));
        };
        order.push(waiting.remove(ready).0);
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_start_after_what_they_depend_on_in_the_order_of_names() {
        let order = start_order(&REGISTRY).unwrap();
        let expected = [
            "gateway",
            "identity",
            "audit",
            "intake",
            "dispatch",
            "notifications",
            "policy",
            "alerts",
            "routing",
            "analytics",
            "dashboard",
            "security",
            "simulator",
        ];
        assert_eq!(order, expected);
        let asked = parse("simulator, dashboard,alerts").unwrap();
        assert_eq!(asked, [Service::Alerts, Service::Dashboard, Service::Simulator]);
    }

    #[test]
    fn a_cycle_and_what_is_unknown_are_named() {
        let cycle = start_order(&[("a", &["c"]), ("b", &["a"]), ("c", &["b"]), ("d", &[])]).unwrap_err();
        assert_eq!(cycle.to_string(), "dependency_cycle: a, b, c depend on each other");
        assert_eq!(start_order(&[("a", &["x"])]), Err(RegistryError::Unknown("x".to_owned())));
        assert_eq!(parse("alerts,sms"), Err(RegistryError::Unknown("sms".to_owned())));
        assert_eq!(parse("alerts,gateway"), Err(RegistryError::NotAlone("gateway".to_owned())));
        assert_eq!(parse("alerts,alerts"), Err(RegistryError::Twice("alerts".to_owned())));
        assert!(parse("").is_err());
    }
}
