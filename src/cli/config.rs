//! `ionveil config`: what is in force, and whether it makes sense.
//!
//! It starts nothing and writes nothing.

use crate::auth::{Authenticator, check_exposure};
use crate::config::{self, ConfigFault, ConfigFaults, Flag, Loaded, Origin};
use clap::{Args, Subcommand};
use ionveil_kernel::Env;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The options by which every command finds its configuration.
#[derive(Args, Clone, Debug, Default)]
pub struct ConfigArgs {
    /// Read settings from this file (TOML).
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Keep the lock, the node's id and the SQLite file here [default: ./ionveil-data].
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Use this database: sqlite://PATH, postgres://USER@HOST/DATABASE or memory: [default: SQLite in the data directory].
    #[arg(long, value_name = "URL", global = true)]
    pub store: Option<String>,
}

impl ConfigArgs {
    /// Reads all layers; `more` are flags of the command at hand.
    ///
    /// # Errors
    /// Every fault of every layer.
    pub fn load(&self, environment: &BTreeMap<String, String>, more: &[Flag]) -> Result<Loaded, ConfigFaults> {
        let data_dir = self.data_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned());
        let own = [("--data-dir", "store.data_dir", data_dir), ("--store", "store.url", self.store.clone())];
        let own = own.into_iter().filter_map(|(name, path, value)| Some(Flag { name, path, value: value? }));
        let flags: Vec<_> = own.chain(more.iter().cloned()).collect();
        config::load(self.config.as_deref(), environment, &flags)
    }
}

/// Inspects the configuration.
#[derive(Args, Debug)]
pub struct ConfigCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Reports every fault of the configuration; the exit code is 2 if there is one.
    Check,
    /// Prints the settings in force, each with where it is from, without secrets.
    Show {
        /// Print the defaults with their explanations instead, as a start for a file of your own.
        #[arg(long)]
        defaults: bool,
    },
}

/// Runs the command, writing to `out` and complaints to `err`.
///
/// # Errors
/// If nothing can be written.
pub fn run(
    command: &ConfigCommand,
    args: &ConfigArgs,
    environment: &BTreeMap<String, String>,
    env: &Env,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    if let Action::Show { defaults: true } = command.action {
        out.write_all(config::DEFAULTS.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    match (load_all(args, environment, env), &command.action) {
        (Err(faults), _) => {
            writeln!(err, "{faults}")?;
            Ok(ExitCode::from(2))
        }
        (Ok(_), Action::Check) => {
            writeln!(out, "the configuration is sound")?;
            Ok(ExitCode::SUCCESS)
        }
        (Ok(loaded), Action::Show { .. }) => {
            out.write_all(config::show(&loaded.raw).as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The configuration together with what it leads to: key files, and who could reach the server.
fn load_all(args: &ConfigArgs, environment: &BTreeMap<String, String>, env: &Env) -> Result<Loaded, ConfigFaults> {
    let loaded = args.load(environment, &[])?;
    let authenticator = Authenticator::new(&loaded.config.auth, env.clone()).map_err(ConfigFaults)?;
    exposure("server.listen", loaded.config.server.listen, loaded.raw.origin("server.listen"), &authenticator)?;
    crate::nats::check_exposure(&loaded.config, &authenticator)?;
    Ok(loaded)
}

/// Whether strangers could reach a server that lets everybody in: a fault of the configuration, as the key is missing there.
pub(super) fn exposure(
    setting: &str,
    listen: SocketAddr,
    origin: Option<&Origin>,
    authenticator: &Authenticator,
) -> Result<(), ConfigFaults> {
    check_exposure(listen, authenticator).map_err(|exposed| {
        ConfigFaults(vec![ConfigFault { path: setting.to_owned(), origin: origin.cloned(), detail: exposed.to_string() }])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(file: &str, action: Action) -> (ExitCode, String, String) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ionveil.toml");
        std::fs::write(&path, file).unwrap();
        let args = ConfigArgs { config: Some(path), ..ConfigArgs::default() };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let env = crate::auth::testing::env_at(0);
        let code = run(&ConfigCommand { action }, &args, &BTreeMap::new(), &env, &mut out, &mut err).unwrap();
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[test]
    fn check_names_all_faults_and_fails() {
        let (code, out, err) = run_with("[server]\nlisten = 7\nlisen = 1\n", Action::Check);
        assert_eq!((code, out.as_str()), (ExitCode::from(2), ""));
        assert!(err.contains("server.listen (file ") && err.contains("did you mean `listen`"), "{err}");
        assert_eq!(run_with("", Action::Check).0, ExitCode::SUCCESS);
    }

    #[test]
    fn check_looks_behind_the_settings() {
        let (code, _, err) = run_with("[server]\nlisten = \"0.0.0.0:80\"\n", Action::Check);
        assert!(code == ExitCode::from(2) && err.contains("ionveil token keygen"), "{err}");
        let keys = "[[auth.keys]]\nid = \"a\"\nalgorithm = \"EdDSA\"\npublic_key_file = \"missing.pem\"\n";
        let (code, _, err) = run_with(keys, Action::Check);
        assert!(code == ExitCode::from(2) && err.contains("auth.keys[0]") && err.contains("missing.pem"), "{err}");
    }

    #[test]
    fn show_prints_usable_toml_with_origins() {
        let (_, out, _) = run_with("[server]\nbody_depth_max = 5\n", Action::Show { defaults: false });
        let depth = out.lines().find(|line| line.starts_with("body_depth_max")).unwrap();
        assert!(depth.starts_with("body_depth_max = 5  # file "), "{depth}");
        assert!(out.contains("body_limit_bytes = 262144  # default"), "{out}");
        assert_eq!(run_with(&out, Action::Check).0, ExitCode::SUCCESS);
        assert_eq!(run_with("", Action::Show { defaults: true }).1, config::DEFAULTS);
    }
}
