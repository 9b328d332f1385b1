//! `POST …/transitions` over HTTP, each answered after its commit, against what its parts would give one after the other:
//! 1 / (1 / HTTP with one actor hop + 1 / appends), all measured in the same run, with the same load from the same cores.
//!
//! `cargo bench --bench transitions [-- postgres|sqlite]`

#![allow(clippy::disallowed_methods, reason = "a benchmark brings its own clock and tasks")]

#[path = "support/server.rs"]
mod server;
mod support;

use actix::{Actor, Addr, Context, Handler, Message};
use actix_web::{App, HttpServer, web};
use ionveil_journal::{PostgresOptions, PostgresStore, SqliteStore, Store};
use ionveil_kernel::{Env, IdSource};
use server::Server;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Figure, append, commit, head, on_runtime, postgres::Postgres, ratio, row};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 256;
const RUNS: usize = 3;
const WINDOW: Duration = Duration::from_secs(4);
const MACHINE: &str = "[machines.rounds]\ninitial = \"called\"\nstates = [{ name = \"called\", to = [\"moving\", \"ended\"] }, { name = \"moving\", to = [\"called\"] }, { name = \"ended\" }]\n";

fn main() {
    let wish = std::env::args().skip(1).find(|argument| argument != "--bench").unwrap_or_default();
    on_runtime(async |env| {
        let hop = hop_server();
        if wish.is_empty() || wish == "sqlite" {
            compare(&env, &hop, false).await;
        }
        if wish.is_empty() || wish == "postgres" {
            compare(&env, &hop, true).await;
        }
    });
}

async fn compare(env: &Env, hop: &str, postgres: bool) {
    let (mut own, mut limit, mut hops, mut appends) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        let folder = tempfile::tempdir().expect("a folder");
        let url = postgres.then(|| Postgres::shared().database().url);
        let served = served(folder.path(), url.as_deref()).await;
        let hopped = load(hop, false).await;
        let store: Arc<dyn Store> = match &url {
            Some(_) => {
                let url = Postgres::shared().database().url;
                Arc::new(
                    PostgresStore::connect(&url, PostgresOptions { lease: Duration::from_secs(30), ..PostgresOptions::default() })
                        .await
                        .expect("connect"),
                )
            }
            None => Arc::new(SqliteStore::open(&folder.path().join("raw.sqlite"), 16).await.expect("open")),
        };
        let appended = appended(store, env).await;
        own.push(served);
        hops.push(hopped);
        appends.push(appended);
        limit.push(1.0 / (1.0 / hopped + 1.0 / appended));
    }
    let name = if postgres { "Postgres" } else { "SQLite" };
    head(&format!("Transitions per second over HTTP, {name}, {CONNECTIONS} connections"), "IonVeil, requests/s", "limit, requests/s");
    let text = |figures: &[f64]| Figure::new(figures.to_vec()).to_string();
    row("1 / (1 / HTTP with one actor hop + 1 / appends)", &text(&own), &text(&limit), &format!("{:.2}", ratio(&own, &limit)));
    row("  HTTP with one actor hop", "", &text(&hops), "");
    row("  appends, 256 callers", "", &text(&appends), "");
}

async fn served(folder: &std::path::Path, url: Option<&str>) -> f64 {
    let server = Server::start(folder, url, MACHINE);
    load(&server.address, true).await
}

/// Requests per second of `CONNECTIONS` connections, each with a workflow of its own and one request at a time.
async fn load(address: &str, workflows: bool) -> f64 {
    let (done, ready) = (Arc::new(AtomicU64::new(0)), Arc::new(tokio::sync::Barrier::new(CONNECTIONS + 1)));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (address, done, ready) = (address.to_owned(), done.clone(), ready.clone());
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(&address).await.expect("connect");
                stream.set_nodelay(true).expect("nodelay");
                if workflows {
                    let body = format!(r#"{{"id":"w-{number}","machine":"rounds"}}"#);
                    assert!(ask(&mut stream, "/api/v1/workflows", &body).await.starts_with("HTTP/1.1 201"));
                }
                ready.wait().await;
                let (started, path) = (Instant::now(), format!("/api/v1/workflows/w-{number}/transitions"));
                let mut there = true;
                while started.elapsed() < WINDOW {
                    let body = if there {
                        r#"{"to":"moving","reason":"unit E38 reports en route"}"#
                    } else {
                        r#"{"to":"called","reason":"back"}"#
                    };
                    there = !there;
                    let answer = ask(&mut stream, &path, body).await;
                    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    ready.wait().await;
    let started = Instant::now();
    for client in clients {
        client.await.expect("a client");
    }
    done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

/// One request on a connection that stays open.
async fn ask(stream: &mut TcpStream, path: &str, body: &str) -> String {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("send");
    let mut answer = Vec::with_capacity(1_024);
    loop {
        let read = stream.read_buf(&mut answer).await.expect("receive");
        assert!(read > 0, "the connection was closed");
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let length: usize =
            head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok()).expect("a length");
        if answer.len() >= end + 4 + length {
            return String::from_utf8_lossy(&answer).into_owned();
        }
    }
}

async fn appended(store: Arc<dyn Store>, env: &Env) -> f64 {
    let journal = support::journal(store, env).await;
    let (started, done, salt) = (Instant::now(), Arc::new(AtomicU64::new(0)), env.next_id());
    let callers: Vec<_> = (0..CONNECTIONS)
        .map(|number| {
            let (journal, env, done) = (journal.clone(), env.clone(), done.clone());
            let owner = format!("workflow:default:{salt}-{number}").parse().expect("lawful");
            tokio::spawn(async move {
                let mut sequence = 0;
                while started.elapsed() < WINDOW {
                    sequence += 1;
                    commit(&journal, append(&owner, sequence, 1, &env)).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller");
    }
    let rate = done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    journal.close().await.expect("close");
    rate
}

struct Echo;

struct Hop(serde_json::Value);

impl Message for Hop {
    type Result = usize;
}

impl Actor for Echo {
    type Context = Context<Self>;
}

impl Handler<Hop> for Echo {
    type Result = usize;

    fn handle(&mut self, Hop(body): Hop, _: &mut Context<Self>) -> usize {
        body.as_object().map_or(0, serde_json::Map::len)
    }
}

/// A JSON body in, one hop to an actor on another arbiter, a JSON body out.
fn hop_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        actix::System::new().block_on(async move {
            let actors: Vec<Addr<Echo>> = (0..2).map(|_| Echo::start_in_arbiter(&actix::Arbiter::new().handle(), |_| Echo)).collect();
            let app = move || {
                let actors = web::Data::new(actors.clone());
                App::new().app_data(actors).route("/{path:.*}", web::post().to(hop))
            };
            HttpServer::new(app).workers(2).disable_signals().listen(listener).expect("listen").run().await.expect("serve");
        });
    });
    address
}

async fn hop(
    actors: web::Data<Vec<Addr<Echo>>>,
    path: web::Path<String>,
    body: web::Json<serde_json::Value>,
) -> web::Json<serde_json::Value> {
    let fields = actors[path.len() % actors.len()].send(Hop(body.into_inner())).await.expect("an answer");
    web::Json(serde_json::json!({ "fields": fields }))
}
