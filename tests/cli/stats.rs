//! `ionveil stats`: the numbers of a running server on a terminal's lines, and reading them anew.

use super::given::Ground;

#[test]
fn numbers_are_drawn_and_read_anew() {
    let ground = Ground::new();
    ground.run(&["stats"]).complains(1, &["no server runs on"]);
    ground.run(&["audit", "verify", "--store", "memory:"]).complains(1, &["memory"]);
    let _server = ground.serve(&[]);
    let shown = ground.run(&["stats"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(
        shown.out.starts_with("METRIC") && shown.out.contains("dispatches             0") && shown.out.contains("open alerts 0"),
        "{}",
        shown.out
    );
    let lines = ground.run(&["stats", "--json"]);
    assert_eq!(lines.out.lines().count(), 6, "{}", lines.out);
    let done = ground.run(&["stats", "rebuild", "--json"]).json(0);
    assert_eq!((&done["running"], &done["rebuilds"]), (&false.into(), &1.into()));
    assert!(ground.run(&["stats", "rebuild"]).out.contains("anew"));
}
