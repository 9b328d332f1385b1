//! What a channel sends with, as it is kept: without secrets, which are named and looked up when they are needed.

use super::reject::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most bytes of a URL.
pub const URL_BYTES_MAX: usize = 2_048;
/// The most bytes of a NATS subject.
pub const SUBJECT_BYTES_MAX: usize = 255;
/// The most headers, and the most bytes of one's value.
pub const HEADERS_MAX: usize = 32;
/// See [`HEADERS_MAX`].
pub const HEADER_BYTES_MAX: usize = 2_048;
/// The most bytes of a template.
pub const BODY_BYTES_MAX: usize = 16 * 1_024;
/// How long an HTTP call may take unless told otherwise, in milliseconds.
pub const TIMEOUT_MS_DEFAULT: u64 = 30_000;
/// The longest that it may be told, in milliseconds.
pub const TIMEOUT_MS_MAX: u64 = 300_000;
/// The longest latency that is simulated, in milliseconds.
pub const LATENCY_MS_MAX: f64 = 300_000.0;
/// Methods that send something.
pub const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Headers that the client makes itself.
const OWN_HEADERS: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te"];
/// What the names of headers with secrets have in them: their values are references.
const SECRET_WORDS: [&str; 7] = ["authorization", "cookie", "token", "secret", "password", "api-key", "apikey"];

/// How a channel sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Driver {
    /// A request to a web address.
    Http {
        /// Where to; `http` or `https`, without user and password.
        url: String,
        /// One of [`METHODS`].
        #[serde(default = "post")]
        method: String,
        /// Further headers.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, Text>,
        /// A template of the body; none: `{"dispatch_id", "payload"}`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// How long a call may take, in milliseconds.
        #[serde(default = "timeout_ms")]
        timeout_ms: u64,
    },
    /// A message to a subject of a NATS server.
    Nats {
        /// The server, `nats://HOST:PORT` or `tls://HOST:PORT`, without user and password. It is needed; none in what was stored
        /// before there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<String>,
        /// Where to: no wildcards.
        subject: String,
        /// Whether a reply is waited for; else the message is sent and the server's word for it is enough.
        #[serde(default = "yes", skip_serializing_if = "is_yes")]
        reply: bool,
        /// Headers.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, Text>,
        /// A template of the body; none: `{"dispatch_id", "payload"}`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// How long a call may take, in milliseconds.
        #[serde(default = "timeout_ms", skip_serializing_if = "is_timeout_ms")]
        timeout_ms: u64,
        /// Who we are there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<Login>,
    },
    /// Nothing is sent; every answer says so.
    Simulated {
        /// How long it seems to take, in milliseconds; negative: the channel is not available.
        latency_ms: f64,
        /// Whether it fails.
        #[serde(default)]
        failing: bool,
    },
}

fn post() -> String {
    "POST".to_owned()
}

const fn timeout_ms() -> u64 {
    TIMEOUT_MS_DEFAULT
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
const fn is_timeout_ms(timeout_ms: &u64) -> bool {
    *timeout_ms == TIMEOUT_MS_DEFAULT
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks for it")]
const fn is_yes(flag: &bool) -> bool {
    *flag
}

/// How a channel says who it is to a NATS server. What is secret is a reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Login {
    /// By a user's password.
    User {
        /// The user.
        user: String,
        /// The password.
        password: Text,
    },
    /// By a token.
    Token {
        /// The token.
        token: Text,
    },
    /// By a JWT and the seed of a key, in a file as `nsc` makes it.
    Credentials {
        /// What the file holds.
        credentials: Text,
    },
}

impl Login {
    /// What is secret, with the name of its field.
    #[must_use]
    pub const fn secret(&self) -> (&'static str, &Text) {
        match self {
            Self::User { password, .. } => ("password", password),
            Self::Token { token } => ("token", token),
            Self::Credentials { credentials } => ("credentials", credentials),
        }
    }
}

/// A text, or the name of the place where it is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Text {
    /// Itself: it is no secret.
    Plain(String),
    /// In a variable of the server's environment.
    Env {
        /// Its name, which begins with [`SECRET_PREFIX`].
        env: String,
    },
    /// In a file of the server's folder of secrets.
    File {
        /// Its name, without a path.
        file: String,
    },
}

/// What the names of variables begin with that channels may use: a channel cannot ask for others.
pub const SECRET_PREFIX: &str = "IONVEIL_SECRET_";

impl Driver {
    /// The stable name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Http { .. } => "http",
            Self::Nats { .. } => "nats",
            Self::Simulated { .. } => "simulated",
        }
    }

    /// Whether nothing is really sent.
    #[must_use]
    pub const fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated { .. })
    }

    /// The driver's own limit, in milliseconds, if it has one.
    #[must_use]
    pub const fn timeout_ms(&self) -> Option<u64> {
        match self {
            Self::Http { timeout_ms, .. } | Self::Nats { timeout_ms, .. } => Some(*timeout_ms),
            Self::Simulated { .. } => None,
        }
    }

    /// Everything that is wrong with it, by itself. What a URL and a template mean is for the edge to judge.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        match self {
            Self::Http { url, method, headers, body, timeout_ms } => {
                let url = (url.is_empty() || url.len() > URL_BYTES_MAX)
                    .then(|| Fault::invalid("driver.url", format!("must have 1 to {URL_BYTES_MAX} bytes")));
                let known = METHODS.contains(&method.as_str());
                let method = (!known).then(|| Fault::invalid("driver.method", format!("must be one of {}", METHODS.join(", "))));
                url.into_iter().chain(method).chain(message_faults(headers, body.as_deref(), *timeout_ms)).collect()
            }
            Self::Nats { server, subject, headers, body, timeout_ms, login, reply: _ } => {
                let server = server.as_ref().filter(|server| (1..=URL_BYTES_MAX).contains(&server.len()));
                let server =
                    server.is_none().then(|| Fault::invalid("driver.server", "must be nats://HOST:PORT or tls://HOST:PORT".to_owned()));
                let subject = subject_fault(subject).map(|detail| Fault::invalid("driver.subject", detail));
                let login = login.as_ref().and_then(login_fault);
                server.into_iter().chain(subject).chain(message_faults(headers, body.as_deref(), *timeout_ms)).chain(login).collect()
            }
            Self::Simulated { latency_ms, .. } if latency_ms.is_finite() && *latency_ms <= LATENCY_MS_MAX => Vec::new(),
            Self::Simulated { .. } => vec![Fault::invalid("driver.latency_ms", format!("must be a number up to {LATENCY_MS_MAX}"))],
        }
    }
}

fn message_faults(headers: &BTreeMap<String, Text>, body: Option<&str>, timeout_ms: u64) -> impl Iterator<Item = Fault> {
    let body = body.filter(|body| body.len() > BODY_BYTES_MAX);
    let body = body.map(|_| Fault::invalid("driver.body", format!("must have at most {BODY_BYTES_MAX} bytes")));
    let lawful = (1..=TIMEOUT_MS_MAX).contains(&timeout_ms);
    let timeout = (!lawful).then(|| Fault::invalid("driver.timeout_ms", format!("must be 1 to {TIMEOUT_MS_MAX}")));
    headers_faults(headers).into_iter().chain(body).chain(timeout)
}

/// A subject is sent to, so it has no wildcards; what begins with `$` or `_INBOX` belongs to servers and clients.
fn subject_fault(subject: &str) -> Option<String> {
    let lawful = |byte: u8| byte.is_ascii_graphic() && !b"*>".contains(&byte);
    let tokens = || subject.split('.').all(|token| !token.is_empty() && token.bytes().all(lawful));
    let own = subject.starts_with('$') || subject.split('.').next() == Some("_INBOX");
    if subject.len() > SUBJECT_BYTES_MAX || own || !tokens() {
        return Some(format!(
            "must be tokens of printable ASCII with dots between, of at most {SUBJECT_BYTES_MAX} bytes in all, without the wildcards * and >, \
             not beginning with $ or _INBOX"
        ));
    }
    None
}

fn login_fault(login: &Login) -> Option<Fault> {
    let (name, secret) = login.secret();
    let user = match login {
        Login::User { user, .. } => user.as_str(),
        Login::Token { .. } | Login::Credentials { .. } => "user",
    };
    if user.is_empty() || user.len() > 256 || user.chars().any(char::is_control) {
        return Some(Fault::invalid("driver.login.user", "must have 1 to 256 bytes and no control characters".to_owned()));
    }
    // As a header of this name would be judged: a reference, and a lawful one.
    header_fault("secret", secret).map(|detail| Fault::invalid(&format!("driver.login.{name}"), detail))
}

fn headers_faults(headers: &BTreeMap<String, Text>) -> Vec<Fault> {
    let many = (headers.len() > HEADERS_MAX).then(|| Fault::invalid("driver.headers", format!("must be at most {HEADERS_MAX}")));
    let each = headers.iter().take(HEADERS_MAX).filter_map(|(name, value)| {
        let field = format!("driver.headers.{name}");
        header_fault(name, value).map(|detail| Fault::invalid(&field, detail))
    });
    many.into_iter().chain(each).collect()
}

fn header_fault(name: &str, value: &Text) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(token) {
        return Some("is no name of a header".to_owned());
    }
    if OWN_HEADERS.contains(&lower.as_str()) {
        return Some("is made by the client itself".to_owned());
    }
    match value {
        Text::Plain(_) if SECRET_WORDS.iter().any(|word| lower.contains(word)) => {
            Some(format!("holds a secret: name where it is kept, {{\"env\": \"{SECRET_PREFIX}…\"}} or {{\"file\": \"…\"}}"))
        }
        Text::Plain(text) => (text.len() > HEADER_BYTES_MAX || text.chars().any(char::is_control))
            .then(|| format!("must have at most {HEADER_BYTES_MAX} bytes and no control characters")),
        Text::Env { env } => {
            let lawful = env.len() <= 128 && env.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            (!lawful || !env.starts_with(SECRET_PREFIX)).then(|| format!("must name a variable that begins with {SECRET_PREFIX}"))
        }
        Text::File { file } => {
            let lawful = (1..=128).contains(&file.len())
                && !file.starts_with('.')
                && file.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            (!lawful).then(|| "must name a file of the folder channels.secrets_dir, without a path".to_owned())
        }
    }
}
