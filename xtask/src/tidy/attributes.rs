//! No test is switched off, no lint silenced without saying why, nothing left for later.

use super::source::end_of_brackets;
use super::{Finding, Source};

/// Markers that say "later": what is missing is an issue, or is said in prose.
const MARKERS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Checks attributes and comments.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    ignored(source).into_iter().chain(silenced(source)).chain(markers(source)).collect()
}

fn ignored(source: &Source) -> Vec<Finding> {
    let places = source.find_word("#[ignore");
    places.map(|at| Finding::error(&source.path, source.line_of(at), "a test is ignored: repair or remove it")).collect()
}

fn silenced(source: &Source) -> Vec<Finding> {
    let places = ["#[allow(", "#![allow("].into_iter().flat_map(|attribute| source.code.match_indices(attribute));
    places
        .filter(|(at, _)| !source.code[*at..end_of_brackets(&source.code, *at, b'[', b']')].contains("reason"))
        .map(|(at, _)| Finding::error(&source.path, source.line_of(at), "`allow` without a reason: `#[expect(…, reason = …)]`"))
        .collect()
}

fn markers(source: &Source) -> Vec<Finding> {
    let says = |text: &str| MARKERS.iter().find(|marker| text.split(|c: char| !c.is_alphanumeric()).any(|word| word == **marker));
    let places = source.comments.iter().filter_map(|comment| says(&comment.text).map(|marker| (comment.line, marker)));
    places.map(|(line, marker)| Finding::error(&source.path, line, format!("{marker} in a comment: finish it or file an issue"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<u32> {
        check(&Source::new("src/a.rs", text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn an_ignored_test_is_found() {
        assert_eq!(lines("#[test]\n#[ignore]\nfn t() {}\n#[ignore = \"slow\"]\nfn u() {}"), [2, 4]);
        assert_eq!(lines("#[ignored]\nfn f() {}"), [0; 0]);
    }

    #[test]
    fn a_silenced_lint_needs_a_reason() {
        assert_eq!(lines("#![allow(dead_code)]\n#[allow(clippy::x)]\nfn f() {}"), [2, 1]);
        assert_eq!(lines("#[allow(dead_code, reason = \"told here\")]\nfn f() {}"), [0; 0]);
    }

    #[test]
    fn markers_count_in_comments_only() {
        assert_eq!(lines("// TODO later\n/* FIXME: x */\nlet a = \"TODO\"; // TODOS"), [1, 2]);
    }
}
