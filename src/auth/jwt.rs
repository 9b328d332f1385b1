//! Bearer tokens: JSON Web Tokens (RFC 7519) whose algorithm is fixed by the key, never by the token (RFC 8725 §3.1).

use crate::auth::Refused;
use crate::auth::claims::{Claims, Demands};
use crate::auth::keys::LoadedKey;
use crate::config::Auth;
use ionveil_kernel::{Caller, Timestamp};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Header, Validation, decode, decode_header};

/// The keys, and what tokens must claim.
pub(super) struct Tokens {
    keys: Vec<LoadedKey>,
    demands: Demands,
}

impl Tokens {
    pub(super) fn new(settings: &Auth, keys: Vec<LoadedKey>) -> Self {
        let demands = Demands { issuer: settings.issuer.clone(), audience: settings.audience.clone(), leeway: settings.leeway };
        Self { keys, demands }
    }

    /// Who bears `token` at `now`.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, Refused> {
        let header = decode_header(token).map_err(|error| refused(&error))?;
        // RFC 7515 §4.1.11: extensions that must be understood, and we understand none.
        if header.crit.is_some() {
            return Err(Refused::Malformed("crit"));
        }
        let key = self.key_for(&header)?;
        if header.alg != key.algorithm {
            return Err(Refused::WrongAlgorithm);
        }
        let checked = decode::<Claims>(token, &key.key, &signature_only(key)).map_err(|error| refused(&error))?;
        checked.claims.caller(&self.demands, now)
    }

    /// The key that `kid` names; without `kid` the only one.
    fn key_for(&self, header: &Header) -> Result<&LoadedKey, Refused> {
        match (&header.kid, &*self.keys) {
            (Some(kid), keys) => keys.iter().find(|key| key.id == *kid).ok_or(Refused::UnknownKey),
            (None, [only]) => Ok(only),
            (None, _) => Err(Refused::UnknownKey),
        }
    }
}

/// The library checks the signature; claims are ours to check, because its clock cannot be given to it.
fn signature_only(key: &LoadedKey) -> Validation {
    let mut validation = Validation::new(key.algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn refused(error: &Error) -> Refused {
    match error.kind() {
        ErrorKind::InvalidSignature => Refused::NotGenuine,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => Refused::WrongAlgorithm,
        _ => Refused::Malformed("no token"),
    }
}
