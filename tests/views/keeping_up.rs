//! A projector that runs beside a journal that grows.

use super::given::{Place, Script, rows};
use ionveil_views::{Phase, ProjectorConfig, Views};
use std::time::Duration;
use tokio::sync::watch;

/// A projector that runs, and the handles on it.
struct Running {
    views: Views,
    status: watch::Receiver<ionveil_views::Status>,
    wake: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    _place: Place,
}

async fn run(script: &Script, mut place: Place) -> Running {
    let views = place.open().await;
    let projector = script.projector(&views, 10);
    let status = projector.status();
    let ((wake, woken), (stop, stopped)) = (watch::channel(0), watch::channel(false));
    script.env.spawn(projector.run(woken, stopped));
    Running { views, status, wake, stop, _place: place }
}

#[tokio::test]
async fn it_follows_until_it_is_stopped() {
    let mut script = Script::with(9).await;
    let mut running = run(&script, Place::sqlite()).await;
    let live = running.status.wait_for(|status| status.phase == Phase::Live).await.unwrap().clone();
    assert_eq!((live.done(), live.total(), live.healthy()), (21, 21, true));
    script.register("a", "new", "dispatch", "queued").await;
    running.wake.send_modify(|commits| *commits += 1);
    running.status.wait_for(|status| status.done() == 22).await.unwrap();
    assert_eq!(rows(&running.views).await, script.expected().await);
    running.stop.send_replace(true);
    running.status.wait_for(|status| status.phase == Phase::Ended(None)).await.unwrap();
}

#[tokio::test]
async fn it_looks_by_itself_when_nobody_wakes_it() {
    let mut script = Script::new().await;
    let Running { mut status, wake, stop, views, _place } = run(&script, Place::memory()).await;
    drop(wake);
    status.wait_for(|status| status.phase == Phase::Live).await.unwrap();
    script.register("a", "new", "dispatch", "queued").await;
    status.wait_for(|status| status.done() == 1).await.unwrap();
    assert_eq!(rows(&views).await.len(), 1);
    drop(stop);
    status.wait_for(|status| status.phase == Phase::Ended(None)).await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_reached_is_shown_and_tried_again() {
    let script = Script::with(3).await;
    let mut running = run(&script, Place::sqlite()).await;
    running.views.close().await;
    let status = running.status.wait_for(|status| matches!(status.phase, Phase::Unavailable(_))).await.unwrap().clone();
    assert!(!status.healthy());
    running.stop.send_replace(true);
    running.status.wait_for(|status| status.phase == Phase::Ended(None)).await.unwrap();
}

#[tokio::test]
async fn progress_is_told_page_by_page() {
    let script = Script::with(30).await;
    let views = Place::memory().open().await;
    let mut told = Vec::new();
    let status = script.projector(&views, 4).catch_up(&mut |status| told.push(status.done())).await.unwrap();
    assert!(told.is_sorted() && told.len() > 10, "{told:?}");
    assert_eq!((told.first(), told.last()), (Some(&0), Some(&status.total())));
}

#[tokio::test]
async fn it_does_not_begin_on_views_of_another_number_of_partitions() {
    let script = Script::with(1).await;
    let views = Views::open(&ionveil_views::Location::Memory, 3).await.unwrap();
    let error = script.projector(&views, 1).catch_up(&mut |_| {}).await.unwrap_err();
    assert!(!error.retryable(), "{error}");
    let config = ProjectorConfig::default();
    assert!(config.poll < Duration::from_secs(1));
}
