//! Files as nobody should write them: what is wrong is listed with its place, and the rest is imported.

use super::{HEADER, issues, open, plans, steps};
use ionveil::import::{HeaderError, MissingColumn, OpenError, ROW_BYTES_MAX};
use std::io::{self, Read};

const TIMES: &str = "01/02/2017 10:00:00 AM,01/02/2017 10:01:00 AM,,,,,Fire,";

/// A row with this id and two steps.
fn row(id: &str) -> String {
    format!("1,E1,{TIMES},{id}\n")
}

/// `line: id issue…` of every row.
fn summary(file: &[u8]) -> Vec<String> {
    let line = |plan: &ionveil::import::RowPlan| {
        let id = plan.id.as_ref().map_or("-", |id| id.as_str());
        format!("{}: {id} {}", plan.line, issues(plan).join(", ")).trim_end().to_owned()
    };
    plans(file).iter().map(line).collect()
}

#[test]
fn bad_rows_are_listed_and_good_rows_around_them_are_imported() {
    let long = "x".repeat(129);
    for (name, bad, expected) in [
        ("empty id", row(""), "2: - 2 RowID missing_id"),
        ("id of spaces", row("  "), "2: - 2 RowID missing_id"),
        ("unlawful id", row("a b"), "2: - 2 RowID invalid_id"),
        ("path as id", row("../../etc/passwd"), "2: - 2 RowID invalid_id"),
        ("long id", row(&long), "2: - 2 RowID invalid_id"),
        ("control character", row("a\u{0}b"), "2: - 2 RowID invalid_id"),
        ("short", "1,E1\n".to_owned(), "2: - 2 - short_row"),
        ("long", format!("{},more\n", row("x").trim_end()), "2: - 2 - long_row"),
        ("open quote", format!("\"{}", row("x")), "2: - 2 - bad_quoting"),
        ("quote inside", format!("\"1\"1,E1,{TIMES},x\n"), "2: - 2 - bad_quoting"),
        ("huge", format!("{},E1,{TIMES},x\n", "1".repeat(2 * ROW_BYTES_MAX)), "2: - 2 - row_too_long"),
        ("huge attribute", format!("{},E1,{TIMES},x\n", "1".repeat(1025)), "2: x 2 Call Number invalid_attribute"),
        ("control in attribute", format!("1\u{7},E1,{TIMES},x\n"), "2: x 2 Call Number invalid_attribute"),
    ] {
        let file = format!("{HEADER}\n{bad}{}", row("good"));
        assert_eq!(summary(file.as_bytes()), [expected, "3: good"], "{name}");
    }
}

#[test]
fn an_id_that_stands_twice_is_taken_once() {
    let file = format!("{HEADER}\n{}{}{}", row("a"), row("b"), row("a"));
    assert_eq!(summary(file.as_bytes()), ["2: a", "3: b", "4: - 4 RowID duplicate_id"]);
    let message = plans(file.as_bytes())[2].issues[0].to_string();
    assert!(message.contains("stands in line 2 already"), "{message}");
}

#[test]
fn bytes_that_are_no_text_cost_their_own_field() {
    let mut file = format!("{HEADER},Remarks\n").into_bytes();
    for (id, response, remark) in [(&b"a"[..], &b""[..], &b"\xff"[..]), (b"b", b"\xff", b""), (b"\xff", b"", b"")] {
        let parts: [&[u8]; 7] = [b"1,E1,01/02/2017 10:00:00 AM,01/02/2017 10:01:00 AM,", response, b",,,,Fire,,", id, b",", remark, b"\n"];
        parts.iter().for_each(|part| file.extend_from_slice(part));
    }
    assert_eq!(summary(&file), ["2: a", "3: b 3 Response DtTm invalid_utf8", "4: - 4 RowID invalid_utf8"]);
    assert_eq!(steps(&plans(&file)[1]).len(), 2);
}

#[test]
fn marks_line_ends_and_quoted_line_ends_do_not_shift_lines() {
    let file = format!("\u{feff}{HEADER},Remarks\r\n\r\n1,E1,{TIMES},a,\"two\r\nlines, \"\"quoted\"\"\"\r\n\r\n1,E1,{TIMES},b,\r\n1");
    assert_eq!(summary(file.as_bytes()), ["3: a", "6: b", "7: - 7 - short_row"]);
}

#[test]
fn columns_that_the_mapping_does_not_name_may_go_and_come() {
    let without = format!("{HEADER}\n{}", row("a"));
    let header = HEADER.replace("Call Number", "call_number_x,Call Number").replace("Transport DtTm", "Departed to hospital");
    let with = format!("{header}\nx,{}", row("a"));
    assert_eq!(plans(without.as_bytes())[0].steps, plans(with.as_bytes())[0].steps);
}

#[test]
fn a_header_without_what_is_needed_stops_before_the_first_row() {
    let refused = |file: &[u8]| match open(file).map(|_| ()).unwrap_err() {
        OpenError::Header(error) => error,
        other => panic!("{other}"),
    };
    assert_eq!(refused(b""), HeaderError::Empty);
    assert_eq!(refused(b"\n\n"), HeaderError::Empty);
    assert_eq!(refused(b"\xff\xfe,a\n"), HeaderError::Unreadable);
    assert_eq!(refused(b"\"a\n"), HeaderError::Unreadable);
    assert_eq!(refused(format!("{HEADER},RowID\n").as_bytes()), HeaderError::Twice("RowID".to_owned()));
    let renamed = HEADER.replace("On Scene DtTm", "OnScene_dttm");
    let missing = MissingColumn { column: "On Scene DtTm".to_owned(), nearest: Some("OnScene_dttm".to_owned()) };
    let error = refused(renamed.as_bytes());
    assert_eq!(error, HeaderError::Missing(vec![missing]));
    assert_eq!(error.to_string(), "the header lacks \"On Scene DtTm\" (nearest: \"OnScene_dttm\")");
}

#[test]
fn a_reader_that_fails_ends_the_file_after_what_it_gave() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let start = format!("{HEADER}\n{}", row("a"));
    let found: Vec<_> = open(start.as_bytes().chain(Broken)).unwrap().map(|plan| plan.map(|plan| plan.line)).collect();
    assert!(matches!(&found[..], [Ok(2), Err(_)]), "{found:?}");
}

#[test]
fn a_file_without_end_is_read_as_it_comes() {
    let rows = io::repeat(b'\n').take(1 << 16).chain(io::repeat(b'x'));
    let file = format!("{HEADER}\n{}", row("a"));
    let mut plans = open(file.as_bytes().chain(rows)).unwrap();
    assert_eq!(plans.next().unwrap().unwrap().id.unwrap().as_str(), "a", "no more was needed for the first row");
}
