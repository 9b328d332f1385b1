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
    draining: AtomicBool,
}

impl App {
    /// Routes on top of `node`.
    #[must_use]
    pub fn new(node: Node) -> Self {
        Self(Arc::new(Shared { node, streams: Arc::new(Semaphore::new(STREAMS_MAX)), draining: AtomicBool::new(false) }))
    }

    /// Whether the server is shutting down.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
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
