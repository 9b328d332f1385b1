//! Nobody but the queue health monitor (`domain/dispatch/src/queue`) compares a utilisation: another comparison would have its own idea
//! of what full means.

use super::{Finding, Source};

/// Where it is judged.
const HOME: &str = "domain/dispatch/src/queue/";
/// Names of a utilisation, and of what it is compared with.
const NAMES: [&str; 5] = ["utilisation", "utilization", "warn_ratio", "critical_ratio", "overload_ratio"];
const COMPARISONS: [&str; 8] = ["<", ">", "==", "!=", ".partial_cmp(", ".total_cmp(", ".max(", ".min("];

/// Looks for comparisons of a utilisation, and for one that is worked out from depth and limit.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    if source.path.starts_with(HOME) || source.path.starts_with("xtask/") {
        return Vec::new();
    }
    let compared =
        NAMES.iter().flat_map(|name| source.find_word(name).filter(|at| is_compared(&source.code, *at, name.len())).collect::<Vec<_>>());
    let divided = source.find_word("depth").filter(|at| is_divided(&source.code[*at..]));
    let mut lines: Vec<u32> = compared.chain(divided).map(|at| source.line_of(at)).filter(|line| !source.is_test(*line)).collect();
    lines.sort_unstable();
    lines.dedup();
    let finding = |line| Finding::error(&source.path, line, "compares a utilisation: ask the monitor of domain/dispatch/src/queue");
    lines.into_iter().map(finding).collect()
}

/// Whether a comparison stands right before or right behind the name.
fn is_compared(code: &str, at: usize, length: usize) -> bool {
    let (before, behind) = (code[..at].trim_end(), code[at + length..].trim_start());
    // What the name belongs to does not matter: `health.utilisation`, `self.0.utilisation`.
    let owner =
        before.strip_suffix('.').map_or(before, |rest| rest.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.')));
    let owner = owner.trim_end();
    let is_arrow = |text: &str| text.ends_with("->") || text.ends_with("=>") || text.ends_with('|');
    let left = ["<", ">", "<=", ">=", "==", "!="].iter().any(|sign| owner.ends_with(sign)) && !is_arrow(owner) && !owner.ends_with("::<");
    left || COMPARISONS.iter().any(|sign| behind.starts_with(sign))
}

/// Whether `depth … / … limit` follows in the same expression.
fn is_divided(rest: &str) -> bool {
    let end = rest.find([';', '{', '}', '\n']).unwrap_or(rest.len());
    rest[..end].split_once('/').is_some_and(|(_, divisor)| divisor.contains("limit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn a_second_judge_is_found() {
        assert_eq!(count("src/a.rs", "fn f() { if health.utilisation >= 0.8 {} }"), 1);
        assert_eq!(count("src/a.rs", "fn f(utilization: f64) -> bool { 0.6 < utilization }"), 1);
        assert_eq!(count("src/a.rs", "fn f() { all.sort_by(|a, b| a.utilisation.total_cmp(&b.utilisation)) }"), 1);
        assert_eq!(count("views/src/a.rs", "fn f() -> bool { x > self.warn_ratio }"), 1);
        assert_eq!(count("src/a.rs", "let full = depth as f64 / limit as f64;"), 1);
    }

    #[test]
    fn the_monitor_and_whoever_passes_one_on_are_free() {
        assert_eq!(count("domain/dispatch/src/queue/mod.rs", "fn f() { if utilisation > 0.8 {} }"), 0);
        assert_eq!(
            count(
                "src/a.rs",
                "struct A { utilisation: f64, depth: Option<i64> }\nfn f(a: A) -> A { A { utilisation: health.utilisation, ..a } }"
            ),
            0
        );
        assert_eq!(count("src/a.rs", "fn f(a: &A) { show(a.utilisation); let depth = 1; let b = x / limit; } // utilisation > 1"), 0);
        assert_eq!(count("src/a.rs", "#[cfg(test)]\nmod tests { fn f() { assert!(utilisation > 0.5); } }"), 0);
    }
}
