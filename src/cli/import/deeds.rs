//! Carries out what a file says of dispatch: in the order of time for each call and each unit, many of them side by side.

use crate::cli::target::{SendError, Sent, Target};
use crate::import::Deed;
use futures_util::future::{FutureExt, Shared, join_all};
use futures_util::{Stream, StreamExt, stream};
use std::collections::HashMap;
use tokio::sync::oneshot;

/// How many are under way at once.
const AT_ONCE: usize = 512;

type Turn = Shared<oneshot::Receiver<()>>;

/// Sends each deed once those before it that concern the same entity are through. The outcomes come in the deeds' order.
pub(in crate::cli) fn carry_out<'a>(deeds: &'a [Deed], target: &'a Target) -> impl Stream<Item = (&'a Deed, Result<Sent, SendError>)> + 'a {
    let mut last: HashMap<String, Turn> = HashMap::new();
    let queued = deeds.iter().map(move |deed| {
        let (done, through) = oneshot::channel();
        let through = through.shared();
        let before: Vec<Turn> = deed.concerns().into_iter().filter_map(|entity| last.insert(entity, through.clone())).collect();
        async move {
            // Whoever came before and is gone was through as well.
            join_all(before).await;
            let sent = target.report(deed).await;
            drop(done);
            (deed, sent)
        }
    });
    stream::iter(queued).buffered(AT_ONCE)
}
