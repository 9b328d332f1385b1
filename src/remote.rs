//! A client of a running server: the same commands, over the public HTTP interface.

use crate::cli::target::{Request, SendError, Sent};
use crate::time;
use anyhow::Context;
use ionveil_kernel::Timestamp;
use ionveil_workflow::Command;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// The header by which a server says that it answers a repeat.
pub const REPLAYED: &str = "idempotency-replayed";
const TIMEOUT: Duration = Duration::from_secs(30);
/// A large batch is recorded while its sender waits.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3_600);

/// A running server.
pub struct Remote {
    client: Client,
    base: Url,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
    #[serde(default)]
    errors: Vec<Fault>,
    retryable: bool,
}

#[derive(Deserialize)]
struct Fault {
    code: String,
    field: Option<String>,
    detail: String,
}

impl From<Problem> for SendError {
    /// Several faults are told one by one.
    fn from(Problem { code, detail, errors, retryable }: Problem) -> Self {
        let detail = if errors.len() > 1 {
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        } else {
            format!("{code}: {detail}")
        };
        Self { detail, code: Some(code), retryable }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        write!(f, "{}: {field}{}", self.code, self.detail)
    }
}

impl Remote {
    /// A client for the server at `url`, with the credential in `token_file`, if any.
    ///
    /// # Errors
    /// An address or file that cannot be used.
    pub fn new(url: &str, token_file: Option<&Path>) -> anyhow::Result<Self> {
        let base = Url::parse(url).with_context(|| format!("use {url:?} as the server's address"))?.join("/api/v1/")?;
        let headers = token_file.map(credential).transpose()?.unwrap_or_default();
        // No proxy: commands go to the server that was named and nowhere else.
        let client = crate::web::client().timeout(TIMEOUT).default_headers(headers).build()?;
        Ok(Self { client, base })
    }

    /// Sends one request for a workflow.
    ///
    /// # Errors
    /// [`SendError`] if no answer came, or one that says to try again, or that the credential does not do.
    pub async fn send(&self, request: &Request) -> Result<Sent, SendError> {
        let (path, mut body) = form(request);
        body.insert("occurred_at".to_owned(), json!(request.occurred_at.map(time::format)));
        body.insert("expected_version".to_owned(), json!(request.expected_version));
        self.command(&path, &Value::Object(body), &request.key).await
    }

    /// Posts a command to `path` (segments behind `/api/v1/`) under a key by which a repeat is known.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn command(&self, path: &[&str], body: &Value, key: &str) -> Result<Sent, SendError> {
        let answer = answered(self.client.post(self.url(path)?).header("idempotency-key", key).json(body)).await?;
        if answer.status().is_success() {
            return Ok(if answer.headers().contains_key(REPLAYED) { Sent::AlreadyThere } else { Sent::Appended });
        }
        let status = answer.status();
        judge(status, problem(answer).await?)
    }

    /// Reads what stands at `path` (segments behind `/api/v1/`).
    ///
    /// # Errors
    /// [`SendError`] if it was not answered with success.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, SendError> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        value(self.client.get(url)).await
    }

    /// What the server's clock shows and how fast it runs, if it is not the real one.
    ///
    /// # Errors
    /// [`SendError`] if it was not answered with success.
    pub async fn clock(&self) -> Result<Option<(Timestamp, u32)>, SendError> {
        let url = self.base.join("/health").map_err(|error| SendError::new(error, false))?;
        let health = value(self.client.get(url)).await?;
        let clock = &health["clock"];
        let now = clock["now"].as_str().and_then(|now| time::parse(now).ok());
        Ok(now.zip(clock["speed"].as_u64().and_then(|speed| u32::try_from(speed).ok()).filter(|speed| *speed > 0)))
    }

    /// Asks for an action that needs no more than its `path` (segments behind `/api/v1/`).
    ///
    /// # Errors
    /// [`SendError`] if it was not answered with success.
    pub async fn post(&self, path: &[&str]) -> Result<Value, SendError> {
        self.ask(Method::POST, path, &json!({})).await
    }

    /// Asks for an action at `path` (segments behind `/api/v1/`); the answer is null where none is given.
    ///
    /// # Errors
    /// [`SendError`] if it was not answered with success.
    pub async fn ask(&self, method: Method, path: &[&str], body: &Value) -> Result<Value, SendError> {
        value(self.client.request(method, self.url(path)?).json(body)).await
    }

    /// Sends a body that is read while it is sent; says whether it answers a repeat, and with what.
    ///
    /// # Errors
    /// [`SendError`] if it was not answered with success.
    pub async fn upload(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        headers: HeaderMap,
        body: reqwest::Body,
    ) -> Result<(Value, bool), SendError> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.client.post(url).headers(headers).timeout(UPLOAD_TIMEOUT).body(body);
        let answer = answered(request).await?;
        if !answer.status().is_success() {
            return Err(problem(answer).await?.into());
        }
        let repeated = answer.headers().contains_key(REPLAYED);
        let value = answer.json().await.map_err(|error| SendError::new(format_args!("the server's answer breaks off: {error}"), true))?;
        Ok((value, repeated))
    }

    fn url(&self, path: &[&str]) -> Result<Url, SendError> {
        let url = path.iter().try_fold(self.base.clone(), |url, segment| push(url, segment));
        url.ok_or_else(|| SendError::new("the server's address cannot carry a path", false))
    }
}

async fn answered(request: RequestBuilder) -> Result<Response, SendError> {
    request.send().await.map_err(|error| SendError::new(format_args!("the server does not answer: {error}"), true))
}

async fn problem(answer: Response) -> Result<Problem, SendError> {
    let status = answer.status();
    let problem = answer.json::<Problem>().await;
    problem.map_err(|_| SendError::new(format_args!("the server answers {status} in an unknown form"), status.is_server_error()))
}

/// The body of an answer that must be one of success.
async fn value(request: RequestBuilder) -> Result<Value, SendError> {
    let answer = answered(request).await?;
    if !answer.status().is_success() {
        return Err(problem(answer).await?.into());
    }
    if answer.status() == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    answer.json().await.map_err(|error| SendError::new(format_args!("the server's answer breaks off: {error}"), true))
}

/// Refusals are results; what concerns every request alike is an error.
fn judge(status: StatusCode, problem: Problem) -> Result<Sent, SendError> {
    let for_all = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) || status.is_server_error() || problem.retryable;
    if for_all {
        return Err(problem.into());
    }
    Ok(Sent::Refused { code: problem.code, detail: problem.detail })
}

/// The path behind `/api/v1/` and the body.
fn form(request: &Request) -> (Vec<&str>, Map<String, Value>) {
    let id = request.id.as_str();
    // The command's own form is the body's, but for its tag.
    let mut body = match serde_json::to_value(&request.command) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    };
    body.remove("type");
    let path = match &request.command {
        Command::Register { .. } => {
            body.insert("id".to_owned(), json!(id));
            vec!["workflows"]
        }
        Command::Transition { .. } => vec!["workflows", id, "transitions"],
        Command::Step { .. } => vec!["workflows", id, "steps"],
        Command::Rollback { .. } => vec!["workflows", id, "rollback"],
        Command::Cancel { .. } => vec!["workflows", id, "cancel"],
        Command::Reconcile { .. } => vec!["workflows", id, "reconcile"],
        Command::Clone { source, .. } => {
            body = Map::from_iter([("new_id".to_owned(), json!(id))]);
            vec!["workflows", source.as_str(), "clone"]
        }
    };
    (path, body)
}

fn push(mut url: Url, segment: &str) -> Option<Url> {
    url.path_segments_mut().ok()?.pop_if_empty().push(segment);
    Some(url)
}

fn credential(file: &Path) -> anyhow::Result<HeaderMap> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read the credential in {}", file.display()))?;
    let text = text.trim();
    let (name, value) = if text.starts_with("ivk_") { ("x-api-key", text.to_owned()) } else { ("authorization", format!("Bearer {text}")) };
    let mut value = HeaderValue::from_str(&value).with_context(|| format!("use the credential in {}", file.display()))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(HeaderName::from_static(name), value)]))
}
