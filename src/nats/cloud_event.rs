//! An event as a CloudEvent 1.0 in the JSON format (<https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>),
//! as structured content of a NATS message.

use crate::time::Rfc3339;
use ionveil_kernel::Recorded;
use serde::Serialize;
use serde_json::value::RawValue;

/// The content type of a message that is one.
pub(super) const CONTENT_TYPE: &str = "application/cloudevents+json";

/// An event for others. Its `id` is the event's for ever: who has seen it has seen the event.
#[derive(Serialize)]
pub struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    /// The organisation; `source` and `id` together are unique (CloudEvents §3.1).
    source: String,
    /// `ionveil.<kind>.<type>`.
    r#type: String,
    /// The stream, `<kind>:<organisation>:<id>`.
    subject: String,
    /// When it happened.
    time: Rfc3339,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    /// Where the data is, if it is too large for a message (extension *dataref*).
    #[serde(skip_serializing_if = "Option::is_none")]
    dataref: Option<String>,
    /// Place in the stream (extension *sequence*, there a text).
    sequence: String,
    /// What keeps events in order: all of a key come in the order of their sequence (extension *partitioning*).
    partitionkey: String,
    /// Version of the data's shape.
    schemaversion: u32,
    recordedat: Rfc3339,
    correlationid: String,
    causationid: String,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

impl<'a> CloudEvent<'a> {
    /// What stands for `event`.
    #[must_use]
    pub fn new(event: &'a Recorded) -> Self {
        Self {
            specversion: "1.0",
            id: event.event_id.to_string(),
            source: format!("/ionveil/{}", event.stream.org),
            r#type: format!("ionveil.{}.{}", event.stream.kind, event.event_type),
            subject: event.stream.to_string(),
            time: Rfc3339(event.occurred_at),
            datacontenttype: "application/json",
            // What the journal holds was checked before it was stored; a damaged payload goes out without data.
            data: serde_json::from_str(&event.data).ok(),
            dataref: None,
            sequence: event.sequence_number.to_string(),
            partitionkey: event.owner.to_string(),
            schemaversion: event.schema_version,
            recordedat: Rfc3339(event.recorded_at),
            correlationid: event.correlation_id.to_string(),
            causationid: event.causation_id.to_string(),
            actor: &event.actor,
            traceparent: event.traceparent.as_deref(),
        }
    }

    /// As JSON in at most `bytes_max` bytes: if it is larger, it says where its data is instead.
    #[must_use]
    pub fn encode(mut self, bytes_max: usize) -> Vec<u8> {
        let whole = serde_json::to_vec(&self).unwrap_or_default();
        if whole.len() <= bytes_max {
            return whole;
        }
        self.data = None;
        self.dataref = Some(format!("/api/v1/events?stream={}", self.subject));
        serde_json::to_vec(&self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_kernel::{CorrelationId, EventId, Timestamp};
    use serde_json::{Value, json};

    fn event(data: &str) -> Recorded {
        let uuid = ionveil_kernel::derive_uuid(&["a"]);
        Recorded {
            event_id: EventId(uuid),
            stream: "workflow:acme:w-1".parse().unwrap(),
            owner: "workflow:acme:w-1".parse().unwrap(),
            sequence_number: 3,
            partition: 2,
            position: 9,
            event_type: "transitioned".into(),
            schema_version: 1,
            data: data.to_owned(),
            occurred_at: Timestamp::from_micros(1_000_000),
            recorded_at: Timestamp::from_micros(2_000_000),
            correlation_id: CorrelationId(uuid),
            causation_id: uuid,
            actor: "user:jane".into(),
            traceparent: None,
        }
    }

    #[test]
    fn an_event_has_what_cloud_events_asks_for() {
        let event = event(r#"{"to":"allocated","n":1.50}"#);
        let text = String::from_utf8(CloudEvent::new(&event).encode(10_000)).unwrap();
        assert!(text.contains(r#""data":{"to":"allocated","n":1.50}"#), "the payload as it is: {text}");
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let id = event.event_id.to_string();
        assert_eq!(value["data"].take()["to"], "allocated");
        let expected = json!({
            "specversion": "1.0", "id": id, "source": "/ionveil/acme", "type": "ionveil.workflow.transitioned",
            "subject": "workflow:acme:w-1", "time": "1970-01-01T00:00:01Z", "datacontenttype": "application/json", "data": null,
            "sequence": "3", "partitionkey": "workflow:acme:w-1", "schemaversion": 1, "recordedat": "1970-01-01T00:00:02Z",
            "correlationid": id, "causationid": id, "actor": "user:jane",
        });
        assert_eq!(value, expected);
        let lawful = |name: &String| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        assert!(value.as_object().unwrap().keys().all(lawful), "names of attributes are lower-case letters and digits");
    }

    #[test]
    fn one_that_is_too_large_says_where_its_data_is() {
        let event = event(&format!("{{\"text\":\"{}\"}}", "x".repeat(5_000)));
        let encoded = CloudEvent::new(&event).encode(2_000);
        let value: Value = serde_json::from_slice(&encoded).unwrap();
        assert!(encoded.len() <= 2_000 && value.get("data").is_none());
        assert_eq!(value["dataref"], "/api/v1/events?stream=workflow:acme:w-1");
    }
}
