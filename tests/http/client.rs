//! A client of one server, with one credential or none.

use super::answer::Answer;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    base: String,
    credential: Option<(&'static str, String)>,
}

impl Api {
    /// A client of the server that listens on `address`.
    pub(super) fn of(address: &str) -> Self {
        let redirect = reqwest::redirect::Policy::none();
        let client = ionveil::web::client().timeout(TIMEOUT).redirect(redirect).build().expect("a client");
        Self { client, base: format!("http://{address}"), credential: None }
    }

    /// The same, showing `value` in the header `name`.
    pub(super) fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        Self { credential: Some((name, value.into())), ..self.clone() }
    }

    pub(super) fn bearing(&self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }

    pub(super) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.credential {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("an answer")).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_with(path, body, &[]).await
    }

    pub(super) async fn post_with(&self, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
        let request = self.request("POST", path).json(&body);
        self.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("PUT", path).json(&body)).await
    }

    /// Without a body.
    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path)).await
    }

    /// Starts a workflow that must not exist.
    pub(super) async fn create(&self, id: &str, machine: &str) -> Value {
        self.post("/api/v1/workflows", json!({"id": id, "machine": machine})).await.json(201)
    }

    /// Moves a workflow, which must be lawful.
    pub(super) async fn go(&self, id: &str, to: &str) -> Value {
        self.post(&format!("/api/v1/workflows/{id}/transitions"), json!({"to": to})).await.json(200)
    }

    /// Every event that the caller may see, in the order of the feed.
    pub(super) async fn feed(&self) -> Vec<Value> {
        self.pages("/api/v1/events?page_size=500").await
    }

    /// Everything on all pages of a list.
    pub(super) async fn pages(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let next = if cursor.is_empty() { path.to_owned() } else { format!("{path}{mark}cursor={cursor}") };
            let page = self.get(&next).await.json(200);
            let items = page["items"].as_array().expect("items");
            all.extend(items.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) if !items.is_empty() => next.clone_into(&mut cursor),
                Some(_) | None => return all,
            }
        }
    }
}
