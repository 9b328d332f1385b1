//! Servers to ask: in memory or on a disk, open to everybody or with credentials.

use super::client::Api;
use crate::support::server::{Server, run};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(super) const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
pub(super) const RSA_KEY: &[u8] = include_bytes!("../../src/auth/testdata/rsa.key.pem");
pub(super) const RSA_PUBLIC: &[u8] = include_bytes!("../../src/auth/testdata/rsa.pub.pem");

/// A server and a client without credentials.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) api: Api,
    dir: TempDir,
}

impl World {
    fn start(dir: TempDir, more: &[&str]) -> Self {
        let server = Server::start(dir.path(), more);
        let api = Api::of(&server.address);
        Self { server, api, dir }
    }

    /// Authentication off, nothing on disk.
    pub(super) fn open() -> Self {
        Self::start(TempDir::new().expect("a folder"), &["--store", "memory:"])
    }

    /// Authentication off, on SQLite.
    pub(super) fn durable() -> Self {
        Self::start(TempDir::new().expect("a folder"), &[])
    }

    /// Authentication off, on SQLite, with settings.
    pub(super) fn durable_configured(toml: &str) -> Self {
        let dir = TempDir::new().expect("a folder");
        let file = write(dir.path(), "config.toml", toml.as_bytes());
        Self::start(dir, &["--config", &file])
    }

    /// Authentication off, nothing on disk, with settings.
    pub(super) fn configured(toml: &str) -> Self {
        let dir = TempDir::new().expect("a folder");
        let file = write(dir.path(), "config.toml", toml.as_bytes());
        Self::start(dir, &["--store", "memory:", "--config", &file])
    }

    /// Killed as by a power cut, and started again on the same data.
    pub(super) fn killed_and_restarted(self) -> Self {
        self.server.kill();
        Self::start(self.dir, &[])
    }

    pub(super) fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The server alone; its data stay until the folder is dropped.
    pub(super) fn into_parts(self) -> (Server, TempDir) {
        (self.server, self.dir)
    }
}

/// A server that knows three token keys (`ed`, `rsa`, `hmac`) and an API key of organisation `acme`.
pub(super) struct Guarded {
    world: World,
    ed_key: Vec<u8>,
    pub(super) api_key: String,
}

impl Guarded {
    pub(super) fn start() -> Self {
        let dir = TempDir::new().expect("a folder");
        let (file, ed_key, api_key) = keys(dir.path());
        let world = World::start(dir, &["--store", "memory:", "--config", file.to_str().expect("UTF-8")]);
        Self { world, ed_key, api_key }
    }

    /// A client without credentials.
    pub(super) fn stranger(&self) -> &Api {
        &self.world.api
    }

    pub(super) fn address(&self) -> &str {
        &self.world.server.address
    }

    /// A client of an organisation in a role.
    pub(super) fn member(&self, org: &str, role: &str) -> Api {
        self.stranger().bearing(&self.sign("ed", &claims(org, role)))
    }

    /// A token that is signed with the key and algorithm that the configuration says for `kid`.
    pub(super) fn sign(&self, kid: &str, claims: &Value) -> String {
        let (algorithm, key) = match kid {
            "ed" => (Algorithm::EdDSA, EncodingKey::from_ed_pem(&self.ed_key).expect("a key")),
            "rsa" => (Algorithm::RS256, EncodingKey::from_rsa_pem(RSA_KEY).expect("a key")),
            _hmac => (Algorithm::HS256, EncodingKey::from_secret(SECRET)),
        };
        signed(Some(kid), algorithm, &key, claims)
    }
}

pub(super) fn signed(kid: Option<&str>, algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, key).expect("a token")
}

/// What a good token says.
pub(super) fn claims(org: &str, role: &str) -> Value {
    json!({"iss": "ionveil", "aud": "ionveil", "sub": "jane", "org": org, "role": role, "exp": now_s() + 600})
}

pub(super) fn now_s() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Configuration file, private Ed25519 key and API key.
pub(super) fn keys(dir: &Path) -> (PathBuf, Vec<u8>, String) {
    let folder = dir.to_str().expect("UTF-8");
    let made = run(&["token", "keygen", "--out-dir", folder, "--id", "ed"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let ed = String::from_utf8(made.stdout).expect("UTF-8");
    let made = run(&["token", "api-key", "--id", "cad", "--org", "acme", "--role", "dispatcher", "--json"]);
    let api_key: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    write(dir, "rsa.pub.pem", RSA_PUBLIC);
    write(dir, "secret", SECRET);
    let config = format!(
        "{ed}\n\
         [[auth.keys]]\nid = \"rsa\"\nalgorithm = \"RS256\"\npublic_key_file = \"rsa.pub.pem\"\n\n\
         [[auth.keys]]\nid = \"hmac\"\nalgorithm = \"HS256\"\nsecret_file = \"secret\"\n\n\
         [[auth.api_keys]]\nid = \"cad\"\norg = \"acme\"\nrole = \"dispatcher\"\nsha256 = {}\n",
        api_key["sha256"]
    );
    let file = PathBuf::from(write(dir, "config.toml", config.as_bytes()));
    let private = std::fs::read(dir.join("ed.key.pem")).expect("the private key");
    (file, private, api_key["key"].as_str().expect("a key").to_owned())
}

/// Writes a file and gives its path.
fn write(dir: &Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    std::fs::write(&path, bytes).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}
