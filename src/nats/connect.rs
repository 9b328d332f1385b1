//! A connection of a bridge. It lasts until it is lost: then the bridge begins anew, so that it looks at the streams again before
//! it goes on. The client's own reconnecting would carry on with a JetStream that may have been emptied in between.

use super::BridgeError;
use crate::config::{Nats, NatsLogin};
use async_nats::jetstream::Context;
use async_nats::jetstream::context::ContextBuilder;
use async_nats::{Client, ConnectOptions, Event};
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;

/// How long connecting, a request and an acknowledgement may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often an idle connection is tried.
const PING: Duration = Duration::from_secs(10);
/// The most bytes of a file with a secret.
const FILE_BYTES_MAX: u64 = 64 * 1_024;
/// The most messages that wait at a subscription; what comes on top is dropped by the client, and its senders run into their
/// timeout.
const WAITING_MAX: usize = 4_096;

/// A connection.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) jetstream: Context,
    lost: watch::Receiver<bool>,
}

impl Session {
    /// Connects to one of the servers.
    ///
    /// # Errors
    /// [`BridgeError`].
    pub(super) async fn open(nats: &Nats, bridge: &str) -> Result<Self, BridgeError> {
        let (lose, lost) = watch::channel(false);
        let options = login(ConnectOptions::new(), &nats.login).await?;
        let options = nats.root_certificates.iter().fold(options, |options, file| options.add_root_certificates(file.clone()));
        let options = options
            .name(format!("ionveil {bridge}"))
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .ping_interval(PING)
            .subscription_capacity(WAITING_MAX)
            .max_reconnects(1)
            .event_callback(move |event| {
                let gone = matches!(event, Event::Disconnected | Event::Closed | Event::LameDuckMode);
                if gone {
                    lose.send_replace(true);
                }
                if let Event::ServerError(error) = &event {
                    tracing::warn!(%error, "NATS complains");
                }
                async {}
            });
        let servers: Vec<String> = nats.servers.iter().map(|server| server.as_str().to_owned()).collect();
        let client = options.connect(servers).await.map_err(BridgeError::nats("connect to NATS"))?;
        let jetstream = ContextBuilder::new().timeout(PATIENCE).max_ack_inflight(nats.unacknowledged_max).build(client.clone());
        Ok(Self { client, jetstream, lost })
    }

    /// Ends when the connection is lost, or the server wants to be left.
    pub(super) async fn lost(&self) {
        // The sender goes with the client, which is as good as lost then.
        drop(self.lost.clone().wait_for(|lost| *lost).await);
    }
}

async fn login(options: ConnectOptions, login: &NatsLogin) -> Result<ConnectOptions, BridgeError> {
    Ok(match login {
        NatsLogin::Nobody => options,
        NatsLogin::Credentials(file) => {
            let unreadable = |source| BridgeError::Login { file: file.display().to_string(), source };
            options.credentials(&secret(file).await?).map_err(unreadable)?
        }
        NatsLogin::User(user, file) => options.user_and_password(user.clone(), secret(file).await?),
        NatsLogin::Token(file) => options.token(secret(file).await?),
    })
}

/// What a file holds, without a line break at its end.
async fn secret(file: &Path) -> Result<String, BridgeError> {
    let unreadable = |source| BridgeError::Login { file: file.display().to_string(), source };
    let about = tokio::fs::metadata(file).await.map_err(unreadable)?;
    if about.len() > FILE_BYTES_MAX {
        return Err(unreadable(std::io::Error::other("it is too large")));
    }
    let text = tokio::fs::read_to_string(file).await.map_err(unreadable)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
