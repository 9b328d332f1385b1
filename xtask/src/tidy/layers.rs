//! The floors of the house: which crate may depend on which. An arrow may only go down. A new edge is made here first,
//! where a reviewer sees it.

use super::Finding;
use crate::repo::Repo;
use crate::run::{cargo, output};
use anyhow::{Context, Result};
use serde::Deserialize;

/// What may be used in pure code: no clock, no randomness, no I/O of their own, or (jiff, statrs) none that is called:
/// time zones come from the bundled table, distributions are only evaluated.
const PURE: [&str; 9] = ["serde", "serde_json", "sha2", "thiserror", "uuid", "smallvec", "jiff", "regex", "statrs"];
const ACTORS: [&str; 3] = ["actix", "actix-rt", "actix-ws"];
const EDGES: [&str; 6] = ["actix-web", "async-graphql", "clap", "reqwest", "utoipa", "utoipa-swagger-ui"];

/// A member of the workspace.
#[derive(Deserialize)]
pub(crate) struct Member {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Member>,
    workspace_root: String,
}

/// What the crates of one floor may use.
struct Floor {
    /// Floors of our own that it may stand on.
    ours: &'static [&'static str],
    others: Others,
}

/// What of other people's crates.
enum Others {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static [&'static str]]),
}

/// The members as cargo reads them, their manifest paths relative to the root.
pub(crate) fn read(repo: &Repo) -> Result<Vec<Member>> {
    let printed = output(cargo(repo.root()).args(["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Metadata = serde_json::from_str(&printed).context("read cargo metadata")?;
    let relative = |path: String| path.strip_prefix(&metadata.workspace_root).map(|path| path.trim_start_matches('/').to_owned());
    Ok(metadata
        .packages
        .into_iter()
        .map(|member| Member { manifest_path: relative(member.manifest_path).unwrap_or_default(), ..member })
        .collect())
}

/// Checks every edge of every member.
pub(crate) fn check(members: &[Member]) -> Vec<Finding> {
    members.iter().flat_map(check_member).collect()
}

fn check_member(member: &Member) -> Vec<Finding> {
    let manifest = member.manifest_path.as_str();
    let Some(floor) = floor_of(&member.name, manifest).map(rules) else {
        return vec![Finding::error(manifest, 0, "no floor has this folder: name it in xtask/src/tidy/layers.rs")];
    };
    let forbidden = member.dependencies.iter().filter(|dependency| !floor.permits(dependency));
    forbidden.map(|dependency| Finding::error(manifest, 0, format!("{} may not use {}", member.name, dependency.name))).collect()
}

/// The floor of a member, by its folder.
fn floor_of(name: &str, manifest: &str) -> Option<&'static str> {
    let folder = manifest.strip_suffix("/Cargo.toml").unwrap_or_default();
    match folder {
        "" if name == "ionveil" => Some("root"),
        folder if folder.starts_with("domain/") => Some("domain"),
        folder => ["kernel", "sync", "journal", "views", "actors", "xtask"].into_iter().find(|floor| *floor == folder),
    }
}

fn rules(floor: &str) -> Floor {
    use Others::{AllBut, Only};
    let (ours, others): (&[&str], Others) = match floor {
        "kernel" => (&[], Only(&["serde", "serde_json", "sha2", "thiserror", "uuid"])),
        "sync" => (&[], Only(&["arc-swap"])),
        "domain" => (&["kernel"], Only(&PURE)),
        "journal" => (&["kernel", "sync"], AllBut(&[&ACTORS, &EDGES])),
        "views" => (&["kernel", "domain", "journal"], AllBut(&[&ACTORS, &EDGES])),
        "actors" => (&["kernel", "sync", "journal"], AllBut(&[&EDGES, &["sqlx"]])),
        "root" => (&["kernel", "sync", "domain", "journal", "views", "actors"], AllBut(&[&["sqlx"]])),
        _ => (&[], AllBut(&[])),
    };
    Floor { ours, others }
}

impl Floor {
    /// Dependencies of tests may be any of other people's crates, but of ours only those that the code may use.
    fn permits(&self, dependency: &Dependency) -> bool {
        match &dependency.path {
            Some(path) => our_floor(&dependency.name, path).is_some_and(|floor| self.ours.contains(&floor)),
            None if dependency.kind.as_deref() == Some("dev") => true,
            None => match &self.others {
                Others::Only(names) => names.contains(&dependency.name.as_str()),
                Others::AllBut(lists) => !lists.iter().any(|names| names.contains(&dependency.name.as_str())),
            },
        }
    }
}

/// The floor of a dependency of ours, by its absolute folder: `…/domain/workflow`, `…/kernel`.
fn our_floor(name: &str, path: &str) -> Option<&'static str> {
    let mut folders = path.rsplit('/');
    let (last, parent) = (folders.next()?, folders.next());
    let folder = if parent == Some("domain") { format!("domain/{last}") } else { last.to_owned() };
    floor_of(name, &format!("{folder}/Cargo.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_edge(from: (&str, &str), to: &str, kind: Option<&str>) -> usize {
        let path = to.strip_prefix("ionveil-").map(|name| match name {
            "workflow" | "dispatch" => format!("/r/domain/{name}"),
            name => format!("/r/{name}"),
        });
        let path = if to == "ionveil" { Some("/r".to_owned()) } else { path };
        let dependency = Dependency { name: to.into(), kind: kind.map(Into::into), path };
        let (name, folder) = from;
        check(&[Member { name: name.into(), manifest_path: format!("{folder}/Cargo.toml"), dependencies: vec![dependency] }]).len()
    }

    const KERNEL: (&str, &str) = ("ionveil-kernel", "kernel");
    const WORKFLOW: (&str, &str) = ("ionveil-workflow", "domain/workflow");
    const JOURNAL: (&str, &str) = ("ionveil-journal", "journal");
    const VIEWS: (&str, &str) = ("ionveil-views", "views");
    const ACTORS: (&str, &str) = ("ionveil-actors", "actors");

    #[test]
    fn arrows_down_are_free() {
        let edges = [
            (KERNEL, "sha2"),
            (WORKFLOW, "ionveil-kernel"),
            (JOURNAL, "sqlx"),
            (VIEWS, "ionveil-workflow"),
            (ACTORS, "ionveil-journal"),
            (ACTORS, "actix"),
        ];
        for (from, to) in edges {
            assert_eq!(check_edge(from, to, None), 0, "{from:?} {to}");
        }
        assert_eq!(check_edge(WORKFLOW, "proptest", Some("dev")), 0);
    }

    #[test]
    fn every_forbidden_arrow_is_found() {
        let edges = [
            (KERNEL, "tokio"),
            (KERNEL, "ionveil-journal"),
            (WORKFLOW, "tokio"),
            (WORKFLOW, "sqlx"),
            (WORKFLOW, "actix"),
            (WORKFLOW, "ionveil-dispatch"),
            (WORKFLOW, "ionveil-journal"),
            (JOURNAL, "actix"),
            (JOURNAL, "actix-web"),
            (JOURNAL, "ionveil-workflow"),
            (VIEWS, "actix-web"),
            (VIEWS, "ionveil-actors"),
            (ACTORS, "sqlx"),
            (ACTORS, "actix-web"),
            (ACTORS, "ionveil-workflow"),
            (VIEWS, "ionveil"),
            (("ionveil", ""), "sqlx"),
            (("xtask", "xtask"), "ionveil-kernel"),
        ];
        for (from, to) in edges {
            assert_eq!(check_edge(from, to, None), 1, "{from:?} {to}");
        }
        assert_eq!(check_edge(ACTORS, "ionveil-workflow", Some("dev")), 1, "tests do not reach up either");
    }

    #[test]
    fn a_crate_outside_the_plan_is_found() {
        assert_eq!(check_edge(("ionveil-extra", "extra"), "serde", None), 1);
    }
}
