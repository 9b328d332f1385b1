//! The bridges to NATS: events go out to JetStream, commands come in by request and reply, batches come in from JetStream. Each is
//! a supervised actor, connects by itself, and goes on by itself when NATS was away.
//!
//! NATS is transport, never the truth: what was published is known from the journal and a checkpoint beside it, and a command is
//! answered by the same routes, and so under the same rules, as over HTTP. Nothing here decides.

mod attend;
mod bridge;
mod cloud_event;
mod commands;
mod connect;
mod figures;
mod gateway;
mod intake;
mod operations;
mod place;
mod publish;
mod stream;
mod subject;

pub use bridge::{Bridges, KIND, Role, start};
pub use cloud_event::CloudEvent;
pub use figures::Figures;
pub use subject::events as events_subject;

use crate::auth::Authenticator;
use crate::config::{Config, ConfigFault, ConfigFaults};
use std::error::Error;

/// Why a bridge does not get on. It tries again.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// A file with a secret.
    #[error("read {file}")]
    Login {
        /// Which.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// NATS did not do what it was asked.
    #[error("{what}")]
    Nats {
        /// What.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A stream is there, but is not as it has to be.
    #[error("use the stream {stream}: it does not have {options} as asked")]
    StreamDiffers {
        /// Which.
        stream: String,
        /// Its options that differ.
        options: String,
    },
    /// The stream is another one than before, or has lost what it had acknowledged.
    #[error("go on with the stream: it was made anew or has lost messages")]
    StreamChanged,
    /// The journal's store.
    #[error("read the journal")]
    Store(#[from] ionveil_journal::StoreError),
    /// The connection is gone.
    #[error("keep the connection")]
    Disconnected,
}

impl BridgeError {
    fn nats<E: Into<Box<dyn Error + Send + Sync>>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Nats { what, source: source.into() }
    }
}

/// The whole of an error: it, and what it is from.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        text.push_str(": ");
        text.push_str(&one.to_string());
        cause = one.source();
    }
    text
}

/// Checks that commands without a credential come from this machine only: without keys everybody who reaches NATS would be admin.
///
/// # Errors
/// A fault of `nats.servers`.
pub fn check_exposure(config: &Config, authenticator: &Authenticator) -> Result<(), ConfigFaults> {
    let Some(nats) = &config.nats else { return Ok(()) };
    let near = nats.servers.iter().all(|server| subject::is_loopback(server.as_str()));
    if near || !authenticator.is_off() || !(nats.commands || nats.intake) {
        return Ok(());
    }
    let detail = "is not on loopback, and there are no keys: anybody there would be admin. Put keys into [auth], or set nats.commands \
                  and nats.intake to false";
    Err(ConfigFaults(vec![ConfigFault { path: "nats.servers".to_owned(), origin: None, detail: detail.to_owned() }]))
}
