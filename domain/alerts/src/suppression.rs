//! Suppressions (specification of IonVeil §6.3, decision D37): for a while, rules whose **whole** id a regular expression matches
//! fire without telling anybody.
//!
//! The `regex` crate takes time linear in the text; patterns are limited in length and in compiled size. Which rules a
//! suppression means is worked out when one of them changes, so that to ask whether a rule is suppressed is one look-up.

use ionveil_kernel::{EntityId, Timestamp};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most characters of a pattern.
pub const PATTERN_CHARS_MAX: usize = 256;
/// The longest suppression, in minutes: a year.
pub const SUPPRESSION_MINUTES_MAX: u32 = 525_600;
const COMPILED_BYTES_MAX: usize = 1 << 20;
const NESTING_MAX: u32 = 32;

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern is a regular expression of at most {PATTERN_CHARS_MAX} characters: {0}")]
pub struct InvalidPattern(String);

/// A regular expression that matches whole texts only.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// [`InvalidPattern`] if it does not compile, is too long, or compiles to too much.
    pub fn new(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() || text.chars().count() > PATTERN_CHARS_MAX {
            return Err(InvalidPattern("it is empty or longer".to_owned()));
        }
        let compile = |text: &str| {
            let built = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).nest_limit(NESTING_MAX).build();
            built.map_err(|error| InvalidPattern(error.to_string()))
        };
        // By itself first: `a)(b` only compiles inside of brackets.
        compile(text)?;
        Ok(Self { text: text.to_owned(), regex: compile(&format!(r"\A(?:{text})\z"))? })
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it matches the whole of `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        Self::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

/// A suppression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// Names it.
    pub id: EntityId,
    /// Matches the whole id of the rules that it means.
    pub pattern: Pattern,
    /// Why.
    pub reason: String,
    /// Who: a subject.
    pub by: String,
    /// From then on.
    pub from: Timestamp,
    /// Until then, which is not in it.
    pub until: Timestamp,
}

/// The suppressions of an organisation, and what they mean to its rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suppressions {
    all: BTreeMap<EntityId, Suppression>,
    /// By rule: those that mean it, the one that ends last first. Each has begun.
    of_rule: BTreeMap<EntityId, Vec<(Timestamp, EntityId)>>,
}

impl Suppressions {
    /// All that were neither lifted nor forgotten.
    pub fn iter(&self) -> impl Iterator<Item = &Suppression> {
        self.all.values()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The suppression of this id.
    #[must_use]
    pub fn get(&self, id: &EntityId) -> Option<&Suppression> {
        self.all.get(id)
    }

    /// What suppresses a known rule at `now`: of several, the one that ends last. Half-open: at its end it is over.
    #[must_use]
    pub fn of(&self, rule: &EntityId, now: Timestamp) -> Option<&EntityId> {
        self.of_rule.get(rule)?.first().filter(|(until, _)| now < *until).map(|(_, id)| id)
    }

    /// What suppresses an id that is none of the known rules' at `now`: of several, the one that ends last.
    #[must_use]
    pub fn matching(&self, id: &EntityId, now: Timestamp) -> Option<&EntityId> {
        let means = self.all.values().filter(|one| now < one.until && one.pattern.matches(id.as_str()));
        means.max_by(|a, b| (a.until, &a.id).cmp(&(b.until, &b.id))).map(|one| &one.id)
    }

    /// Takes one in, and forgets those that ended before it began.
    pub(crate) fn begin<'a>(&mut self, suppression: Suppression, rules: impl IntoIterator<Item = &'a EntityId>) {
        self.all.retain(|_, old| suppression.from < old.until);
        self.all.insert(suppression.id.clone(), suppression);
        self.index(rules);
    }

    /// Takes one out.
    pub(crate) fn lift(&mut self, id: &EntityId) -> Option<Suppression> {
        for means in self.of_rule.values_mut() {
            means.retain(|(_, other)| other != id);
        }
        self.of_rule.retain(|_, means| !means.is_empty());
        self.all.remove(id)
    }

    /// Works out what means which rule.
    pub(crate) fn index<'a>(&mut self, rules: impl IntoIterator<Item = &'a EntityId>) {
        let of = |rule: &EntityId| {
            let means = self.all.values().filter(|suppression| suppression.pattern.matches(rule.as_str()));
            let mut means: Vec<_> = means.map(|suppression| (suppression.until, suppression.id.clone())).collect();
            means.sort_by(|a, b| b.cmp(a));
            means
        };
        let all = rules.into_iter().map(|rule| (rule.clone(), of(rule)));
        self.of_rule = all.filter(|(_, means)| !means.is_empty()).collect();
    }

    /// Takes one in as it was stored; [`Self::index`] follows.
    pub(crate) fn restore(&mut self, suppression: Suppression) {
        self.all.insert(suppression.id.clone(), suppression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> EntityId {
        EntityId::new(text).unwrap()
    }

    fn suppression(name: &str, pattern: &str, from: i64, until: i64) -> Suppression {
        let at = Timestamp::from_micros;
        let pattern = Pattern::new(pattern).unwrap();
        Suppression { id: id(name), pattern, reason: "drill".into(), by: "user:a".into(), from: at(from), until: at(until) }
    }

    #[test]
    fn a_pattern_matches_the_whole_id_only() {
        for (pattern, text, is) in [
            ("sla-.*", "sla-breach", true),
            ("sla", "sla-breach", false),
            ("breach", "sla-breach", false),
            ("a|ab", "ab", true),
            ("ab|a", "a", true),
            ("^sla-breach$", "sla-breach", true),
            ("(?i)SLA-BREACH", "sla-breach", true),
            (".*", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_that_do_not_compile_or_grow_too_large_are_refused() {
        let long = "a".repeat(257);
        let deep = format!("{}a{}", "(".repeat(40), ")".repeat(40));
        for pattern in ["(", "a)(b", "", "[", r"(a)\1", "(?=a)", "(?x)a #", r"\w{100}{100}{100}", &long, &deep] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        assert!(serde_json::from_str::<Pattern>(r#""(""#).is_err());
    }

    #[test]
    fn patterns_that_explode_elsewhere_stay_linear() {
        let bomb = Pattern::new("(a+)+b").unwrap();
        assert!(!bomb.matches(&"a".repeat(100_000)), "2^100000 steps for one that tracks back");
    }

    #[test]
    fn a_suppression_ends_at_its_end_and_the_one_that_ends_last_counts() {
        let rules = [id("sla-breach"), id("other")];
        let mut all = Suppressions::default();
        all.begin(suppression("one", "sla-.*", 0, 60), &rules);
        all.begin(suppression("two", "sla-breach", 10, 100), &rules);
        let of = |all: &Suppressions, at| all.of(&rules[0], Timestamp::from_micros(at)).map(ToString::to_string);
        assert_eq!([of(&all, 10), of(&all, 99), of(&all, 100)], [Some("two".into()), Some("two".into()), None]);
        assert_eq!(all.of(&rules[1], Timestamp::from_micros(10)), None);
        all.lift(&id("two")).unwrap();
        assert_eq!([of(&all, 59), of(&all, 60)], [Some("one".into()), None]);
        assert_eq!(all.lift(&id("two")), None);
        all.begin(suppression("three", "none", 60, 61), &rules);
        assert_eq!(all.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["three"], "what has ended is forgotten");
        assert_eq!((all.len(), all.is_empty()), (1, false));
    }
}
