//! `ionveil token`: makes key pairs, tokens and API keys.
//!
//! Secrets go to files or, where they are the result, to standard output once. Nothing is kept, and no server is asked.

use crate::auth::{self, is_key_id, new_api_key};
use crate::config::KeyAlgorithm;
use crate::time;
use clap::{Args, Subcommand, ValueEnum};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey};
use ionveil_kernel::{Env, Org, Role};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Makes credentials.
#[derive(Args, Debug)]
pub struct TokenCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Makes an Ed25519 key pair: the private key signs tokens, the public one belongs into the configuration.
    Keygen(Keygen),
    /// Signs a token and prints it.
    Sign(Sign),
    /// Makes an API key for a machine and prints it once, with the entry for the configuration.
    ApiKey(MakeApiKey),
}

#[derive(Args, Debug)]
struct Keygen {
    /// Write ID.key.pem and ID.pub.pem into this directory.
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    /// The name of the key, as `kid` of the tokens.
    #[arg(long, default_value = "main")]
    id: String,
}

#[derive(Args, Debug)]
struct Sign {
    /// The private key (PEM), or the secret for HS256.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// How to sign; it must be the algorithm of the key's entry in the configuration.
    #[arg(long, value_enum, default_value = "EdDSA")]
    algorithm: AlgorithmArg,
    /// The name of the key; needed where the server knows several.
    #[arg(long)]
    kid: Option<String>,
    /// The organisation.
    #[arg(long, default_value = "default", value_parser = org)]
    org: Org,
    /// Who bears the token.
    #[arg(long)]
    sub: String,
    /// What they may do: operator, dispatcher, supervisor or admin.
    #[arg(long, value_parser = role)]
    role: Role,
    /// How long it is good for, such as 90s, 15m, 8h or 30d.
    #[arg(long, default_value = "1h", value_parser = ttl)]
    ttl: Duration,
    /// What `auth.issuer` of the server says.
    #[arg(long, default_value = "ionveil")]
    issuer: String,
    /// What `auth.audience` of the server says.
    #[arg(long, default_value = "ionveil")]
    audience: String,
    /// Print JSON with the time at which the token ends.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct MakeApiKey {
    /// The name of the key, which is no secret.
    #[arg(long, value_parser = key_id)]
    id: String,
    /// The organisation.
    #[arg(long, default_value = "default", value_parser = org)]
    org: Org,
    /// What it may do: operator, dispatcher, supervisor or admin.
    #[arg(long, value_parser = role)]
    role: Role,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AlgorithmArg {
    #[value(name = "EdDSA")]
    EdDsa,
    #[value(name = "RS256")]
    Rs256,
    #[value(name = "HS256")]
    Hs256,
}

/// Why no credential was made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A file cannot be read or written.
    #[error("{action} {} failed", .path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The result cannot be printed.
    #[error("printing failed")]
    Print(#[from] io::Error),
    /// The file holds no key for the algorithm.
    #[error("the file {} does not hold a key that can sign with {algorithm}", .path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// The algorithm.
        algorithm: &'static str,
    },
    /// A secret is too short or a PEM file.
    #[error("the file {} {fault}", .path.display())]
    WeakSecret {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        fault: auth::KeyFault,
    },
    /// The operating system has no randomness.
    #[error("drawing randomness failed")]
    Randomness(#[source] getrandom::Error),
    /// A key cannot be written down.
    #[error("encoding the key failed")]
    Encode,
    /// The name would not make a good file name.
    #[error("the id of a key must match {}", auth::KEY_ID_PATTERN)]
    BadId,
}

/// Runs the command, writing to `out`.
///
/// # Errors
/// [`TokenError`]
pub fn run(command: &TokenCommand, env: &Env, out: &mut dyn Write) -> Result<(), TokenError> {
    match &command.action {
        Action::Keygen(args) => keygen(args, out),
        Action::Sign(args) => sign(args, env, out),
        Action::ApiKey(args) => api_key(args, out),
    }
}

fn keygen(args: &Keygen, out: &mut dyn Write) -> Result<(), TokenError> {
    if !is_key_id(&args.id) {
        return Err(TokenError::BadId);
    }
    let key = SigningKey::from_bytes(&random()?);
    let private = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| TokenError::Encode)?;
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF).map_err(|_| TokenError::Encode)?;
    std::fs::create_dir_all(&args.out_dir).map_err(file("making", &args.out_dir))?;
    let (private_file, public_file) = (path(args, "key.pem"), path(args, "pub.pem"));
    write_new(&private_file, private.as_bytes(), 0o600)?;
    write_new(&public_file, public.as_bytes(), 0o644)?;
    let shown = std::path::absolute(&public_file).unwrap_or(public_file);
    writeln!(out, "# The private key is {}: sign with it, and keep it away from the server.", private_file.display())?;
    writeln!(out, "[[auth.keys]]\nid = {}\nalgorithm = \"EdDSA\"", toml_text(&args.id))?;
    writeln!(out, "public_key_file = {}", toml_text(&shown.to_string_lossy()))?;
    Ok(())
}

fn sign(args: &Sign, env: &Env, out: &mut dyn Write) -> Result<(), TokenError> {
    let (algorithm, key) = signing_key(args)?;
    let (now, ends) = (env.now(), env.now().after(args.ttl));
    let (issued_s, ends_s) = (now.micros().div_euclid(1_000_000), ends.micros().div_euclid(1_000_000));
    let claims = json!({
        "iss": args.issuer, "aud": args.audience, "sub": args.sub, "org": args.org, "role": args.role,
        "iat": issued_s, "exp": ends_s,
    });
    let header = Header { kid: args.kid.clone(), ..Header::new(algorithm) };
    let wrong = || TokenError::WrongKey { path: args.key.clone(), algorithm: args.algorithm.name() };
    let token = jsonwebtoken::encode(&header, &claims, &key).map_err(|_| wrong())?;
    if args.json {
        let ends = ionveil_kernel::Timestamp::from_micros(ends_s * 1_000_000);
        writeln!(out, "{}", json!({ "token": token, "expires_at": time::format(ends) }))?;
    } else {
        writeln!(out, "{token}")?;
    }
    Ok(())
}

fn signing_key(args: &Sign) -> Result<(Algorithm, EncodingKey), TokenError> {
    let bytes = std::fs::read(&args.key).map_err(file("reading", &args.key))?;
    let wrong = |_| TokenError::WrongKey { path: args.key.clone(), algorithm: args.algorithm.name() };
    match args.algorithm {
        AlgorithmArg::EdDsa => Ok((Algorithm::EdDSA, EncodingKey::from_ed_pem(&bytes).map_err(wrong)?)),
        AlgorithmArg::Rs256 => Ok((Algorithm::RS256, EncodingKey::from_rsa_pem(&bytes).map_err(wrong)?)),
        AlgorithmArg::Hs256 => {
            let secret = auth::keys::secret(&bytes).map_err(|fault| TokenError::WeakSecret { path: args.key.clone(), fault })?;
            Ok((Algorithm::HS256, EncodingKey::from_secret(secret)))
        }
    }
}

fn api_key(args: &MakeApiKey, out: &mut dyn Write) -> Result<(), TokenError> {
    let made = new_api_key(&args.id, &random()?);
    if args.json {
        let line = json!({ "key": made.key, "id": args.id, "org": args.org, "role": args.role, "sha256": made.sha256 });
        writeln!(out, "{line}")?;
        return Ok(());
    }
    writeln!(out, "# Send it as X-API-Key. It is shown this once and kept nowhere.\n# {}\n", made.key)?;
    writeln!(out, "[[auth.api_keys]]\nid = {}\norg = {}", toml_text(&args.id), toml_text(args.org.as_str()))?;
    writeln!(out, "role = {}\nsha256 = {}", toml_text(args.role.as_str()), toml_text(&made.sha256))?;
    Ok(())
}

impl AlgorithmArg {
    const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => KeyAlgorithm::EdDsa.as_str(),
            Self::Rs256 => KeyAlgorithm::Rs256.as_str(),
            Self::Hs256 => KeyAlgorithm::Hs256.as_str(),
        }
    }
}

/// 256 bits that nobody can guess.
fn random() -> Result<[u8; 32], TokenError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(TokenError::Randomness)?;
    Ok(bytes)
}

/// Writes a file that was not there: an old key is never overwritten, since tokens may depend on it.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), TokenError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path).and_then(|mut file| file.write_all(bytes)).map_err(file("writing", path))
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> TokenError {
    let path = path.to_path_buf();
    move |source| TokenError::File { action, path, source }
}

fn path(args: &Keygen, end: &str) -> PathBuf {
    args.out_dir.join(format!("{}.{end}", args.id))
}

fn toml_text(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}

fn org(text: &str) -> Result<Org, String> {
    Org::new(text).map_err(|error| error.to_string())
}

fn role(text: &str) -> Result<Role, String> {
    Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| "operator, dispatcher, supervisor or admin".to_owned())
}

fn key_id(text: &str) -> Result<String, String> {
    if is_key_id(text) { Ok(text.to_owned()) } else { Err(format!("must match {}", auth::KEY_ID_PATTERN)) }
}

/// A number and its unit: seconds, minutes, hours or days.
pub(super) fn ttl(text: &str) -> Result<Duration, String> {
    let wrong = || "must be a number and a unit, such as 90s, 15m, 8h or 30d".to_owned();
    let unit_s = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        Some(_) | None => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit_s).filter(|seconds| *seconds > 0 && *seconds <= 3_650 * 86_400);
    seconds.map(Duration::from_secs).ok_or_else(|| "must be more than nothing and at most 3650d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::env_at;
    use crate::auth::{Authenticator, Credential, Refused};
    use crate::config;
    use clap::Parser;
    use std::collections::BTreeMap;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        token: TokenCommand,
    }

    fn token(args: &[&str], now_s: i64) -> Result<String, TokenError> {
        let cli = Cli::try_parse_from([&["token"], args].concat()).unwrap();
        let mut out = Vec::new();
        run(&cli.token, &env_at(now_s), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn authenticator(snippet: &str, now_s: i64) -> Authenticator {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ionveil.toml");
        std::fs::write(&file, snippet).unwrap();
        let loaded = config::load(Some(&file), &BTreeMap::new(), &[]).unwrap();
        Authenticator::new(&loaded.config.auth, env_at(now_s)).unwrap()
    }

    #[test]
    fn a_pair_signs_what_the_printed_entry_lets_in() {
        let dir = tempfile::tempdir().unwrap();
        let out_dir = dir.path().join("keys");
        let entry = token(&["keygen", "--out-dir", out_dir.to_str().unwrap(), "--id", "k1"], 0).unwrap();
        let key = out_dir.join("k1.key.pem");
        let sign = ["sign", "--key", key.to_str().unwrap(), "--sub", "jane", "--org", "acme", "--role", "supervisor", "--ttl", "90s"];
        let jwt = token(&sign, 1_000).unwrap();
        let caller = authenticator(&entry, 1_089).authenticate(Some(Credential::Bearer(jwt.trim()))).unwrap();
        assert_eq!((caller.org.as_str(), &*caller.subject, caller.role), ("acme", "user:jane", Role::Supervisor));
        let late = authenticator(&entry, 1_090).authenticate(Some(Credential::Bearer(jwt.trim())));
        assert_eq!(late, Err(Refused::Expired));
        let again = token(&["keygen", "--out-dir", out_dir.to_str().unwrap(), "--id", "k1"], 0);
        assert!(matches!(again, Err(TokenError::File { .. })), "a key is never overwritten");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_key_is_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        token(&["keygen", "--out-dir", dir.path().to_str().unwrap()], 0).unwrap();
        let mode = std::fs::metadata(dir.path().join("main.key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_shared_secret_signs_too() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("secret");
        std::fs::write(&secret, "0123456789abcdef0123456789abcdef\n").unwrap();
        let sign = ["sign", "--key", secret.to_str().unwrap(), "--algorithm", "HS256", "--sub", "x", "--role", "admin", "--json"];
        let json: serde_json::Value = serde_json::from_str(&token(&sign, 0).unwrap()).unwrap();
        assert_eq!(json["expires_at"], "1970-01-01T01:00:00Z");
        let entry = format!("[[auth.keys]]\nid = \"s\"\nalgorithm = \"HS256\"\nsecret_file = {}\n", toml_text(secret.to_str().unwrap()));
        let caller = authenticator(&entry, 5).authenticate(json["token"].as_str().map(Credential::Bearer)).unwrap();
        assert_eq!(caller.role, Role::Admin);
        std::fs::write(&secret, "short").unwrap();
        assert!(matches!(token(&sign, 0), Err(TokenError::WeakSecret { .. })));
    }

    #[test]
    fn an_api_key_fits_its_entry() {
        let out = token(&["api-key", "--id", "cad-1", "--org", "acme", "--role", "dispatcher"], 0).unwrap();
        let key = out.lines().find_map(|line| line.strip_prefix("# ivk_")).map(|rest| format!("ivk_{rest}")).unwrap();
        let caller = authenticator(&out, 0).authenticate(Some(Credential::ApiKey(&key))).unwrap();
        assert_eq!(&*caller.subject, "key:cad-1");
    }

    #[test]
    fn lifetimes_have_a_unit() {
        for (text, seconds) in [("90s", Some(90)), ("15m", Some(900)), ("8h", Some(28_800)), ("30d", Some(2_592_000))] {
            assert_eq!(ttl(text).ok(), seconds.map(Duration::from_secs), "{text}");
        }
        for text in ["", "s", "0s", "-1s", "1", "1w", "1é", "99999999999999999999d", "3651d"] {
            assert!(ttl(text).is_err(), "{text}");
        }
    }
}
