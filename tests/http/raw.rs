//! Requests as bytes, which no client would write, and answers as bytes.

use super::answer::{Answer, PROBLEM};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long an answer may take; only a broken server takes that long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends `bytes` and reads all answers until the server hangs up. It may hang up while we still send.
pub(super) fn exchange(address: &str, bytes: &[u8]) -> Vec<Answer> {
    let mut stream = connect(address);
    drop(stream.write_all(bytes));
    drop(stream.shutdown(std::net::Shutdown::Write));
    answers(&read_all(&mut stream))
}

/// The one answer to `bytes`.
pub(super) fn ask(address: &str, bytes: &[u8]) -> Answer {
    let all = exchange(address, bytes);
    assert_eq!(all.len(), 1, "{} got {all:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(200)]));
    all.into_iter().next().expect("an answer")
}

/// The one answer on a connection that the server ends though we have not finished.
pub(super) fn read_one(stream: &mut TcpStream) -> Answer {
    answers(&read_all(stream)).pop().expect("an answer")
}

fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let (mut all, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return all,
            Ok(length) => all.extend_from_slice(&chunk[..length]),
            // What we sent and nobody read makes the system answer our end with a reset, behind the answer.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("{error} after {}", String::from_utf8_lossy(&all)),
        }
    }
}

/// Splits what came back into answers. All of ours have a length.
fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (answer, rest) = first(bytes);
        all.push(answer);
        bytes = rest;
    }
    all
}

fn first(bytes: &[u8]) -> (Answer, &[u8]) {
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no head in {:?}", shown()));
    let head = std::str::from_utf8(&bytes[..end]).expect("a head is text");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_else(|| panic!("no status in {head}"));
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_str(value.trim()).expect("a value"));
    }
    let length = headers.get("content-length").map_or(0, |length| length.to_str().expect("text").parse().expect("a number"));
    let (body, rest) = bytes[end + 4..].split_at(length);
    (Answer { status, headers, text: String::from_utf8(body.to_vec()).expect("UTF-8") }, rest)
}

/// Whatever was sent, this is an answer that a client can read, and no fault of the server.
pub(super) fn assert_refused(name: &str, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{name}: {} {}", answer.status, answer.text);
    assert_eq!(answer.header("content-type"), Some(PROBLEM), "{name}: {} {}", answer.status, answer.text);
}
