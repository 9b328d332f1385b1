//! Reads `[telemetry]`.

use crate::config::section::Section;
use crate::config::settings::Telemetry;

/// `Some(None)`: no traces are sent.
pub(super) fn read(section: &mut Section<'_>) -> Option<Option<Telemetry>> {
    let otlp_url = section.parsed("otlp_url", otlp_url);
    let service_name = section.text("service_name");
    let share = section.number("share", 0.0..=1.0);
    let service_name = service_name?;
    if service_name.is_empty() {
        section.fault("service_name", "must not be empty");
        return None;
    }
    let (otlp_url, share) = (otlp_url?, share?);
    Some(otlp_url.map(|otlp_url| Telemetry { otlp_url, service_name, share }))
}

/// The text is not repeated in a fault: somebody may have put a password into it.
fn otlp_url(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if !cfg!(feature = "otlp") {
        return Err("needs a build with the feature `otlp`".to_owned());
    }
    let url = reqwest::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let plain = url.filter(|url| url.username().is_empty() && url.password().is_none());
    plain.map(|_| Some(text.to_owned())).ok_or_else(|| "must be such as http://127.0.0.1:4318/v1/traces, without a password".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, ConfigFaults, load};

    fn with(settings: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
        let named = settings.iter().map(|(key, value)| (format!("IONVEIL__TELEMETRY__{key}"), (*value).to_owned()));
        load(None, &named.collect(), &[]).map(|loaded| loaded.config)
    }

    #[test]
    fn nothing_is_sent_unless_a_collector_is_named() {
        assert_eq!(with(&[]).unwrap().telemetry, None);
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn a_collector_is_read_and_nonsense_is_named() {
        let url = "http://127.0.0.1:4318/v1/traces";
        let telemetry = with(&[("OTLP_URL", url), ("SHARE", "0.25")]).unwrap().telemetry.unwrap();
        assert_eq!((telemetry.otlp_url.as_str(), telemetry.service_name.as_str(), telemetry.share), (url, "ionveil", 0.25));
        for (key, value) in [
            ("OTLP_URL", "127.0.0.1:4318"),
            ("OTLP_URL", "grpc://a"),
            ("OTLP_URL", "https://u:hunter2@a/v1/traces"),
            ("SHARE", "1.5"),
            ("SERVICE_NAME", ""),
        ] {
            let faults = with(&[(key, value)]).unwrap_err();
            assert!(faults.0.iter().all(|fault| fault.path == format!("telemetry.{}", key.to_ascii_lowercase())), "{faults}");
            assert!(!faults.to_string().contains("hunter2"), "{faults}");
        }
    }
}
