//! An import that is killed in the middle and run again.
#![expect(clippy::disallowed_methods, reason = "this test waits for a file of another process")]

use super::given::{Ground, calls, events, mapping};
use crate::support::server::ionveil;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const ROWS: u32 = 3_000;
const PATIENCE: Duration = Duration::from_secs(30);
/// So much in SQLite's log is some hundred commits, far from all.
const ENOUGH_BYTES: u64 = 500_000;

#[test]
fn an_import_goes_on_where_it_was_killed() {
    let ground = Ground::new();
    let file = ground.write("calls.csv", &calls(0..ROWS));
    let (data, mapping) = (ground.data(), mapping());
    let args = ["import", "calls", "--mapping", &mapping, &file, "--data-dir", data.to_str().expect("UTF-8")];
    let mut child = ionveil(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
    until_written(&data.join("journal.sqlite-wal"));
    child.kill().expect("SIGKILL");
    assert_eq!(child.wait().expect("its end").code(), None, "it was killed before its end");

    let (all, before) = (events(0..ROWS), ground.events(&[]).len() as u64);
    assert!(before > 0 && before < all, "{before} of {all}");
    ground.check(before);
    let report = ground.import(&file, &[]).json(0);
    assert_eq!((&report["appended"], &report["already_there"]), (&(all - before).into(), &before.into()), "{report}");
    ground.check(all);
    assert_eq!(ground.import(&file, &[]).json(0)["appended"], 0);
}

fn until_written(log: &Path) {
    let begun = Instant::now();
    while std::fs::metadata(log).map_or(0, |file| file.len()) < ENOUGH_BYTES {
        assert!(begun.elapsed() < PATIENCE, "nothing is written");
        std::thread::sleep(Duration::from_millis(1));
    }
}
