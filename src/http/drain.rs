//! What a server that shuts down does with requests: work is turned away, and every answer ends its connection, so that
//! the client comes back elsewhere. What had been taken in before is finished and answered.

use crate::http::app::App;
use crate::http::problem::{Code, Problem};
use crate::time;
use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

/// The header by which every answer says that the clock is not the real one: the time that it shows, and how fast it runs.
pub const CLOCK: &str = "ionveil-clock";

/// Wrap what takes work in `actix_web::middleware::from_fn(turn_away)`.
///
/// # Errors
/// Those of the routes inside.
pub async fn turn_away<B: MessageBody + 'static>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if draining(&req) {
        let problem = Problem::new(Code::Draining, "the server is shutting down; nothing was done");
        return Ok(req.error_response(problem).map_into_right_body());
    }
    Ok(next.call(req).await?.map_into_left_body())
}

/// Wrap everything in `actix_web::middleware::from_fn(hang_up)`.
///
/// # Errors
/// Those of the routes inside.
pub async fn hang_up<B: MessageBody + 'static>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let app = req.app_data::<Data<App>>().cloned();
    let app_clock = app.as_ref().and_then(|app| app.node.env.play().map(|play| (app.node.env.now(), play.speed)));
    let mut response = next.call(req).await?;
    // Looked at behind the handler: the drain may have begun while it worked.
    if app.is_some_and(|app| app.leaving()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    if let Some((now, speed)) = app_clock {
        // Nobody is to take this for the present.
        if let Ok(value) = HeaderValue::from_str(&format!("{}@{speed}x", time::format(now))) {
            response.headers_mut().insert(HeaderName::from_static(CLOCK), value);
        }
    }
    Ok(response)
}

fn draining(req: &ServiceRequest) -> bool {
    req.app_data::<Data<App>>().is_some_and(|app| app.draining())
}
