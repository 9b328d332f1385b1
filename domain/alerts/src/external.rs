//! Alerts of other systems, as Prometheus and Alertmanager send them. One is named by its set of labels, whoever sends it and however
//! often: what is sent again is the same alert, until it ends. It then is an alert as those of our own rules are, under the id
//! `alertmanager:<alertname>:<hash of its labels>` in the place of a rule's, which suppressions match.
//!
//! | it says | it means |
//! |---|---|
//! | an end that has come | it is over |
//! | an end that is to come | it is over then, unless it is sent again |
//! | no end | it is over when it says so |
//! | label `severity`, one of ours | that severity; any other or none: warning |

use crate::fault::{Check, Fault, TEXT_CHARS_MAX};
use crate::reject::Code;
use crate::words::Severity;
use ionveil_kernel::{BodyHash, EntityId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What the ids of such alerts begin with.
pub const PREFIX: &str = "alertmanager:";
/// The most labels or annotations of one.
pub const LABELS_MAX: usize = 64;
/// The most characters of the name of a label or an annotation.
pub const LABEL_NAME_CHARS_MAX: usize = 128;
/// The most characters of the value of a label.
pub const LABEL_VALUE_CHARS_MAX: usize = 1_024;
/// The most characters of the value of an annotation, or of the address of where it comes from; more than is kept of it.
pub const ANNOTATION_CHARS_MAX: usize = 16_384;
/// The most of them that are sent at once.
pub const ALERTS_MAX: usize = 1_000;
/// The most that an organisation has at a time.
pub const EXTERNAL_MAX: usize = 10_000;
/// One that names no end where it should ends after so long, unless it is sent again (Alertmanager's own default).
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(300);
const TITLE_CHARS_MAX: usize = 512;
const NAME_CHARS_MAX: usize = 64;

/// What somebody sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalForm {
    /// Its labels; those without a value do not count.
    pub labels: BTreeMap<String, String>,
    /// What else it says; `summary` is its title, `description` (or `message`) its description.
    pub annotations: BTreeMap<String, String>,
    /// Since when.
    pub starts_at: Option<Timestamp>,
    /// Until when.
    pub ends_at: Option<Timestamp>,
    /// Where it comes from.
    pub url: Option<String>,
}

/// An alert of another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// Names it: what its labels come to.
    pub rule: EntityId,
    /// How bad it is.
    pub severity: Severity,
    /// In a line.
    pub title: String,
    /// What else there is to say.
    pub description: String,
    /// What it was sent with.
    pub origin: Origin,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}

/// What an alert of another system was sent with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl ExternalForm {
    /// The alert.
    ///
    /// # Errors
    /// Every fault.
    pub fn check(&self) -> Result<External, Vec<Fault>> {
        let mut check = Check::new(Code::InvalidField);
        pairs(&mut check, "labels", &self.labels, LABEL_VALUE_CHARS_MAX);
        pairs(&mut check, "annotations", &self.annotations, ANNOTATION_CHARS_MAX);
        let is_short = |url: &String| url.chars().count() <= ANNOTATION_CHARS_MAX;
        check.hold(self.url.as_ref().is_none_or(is_short), "generatorURL", || format!("has at most {ANNOTATION_CHARS_MAX} characters"));
        let runs = self.starts_at.zip(self.ends_at).is_none_or(|(starts_at, ends_at)| starts_at <= ends_at);
        check.hold(runs, "endsAt", || "is not before startsAt".to_owned());
        let named = |(name, value): (&String, &String)| (!value.is_empty()).then(|| (name.clone(), value.clone()));
        let labels: BTreeMap<_, _> = self.labels.iter().filter_map(named).collect();
        check.hold(!labels.is_empty(), "labels", || "has a label with a value".to_owned());
        let rule = identity(&labels);
        if rule.is_none() {
            check.fault("labels", "come to no id");
        }
        check.finish(rule.map(|rule| self.read(rule, labels)))
    }

    fn read(&self, rule: EntityId, labels: BTreeMap<String, String>) -> External {
        let said = |name: &str| self.annotations.get(name).filter(|text| !text.trim().is_empty());
        let of_labels = || labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
        let title = said("summary").or_else(|| labels.get("alertname")).cloned().unwrap_or_else(of_labels);
        let description = said("description").or_else(|| said("message")).cloned().unwrap_or_else(of_labels);
        let severity = labels.get("severity").and_then(|word| word.to_ascii_lowercase().parse().ok()).unwrap_or(Severity::Warning);
        let url = self.url.clone().filter(|url| !url.is_empty() && url.chars().count() <= TEXT_CHARS_MAX);
        External {
            rule,
            severity,
            title: cut(&title.split(char::is_control).collect::<Vec<_>>().join(" "), TITLE_CHARS_MAX),
            description: cut(&description.replace(|c: char| c.is_control() && c != '\n', " "), TEXT_CHARS_MAX),
            origin: Origin { labels, url },
            ends_at: self.ends_at,
        }
    }
}

fn pairs(check: &mut Check, field: &str, pairs: &BTreeMap<String, String>, value_chars_max: usize) {
    check.hold(pairs.len() <= LABELS_MAX, field, || format!("has at most {LABELS_MAX}"));
    for (place, (name, value)) in pairs.iter().enumerate().take(LABELS_MAX) {
        let is_name = !name.is_empty() && name.chars().count() <= LABEL_NAME_CHARS_MAX && !name.chars().any(char::is_control);
        check.hold(is_name, field, || {
            format!("name {} has 1 to {LABEL_NAME_CHARS_MAX} characters, none a control character", place.saturating_add(1))
        });
        let is_value = value.chars().count() <= value_chars_max;
        check.hold(is_value, &format!("{field}.{}", cut(name, NAME_CHARS_MAX)), || format!("has at most {value_chars_max} characters"));
    }
}

/// The id that a set of labels comes to. Names and values are hashed with their lengths, so that no two sets hash alike.
fn identity(labels: &BTreeMap<String, String>) -> Option<EntityId> {
    let parts: Vec<&[u8]> = labels.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]).collect();
    let hash = String::from(BodyHash::of(&parts));
    let lawful = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') { c } else { '-' };
    let name = labels.get("alertname").map(|name| name.chars().take(NAME_CHARS_MAX).map(lawful).collect::<String>());
    EntityId::new(&format!("{PREFIX}{}:{}", name.unwrap_or_default(), &hash[..32])).ok()
}

fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::min;

    fn form(labels: &[(&str, &str)]) -> ExternalForm {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        ExternalForm { labels, ..ExternalForm::default() }
    }

    #[test]
    fn the_set_of_labels_names_it_and_nothing_else_does() {
        let one = form(&[("alertname", "High Latency"), ("job", "api")]).check().unwrap();
        assert!(one.rule.as_str().starts_with("alertmanager:High-Latency:"), "{}", one.rule);
        let again = ExternalForm {
            annotations: [("summary".into(), "slow\u{7}".into())].into(),
            ends_at: Some(min(1)),
            ..form(&[("job", "api"), ("alertname", "High Latency"), ("empty", "")])
        };
        let again = again.check().unwrap();
        assert_eq!((&again.rule, again.title.as_str(), again.description.as_str()), (&one.rule, "slow ", "alertname=High Latency job=api"));
        for other in [&[("alertname", "High Latency"), ("job", "ap")][..], &[("alertname", "High Latency")], &[("a", "b"), ("c", "d")]] {
            assert_ne!(form(other).check().unwrap().rule, one.rule);
        }
        // Where lengths are not hashed these are one.
        assert_ne!(form(&[("a", "bc")]).check().unwrap().rule, form(&[("ab", "c")]).check().unwrap().rule);
    }

    #[test]
    fn a_severity_that_is_none_of_ours_is_a_warning() {
        for (word, severity) in [
            ("critical", Severity::Critical),
            ("Emergency", Severity::Emergency),
            ("info", Severity::Info),
            ("page", Severity::Warning),
            ("", Severity::Warning),
        ] {
            assert_eq!(form(&[("a", "b"), ("severity", word)]).check().unwrap().severity, severity, "{word}");
        }
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let many: BTreeMap<_, _> = (0..65).map(|number| (format!("l{number}"), String::new())).collect();
        let wrong = ExternalForm { starts_at: Some(min(2)), ends_at: Some(min(1)), labels: many, ..ExternalForm::default() };
        let details: Vec<_> = wrong.check().unwrap_err().into_iter().map(|fault| fault.to_string()).collect();
        assert_eq!(details, ["labels: has at most 64", "endsAt: is not before startsAt", "labels: has a label with a value"]);
        let long = form(&[("a\n", "x"), ("b", &"x".repeat(1_025))]);
        let details: Vec<_> = long.check().unwrap_err().into_iter().map(|fault| fault.field).collect();
        assert_eq!(details, ["labels", "labels.b"]);
    }
}
