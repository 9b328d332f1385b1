//! `docker/`: image, compose file, manifests.

use super::{path, read, texts, understood, yaml};
use crate::support::server::{Server, ionveil, run};
use std::path::Path;
use std::process::Command;
use toml::Table;
use yaml_rust2::Yaml;

const COMPOSE: &str = "docker/compose.yaml";
const KUBERNETES: &str = "docker/kubernetes/ionveil.yaml";
const CONFIG: &str = "docker/ionveil.toml";

/// The instructions of the Dockerfile, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = read("docker/Dockerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').map(|(word, rest)| (word.to_owned(), rest.trim().to_owned())).expect("a word and more")).collect()
}

fn all<'a>(instructions: &'a [(String, String)], word: &str) -> Vec<&'a str> {
    instructions.iter().filter(|(found, _)| found == word).map(|(_, rest)| rest.as_str()).collect()
}

fn of_kind<'a>(documents: &'a [Yaml], kind: &str) -> &'a Yaml {
    documents.iter().find(|document| document["kind"].as_str() == Some(kind)).unwrap_or_else(|| panic!("no {kind}"))
}

fn port() -> u16 {
    let config: Table = read(CONFIG).parse().expect("TOML");
    let listen = config["server"]["listen"].as_str().expect("an address").parse::<std::net::SocketAddr>();
    listen.expect("an address").port()
}

/// What a stop may take at most: entities, requests and store have this long each.
fn stop_seconds() -> i64 {
    let defaults: Table = read("config/default.toml").parse().expect("TOML");
    3 * defaults["server"]["drain_timeout_ms"].as_integer().expect("a number") / 1_000
}

#[test]
fn the_image_is_small_and_nobody_in_it_is_root() {
    let found = instructions();
    let rust: Table = read("rust-toolchain.toml").parse().expect("TOML");
    let channel = rust["toolchain"]["channel"].as_str().expect("a version").trim_end_matches(".0");
    let stages = all(&found, "FROM");
    assert!(stages.len() == 2 && stages[0].starts_with(&format!("rust:{channel}-")) && stages[1].ends_with("-slim"), "{stages:?}");
    let last_stage = found.iter().rposition(|(word, _)| word == "FROM").expect("a stage");
    let user = all(&found[last_stage..], "USER");
    assert!(user.len() == 1 && user[0] != "root" && !user[0].starts_with('0'), "{user:?}");
    assert_eq!(all(&found, "EXPOSE"), [port().to_string()]);
    assert_eq!(all(&found, "ENTRYPOINT"), [r#"["ionveil"]"#]);
    let arguments: Vec<String> = serde_json::from_str(all(&found, "CMD")[0]).expect("JSON");
    understood(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    for copied in all(&found, "COPY").into_iter().filter(|copied| !copied.starts_with("--from")) {
        let source = copied.split_whitespace().next().expect("a source");
        assert!(path(source).exists(), "{source}");
    }
}

#[test]
fn the_build_is_given_what_it_needs() {
    let given = read("docker/Dockerfile.dockerignore");
    let manifest: Table = read("Cargo.toml").parse().expect("TOML");
    let members = manifest["workspace"]["members"].as_array().expect("members").iter().map(|member| member.as_str().expect("a path"));
    let folders = members.map(|member| member.split('/').next().expect("a folder"));
    for needed in folders.chain(["src", "config", "migrations", "benches", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"]) {
        assert!(needed == "." || given.lines().any(|line| line == format!("!{needed}")), "{needed} is not in the build's context");
    }
}

#[test]
fn what_the_manifests_say_to_the_server_is_understood() {
    let compose = yaml(COMPOSE).remove(0);
    let services = compose["services"].as_hash().expect("services");
    // `<<` is not merged by this parser: what the nodes share is looked at where it is written.
    let shared = &compose["x-ionveil"];
    understood(&texts(&shared["command"])).unwrap();
    assert_eq!(shared["read_only"].as_bool(), Some(true));
    let nodes = services.keys().filter(|name| name.as_str().is_some_and(|name| name.starts_with("ionveil-"))).count();
    let proxy = read("docker/haproxy.cfg");
    let known = proxy.lines().filter(|line| line.trim().starts_with("server ")).collect::<Vec<_>>();
    assert_eq!(known.len(), nodes, "{known:?}");
    assert!(known.iter().all(|line| line.ends_with(&format!(":{}", port()))), "{known:?}");
    assert_eq!(shared["stop_grace_period"].as_str().and_then(|text| text.trim_end_matches('s').parse().ok()), Some(stop_seconds() + 10));

    let documents = yaml(KUBERNETES);
    let pod = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    understood(&texts(&container["args"])).unwrap();
    assert!(pod["terminationGracePeriodSeconds"].as_i64() >= Some(stop_seconds() + 10), "the server ends before it is killed");
    assert_eq!(container["ports"][0]["containerPort"].as_i64(), Some(i64::from(port())));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
    let service = &of_kind(&documents, "Service")["spec"]["ports"][0];
    assert_eq!(service["targetPort"].as_str(), container["ports"][0]["name"].as_str());
    let labels = &of_kind(&documents, "Deployment")["spec"]["template"]["metadata"]["labels"];
    for selector in [
        &of_kind(&documents, "Service")["spec"]["selector"],
        &of_kind(&documents, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels);
    }
}

/// What a container's variables and file say, with a key beside it, held against `config check`.
fn check(config: &str, variables: &[(String, String)]) {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, keys) = (folder.path().join("ionveil.toml"), folder.path().join("keys"));
    std::fs::write(&file, config).expect("written");
    assert!(run(&["token", "keygen", "--out-dir", keys.to_str().expect("UTF-8")]).status.success());
    let mut command = ionveil(&["config", "check", "--config", file.to_str().expect("UTF-8")]);
    let output = command.envs(variables.iter().cloned()).output().expect("the binary runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_settings_of_the_containers_are_sound() {
    let compose = yaml(COMPOSE).remove(0);
    let environment = compose["x-ionveil"]["environment"].as_hash().expect("variables").iter();
    let of_compose: Vec<_> =
        environment.map(|(name, value)| (name.as_str().unwrap().to_owned(), value.as_str().unwrap().to_owned())).collect();
    let documents = yaml(KUBERNETES);
    let variables = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0]["env"];
    let given = variables.as_vec().expect("variables").iter().filter_map(|entry| Some((entry["name"].as_str()?, entry["value"].as_str()?)));
    let of_kubernetes: Vec<_> = given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let map = of_kind(&documents, "ConfigMap")["data"]["ionveil.toml"].as_str().expect("a file").to_owned();
    assert!(!of_compose.is_empty() && !of_kubernetes.is_empty());
    check(&read(CONFIG), &of_compose);
    check(&map, &of_kubernetes);
    assert_eq!(read(CONFIG).parse::<Table>().unwrap(), map.parse::<Table>().unwrap(), "both say the same");
    assert!(read(CONFIG).parse::<Table>().unwrap()["store"].get("url").is_none());
}

/// Runs the image's health check against a server.
fn healthy(server: &Server, page: &str) -> bool {
    let port = server.address.rsplit(':').next().expect("a port");
    let status = Command::new("bash").arg(path("docker/healthcheck.sh")).args([page, port]).stderr(std::process::Stdio::null()).status();
    status.expect("bash").success()
}

#[test]
fn probes_ask_for_pages_that_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(Path::new(folder.path()), &[]);
    let documents = yaml(KUBERNETES);
    let container = &of_kind(&documents, "Deployment")["spec"]["template"]["spec"]["containers"][0];
    let probes = ["startupProbe", "readinessProbe", "livenessProbe"];
    let asked = probes.map(|probe| container[probe]["httpGet"]["path"].as_str().expect("a path").to_owned());
    let proxy = read("docker/haproxy.cfg");
    let of_proxy = proxy.split("uri ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a check").to_owned();
    let image = instructions().into_iter().find(|(word, _)| word == "HEALTHCHECK").expect("a check").1;
    let arguments: Vec<String> = serde_json::from_str(image.split("CMD ").nth(1).expect("a command")).expect("JSON");
    assert_eq!(&arguments[..2], ["bash", "/usr/local/bin/healthcheck"]);
    for page in asked.iter().chain([&of_proxy, &arguments[2]]) {
        assert!(healthy(&server, page), "{page}");
    }
    assert!(!healthy(&server, "/health/nowhere"));
    assert!(server.stop().success());
}
