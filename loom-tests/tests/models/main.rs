//! Models of the structures of `sync/`: two or three threads each, every interleaving with few preemptions, and every
//! value that a load may see. Data beside a structure is a `Relaxed` atomic, so a missing ordering shows as an old value.
//! They are no stress tests: nothing here runs in parallel.

mod circuit;
mod epoch;
mod gate;
mod latch;
mod permit;

use loom::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Runs `model` under every schedule with at most `preemptions` of them forced.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// What a thread did before a step that publishes it.
#[derive(Default)]
struct Note(AtomicU32);

impl Note {
    fn write(&self) {
        self.0.store(1, Relaxed);
    }

    /// Whether the writing is visible here; may be false for as long as nothing orders it before.
    fn is_visible(&self) -> bool {
        self.0.load(Relaxed) == 1
    }
}
