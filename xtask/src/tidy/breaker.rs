//! There is one circuit breaker in the house: that of `domain/channels/src/breaker`, with its permit in `sync/src/circuit.rs`. A
//! second one would have its own idea of what open means.

use super::{Finding, Source};

/// Where it is, and where it is measured against others.
const HOMES: [&str; 5] = ["domain/channels/", "sync/src/circuit.rs", "loom-tests/", "benches/runtime/", "xtask/"];
const DEFINITIONS: [&str; 4] = ["struct ", "enum ", "trait ", "type "];
const NAMES: [&str; 2] = ["Breaker", "Circuit"];
/// Crates that bring one.
const CRATES: [&str; 4] = ["failsafe::", "recloser::", "tower_resilience", "circuit_breaker::"];

/// Looks for types that are named as breakers are, and for crates that bring one.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    if HOMES.iter().any(|home| source.path.starts_with(home)) {
        return Vec::new();
    }
    let defined = DEFINITIONS
        .iter()
        .flat_map(|word| source.find_word(word).filter(|at| is_breaker(&source.code[at + word.len()..])).collect::<Vec<_>>());
    let brought = CRATES.iter().flat_map(|word| source.find_word(word).collect::<Vec<_>>());
    let mut lines: Vec<u32> = defined.chain(brought).map(|at| source.line_of(at)).collect();
    lines.sort_unstable();
    lines.dedup();
    let finding = |line| Finding::error(&source.path, line, "a second circuit breaker: use the one of domain/channels/src/breaker");
    lines.into_iter().map(finding).collect()
}

/// Whether the name that begins here is one of a breaker.
fn is_breaker(rest: &str) -> bool {
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    NAMES.iter().any(|name| rest[..end].contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn a_second_breaker_is_found() {
        assert_eq!(count("src/http/a.rs", "struct CircuitBreaker {\n failures: u32 }"), 1);
        assert_eq!(count("actors/src/a.rs", "pub(crate) enum Circuit { Open, Closed }"), 1);
        assert_eq!(count("src/a.rs", "use failsafe::Config;\nfn f() { let b = failsafe::Config::new(); }"), 2);
    }

    #[test]
    fn the_one_and_what_only_sounds_like_it_are_free() {
        assert_eq!(count("domain/channels/src/breaker/mod.rs", "pub struct Breaker;"), 0);
        assert_eq!(count("sync/src/circuit.rs", "pub struct Circuit;"), 0);
        assert_eq!(count("src/http/a.rs", "struct Broken; fn f(breaker: &Breaker) { circuit() } // struct Breaker"), 0);
    }
}
