//! The extractor that stands before every handler: who asks, and whether their role is high enough.
//!
//! It reads headers only. What belongs to another organisation is not its business: the handlers answer 404 to that.

use crate::auth::{Authenticator, Credential, Refused};
use crate::http::problem::{Code, Problem};
use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{FromRequest, HttpRequest};
use ionveil_kernel::{Caller, Role};
use std::future::{Ready, ready};
use std::sync::Arc;

/// The header that carries an API key.
pub const API_KEY_HEADER: &str = "x-api-key";

/// Somebody whose credential was checked. Needs an `Arc<Authenticator>` in the app's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticated(pub Caller);

impl Authenticated {
    /// The caller, if their role is `least` or higher.
    ///
    /// # Errors
    /// A [`Problem`] `forbidden`.
    pub fn require(self, least: Role) -> Result<Caller, Problem> {
        if self.0.role >= least {
            return Ok(self.0);
        }
        Err(Problem::new(Code::Forbidden, format!("this needs the role {least} or higher; the credential has {}", self.0.role)))
    }
}

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(authenticator) = req.app_data::<Arc<Authenticator>>() else {
            tracing::error!("a route is mounted without an authenticator");
            return ready(Err(Problem::internal()));
        };
        let caller = if authenticator.is_off() {
            authenticator.authenticate(None)
        } else {
            credential(req.headers()).and_then(|credential| authenticator.authenticate(credential))
        };
        ready(caller.map(Self).map_err(|refused| {
            tracing::debug!(reason = %refused, path = req.path(), "credential refused");
            Problem::new(Code::Unauthenticated, "a valid bearer token or API key is needed")
        }))
    }
}

/// The one credential of a request. Several would leave open who asks, so they are refused.
fn credential(headers: &HeaderMap) -> Result<Option<Credential<'_>>, Refused> {
    let mut bearers = headers.get_all(AUTHORIZATION);
    let mut keys = headers.get_all(API_KEY_HEADER);
    let several = Refused::Malformed("several credentials");
    match (bearers.next(), bearers.next(), keys.next(), keys.next()) {
        (None, _, None, _) => Ok(None),
        (Some(value), None, None, _) => bearer(value.to_str().map_err(|_| Refused::Malformed("not text"))?).map(Some),
        (None, _, Some(value), None) => {
            value.to_str().map(|text| Some(Credential::ApiKey(text))).map_err(|_| Refused::Malformed("not text"))
        }
        (Some(_), Some(_), _, _) | (_, _, Some(_), Some(_)) | (Some(_), _, Some(_), _) => Err(several),
    }
}

/// `Bearer TOKEN`; the scheme's case does not count (RFC 9110 §11.1).
fn bearer(value: &str) -> Result<Credential<'_>, Refused> {
    let (scheme, token) = value.split_once(' ').ok_or(Refused::Malformed("no scheme"))?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Credential::Bearer(token.trim())) } else { Err(Refused::Malformed("another scheme")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn read(headers: &[(&'static str, &'static str)]) -> Result<String, Refused> {
        let request = headers.iter().fold(TestRequest::default(), |request, header| request.append_header(*header));
        credential(request.to_http_request().headers()).map(|credential| format!("{credential:?}"))
    }

    #[test]
    fn exactly_one_credential_is_taken() {
        assert_eq!(read(&[]).as_deref(), Ok("None"));
        assert_eq!(read(&[("authorization", "bearer  a.b.c")]).as_deref(), Ok("Some(Bearer(\"a.b.c\"))"));
        assert_eq!(read(&[("x-api-key", "ivk_a_b")]).as_deref(), Ok("Some(ApiKey(\"ivk_a_b\"))"));
        for headers in [
            &[("authorization", "Bearer a"), ("authorization", "Bearer a")][..],
            &[("authorization", "Bearer a"), ("x-api-key", "b")],
            &[("x-api-key", "a"), ("x-api-key", "b")],
            &[("authorization", "Basic YTpi")],
            &[("authorization", "Bearer")],
        ] {
            assert!(matches!(read(headers), Err(Refused::Malformed(_))), "{headers:?}");
        }
    }

    #[test]
    fn roles_are_ordered() {
        let caller = |role| Authenticated(Caller { org: ionveil_kernel::Org::new("a").unwrap(), subject: "user:x".into(), role });
        assert!(caller(Role::Admin).require(Role::Operator).is_ok());
        assert!(caller(Role::Dispatcher).require(Role::Dispatcher).is_ok());
        assert_eq!(caller(Role::Operator).require(Role::Dispatcher).unwrap_err().code, Code::Forbidden);
    }
}
