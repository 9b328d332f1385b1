//! Credentials from the command line, and a server that asks for them.

use super::given::{Ground, calls, events, get_with, said};

#[test]
fn a_key_pair_opens_a_server_to_who_signs_with_it() {
    let ground = Ground::new();
    let folder = ground.path("keys");
    let made = said(&["token", "keygen", "--out-dir", folder.to_str().expect("UTF-8"), "--id", "k1"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let config = ground.write("ionveil.toml", &made.out);
    let server = ground.serve(&["--config", &config]);
    let key = folder.join("k1.key.pem");
    let sign = |role: &str| said(&["token", "sign", "--key", key.to_str().expect("UTF-8"), "--sub", "jane", "--role", role]).out;
    let bearer = |role: &str| format!("Bearer {}", sign(role).trim());

    let status = |credential: Option<&str>| get_with(&server, "/api/v1/workflows", credential).0;
    assert_eq!([status(None), status(Some("Bearer x.y.z")), status(Some(&bearer("operator")))], [401, 401, 200]);

    let file = ground.write("calls.csv", &calls(0..5));
    let options = ["--config", &config];
    ground.import(&file, &options).complains(1, &["unauthenticated"]);
    let token = ground.write("token", &sign("admin"));
    let report = ground.import(&file, &[&options[..], &["--token-file", &token]].concat()).json(0);
    assert_eq!(report["appended"], events(0..5), "{report}");
    assert!(server.stop().success());
    assert!(ground.events(&options).iter().all(|event| event["actor"] == "user:jane"));
}

#[test]
fn a_key_is_never_overwritten() {
    let ground = Ground::new();
    let folder = ground.path("keys");
    let keygen = ["token", "keygen", "--out-dir", folder.to_str().expect("UTF-8")];
    assert_eq!(said(&keygen).code, 0);
    let before = std::fs::read(folder.join("main.key.pem")).expect("a key");
    said(&keygen).complains(1, &["main.key.pem"]);
    assert_eq!(std::fs::read(folder.join("main.key.pem")).expect("a key"), before);
}
