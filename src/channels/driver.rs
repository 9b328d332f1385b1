//! What sends: an HTTP client that calls only what may be called, and a driver that only seems to send. That of NATS is in `nats`.
//!
//! Redirects are not followed, proxies are not asked, and the address that is checked is the one that is connected to: names
//! are resolved here, and addresses in URLs are looked at again right before each call.

use super::nats::Nats;
use super::secrets::Secrets;
use super::template::{self, Message};
use crate::web::Roots;
use ionveil_channels::address::{Allow, NotAllowed};
use ionveil_channels::channel::{Driver, Text};
use ionveil_channels::failover::Bound;
use ionveil_kernel::{BoxFuture, Env};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, Url};
use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take to be made; a shorter timeout of the channel's comes first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bodies of answers up to so many bytes are read, so that the connection can be used again.
const ANSWER_BYTES_MAX: u64 = 64 * 1_024;
/// How long such a body may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What came back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// What went wrong, if nothing came back: `send_failed`, `timeout`, `unavailable`, `address_not_allowed`.
    pub error: Option<&'static str>,
    /// The latency that a simulation says; else it is measured.
    pub latency_ms: Option<f64>,
    /// For how long the receiver asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The limits of the level that cut the call short, if one did; then it is a `timeout`.
    pub bound: Option<Bound>,
}

impl Answer {
    pub(super) fn failed(error: &'static str) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// Whether the message was taken: 2xx, or a simulated success.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.error.is_none() && self.status.is_none_or(|status| (200..300).contains(&status))
    }
}

/// Sends over drivers. A cheap handle.
#[derive(Clone)]
pub struct Drivers(Arc<Shared>);

struct Shared {
    client: Client,
    allow: Arc<Allow>,
    secrets: Secrets,
    roots: Roots,
    nats: Nats,
    env: Env,
}

impl Drivers {
    /// Those that may call what `allow` lets through, and trust `roots` besides the certificates built in.
    ///
    /// # Errors
    /// If the client cannot be made.
    pub fn new(allow: Allow, secrets: Secrets, roots: Roots, env: Env) -> Result<Self, reqwest::Error> {
        let allow = Arc::new(allow);
        let client = crate::web::client_that_trusts(&roots)
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Checked { allow: allow.clone() })
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("ionveil/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let nats = Nats::new(allow.clone(), env.clone());
        Ok(Self(Arc::new(Shared { client, allow, secrets, roots, nats, env })))
    }

    /// What is trusted besides the certificates built in.
    pub(crate) fn roots(&self) -> &Roots {
        &self.0.roots
    }

    /// What can be seen to be wrong with a driver before anything is sent: pairs of a field and what it must be. Names are not
    /// resolved: what they mean may change.
    #[must_use]
    pub fn faults(&self, driver: &Driver) -> Vec<(DriverFault, String, String)> {
        let (address, headers, body) = match driver {
            Driver::Http { url, headers, body, .. } => (self.driver_url_fault(url).map(|fault| ("driver.url", fault)), headers, body),
            Driver::Nats { server, headers, body, .. } => {
                let fault = server.as_deref().and_then(|server| self.0.nats.server_fault(server));
                (fault.map(|fault| ("driver.server", fault)), headers, body)
            }
            Driver::Simulated { .. } => return Vec::new(),
        };
        let url = address.map(|(field, (kind, detail))| (kind, field.to_owned(), detail));
        let missing = |(name, text): (&String, &Text)| {
            let missing = self.0.secrets.resolve(text).err()?;
            Some((DriverFault::UnknownSecret, format!("driver.headers.{name}"), missing.to_string()))
        };
        let body = body.as_deref().and_then(|body| template::check(body).err());
        let body = body.map(|error| (DriverFault::Invalid, "driver.body".to_owned(), format!("is no template: {error}")));
        let login = match driver {
            Driver::Nats { login: Some(login), .. } => Some(login.secret()),
            Driver::Nats { login: None, .. } | Driver::Http { .. } | Driver::Simulated { .. } => None,
        };
        let login = login.and_then(|(name, text)| Some((name, self.0.secrets.resolve(text).err()?)));
        let login = login.map(|(name, missing)| (DriverFault::UnknownSecret, format!("driver.login.{name}"), missing.to_string()));
        url.into_iter().chain(headers.iter().filter_map(missing)).chain(body).chain(login).collect()
    }

    /// What can be seen to be wrong with an address before it is called: whether it is one that may not be, and what it must be.
    pub(crate) fn url_fault(&self, text: &str) -> Option<(bool, String)> {
        self.driver_url_fault(text).map(|(kind, detail)| (kind == DriverFault::AddressNotAllowed, detail))
    }

    /// Posts a body to an address, outside of any channel; it may be dropped.
    pub(crate) fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: String,
        timeout: Duration,
    ) -> BoxFuture<'static, Posted> {
        let made = Url::parse(url).map_err(|_| "address_invalid").and_then(|url| {
            self.literal(&url).map_err(|_refused| "address_not_allowed")?;
            let request = self.0.client.post(url).header(CONTENT_TYPE, "application/json").timeout(timeout).body(body);
            Ok(headers.iter().fold(request, |request, (name, value)| request.header(*name, value)))
        });
        let drivers = self.clone();
        Box::pin(async move {
            let request = match made {
                Ok(request) => request,
                Err(reason) => return Posted::NotSent(reason),
            };
            match request.send().await {
                Ok(response) => {
                    let status = response.status().as_u16();
                    drivers.drain(response);
                    Posted::Status(status)
                }
                Err(error) if reason(&error) == "address_not_allowed" => Posted::NotSent("address_not_allowed"),
                Err(error) if error.is_connect() || error.is_builder() => Posted::NotSent("connect_failed"),
                Err(error) => Posted::Unknown(reason(&error)),
            }
        })
    }

    fn driver_url_fault(&self, text: &str) -> Option<(DriverFault, String)> {
        let invalid = |detail: &str| Some((DriverFault::Invalid, detail.to_owned()));
        let Ok(url) = Url::parse(text) else { return invalid("must be an address such as https://host/path") };
        if !matches!(url.scheme(), "http" | "https") {
            return invalid("must begin with http:// or https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return invalid("must not hold a user or a password: use a header with a reference");
        }
        let refused = self.literal(&url).err()?;
        Some((DriverFault::AddressNotAllowed, refused.to_string()))
    }

    /// An address in a URL needs no resolver, so it is looked at here.
    fn literal(&self, url: &Url) -> Result<(), NotAllowed> {
        url.host_str().map_or(Ok(()), |host| self.0.allow.check_literal(host))
    }

    /// As [`Self::send`], for no longer than `bound` leaves.
    #[must_use]
    pub fn send_within(&self, driver: &Driver, message: &Message, bound: Option<Bound>) -> BoxFuture<'static, Answer> {
        let sending = self.send(driver, message);
        let Some(bound) = bound.filter(|bound| bound.is_below(driver.timeout_ms())) else { return sending };
        let patience = self.0.env.sleep(Duration::from_millis(bound.timeout_ms));
        Box::pin(async move {
            tokio::select! {
                biased;
                answer = sending => answer,
                () = patience => Answer { bound: Some(bound), ..Answer::failed("timeout") },
            }
        })
    }

    /// Sends. The future may be dropped: then nobody waits for the answer any more.
    #[must_use]
    pub fn send(&self, driver: &Driver, message: &Message) -> BoxFuture<'static, Answer> {
        match driver {
            Driver::Http { url, method, headers, body, timeout_ms } => {
                let made = self.request(url, method, headers, body.as_deref(), message);
                let (drivers, timeout) = (self.clone(), Duration::from_millis(*timeout_ms));
                Box::pin(async move {
                    match made {
                        Ok(request) => drivers.call(request.timeout(timeout)).await,
                        Err(answer) => answer,
                    }
                })
            }
            Driver::Nats { .. } => self.0.nats.send(driver, message, &self.0.secrets),
            Driver::Simulated { latency_ms, failing } => self.simulate(*latency_ms, *failing),
        }
    }

    /// Nothing is sent, but it takes as long as it says.
    fn simulate(&self, latency_ms: f64, failing: bool) -> BoxFuture<'static, Answer> {
        let Ok(latency) = Duration::try_from_secs_f64(latency_ms / 1_000.0) else {
            return Box::pin(std::future::ready(Answer::failed("unavailable")));
        };
        let (waiting, error) = (self.0.env.sleep(latency), failing.then_some("send_failed"));
        Box::pin(async move {
            waiting.await;
            Answer { error, latency_ms: Some(latency_ms), ..Answer::default() }
        })
    }

    fn request(
        &self,
        url: &str,
        method: &str,
        headers: &BTreeMap<String, Text>,
        body: Option<&str>,
        message: &Message,
    ) -> Result<reqwest::RequestBuilder, Answer> {
        let failed = |error: &dyn std::fmt::Display| {
            tracing::warn!(channel = message.channel, %error, "a message cannot be made");
            Answer::failed("send_failed")
        };
        let url = Url::parse(url).map_err(|error| failed(&error))?;
        self.literal(&url).map_err(|_refused| Answer::failed("address_not_allowed"))?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| failed(&error))?;
        let mut all = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        for (name, text) in headers {
            let value = self.0.secrets.resolve(text).map_err(|error| failed(&error))?;
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| failed(&error))?;
            let mut value = HeaderValue::from_str(&value).map_err(|_| failed(&"the value of a header has control characters"))?;
            value.set_sensitive(!matches!(text, Text::Plain(_)));
            all.insert(name, value);
        }
        let body = template::body(body, message).map_err(|error| failed(&error))?;
        Ok(self.0.client.request(method, url).headers(all).body(body))
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Answer {
        match request.send().await {
            Ok(response) => {
                let (status, retry_after) = (response.status(), retry_after(&response, &self.0.env));
                self.drain(response);
                Answer { status: Some(status.as_u16()), retry_after, ..Answer::default() }
            }
            Err(error) => Answer::failed(reason(&error)),
        }
    }

    /// The connection can be used again once a body was read; a large one is not worth it.
    fn drain(&self, response: Response) {
        if response.content_length().is_some_and(|length| (1..=ANSWER_BYTES_MAX).contains(&length)) {
            let patience = self.0.env.sleep(ANSWER_TIMEOUT);
            self.0.env.spawn(async move {
                tokio::select! {
                    biased;
                    _read = response.bytes() => {}
                    () = patience => {}
                }
            });
        }
    }
}

/// What is known of a request outside of any channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It was answered so.
    Status(u16),
    /// Nobody can have it.
    NotSent(&'static str),
    /// Somebody may have it.
    Unknown(&'static str),
}

impl Posted {
    /// Whether it was taken: 2xx.
    #[must_use]
    pub const fn is_taken(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// What kind of thing is wrong with a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverFault {
    /// Its form.
    Invalid,
    /// What it calls.
    AddressNotAllowed,
    /// A secret that is not there.
    UnknownSecret,
}

fn reason(error: &reqwest::Error) -> &'static str {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<NotAllowed>() {
            return "address_not_allowed";
        }
        cause = one.source();
    }
    if error.is_timeout() { "timeout" } else { "send_failed" }
}

/// `Retry-After` of a 429 or 503, in seconds or as a date (RFC 9110 §10.2.3).
fn retry_after(response: &Response, env: &Env) -> Option<Duration> {
    if !matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        return None;
    }
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    seconds.or_else(|| {
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        let left = date.as_millisecond().saturating_sub(env.now().millis());
        u64::try_from(left).ok().map(Duration::from_millis)
    })
}

/// Resolves names, and lets only those addresses through that may be called: what is checked is what is connected to.
struct Checked {
    allow: Arc<Allow>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let checked = found.into_iter().map(|address| allow.check(name.as_str(), address.ip()).map(|()| address));
            let (lawful, refused): (Vec<_>, Vec<_>) = checked.partition(Result::is_ok);
            if let (true, Some(Err(refused))) = (lawful.is_empty(), refused.into_iter().next()) {
                return Err(Box::new(refused) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(lawful.into_iter().flatten()) as Addrs)
        })
    }
}
