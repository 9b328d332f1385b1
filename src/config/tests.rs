//! Layers, faults and what is printed of them.

use super::*;
use ionveil_kernel::Role;
use std::time::Duration;

fn load_with(file: &str, environment: &[(&str, &str)], flags: &[Flag]) -> Result<Loaded, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ionveil.toml");
    std::fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load(Some(&path), &environment, flags).map_err(|faults| {
        let base = format!("file {}", path.display());
        faults.0.iter().map(|fault| fault.to_string().replace(&base, "file F")).collect()
    })
}

fn flag(path: &'static str, value: &str) -> Flag {
    Flag { name: "--flag", path, value: value.to_owned() }
}

#[test]
fn defaults_alone_are_sound_and_match_the_crates() {
    let config = load(None, &BTreeMap::new(), &[]).unwrap().config;
    let (journal, runtime) = (ionveil_journal::JournalConfig::default(), ionveil_actors::RuntimeConfig::default());
    assert_eq!(format!("{:?}", config.journal), format!("{journal:?}"));
    assert_eq!(format!("{:?}", config.runtime), format!("{runtime:?}"));
    assert_eq!(config.routing, ionveil_routing::Settings::default());
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((config.store.partitions, config.store.url.is_none(), config.server.workers), (16, true, None));
    assert_eq!(config.machines.iter().count(), 4);
}

#[test]
fn each_layer_beats_the_one_below() {
    let file = "[server]\nlisten = \"127.0.0.1:1\"\nbody_depth_max = 3\nworkers = 2\n";
    let environment = [("IONVEIL__SERVER__LISTEN", "127.0.0.1:2"), ("IONVEIL__SERVER__WORKERS", "3"), ("IONVEIL_OTHER", "x")];
    let loaded = load_with(file, &environment, &[flag("server.listen", "localhost:3")]).unwrap();
    let server = &loaded.config.server;
    assert_eq!((server.listen.to_string().as_str(), server.workers, server.body_depth_max), ("127.0.0.1:3", Some(3), 3));
    let origin = |path| loaded.raw.origin(path).map(ToString::to_string).unwrap_or_default();
    assert_eq!(origin("server.listen"), "flag --flag");
    assert_eq!(origin("server.workers"), "env IONVEIL__SERVER__WORKERS");
    assert!(origin("server.body_depth_max").starts_with("file "));
    assert_eq!(origin("server.body_limit_bytes"), "default");
}

#[test]
fn a_host_sets_numbers_lists_and_switches_by_their_text() {
    let config = of(&[("runtime.snapshot_every", "70"), ("server.allowed_hosts", "a.example, b.example")]).unwrap();
    assert_eq!((config.runtime.snapshot_every, config.server.allowed_hosts.len()), (70, 2));
    let told = of(&[("runtime.snapshot_every", "often"), ("runtime.snapshots", "7")]).unwrap_err().to_string();
    assert!(told.contains("snapshot_every): must be a whole number, not \"often\""), "{told}");
    assert!(told.contains("runtime.snapshots"), "{told}");
}

#[test]
fn all_faults_are_named_at_once_with_path_origin_and_remedy() {
    let file = r#"
        stray = 1
        [server]
        listen = "everywhere"
        body_limit = 5
        body_depth_max = 0
        workers = "four"
        allowed_hosts = ["https://x/"]
        [servr]
        x = 1
        [store]
        partitions = 65
        url = "mysql://root:hunter2@db/x"
        [logging]
        level = "loud"
    "#;
    let environment = [("IONVEIL__JOURNAL__QUEUE_MAX", "many"), ("IONVEIL__SERVER__LISTN", "x"), ("IONVEIL__RUNTIME__IDLE_MS", "1")];
    let faults = load_with(file, &environment, &[]).unwrap_err();
    let expected = [
        "stray (file F): stands outside of every section as integer; write it under a [section]",
        "journal.queue_max (env IONVEIL__JOURNAL__QUEUE_MAX): must be a whole number, not \"many\"",
        "server.listn (env IONVEIL__SERVER__LISTN): is unknown; did you mean IONVEIL__SERVER__LISTEN?",
        "server.listen (file F): must be ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080, not \"everywhere\"",
        "server.workers (file F): must be a whole number from 0 to 1024, not string",
        "server.body_depth_max (file F): must be a whole number from 1 to 120, not 0",
        "server.allowed_hosts (file F): must be host names without scheme, path or wildcard, not \"https://x/\"",
        "server.body_limit (file F): is unknown",
        "store.url (file F): must be sqlite://PATH, postgres://USER@HOST/DATABASE or memory:",
        "store.partitions (file F): must be a whole number from 1 to 64, not 65",
        "runtime.idle_ms (env IONVEIL__RUNTIME__IDLE_MS): must be a whole number from 100 to 86400000, not 1",
        "logging.level (file F): must be error, warn, info, debug or trace",
        "servr (file F): is an unknown section; did you mean [server]?",
    ];
    assert_eq!(faults, expected);
    assert!(!faults.concat().contains("hunter2"), "a password never shows");
}

#[test]
fn numbers_have_ranges_and_may_be_whole() {
    let routing =
        |alpha: &str| load_with(&format!("[routing]\nalpha = {alpha}\n"), &[], &[]).map(|loaded| loaded.config.routing.alpha.get());
    assert_eq!((routing("0.5"), routing("1")), (Ok(0.5), Ok(1.0)));
    let environment = [("IONVEIL__ROUTING__EXCLUDE_BELOW", "0.25")];
    assert_eq!(load_with("", &environment, &[]).unwrap().config.routing.exclude_below, 0.25);
    for (alpha, shown) in [("0", "0"), ("1.5", "1.5"), ("nan", "nan"), ("\"half\"", "string")] {
        let faults = routing(alpha).unwrap_err();
        assert_eq!(faults, [format!("routing.alpha (file F): must be a number from 0.01 to 1, not {shown}")]);
    }
}

#[test]
fn thresholds_of_queues_make_sense_or_nothing_starts() {
    let health = |environment: &[(&str, &str)]| {
        let config = load_with("[queue]\nhard_limit = 10\n", environment, &[]).map(|loaded| loaded.config)?;
        let reading = ionveil_dispatch::queue::Reading { depth: 5, ..Default::default() };
        Ok::<_, Vec<String>>(config.queue.monitor.judge(&reading).map(|health| format!("{:?}", health.status)))
    };
    assert_eq!(health(&[]), Ok(Ok("Healthy".to_owned())));
    assert_eq!(health(&[("IONVEIL__QUEUE__WARN_RATIO", "0.5")]), Ok(Ok("Warning".to_owned())));
    assert_eq!(health(&[("IONVEIL_QUEUE_WARN_RATIO", "0.5")]), Ok(Ok("Warning".to_owned())), "the names of the specification");
    let both = [("IONVEIL_QUEUE_HARD_LIMIT", "1"), ("IONVEIL__QUEUE__HARD_LIMIT", "100")];
    assert_eq!(health(&both), Ok(Ok("Healthy".to_owned())), "the full name counts");
    let nonsense = [
        ("IONVEIL_QUEUE_WARN_RATIO", "0.9"),
        ("IONVEIL_QUEUE_OVERLOAD_RATIO", "0.7"),
        ("IONVEIL_QUEUE_SLOW_P95_MS", "0"),
        ("IONVEIL_QUEUE_HARD_LIMIT", "0"),
    ];
    let expected = [
        "queue.critical_ratio (default): invalid_thresholds: it is above warn_ratio",
        "queue.overload_ratio (env IONVEIL_QUEUE_OVERLOAD_RATIO): invalid_thresholds: it is finite and not below critical_ratio",
        "queue.slow_p95_ms (env IONVEIL_QUEUE_SLOW_P95_MS): invalid_thresholds: it is finite and above 0",
        "queue.hard_limit (env IONVEIL_QUEUE_HARD_LIMIT): invalid_thresholds: it is above 0",
    ];
    assert_eq!(health(&nonsense), Err(expected.map(str::to_owned).to_vec()));
    assert_eq!(health(&[("IONVEIL_QUEUE_WARN_RATO", "1")]).map_err(|faults| faults.len()), Err(1), "a slip of the pen is told");
    let pool = load_with("[pool]\nwindow_ms = -1\nlimit = 0\n[intake]\nrows_max = 0\n", &[], &[]).unwrap_err();
    assert_eq!(pool.len(), 3, "{pool:?}");
}

#[test]
fn broken_files_are_explained() {
    let faults = load_with("[server]\nlisten = \n", &[], &[]).unwrap_err();
    assert!(faults.len() == 1 && faults[0].starts_with("file F: is not TOML: line 2: "), "{faults:?}");
    let missing = load(Some(Path::new("/nowhere/ionveil.toml")), &BTreeMap::new(), &[]).unwrap_err().to_string();
    assert!(missing.contains("has 1 fault:\n  file /nowhere/ionveil.toml: cannot be read"), "{missing}");
}

#[test]
fn keys_are_read_and_judged() {
    let hash = "ab".repeat(32);
    let file = format!(
        r#"
        [auth]
        leeway_s = 5
        [[auth.keys]]
        id = "a"
        algorithm = "EdDSA"
        public_key_file = "keys/a.pem"
        [[auth.api_keys]]
        id = "cad-1"
        org = "acme"
        role = "operator"
        sha256 = "{hash}"
    "#
    );
    let auth = load_with(&file, &[], &[]).unwrap().config.auth;
    assert!(auth.keys[0].file.is_absolute() && auth.keys[0].file.ends_with("keys/a.pem"), "relative to the file");
    assert_eq!((auth.leeway, auth.api_keys[0].role, &*auth.api_keys[0].subject), (Duration::from_secs(5), Role::Operator, "cad-1"));
    let file = r#"
        [auth]
        issuer = ""
        [[auth.keys]]
        id = "a"
        algorithm = "none"
        [[auth.keys]]
        id = "b"
        algorithm = "HS256"
        public_key_file = "x"
        secret = "in the open"
        [[auth.api_keys]]
        id = "a_b"
        org = "Acme"
        role = "root"
        sha256 = "abc"
    "#;
    let paths: Vec<_> = load_with(file, &[], &[]).unwrap_err().iter().map(|fault| fault.split(' ').next().unwrap().to_owned()).collect();
    let expected = [
        "auth.issuer",
        "auth.keys[0].algorithm",
        "auth.keys[1].secret_file",
        "auth.keys[1].secret",
        "auth.api_keys[0].id",
        "auth.api_keys[0].org",
        "auth.api_keys[0].role",
        "auth.api_keys[0].sha256",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn repeated_ids_are_refused() {
    let key = "[[auth.keys]]\nid = \"a\"\nalgorithm = \"EdDSA\"\npublic_key_file = \"a\"\n";
    let faults = load_with(&format!("{key}{key}"), &[], &[]).unwrap_err();
    assert_eq!(faults, ["auth.keys (file F): has two entries with the id \"a\""]);
}

#[test]
fn machines_are_checked_whole_with_paths() {
    let good = r#"
        [machines.rescue]
        initial = "called"
        terminal = ["safe"]
        states = [{ name = "called", to = ["safe"] }, { name = "safe", assigns = true }]
    "#;
    let machines = load_with(good, &[], &[]).unwrap().config.machines;
    let rescue = machines.get("rescue").expect("it is there");
    assert_eq!((rescue.assigns("called"), rescue.assigns("safe")), (false, true));
    let bad = r#"
        [machines.rescue]
        initial = "nowhere"
        states = [{ name = "called", to = ["gone"] }, { name = "safe" }]
    "#;
    let faults = load_with(bad, &[], &[]).unwrap_err().join("\n");
    assert!(
        faults.contains("machines.rescue.states[0].to[0] (file F): ") && faults.contains("machines.rescue.initial (file F): "),
        "{faults}"
    );
    let shapeless = "[machines.rescue]\nstates = [1, { name = 2, too = [] }]\n[machines]\nx = 5\n";
    let faults = load_with(shapeless, &[], &[]);
    assert!(faults.is_err());
    let shapeless = "[machines]\nx = 5\n[machines.rescue]\nstates = [1, { name = 2, too = [], assigns = 1 }]\n";
    let faults = load_with(shapeless, &[], &[]).unwrap_err().join("\n");
    for part in [
        "machines.x (file F): must be a table",
        "machines.rescue.initial (file F): is required",
        "machines.rescue.states[0] (file F): must be a table",
        "machines.rescue.states[1].name (file F): must be a text",
        "machines.rescue.states[1].assigns (file F): must be true or false, not integer",
        "machines.rescue.states[1].too (file F): is unknown; did you mean `to`?",
    ] {
        assert!(faults.contains(part), "{part} is not in\n{faults}");
    }
}

#[test]
fn lists_can_come_from_the_environment() {
    for text in ["a.example, B.example", "[\"a.example\", \"b.example\"]"] {
        let loaded = load_with("", &[("IONVEIL__SERVER__ALLOWED_HOSTS", text)], &[]).unwrap();
        assert_eq!(loaded.config.server.allowed_hosts, ["a.example", "b.example"]);
    }
}

#[test]
fn secrets_are_never_shown() {
    let hash = "ab".repeat(32);
    let file = format!("[[auth.api_keys]]\nid = \"a\"\norg = \"b\"\nrole = \"admin\"\nsha256 = \"{hash}\"\n");
    let url = "postgres://jane:hunter2@db.example/ionveil?sslmode=require&sslpassword=hunter3";
    let loaded = load_with(&file, &[], &[flag("store.url", url)]).unwrap();
    let shown = format!("{}{:?}", show(&loaded.raw), loaded.config);
    for secret in ["hunter", &hash] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("postgres://jane:[redacted]@db.example/ionveil?sslmode=require"), "{shown}");
    assert_eq!(loaded.config.store.url.as_ref().map(StoreUrl::secret), Some(url));
}

#[test]
fn supervisors_are_named_by_their_place() {
    let named = |path: &str| load_with(&format!("[runtime]\non_failure = {{ {path:?} = \"restart_all\" }}\n"), &[], &[]);
    for path in ["", "*", "acme", "acme/unit", "*/unit", "acme@B09.39", "*@north", "acme@n@1", "acme@north/unit", "*@north/unit"] {
        let loaded = named(path).unwrap_or_else(|faults| panic!("{path:?}: {faults:?}"));
        assert_eq!(loaded.config.runtime.supervision.strategies.get(path), Some(&ionveil_actors::Strategy::RestartAll), "{path:?}");
    }
    for path in ["/", "/unit", "@north", "@north/unit", "acme@", "acme@-", "acme/", "acme/a/b", "acme@north/", "A", "acme@a b"] {
        let faults = named(path).err().unwrap_or_else(|| panic!("{path:?} is taken"));
        assert!(faults.len() == 1 && faults[0].contains("ORG@NODE/KIND"), "{path:?}: {faults:?}");
    }
}
