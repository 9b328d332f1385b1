//! The line records of an LCOV report: which lines have code, and how often each ran. Functions and branches are not read.

use std::collections::BTreeMap;
use std::path::Path;

/// Lines with code, each with how often it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    hits: Vec<(u32, u64)>,
}

impl Lines {
    /// From pairs of line number (from 1) and count, ascending.
    pub(crate) fn new(hits: impl IntoIterator<Item = (u32, u64)>) -> Self {
        Self { hits: hits.into_iter().collect() }
    }

    /// How many lines have code.
    pub(crate) fn all(&self) -> usize {
        self.hits.len()
    }

    /// How many of them ran.
    pub(crate) fn hit(&self) -> usize {
        self.hits.iter().filter(|(_, count)| *count > 0).count()
    }

    /// The share that ran; all of nothing is 100.
    pub(crate) fn percent(&self) -> f64 {
        if self.hits.is_empty() { 100.0 } else { self.hit() as f64 * 100.0 / self.all() as f64 }
    }

    /// Both together; the line numbers mean nothing any more.
    pub(crate) fn plus(mut self, other: &Self) -> Self {
        self.hits.extend(&other.hits);
        self
    }

    /// Leaves out the lines that `skip` says.
    pub(crate) fn without(mut self, skip: impl Fn(u32) -> bool) -> Self {
        self.hits.retain(|(line, _)| !skip(*line));
        self
    }

    /// What did not run, such as `3-5, 9`.
    pub(crate) fn missed_ranges(&self) -> String {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut previous_missed = false;
        for &(line, count) in &self.hits {
            match ranges.last_mut() {
                Some(last) if count == 0 && previous_missed => last.1 = line,
                _ if count == 0 => ranges.push((line, line)),
                _ => {}
            }
            previous_missed = count == 0;
        }
        let text = |(from, to): &(u32, u32)| if from == to { from.to_string() } else { format!("{from}-{to}") };
        ranges.iter().map(text).collect::<Vec<_>>().join(", ")
    }
}

/// Lines by file, relative to `root`; files elsewhere are left out.
pub(crate) fn parse(report: &str, root: &Path) -> BTreeMap<String, Lines> {
    let mut files: BTreeMap<String, BTreeMap<u32, u64>> = BTreeMap::new();
    let mut current = None;
    for record in report.lines() {
        if let Some(file) = record.strip_prefix("SF:") {
            current = Path::new(file).strip_prefix(root).ok().and_then(Path::to_str).map(str::to_owned);
        } else if let (Some(data), Some(file)) = (record.strip_prefix("DA:"), &current)
            && let Some((line, count)) = line_and_count(data)
        {
            *files.entry(file.clone()).or_default().entry(line).or_default() += count;
        }
    }
    files.into_iter().map(|(file, hits)| (file, Lines::new(hits))).collect()
}

fn line_and_count(data: &str) -> Option<(u32, u64)> {
    let mut fields = data.split(',');
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "SF:/r/kernel/src/a.rs\nDA:1,2\nDA:2,0\nDA:3,0\nDA:5,0\nDA:6,1\nend_of_record\nSF:/elsewhere/b.rs\nDA:1,1\n";

    #[test]
    fn lines_are_read_per_file_below_the_root() {
        let files = parse(REPORT, Path::new("/r"));
        assert_eq!(files.keys().collect::<Vec<_>>(), ["kernel/src/a.rs"]);
        let lines = &files["kernel/src/a.rs"];
        assert_eq!((lines.hit(), lines.all()), (2, 5));
        assert_eq!(lines.percent(), 40.0);
        assert_eq!(lines.missed_ranges(), "2-5");
    }

    #[test]
    fn test_code_is_left_out() {
        let lines = parse(REPORT, Path::new("/r"))["kernel/src/a.rs"].clone().without(|line| line > 2);
        assert_eq!((lines.hit(), lines.all()), (1, 2));
    }

    #[test]
    fn all_of_nothing_is_covered() {
        assert_eq!(Lines::default().percent(), 100.0);
    }
}
