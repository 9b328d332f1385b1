//! What free text says about a call: severity, priority, category and the skills wanted (specification of IonVeil §3.1,
//! §4.2, §4.3). Whole words only: "highway" is not *high*, and "flow" is not *low* (trap T08, decision D05). A plural `s`
//! is heard as well: "fires" is *fire*.

use crate::scale::{Priority, Severity};

/// A text, cut into words of letters and digits, in small letters.
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn of(texts: &[&str]) -> Self {
        let words = texts.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
        Self(words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect())
    }

    fn has(&self, phrase: &str) -> bool {
        let phrase: Vec<_> = phrase.split(' ').collect();
        let is_word = |(word, wanted): (&String, &&str)| word == wanted || word.strip_suffix('s') == Some(wanted);
        self.0.windows(phrase.len()).any(|words| words.iter().zip(&phrase).all(is_word))
    }

    /// What the first row says of which a phrase is in the text.
    fn first<T: Copy>(&self, table: &[(T, &[&str])]) -> Option<T> {
        table.iter().find(|(_, phrases)| phrases.iter().any(|phrase| self.has(phrase))).map(|(means, _)| *means)
    }
}

const SEVERITIES: [(u8, &[&str]); 4] = [
    (5, &["explosion", "collapse", "mass casualty", "critical"]),
    (4, &["fire", "active shooter", "hazmat", "high"]),
    (3, &["accident", "injury", "structural", "moderate"]),
    (2, &["alarm", "welfare check", "low"]),
];

/// How bad the text sounds: the worst tier of which it has a word, else 1.
#[must_use]
pub fn severity(text: &str) -> Severity {
    let tier = Words::of(&[text]).first(&SEVERITIES);
    tier.and_then(|tier| Severity::new(tier.into()).ok()).unwrap_or(Severity::MILDEST)
}

const PRIORITIES: [(u8, &[&str]); 5] = [
    (1, &["explosion", "active shooter", "mass casualty"]),
    (2, &["structure fire", "cardiac arrest", "hazmat"]),
    (3, &["traffic accident", "medical emergency"]),
    (4, &["noise complaint"]),
    (5, &["parking violation"]),
];

/// The most urgent priority that the texts name, if they name one.
#[must_use]
pub fn priority(texts: &[&str]) -> Option<Priority> {
    Words::of(texts).first(&PRIORITIES).and_then(|tier| Priority::new(tier.into()).ok())
}

/// The category of a call that has none.
pub const GENERAL: &str = "general";

const CATEGORIES: [(&str, &[&str]); 5] = [
    ("fire", &["fire", "blaze", "smoke", "arson"]),
    ("medical", &["medical", "injury", "cardiac", "trauma", "overdose"]),
    ("law_enforcement", &["crime", "assault", "robbery", "theft", "shooting"]),
    ("natural_disaster", &["flood", "earthquake", "tornado", "hurricane", "storm"]),
    ("hazmat", &["hazmat", "chemical", "spill", "radiation"]),
];

/// The category that the texts speak of: the first of the table, else [`GENERAL`].
#[must_use]
pub fn category(texts: &[&str]) -> &'static str {
    Words::of(texts).first(&CATEGORIES).unwrap_or(GENERAL)
}

const SKILLS: [([&str; 2], &[&str]); 4] = [
    (["firefighting", "hazmat"], &["fire", "blaze", "smoke"]),
    (["emt", "paramedic"], &["medical", "injury", "heart", "trauma"]),
    (["law_enforcement", "negotiation"], &["crime", "assault", "robbery", "armed"]),
    (["search_rescue", "heavy_equipment"], &["flood", "earthquake", "hurricane"]),
];

/// The skills that the texts call for, each once, in the table's order.
#[must_use]
pub fn skills(texts: &[&str]) -> Vec<&'static str> {
    let words = Words::of(texts);
    let rows = SKILLS.iter().filter(|(_, phrases)| phrases.iter().any(|phrase| words.has(phrase)));
    rows.flat_map(|(skills, _)| *skills).collect()
}

#[cfg(test)]
mod tests {
    use super::{category, priority, severity, skills};

    #[test]
    fn severity_is_the_worst_tier_that_is_named() {
        for (text, tier) in [
            ("EXPLOSION near a low bridge", 5),
            ("mass-casualty incident", 5),
            ("mass evacuation, casualty unknown", 1),
            ("fires in the hills", 4),
            ("active shooter", 4),
            ("injury after a fall", 3),
            ("welfare check", 2),
            ("traffic on the highway", 1),
            ("the flow is slow, follow below", 1),
            ("", 1),
            ("misfire", 1),
        ] {
            assert_eq!(severity(text).number(), tier, "{text}");
        }
    }

    #[test]
    fn priority_is_named_or_not() {
        let of = |text| priority(&[text]).map(super::Priority::number);
        assert_eq!(of("Structure fire, then an explosion"), Some(1));
        assert_eq!(of("structure fire"), Some(2));
        assert_eq!(of("structure on fire"), None);
        assert_eq!(of("traffic accident"), Some(3));
        assert_eq!(of("noise complaint and parking violation"), Some(4));
        assert_eq!(of("parking violations"), Some(5));
        assert_eq!(of("cat in a tree"), None);
    }

    #[test]
    fn category_is_the_first_of_the_table() {
        for (text, is) in [
            ("smoke after a robbery", "fire"),
            ("overdose", "medical"),
            ("shooting in a storm", "law_enforcement"),
            ("earthquake", "natural_disaster"),
            ("chemical spill", "hazmat"),
            ("firewall upgrade", "general"),
        ] {
            assert_eq!(category(&[text, ""]), is, "{text}");
        }
    }

    #[test]
    fn a_skill_is_wanted_once() {
        assert_eq!(skills(&["fire and smoke", "blaze"]), ["firefighting", "hazmat"]);
        assert_eq!(skills(&["armed robbery", "trauma"]), ["emt", "paramedic", "law_enforcement", "negotiation"]);
        assert!(skills(&["hearth"]).is_empty());
    }
}
