//! The socket under actix, and two things that only it can see.
//!
//! That the client is gone: actix tells a handler when a write fails, which an idle event stream notices after half a minute.
//!
//! What actix answers by itself to bytes that it could not read as a request (400), that came too slowly (408) or were too
//! many (431): it has no body. Here it becomes problem+json, as every other refusal. Such an answer never passes the middleware, so it is told from ours by the lack of the headers that the guard sets. It is
//! always the last on its connection. Nothing else that is written is touched.

use crate::http::guard::SECURITY;
use crate::http::problem::{Code, MEDIA_TYPE, Problem};
use crate::http::trace::TraceId;
use actix_web::rt::net::{ActixStream, Ready, TcpStream};
use ionveil_kernel::Env;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// Tells that the client has closed its end of the connection, or all of it.
#[derive(Clone)]
pub struct Left(watch::Receiver<bool>);

impl Left {
    /// Whether it has.
    #[must_use]
    pub fn yet(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it has. Cancel safe.
    pub async fn wait(&mut self) {
        // An error means that the socket is gone altogether.
        drop(self.0.wait_for(|left| *left).await);
    }
}

/// A connection.
pub struct Plain {
    inner: TcpStream,
    env: Env,
    /// What is to be sent in place of a bare answer, and how much of it has been sent.
    instead: Vec<u8>,
    sent: usize,
    left: watch::Sender<bool>,
}

impl Plain {
    /// Wraps a connection.
    #[must_use]
    pub fn new(inner: TcpStream, env: Env) -> Self {
        Self { inner, env, instead: Vec::new(), sent: 0, left: watch::Sender::new(false) }
    }

    /// For handlers that answer for long.
    #[must_use]
    pub fn left(&self) -> Left {
        Left(self.left.subscribe())
    }

    fn poll_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.instead.len() {
            match ready!(Pin::new(&mut self.inner).poll_write(cx, &self.instead[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.sent += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_instead(cx))?;
        match bare_answer(bytes) {
            None => Pin::new(&mut this.inner).poll_write(cx, bytes),
            Some((0, code)) => {
                this.instead = written(code, TraceId::from_bits(this.env.random()));
                this.sent = 0;
                // Whether it goes out now or at the flush that follows, it has been taken.
                if let Poll::Ready(Err(error)) = this.poll_instead(cx) {
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(Ok(bytes.len()))
            }
            // Answers to the requests before it go first; it stands at the beginning of the next call.
            Some((before, _)) => Pin::new(&mut this.inner).poll_write(cx, &bytes[..before]),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_instead(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_instead(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let (room, before) = (into.remaining(), into.filled().len());
        let read = ready!(Pin::new(&mut this.inner).poll_read(cx, into));
        if read.is_err() || (room > 0 && into.filled().len() == before) {
            this.left.send_replace(true);
        }
        Poll::Ready(read)
    }
}

impl ActixStream for Plain {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.inner, cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.inner, cx)
    }
}

/// Where a bare answer begins in what actix writes, and what it means. It ends the bytes: actix writes nothing behind it.
fn bare_answer(bytes: &[u8]) -> Option<(usize, Code)> {
    let head = bytes.strip_suffix(b"\r\n\r\n")?;
    let begin = b"HTTP/1.1 4";
    let start = head.windows(begin.len()).rposition(|window| window == begin)?;
    let head = std::str::from_utf8(&head[start..]).ok()?;
    let mut lines = head.split("\r\n");
    let code = match lines.next()?.split(' ').nth(1)? {
        "408" => Code::RequestTimeout,
        "431" => Code::HeadTooLarge,
        _other => Code::BadRequest,
    };
    // An empty line would mean that a body begins before the end.
    let bare = lines.all(|line| !line.is_empty() && !line.to_ascii_lowercase().starts_with("x-content-type-options:"));
    bare.then_some((start, code))
}

/// The problem as bytes.
fn written(code: Code, trace_id: TraceId) -> Vec<u8> {
    let detail = match code {
        Code::RequestTimeout => "the head of the request did not arrive in time",
        Code::HeadTooLarge => "the head of the request is too large",
        _other => "these bytes are no HTTP request that this server understands",
    };
    let body = serde_json::to_string(&Problem::new(code, detail).traced(trace_id).body()).unwrap_or_default();
    let (status, length) = (code.status(), body.len());
    let mut text = format!("HTTP/1.1 {status}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {length}\r\nconnection: close\r\n");
    for (name, value) in SECURITY {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{text}\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_answers_are_found() {
        let bare = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        let ours = "HTTP/1.1 404 Not Found\r\nX-Content-Type-Options: nosniff\r\ncontent-length: 0\r\n\r\n";
        let body = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nHTTP/1.1 4";
        for (text, found) in [
            (bare.to_owned(), Some((0, Code::BadRequest))),
            (bare.replace("400 Bad Request", "408 Request Timeout"), Some((0, Code::RequestTimeout))),
            (bare.replace("400 Bad Request", "431 Request Header Fields Too Large"), Some((0, Code::HeadTooLarge))),
            (format!("{ours}{bare}"), Some((ours.len(), Code::BadRequest))),
            (format!("{body}{bare}"), Some((body.len(), Code::BadRequest))),
            (ours.to_owned(), None),
            (body.to_owned(), None),
            (format!("{bare}more"), None),
            (format!("{bare}0\r\n\r\n"), None),
            ("HTTP/1.1 100 Continue\r\n\r\n".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(bare_answer(text.as_bytes()), found, "{text}");
        }
    }

    #[test]
    fn a_problem_is_written_whole() {
        let text = String::from_utf8(written(Code::HeadTooLarge, TraceId::from_bits(7))).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\n"));
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())));
        assert!(body.contains("\"trace_id\":\"00000000000000000000000000000007\""));
    }
}
