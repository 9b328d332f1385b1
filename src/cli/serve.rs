//! `ionveil serve`: the server, from start to drained stop.

use super::config::{ConfigArgs, exposure};
use super::load;
use super::runtime::{self, Threads};
use crate::auth::Authenticator;
use crate::config::{Config, ConfigFaults, Flag};
use crate::datadir::{DataDir, ServerInfo};
use crate::http::app::App;
use crate::http::server::{self, Mount};
use crate::nats;
use crate::node::Node;
use crate::store::Place;
use crate::time::Rfc3339;
use anyhow::Context;
use clap::Args;
use ionveil_kernel::{IdSource, NodeId};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Run the server.
#[derive(Args)]
pub struct Serve {
    /// Address to listen on; anything but loopback needs keys in the configuration [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
}

impl Serve {
    /// Serves until SIGTERM or Ctrl-C.
    ///
    /// # Errors
    /// A wrong configuration, a data directory or store that cannot be used, an address that is taken.
    pub fn run(self, args: &ConfigArgs) -> anyhow::Result<ExitCode> {
        let listen = self.listen.map(|value| Flag { name: "--listen", path: "server.listen", value });
        let config = load(args, listen.as_slice())?;
        runtime::log(&config.logging);
        runtime::run(|threads| serve(config, threads))
    }
}

async fn serve(config: Config, threads: Threads) -> anyhow::Result<ExitCode> {
    let authenticator = Arc::new(Authenticator::new(&config.auth, threads.env.clone()).map_err(ConfigFaults)?);
    exposure(&config.server, None, &authenticator)?;
    nats::check_exposure(&config, &authenticator)?;
    let directory = open_directory(&config, &threads)?;
    let folder = directory.as_ref().map(|dir| dir.path().to_owned());
    let id = directory.as_ref().map_or_else(|| NodeId(threads.env.next_id()), DataDir::node_id);
    let node = open_node(config.clone(), folder, id, &threads).await?;
    let app = App::new(node.clone());
    let (server, address) =
        server::start(&config.server, app.clone(), authenticator.clone()).with_context(|| format!("listen on {}", config.server.listen))?;
    let info = ServerInfo {
        address,
        pid: std::process::id(),
        started_at: Rfc3339(threads.env.now()),
        store: Place::of(&config.store).to_string(),
    };
    let _announced = directory.as_ref().map(|dir| dir.announce(&info)).transpose()?;
    if authenticator.is_off() {
        tracing::warn!(
            "authentication is off, because no keys are configured: whoever reaches {address} is admin of organisation `default`"
        );
    }
    let bridges = nats::start(&config, &node, &Mount::new(&config.server, app.clone(), authenticator.clone()))?;
    tracing::info!(store = ?Place::of(&config.store), "listening on http://{address}/ (documentation at http://{address}/docs/)");
    let handle = server.handle();
    let serving = actix::spawn(server);
    super::verify::sample_in_background(&node);
    stop_requested().await?;
    tracing::info!("draining: new work is answered with 503, what is in line is finished");
    drop(bridges);
    app.drain();
    let drained = node.runtime.drain(config.server.drain_timeout).await;
    handle.stop(true).await;
    serving.await??;
    let closed = node.close(config.server.drain_timeout).await;
    if !(drained && closed) {
        tracing::warn!("the deadline passed before everything in line was finished; what was acknowledged is safe");
    }
    Ok(ExitCode::SUCCESS)
}

/// A store in memory needs no directory.
fn open_directory(config: &Config, threads: &Threads) -> anyhow::Result<Option<DataDir>> {
    if Place::of(&config.store) == Place::Memory {
        return Ok(None);
    }
    Ok(Some(DataDir::open(&config.store.data_dir, &threads.env)?))
}

/// Opens the node on the journal's runtime, so that its connections live there.
///
/// # Errors
/// If store or views cannot be opened.
pub(super) async fn open_node(config: Config, folder: Option<PathBuf>, id: NodeId, threads: &Threads) -> anyhow::Result<Node> {
    let (env, arbiters) = (threads.env.clone(), Threads::arbiters());
    let opening = async move { Node::open(&config, folder.as_deref(), id, env, arbiters).await };
    Ok(threads.journal.spawn(opening).await??)
}

async fn stop_requested() -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
