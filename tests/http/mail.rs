//! Mail over TLS to a server that is not ours (aiosmtpd), whose certificate is that of an authority that only the configuration names.
#![expect(clippy::disallowed_methods, reason = "another process knows no virtual time")]

use super::alerts::{breach, policy, recipient, settings, until};
use super::given::World;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use tempfile::TempDir;

const SERVER: &str = include_str!("mail.py");
/// How long a Python may take to start on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);

/// A server, the folder of its certificates, and what it was sent.
struct Postbox {
    child: Child,
    port: u16,
    folder: TempDir,
    mails: Arc<Mutex<Vec<Value>>>,
}

fn python() -> Option<PathBuf> {
    Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/mail/bin/python")).filter(|python| python.is_file())
}

/// `ca.pem`, and `server.pem` with `key.pem` that it vouches for.
fn certificates(folder: &Path) {
    let key = || KeyPair::generate().expect("a key");
    let params = |name: &str| CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let mut authority = params("authority.example");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (ca_key, server_key) = (key(), key());
    let ca = authority.self_signed(&ca_key).expect("a certificate");
    let server = params("localhost").signed_by(&server_key, &Issuer::new(authority, ca_key)).expect("a certificate");
    for (name, text) in [("ca.pem", ca.pem()), ("server.pem", server.pem()), ("key.pem", server_key.serialize_pem())] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}

impl Postbox {
    /// None where the server is not installed, which in CI it must be.
    fn start(wrapped: &str) -> Option<Self> {
        let Some(python) = python() else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "the mail server is missing: run `cargo xtask setup`");
            println!("skipped: the mail server is missing; `cargo xtask setup` installs it");
            return None;
        };
        let folder = TempDir::new().expect("a folder");
        certificates(folder.path());
        let file = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
        let mut command = Command::new(python);
        command.args(["-c", SERVER, &file("server.pem"), &file("key.pem"), wrapped, "ionveil", "hunter2"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("Python");
        let mut said = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let (mails, (tell, told)) = (Arc::new(Mutex::new(Vec::new())), mpsc::channel());
        let kept = mails.clone();
        std::thread::spawn(move || {
            let _nobody_waits_any_more = tell.send(said.next().and_then(|line| line.parse().ok()));
            said.for_each(|line| kept.lock().expect("mails").push(serde_json::from_str(&line).expect("JSON")));
        });
        let port = told.recv_timeout(START_MAX).ok().flatten().expect("the server says its port in time");
        Some(Self { child, port, folder, mails })
    }

    /// Settings that send over it; `more` goes among those of channels.
    fn settings(&self, scheme: &str, more: &str) -> String {
        let folder = self.folder.path();
        std::fs::write(folder.join("login"), "hunter2").expect("a password");
        let mail = format!("smtp = \"{scheme}://localhost:{}\"\nsmtp_user = \"ionveil\"\nsmtp_password = \"file:login\"\n", self.port);
        settings(None, &mail).replace("\"secrets\"", &format!("{folder:?}\n{more}"))
    }

    fn root(&self) -> String {
        format!("root_certificates_file = {:?}", self.folder.path().join("ca.pem"))
    }

    fn mails(&self) -> Vec<Value> {
        self.mails.lock().expect("mails").clone()
    }
}

impl Drop for Postbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn a_mail_comes(wrapped: &str, scheme: &str) {
    let Some(postbox) = Postbox::start(wrapped) else { return };
    let world = World::configured(&postbox.settings(scheme, &postbox.root()));
    recipient(&world.api, "desk", json!({"email": "Desk <desk@city.example>"})).await;
    policy(&world.api, &[("L1", &["desk"], &["email"])]).await;
    breach(&world.api, "i1").await;
    let mail = until(async || postbox.mails().first().cloned()).await;
    assert_eq!((&mail["to"], &mail["encrypted"], &mail["by"]), (&json!(["desk@city.example"]), &json!(true), &json!("ionveil")), "{mail}");
    assert!(mail["text"].as_str().is_some_and(|text| text.contains("Message-ID: <")), "{mail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_out_after_starttls_with_a_login() {
    a_mail_comes("no", "smtp").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_out_over_tls_from_the_beginning() {
    a_mail_comes("yes", "smtps").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_nobody_vouches_for_gets_no_mail() {
    let Some(postbox) = Postbox::start("no") else { return };
    let world = World::configured(&postbox.settings("smtp", ""));
    recipient(&world.api, "desk", json!({"email": "desk@city.example"})).await;
    policy(&world.api, &[("L1", &["desk"], &["email"])]).await;
    let alert = breach(&world.api, "i1").await;
    let path = format!("/api/v1/notifications?alert={alert}");
    let failed = until(async || {
        let list = world.api.get(&path).await.json(200);
        list["items"].as_array().and_then(|all| all.iter().find(|one| one["status"] == "failed").cloned())
    });
    assert_eq!(failed.await["unknown_attempts"], json!([]), "nothing was sent, and that is certain");
    assert_eq!(postbox.mails(), Vec::<Value>::new());
}
