//! What a notification says: templates (minijinja) over what is known of an alert. They are tried when the configuration is read, have
//! little fuel, and what they make is bounded.

use crate::channels::{TemplateError, render, try_out};
use crate::time::Rfc3339;
use ionveil_alerts::alert::Alert;
use ionveil_kernel::{EntityId, Timestamp};
use serde::Serialize;

/// The most characters of a push message (§4.6).
pub(super) const PUSH_CHARS_MAX: usize = 256;
/// The most alerts that a digest names.
const DIGEST_LINES_MAX: usize = 50;

/// The templates of all channels.
#[derive(Clone, Debug)]
pub struct Templates {
    subject: String,
    text: String,
}

impl Templates {
    /// Takes templates that can be used.
    ///
    /// # Errors
    /// Pairs of the name of one and what is wrong with it; one without an end runs out of fuel here.
    pub fn new(subject: &str, text: &str) -> Result<Self, Vec<(&'static str, TemplateError)>> {
        let tried = [("subject_template", subject), ("text_template", text)];
        let wrong = |(name, template): (&'static str, &str)| try_out(template, &About::default()).err().map(|error| (name, error));
        let faults: Vec<_> = tried.into_iter().filter_map(wrong).collect();
        if faults.is_empty() { Ok(Self { subject: subject.to_owned(), text: text.to_owned() }) } else { Err(faults) }
    }

    /// Subject and text. A template that cannot be filled in must not cost a page: then it says the least.
    #[must_use]
    pub(super) fn fill(&self, about: &About) -> (String, String) {
        let fill = |template: &str, least: &str| {
            render(template, about).unwrap_or_else(|error| {
                tracing::warn!(%error, "a template of notifications cannot be filled in");
                least.to_owned()
            })
        };
        let line = |text: String| text.split(char::is_control).collect::<Vec<_>>().join(" ");
        (line(fill(&self.subject, &about.title)), fill(&self.text, &about.title))
    }
}

/// What templates may name.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct About {
    /// The notification.
    pub(super) id: String,
    /// To whom.
    pub(super) recipient: String,
    /// In a line.
    pub(super) title: String,
    /// In figures.
    pub(super) description: String,
    /// How bad it is.
    pub(super) severity: String,
    /// Where it stands.
    pub(super) status: String,
    /// Who is to know.
    pub(super) level: String,
    /// The alert.
    pub(super) alert: String,
    /// The rule.
    pub(super) rule: String,
    /// The incident.
    pub(super) incident: String,
    /// Its priority; 0: there is none.
    pub(super) priority: u8,
    /// When, by the recipient's clock.
    pub(super) at: String,
    /// Where it is acknowledged.
    pub(super) link: String,
}

impl About {
    /// A test message.
    pub(super) fn test(id: &EntityId, recipient: &EntityId, now: Timestamp) -> Self {
        Self {
            id: id.to_string(),
            recipient: recipient.to_string(),
            title: "[TEST] IonVeil can reach you".to_owned(),
            description: "Somebody has sent this to see whether it arrives. Nothing has to be done.".to_owned(),
            severity: "info".to_owned(),
            status: "test".to_owned(),
            at: Rfc3339(now).to_string(),
            ..Self::default()
        }
    }

    /// A step of an alert.
    pub(super) fn step(id: &EntityId, recipient: &EntityId, (alert_id, alert): (&EntityId, &Alert), link: String) -> Self {
        let firing = &alert.firing;
        let known = firing.plan.levels.iter().flat_map(|level| &level.recipients).find(|one| one.id == *recipient);
        Self {
            id: id.to_string(),
            recipient: recipient.to_string(),
            title: firing.title.clone(),
            description: firing.description.clone(),
            severity: firing.severity.to_string(),
            status: alert.status.to_string(),
            level: alert.level.to_string(),
            alert: alert_id.to_string(),
            rule: firing.rule.to_string(),
            incident: firing.incident.as_ref().map(ToString::to_string).unwrap_or_default(),
            priority: firing.violation.as_ref().map_or(0, |violation| violation.priority.number()),
            at: local(firing.at, known.map_or("UTC", |one| one.time_zone.as_str())),
            link,
        }
    }

    /// Many alerts in one.
    pub(super) fn digest(id: &EntityId, recipient: &EntityId, alerts: &[(EntityId, Option<Alert>)], now: Timestamp) -> Self {
        let line = |(id, alert): &(EntityId, Option<Alert>)| match alert {
            Some(alert) => format!("{} ({}, {})", alert.firing.title, alert.firing.severity, alert.status),
            None => format!("alert {id}"),
        };
        let mut lines: Vec<_> = alerts.iter().take(DIGEST_LINES_MAX).map(line).collect();
        if let Some(more) = alerts.len().checked_sub(DIGEST_LINES_MAX).filter(|more| *more > 0) {
            lines.push(format!("and {more} more"));
        }
        let worst = alerts.iter().filter_map(|(_, alert)| alert.as_ref()).map(|alert| alert.firing.severity).max();
        Self {
            id: id.to_string(),
            recipient: recipient.to_string(),
            title: format!("{} alerts", alerts.len()),
            description: lines.join("\n"),
            severity: worst.map(|worst| worst.to_string()).unwrap_or_default(),
            status: "digest".to_owned(),
            at: Rfc3339(now).to_string(),
            ..Self::default()
        }
    }
}

fn local(at: Timestamp, zone: &str) -> String {
    let zoned = jiff::Timestamp::from_microsecond(at.micros()).ok().and_then(|at| at.in_tz(zone).ok());
    zoned.map_or_else(|| Rfc3339(at).to_string(), |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

/// At most so many characters, whole ones.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_without_an_end_or_sense_is_refused_and_a_sound_one_is_filled_in() {
        let text = "{{ title }}\n{{ description }}{% if link %}\n{{ link }}{% endif %}";
        let templates = Templates::new("[{{ severity }}] {{ title }}", text).unwrap();
        let about = About { title: "a\nb".into(), severity: "critical".into(), description: "d".into(), ..About::default() };
        assert_eq!(templates.fill(&about), ("[critical] a b".to_owned(), "a\nb\nd".to_owned()));
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        for template in [endless, "{{ ", "{{ title | nothing }}", "{% include 'x' %}"] {
            assert!(Templates::new("x", template).is_err(), "{template}");
        }
    }

    #[test]
    fn a_time_is_told_by_the_clock_of_the_recipient_on_both_sides_of_a_change() {
        let at = |text: &str| Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        for (instant, shown) in [
            ("2026-03-08T09:59:00Z", "2026-03-08 01:59:00 PST"),
            ("2026-03-08T10:00:00Z", "2026-03-08 03:00:00 PDT"),
            ("2026-11-01T08:30:00Z", "2026-11-01 01:30:00 PDT"),
            ("2026-11-01T09:30:00Z", "2026-11-01 01:30:00 PST"),
        ] {
            assert_eq!(local(at(instant), "America/Los_Angeles"), shown);
        }
        assert_eq!(cut("äöü", 2), "äö");
    }
}
