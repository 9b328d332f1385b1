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
    use crate::config::of;

    #[test]
    fn nothing_is_sent_unless_a_collector_is_named() {
        assert_eq!(of(&[]).unwrap().telemetry, None);
    }

    #[cfg(feature = "otlp")]
    #[test]
    fn a_collector_is_read_and_nonsense_is_named() {
        let url = "http://127.0.0.1:4318/v1/traces";
        let telemetry = of(&[("telemetry.otlp_url", url), ("telemetry.share", "0.25")]).unwrap().telemetry.unwrap();
        assert_eq!((telemetry.otlp_url.as_str(), telemetry.service_name.as_str(), telemetry.share), (url, "ionveil", 0.25));
        for (path, value) in [
            ("telemetry.otlp_url", "127.0.0.1:4318"),
            ("telemetry.otlp_url", "grpc://a"),
            ("telemetry.otlp_url", "https://u:hunter2@a/v1/traces"),
            ("telemetry.share", "1.5"),
            ("telemetry.service_name", ""),
        ] {
            let faults = of(&[(path, value)]).unwrap_err();
            assert!(faults.0.iter().all(|fault| fault.path == path), "{faults}");
            assert!(!faults.to_string().contains("hunter2"), "{faults}");
        }
    }
}
