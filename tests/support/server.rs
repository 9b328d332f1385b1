//! The real binary as a child process: started on a free port, killed with the test.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a server may take to listen before the test gives up on it.
const START_MAX: Duration = Duration::from_secs(30);

/// A running `ionveil serve`.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    log: Arc<Mutex<String>>,
}

/// `ionveil` with these arguments and nothing of the test's environment that could change a setting.
pub(crate) fn ionveil(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ionveil"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("IONVEIL__")) {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs `ionveil` to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    ionveil(args).output().expect("the binary runs")
}

impl Server {
    /// Serves a data directory on a free port, with further arguments, and waits until it listens.
    pub(crate) fn start(data_dir: &Path, more: &[&str]) -> Self {
        let dir = data_dir.to_str().expect("UTF-8");
        let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--data-dir", dir];
        args.extend(more);
        Self::spawn(ionveil(&args))
    }

    /// Waits until the child says where it listens.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (said, stderr) = (log.clone(), child.stderr.take().expect("piped"));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut said = said.lock().expect("log");
                said.push_str(&line);
                said.push('\n');
            }
        });
        let started = Instant::now();
        loop {
            if let Some(address) = listening(&log.lock().expect("log")) {
                return Self { child, address, log: log.clone() };
            }
            let ended = child.try_wait().expect("wait");
            assert!(
                ended.is_none() && started.elapsed() < START_MAX,
                "the server did not start ({ended:?}):\n{}",
                log.lock().expect("log")
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("log").clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end that something else brings about.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().expect("wait")
    }

    /// SIGKILL, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let done = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(done.success());
        self.child.wait().expect("wait")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn listening(log: &str) -> Option<String> {
    let rest = log.split("listening on http://").nth(1)?;
    rest.split_once('/').map(|(address, _)| address.to_owned())
}
