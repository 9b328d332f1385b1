//! `ionveil serve`: the server, from start to drained stop.

use super::config::{ConfigArgs, exposure};
use super::load;
use super::runtime::{self, Threads};
use crate::auth::Authenticator;
use crate::cluster;
use crate::config::{Config, ConfigFault, ConfigFaults, Flag, Server};
use crate::datadir::{DataDir, ServerInfo};
use crate::http::app::App;
use crate::http::server::{self, Mount};
use crate::nats;
use crate::node::{Kinds, Node, Sharing};
use crate::services::{self, Service};
use crate::store::Place;
use crate::time::Rfc3339;
use anyhow::Context;
use clap::Args;
use ionveil_kernel::{IdSource, NodeId, Play};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Run the server.
#[derive(Args)]
pub struct Serve {
    /// Address to listen on; anything but loopback needs keys in the configuration [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Serve only these services, each on a listener of its own (addresses: [roles] in the configuration)
    #[arg(long, value_name = "simulator,dashboard,alerts", value_parser = roles, conflicts_with = "listen")]
    roles: Option<Listeners>,
    /// Let the clock run from another time on and faster, such as 2017-01-01T08:00:00Z@600x; on loopback only
    #[arg(long, value_name = "START@SPEEDx", value_parser = play)]
    clock: Option<Play>,
}

/// `2017-01-01T08:00:00Z@600x`.
fn play(text: &str) -> Result<Play, String> {
    let form = || "it must be a time and a speed, such as 2017-01-01T08:00:00Z@600x".to_owned();
    let (begin, speed) = text.split_once('@').ok_or_else(form)?;
    let begin = super::parse_time(begin)?;
    Ok(Play { begin, speed: super::parse_speed(speed)? })
}

/// Services with listeners of their own, in the order in which they start.
#[derive(Clone, Debug)]
struct Listeners(Vec<Service>);

fn roles(text: &str) -> Result<Listeners, services::RegistryError> {
    services::parse(text).map(Listeners)
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
        let places = places(&config, self.roles);
        let open = places.iter().find(|place| !place.address.ip().is_loopback());
        if let (Some(_), Some(open)) = (self.clock, open) {
            let detail = format!(
                "{} is not loopback, and --clock is for watching the past on one's own machine; leave one of the two out",
                open.address
            );
            return Err(ConfigFaults(vec![ConfigFault { path: open.setting(), origin: None, detail }]).into());
        }
        runtime::run(|threads| serve(config, places, self.clock.map_or(threads.clone(), |play| threads.playing(play))))
    }
}

/// Where something is served: all of it, or one service.
struct PlaceOf {
    service: Option<Service>,
    address: SocketAddr,
}

impl PlaceOf {
    /// The setting that says so.
    fn setting(&self) -> String {
        self.service.map_or_else(|| "server.listen".to_owned(), |service| format!("roles.{service}"))
    }
}

fn places(config: &Config, roles: Option<Listeners>) -> Vec<PlaceOf> {
    let own = |service| PlaceOf { service: Some(service), address: config.roles.of(service) };
    let all = || vec![PlaceOf { service: None, address: config.server.listen }];
    roles.map_or_else(all, |Listeners(services)| services.into_iter().map(own).collect())
}

async fn serve(config: Config, places: Vec<PlaceOf>, threads: Threads) -> anyhow::Result<ExitCode> {
    let authenticator = Arc::new(Authenticator::new(&config.auth, threads.env.clone()).map_err(ConfigFaults)?);
    let exposed = |place: &PlaceOf| exposure(&place.setting(), place.address, None, &authenticator);
    places.iter().try_for_each(exposed)?;
    nats::check_exposure(&config, &authenticator)?;
    let directory = open_directory(&config, &threads)?;
    let folder = directory.as_ref().map(|dir| dir.path().to_owned());
    let id = directory.as_ref().map_or_else(|| NodeId(threads.env.next_id()), DataDir::node_id);
    let node = open_server(config.clone(), folder, id, &threads).await?;
    let app = App::new(node.clone());
    let listen = |place: &PlaceOf| {
        let settings = Server { listen: place.address, ..config.server.clone() };
        let started = server::start_only(&settings, place.service, app.clone(), authenticator.clone());
        started.with_context(|| format!("listen on {}", place.address))
    };
    let started = places.iter().map(listen).collect::<anyhow::Result<Vec<_>>>()?;
    let addresses: Vec<_> = started.iter().map(|(_, address)| *address).collect();
    let Some(address) = addresses.first().copied() else { anyhow::bail!("there is nothing to serve") };
    let reached_at = config.node.address.clone().unwrap_or_else(|| cluster::reached_at(address, config.store.url.as_ref()));
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
    if let Some(play) = threads.env.play() {
        tracing::warn!(
            "live play: the clock runs from {} on, {} times as fast; nothing here is the present",
            Rfc3339(play.begin),
            play.speed
        );
    }
    let bridges = nats::start(&config, &node, &Mount::new(&config.server, app.clone(), authenticator.clone()))?;
    let stop = Stop::listen()?;
    for (place, address) in places.iter().zip(addresses) {
        let what = place.service.map(|service| format!(" for {service}")).unwrap_or_default();
        tracing::info!(store = ?Place::of(&config.store), "listening on http://{address}/{what} (documentation at http://{address}/docs/)");
    }
    let serving: Vec<_> = started.into_iter().map(|(server, _)| (server.handle(), actix::spawn(server))).collect();
    node.take_part(Some(reached_at)).await;
    super::verify::sample_in_background(&node);
    stop.requested().await;
    app.leave();
    node.leave().await;
    tracing::info!("draining: new work is answered with 503, what is in line is finished");
    drop(bridges);
    app.drain();
    let drained = node.runtime.drain(config.server.drain_timeout).await;
    for (handle, serving) in serving {
        handle.stop(true).await;
        serving.await??;
    }
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

/// As [`open_node`], beside other nodes if the store is one that several can share.
async fn open_server(config: Config, folder: Option<PathBuf>, id: NodeId, threads: &Threads) -> anyhow::Result<Node> {
    let (env, arbiters) = (threads.env.clone(), Threads::arbiters());
    let opening = async move { Node::open_with(&config, folder.as_deref(), id, env, arbiters, Kinds::default(), Sharing::Beside).await };
    Ok(threads.journal.spawn(opening).await??)
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

/// The wish of somebody outside that the server ends.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// From now on nothing of it is missed.
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn requested(mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
