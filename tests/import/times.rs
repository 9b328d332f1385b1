//! Stamps that are missing, run backwards, were twice or never were.

use super::{issues, plan, plans, steps};

/// A time of 2017-01-02 in the form of the file.
fn t(clock: &str) -> String {
    format!("01/02/2017 {clock} AM")
}

const RECEIVED: &str = "queued 2017-01-02T18:00:00Z";
const DISPATCH: &str = "allocated 2017-01-02T18:01:00Z";
const RESPONSE: &str = "departed 2017-01-02T18:02:00Z";
const ON_SCENE: &str = "arrived 2017-01-02T18:03:00Z";
const AVAILABLE: &str = "cancelled 2017-01-02T18:09:00Z";

#[test]
fn a_row_goes_as_far_as_it_is_lawful() {
    let (received, dispatch, response, on_scene, available) = (t("10:00:00"), t("10:01:00"), t("10:02:00"), t("10:03:00"), t("10:09:00"));
    let (a, b, c, d, e) = (received.as_str(), dispatch.as_str(), response.as_str(), on_scene.as_str(), available.as_str());
    type Case<'a> = (&'a str, [&'a str; 4], &'a str, &'a str, &'a [&'a str], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        ("complete", [a, b, c, d], "Fire", e, &[RECEIVED, DISPATCH, RESPONSE, ON_SCENE], &[]),
        ("an arrival is never cancelled", [a, b, c, d], "Cancelled", e, &[RECEIVED, DISPATCH, RESPONSE, ON_SCENE], &[]),
        ("not arrived", [a, b, c, ""], "Fire", e, &[RECEIVED, DISPATCH, RESPONSE], &[]),
        ("cancelled on the way", [a, b, c, ""], "Cancelled", e, &[RECEIVED, DISPATCH, RESPONSE, AVAILABLE], &[]),
        ("cancelled before departure", [a, b, "", ""], " cancelled ", e, &[RECEIVED, DISPATCH, AVAILABLE], &[]),
        (
            "cancelled, nobody knows when",
            [a, b, c, ""],
            "Cancelled",
            "",
            &[RECEIVED, DISPATCH, RESPONSE],
            &["2 Available DtTm missing_stamp"],
        ),
        ("cancelled before it began", [a, b, c, ""], "Cancelled", a, &[RECEIVED, DISPATCH, RESPONSE], &["2 Available DtTm backwards"]),
        ("no departure", [a, b, "", d], "Fire", e, &[RECEIVED, DISPATCH], &["2 Response DtTm missing_stamp"]),
        ("neither", [a, "", "", d], "", e, &[RECEIVED], &["2 Dispatch DtTm missing_stamp", "2 Response DtTm missing_stamp"]),
        ("no departure, cancelled", [a, "", c, ""], "Cancelled", e, &[RECEIVED, AVAILABLE], &["2 Dispatch DtTm missing_stamp"]),
        ("no beginning", ["", b, c, d], "Fire", e, &[], &["2 Received DtTm missing_stamp"]),
        ("nothing", ["", "", "", ""], "Fire", "", &[], &[]),
        (
            "backwards at the end",
            [a, b, d, c],
            "Fire",
            e,
            &[RECEIVED, DISPATCH, "departed 2017-01-02T18:03:00Z"],
            &["2 On Scene DtTm backwards"],
        ),
        ("backwards in the middle", [b, a, c, d], "Fire", e, &["queued 2017-01-02T18:01:00Z"], &["2 Dispatch DtTm backwards"]),
        ("unreadable", [a, "soon", c, d], "Fire", e, &[RECEIVED], &["2 Dispatch DtTm unreadable_time"]),
        ("unreadable arrival", [a, b, c, "soon"], "Cancelled", e, &[RECEIVED, DISPATCH, RESPONSE], &["2 On Scene DtTm unreadable_time"]),
        (
            "equal times",
            [a, a, a, a],
            "Fire",
            e,
            &[RECEIVED, "allocated 2017-01-02T18:00:00Z", "departed 2017-01-02T18:00:00Z", "arrived 2017-01-02T18:00:00Z"],
            &[],
        ),
    ];
    for (name, stamps, disposition, available, expected, listed) in cases {
        let plan = plan(*stamps, disposition, available);
        assert_eq!(steps(&plan), *expected, "{name}");
        assert_eq!(issues(&plan), *listed, "{name}");
    }
}

#[test]
fn an_issue_says_what_was_left_out_for_it() {
    let plan = plan(["01/02/2017 10:00:00 AM", "", "01/02/2017 10:02:00 AM", "01/02/2017 10:03:00 AM"], "Fire", "");
    assert_eq!(
        plan.issues[0].to_string(),
        "calls.csv:2: 1-E1: Dispatch DtTm: empty, though \"Response DtTm\" and \"On Scene DtTm\" are given; \
         allocated and departed and arrived were left out [missing_stamp]"
    );
}

#[test]
fn an_hour_that_was_twice_is_the_earlier_unless_the_order_needs_the_later() {
    let (once, earlier, later) = ("11/05/2017 12:50:00 AM", "11/05/2017 01:30:00 AM", "11/05/2017 01:10:00 AM");
    let plan = plan([once, earlier, later, "11/05/2017 02:00:00 AM"], "Fire", "");
    assert_eq!(
        steps(&plan),
        ["queued 2017-11-05T07:50:00Z", "allocated 2017-11-05T08:30:00Z", "departed 2017-11-05T09:10:00Z", "arrived 2017-11-05T10:00:00Z"]
    );
    assert_eq!(issues(&plan), ["2 Dispatch DtTm ambiguous_time", "2 Response DtTm ambiguous_time"]);
    assert!(plan.issues[0].to_string().contains("taken as 2017-11-05T01:30:00-07:00, the earlier"));
    assert!(plan.issues[1].to_string().contains("taken as 2017-11-05T01:10:00-08:00, the later, as the row's order needs it"));
}

#[test]
fn an_hour_that_was_twice_can_still_be_backwards() {
    let plan = plan(["11/05/2017 02:00:00 AM", "11/05/2017 01:30:00 AM", "", ""], "Fire", "");
    assert_eq!(steps(&plan), ["queued 2017-11-05T10:00:00Z"]);
    assert_eq!(issues(&plan), ["2 Dispatch DtTm backwards"]);
}

#[test]
fn a_time_that_never_was_stops_the_row() {
    let plan = plan(["03/12/2017 01:59:59 AM", "03/12/2017 02:30:00 AM", "03/12/2017 03:00:00 AM", ""], "Fire", "");
    assert_eq!(steps(&plan), ["queued 2017-03-12T09:59:59Z"]);
    assert_eq!(issues(&plan), ["2 Dispatch DtTm nonexistent_time"]);
    let text = plan.issues[0].to_string();
    assert!(text.contains("never was in America/Los_Angeles") && text.contains("allocated and departed were left out"), "{text}");
}

#[test]
fn transport_without_arrival_is_a_gap_and_never_a_cancellation() {
    let file = format!(
        "{}\n1,E1,{},{},{},,{},,Cancelled,{},1-E1\n",
        super::HEADER,
        t("10:00:00"),
        t("10:01:00"),
        t("10:02:00"),
        t("10:03:00"),
        t("10:09:00")
    );
    let plans = plans(file.as_bytes());
    assert_eq!(steps(&plans[0]), [RECEIVED, DISPATCH, RESPONSE]);
    assert_eq!(issues(&plans[0]), ["2 On Scene DtTm missing_stamp"]);
}

#[test]
fn the_same_step_is_the_same_command_and_another_time_another_body() {
    let [a, b, c, d] = ["10:00:00", "10:01:00", "10:02:00", "10:03:00"].map(t);
    let short = plan([&a, &b, "", ""], "Fire", "");
    let long = plan([&a, &b, &c, ""], "Fire", "");
    let moved = plan([&a, &b, &d, ""], "Fire", "");
    assert_eq!(short.steps, long.steps[..2]);
    assert_eq!(long.steps[2].command_id, moved.steps[2].command_id);
    assert_ne!(long.steps[2].body_hash, moved.steps[2].body_hash);
    assert_ne!(plan([&a, &b, "", ""], "Other", "").steps[0].body_hash, short.steps[0].body_hash, "attributes take part");
}
