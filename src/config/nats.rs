//! Reads `[nats]`. Files are not opened here: they are read when a bridge connects.

use crate::config::section::Section;
use crate::config::settings::{Nats, NatsLogin, NatsServer};
use std::path::PathBuf;
use std::time::Duration;

/// The most servers that can be named.
const SERVERS_MAX: usize = 16;
/// The port of servers that name none.
const PORT: u16 = 4_222;

/// `Some(None)`: there is no bridge.
pub(super) fn read(section: &mut Section<'_>) -> Option<Option<Nats>> {
    let servers = section.parsed("servers", servers);
    let login = login(section);
    let root_certificates = file(section, "root_certificates_file");
    let (events, commands, intake) = (section.flag("events"), section.flag("commands"), section.flag("intake"));
    let events_stream = section.parsed("events_stream", stream);
    let intake_stream = section.parsed("intake_stream", stream);
    let max_age_s = section.integer("max_age_s", 1..=31_536_000);
    let max_bytes = section.integer("max_bytes", 1 << 20..=1 << 50);
    let replicas = section.integer("replicas", 1..=5);
    let duplicate_window_s = section.integer("duplicate_window_s", 1..=86_400);
    let unacknowledged_max = section.integer("unacknowledged_max", 1..=65_536);
    let in_flight_max = section.integer("in_flight_max", 1..=10_000);
    if duplicate_window_s > max_age_s {
        section.fault("duplicate_window_s", "must not be longer than max_age_s");
        return None;
    }
    if events_stream.is_some() && events_stream == intake_stream {
        section.fault("intake_stream", "must be another one than events_stream");
        return None;
    }
    let servers = servers?;
    let nats = Nats {
        login: login?,
        root_certificates: root_certificates?,
        events: events?,
        commands: commands?,
        intake: intake?,
        events_stream: events_stream?,
        intake_stream: intake_stream?,
        max_age: Duration::from_secs(max_age_s?),
        max_bytes: i64::try_from(max_bytes?).ok()?,
        replicas: usize::try_from(replicas?).ok()?,
        duplicate_window: Duration::from_secs(duplicate_window_s?),
        unacknowledged_max: usize::try_from(unacknowledged_max?).ok()?,
        in_flight_max: usize::try_from(in_flight_max?).ok()?,
        servers,
    };
    Some((!nats.servers.is_empty()).then_some(nats))
}

/// The text is not repeated in a fault: somebody may have put a password into it.
fn servers(text: &str) -> Result<Vec<NatsServer>, String> {
    let named: Vec<&str> = text.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
    if named.len() > SERVERS_MAX {
        return Err(format!("must name at most {SERVERS_MAX} servers"));
    }
    named.into_iter().map(server).collect()
}

fn server(text: &str) -> Result<NatsServer, String> {
    let form = || "must be nats://HOST:PORT or tls://HOST:PORT, several separated by commas".to_owned();
    let url = reqwest::Url::parse(text).map_err(|_| form())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password: name them with user and password_file".to_owned());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(form)?;
    let plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "nats" | "tls") || !plain {
        return Err(form());
    }
    Ok(NatsServer(format!("{}://{host}:{}", url.scheme(), url.port().unwrap_or(PORT))))
}

fn login(section: &mut Section<'_>) -> Option<NatsLogin> {
    let credentials = file(section, "credentials_file");
    let user = section.text("user");
    let (password, token) = (file(section, "password_file"), file(section, "token_file"));
    match (credentials?, user?.as_str(), password?, token?) {
        (None, "", None, None) => Some(NatsLogin::Nobody),
        (Some(file), "", None, None) => Some(NatsLogin::Credentials(file)),
        (None, "", None, Some(file)) => Some(NatsLogin::Token(file)),
        (None, user, Some(file), None) if !user.is_empty() => Some(NatsLogin::User(user.to_owned(), file)),
        _several => {
            section.fault("user", "must be given together with password_file, without credentials_file and token_file");
            None
        }
    }
}

/// A file that may be left out: `Some(None)`.
fn file(section: &mut Section<'_>, key: &'static str) -> Option<Option<PathBuf>> {
    let text = section.text(key)?;
    Some((!text.is_empty()).then(|| section.based(key, &text)))
}

/// The name of a stream stands in subjects, so it has neither dots nor wildcards.
fn stream(text: &str) -> Result<String, String> {
    let lawful = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if lawful { Ok(text.to_owned()) } else { Err("must have 1 to 64 letters, digits, _ and -".to_owned()) }
}

#[cfg(test)]
mod tests {
    use crate::config::{NatsLogin, of};

    #[test]
    fn without_servers_there_is_no_bridge() {
        assert!(of(&[]).unwrap().nats.is_none());
        let nats = of(&[("nats.servers", "nats://a, tls://[::1]:1 ,")]).unwrap().nats.unwrap();
        assert_eq!(nats.servers.iter().map(|server| server.as_str()).collect::<Vec<_>>(), ["nats://a:4222", "tls://[::1]:1"]);
        assert_eq!((nats.login, nats.events, nats.commands, nats.intake), (NatsLogin::Nobody, true, true, true));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_repeating_secrets() {
        for (settings, path) in [
            (&[("nats.servers", "http://a")][..], "nats.servers"),
            (&[("nats.servers", "nats://u:hunter2@a")], "nats.servers"),
            (&[("nats.servers", "nats://a/b")], "nats.servers"),
            (&[("nats.user", "u")], "nats.user"),
            (&[("nats.token_file", "t"), ("nats.credentials_file", "c")], "nats.user"),
            (&[("nats.events_stream", "a.*")], "nats.events_stream"),
            (&[("nats.intake_stream", "IONVEIL_EVENTS")], "nats.intake_stream"),
        ] {
            let faults = of(settings).unwrap_err();
            assert_eq!(faults.0.iter().map(|fault| fault.path.as_str()).collect::<Vec<_>>(), [path]);
            assert!(!faults.to_string().contains("hunter2"), "{faults}");
        }
    }
}
