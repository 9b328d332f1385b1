//! Medians and tables.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

/// The middle one, and the range.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    values: Vec<f64>,
}

impl Figure {
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { values }
    }

    pub(crate) fn median(&self) -> f64 {
        self.values[self.values.len() / 2]
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (first, last) = (self.values[0], self.values[self.values.len() - 1]);
        let digits = if self.median() < 100.0 { 1 } else { 0 };
        write!(f, "{:.digits$} ({first:.digits$} – {last:.digits$})", self.median())
    }
}

/// The middle of the ratios of runs that were made side by side.
pub(crate) fn ratio(ours: &[f64], other: &[f64]) -> f64 {
    Figure::new(ours.iter().zip(other).map(|(a, b)| a / b).collect()).median()
}

/// Prints a row of the table.
pub(crate) fn row(what: &str, figure: &str, other: &str, ratio: &str) {
    println!("| {what:<58} | {figure:>28} | {other:>34} | {ratio:>8} |");
}

/// Prints the head of a table.
pub(crate) fn head(title: &str, unit: &str, other: &str) {
    println!("\n{title} (median of the runs, range in brackets)");
    row("what", unit, other, "ratio");
    println!("|{:-<60}|{:->30}|{:->36}|{:->10}|", "", "", "", "");
}
