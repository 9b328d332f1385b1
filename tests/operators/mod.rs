//! What operators are given (containers, alerts, dashboard, runbooks) says nothing that is not so. Docker and Kubernetes do
//! not run here: what their files say to IonVeil is held against IonVeil.

mod containers;
mod figures;
mod runbooks;

use clap::Parser;
use ionveil::cli::Cli;
use std::path::{Path, PathBuf};
use yaml_rust2::{Yaml, YamlLoader};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents of a file.
fn yaml(name: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The command line knows these arguments.
fn understood(arguments: &[&str]) -> Result<(), String> {
    let all = std::iter::once("ionveil").chain(arguments.iter().copied());
    Cli::try_parse_from(all).map(drop).map_err(|error| format!("{arguments:?}: {error}"))
}

fn texts(list: &Yaml) -> Vec<&str> {
    list.as_vec().unwrap_or_else(|| panic!("a list, not {list:?}")).iter().map(|text| text.as_str().expect("a text")).collect()
}
