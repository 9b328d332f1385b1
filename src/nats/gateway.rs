//! The routes of the HTTP contract without a listener: what comes over NATS is asked of them, so that it is authorised, deduplicated
//! and refused exactly as over HTTP.

use crate::http::problem::{MEDIA_TYPE, Problem};
use crate::http::server::{Mount, local};
use actix_http::Request;
use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Uri};
use actix_web::web::Bytes;
use std::rc::Rc;
use tokio::sync::{mpsc, oneshot};

/// Calls that wait to be begun; what asks is bounded by itself.
const WAITING_MAX: usize = 1_024;

/// What is asked.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

/// What is answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// A problem that was found before the routes were asked.
    pub(super) fn problem(problem: &Problem) -> Self {
        let body = problem.body();
        let mut headers = problem.response().headers().clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        let status = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, headers, body: serde_json::to_vec(&body).unwrap_or_default().into() }
    }

    /// Its header of this name, if it is there and text.
    pub(super) fn header(&self, name: impl actix_web::http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A cheap handle on the routes, which stay on a thread of their own.
#[derive(Clone)]
pub(super) struct Gateway(mpsc::Sender<(Call, oneshot::Sender<Answer>)>);

impl Gateway {
    /// Mounts the routes on a new arbiter. It ends with the last handle.
    pub(super) fn start(mount: Mount) -> Self {
        let (send, mut calls) = mpsc::channel::<(Call, oneshot::Sender<Answer>)>(WAITING_MAX);
        // The routes are made where they stay: they cannot be sent.
        let spawned = actix::Arbiter::new().spawn_fn(move || {
            actix::spawn(async move {
                match local(mount).await {
                    Some(routes) => attend(Rc::new(routes), &mut calls).await,
                    None => tracing::error!("the routes cannot be mounted: nothing that comes over NATS is answered"),
                }
                actix::Arbiter::current().stop();
            });
        });
        if !spawned {
            tracing::error!("no thread could be had: nothing that comes over NATS is answered");
        }
        Self(send)
    }

    /// Asks the routes. A panic of a handler is an internal problem.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the answer, not what was asked.
    pub(super) async fn call(&self, call: Call) -> Answer {
        let (send, done) = oneshot::channel();
        let lost = || Answer::problem(&Problem::internal());
        match self.0.send((call, send)).await {
            Ok(()) => done.await.unwrap_or_else(|_| lost()),
            Err(_) => lost(),
        }
    }
}

/// Lets the routes answer until nobody can call any more.
async fn attend<B: MessageBody + 'static>(
    routes: Rc<impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static>,
    calls: &mut mpsc::Receiver<(Call, oneshot::Sender<Answer>)>,
) {
    while let Some((call, done)) = calls.recv().await {
        let routes = routes.clone();
        actix::spawn(async move { drop(done.send(carry(&*routes, call).await)) });
    }
}

async fn carry<B: MessageBody>(
    routes: &impl Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    call: Call,
) -> Answer {
    let Some(request) = request(call) else { return Answer::problem(&Problem::internal()) };
    let response = match routes.call(request).await {
        Ok(response) => response.into_parts().1,
        Err(error) => return from_error(error).await,
    };
    let (status, headers) = (response.status(), response.headers().clone());
    match to_bytes(response.into_body()).await {
        Ok(body) => Answer { status, headers, body },
        Err(_) => Answer::problem(&Problem::internal()),
    }
}

async fn from_error(error: actix_web::Error) -> Answer {
    let response = error.error_response();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: to_bytes(response.into_body()).await.unwrap_or_default() }
}

fn request(Call { method, target, headers, body }: Call) -> Option<Request> {
    let uri: Uri = target.parse().ok()?;
    let length = HeaderValue::from(body.len());
    let mut request = Request::with_payload(body.into());
    let head = request.head_mut();
    (head.method, head.uri) = (method, uri);
    // Without authentication the routes answer under loopback's names only: who may ask over NATS was checked at the start.
    head.headers.insert(HOST, HeaderValue::from_static("localhost"));
    head.headers.insert(CONTENT_LENGTH, length);
    headers.into_iter().for_each(|(name, value)| head.headers.append(name, value));
    Some(request)
}
