//! What a token claims, and whether it holds now and here. The signature was checked before.

use crate::auth::Refused;
use ionveil_kernel::{Caller, Org, Role, Timestamp};
use serde::Deserialize;
use std::time::Duration;

/// The most characters of a subject: it is recorded with every event.
const SUBJECT_CHARS_MAX: usize = 200;

/// What tokens must fulfil.
pub(super) struct Demands {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) leeway: Duration,
}

/// The claims that we read (RFC 7519 §4.1, and `org`, `role`); others are ignored. A claim of another type, or one that
/// stands there twice, spoils the token.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    exp: serde_json::Number,
    #[serde(default)]
    nbf: Option<serde_json::Number>,
    iss: String,
    aud: OneOrMany,
    sub: String,
    #[serde(default)]
    org: Option<String>,
    #[serde(default)]
    org_id: Option<String>,
    #[serde(default)]
    role: Option<OneOrMany>,
    #[serde(default)]
    roles: Option<OneOrMany>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

impl Claims {
    /// Who it is, if every claim holds at `now`.
    pub(super) fn caller(&self, demands: &Demands, now: Timestamp) -> Result<Caller, Refused> {
        self.check_times(demands.leeway, now)?;
        if self.iss != demands.issuer {
            return Err(Refused::WrongClaim("iss"));
        }
        if !self.aud.as_slice().contains(&demands.audience) {
            return Err(Refused::WrongClaim("aud"));
        }
        let subject = self.subject()?;
        Ok(Caller { org: self.org()?, subject: format!("user:{subject}").into(), role: self.role().ok_or(Refused::NoRole)? })
    }

    /// At `exp` it is over, at `nbf` it begins; the leeway widens both ends.
    fn check_times(&self, leeway: Duration, now: Timestamp) -> Result<(), Refused> {
        if now >= instant(&self.exp, "exp")?.after(leeway) {
            return Err(Refused::Expired);
        }
        match &self.nbf {
            Some(nbf) if now.after(leeway) < instant(nbf, "nbf")? => Err(Refused::NotYet),
            Some(_) | None => Ok(()),
        }
    }

    fn subject(&self) -> Result<&str, Refused> {
        let lawful = !self.sub.is_empty() && self.sub.chars().nth(SUBJECT_CHARS_MAX).is_none() && !self.sub.chars().any(char::is_control);
        if lawful { Ok(&self.sub) } else { Err(Refused::WrongClaim("sub")) }
    }

    fn org(&self) -> Result<Org, Refused> {
        let named = match (&self.org, &self.org_id) {
            (Some(org), Some(other)) if org != other => None,
            (Some(org), _) | (None, Some(org)) => Org::new(org).ok(),
            (None, None) => None,
        };
        named.ok_or(Refused::WrongClaim("org"))
    }

    /// The highest role that we know; case does not count, unknown names do not matter.
    fn role(&self) -> Option<Role> {
        let named = [&self.role, &self.roles].into_iter().flatten().flat_map(OneOrMany::as_slice);
        named.filter_map(|name| Role::ALL.into_iter().find(|role| role.as_str().eq_ignore_ascii_case(name))).max()
    }
}

/// A `NumericDate` (RFC 7519 §2): seconds since 1970, maybe with a fraction, within the years that we know.
fn instant(seconds: &serde_json::Number, claim: &'static str) -> Result<Timestamp, Refused> {
    let micros = match seconds.as_i64() {
        Some(whole) => whole.checked_mul(1_000_000),
        None => seconds.as_f64().filter(|s| (0.0..1e12).contains(s)).map(|s| {
            #[expect(clippy::cast_possible_truncation, reason = "below 1e18, as just checked; rounded down")]
            let micros = (s * 1e6) as i64;
            micros
        }),
    };
    let lawful = micros.filter(|micros| (0..=Timestamp::MAX.micros()).contains(micros));
    lawful.map(Timestamp::from_micros).ok_or(Refused::WrongClaim(claim))
}
