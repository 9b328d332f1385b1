//! What commands print for others to read: events with their filters, settings, completions, and readers that go away.

use super::given::{Ground, Said, get, said};
use crate::support::server::ionveil;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn events_are_filtered_and_limited() {
    let (ground, all) = Ground::with_calls(8);
    let count = |more: &[&str]| ground.events(more).len() as u64;
    assert_eq!(count(&[]), all);
    assert_eq!(count(&["--kind", "workflow"]), all);
    assert_eq!(count(&["--org", "default"]), all);
    assert_eq!(count(&["--stream", "workflow:default:7-E1"]), 4);
    assert_eq!(count(&["--since", "2017-01-03T00:00:00Z"]), all, "recorded now, whenever it happened");
    for none in [["--kind", "incident"], ["--org", "other"], ["--stream", "workflow:other:7-E1"], ["--since", "2999-01-01T00:00:00Z"]] {
        assert_eq!(count(&none), 0, "{none:?}");
    }
    assert_eq!([count(&["--limit", "0"]), count(&["--limit", "3"]), count(&["--limit", "99999"])], [0, 3, all]);
    for wrong in [["--since", "yesterday"], ["--stream", "7-E1"], ["--org", "No Body"], ["--limit", "-1"]] {
        ground.run(&[&["events"][..], &wrong].concat()).complains(2, &[wrong[1]]);
    }
}

#[test]
fn events_look_alike_here_and_over_http() {
    let (ground, _) = Ground::with_calls(8);
    let here = ground.events(&["--stream", "workflow:default:7-E1"]);
    let server = ground.serve(&[]);
    let (_, there) = get(&server, "/api/v1/workflows/7-E1/events");
    assert_eq!(there["items"].as_array(), Some(&here));
    assert_eq!(ground.events(&["--stream", "workflow:default:7-E1"]), here, "beside a running server too");
    let line = ground.run(&["events", "--limit", "1"]).out;
    assert!(line.contains("#1  registered  {") && line.contains("by system:import"), "{line}");
}

#[test]
fn events_are_followed_until_there_are_enough() {
    let (ground, all) = Ground::with_calls(4);
    let limit = (all + 1).to_string();
    let data = ground.data();
    let args = ["events", "--json", "--follow", "--limit", &limit, "--data-dir", data.to_str().expect("UTF-8")];
    let mut child = ionveil(&args).stdout(Stdio::piped()).spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    assert_eq!((&mut lines).take(usize::try_from(all).expect("few")).count() as u64, all);
    let file = ground.write("more.csv", &super::given::calls(4..5));
    ground.import(&file, &[]).json(0);
    let last = lines.next().expect("one more").expect("text");
    assert!(last.contains("workflow:default:4-E1"), "{last}");
    assert!(child.wait().expect("its end").success());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (ground, _) = Ground::with_calls(300);
    let data = ground.data();
    let data = data.to_str().expect("UTF-8");
    for args in
        [&["events", "--json", "--data-dir", data][..], &["config", "show"], &["config", "show", "--defaults"], &["completions", "bash"]]
    {
        let mut child = ionveil(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("its end");
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn settings_are_shown_with_their_origin_and_without_secrets() {
    let ground = Ground::new();
    let config = ground.write("ionveil.toml", "[server]\nbody_depth_max = 5\n[auth]\nissuer = \"us\"\n");
    let url = "postgres://jane:hush@db/ionveil?sslpassword=hush2";
    let shown = said(&["config", "show", "--config", &config, "--store", url]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    for line in ["body_depth_max = 5  # file ", "issuer = \"us\"  # file ", "lease_ms = 3000  # default", "  # flag --store"] {
        assert!(shown.out.contains(line), "{line:?} is not in {}", shown.out);
    }
    assert!(shown.out.contains("jane") && !shown.out.contains("hush"), "{}", shown.out);
    let key = said(&["token", "api-key", "--id", "cad", "--role", "dispatcher"]);
    let shown = said(&["config", "show", "--config", &ground.write("keys.toml", &key.out)]);
    assert!(shown.code == 0 && shown.out.contains("cad") && shown.out.contains("[redacted]"), "{}{}", shown.out, shown.err);
    let env = ionveil(&["config", "show"]).env("IONVEIL__LOGGING__LEVEL", "debug").output().expect("the binary runs");
    assert!(String::from_utf8_lossy(&env.stdout).contains("level = \"debug\"  # env IONVEIL__LOGGING__LEVEL"));
}

#[test]
fn the_defaults_are_a_sound_configuration() {
    let ground = Ground::new();
    let defaults = said(&["config", "show", "--defaults"]).out;
    let config = ground.write("ionveil.toml", &defaults);
    assert_eq!(said(&["config", "check", "--config", &config]).out, "the configuration is sound\n");
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let Said { code, out, err } = said(&["completions", shell]);
        assert!(code == 0 && out.contains("migrate-workflows"), "{shell}: {err}");
    }
}
