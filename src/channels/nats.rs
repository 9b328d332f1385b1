//! The driver of NATS: a message to a subject, by request and reply or without one.
//!
//! The rules of addresses hold for the server: its name is resolved here, and what is connected to is the address that was
//! checked. Servers that it tells of are not used. With TLS the name has to be that of the certificate, so that nothing else can
//! be connected to by that name; such a name has to be in `channels.allow`.

use super::driver::{Answer, DriverFault};
use super::secrets::{Missing, Secrets};
use super::template::{self, Message};
use async_nats::connection::State;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, HeaderMap, HeaderName, HeaderValue, RequestErrorKind};
use ionveil_channels::address::{Allow, literal};
use ionveil_channels::channel::{Driver, Login, Text};
use ionveil_kernel::{BoxFuture, Env};
use parking_lot::Mutex;
use reqwest::Url;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// The most connections that are kept; beyond them the first by name goes.
const KEPT_MAX: usize = 64;
/// The port of servers that name none.
const PORT: u16 = 4_222;
/// The header with the status of a refusal (NATS services protocol).
const ERROR_CODE: &str = "Nats-Service-Error-Code";

/// Sends over NATS. A cheap handle.
#[derive(Clone)]
pub(super) struct Nats(Arc<Shared>);

struct Shared {
    allow: Arc<Allow>,
    env: Env,
    kept: Mutex<BTreeMap<(String, Option<Login>), Client>>,
}

/// A message that is ready to go.
struct Ready {
    server: Url,
    subject: String,
    reply: bool,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Who we are, and the secret that shows it.
    login: Option<(Login, String)>,
    timeout: Duration,
}

impl Nats {
    pub(super) fn new(allow: Arc<Allow>, env: Env) -> Self {
        Self(Arc::new(Shared { allow, env, kept: Mutex::default() }))
    }

    /// What can be seen to be wrong with a server before anything is sent.
    pub(super) fn server_fault(&self, text: &str) -> Option<(DriverFault, String)> {
        let url = match parse(text) {
            Ok(url) => url,
            Err(detail) => return Some((DriverFault::Invalid, detail.to_owned())),
        };
        let host = url.host_str().unwrap_or_default();
        if url.scheme() == "tls" && literal(host).is_none() && !self.0.allow.names(host) {
            let detail = "a name with tls:// has to be in channels.allow";
            return Some((DriverFault::AddressNotAllowed, detail.to_owned()));
        }
        let refused = self.0.allow.check_literal(host).err()?;
        Some((DriverFault::AddressNotAllowed, refused.to_string()))
    }

    /// Sends. The future may be dropped: then nobody waits for the answer any more.
    pub(super) fn send(&self, driver: &Driver, message: &Message, secrets: &Secrets) -> BoxFuture<'static, Answer> {
        let (nats, ready) = (self.clone(), ready(driver, message, secrets));
        Box::pin(async move {
            let ready = match ready {
                Ok(ready) => ready,
                Err(error) => {
                    tracing::warn!(%error, "a message cannot be made");
                    return Answer::failed("send_failed");
                }
            };
            let patience = nats.0.env.sleep(ready.timeout);
            tokio::select! {
                biased;
                answer = nats.deliver(ready) => answer.unwrap_or_else(Answer::failed),
                () = patience => Answer::failed("timeout"),
            }
        })
    }

    async fn deliver(&self, ready: Ready) -> Result<Answer, &'static str> {
        let client = self.client(&ready).await?;
        let body = ready.body.into();
        if !ready.reply {
            client.publish_with_headers(ready.subject, ready.headers, body).await.map_err(|_| "send_failed")?;
            return client.flush().await.map(|()| Answer::default()).map_err(|_| "send_failed");
        }
        let request = async_nats::Request::new().headers(ready.headers).payload(body).timeout(Some(ready.timeout));
        match client.send_request(ready.subject, request).await {
            Ok(reply) => Ok(Answer { status: status(&reply), ..Answer::default() }),
            Err(error) => Err(match error.kind() {
                RequestErrorKind::TimedOut => "timeout",
                RequestErrorKind::NoResponders => "unavailable",
                _other => "send_failed",
            }),
        }
    }

    /// A connection that is kept, or a new one.
    async fn client(&self, ready: &Ready) -> Result<Client, &'static str> {
        let key = (ready.server.to_string(), ready.login.as_ref().map(|(login, _)| login.clone()));
        let kept = self.0.kept.lock().get(&key).cloned().filter(|client| client.connection_state() == State::Connected);
        if let Some(client) = kept {
            return Ok(client);
        }
        let servers = self.addresses(&ready.server).await?;
        let options = options(ready.login.as_ref())?;
        // The client's tasks live where it is made: not on the thread of whoever asks.
        let (send, made) = oneshot::channel();
        self.0.env.spawn(async move { drop(send.send(options.connect(servers).await)) });
        let made = made.await.map_err(|_| "send_failed")?;
        let client = made.map_err(|error| {
            tracing::info!(%error, "a channel cannot connect to its NATS server");
            if matches!(error.kind(), ConnectErrorKind::TimedOut) { "timeout" } else { "send_failed" }
        })?;
        let mut kept = self.0.kept.lock();
        kept.insert(key, client.clone());
        if kept.len() > KEPT_MAX {
            kept.pop_first();
        }
        Ok(client)
    }

    /// Where to connect to: addresses that were checked.
    async fn addresses(&self, server: &Url) -> Result<Vec<String>, &'static str> {
        let (host, port) = (server.host_str().unwrap_or_default(), server.port().unwrap_or(PORT));
        if self.server_fault(server.as_str()).is_some() {
            return Err("address_not_allowed");
        }
        if server.scheme() == "tls" {
            return Ok(vec![format!("tls://{host}:{port}")]);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found: Vec<SocketAddr> = match literal(host) {
            Some(address) => vec![SocketAddr::new(address, port)],
            None => tokio::net::lookup_host((bare, port)).await.map_err(|_| "send_failed")?.collect(),
        };
        let lawful = found.iter().filter(|address| self.0.allow.check(host, address.ip()).is_ok());
        let lawful: Vec<String> = lawful.map(|address| format!("nats://{address}")).collect();
        match (lawful.is_empty(), found.is_empty()) {
            (false, _) => Ok(lawful),
            (true, false) => Err("address_not_allowed"),
            (true, true) => Err("send_failed"),
        }
    }
}

/// A server's address: `nats://HOST:PORT` or `tls://HOST:PORT`.
fn parse(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "must be nats://HOST:PORT or tls://HOST:PORT")?;
    let plain = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "nats" | "tls") || !plain || url.host_str().is_none_or(str::is_empty) {
        return Err("must be nats://HOST:PORT or tls://HOST:PORT");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user or a password: use login with a reference");
    }
    Ok(url)
}

#[derive(Debug, thiserror::Error)]
enum Unmade {
    #[error(transparent)]
    Secret(#[from] Missing),
    #[error(transparent)]
    Body(#[from] template::TemplateError),
    #[error("the header {0} cannot be sent")]
    Header(String),
    #[error("{0}")]
    Server(&'static str),
}

fn ready(driver: &Driver, message: &Message, secrets: &Secrets) -> Result<Ready, Unmade> {
    let Driver::Nats { server: Some(server), subject, reply, headers, body, timeout_ms, login } = driver else {
        return Err(Unmade::Server("the channel names no server"));
    };
    let server = parse(server).map_err(Unmade::Server)?;
    let login = login.as_ref().map(|login| Ok::<_, Missing>((login.clone(), secrets.resolve(login.secret().1)?))).transpose()?;
    let body = template::body(body.as_deref(), message)?;
    let (headers, timeout) = (self::headers(headers, secrets)?, Duration::from_millis(*timeout_ms));
    Ok(Ready { server, subject: subject.clone(), reply: *reply, headers, body: body.into(), login, timeout })
}

fn headers(texts: &BTreeMap<String, Text>, secrets: &Secrets) -> Result<HeaderMap, Unmade> {
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/json");
    for (name, text) in texts {
        let unlawful = || Unmade::Header(name.clone());
        let lawful: HeaderName = name.parse().map_err(|_| unlawful())?;
        let value: HeaderValue = secrets.resolve(text)?.parse().map_err(|_| unlawful())?;
        headers.insert(lawful, value);
    }
    Ok(headers)
}

fn options(login: Option<&(Login, String)>) -> Result<ConnectOptions, &'static str> {
    let options = ConnectOptions::new().name("ionveil channel").max_reconnects(1).ignore_discovered_servers();
    match login {
        None => Ok(options),
        Some((Login::User { user, .. }, secret)) => Ok(options.user_and_password(user.clone(), secret.clone())),
        Some((Login::Token { .. }, secret)) => Ok(options.token(secret.clone())),
        Some((Login::Credentials { .. }, secret)) => options.credentials(secret).map_err(|_| "send_failed"),
    }
}

/// The status that a reply names: that of the services protocol, or of an error of JetStream; none if it was taken.
fn status(reply: &async_nats::Message) -> Option<u16> {
    let named = reply.headers.as_ref().and_then(|headers| headers.get(ERROR_CODE));
    if let Some(code) = named {
        return Some(code.as_str().parse().ok().filter(|code| (100..1_000).contains(code)).unwrap_or(500));
    }
    if !reply.payload.starts_with(b"{\"error\"") {
        return None;
    }
    let refused: serde_json::Value = serde_json::from_slice(&reply.payload).ok()?;
    refused.get("error")?.get("code")?.as_u64()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nats(allow: &[&str]) -> Nats {
        let allow = Allow::parse(allow.iter().copied()).unwrap();
        Nats::new(Arc::new(allow), crate::auth::testing::env_at(0))
    }

    #[test]
    fn servers_are_judged_as_web_addresses_are() {
        let fault = |nats: &Nats, server: &str| nats.server_fault(server).map(|(fault, _)| fault);
        let (strict, open) = (nats(&[]), nats(&["127.0.0.1", "radio.internal"]));
        for server in ["nats://127.0.0.1:4222", "nats://0x7f000001", "nats://[::ffff:127.0.0.1]:1", "tls://169.254.169.254"] {
            assert_eq!(fault(&strict, server), Some(DriverFault::AddressNotAllowed), "{server}");
        }
        for server in ["tls://radio.internal", "tls://radio.example"] {
            assert_eq!(fault(&strict, server), Some(DriverFault::AddressNotAllowed), "{server}");
        }
        for server in ["http://a", "nats://", "nats://u:p@a", "nats://a/b", "a:4222", ""] {
            assert_eq!(fault(&open, server), Some(DriverFault::Invalid), "{server:?}");
        }
        for server in ["nats://127.0.0.1:4222", "nats://radio.example", "tls://radio.internal:4443", "tls://1.1.1.1"] {
            assert_eq!(fault(&open, server), None, "{server}");
        }
    }
}
