//! The listener: routes, middleware and limits put together.

use crate::auth::Authenticator;
use crate::config::Server as Settings;
use crate::http::app::App;
use crate::http::body::BodyLimits;
use crate::http::guard::{Guard, guard};
use crate::http::problem::{Code, Problem};
use crate::http::{configure, openapi};
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data};
use actix_web::{App as ActixApp, HttpServer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The most connections that one worker keeps open.
const CONNECTIONS_PER_WORKER_MAX: usize = 4_096;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Listens; says where (the port may have been 0). The server runs when it is awaited; signals are the caller's.
///
/// # Errors
/// If the address cannot be listened on.
pub fn start(settings: &Settings, app: App, authenticator: Arc<Authenticator>) -> io::Result<(Server, SocketAddr)> {
    let env = app.node.env.clone();
    let open = authenticator.is_off();
    let check = Arc::new(if open { Guard::loopback_only(env, &settings.allowed_hosts) } else { Guard::any_host(env) });
    let limits = BodyLimits { bytes: settings.body_limit_bytes, depth: settings.body_depth_max };
    let routes = move || {
        ActixApp::new()
            .app_data(Data::new(app.clone()))
            .app_data(authenticator.clone())
            .app_data(check.clone())
            .app_data(limits)
            .wrap(from_fn(guard))
            .configure(configure)
            .configure(openapi::configure)
            .default_service(web::to(|| async { Problem::new(Code::NotFound, "there is no such route; see /docs/").response() }))
    };
    let server = HttpServer::new(routes)
        .disable_signals()
        .max_connections(CONNECTIONS_PER_WORKER_MAX)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(settings.drain_timeout.as_secs().max(1));
    let server = match settings.workers {
        Some(workers) => server.workers(workers),
        None => server,
    };
    let server = server.bind(settings.listen)?;
    let address = server.addrs().first().copied().ok_or_else(|| io::Error::other("nothing to listen on"))?;
    Ok((server.run(), address))
}
