//! The listener: routes, middleware and limits put together.

use crate::auth::Authenticator;
use crate::config::Server as Settings;
use crate::http::alone::{Only, only};
use crate::http::app::App;
use crate::http::body::BodyLimits;
use crate::http::drain::hang_up;
use crate::http::guard::{Guard, guard};
use crate::http::socket::Plain;
use crate::http::unrouted::KnownPaths;
use crate::http::{configure, openapi, unrouted};
use crate::services::Service as Role;
use actix_http::{HttpService, Protocol, Request};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::App as ActixApp;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::guard::{GuardContext, fn_guard};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data, ServiceConfig};
use ionveil_kernel::Env;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// The most connections that one worker keeps open.
const CONNECTIONS_PER_WORKER_MAX: usize = 4_096;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to read the last answer before the connection is cut.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// What every worker builds its routes from.
#[derive(Clone)]
pub struct Mount {
    app: App,
    authenticator: Arc<Authenticator>,
    check: Arc<Guard>,
    limits: BodyLimits,
    known: Data<KnownPaths>,
    only: Only,
}

/// Listens; says where (the port may have been 0). The server runs when it is awaited; signals are the caller's.
///
/// # Errors
/// If the address cannot be listened on.
pub fn start(settings: &Settings, app: App, authenticator: Arc<Authenticator>) -> io::Result<(Server, SocketAddr)> {
    start_only(settings, None, app, authenticator)
}

/// As [`start`], with the routes of one service alone.
///
/// # Errors
/// If the address cannot be listened on.
pub fn start_only(
    settings: &Settings,
    service: Option<Role>,
    app: App,
    authenticator: Arc<Authenticator>,
) -> io::Result<(Server, SocketAddr)> {
    let env = app.node.env.clone();
    let mount = Mount { only: Only(service), ..Mount::new(settings, app, authenticator) };
    let listener = TcpListener::bind(settings.listen)?;
    let address = listener.local_addr()?;
    Ok((listen(settings, listener, mount, env)?, address))
}

impl Mount {
    /// What the routes need, from the settings of the server.
    #[must_use]
    pub fn new(settings: &Settings, app: App, authenticator: Arc<Authenticator>) -> Self {
        let env = app.node.env.clone();
        let open = authenticator.is_off();
        let check = if open { Guard::loopback_only(env, &settings.allowed_hosts) } else { Guard::any_host(env) };
        let check = Arc::new(check.traced(app.node.tracing.clone()));
        let limits = BodyLimits { bytes: settings.body_limit_bytes, depth: settings.body_depth_max, patience: settings.request_timeout };
        Self { app, authenticator, check, limits, known: Data::new(KnownPaths::new()), only: Only(None) }
    }

    fn data(&self, routes: &mut ServiceConfig) {
        routes
            .app_data(Data::new(self.app.clone()))
            .app_data(self.authenticator.clone())
            .app_data(self.check.clone())
            .app_data(self.limits)
            .app_data(self.only)
            .app_data(self.known.clone());
    }

    /// Mounts all routes, with their middleware, at the root of an app of somebody else's. Where everybody is let in, only
    /// loopback is.
    pub fn at_root(&self, routes: &mut ServiceConfig) {
        self.data(routes);
        let open = self.authenticator.is_off();
        let near = move |context: &GuardContext<'_>| !open || context.head().peer_addr.is_none_or(|peer| peer.ip().is_loopback());
        let all = web::scope("")
            .guard(fn_guard(near))
            .wrap(from_fn(hang_up))
            .wrap(from_fn(guard))
            .configure(configure)
            .configure(openapi::configure)
            .default_service(web::to(unrouted::answer));
        routes.service(all);
    }
}

/// As `HttpServer` of actix does it, but over [`Plain`] sockets. It takes the signal of the end as `HttpServer` does, by a
/// function that is public but left out of the documentation: without it, idle connections would hold up the end.
fn listen(settings: &Settings, listener: TcpListener, mount: Mount, env: Env) -> io::Result<Server> {
    let server = Server::build()
        .disable_signals()
        .max_concurrent_connections(CONNECTIONS_PER_WORKER_MAX)
        .shutdown_timeout(settings.drain_timeout.as_secs().max(1));
    let server = match settings.workers {
        Some(workers) => server.workers(workers),
        None => server,
    };
    let ending = server.graceful_shutdown_signal();
    let server = server.listen("http", listener, move || {
        let (ending, env) = (ending.clone(), env.clone());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.notified().await }
            })
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(GOODBYE_TIMEOUT)
            .on_connect_ext(|socket: &Plain, about| {
                about.insert(socket.left());
            });
        let routes = routes(mount.clone()).into_factory().map_err(|error| error.error_response());
        let socket = move |socket: TcpStream| {
            let peer = socket.peer_addr().ok();
            let socket = Plain::new(socket, env.clone());
            async move { Ok((socket, Protocol::Http1, peer)) }
        };
        fn_service(socket).and_then(http.finish(map_config(routes, |()| AppConfig::default())))
    })?;
    Ok(server.run())
}

/// The routes without a listener, for what comes another way. They stay on the thread that they were made on; none if they cannot
/// be made.
pub(crate) async fn local(
    mount: Mount,
) -> Option<impl Service<Request, Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error>> {
    let factory = IntoServiceFactory::<_, Request>::into_factory(routes(mount));
    factory.new_service(AppConfig::default()).await.ok()
}

fn routes(
    mount: Mount,
) -> ActixApp<
    impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse<impl MessageBody>, Error = actix_web::Error, InitError = ()>,
> {
    ActixApp::new()
        .configure(|routes| mount.data(routes))
        .wrap(from_fn(only))
        .wrap(from_fn(guard))
        .wrap(from_fn(hang_up))
        .configure(configure)
        .configure(openapi::configure)
        .default_service(web::to(unrouted::answer))
}
