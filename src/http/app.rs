//! What the handlers share.

use crate::node::Node;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

/// The most event streams that are open at once.
const STREAMS_MAX: usize = 512;

/// A cheap handle on what the handlers share.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What the handlers share.
pub struct Shared {
    /// The node behind the routes.
    pub node: Node,
    /// Places for event streams.
    pub streams: Arc<Semaphore>,
    leaving: AtomicBool,
    draining: AtomicBool,
}

impl App {
    /// Routes on top of `node`.
    #[must_use]
    pub fn new(node: Node) -> Self {
        Self(Arc::new(Shared {
            node,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            leaving: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        }))
    }

    /// Whether the server is shutting down.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Whether callers should go elsewhere: it hands over what it has, or is shutting down.
    #[must_use]
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire) || self.draining()
    }

    /// From now on callers should go elsewhere; those who come are still answered.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// From now on the server is shutting down.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }
}

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}
