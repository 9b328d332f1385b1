//! How well a node is: the moving average of what was seen of it within a window of time, and which way it goes
//! (`latticeforge.md` L1, rules 3 and 5).

use crate::Settings;
use ionveil_kernel::Timestamp;
use ionveil_kernel::statistics::{Alpha, ewma_step};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// So many samples of a node are kept, the newest. With the default weight, what is older than the last 30 moves an average
/// by less than it is rounded to.
pub const SAMPLES_MAX: usize = 512;

/// How something went at a node.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// From 0, a failure, to 1, a success.
    pub value: f64,
}

/// How well a node is at an instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// From 0 to 1; 1 where nothing is known: unknown is not unhealthy.
    pub health: f64,
    /// Health less its own mean over the window: negative when it gets worse.
    pub trend: f64,
    /// How many samples it rests on.
    pub samples: usize,
}

impl Health {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { health: 1.0, trend: 0.0, samples: 0 };

    /// Of values in the order of time.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>, alpha: Alpha) -> Self {
        let mut values = values.into_iter();
        let Some(first) = values.next() else { return Self::UNKNOWN };
        let (mut average, mut sum, mut samples) = (first, first, 1);
        for value in values {
            average = ewma_step(average, value, alpha);
            sum += average;
            samples += 1;
        }
        Self { health: average, trend: average - sum / samples as f64, samples }
    }
}

/// The samples of a node, in the order of time; those of the same instant in the order in which they came. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Samples(Arc<Vec<Sample>>);

impl Samples {
    /// The same with one more; of more than [`SAMPLES_MAX`] the oldest is left out.
    #[must_use]
    pub fn with(mut self, sample: Sample) -> Self {
        let samples = Arc::make_mut(&mut self.0);
        let place = samples.partition_point(|known| known.at <= sample.at);
        samples.insert(place, sample);
        let over = samples.len().saturating_sub(SAMPLES_MAX);
        samples.drain(..over);
        self
    }

    /// How well the node is at `now`, by the samples with `now − window < at ≤ now`.
    #[must_use]
    pub fn health(&self, now: Timestamp, settings: &Settings) -> Health {
        Health::of(self.within(now, settings.window).iter().map(|sample| sample.value), settings.alpha)
    }

    /// When the first of those that count at `now` counts no more, or the next one begins to.
    #[must_use]
    pub fn until(&self, now: Timestamp, window: Duration) -> Timestamp {
        let ends = self.within(now, window).first().map(|first| first.at.after(window));
        let next = self.0.iter().find(|sample| sample.at > now).map(|sample| sample.at);
        ends.into_iter().chain(next).min().unwrap_or(Timestamp::MAX)
    }

    /// What health becomes by the passing of time alone: each instant after `now` at which a sample counts no more, and the
    /// health from then on, ascending.
    #[must_use]
    pub fn ageing(&self, now: Timestamp, settings: &Settings) -> Vec<(Timestamp, f64)> {
        let samples = self.within(now, settings.window);
        let mut after = healths_from_each(samples, settings.alpha).into_iter().skip(1).chain([Health::UNKNOWN.health]);
        let mut steps: Vec<(Timestamp, f64)> = Vec::with_capacity(samples.len());
        for (sample, health) in samples.iter().zip(&mut after) {
            let instant = sample.at.after(settings.window);
            match steps.last_mut().filter(|last| last.0 == instant) {
                Some(last) => last.1 = health,
                None => steps.push((instant, health)),
            }
        }
        steps
    }

    /// Whether each that counts at `now` is at least `limit`: then so is health, for as long as no other comes.
    #[must_use]
    pub fn all_at_least(&self, limit: f64, now: Timestamp, window: Duration) -> bool {
        self.within(now, window).iter().all(|sample| sample.value >= limit)
    }

    fn within(&self, now: Timestamp, window: Duration) -> &[Sample] {
        let end = self.0.partition_point(|sample| sample.at <= now);
        let begin = self.0[..end].partition_point(|sample| sample.at.after(window) <= now);
        &self.0[begin..end]
    }
}

/// The last average of the series that begins at each place. Averages that began apart soon meet, because they are rounded:
/// so there are few to carry on, not one for each place.
fn healths_from_each(samples: &[Sample], alpha: Alpha) -> Vec<f64> {
    // The first place of each run of places whose averages have met, and the average.
    let mut runs: Vec<(usize, f64)> = Vec::new();
    for (place, sample) in samples.iter().enumerate() {
        for run in &mut runs {
            run.1 = ewma_step(run.1, sample.value, alpha);
        }
        runs.push((place, sample.value));
        runs.dedup_by(|later, earlier| later.1 == earlier.1);
    }
    let ends = runs.iter().skip(1).map(|run| run.0).chain([samples.len()]);
    runs.iter().zip(ends).flat_map(|((begin, average), end)| (*begin..end).map(|_| *average)).collect()
}
