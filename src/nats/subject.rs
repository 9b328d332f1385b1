//! Names of subjects. What is put into one is a name that was checked: a dot would add a token, and `*` and `>` would be
//! wildcards.

use ionveil_kernel::{Kind, Org};

/// Where commands go, before their kind.
pub(super) const COMMANDS: &str = "ionveil.commands";
/// Where batches go.
pub(super) const INTAKE: &str = "ionveil.intake";
/// Where batches go that cannot be taken in.
pub(super) const REFUSED: &str = "ionveil.intake.refused";
/// All events.
pub(super) const EVENTS: &str = "ionveil.events.*.*";

/// Where the events of a kind go. Organisations and kinds match `[a-z0-9][a-z0-9_-]{0,62}`, so they are one token each.
#[must_use]
pub fn events(org: &Org, kind: &Kind) -> String {
    format!("ionveil.events.{org}.{kind}")
}

/// Whether a server's address is surely on this machine: a name other than `localhost` may mean anything.
pub(super) fn is_loopback(server: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(server) else { return false };
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_near() {
        for (server, near) in [
            ("nats://127.0.0.1:4222", true),
            ("tls://[::1]:1", true),
            ("nats://LOCALHOST:1", true),
            ("nats://localhost.example:1", false),
            ("nats://10.0.0.1:1", false),
            ("nats://127.0.0.1.example:1", false),
        ] {
            assert_eq!(is_loopback(server), near, "{server}");
        }
    }

    #[test]
    fn a_subject_has_four_tokens_whatever_the_names_are() {
        let subject = events(&Org::new("a-b_c").unwrap(), &Kind::new("policy-tree").unwrap());
        assert_eq!(subject, "ionveil.events.a-b_c.policy-tree");
        for name in ["a.b", "*", ">", "a b", "", "A"] {
            assert!(Org::new(name).is_err() && Kind::new(name).is_err(), "{name:?}");
        }
    }
}
