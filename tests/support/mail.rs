//! A mail server on loopback (SMTP, without TLS) that takes every mail, or stalls once it has one.
#![expect(clippy::disallowed_methods, reason = "it is another party, with tasks of its own")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A mail as it was handed over, and when.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) text: String,
    pub(crate) at: Instant,
}

impl Mail {
    /// The value of a header on one line.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// It listens until it is dropped.
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Vec<Mail>>>,
    silent: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (taken, silent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, quiet) = (taken.clone(), silent.clone());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, kept.clone(), quiet.clone()));
            }
        });
        Self { address, taken, silent, task }
    }

    /// Whether it says nothing any more once it has a mail.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    pub(crate) fn taken(&self) -> Vec<Mail> {
        self.taken.lock().expect("mails").clone()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: TcpStream, taken: Arc<Mutex<Vec<Mail>>>, silent: Arc<AtomicBool>) -> Option<()> {
    let mut stream = BufReader::new(socket);
    stream.get_mut().write_all(b"220 here\r\n").await.ok()?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let answer = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") {
                    if stream.read_line(&mut text).await.ok()? == 0 {
                        return None;
                    }
                }
                taken.lock().expect("mails").push(Mail { text, at: Instant::now() });
                if silent.load(Ordering::SeqCst) {
                    std::future::pending::<()>().await;
                }
                "250 taken\r\n"
            }
            "QUIT" => "221 bye\r\n",
            _ => "250 ok\r\n",
        };
        stream.get_mut().write_all(answer.as_bytes()).await.ok()?;
    }
}
