//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>) from a feed.

use crate::http::app::App;
use crate::http::event_body::EventBody;
use crate::http::problem::{Code, Problem};
use crate::http::socket::Left;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::Bytes;
use futures_util::stream;
use ionveil_journal::{Feed, StoreError};
use ionveil_kernel::Recorded;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};

/// How often an idle stream says where it is.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a stream waits at most before it looks: commits of other nodes wake nobody here.
const LOOK: Duration = Duration::from_millis(500);
/// How many events one chunk of the body has at most.
const BATCH: usize = 128;

struct Session {
    app: App,
    feed: Feed,
    commits: watch::Receiver<u64>,
    said: Duration,
    greeted: bool,
    left: Option<Left>,
    _place: OwnedSemaphorePermit,
}

/// Streams `feed` until the client leaves (`left` tells, where the socket can) or the server drains.
///
/// # Errors
/// `overloaded` if there are too many streams already.
pub fn respond(app: App, feed: Feed, left: Option<Left>) -> Result<HttpResponse, Problem> {
    let place = app.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::new(Code::Overloaded, "too many event streams are open"))?;
    let (commits, said) = (app.node.journal.commits(), app.node.env.monotonic());
    let session = Session { app, feed, commits, said, greeted: false, left, _place: place };
    let chunks = stream::unfold(session, |mut session| async move { session.next().await.map(|chunk| (chunk, session)) });
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Ok(response.content_type("text/event-stream").streaming(Box::pin(chunks)))
}

impl Session {
    /// The next chunk; none ends the stream. A store that cannot be reached ends it too: the client comes back with
    /// its last id.
    async fn next(&mut self) -> Option<Result<Bytes, StoreError>> {
        if !std::mem::replace(&mut self.greeted, true) {
            // Something goes out at once, so that clients and proxies know that the stream is open.
            return Some(Ok(Bytes::from(self.heartbeat())));
        }
        loop {
            if self.app.draining() || self.left.as_ref().is_some_and(Left::yet) {
                return None;
            }
            // Marked as seen before the look, so that a commit during the look wakes the wait after it.
            self.commits.mark_unchanged();
            match self.chunk().await {
                Ok(None) => self.wait().await,
                Ok(Some(text)) => {
                    self.said = self.app.node.env.monotonic();
                    return Some(Ok(Bytes::from(text)));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<String>, StoreError> {
        let mut text = String::new();
        let mut cursor = self.feed.cursor();
        for event in self.feed.next(BATCH).await? {
            // Each event carries the cursor that stands right behind it.
            cursor.0[usize::from(event.partition)] = event.position;
            write_event(&event, &cursor.encode(self.feed.filter()), &mut text);
        }
        let silent = self.app.node.env.monotonic().saturating_sub(self.said);
        let due = text.is_empty() && silent >= HEARTBEAT;
        Ok(if due { Some(self.heartbeat()) } else { Some(text).filter(|text| !text.is_empty()) })
    }

    /// An id without data moves the client's `Last-Event-ID` and calls no handler.
    fn heartbeat(&self) -> String {
        format!(": here\nid: {}\n\n", self.feed.cursor().encode(self.feed.filter()))
    }

    async fn wait(&mut self) {
        let pause = self.app.node.env.sleep(LOOK);
        tokio::select! {
            biased;
            () = left(&mut self.left) => {}
            changed = self.commits.changed() => drop(changed),
            () = pause => {}
        }
    }
}

async fn left(client: &mut Option<Left>) {
    match client {
        Some(client) => client.wait().await,
        None => std::future::pending().await,
    }
}

fn write_event(event: &Recorded, cursor: &str, text: &mut String) {
    // JSON has no raw line breaks, so one `data:` line holds it.
    let data = serde_json::to_string(&EventBody::new(event)).unwrap_or_default();
    text.push_str(&format!("id: {cursor}\nevent: {}\ndata: {data}\n\n", event.event_type));
}
