//! Who asks: bearer tokens (JWT) and hashed API keys become a [`Caller`].
//!
//! It gives no reasons to clients: a refused credential is `unauthenticated`, whatever was wrong with it. The reason is
//! logged at debug level, without the credential. It issues nothing (see `ionveil token`) and keeps no sessions.

mod api_key;
mod claims;
mod jwt;
pub(crate) mod keys;

pub use api_key::{KEY_ID_PATTERN, NewApiKey, hash_from_hex, is_key_id, new_api_key};
pub use keys::KeyFault;

use crate::config::{Auth, ConfigFault};
use api_key::ApiKeys;
use ionveil_kernel::{Caller, Env, Org, Role, Timestamp};
use jwt::Tokens;
use std::net::SocketAddr;

/// Longest credential that is looked at; a lawful token is far below it.
pub const CREDENTIAL_BYTES_MAX: usize = 8 * 1024;

/// Why a credential was refused. For the log only.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is none.
    #[error("no credential")]
    Missing,
    /// There are several, or it is not written as it has to be.
    #[error("malformed credential: {0}")]
    Malformed(&'static str),
    /// Its key is not known, or cannot be told.
    #[error("unknown key")]
    UnknownKey,
    /// It does not use the algorithm of its key.
    #[error("another algorithm than the key's")]
    WrongAlgorithm,
    /// The signature or hash does not fit.
    #[error("not genuine")]
    NotGenuine,
    /// Its time is over.
    #[error("expired")]
    Expired,
    /// Its time has not come.
    #[error("not valid yet")]
    NotYet,
    /// It is for somebody else.
    #[error("wrong {0}")]
    WrongClaim(&'static str),
    /// It gives no role that we know.
    #[error("no known role")]
    NoRole,
}

/// What a request shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential<'a> {
    /// `Authorization: Bearer …`
    Bearer(&'a str),
    /// `X-API-Key: …`
    ApiKey(&'a str),
}

/// Checks credentials. Shared by all workers.
pub struct Authenticator {
    mode: Mode,
    env: Env,
}

enum Mode {
    Off,
    On { tokens: Box<Tokens>, api_keys: ApiKeys },
}

impl Authenticator {
    /// With authentication off: everybody is admin of the organisation `default`.
    #[must_use]
    pub fn off(env: Env) -> Self {
        Self { mode: Mode::Off, env }
    }

    /// As `settings` say: off without keys, else on. Loads the key files.
    ///
    /// # Errors
    /// Every key that cannot be used, with its path in the configuration.
    pub fn new(settings: &Auth, env: Env) -> Result<Self, Vec<ConfigFault>> {
        if settings.keys.is_empty() && settings.api_keys.is_empty() {
            return Ok(Self::off(env));
        }
        let keys = keys::load(&settings.keys)?;
        let tokens = Box::new(Tokens::new(settings, keys));
        Ok(Self { mode: Mode::On { tokens, api_keys: ApiKeys::new(&settings.api_keys) }, env })
    }

    /// Whether everybody is let in.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        matches!(self.mode, Mode::Off)
    }

    /// Who shows `credential` now.
    ///
    /// # Errors
    /// [`Refused`] with the reason, which is not for the client.
    pub fn authenticate(&self, credential: Option<Credential<'_>>) -> Result<Caller, Refused> {
        self.authenticate_at(credential, self.env.now())
    }

    fn authenticate_at(&self, credential: Option<Credential<'_>>, now: Timestamp) -> Result<Caller, Refused> {
        let Mode::On { tokens, api_keys } = &self.mode else { return anonymous() };
        match credential.ok_or(Refused::Missing)? {
            Credential::Bearer(text) | Credential::ApiKey(text) if text.len() > CREDENTIAL_BYTES_MAX => Err(Refused::Malformed("too long")),
            Credential::Bearer(text) => tokens.verify(text, now),
            Credential::ApiKey(text) => api_keys.verify(text),
        }
    }
}

/// Who asks where nobody is asked for a credential.
fn anonymous() -> Result<Caller, Refused> {
    let org = Org::new("default").map_err(|_| Refused::WrongClaim("org"))?;
    Ok(Caller { org, subject: "anonymous".into(), role: Role::Admin })
}

/// A server that lets everybody in listens where strangers come by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "refusing to listen on {listen} without authentication: anybody there would be admin. Either listen on loopback \
     (--listen 127.0.0.1:{port}), or make a key with `ionveil token keygen --out-dir keys` and put the printed [[auth.keys]] entry \
     into the file of --config"
)]
pub struct Exposed {
    listen: SocketAddr,
    port: u16,
}

/// Checks that a server without authentication listens on loopback only.
///
/// # Errors
/// [`Exposed`], which says what to do.
pub fn check_exposure(listen: SocketAddr, authenticator: &Authenticator) -> Result<(), Exposed> {
    if !authenticator.is_off() || listen.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    Err(Exposed { listen, port: listen.port() })
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
