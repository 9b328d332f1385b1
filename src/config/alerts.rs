//! Reads `[alerts]`.

use crate::alerts::{Mail, Templates, Tls};
use crate::config::section::Section;
use crate::config::settings::{Alertmanager, Alerts};
use ionveil_alerts::pager::{Backoff, Pager};
use ionveil_channels::channel::Text;
use std::time::Duration;

pub(super) fn read(section: &mut Section<'_>) -> Option<Alerts> {
    let limit = section.integer("notifications_max", 1..=10_000);
    let window_s = section.integer("window_s", 1..=3_600);
    let attempts = section.integer("attempts_max", 1..=100);
    let first_ms = section.integer("first_retry_ms", 1..=3_600_000);
    let longest_ms = section.integer("longest_retry_ms", 1..=86_400_000);
    let timeout_ms = section.integer("timeout_ms", 1..=300_000);
    let mail = mail(section);
    let (subject, text) = (section.text("subject_template"), section.text("text_template"));
    let templates = subject.zip(text).and_then(|(subject, text)| {
        let made = Templates::new(&subject, &text);
        made.map_err(|faults| faults.into_iter().for_each(|(key, error)| section.fault(key, format!("is no template: {error}")))).ok()
    });
    let pagerduty_url = section.parsed("pagerduty_url", address);
    let webhook_key = section.parsed("webhook_key", secret);
    let public_url = section.parsed("public_url", optional_address);
    let link_key = section.parsed("link_key", secret);
    let link_minutes = section.integer("link_minutes", 1..=525_600);
    let heartbeat_url = section.parsed("heartbeat_url", optional_address);
    let heartbeat_s = section.integer("heartbeat_s", 1..=86_400);
    let alertmanager = alertmanager(section);
    let (first, longest) = (Duration::from_millis(first_ms?), Duration::from_millis(longest_ms?));
    let backoff = Backoff { first, longest, attempts: u32::try_from(attempts?).ok()? };
    Some(Alerts {
        pager: Pager { limit: usize::try_from(limit?).ok()?, window: Duration::from_secs(window_s?), backoff },
        timeout: Duration::from_millis(timeout_ms?),
        mail: mail?,
        templates: templates?,
        pagerduty_url: pagerduty_url?,
        webhook_key: webhook_key?,
        public_url: public_url?,
        link_key: link_key?,
        link_lifetime: Duration::from_mins(link_minutes?),
        heartbeat_url: heartbeat_url?,
        heartbeat: Duration::from_secs(heartbeat_s?),
        alertmanager: alertmanager?,
    })
}

/// None after a fault; none of some where alerts are told to none.
fn alertmanager(section: &mut Section<'_>) -> Option<Option<Alertmanager>> {
    let url = section.parsed("alertmanager", optional_address);
    let token = section.parsed("alertmanager_token", secret);
    let resend = section.integer("alertmanager_resend_s", 1..=3_600);
    let (url, token, resend) = (url?, token?, Duration::from_secs(resend?));
    Some(url.map(|base| Alertmanager { url: format!("{}/api/v2/alerts", base.trim_end_matches('/')), token, resend }))
}

/// None after a fault; none of some where mail is not sent.
fn mail(section: &mut Section<'_>) -> Option<Option<Mail>> {
    let server = section.parsed("smtp", |text| {
        if text.is_empty() {
            return Ok(None);
        }
        let what = || "must be smtps://HOST:PORT, smtp://HOST:PORT (STARTTLS) or smtp+plain://HOST:PORT (no TLS)".to_owned();
        let schemes = [("smtps://", Tls::Wrapped, 465), ("smtp://", Tls::Starttls, 587), ("smtp+plain://", Tls::None, 25)];
        let found = schemes.into_iter().find_map(|(scheme, tls, port)| Some((text.strip_prefix(scheme)?, tls, port)));
        let (rest, tls, port) = found.ok_or_else(what)?;
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| what())?),
            None => (rest, port),
        };
        if host.is_empty() || host.contains(['/', '@']) { Err(what()) } else { Ok(Some((host.to_owned(), port, tls))) }
    });
    let user = section.text("smtp_user");
    let password = section.parsed("smtp_password", secret);
    let from = section.parsed("mail_from", |text| text.parse().map_err(|_| "must be an address of mail".to_owned()));
    let (user, password, from) = (user?, password?, from?);
    let user = Some(user).filter(|user| !user.is_empty());
    Some(server?.map(|(host, port, tls)| Mail { host, port, tls, user, password, from }))
}

fn address(text: &str) -> Result<String, String> {
    let lawful = reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.password().is_none());
    if lawful { Ok(text.to_owned()) } else { Err("must be an address such as https://host/path".to_owned()) }
}

fn optional_address(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() { Ok(None) } else { address(text).map(Some) }
}

/// Where a secret is kept; the text itself is never one.
fn secret(text: &str) -> Result<Option<Text>, String> {
    match text.split_once(':') {
        None if text.is_empty() => Ok(None),
        Some(("env", name)) if name.starts_with(ionveil_channels::channel::SECRET_PREFIX) => Ok(Some(Text::Env { env: name.to_owned() })),
        Some(("file", name)) if !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']) => {
            Ok(Some(Text::File { file: name.to_owned() }))
        }
        Some(_) | None => Err("must be env:IONVEIL_SECRET_… or file:NAME (in channels.secrets_dir), not the secret itself".to_owned()),
    }
}
