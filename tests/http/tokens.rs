//! Credentials: what lets somebody in, and everything that must not.

use super::client::Api;
use super::given::{Guarded, RSA_KEY, RSA_PUBLIC, SECRET, claims, now_s, signed};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const ASKED: &str = "/api/v1/workflows";

async fn actor(api: &Api) -> String {
    let created = api.post(ASKED, json!({"machine": "dispatch"})).await.json(201);
    let path = format!("{ASKED}/{}/events", created["id"].as_str().expect("an id"));
    api.get(&path).await.json(200)["items"][0]["actor"].as_str().expect("an actor").to_owned()
}

#[tokio::test]
async fn each_kind_of_credential_lets_its_bearer_in() {
    let guarded = Guarded::start();
    for kid in ["ed", "rsa", "hmac"] {
        let token = guarded.sign(kid, &claims("acme", "dispatcher"));
        assert_eq!(actor(&guarded.stranger().bearing(&token)).await, "user:jane", "{kid}");
    }
    assert_eq!(actor(&guarded.stranger().with("x-api-key", &*guarded.api_key)).await, "key:cad");
    let lower = guarded.stranger().with("authorization", format!("bearer {}", guarded.sign("ed", &claims("acme", "dispatcher"))));
    assert_eq!(actor(&lower).await, "user:jane", "the scheme's case does not count");
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims("acme", "admin");
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims("acme", "admin");
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

#[tokio::test]
async fn claims_must_hold_now_and_here() {
    let guarded = Guarded::start();
    for (name, claims) in [
        ("expired", with("exp", json!(now_s() - 1))),
        ("expired long ago", with("exp", json!(0))),
        ("without an end", without("exp")),
        ("an end that is text", with("exp", json!("9999999999"))),
        ("not valid yet", with("nbf", json!(now_s() + 60))),
        ("foreign audience", with("aud", json!("other"))),
        ("foreign audiences", with("aud", json!(["other", "another"]))),
        ("no audience", without("aud")),
        ("foreign issuer", with("iss", json!("other"))),
        ("no issuer", without("iss")),
        ("no subject", without("sub")),
        ("empty subject", with("sub", json!(""))),
        ("no organisation", without("org")),
        ("an organisation that cannot be", with("org", json!("a:b"))),
        ("no role", without("role")),
        ("an unknown role", with("role", json!("root"))),
    ] {
        for kid in ["ed", "rsa", "hmac"] {
            let answer = guarded.stranger().bearing(&guarded.sign(kid, &claims)).get(ASKED).await;
            assert_eq!(answer.status, 401, "{name} by {kid}");
            answer.problem(401, "unauthenticated");
            assert!(answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")), "{name}");
        }
    }
}

fn unsigned(header: &str, claims: &Value) -> String {
    format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[tokio::test]
async fn no_token_chooses_its_key_or_algorithm() {
    let guarded = Guarded::start();
    let good = claims("acme", "admin");
    let hmac = |kid: Option<&str>, algorithm, secret: &[u8]| signed(kid, algorithm, &EncodingKey::from_secret(secret), &good);
    let rsa = EncodingKey::from_rsa_pem(RSA_KEY).expect("a key");
    let genuine = guarded.sign("ed", &good);
    let (head, signature) = genuine.rsplit_once('.').expect("three parts");
    let other = guarded.sign("ed", &with("role", json!("operator")));
    let swapped = format!("{}.{signature}", other.rsplit_once('.').expect("three parts").0);
    for (name, token) in [
        ("alg none", unsigned(r#"{"alg":"none"}"#, &good)),
        ("alg None with a known kid", unsigned(r#"{"alg":"None","kid":"hmac"}"#, &good)),
        ("alg none of EdDSA", unsigned(r#"{"alg":"none","kid":"ed","typ":"JWT"}"#, &good)),
        ("no alg", unsigned(r#"{"kid":"ed"}"#, &good)),
        ("the public key as the secret", hmac(Some("rsa"), Algorithm::HS256, RSA_PUBLIC)),
        ("a stronger hash", hmac(Some("hmac"), Algorithm::HS512, SECRET)),
        ("a padded RSA of the same key", signed(Some("rsa"), Algorithm::PS256, &rsa, &good)),
        ("a longer RSA of the same key", signed(Some("rsa"), Algorithm::RS512, &rsa, &good)),
        ("RSA under the name of EdDSA", signed(Some("ed"), Algorithm::RS256, &rsa, &good)),
        ("a foreign secret", hmac(Some("hmac"), Algorithm::HS256, b"another secret of thirty-two bytes")),
        ("an unknown kid", hmac(Some("nosuch"), Algorithm::HS256, SECRET)),
        ("a kid that is a path", hmac(Some("../secret"), Algorithm::HS256, SECRET)),
        ("no kid among several keys", hmac(None, Algorithm::HS256, SECRET)),
        ("another's signature", swapped),
        ("no signature", format!("{head}.")),
        ("two parts", head.to_owned()),
        ("four parts", format!("{genuine}.x")),
        ("a wrong alphabet", format!("{genuine}=")),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("far too long", "a".repeat(9_000)),
    ] {
        let answer = guarded.stranger().bearing(&token).post(ASKED, json!({"id": "x", "machine": "dispatch"})).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text);
        answer.problem(401, "unauthenticated");
        assert!(!answer.text.contains("signature") && !answer.text.contains("expired"), "{name}: no reason is given");
    }
    assert_eq!(guarded.member("acme", "operator").feed().await.len(), 0, "nothing was stored");
}

#[tokio::test]
async fn an_api_key_is_right_to_the_last_letter_and_comes_alone() {
    let guarded = Guarded::start();
    let (stranger, key) = (guarded.stranger(), guarded.api_key.clone());
    let token = guarded.sign("ed", &claims("acme", "admin"));
    assert_eq!(stranger.with("x-api-key", &*key).get(ASKED).await.status, 200);
    let mut flipped = key.clone();
    flipped.replace_range(key.len() - 1.., if key.ends_with('0') { "1" } else { "0" });
    for (name, wrong) in [
        ("another secret", flipped),
        ("a shorter one", key[..key.len() - 1].to_owned()),
        ("another name", key.replacen("cad", "dac", 1)),
        ("upper case", key.to_uppercase()),
        ("only the name", "ivk_cad_".to_owned()),
        ("nothing", String::new()),
        ("a token", token.clone()),
    ] {
        let answer = stranger.with("x-api-key", wrong).get(ASKED).await;
        assert_eq!(answer.status, 401, "{name}");
        answer.problem(401, "unauthenticated");
    }
    stranger.bearing(&key).get(ASKED).await.problem(401, "unauthenticated");
    stranger.with("authorization", format!("Basic {token}")).get(ASKED).await.problem(401, "unauthenticated");
    let both = stranger.request("GET", ASKED).header("x-api-key", &key).bearer_auth(&token);
    stranger.send(both).await.problem(401, "unauthenticated");
    let in_query = stranger.get(&format!("{ASKED}?access_token={token}")).await;
    in_query.problem(401, "unauthenticated");
}
