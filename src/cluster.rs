//! Between the nodes of one store: how a command travels to the node that owns its entity, over HTTP, under the secret that only
//! those who may read the store know. Who owns what, and what becomes of the command, is decided below.

use crate::config::StoreUrl;
use hmac::{Hmac, KeyInit, Mac};
use ionveil_actors::{Answered, Forward, ForwardError, Parcel};
use ionveil_kernel::{BoxFuture, Env};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use tokio::sync::oneshot;

/// Where a node takes what others forward.
pub const PATH: &str = "/cluster/commands";
/// Where a node is asked whether it knows what is committed.
pub const HEARD_PATH: &str = "/cluster/heard";
/// Where a node is asked about what is in memory there.
pub const QUESTIONS_PATH: &str = "/cluster/questions";
/// The most bytes of a forwarded command, and of its answer.
pub const PARCEL_BYTES_MAX: usize = 16 << 20;

/// The scheme of the credential.
const SCHEME: &str = "IonVeil-Node ";
/// What is signed begins with this, so that nothing else that is signed with the secret can pass for it.
const CONTEXT: &[u8] = b"ionveil-forward-1\n";
/// Shorter than servers keep idle connections.
const IDLE: Duration = Duration::from_secs(3);

/// What the nodes of one store know and nobody else.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The secret of a store.
    #[must_use]
    pub const fn new(secret: Vec<u8>) -> Self {
        Self(secret)
    }

    /// The credential of a body. Whoever repeats both repeats a command, which is done once, by its id.
    #[must_use]
    pub fn seal(&self, body: &[u8]) -> String {
        let digest = hex::encode(Sha256::digest(body));
        let signature = hex::encode(self.mac(digest.as_bytes()).finalize().into_bytes());
        format!("{SCHEME}{digest}.{signature}")
    }

    /// The digest of the one body that a credential stands for, if it was made with this secret: the body need not be there yet.
    #[must_use]
    pub fn open(&self, credential: &str) -> Option<Sealed> {
        let (digest, signature) = credential.strip_prefix(SCHEME)?.split_once('.')?;
        self.mac(digest.as_bytes()).verify_slice(&hex::decode(signature).ok()?).ok()?;
        Some(Sealed(digest.to_owned()))
    }

    fn mac(&self, digest: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("a key of HMAC may have any length"));
        mac.update(CONTEXT);
        mac.update(digest);
        mac
    }
}

/// What a credential stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// Whether it is this body.
    #[must_use]
    pub fn is(&self, body: &[u8]) -> bool {
        hex::encode(Sha256::digest(body)) == self.0
    }
}

/// What a node has answered to a question.
#[derive(Debug)]
pub struct Said {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

/// Forwards over HTTP.
pub struct Link {
    env: Env,
    client: Client,
    secret: Secret,
}

impl Link {
    /// A link to whoever knows the same secret. Its connections live where `env` spawns.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn new(env: Env, secret: Secret) -> reqwest::Result<Self> {
        let client = crate::web::client().pool_idle_timeout(IDLE).tcp_nodelay(true).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { env, client, secret })
    }

    /// What the nodes of this store know and nobody else.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Asks the node at `address` about what is in memory there; its answer as it is.
    ///
    /// # Errors
    /// [`ForwardError`] if there is none within `patience`.
    pub async fn question(&self, address: &str, question: Vec<u8>, patience: Duration) -> Result<Said, ForwardError> {
        let request = self.request(address, QUESTIONS_PATH, question, patience)?;
        self.carry(async move {
            let mut response = send(request).await?;
            let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
            Ok(Said { status, headers, body: response.bytes().await.map_err(unknown)?.to_vec() })
        })
        .await
    }

    fn request(&self, address: &str, path: &str, body: Vec<u8>, patience: Duration) -> Result<RequestBuilder, ForwardError> {
        let url = Url::parse(&format!("http://{address}{path}")).map_err(not_sent)?;
        let request = self.client.post(url).header(AUTHORIZATION, self.secret.seal(&body)).header(CONTENT_TYPE, "application/json");
        Ok(request.timeout(patience).body(body))
    }

    /// Sends it where connections live.
    async fn carry<T: Send + 'static>(
        &self,
        carrying: impl Future<Output = Result<T, ForwardError>> + Send + 'static,
    ) -> Result<T, ForwardError> {
        let (done, answered) = oneshot::channel();
        self.env.spawn(async move { drop(done.send(carrying.await)) });
        answered.await.unwrap_or_else(|_| Err(ForwardError::Unknown("it was cut off".to_owned())))
    }
}

fn not_sent(error: impl fmt::Display) -> ForwardError {
    ForwardError::NotSent(error.to_string())
}

impl Forward for Link {
    fn forward<'a>(&'a self, address: &'a str, parcel: &'a Parcel) -> BoxFuture<'a, Result<Answered, ForwardError>> {
        Box::pin(async move {
            let body = serde_json::to_vec(parcel).map_err(not_sent)?;
            let request = self.request(address, PATH, body, parcel.patience)?;
            self.carry(async move {
                let body = answer(request).await?.bytes().await.map_err(unknown)?;
                serde_json::from_slice(&body).map_err(unknown)
            })
            .await
        })
    }

    fn hear<'a>(&'a self, address: &'a str, patience: Duration) -> BoxFuture<'a, Result<(), ForwardError>> {
        Box::pin(async move {
            let request = self.request(address, HEARD_PATH, Vec::new(), patience)?;
            self.carry(async move { answer(request).await.map(drop) }).await
        })
    }
}

fn unknown(error: impl fmt::Display) -> ForwardError {
    ForwardError::Unknown(error.to_string())
}

async fn send(request: RequestBuilder) -> Result<Response, ForwardError> {
    let failed = |error: reqwest::Error| if error.is_connect() || error.is_builder() { not_sent(error) } else { unknown(error) };
    request.send().await.map_err(failed)
}

/// An answer with success; else what is known of the request.
async fn answer(request: RequestBuilder) -> Result<Response, ForwardError> {
    let response = send(request).await?;
    match response.status() {
        status if status.is_success() => Ok(response),
        // Whoever answers so has not looked at it.
        status if status.is_client_error() => Err(not_sent(format!("it was answered with {status}"))),
        status => Err(unknown(format!("it was answered with {status}"))),
    }
}

/// Where other nodes reach a server that listens at `listen`: there, or, if it listens at every address of the machine, at the one
/// from which the machine reaches the store.
#[must_use]
pub fn reached_at(listen: SocketAddr, store: Option<&StoreUrl>) -> String {
    if !listen.ip().is_unspecified() {
        return listen.to_string();
    }
    let near = || SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listen.port());
    let towards = store.and_then(towards).map(|ip| SocketAddr::new(ip, listen.port()));
    towards.unwrap_or_else(near).to_string()
}

/// Nothing is sent: connecting a datagram socket only chooses a route.
fn towards(store: &StoreUrl) -> Option<IpAddr> {
    let url = Url::parse(store.secret()).ok()?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((url.host_str()?, url.port().unwrap_or(5_432))).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_stands_for_one_body_under_one_secret() {
        let (secret, other) = (Secret::new(b"a secret".to_vec()), Secret::new(b"another".to_vec()));
        let credential = secret.seal(b"body");
        assert!(secret.open(&credential).is_some_and(|sealed| sealed.is(b"body") && !sealed.is(b"bodies")));
        assert_eq!(other.open(&credential), None);
        let forged = credential.replace(&hex::encode(Sha256::digest(b"body")), &hex::encode(Sha256::digest(b"other")));
        for wrong in ["", "Bearer x", SCHEME, "IonVeil-Node a.b", "IonVeil-Node a.zz", &credential[1..], &credential[..80], &forged] {
            assert_eq!(secret.open(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_node_is_reached_where_it_listens() {
        let url = StoreUrl::parse("postgres://u:p@127.0.0.1:5432/d").expect("an address");
        assert_eq!(reached_at("10.0.0.7:80".parse().expect("one"), Some(&url)), "10.0.0.7:80");
        assert_eq!(reached_at("0.0.0.0:80".parse().expect("one"), Some(&url)), "127.0.0.1:80");
        assert_eq!(reached_at("[::]:80".parse().expect("one"), None), "127.0.0.1:80");
    }
}
