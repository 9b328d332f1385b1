//! A server in this process, with a decider that a host brought: what the binary alone does not have. It ends with the
//! test.
#![expect(clippy::disallowed_methods, reason = "the server has a thread of its own, and real callers")]

use super::poison::{Command, Poison};
use ionveil::auth::Authenticator;
use ionveil::cli::runtime::{self, Threads};
use ionveil::config::{self, Config, Flag};
use ionveil::http::app::App;
use ionveil::http::server;
use ionveil::node::Node;
use ionveil_actors::{AskError, Host, Reply};
use ionveil_kernel::{BodyHash, Caller, CommandId, CorrelationId, IdSource, Meta, NodeId, Org, Role, StreamId};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// A running server, its node and the decider.
pub(crate) struct Brought {
    pub(crate) address: String,
    pub(crate) node: Node,
    pub(crate) poison: Arc<Poison>,
    host: Host<Poison>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Running {
    address: String,
    node: Node,
    host: Host<Poison>,
}

impl Brought {
    /// With a store in memory and nothing special.
    pub(crate) fn start() -> Self {
        Self::configured("")
    }

    /// With settings.
    pub(crate) fn configured(toml: &str) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), toml).expect("written");
        Self::of_file(file.path())
    }

    /// With the settings of a file.
    pub(crate) fn of_file(file: &Path) -> Self {
        let fixed = [("server.listen", "127.0.0.1:0"), ("store.url", "memory:")];
        let flags = fixed.map(|(path, value)| Flag { name: "--test", path, value: value.to_owned() });
        let config = config::load(Some(file), &BTreeMap::new(), &flags).expect("a configuration").config;
        let (poison, (started, running), (stop, stopped)) = (Arc::<Poison>::default(), channel(), oneshot::channel());
        let brought = poison.clone();
        let work = move || runtime::run(|threads| serve(config, threads, brought, started, stopped)).expect("a server");
        let thread = std::thread::spawn(work);
        let Running { address, node, host } = running.recv().expect("it starts");
        Self { address, node, poison, host, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks an entity of organisation `default`, on behalf of `user:host`.
    pub(crate) async fn ask(&self, id: &str, command: Command) -> Result<Reply<Poison>, AskError<super::poison::Refused>> {
        self.ask_in("default", id, command).await
    }

    /// Asks an entity of another organisation.
    pub(crate) async fn ask_in(&self, org: &str, id: &str, command: Command) -> Result<Reply<Poison>, AskError<super::poison::Refused>> {
        let owner: StreamId = format!("poison:{org}:{id}").parse().expect("a name");
        let caller = Caller { org: Org::new(org).expect("an organisation"), subject: "user:host".into(), role: Role::Operator };
        let (env, asked) = (&self.node.env, serde_json::to_string(&command).expect("JSON"));
        let meta = Meta {
            command_id: CommandId(env.next_id()),
            body_hash: BodyHash::of(&[asked.as_bytes()]),
            correlation_id: CorrelationId(env.next_id()),
            causation_id: None,
            caller,
            occurred_at: None,
            expected_version: None,
            traceparent: None,
        };
        self.host.ask(owner, command, meta).await
    }

    /// The decider fails twice on a command; gives the id of its dead letter.
    pub(crate) async fn park(&self, org: &str, id: &str, command: Command) -> String {
        match self.ask_in(org, id, command).await {
            Err(AskError::Faulted { dead_letter: Some(letter), .. }) => letter.to_string(),
            other => panic!("it is not parked: {other:?}"),
        }
    }
}

impl Drop for Brought {
    fn drop(&mut self) {
        // The server ends also when nobody tells it any more.
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

async fn serve(
    config: Config,
    threads: Threads,
    poison: Arc<Poison>,
    started: Sender<Running>,
    stopped: oneshot::Receiver<()>,
) -> anyhow::Result<()> {
    let (env, id, settings) = (threads.env.clone(), NodeId(threads.env.next_id()), config.server.clone());
    let authenticator = Authenticator::new(&config.auth, env.clone()).expect("keys");
    let arbiters = Threads::arbiters();
    let opening = async move { Node::open(&config, None, id, env, arbiters).await };
    let node = threads.journal.spawn(opening).await.expect("no panic")?;
    let host = node.runtime.entity(poison)?;
    let (server, address) = server::start(&settings, App::new(node.clone()), Arc::new(authenticator))?;
    let handle = server.handle();
    let serving = actix::spawn(server);
    started.send(Running { address: address.to_string(), node: node.clone(), host }).expect("the test waits");
    // Nothing is ever sent: the sender goes with the test.
    drop(stopped.await);
    handle.stop(false).await;
    serving.await??;
    node.close(Duration::from_secs(1)).await;
    Ok(())
}
