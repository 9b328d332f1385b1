//! Carries out what a file says of dispatch: in the order of time for each call and each unit, many of them side by side.

use crate::cli::target::{SendError, Sent, Target};
use crate::import::Deed;
use futures_util::future::{FutureExt, Shared, join_all};
use futures_util::{Stream, StreamExt, stream};
use ionveil_kernel::{Env, Timestamp};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::oneshot;

/// How many are under way at once.
const AT_ONCE: usize = 512;

type Turn = Shared<oneshot::Receiver<()>>;

/// When a deed is sent that was at some time: `begun` stands for `from`, and time goes `speed` times as fast.
pub(in crate::cli) struct Pace {
    pub(in crate::cli) env: Env,
    pub(in crate::cli) begun: Duration,
    pub(in crate::cli) from: Timestamp,
    pub(in crate::cli) speed: u32,
}

impl Pace {
    async fn wait_for(&self, at: Timestamp) {
        let due = self.begun + at.since(self.from) / self.speed;
        let left = due.saturating_sub(self.env.monotonic());
        if !left.is_zero() {
            self.env.sleep(left).await;
        }
    }
}

/// Sends each deed once those before it that concern the same entity are through. The outcomes come in the deeds' order.
pub(in crate::cli) fn carry_out<'a>(
    deeds: &'a [Deed],
    target: &'a Target,
    pace: Option<&'a Pace>,
) -> impl Stream<Item = (&'a Deed, Result<Sent, SendError>)> + 'a {
    let mut last: HashMap<String, Turn> = HashMap::new();
    let queued = deeds.iter().map(move |deed| {
        let (done, through) = oneshot::channel();
        let through = through.shared();
        let before: Vec<Turn> = deed.concerns().into_iter().filter_map(|entity| last.insert(entity, through.clone())).collect();
        async move {
            if let Some(pace) = pace {
                pace.wait_for(deed.at).await;
            }
            // Whoever came before and is gone was through as well.
            join_all(before).await;
            let sent = target.report(deed).await;
            drop(done);
            (deed, sent)
        }
    });
    stream::iter(queued).buffered(AT_ONCE)
}
