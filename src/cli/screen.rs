//! Where a picture goes that changes: on a terminal each takes the place of the one before, elsewhere they follow each
//! other with an empty line between them.

use crate::cli::table::Look;
use console::Term;
use std::io::Write;

/// Standard output.
pub(super) struct Screen {
    term: Term,
    shown: bool,
    /// How to see less.
    hint: &'static str,
}

impl Screen {
    /// `hint` says how to see less, where a picture has too many lines.
    pub(super) fn new(hint: &'static str) -> Self {
        Self { term: Term::stdout(), shown: false, hint }
    }

    /// How a picture has to look here.
    pub(super) fn look(&self) -> Look {
        Look::here()
    }

    pub(super) fn is_term(&self) -> bool {
        self.term.is_term()
    }

    fn size(&self) -> Option<(usize, usize)> {
        let size = self.term.size_checked().filter(|_| self.term.is_term());
        size.map(|(rows, columns)| (usize::from(rows), usize::from(columns)))
    }

    /// Shows the next picture.
    ///
    /// # Errors
    /// If it cannot be written, for example because the reader has gone away.
    pub(super) fn show(&mut self, lines: &[String]) -> std::io::Result<()> {
        let first = !std::mem::replace(&mut self.shown, true);
        let text = match self.size() {
            Some((rows, _)) => {
                let start = if first { "\u{1b}[2J\u{1b}[H" } else { "\u{1b}[H" };
                // Line by line over what stands there, so that nothing flickers.
                let lines = fit(lines, rows, self.hint).into_iter().map(|line| format!("{line}\u{1b}[K\n")).collect::<String>();
                format!("{start}{lines}\u{1b}[J")
            }
            None => format!("{}{}\n", if first { "" } else { "\n" }, lines.join("\n")),
        };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// As many lines as a terminal has rows, with a word about the rest; its last row is the cursor's.
fn fit(lines: &[String], rows: usize, hint: &str) -> Vec<String> {
    let room = rows.saturating_sub(1).max(1);
    if lines.len() <= room {
        return lines.to_vec();
    }
    let shown = room - 1;
    let more = format!("… {} more lines; {hint}", lines.len() - shown);
    lines.iter().take(shown).cloned().chain([more]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_picture_is_cut_to_the_rows_that_there_are() {
        let lines: Vec<_> = (0..5).map(|n| n.to_string()).collect();
        let fit = |lines: &[String], rows| fit(lines, rows, "--depth 2 shows less");
        assert_eq!(fit(&lines, 6), lines);
        assert_eq!(fit(&lines, 5), ["0", "1", "2", "… 2 more lines; --depth 2 shows less"]);
        assert_eq!(fit(&lines, 0).len(), 1);
    }
}
