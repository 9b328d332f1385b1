//! Finds the name that somebody probably meant.

/// The one of `known` that is nearest to `name`, if it is near enough to be meant: at most a third of its letters differ.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Hostile names can be long, and the distance costs the product of both lengths.
    if name.len() > 64 {
        return None;
    }
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["machine", "initial_state", "attributes", "id"];
        for (name, found) in [
            ("machin", Some("machine")),
            ("initialstate", Some("initial_state")),
            ("atributes", Some("attributes")),
            ("ld", Some("id")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known.into_iter()), found, "{name}");
        }
        assert_eq!(nearest(&"machine".repeat(100), known.into_iter()), None);
    }
}
