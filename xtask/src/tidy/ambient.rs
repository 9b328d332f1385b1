//! Where everything must come through `Env`: no clock, randomness, spawn or sleep of one's own, nothing whose order
//! differs from run to run. Clippy bans most of these calls everywhere; here there is no exception but the files
//! that bring an `Env`.

use super::source::end_of_brackets;
use super::{Finding, Source};

/// What is deterministic: the same seed gives the same trace, byte for byte.
const PLACES: [&str; 7] =
    ["kernel/src/", "domain/", "actors/src/", "journal/src/port", "journal/src/writer", "journal/src/memory", "journal/src/feed"];

/// The two that bring what `Env` names, the real runtime and the simulated one, and the one that makes handlers block.
/// Nobody else may.
const PROVIDERS: [&str; 3] = ["actors/src/env.rs", "actors/src/sim.rs", "actors/src/testkit/chaos.rs"];

const CALLS: [&str; 15] = [
    "SystemTime::now",
    "Instant::now",
    "Zoned::now",
    "jiff::Timestamp::now",
    "TimeZone::system",
    "Uuid::now_v7",
    "Uuid::new_v4",
    "tokio::spawn",
    "spawn_local",
    "spawn_blocking",
    "thread::spawn",
    "thread::sleep",
    "time::sleep",
    "Arbiter::new",
    "thread_rng",
];

/// Checks the product code of the deterministic places.
pub(crate) fn check(source: &Source) -> Vec<Finding> {
    let is_bound = PLACES.iter().any(|place| source.path.starts_with(place));
    if !is_bound || PROVIDERS.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let calls = CALLS.iter().flat_map(|call| source.find_word(call).map(|at| (at, *call)));
    let selects = source.find_word("select!").filter(|at| !is_biased(&source.code, *at)).map(|at| (at, "select!"));
    let hashers = ["HashMap", "HashSet"].into_iter().flat_map(|name| {
        source.find_word(name).filter(move |at| has_default_hasher(&source.code[at + name.len()..], name)).map(move |at| (at, name))
    });
    let places = calls.chain(selects).chain(hashers).map(|(at, word)| (source.line_of(at), word));
    places.filter(|(line, _)| !source.is_test(*line)).map(|(line, word)| Finding::error(&source.path, line, message(word))).collect()
}

fn message(word: &str) -> String {
    match word {
        "HashMap" | "HashSet" => {
            format!("{word} with the default hasher iterates in another order in each run: BTreeMap, or name a hasher")
        }
        "select!" => "select! without `biased;` draws lots".to_owned(),
        _ => format!("{word}: ask Env"),
    }
}

fn is_biased(code: &str, at: usize) -> bool {
    code[at..].find(['{', '(']).is_some_and(|open| code[at + open + 1..].trim_start().starts_with("biased;"))
}

/// `rest` is what follows the type's name: too few type arguments, or a constructor that has no hasher.
fn has_default_hasher(rest: &str, name: &str) -> bool {
    let path = rest.strip_prefix("::").unwrap_or(rest);
    if path.starts_with('<') {
        let arguments = count_arguments(path);
        return arguments < if name == "HashMap" { 3 } else { 2 };
    }
    ["::new(", "::with_capacity(", "::from("].iter().any(|constructor| rest.starts_with(constructor))
}

/// How many type arguments stand between the angle brackets that `text` opens with.
fn count_arguments(text: &str) -> usize {
    let inside = &text[1..end_of_brackets(text, 0, b'<', b'>').saturating_sub(1).max(1)];
    let mut depth = 0_i32;
    let commas = inside.bytes().filter(|byte| {
        depth += i32::from(matches!(byte, b'<' | b'(' | b'[')) - i32::from(matches!(byte, b'>' | b')' | b']'));
        *byte == b',' && depth == 0
    });
    commas.count() + usize::from(!inside.trim_end().ends_with(',') && !inside.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Source::new("domain/x/src/a.rs", text)).len()
    }

    #[test]
    fn each_call_is_found() {
        for call in CALLS {
            assert_eq!(count(&format!("fn f() {{ {call}(); }}")), 1, "{call}");
        }
        assert_eq!(count("fn f() { env.spawn(); } // tokio::spawn"), 0);
    }

    #[test]
    fn a_select_must_be_biased() {
        assert_eq!(count("tokio::select! { a = b => {} }"), 1);
        assert_eq!(count("tokio::select! {\n    biased;\n    a = b => {} }"), 0);
    }

    #[test]
    fn default_hashers_are_found() {
        for text in
            ["x: HashMap<u8, (A, B)>,", "HashMap::new()", "HashSet::<u8>::default()", "HashSet<Vec<(u8, u8)>>", "HashSet::with_capacity(1)"]
        {
            assert_eq!(count(text), 1, "{text}");
        }
        for text in
            ["use std::collections::{HashMap, HashSet};", "HashMap<u8, Vec<u8>, Seeded>", "HashSet<u8, Seeded>", "MyHashMap<u8, u8>"]
        {
            assert_eq!(count(text), 0, "{text}");
        }
    }

    #[test]
    fn tests_and_other_places_are_free() {
        assert_eq!(count("#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }"), 0);
        assert_eq!(check(&Source::new("src/a.rs", "Instant::now()")), []);
        assert_eq!(check(&Source::new(PROVIDERS[0], "Instant::now()")), []);
        assert_eq!(check(&Source::new("journal/src/postgres/a.rs", "Instant::now()")), []);
    }
}
