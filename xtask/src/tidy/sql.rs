//! SQL text stands in the journal and the views (and where they are tested and measured), nowhere else.

use super::{Finding, Source};

const FOLDERS: [&str; 5] = ["journal/", "views/", "tests/", "benches/", "xtask/"];
const PHRASES: [&str; 6] = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE ", "ALTER TABLE ", "BEGIN IMMEDIATE"];

/// Looks into string literals for the beginnings of statements.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    if FOLDERS.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let statements = source.strings.iter().filter(|string| PHRASES.iter().any(|phrase| string.text.contains(phrase)));
    statements.map(|string| Finding::error(&source.path, string.line, "SQL text outside journal and views")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_in_the_wrong_layer_is_found() {
        let text = "fn f() {\n  query(\"SELECT 1\");\n  // SELECT in a comment\n}";
        assert_eq!(check(&Source::new("src/http/a.rs", text)).len(), 1);
        assert_eq!(check(&Source::new("journal/src/postgres/a.rs", text)).len(), 0);
    }
}
