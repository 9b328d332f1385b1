//! A web server on loopback that does as it is told: answers, stalls, resets, and counts what it was sent.
#![expect(clippy::disallowed_methods, reason = "it is another party, with tasks and a clock of its own")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What it does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Answers with a status and header lines.
    Answer(u16, &'static str),
    /// Answers 200 after so many milliseconds.
    After(u64),
    /// Says nothing, ever.
    Stall,
    /// Cuts the connection.
    Reset,
}

/// What it was sent, and whether that was not answered with a failure.
type Heard = Arc<Mutex<Vec<(Vec<u8>, bool)>>>;

/// It listens until it is dropped; then connections are refused.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    heard: Heard,
    task: JoinHandle<()>,
}

impl Gateway {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (manner, heard) = (Arc::new(Mutex::new(manner)), Arc::new(Mutex::new(Vec::new())));
        let (told, noted) = (manner.clone(), heard.clone());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, told.clone(), noted.clone()));
            }
        });
        Self { address, manner, heard, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/send", self.address)
    }

    pub(crate) fn turn(&self, manner: Manner) {
        *self.manner.lock().expect("a manner") = manner;
    }

    /// The requests so far, head and body.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.all().iter().map(|(request, _)| text(request)).collect()
    }

    /// Those of them that were not answered with a failure.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.all().iter().filter(|(_, is_taken)| *is_taken).map(|(request, _)| text(request)).collect()
    }

    fn all(&self) -> Vec<(Vec<u8>, bool)> {
        self.heard.lock().expect("what it heard").clone()
    }

    /// The bodies of the requests so far.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        let body = |(request, _): &(Vec<u8>, bool)| request[head_of(request).expect("a head")..].to_vec();
        self.all().iter().map(body).collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, manner: Arc<Mutex<Manner>>, heard: Heard) {
    while let Some(request) = read(&mut socket).await {
        let manner = manner.lock().expect("a manner").clone();
        heard.lock().expect("what it heard").push((request, !matches!(manner, Manner::Answer(400.., _))));
        let (status, headers) = match manner {
            Manner::Answer(status, headers) => (status, headers),
            Manner::After(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                (200, "")
            }
            Manner::Stall => std::future::pending().await,
            Manner::Reset => return,
        };
        let answer = format!("HTTP/1.1 {status} X\r\n{headers}content-length: 2\r\n\r\n{{}}");
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn text(request: &[u8]) -> String {
    String::from_utf8_lossy(request).into_owned()
}

/// A request with its body; none at the end of the connection.
async fn read(socket: &mut TcpStream) -> Option<Vec<u8>> {
    let (mut all, mut chunk) = (Vec::new(), [0; 4_096]);
    loop {
        if let Some(head) = head_of(&all)
            && all.len() - head >= length(&all[..head])
        {
            return Some(all);
        }
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => all.extend(&chunk[..read]),
        }
    }
}

/// How long the head of a request is, with the empty line, once all of it has come.
fn head_of(request: &[u8]) -> Option<usize> {
    request.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4)
}

fn length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let line = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    line.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
