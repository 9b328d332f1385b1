//! A TCP proxy that a test can make lose a request or an answer.

#![expect(clippy::disallowed_methods, reason = "a task of the test's own, beside what it tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What is lost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// The next bytes of a client do not reach the server; both sides are closed.
    Request,
    /// The next bytes of a client reach the server and are answered; the answer is lost, both sides are closed.
    Answer,
}

/// Forwards until it is told to cut. Ends with the test's runtime.
pub(crate) struct Proxy {
    port: u16,
    target: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cut: AtomicU8,
    all: Notify,
}

impl Proxy {
    /// A proxy to `target` on 127.0.0.1.
    ///
    /// # Panics
    /// If there is no free port.
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(State::default());
        let shared = state.clone();
        tokio::task::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::task::spawn(forward(client, target, shared.clone()));
            }
        });
        Self { port, target, state }
    }

    /// The same URL with the proxy's port.
    pub(crate) fn redirect(&self, url: &str) -> String {
        url.replace(&format!(":{}/", self.target), &format!(":{}/", self.port))
    }

    /// Cuts the connection that next sends something.
    pub(crate) fn cut_next(&self, cut: Cut) {
        let code = match cut {
            Cut::Request => 1,
            Cut::Answer => 2,
        };
        self.state.cut.store(code, Ordering::SeqCst);
    }

    /// Cuts all connections that are open now.
    pub(crate) fn cut_all(&self) {
        self.state.all.notify_waiters();
    }
}

async fn forward(mut client: TcpStream, target: u16, state: Arc<State>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let ended = state.all.notified();
    tokio::pin!(ended);
    loop {
        tokio::select! {
            biased;
            () = &mut ended => return,
            Ok(count) = client.read(&mut up) => {
                let cut = state.cut.swap(0, Ordering::SeqCst);
                if count == 0 || cut == 1 || server.write_all(&up[..count]).await.is_err() {
                    return;
                }
                if cut == 2 {
                    // Something comes back only when the request was carried out.
                    let _ = server.read(&mut down).await;
                    return;
                }
            }
            Ok(count) = server.read(&mut down) => {
                if count == 0 || client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
            else => return,
        }
    }
}
