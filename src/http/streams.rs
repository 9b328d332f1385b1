//! Live figures and alerts for whoever follows them, as server-sent events or over a WebSocket (RFC 6455): the same frames.
//!
//! Nobody is waited for: a client that does not read fills its socket, and then what its subscription may hold; the oldest are lost
//! and the next frame says how many.

use crate::analytics::streams::{Follower, Topic, written};
use crate::http::analytics_requests::Followed;
use crate::http::answers::Problems;
use crate::http::app::App;
use crate::http::body::Query;
use crate::http::call::Call;
use crate::http::problem::{Code, Problem};
use crate::http::socket::Left;
use actix_web::http::header::{self, CACHE_CONTROL, HeaderValue};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, get};
use actix_ws::{CloseCode, Message};
use futures_util::{StreamExt, stream};
use ionveil_kernel::{Org, Role};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// How often an idle stream shows that it is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether the server drains.
const LOOK: Duration = Duration::from_millis(500);

/// One subscription.
struct Session {
    app: App,
    follower: Follower,
    /// What goes out first: how everything is now.
    first: Option<String>,
    said: Duration,
    _place: OwnedSemaphorePermit,
}

/// What goes out next.
enum Out {
    Frame(String),
    Heartbeat,
}

impl Session {
    fn open(app: &App, org: &Org, topics: Vec<Topic>) -> Result<Self, Problem> {
        let place = app.streams.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::new(Code::Overloaded, "too many event streams are open"))?;
        let (env, analytics) = (&app.node.env, &app.node.analytics);
        let follower = analytics.streams.follow(env, org, topics.clone());
        let follower = follower.map_err(|error| Problem::field(Code::InvalidField, "metrics", error.to_string()))?;
        let first = written(analytics.told(org, &topics).iter(), 0);
        Ok(Self { app: app.clone(), follower, first: Some(first), said: env.monotonic(), _place: place })
    }

    /// None when the server drains. Cancel safe.
    async fn next(&mut self) -> Option<Out> {
        if let Some(first) = self.first.take() {
            return Some(Out::Frame(first));
        }
        loop {
            if self.app.draining() {
                return None;
            }
            let env = &self.app.node.env;
            let silent = env.monotonic().saturating_sub(self.said) >= HEARTBEAT;
            let out = tokio::select! {
                biased;
                frame = self.follower.next() => Out::Frame(written(frame.updates.iter().map(|update| &update.value), frame.dropped)),
                () = env.sleep(LOOK) => {
                    if !silent {
                        continue;
                    }
                    Out::Heartbeat
                }
            };
            self.said = env.monotonic();
            return Some(out);
        }
    }
}

/// Metrics as they change, and what happens to alerts: server-sent events (`event: frame`), or with `Upgrade: websocket` a
/// WebSocket of the same frames: `{"updates": […], "dropped": n}`, one in 100 ms at most. The first says how everything is now.
/// Whoever reads too slowly loses the oldest updates and is told how many.
#[utoipa::path(context_path = "/api/v1", tag = "Analytics",
    params(("metrics" = Option<String>, Query, description = "A list of METRIC[:WINDOW[:AGGREGATION]] between commas, such as response_time:5m:p95,dispatch_count:1h:sum; default: every metric over 1m, avg, unless alerts are asked for", min_length = 1),
        ("alerts" = Option<bool>, Query, description = "Follow what happens to alerts as well"),
        ("region" = Option<String>, Query, description = "Only this region's metrics"),
        ("severity" = Option<String>, Query, description = "Only this severity's metrics"),
        ("unit_type" = Option<String>, Query, description = "Only this unit type's metrics")),
    responses((status = 200, description = "A stream of frames", content_type = "text/event-stream", body = String),
        (status = 101, description = "A WebSocket of frames"), Problems))]
#[get("/dashboard/stream")]
pub(crate) async fn follow(
    app: Data<App>,
    req: HttpRequest,
    call: Call,
    followed: Query<Followed>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    call.require(Role::Operator)?;
    if !wants_socket(&req) {
        let session = Session::open(&app, &call.caller.org, followed.0.0)?;
        return Ok(as_events(session, req.conn_data::<Left>().cloned()));
    }
    is_of_here(&req)?;
    let session = Session::open(&app, &call.caller.org, followed.0.0)?;
    let (response, socket, messages) =
        actix_ws::handle(&req, payload).map_err(|error| Problem::new(Code::BadRequest, format!("no WebSocket: {error}")))?;
    actix_web::rt::spawn(serve(session, socket, messages));
    Ok(response)
}

fn wants_socket(req: &HttpRequest) -> bool {
    let upgrade = req.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// A foreign page may open a WebSocket to anywhere, unlike a request whose answer it could read: a browser says where it is from.
fn is_of_here(req: &HttpRequest) -> Result<(), Problem> {
    let text = |name| req.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default().to_ascii_lowercase());
    let (origin, host) = (text(header::ORIGIN), text(header::HOST).unwrap_or_default());
    let of_here = |origin: &String| origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    match origin {
        Some(origin) if !of_here(&origin) => {
            Err(Problem::new(Code::HostNotAllowed, "a WebSocket is opened by a page of this server, or by no page at all"))
        }
        Some(_) | None => Ok(()),
    }
}

fn as_events(session: Session, left: Option<Left>) -> HttpResponse {
    let chunks = stream::unfold((session, left), |(mut session, mut left)| async move {
        let gone = async {
            match &mut left {
                Some(left) => left.wait().await,
                None => std::future::pending().await,
            }
        };
        let out = tokio::select! {
            biased;
            () = gone => None,
            out = session.next() => out,
        };
        let text = match out? {
            Out::Frame(frame) => format!("event: frame\ndata: {frame}\n\n"),
            Out::Heartbeat => ": here\n\n".to_owned(),
        };
        Some((Ok::<_, Infallible>(Bytes::from(text)), (session, left)))
    });
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response.content_type("text/event-stream").streaming(Box::pin(chunks))
}

/// Serves a WebSocket until either side ends it. What the client says beside that is passed over.
async fn serve(mut session: Session, mut socket: actix_ws::Session, mut messages: actix_ws::MessageStream) {
    loop {
        let sent = tokio::select! {
            biased;
            message = messages.next() => match message {
                Some(Ok(Message::Ping(bytes))) => socket.pong(&bytes).await,
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => Ok(()),
            },
            out = session.next() => match out {
                Some(Out::Frame(frame)) => socket.text(frame).await,
                Some(Out::Heartbeat) => socket.ping(b"").await,
                None => {
                    // It may be gone already.
                    drop(socket.close(Some(CloseCode::Away.into())).await);
                    return;
                }
            },
        };
        if sent.is_err() {
            return;
        }
    }
    drop(socket.close(None).await);
}
