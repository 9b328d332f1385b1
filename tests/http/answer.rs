//! An answer that was read to its end, and what must be true of every answer.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::Value;

pub(super) const PROBLEM: &str = "application/problem+json";

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("the whole body") }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    /// The body of an answer that must have this status.
    pub(super) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body of a problem that must have this status and code, and every member that clients rely on.
    pub(super) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header(CONTENT_TYPE.as_str()), Some(PROBLEM), "{}", self.text);
        let body: Value = serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text));
        assert_eq!(body["code"], code, "{}", self.text);
        assert_eq!(body["status"], status, "{}", self.text);
        assert_eq!(body["type"], format!("/docs/errors/{code}"), "{}", self.text);
        assert!(body["title"].is_string() && body["detail"].is_string() && body["retryable"].is_boolean(), "{}", self.text);
        assert_eq!(body["trace_id"].as_str().map(str::len), Some(32), "{}", self.text);
        assert!(body["errors"].is_array(), "{}", self.text);
        let retry_after = self.header("retry-after").is_some();
        assert_eq!(retry_after, matches!(status, 429 | 503), "Retry-After of {status}");
        assert_eq!(self.header("www-authenticate").is_some(), status == 401, "WWW-Authenticate of {status}");
        body
    }

    /// The faults of a problem as `field: code`, in their order.
    pub(super) fn faults(&self, status: u16, code: &str) -> Vec<String> {
        let body = self.problem(status, code);
        let faults = body["errors"].as_array().expect("a list").iter();
        faults.map(|fault| format!("{}: {}", fault["field"].as_str().unwrap_or("-"), fault["code"].as_str().expect("a code"))).collect()
    }
}
