//! Licence expressions as crates write them: `A OR B`, `A AND (B OR C)`, `A WITH exception`, and the old `A/B`.

use std::iter::Peekable;

/// Whether the expression can be satisfied with licences that `is_allowed` accepts. What cannot be read is not allowed.
pub(crate) fn is_satisfied(expression: &str, is_allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let verdict = either(&mut words, is_allowed);
    verdict.is_some_and(|satisfied| satisfied && words.next().is_none())
}

type Words<'a, 'b> = &'a mut Peekable<std::str::SplitWhitespace<'b>>;

fn either(words: Words<'_, '_>, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut satisfied = both(words, is_allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        satisfied |= both(words, is_allowed)?;
    }
    Some(satisfied)
}

fn both(words: Words<'_, '_>, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut satisfied = licence(words, is_allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        satisfied &= licence(words, is_allowed)?;
    }
    Some(satisfied)
}

fn licence(words: Words<'_, '_>, is_allowed: &dyn Fn(&str) -> bool) -> Option<bool> {
    match words.next()? {
        "(" => {
            let satisfied = either(words, is_allowed)?;
            words.next_if_eq(&")").map(|_| satisfied)
        }
        ")" | "OR" | "AND" | "WITH" => None,
        name => {
            let exception = words.next_if_eq(&"WITH").map(|_| words.next());
            match exception {
                None => Some(is_allowed(name)),
                Some(exception) => Some(is_allowed(&format!("{name} WITH {}", exception?)) || is_allowed(name)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_weighed() {
        let cases = [
            ("either is enough", "MIT OR GPL-3.0", true),
            ("both are needed", "MIT AND GPL-3.0", false),
            ("AND binds tighter", "GPL-3.0 AND MIT OR MIT", true),
            ("brackets", "(MIT OR GPL-3.0) AND ISC", true),
            ("the old slash", "GPL-3.0/MIT", true),
            ("an exception only adds rights", "Apache-2.0 WITH LLVM-exception", true),
            ("unknown", "Proprietary", false),
            ("unreadable", "MIT OR", false),
            ("unbalanced", "(MIT", false),
            ("words left over", "MIT ISC", false),
            ("nothing", "", false),
        ];
        for (name, expression, expected) in cases {
            let allowed = |licence: &str| ["MIT", "ISC", "Apache-2.0"].contains(&licence);
            assert_eq!(is_satisfied(expression, &allowed), expected, "{name}");
        }
    }
}
