//! Hostile tokens: whatever is wrong, nobody gets in, and nothing panics.

use super::testing::env_at;
use super::*;
use crate::config::{KeyAlgorithm, TokenKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const RSA_PRIVATE: &[u8] = include_bytes!("testdata/rsa.key.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("testdata/rsa.pub.pem");
const NOW: i64 = 1_800_000_000;

fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/auth/testdata").join(name)
}

struct Bench {
    _dir: tempfile::TempDir,
    auth: Auth,
}

/// A server that knows `hmac` (HS256) and `rsa` (RS256), or only those that are named.
fn bench(ids: &[&str]) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("secret");
    std::fs::write(&secret, SECRET).unwrap();
    let all = [
        TokenKey { id: "hmac".to_owned(), algorithm: KeyAlgorithm::Hs256, file: secret },
        TokenKey { id: "rsa".to_owned(), algorithm: KeyAlgorithm::Rs256, file: testdata("rsa.pub.pem") },
    ];
    let keys = all.into_iter().filter(|key| ids.contains(&&*key.id)).collect();
    let (issuer, audience) = ("iss".to_owned(), "aud".to_owned());
    Bench { _dir: dir, auth: Auth { issuer, audience, leeway: Duration::ZERO, keys, api_keys: Vec::new() } }
}

impl Bench {
    fn try_at(&self, token: &str, now: i64) -> Result<Caller, Refused> {
        Authenticator::new(&self.auth, env_at(now)).unwrap().authenticate(Some(Credential::Bearer(token)))
    }
}

fn good() -> Value {
    json!({"iss": "iss", "aud": "aud", "sub": "jane", "org": "acme", "role": "dispatcher", "exp": NOW + 60})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn header(algorithm: Algorithm, kid: Option<&str>) -> Header {
    Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) }
}

fn hmac(claims: &Value) -> String {
    encode(&header(Algorithm::HS256, Some("hmac")), claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

/// Three parts with whatever in them, signed with the shared secret as the bytes stand.
fn forged(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn good_tokens_are_let_in() {
    let bench = bench(&["hmac", "rsa"]);
    let caller = bench.try_at(&hmac(&good()), NOW).unwrap();
    assert_eq!((caller.org.as_str(), &*caller.subject, caller.role), ("acme", "user:jane", Role::Dispatcher));
    let rsa = encode(&header(Algorithm::RS256, Some("rsa")), &good(), &EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap()).unwrap();
    assert_eq!(bench.try_at(&rsa, NOW), Ok(caller));
}

#[test]
fn a_token_without_kid_needs_a_single_key() {
    let token = encode(&header(Algorithm::HS256, None), &good(), &EncodingKey::from_secret(SECRET)).unwrap();
    assert!(bench(&["hmac"]).try_at(&token, NOW).is_ok());
    assert_eq!(bench(&["hmac", "rsa"]).try_at(&token, NOW), Err(Refused::UnknownKey));
    assert_eq!(bench(&["rsa"]).try_at(&hmac(&good()), NOW), Err(Refused::UnknownKey), "a kid that is not known");
}

#[test]
fn the_key_fixes_the_algorithm() {
    let bench = bench(&["hmac", "rsa"]);
    let claims = good().to_string();
    // The classic: an HS256 token whose secret is the public key that everybody can read.
    let swapped = encode(&header(Algorithm::HS256, Some("rsa")), &good(), &EncodingKey::from_secret(RSA_PUBLIC)).unwrap();
    let stronger = encode(&header(Algorithm::HS512, Some("hmac")), &good(), &EncodingKey::from_secret(SECRET)).unwrap();
    for token in [swapped, stronger] {
        assert_eq!(bench.try_at(&token, NOW), Err(Refused::WrongAlgorithm));
    }
    for alg in ["none", "None", "NONE", "nOnE", "", "HS256 ", "hs256"] {
        let forged = forged(&format!(r#"{{"alg":"{alg}","kid":"hmac"}}"#), &claims);
        let unsigned = forged.rsplit_once('.').unwrap().0.to_owned() + ".";
        assert!(bench.try_at(&forged, NOW).is_err(), "{alg}");
        assert!(bench.try_at(&unsigned, NOW).is_err(), "{alg}");
    }
    let twice = forged(r#"{"alg":"HS256","alg":"none","kid":"hmac"}"#, &claims);
    let critical = forged(r#"{"alg":"HS256","kid":"hmac","crit":["b64"],"b64":false}"#, &claims);
    let own_key = forged(r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"kid":"other"}"#, &claims);
    for token in [twice, critical, own_key] {
        assert!(bench.try_at(&token, NOW).is_err());
    }
}

#[test]
fn times_are_sharp() {
    let bench = bench(&["hmac"]);
    let token = hmac(&with("exp", json!(NOW)));
    assert!(bench.try_at(&token, NOW - 1).is_ok());
    assert_eq!(bench.try_at(&token, NOW), Err(Refused::Expired), "at exp it is over");
    let token = hmac(&with("nbf", json!(NOW)));
    assert_eq!(bench.try_at(&token, NOW - 1), Err(Refused::NotYet));
    assert!(bench.try_at(&token, NOW).is_ok(), "at nbf it begins");
    let fraction = hmac(&with("exp", json!(NOW as f64 + 0.5)));
    assert!(bench.try_at(&fraction, NOW).is_ok());
    assert_eq!(bench.try_at(&fraction, NOW + 1), Err(Refused::Expired));
    let mut lenient = bench;
    lenient.auth.leeway = Duration::from_secs(5);
    assert!(lenient.try_at(&hmac(&with("exp", json!(NOW))), NOW + 4).is_ok());
    assert_eq!(lenient.try_at(&hmac(&with("exp", json!(NOW))), NOW + 5), Err(Refused::Expired));
}

#[test]
fn every_claim_is_needed_and_has_its_type() {
    let bench = bench(&["hmac"]);
    for name in ["exp", "iss", "aud", "sub", "org", "role"] {
        assert!(bench.try_at(&hmac(&without(name)), NOW).is_err(), "without {name}");
    }
    for (name, value) in [
        ("exp", json!("2099-01-01")),
        ("exp", json!((NOW + 60).to_string())),
        ("exp", json!(null)),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(i64::MAX)),
        ("exp", json!([NOW + 60])),
        ("nbf", json!("0")),
        ("nbf", json!(-5)),
        ("iss", json!("other")),
        ("iss", json!(["iss"])),
        ("iss", json!("iss ")),
        ("aud", json!("other")),
        ("aud", json!(["x", "y"])),
        ("aud", json!([])),
        ("aud", json!({"aud": true})),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!("a\u{0}b")),
        ("sub", json!("x".repeat(201))),
        ("org", json!("Not Lawful")),
        ("org", json!("../acme")),
        ("org", json!(1)),
        ("org_id", json!("other")),
        ("role", json!("root")),
        ("role", json!([])),
        ("role", json!(4)),
        ("roles", json!({"admin": true})),
        ("roles", json!([1, "admin"])),
    ] {
        assert!(bench.try_at(&hmac(&with(name, value.clone())), NOW).is_err(), "{name} = {value}");
    }
    let twice = forged(r#"{"alg":"HS256","kid":"hmac"}"#, &good().to_string().replacen('{', r#"{"org":"other","#, 1));
    assert!(bench.try_at(&twice, NOW).is_err(), "a claim twice");
}

#[test]
fn lists_and_other_spellings_are_understood() {
    let bench = bench(&["hmac"]);
    let mut claims = without("role");
    claims["roles"] = json!(["operator", "Supervisor", "astronaut"]);
    claims["aud"] = json!(["x", "aud"]);
    claims["org_id"] = claims["org"].take();
    claims.as_object_mut().unwrap().remove("org");
    let caller = bench.try_at(&hmac(&claims), NOW).unwrap();
    assert_eq!((caller.role, caller.org.as_str()), (Role::Supervisor, "acme"));
}

#[test]
fn damage_and_size_are_refused() {
    let bench = bench(&["hmac"]);
    let token = hmac(&good());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let flipped = format!("{message}.{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    assert_eq!(bench.try_at(&flipped, NOW), Err(Refused::NotGenuine));
    for hostile in [
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        token.replace('.', ""),
        format!("{token}.x"),
        format!("{token}="),
        format!(" {token}"),
        message.to_owned(),
        format!("{message}."),
        forged("[]", "{}"),
        forged("{", "{"),
        forged(r#"{"alg":"HS256","kid":"hmac"}"#, "[[[["),
        forged(r#"{"alg":"HS256","kid":"hmac"}"#, &"[".repeat(5_000)),
        "é".repeat(100),
        "A".repeat(CREDENTIAL_BYTES_MAX + 1),
        hmac(&with("more", json!("x".repeat(CREDENTIAL_BYTES_MAX)))),
    ] {
        assert!(bench.try_at(&hostile, NOW).is_err(), "{}", hostile.chars().take(60).collect::<String>());
    }
}

#[test]
fn keys_that_are_weak_or_of_another_kind_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let short = dir.path().join("short");
    std::fs::write(&short, "secret\n").unwrap();
    for (algorithm, file, says) in [
        (KeyAlgorithm::Hs256, short.clone(), "too weak"),
        (KeyAlgorithm::Hs256, testdata("rsa.pub.pem"), "PEM"),
        (KeyAlgorithm::Rs256, testdata("rsa.key.pem"), "private key"),
        (KeyAlgorithm::Rs256, testdata("rsa1024.pub.pem"), "too weak"),
        (KeyAlgorithm::Rs256, short.clone(), "RSA public key"),
        (KeyAlgorithm::EdDsa, testdata("rsa.pub.pem"), "Ed25519 public key"),
        (KeyAlgorithm::EdDsa, dir.path().join("missing"), "cannot be read"),
    ] {
        let mut auth = bench(&[]).auth;
        auth.keys.push(TokenKey { id: "k".to_owned(), algorithm, file });
        let faults = Authenticator::new(&auth, env_at(NOW)).map(|_| ()).unwrap_err();
        assert!(faults.len() == 1 && faults[0].detail.contains(says) && faults[0].path == "auth.keys[0]", "{faults:?}");
    }
}

#[test]
fn without_keys_everybody_is_admin_but_only_on_loopback() {
    let off = Authenticator::new(&bench(&[]).auth, env_at(NOW)).unwrap();
    let caller = off.authenticate(None).unwrap();
    assert_eq!((caller.org.as_str(), caller.role), ("default", Role::Admin));
    for (listen, fine) in [
        ("127.0.0.1:8080", true),
        ("127.8.8.8:1", true),
        ("[::1]:8080", true),
        ("[::ffff:127.0.0.1]:80", true),
        ("0.0.0.0:8080", false),
        ("[::]:8080", false),
        ("192.168.1.1:80", false),
    ] {
        assert_eq!(check_exposure(listen.parse().unwrap(), &off).is_ok(), fine, "{listen}");
    }
    let on = Authenticator::new(&bench(&["hmac"]).auth, env_at(NOW)).unwrap();
    assert!(check_exposure("0.0.0.0:8080".parse().unwrap(), &on).is_ok());
    assert_eq!(on.authenticate(None), Err(Refused::Missing));
}
