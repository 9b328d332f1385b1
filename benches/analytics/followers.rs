//! Subscribers of live figures, each a task that reads frames as they come, while a thousand metrics change a thousand times a
//! second in all: how late an update is read, and how many were lost. Beside them one who never reads.

use crate::support::{head, row};
use ionveil::analytics::streams::{Streams, Topic, Watched, written};
use ionveil_analytics::hub::Update;
use ionveil_analytics::{Aggregation, Metric, Window};
use ionveil_kernel::{Env, Org};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const METRICS: usize = 1_000;
const EACH: usize = 10;
const UPDATES_PER_S: usize = 1_000;
const SECONDS: usize = 10;
const WAITING_MAX: usize = 1_024;

pub(crate) async fn a_thousand(env: &Env) {
    head("Subscribers of 10 of 1,000 metrics, 1,000 updates/s: must lose nothing, frames of at most 100 ms", "late, ms p50 / p99", "lost");
    for subscribers in [1_000, 10_000] {
        measure(env, subscribers).await;
    }
}

fn topic(number: usize) -> Topic {
    let region = Some(format!("r{number}"));
    let (metric, window, aggregation) = (Metric::ResponseTime, Window::Minute, Aggregation::Avg);
    Topic::Metric(Watched { metric, window, aggregation, region, severity: None, unit_type: None })
}

async fn measure(env: &Env, subscribers: usize) {
    let (streams, org) = (Arc::new(Streams::new(WAITING_MAX)), Org::new("default").expect("lawful"));
    let silent = streams.follow(env, &org, vec![topic(0)]).expect("followed");
    let (stop, stopped) = watch::channel(false);
    let tasks: Vec<_> = (0..subscribers)
        .map(|number| {
            let topics = (0..EACH).map(|n| topic((number * EACH + n) % METRICS)).collect();
            let follower = streams.follow(env, &org, topics).expect("followed");
            let (env, mut stopped) = (env.clone(), stopped.clone());
            tokio::spawn(async move {
                let (mut late, mut lost, mut bytes) = (Vec::new(), 0, 0);
                loop {
                    let frame = tokio::select! {
                        biased;
                        _ = stopped.wait_for(|stop| *stop) => return (late, lost, bytes),
                        frame = follower.next() => frame,
                    };
                    let now = env.now();
                    late.extend(frame.updates.iter().map(|update| now.since(update.at).as_secs_f64() * 1e3));
                    lost += frame.dropped;
                    bytes += written(frame.updates.iter().map(|update| &update.value), frame.dropped).len();
                }
            })
        })
        .collect();
    let value: Arc<str> = r#"{"topic":"response_time:1m:avg","value":4.5,"count":12}"#.into();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / UPDATES_PER_S as u32);
    for number in 0..UPDATES_PER_S * SECONDS {
        tick.tick().await;
        streams.tell(&org, &Update { key: topic(number % METRICS), at: env.now(), value: value.clone() });
    }
    env.sleep(Duration::from_millis(500)).await;
    stop.send_replace(true);
    let (mut late, mut lost) = (Vec::new(), 0);
    for task in tasks {
        let (theirs, dropped, _) = task.await.expect("no panic");
        late.extend(theirs);
        lost += dropped;
    }
    late.sort_by(f64::total_cmp);
    assert_eq!(late.len(), UPDATES_PER_S * SECONDS * subscribers * EACH / METRICS, "every update reached all who follow it");
    assert!(silent.waiting() <= WAITING_MAX);
    let at = |share: usize| late[(late.len() * share / 100).min(late.len() - 1)];
    row(&format!("{subscribers} subscribers"), &format!("{:.1} / {:.1}", at(50), at(99)), &lost.to_string(), "");
}
