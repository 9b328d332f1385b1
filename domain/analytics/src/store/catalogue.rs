//! What events have in common: each pair of region and unit type with a severity is a series with a number, so that an event
//! carries four bytes instead of its texts and a filter is looked up instead of compared.

use crate::query::Filter;
use std::collections::BTreeMap;
use std::sync::Arc;

/// So many series are told apart. Of what comes after, region and unit type are [`OTHER`].
pub const SERIES_MAX: usize = 16_384;
/// What stands for regions and unit types beyond [`SERIES_MAX`] series.
pub const OTHER: &str = "other";

/// A series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) region: Arc<str>,
    pub(crate) severity: u8,
    pub(crate) unit_type: Arc<str>,
}

#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    texts: BTreeMap<Arc<str>, u32>,
    numbers: BTreeMap<(u32, u32, u8), u32>,
    series: Vec<Series>,
    folded: u64,
}

impl Catalogue {
    /// The number of a series, which is new or not.
    pub(crate) fn number(&mut self, region: &Arc<str>, severity: u8, unit_type: &Arc<str>) -> u32 {
        if let Some(known) = self.known(region, severity, unit_type) {
            return known;
        }
        let is_last_resort = &**region == OTHER && &**unit_type == OTHER;
        if self.series.len() >= SERIES_MAX && !is_last_resort {
            self.folded += 1;
            return self.number(&OTHER.into(), severity, &OTHER.into());
        }
        let key = (self.text(region), self.text(unit_type), severity);
        let number = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        self.numbers.insert(key, number);
        self.series.push(Series { region: region.clone(), severity, unit_type: unit_type.clone() });
        number
    }

    fn known(&self, region: &str, severity: u8, unit_type: &str) -> Option<u32> {
        self.numbers.get(&(*self.texts.get(region)?, *self.texts.get(unit_type)?, severity)).copied()
    }

    fn text(&mut self, text: &Arc<str>) -> u32 {
        let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        *self.texts.entry(text.clone()).or_insert(next)
    }

    pub(crate) fn series(&self, number: usize) -> &Series {
        &self.series[number]
    }

    pub(crate) const fn len(&self) -> usize {
        self.series.len()
    }

    /// Which series a filter lets through; `None`: all.
    pub(crate) fn mask(&self, filter: &Filter) -> Option<Vec<bool>> {
        let admits = |series: &Series| filter.admits(&series.region, series.severity, &series.unit_type);
        (!filter.is_open()).then(|| self.series.iter().map(admits).collect())
    }

    /// Whether events were counted under [`OTHER`].
    pub(crate) const fn is_folded(&self) -> bool {
        self.folded > 0
    }

    /// What it takes in memory, about.
    pub(crate) const fn bytes(&self) -> usize {
        self.series.len() * (size_of::<Series>() + 128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_series_has_the_same_number_and_too_many_are_folded() {
        let mut catalogue = Catalogue::default();
        let (north, engine): (Arc<str>, Arc<str>) = ("north".into(), "engine".into());
        assert_eq!(catalogue.number(&north, 5, &engine), catalogue.number(&north, 5, &engine));
        assert_ne!(catalogue.number(&north, 5, &engine), catalogue.number(&north, 4, &engine));
        (0..SERIES_MAX).for_each(|n| {
            catalogue.number(&format!("r{n}").into(), 1, &engine);
        });
        assert!(catalogue.is_folded() && catalogue.len() <= SERIES_MAX + 5, "{}", catalogue.len());
        let folded = catalogue.number(&OTHER.into(), 3, &"new".into());
        assert_eq!(catalogue.series(folded as usize), &Series { region: OTHER.into(), severity: 3, unit_type: OTHER.into() });
        assert_eq!(catalogue.number(&north, 5, &engine), 0, "what was known stays known");
    }
}
