//! Every stable error code has a page under `docs/errors/`, and the index names every page.
//!
//! A code is a string literal in the `codes!` table of the HTTP facade, or in the body of a function `code` of a context's
//! refusals. Codes of reports (import, verification) are not answers and have no page. A page without a code only warns:
//! it may belong to a later release.

use super::source::{Text, end_of_brackets};
use super::{Finding, Source};
use std::collections::{BTreeMap, BTreeSet};

/// The list of all pages.
pub(crate) const INDEX: &str = "docs/errors/README.md";
const FOLDER: &str = "docs/errors/";

/// A code and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Code {
    name: String,
    path: String,
    line: u32,
}

/// The codes that a file of the product can answer with.
pub(crate) fn codes(source: &Source) -> Vec<Code> {
    if !source.path.starts_with("src/http/") && !source.path.ends_with("/reject.rs") {
        return Vec::new();
    }
    let spans: Vec<(usize, usize)> = functions(source).into_iter().chain(table(source)).collect();
    let is_inside = |text: &&Text| spans.iter().any(|(from, to)| (*from..*to).contains(&text.offset));
    let named = source.strings.iter().filter(|text| !source.is_test(text.line) && is_code(&text.text)).filter(is_inside);
    named.map(|text| Code { name: text.text.clone(), path: source.path.clone(), line: text.line }).collect()
}

/// Compares codes, pages and the index.
pub(crate) fn check(codes: &[Code], files: &[String], index: &str) -> Vec<Finding> {
    let pages: BTreeSet<&str> = files.iter().filter_map(|file| page(file)).collect();
    let first: BTreeMap<&str, &Code> = codes.iter().rev().map(|code| (code.name.as_str(), code)).collect();
    let missing = first.iter().filter(|(name, _)| !pages.contains(*name));
    let missing =
        missing.map(|(name, code)| Finding::error(&code.path, code.line, format!("error code {name} has no page {FOLDER}{name}.md")));
    let unlisted = pages.iter().filter(|name| !index.contains(&format!("({name}.md)")));
    let unlisted = unlisted.map(|name| Finding::error(INDEX, 0, format!("does not list {name}.md")));
    let unused = pages.iter().filter(|name| !first.contains_key(*name));
    let unused = unused.map(|name| Finding::warning(&format!("{FOLDER}{name}.md"), 0, "no code of this name is returned"));
    missing.chain(unlisted).chain(unused).collect()
}

fn page(file: &str) -> Option<&str> {
    file.strip_prefix(FOLDER)?.strip_suffix(".md").filter(|name| is_code(name))
}

fn is_code(text: &str) -> bool {
    text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The bodies of functions named `code` that return `&'static str`.
fn functions(source: &Source) -> Vec<(usize, usize)> {
    let code = &source.code;
    let bodies = source.find_word("fn code(").filter_map(|at| {
        let body = at + code[at..].find(['{', ';'])?;
        (code[at..body].contains("&'static str") && code[body..].starts_with('{')).then_some(body)
    });
    bodies.map(|body| (body, end_of_brackets(code, body, b'{', b'}'))).collect()
}

/// What the macro `codes!` is given.
fn table(source: &Source) -> Vec<(usize, usize)> {
    source.find_word("codes! {").map(|at| (at, end_of_brackets(&source.code, at, b'{', b'}'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "impl E { fn code(&self) -> &'static str { match self { Self::A => \"a\", Self::B => \"b_2\" } } }\n\
        codes! {\n Lost = \"lost\", GONE, \"A title\";\n}\nfn encode(x: &str) -> &'static str { \"other\" }\n\
        #[cfg(test)]\nmod tests { fn code() -> &'static str { \"in_test\" } }";

    fn found(path: &str) -> Vec<String> {
        codes(&Source::new(path, TEXT)).into_iter().map(|code| code.name).collect()
    }

    #[test]
    fn codes_are_found_where_they_are_given() {
        assert_eq!(found("src/http/code.rs"), ["a", "b_2", "lost"]);
        assert_eq!(found("domain/x/src/reject.rs"), ["a", "b_2", "lost"]);
        assert_eq!(found("src/import/issue.rs"), [""; 0]);
    }

    #[test]
    fn a_code_without_a_page_fails() {
        let codes = codes(&Source::new("src/http/a.rs", "fn code() -> &'static str { \"lost\" }"));
        let findings = check(&codes, &["docs/errors/README.md".into()], "");
        assert_eq!(findings, [Finding::error("src/http/a.rs", 1, "error code lost has no page docs/errors/lost.md")]);
    }

    #[test]
    fn a_page_must_be_listed_and_should_be_used() {
        let findings = check(&[], &["docs/errors/lost.md".into()], "");
        assert_eq!(findings.iter().map(|finding| finding.warning).collect::<Vec<_>>(), [false, true]);
        assert_eq!(check(&[], &["docs/errors/lost.md".into()], "- [lost](lost.md)").len(), 1);
    }
}
