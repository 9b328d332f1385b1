//! What a panic said, as a text that is fit to be kept and shown.

use std::any::Any;

/// Longer texts are cut.
const LENGTH_MAX: usize = 300;

/// The message of a caught panic.
pub(crate) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a panic without a text");
    let end = text.char_indices().map(|(at, _)| at).nth(LENGTH_MAX).unwrap_or(text.len());
    format!("panicked: {}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_and_cut() {
        assert_eq!(message(&"index out of range"), "panicked: index out of range");
        assert_eq!(message(&"é".repeat(400)).chars().count(), "panicked: ".len() + LENGTH_MAX);
        assert_eq!(message(&7_u8), "panicked: a panic without a text");
    }
}
