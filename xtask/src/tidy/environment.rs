//! The environment is read in one file of the product; everything else is given its settings.

use super::{Finding, Source};

const READER: &str = "src/config/env.rs";
const WORDS: [&str; 4] = ["std::env", "env::var", "env::vars", "env::var_os"];

/// Checks product code; tests, examples (programs of hosts) and the project's own tools may read what they like.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let is_ours = ["xtask/", "examples/", "actors/examples/"].iter().any(|folder| source.path.starts_with(folder));
    let is_elsewhere = is_ours || source.path.ends_with("build.rs") || source.path == READER;
    if is_elsewhere {
        return Vec::new();
    }
    let mut lines: Vec<u32> = WORDS.iter().flat_map(|word| source.find_word(word)).map(|at| source.line_of(at)).collect();
    lines.sort_unstable();
    lines.dedup();
    let product = lines.into_iter().filter(|line| !source.is_test(*line));
    product.map(|line| Finding::error(&source.path, line, format!("the environment is read in {READER} only"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn reading_the_environment_is_found() {
        assert_eq!(count("src/main.rs", "fn f() { std::env::var(\"X\"); }"), 1);
        assert_eq!(count("journal/src/a.rs", "use std::env;\nfn f() { env::var_os(\"X\"); }"), 2);
    }

    #[test]
    fn the_one_file_tests_and_our_own_modules_are_free() {
        assert_eq!(count(READER, "use std::env;"), 0);
        assert_eq!(count("tests/support/mod.rs", "use std::env;"), 0);
        assert_eq!(count("examples/a.rs", "fn main() { std::env::args(); }"), 0);
        assert_eq!(count("kernel/src/a.rs", "use crate::env::Env; const V: &str = env!(\"CARGO_PKG_VERSION\");"), 0);
    }
}
