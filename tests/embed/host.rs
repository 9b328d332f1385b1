//! A host's program, started on a free port and killed with the test.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

pub(super) struct Host {
    child: Child,
    pub(super) address: String,
}

impl Host {
    /// Starts an example with `arguments` and, behind them, an address that was free a moment ago; waits until it listens.
    #[expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]
    pub(super) fn start(example: &str, arguments: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        drop(listener);
        let child = Command::new(path(example)).args(arguments).arg(&address).spawn().expect("the example");
        let (host, started) = (Self { child, address }, Instant::now());
        while TcpStream::connect(&host.address).is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "the example does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        host
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// SIGKILL, as a power cut would.
    pub(super) fn kill(self) {
        drop(self);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Cargo builds examples before it runs tests, beside the folder of the test binaries.
fn path(example: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    test.parent().and_then(|deps| deps.parent()).expect("target/…/deps").join("examples").join(example)
}

pub(super) fn client() -> reqwest::Client {
    ionveil::web::client().build().expect("a client")
}
