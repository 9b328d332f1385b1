//! A listener of one service: of all routes it has those of its own, health, metrics and the documentation.

use crate::services::Service;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

/// What every listener has, and all below it.
const SHARED: [&str; 5] = ["/health", "/metrics", "/openapi.json", "/docs", "/cluster"];

/// The service that a listener is for; none: all of them. Put into the app's data.
#[derive(Clone, Copy, Debug)]
pub struct Only(pub Option<Service>);

impl Only {
    fn answers(self, path: &str) -> bool {
        let is_below = |of: &&str| path.strip_prefix(*of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.0.is_none_or(|service| path == "/" || SHARED.iter().chain(service.paths()).any(is_below))
    }
}

/// Wrap the whole app in `actix_web::middleware::from_fn(only)`, inside of what makes problems of answers.
///
/// # Errors
/// Those of the routes inside.
pub async fn only<B: MessageBody + 'static>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if req.app_data::<Only>().is_none_or(|only| only.answers(req.path())) {
        return Ok(next.call(req).await?.map_into_left_body());
    }
    Ok(req.into_response(HttpResponse::NotFound().finish()).map_into_right_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_one_service_has_its_own_paths_and_the_shared_ones() {
        let alerts = Only(Some(Service::Alerts));
        for path in ["/", "/health", "/health/live", "/docs/", "/api/v1/alerts", "/api/v1/alerts/x/resolve", "/api/v2/alerts"] {
            assert!(alerts.answers(path), "{path}");
        }
        for path in ["/api/v1/alertsx", "/api/v1/incidents", "/api/v1/simulations", "/healthy"] {
            assert!(!alerts.answers(path), "{path}");
            assert!(Only(None).answers(path), "{path}");
        }
    }
}
