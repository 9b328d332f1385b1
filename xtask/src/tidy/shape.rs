//! How a file looks: it says what it is for, and it is not too long.

use super::Finding;

const LINES_MAX: usize = 600;
const LINES_HIGH: usize = 400;

/// Checks header and length.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    header(path, text).into_iter().chain(length(path, text)).collect()
}

fn header(path: &str, text: &str) -> Option<Finding> {
    let is_there = text.starts_with("//! ");
    (!is_there).then(|| Finding::error(path, 1, "opens without `//!`: what it is for, then what it deliberately does not do"))
}

fn length(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        return Some(Finding::error(path, 0, format!("{lines} lines, at most {LINES_MAX}: split by responsibility")));
    }
    (lines > LINES_HIGH).then(|| Finding::warning(path, 0, format!("{lines} lines: pause at {LINES_HIGH}, could it be two files?")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_header_is_found() {
        assert_eq!(check("a.rs", "use x;\n").len(), 1);
        assert_eq!(check("a.rs", "//! What for.\n"), []);
    }

    #[test]
    fn long_files_are_found() {
        let file = |lines: usize| format!("//! What for.\n{}", "\n".repeat(lines - 1));
        assert_eq!(check("a.rs", &file(400)), []);
        assert!(check("a.rs", &file(401))[0].warning);
        assert!(check("a.rs", &file(600))[0].warning);
        assert!(!check("a.rs", &file(601))[0].warning);
    }
}
