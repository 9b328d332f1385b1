//! The bodies of Prometheus and Alertmanager: read as theirs, so that fields which nobody here knows are passed over.

use crate::http::fields::{At, Fields, FromFields, FromValue};
use crate::http::problem::{Code, Fault};
use crate::time::Rfc3339;
use ionveil_alerts::external::{ExternalForm, RESOLVE_TIMEOUT};
use ionveil_kernel::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An alert as Prometheus sends it.
#[derive(Serialize, ToSchema)]
#[schema(as = PrometheusAlert)]
pub struct PostedAlert {
    /// Name it: at most 64, at least one with a value. `severity` is its severity.
    #[schema(example = json!({"alertname": "HighLatency", "severity": "critical", "job": "api"}))]
    labels: BTreeMap<String, String>,
    /// What else it says: `summary` is the title, `description` the description.
    annotations: Option<BTreeMap<String, String>>,
    /// Since when.
    #[serde(rename = "startsAt")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Rfc3339>,
    /// Until when, unless it is sent again; one that has come ends it. Absent: five minutes from now.
    #[serde(rename = "endsAt")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Rfc3339>,
    /// Where it comes from.
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

/// What the webhook of an Alertmanager sends; fields that are not named here are passed over.
#[derive(Serialize, ToSchema)]
pub struct AlertmanagerHook {
    /// The version of the body: 4.
    #[schema(pattern = "^4$", example = "4")]
    version: Option<String>,
    /// The alerts.
    alerts: Vec<HookAlert>,
}

/// An alert as the webhook of an Alertmanager sends it.
#[derive(Serialize, ToSchema)]
#[schema(as = AlertmanagerHookAlert)]
pub struct HookAlert {
    /// Whether it is over.
    #[schema(pattern = "^(firing|resolved)$", example = "firing")]
    status: String,
    /// Name it, as in `/api/v2/alerts`.
    #[schema(example = json!({"alertname": "HighLatency", "severity": "critical", "job": "api"}))]
    labels: BTreeMap<String, String>,
    /// What else it says.
    annotations: Option<BTreeMap<String, String>>,
    /// Since when.
    #[serde(rename = "startsAt")]
    #[schema(value_type = Option<String>, format = DateTime)]
    starts_at: Option<Rfc3339>,
    /// When it ended; of one that is not over it says nothing.
    #[serde(rename = "endsAt")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Rfc3339>,
    /// Where it comes from.
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
}

/// An alert as it was sent.
pub struct Sent {
    form: ExternalForm,
    /// Whether it says itself when it is over; else its end, or the lack of one, does.
    over: Option<bool>,
}

impl Sent {
    /// With the end that it means.
    #[must_use]
    pub fn form(self, now: Timestamp) -> ExternalForm {
        // Their clocks write "none" as the first second of all.
        let set = |at: Option<Timestamp>| at.filter(|at| *at > Timestamp::MIN);
        let (starts_at, ends_at) = (set(self.form.starts_at), set(self.form.ends_at));
        match self.over {
            None => ExternalForm { starts_at, ends_at: ends_at.or_else(|| Some(now.after(RESOLVE_TIMEOUT))), ..self.form },
            Some(false) => ExternalForm { starts_at, ends_at: None, ..self.form },
            Some(true) => ExternalForm { starts_at: None, ends_at: Some(now), ..self.form },
        }
    }
}

struct Pairs(BTreeMap<String, String>);

impl FromValue for Pairs {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let (mut read, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, value) in Map::from_value(value, at)? {
            match String::from_value(value, &at.key(&name.chars().take(64).collect::<String>())) {
                Ok(text) => drop(read.insert(name, text)),
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(Self(read)) } else { Err(faults) }
    }
}

fn form(fields: &mut Fields) -> Option<ExternalForm> {
    let labels = fields.required::<Pairs>("labels");
    let annotations = fields.optional::<Pairs>("annotations").map(|read| read.0).unwrap_or_default();
    let (starts_at, ends_at) = (fields.optional("startsAt"), fields.optional("endsAt"));
    let url = fields.optional("generatorURL");
    Some(ExternalForm { labels: labels?.0, annotations, starts_at, ends_at, url })
}

struct Plain(Sent);

impl FromFields for Plain {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let form = form(fields);
        fields.others();
        Some(Self(Sent { form: form?, over: None }))
    }
}

struct Hooked(Sent);

impl FromFields for Hooked {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (status, form) = (fields.required::<String>("status"), form(fields));
        fields.others();
        let over = status.as_ref().map(|status| status == "resolved");
        if status.is_some_and(|status| !["firing", "resolved"].contains(&status.as_str())) {
            fields.fault(Code::InvalidField, "status", "must be firing or resolved");
        }
        Some(Self(Sent { form: form?, over }))
    }
}

fn alone() -> At {
    At { path: String::new(), text_only: false }
}

/// Alerts, each with what is wrong with its form.
pub struct PostedAlerts(pub(super) Vec<Result<Sent, Vec<Fault>>>);

impl FromValue for PostedAlerts {
    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let Value::Array(items) = value else { return Err(at.wrong_type("an array of alerts", &value)) };
        Ok(Self(items.into_iter().map(|item| Plain::from_value(item, &alone()).map(|read| read.0)).collect()))
    }
}

/// See [`AlertmanagerHook`].
pub struct Hook(pub(super) Vec<Result<Sent, Vec<Fault>>>);

impl FromFields for Hook {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let (version, alerts) = (fields.optional::<String>("version"), fields.required::<Vec<Value>>("alerts"));
        fields.others();
        if version.is_some_and(|version| version != "4") {
            fields.fault(Code::InvalidField, "version", "must be 4");
        }
        Some(Self(alerts?.into_iter().map(|item| Hooked::from_value(item, &alone()).map(|read| read.0)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ends(sent: Result<Sent, Vec<Fault>>) -> Option<i64> {
        sent.unwrap().form(Timestamp::from_micros(0)).ends_at.map(Timestamp::micros)
    }

    #[test]
    fn an_end_is_what_the_sender_means_by_it() {
        let later = "1970-01-01T00:00:09Z";
        for (end, plain) in [(Some(later), 9_000_000), (None, 300_000_000), (Some("0001-01-01T00:00:00Z"), 300_000_000)] {
            let body = json!([{"labels": {"a": "b"}, "endsAt": end, "status": {"state": "active"}, "more": 1}]);
            let mut read: PostedAlerts = Fields::read_body(body).unwrap();
            assert_eq!(ends(read.0.remove(0)), Some(plain));
            for (status, hooked) in [("firing", None), ("resolved", Some(0))] {
                let body =
                    json!({"version": "4", "truncatedAlerts": 0, "alerts": [{"status": status, "labels": {"a": "b"}, "endsAt": end}]});
                let mut read: Hook = Fields::read_body(body).unwrap();
                assert_eq!(ends(read.0.remove(0)), hooked);
            }
        }
    }

    #[test]
    fn each_alert_has_its_own_faults() {
        let body = json!([{"labels": {"a": 1, "b": "c"}, "startsAt": "now"}, {"labels": {"a": "b"}}, {"annotations": []}, 7]);
        let read: PostedAlerts = Fields::read_body(body).unwrap();
        let faults: Vec<Vec<_>> = read
            .0
            .into_iter()
            .map(|read| read.err().into_iter().flatten().map(|fault| fault.field.unwrap_or_default()).collect())
            .collect();
        assert_eq!(faults, [vec!["labels.a", "startsAt"], vec![], vec!["labels", "annotations"], vec![""]]);
        assert!(Fields::read_body::<PostedAlerts>(json!({})).is_err());
        assert!(Fields::read_body::<Hook>(json!({"version": "3", "alerts": []})).is_err());
        let read: Hook = Fields::read_body(json!({"alerts": [{"status": "odd", "labels": {}}]})).unwrap();
        assert!(read.0[0].is_err());
    }
}
