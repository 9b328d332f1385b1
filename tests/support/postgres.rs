//! A real Postgres for tests and benchmarks: started from the installed binaries in a folder of its own, on a free port
//! and a Unix socket, with fsync on; stopped and removed when this process ends, however it ends. It never touches a
//! server that it did not start.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

/// Runs beside the server and does what it reads on its stdin, answering each line. At the end of its stdin, which comes
/// with the end of the test process even by SIGKILL, it stops the server and removes the folder.
const SUPERVISOR: &str = include_str!("postgres.sh");
const LOOPBACK: &str = "127.0.0.1";

/// A running server.
pub(crate) struct Postgres {
    bin: PathBuf,
    folder: PathBuf,
    host: String,
    port: u16,
    databases: AtomicU32,
    supervisor: Mutex<Supervisor>,
}

/// A database that nobody else uses.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// Over TCP.
    pub(crate) url: String,
    /// Over the Unix socket.
    pub(crate) socket_url: String,
    /// Its name.
    pub(crate) name: String,
}

/// A shell beside this process that does what it is told, and cleans up at the end of its stdin.
pub(crate) struct Supervisor {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Postgres {
    /// The server that all tests of this process share.
    ///
    /// # Panics
    /// If there is no Postgres on this machine, with the name of the package.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::own)
    }

    /// A server for one test, which may stop and freeze it.
    ///
    /// # Panics
    /// As [`Self::shared`].
    pub(crate) fn own() -> Self {
        Self::reached_at(LOOPBACK, "127.0.0.1/32")
    }

    /// The same, at this address of the machine, for everybody in `subnet`.
    ///
    /// # Panics
    /// As [`Self::shared`].
    pub(crate) fn reached_at(host: &str, subnet: &str) -> Self {
        let bin = find_bin();
        // The port may be taken between our look and the server's start: then it refuses to start, and another is tried.
        (0..5).find_map(|_| Self::try_start(&bin, host, subnet)).expect("start Postgres; its log was printed above")
    }

    /// Makes an empty database.
    ///
    /// # Panics
    /// If the server refuses.
    pub(crate) fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        let (host, port, folder) = (&self.host, self.port, self.folder.display());
        Database {
            url: format!("postgres://postgres@{host}:{port}/{name}"),
            socket_url: format!("postgres://postgres@localhost:{port}/{name}?host={folder}"),
            name,
        }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Runs SQL with `psql` and gives what it printed.
    ///
    /// # Panics
    /// If that fails.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        let output = self.psql_command(database).args(["-c", sql]).output().expect("run psql");
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A `psql` that is ready to run, for a client that a test wants to freeze or kill.
    pub(crate) fn psql_command(&self, database: &str) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database]);
        command.arg("-h").arg(&self.folder).arg("-p").arg(self.port.to_string());
        command
    }

    /// Restores a backup of the database `from` into the empty database `to`, as `docs/runbooks/restore-from-backup.md` says.
    ///
    /// # Panics
    /// If one of them fails.
    pub(crate) fn restore(&self, from: &str, to: &str) {
        let mut dump = Command::new(self.bin.join("pg_dump"));
        dump.args(["--format=custom", "-U", "postgres", "-h"]).arg(&self.folder).arg("-p").arg(self.port.to_string()).arg(from);
        let mut dump = dump.stdout(Stdio::piped()).spawn().expect("run pg_dump");
        let dumped = dump.stdout.take().expect("piped");
        let mut restore = Command::new(self.bin.join("pg_restore"));
        restore.args(["--exit-on-error", "-U", "postgres", "-h"]).arg(&self.folder).arg("-p").arg(self.port.to_string()).arg("-d").arg(to);
        let read = restore.stdin(dumped).status().expect("run pg_restore");
        assert!(read.success() && dump.wait().expect("wait").success(), "{from} into {to}");
    }

    /// Stops the server as a power cut would: no checkpoint, no goodbye.
    ///
    /// # Panics
    /// If it cannot be stopped.
    pub(crate) fn crash(&self) {
        self.order("crash");
    }

    /// Starts it again after [`Self::crash`]; returns when it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub(crate) fn restart(&self) {
        self.order("start");
    }

    /// Stops all its processes in the middle of what they do (SIGSTOP).
    ///
    /// # Panics
    /// If a signal cannot be sent.
    pub(crate) fn freeze(&self) {
        for process in self.processes() {
            signal(process, "STOP");
        }
    }

    /// Lets them go on.
    ///
    /// # Panics
    /// If a signal cannot be sent.
    pub(crate) fn thaw(&self) {
        for process in self.processes() {
            signal(process, "CONT");
        }
    }

    /// The postmaster first (so that it starts no other), then its children.
    fn processes(&self) -> Vec<u32> {
        let pid_file = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("a running server");
        let postmaster: u32 = pid_file.lines().next().and_then(|line| line.trim().parse().ok()).expect("a process id");
        let children = std::fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        std::iter::once(postmaster).chain(children.filter(|process| parent(*process) == Some(postmaster))).collect()
    }

    fn order(&self, order: &str) {
        let mut supervisor = self.supervisor.lock().expect("an order before this one failed");
        let answer = supervisor.order(order);
        assert_eq!(answer, "ok", "{order}: {}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn try_start(bin: &Path, host: &str, subnet: &str) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("ionveil-pg-").tempdir().expect("a temporary folder").keep();
        let port = TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr()).expect("a free port").port();
        let number = port.to_string();
        let own = [bin.as_os_str(), folder.as_os_str(), number.as_ref(), server_user().as_ref()];
        let arguments = own.into_iter().chain([host.as_ref(), subnet.as_ref()]);
        let supervisor = Supervisor::of(SUPERVISOR, "postgres-supervisor", arguments);
        let (bin, host) = (bin.to_owned(), host.to_owned());
        let server = Self { bin, folder, host, port, databases: AtomicU32::new(0), supervisor: Mutex::new(supervisor) };
        let answer = server.supervisor.lock().expect("not yet shared").order("start");
        if answer == "ok" {
            return Some(server);
        }
        eprintln!("Postgres did not start:\n{}", server.log());
        None
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.child.wait();
    }
}

impl Supervisor {
    /// Runs a script under a name that `ps` shows.
    ///
    /// # Panics
    /// If there is no shell.
    pub(crate) fn of(script: &str, name: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, name]).args(arguments);
        // A process group of its own: Ctrl-C ends the tests, and their end ends the server.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("run sh");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("a piped stdout"));
        Self { child, orders, answers }
    }

    /// Gives it an order; its answer.
    ///
    /// # Panics
    /// If it is gone.
    pub(crate) fn order(&mut self, order: &str) -> String {
        let orders = self.orders.as_mut().expect("not yet dropped");
        writeln!(orders, "{order}").and_then(|()| orders.flush()).expect("the supervisor lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the supervisor answers");
        answer.trim().to_owned()
    }
}

/// Sends a signal to one process.
///
/// # Panics
/// If that fails.
pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "kill", name, &process.to_string()]).status();
    assert!(status.expect("run sh").success(), "SIG{name} to {process}");
}

fn parent(process: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Postgres refuses to run as root. Empty if we are somebody else.
fn server_user() -> &'static str {
    let me = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let root = me.lines().any(|line| line.strip_prefix("Uid:").is_some_and(|ids| ids.split_whitespace().next() == Some("0")));
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let known = |name: &str| users.lines().any(|line| line.split(':').next() == Some(name));
    match root {
        false => "",
        true => ["postgres", "nobody"].into_iter().find(|name| known(name)).expect("root needs a user to run Postgres as"),
    }
}

fn find_bin() -> PathBuf {
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let mut debian: Vec<PathBuf> =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
    debian.sort();
    let mut candidates = on_path.into_iter().chain(debian.into_iter().rev());
    candidates.find(|folder| ["initdb", "pg_ctl", "postgres", "psql"].iter().all(|name| folder.join(name).is_file())).expect(
        "these tests need Postgres 12 or later: initdb, pg_ctl, postgres and psql on the PATH or under /usr/lib/postgresql \
         (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql)",
    )
}
