//! Reads `[auth]`.

use crate::config::section::Section;
use crate::config::settings::{ApiKey, Auth, KeyAlgorithm, TokenKey};
use ionveil_kernel::{Org, Role};
use std::time::Duration;

pub(super) fn read(section: &mut Section<'_>) -> Option<Auth> {
    let issuer = section.parsed("issuer", not_empty);
    let audience = section.parsed("audience", not_empty);
    let leeway_s = section.integer("leeway_s", 0..=300);
    let keys = section.tables("keys", token_key);
    let api_keys = section.tables("api_keys", api_key);
    let (keys, api_keys) = (keys?, api_keys?);
    note_repeats(section, "keys", keys.iter().map(|key| &*key.id));
    note_repeats(section, "api_keys", api_keys.iter().map(|key| &*key.id));
    Some(Auth { issuer: issuer?, audience: audience?, leeway: Duration::from_secs(leeway_s?), keys, api_keys })
}

fn token_key(section: &mut Section<'_>) -> Option<TokenKey> {
    let id = section.parsed("id", not_empty);
    let algorithm = section.parsed("algorithm", KeyAlgorithm::parse);
    let (secret, public) = (section.optional_path("secret_file"), section.optional_path("public_key_file"));
    let algorithm = algorithm?;
    let (wanted, file, other) = match algorithm {
        KeyAlgorithm::EdDsa | KeyAlgorithm::Rs256 => ("public_key_file", public, secret),
        KeyAlgorithm::Hs256 => ("secret_file", secret, public),
    };
    if file.is_none() || other.is_some() {
        section.fault(wanted, format!("a key for {} has {wanted} and no other file", algorithm.as_str()));
    }
    Some(TokenKey { id: id?, algorithm, file: file? })
}

fn api_key(section: &mut Section<'_>) -> Option<ApiKey> {
    let id = section.parsed("id", |text| {
        if crate::auth::is_key_id(text) { Ok(text.to_owned()) } else { Err(format!("must match {}", crate::auth::KEY_ID_PATTERN)) }
    });
    let org = section.parsed("org", |text| Org::new(text).map_err(|error| error.to_string()));
    let role = section.parsed("role", role);
    let subject = section.optional_text("subject");
    let sha256 =
        section.parsed("sha256", |text| crate::auth::hash_from_hex(text).ok_or_else(|| "must be 64 hexadecimal digits".to_owned()));
    let id = id?;
    Some(ApiKey { subject: subject.unwrap_or_else(|| id.clone()), id, org: org?, role: role?, sha256: sha256? })
}

fn role(text: &str) -> Result<Role, String> {
    let known = Role::ALL.into_iter().find(|role| role.as_str() == text);
    known.ok_or_else(|| "must be operator, dispatcher, supervisor or admin".to_owned())
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn note_repeats<'k>(section: &mut Section<'_>, key: &str, ids: impl Iterator<Item = &'k str>) {
    let mut seen = std::collections::BTreeSet::new();
    for id in ids.filter(|id| !seen.insert(*id)) {
        section.fault(key, format!("has two entries with the id {id:?}"));
    }
}
