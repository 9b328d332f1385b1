//! A real NATS server with JetStream for tests and benchmarks: started in a folder of its own, on a free port; stopped and removed
//! when this process ends, however it ends. It never touches a server that it did not start.
#![allow(dead_code, reason = "each of its users uses a part of it")]
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Runs beside the server and does what it reads on its stdin, answering each line. At the end of its stdin, which comes with the
/// end of the test process even by SIGKILL, it stops the server and removes the folder.
const SUPERVISOR: &str = include_str!("nats.sh");
/// How long a server may take to answer.
const START_MAX: Duration = Duration::from_secs(20);

/// A running server.
pub(crate) struct Nats {
    folder: PathBuf,
    host: String,
    port: u16,
    supervisor: Mutex<Supervisor>,
}

struct Supervisor {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

/// The folder of what `cargo xtask setup` installs.
fn installed(program: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/nats/bin").join(program)
}

/// A Python that has the client of NATS, if there is one.
pub(crate) fn python() -> Option<PathBuf> {
    Some(installed("python")).filter(|python| python.is_file())
}

/// The server of `cargo xtask setup`, else that on the PATH.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("nats-server"));
    let mut all = std::iter::once(installed("nats-server")).chain(on_path);
    all.find(|program| program.is_file()).expect("these tests need a NATS server of 2.10 or later: run `cargo xtask setup`")
}

impl Nats {
    /// A server for one test, which may stop and empty it.
    ///
    /// # Panics
    /// If there is no server on this machine.
    pub(crate) fn start() -> Self {
        Self::with_token("")
    }

    /// The same, which lets only those in who show this token.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub(crate) fn with_token(token: &str) -> Self {
        Self::started("127.0.0.1", token)
    }

    /// At this address of the machine.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub(crate) fn reached_at(host: &str) -> Self {
        Self::started(host, "")
    }

    fn started(host: &str, token: &str) -> Self {
        let program = program();
        // The port may be taken between our look and the server's start: then it does not answer, and another is tried.
        (0..5).find_map(|_| Self::try_start(&program, host, token)).expect("a NATS server; its log was printed above")
    }

    fn try_start(program: &Path, host: &str, token: &str) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("ionveil-nats-").tempdir().expect("a temporary folder").keep();
        let port = TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr()).expect("a free port").port();
        let supervisor = Mutex::new(Supervisor::spawn(program, &folder, host, port, token));
        let server = Self { folder, host: host.to_owned(), port, supervisor };
        server.order("start");
        if server.answers() {
            return Some(server);
        }
        eprintln!("NATS did not start:\n{}", std::fs::read_to_string(server.folder.join("log")).unwrap_or_default());
        None
    }

    /// `nats://HOST:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("nats://{}:{}", self.host, self.port)
    }

    /// Ends it as a power cut would.
    pub(crate) fn crash(&self) {
        self.order("crash");
    }

    /// Ends it and throws away what JetStream has stored.
    pub(crate) fn wipe(&self) {
        self.order("wipe");
    }

    /// Ends it, and keeps a copy of what JetStream has stored.
    pub(crate) fn keep(&self) {
        self.order("keep");
    }

    /// Ends it, and puts the copy in the place of what JetStream has stored.
    pub(crate) fn put_back(&self) {
        self.order("put-back");
    }

    /// Starts it again, and waits until it answers.
    ///
    /// # Panics
    /// If it does not.
    pub(crate) fn restart(&self) {
        self.order("start");
        assert!(self.answers(), "the NATS server does not start again");
    }

    /// Whether it comes to say that it has JetStream.
    fn answers(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < START_MAX {
            if TcpStream::connect((self.host.as_str(), self.port)).is_ok_and(greets) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    fn order(&self, order: &str) {
        let answer = self.supervisor.lock().expect("an order before this one failed").order(order);
        assert_eq!(answer, "ok", "{order}");
    }
}

fn greets(socket: TcpStream) -> bool {
    let mut greeting = String::new();
    let read = socket.set_read_timeout(Some(Duration::from_secs(1))).and_then(|()| BufReader::new(socket).read_line(&mut greeting));
    read.is_ok() && greeting.starts_with("INFO ") && greeting.contains("\"jetstream\":true")
}

impl Drop for Nats {
    fn drop(&mut self) {
        let supervisor = self.supervisor.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        supervisor.orders = None;
        let _ = supervisor.child.wait();
    }
}

impl Supervisor {
    fn spawn(program: &Path, folder: &Path, host: &str, port: u16, token: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SUPERVISOR, "nats-supervisor"]).arg(program).arg(folder).arg(host).arg(port.to_string()).arg(token);
        // A process group of its own: Ctrl-C ends the tests, and their end ends the server.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("run sh");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a piped stdout"));
        Self { child, orders, answers }
    }

    fn order(&mut self, order: &str) -> String {
        let orders = self.orders.as_mut().expect("not yet dropped");
        writeln!(orders, "{order}").and_then(|()| orders.flush()).expect("the supervisor lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the supervisor answers");
        answer.trim().to_owned()
    }
}
