//! Three servers, each a host of its own in a network of namespaces, on one real Postgres and one real NATS: what is done to hosts
//! can be done to them.

use super::audit;
use super::stage::{Node, Stage, store};
use crate::crash::scene::{Ground, Scene};
use crate::support::nats::Nats;
use crate::support::network::Network;
use crate::support::postgres::{Database, Postgres, signal};
use crate::support::server::{Server, run};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::io::Write;
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// What is missing where there is no field.
pub(crate) const NEEDS: &str = "network namespaces: root, `ip` (`cargo xtask setup` installs it) and a free subnet of 10.213.0.0/16";

const HOSTS: usize = 3;
/// The same after a restart, as that of a server in its own container is.
const PORT: u16 = 8080;
/// How long a caller waits before it asks another server: a host that is cut off does not say so. Longer than a server works at what
/// it was asked (`request_timeout_ms`) and than a blow lasts: whoever asks elsewhere before may be refused there, and what he had
/// asked first be carried out afterwards.
const GIVE_UP: Duration = Duration::from_secs(20);
/// How long appends are held up to freeze a server in the middle of one: less than it waits for a lock.
const HELD: Duration = Duration::from_millis(700);
/// By then a host on the same machine has taken a connection.
const REACHED: Duration = Duration::from_millis(100);

/// The servers and what they work with.
pub(crate) struct Field {
    pub(crate) stage: Stage,
    pub(crate) machines: Vec<Machine>,
    pub(crate) nats: Nats,
    pub(crate) postgres: Postgres,
    network: Network,
}

/// A server and the host that it has for itself.
pub(crate) struct Machine {
    host: usize,
    pub(crate) node: Node,
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the log of server {}:\n{}", self.host, self.node.server.log());
        }
    }
}

impl Field {
    /// Three servers that share the partitions; none where there can be no network, see [`NEEDS`].
    pub(crate) async fn open(name: &str) -> Option<Self> {
        let network = block_in_place(|| Network::open(HOSTS))?;
        let (gateway, subnet) = (network.gateway(), network.subnet());
        let postgres = block_in_place(|| Postgres::reached_at(&gateway, &subnet));
        let nats = block_in_place(|| Nats::reached_at(&gateway));
        let (key, entry) = block_in_place(api_key);
        let stage = Stage::on(postgres.database(), Scene::with(client(&key)), name);
        let config = format!("{}{entry}[nats]\nservers = \"{}\"\ncommands = false\nintake = false\n", store(""), nats.url());
        let machines = (0..HOSTS).map(|host| machine(&network, host, &stage.database, &config)).collect();
        let field = Self { stage, machines, nats, postgres, network };
        audit::begin(&field.postgres, &field.stage.database.name);
        field.stage.until_shared(&field.machines[0].node, HOSTS).await;
        field.lead(None);
        Some(field)
    }

    /// Callers ask all servers but one.
    pub(crate) fn lead(&self, but: Option<usize>) {
        let others = self.machines.iter().filter(|machine| Some(machine.host) != but);
        self.stage.scene.lead_to_all(others.map(|machine| &machine.node.server));
    }

    /// All three are back, and callers are answered.
    pub(crate) async fn recover(&self) {
        self.lead(None);
        for machine in &self.machines {
            self.stage.until_shared(&machine.node, HOSTS).await;
        }
        self.stage.scene.until_answered(20).await;
    }

    /// Starts a server that has ended again, at its host and on its data.
    pub(crate) fn start_again(&mut self, host: usize) {
        self.machines[host].node.server = serve(&self.network, host, &self.machines[host].node.ground);
    }

    /// SIGKILL, and waits until it is dead.
    pub(crate) fn kill(&mut self, host: usize) {
        self.signal(host, "KILL");
        block_in_place(|| self.machines[host].node.server.ended());
    }

    /// SIGTERM; whoever balances the load asks it until it says that it should not be asked. It must end well.
    pub(crate) async fn stop(&mut self, host: usize) {
        self.signal(host, "TERM");
        self.stage.scene.until_ready(&self.machines[host].node.server, false).await;
        self.lead(Some(host));
        assert!(block_in_place(|| self.machines[host].node.server.ended()).success(), "it ends in order");
    }

    pub(crate) fn signal(&self, host: usize, name: &str) {
        block_in_place(|| signal(self.machines[host].node.server.pid(), name));
    }

    /// SIGSTOP while the database has an append of this server under way, which goes on a moment later; whether there was one.
    pub(crate) fn freeze_appending(&self, host: usize) -> bool {
        let mut holder = self.hold_appends(host);
        let began = Instant::now();
        let mut appending = false;
        while !appending && began.elapsed() < HELD {
            appending = block_in_place(|| self.is_appending(host));
        }
        self.signal(host, "STOP");
        drop(holder.stdin.take());
        block_in_place(|| holder.wait()).expect("psql ends");
        appending
    }

    /// Locks what appends of this server lock, until the end of its stdin.
    fn hold_appends(&self, host: usize) -> Child {
        let sql = format!(
            "BEGIN; SELECT FROM ionveil.heads h WHERE EXISTS (
                SELECT FROM ionveil.leases l JOIN ionveil.nodes n USING (node)
                WHERE l.partition = h.partition AND split_part(n.address, ':', 1) = '{}'
            ) ORDER BY h.partition FOR NO KEY UPDATE;",
            self.network.address(host)
        );
        let mut psql = self.postgres.psql_command(&self.stage.database.name);
        let mut holder = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("run psql");
        writeln!(holder.stdin.as_mut().expect("piped"), "{sql}").expect("psql reads");
        holder
    }

    fn is_appending(&self, host: usize) -> bool {
        let waiting = format!(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE client_addr = '{}' AND wait_event_type = 'Lock' AND query LIKE '%append%'",
            self.network.address(host)
        );
        self.postgres.psql(&self.stage.database.name, &waiting) == "t"
    }

    /// From now on its packets are lost, to and from everybody.
    ///
    /// # Panics
    /// If it is reached all the same.
    pub(crate) fn cut(&self, host: usize) {
        block_in_place(|| self.network.cut(host));
        let address = self.machines[host].node.server.address.parse().expect("an address");
        let reached = block_in_place(|| TcpStream::connect_timeout(&address, REACHED));
        assert!(reached.is_err(), "{address} answers although it is cut off");
    }

    pub(crate) fn join(&self, host: usize) {
        block_in_place(|| self.network.join(host));
    }
}

fn machine(network: &Network, host: usize, database: &Database, config: &str) -> Machine {
    let ground = Ground::new(Some(database.url.clone()), config);
    let server = serve(network, host, &ground);
    Machine { host, node: Node { ground, server } }
}

fn serve(network: &Network, host: usize, ground: &Ground) -> Server {
    let command = ground.server_at(&format!("{}:{PORT}", network.address(host)));
    block_in_place(|| Server::spawn(network.at(host, &command)))
}

/// A key, which servers need that do not listen on loopback, and its entry in the configuration.
fn api_key() -> (String, String) {
    let made = run(&["token", "api-key", "--id", "caller", "--org", "default", "--role", "admin", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let entry = format!("[[auth.api_keys]]\nid = \"caller\"\norg = \"default\"\nrole = \"admin\"\nsha256 = {}\n", made["sha256"]);
    (made["key"].as_str().expect("a key").to_owned(), entry)
}

fn client(key: &str) -> reqwest::Client {
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-api-key"), HeaderValue::from_str(key).expect("a header"))]);
    ionveil::web::client().default_headers(headers).timeout(GIVE_UP).build().expect("a client")
}
