//! Rows of text in columns, and the branches of a tree before them. It knows nothing of terminals but their width.

use console::{Style, Term};

const GAP: &str = "  ";

/// How a table is to look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    /// Longer lines are cut.
    pub(super) columns: Option<usize>,
    /// Whether cells have colours.
    pub(super) colours: bool,
}

impl Look {
    /// How it has to look on standard output: as wide as the terminal, colours only there and unless `NO_COLOR` is set.
    pub(super) fn here() -> Self {
        let term = Term::stdout();
        let size = term.size_checked().filter(|_| term.is_term());
        Self { columns: size.map(|(_, columns)| usize::from(columns)), colours: term.is_term() && console::colors_enabled() }
    }
}

/// A row.
pub(super) struct Row<const COLUMNS: usize> {
    /// What stands in it; all but the branches before a name is without control characters.
    pub(super) cells: [String; COLUMNS],
    /// The column that has a colour, and which.
    pub(super) colour: Option<(usize, Style)>,
}

/// The lines of a table. The columns of `figures` stand to the right, the others to the left; the last one ends where its
/// text does.
pub(super) fn lines<const COLUMNS: usize>(rows: &[Row<COLUMNS>], figures: std::ops::Range<usize>, look: Look) -> Vec<String> {
    let widths: [usize; COLUMNS] = std::array::from_fn(|column| rows.iter().map(|row| width(&row.cells[column])).max().unwrap_or(0));
    rows.iter().map(|row| line(row, &widths, &figures, look)).collect()
}

/// How many columns a text takes. Names are ASCII; branches and marks take one column a character, and what people wrote
/// stands last.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

fn line<const COLUMNS: usize>(row: &Row<COLUMNS>, widths: &[usize; COLUMNS], figures: &std::ops::Range<usize>, look: Look) -> String {
    let cell = |column: usize| {
        let (text, width) = (&row.cells[column], widths[column]);
        match column {
            _ if column + 1 == COLUMNS => text.clone(),
            _ if figures.contains(&column) => format!("{text:>width$}"),
            _ => format!("{text:<width$}"),
        }
    };
    let plain = (0..COLUMNS).map(cell).collect::<Vec<_>>().join(GAP);
    let plain = cut(plain.trim_end(), look.columns);
    match row.colour.as_ref().filter(|_| look.colours) {
        None => plain,
        Some((column, style)) => {
            let from = widths[..*column].iter().map(|width| width + GAP.len()).sum();
            painted(&plain, from, width(&row.cells[*column]), style)
        }
    }
}

/// Colours the cell that begins at a column, as far as it was not cut off.
fn painted(line: &str, from: usize, width: usize, style: &Style) -> String {
    let (before, rest): (String, String) = (line.chars().take(from).collect(), line.chars().skip(from).collect());
    let (cell, after): (String, String) = (rest.chars().take(width).collect(), rest.chars().skip(width).collect());
    format!("{before}{}{after}", style.apply_to(cell))
}

/// The text, as far as it has room.
pub(super) fn cut(line: &str, columns: Option<usize>) -> String {
    match columns {
        Some(most) if line.chars().count() > most => line.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        Some(_) | None => line.to_owned(),
    }
}

/// Every node below some tops, depth first, each with the branches that stand before its name.
pub(super) fn branches(tops: &[usize], below: &[Vec<usize>]) -> Vec<(usize, String)> {
    let mut found = Vec::with_capacity(below.len());
    for top in tops {
        branch(below, *top, ["", ""], &mut found);
    }
    found
}

/// A node and what is below it; `leads` stand before its own name and before those below.
fn branch(below: &[Vec<usize>], index: usize, leads: [&str; 2], found: &mut Vec<(usize, String)>) {
    found.push((index, leads[0].to_owned()));
    let mut children = below[index].iter().peekable();
    while let Some(child) = children.next() {
        let [own, further] = if children.peek().is_some() { ["├─ ", "│  "] } else { ["└─ ", "   "] };
        branch(below, *child, [&format!("{}{own}", leads[1]), &format!("{}{further}", leads[1])], found);
    }
}
