//! The binary as a server, beside a benchmark.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use reqwest::Client;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Killed with the benchmark.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    /// On `store`, or on SQLite in `folder`.
    pub(crate) fn start(folder: &Path, store: Option<&str>, config: &str) -> Self {
        let file = folder.join("ionveil.toml");
        std::fs::write(&file, config).expect("a configuration");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ionveil"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&file).arg("--data-dir").arg(folder.join("data"));
        if let Some(url) = store {
            command.args(["--store", url]);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut log = BufReader::new(child.stderr.take().expect("a log"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).expect("a line") > 0, "the server did not start");
            if let Some(rest) = line.split("listening on http://").nth(1) {
                break rest.split('/').next().unwrap_or_default().to_owned();
            }
        };
        // Who stops reading stops who writes.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address }
    }

    pub(crate) async fn post(&self, client: &Client, path: &str, body: &Value) -> Value {
        let answer = client.post(format!("http://{}{path}", self.address)).json(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("JSON")
    }
}
