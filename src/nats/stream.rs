//! Streams: made where they are not there, brought to what is asked for, and what the server says of them compared with that.
//! Older servers take options that they do not know, and leave them out without a word.

use super::BridgeError;
use super::subject;
use crate::config::Nats;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use std::time::Duration;

/// The stream of the events: the oldest go when it is full.
pub(super) fn of_events(nats: &Nats) -> Config {
    Config { name: nats.events_stream.clone(), subjects: vec![subject::EVENTS.to_owned()], ..common(nats) }
}

/// The stream of batches: what was taken in is gone, and when it is full no more are accepted.
pub(super) fn of_batches(nats: &Nats) -> Config {
    Config {
        name: nats.intake_stream.clone(),
        subjects: vec![subject::INTAKE.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        ..common(nats)
    }
}

/// The stream of batches that could not be taken in.
pub(super) fn of_refused(nats: &Nats) -> Config {
    Config { name: format!("{}_REFUSED", nats.intake_stream), subjects: vec![subject::REFUSED.to_owned()], ..common(nats) }
}

fn common(nats: &Nats) -> Config {
    Config {
        max_age: nats.max_age,
        max_bytes: nats.max_bytes,
        num_replicas: nats.replicas,
        duplicate_window: nats.duplicate_window,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        allow_direct: true,
        ..Config::default()
    }
}

/// Which stream it is: one of the same name that is made anew has another number.
pub(super) fn created(info: &Info) -> i128 {
    info.created.unix_timestamp_nanos()
}

/// Makes a stream, or brings it to what is wanted.
///
/// # Errors
/// [`BridgeError::StreamDiffers`] if the server made something else of it; others if it cannot be reached.
pub(super) async fn ensure(jetstream: &Context, wanted: Config) -> Result<Info, BridgeError> {
    let stream = jetstream.get_or_create_stream(wanted.clone()).await.map_err(BridgeError::nats("make a stream"))?;
    let there = stream.cached_info();
    if differences(&wanted, &there.config).is_empty() {
        return Ok(there.clone());
    }
    let updated = jetstream.update_stream(wanted.clone()).await.map_err(BridgeError::nats("change a stream"))?;
    let options = differences(&wanted, &updated.config);
    if options.is_empty() { Ok(updated) } else { Err(BridgeError::StreamDiffers { stream: wanted.name, options: options.join(", ") }) }
}

/// The options that differ.
fn differences(wanted: &Config, there: &Config) -> Vec<&'static str> {
    let is_none = |time: Duration| time.is_zero();
    let differ = [
        ("subjects", wanted.subjects != there.subjects),
        ("retention", wanted.retention != there.retention),
        ("discard", wanted.discard != there.discard),
        ("storage", wanted.storage != there.storage),
        ("max_age", wanted.max_age != there.max_age),
        ("max_bytes", wanted.max_bytes != there.max_bytes),
        ("num_replicas", wanted.num_replicas != there.num_replicas),
        ("duplicate_window", wanted.duplicate_window != there.duplicate_window || is_none(there.duplicate_window)),
        ("allow_direct", wanted.allow_direct != there.allow_direct),
        ("no_ack", there.no_ack),
        ("sealed", there.sealed),
        ("mirror", there.mirror.is_some()),
    ];
    differ.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_the_server_left_out_is_seen() {
        let config = crate::config::of(&[("nats.servers", "nats://a")]).unwrap();
        let wanted = of_events(config.nats.as_ref().unwrap());
        assert_eq!(differences(&wanted, &wanted), Vec::<&str>::new());
        let there = Config { allow_direct: false, max_age: Duration::ZERO, no_ack: true, ..wanted.clone() };
        assert_eq!(differences(&wanted, &there), ["max_age", "allow_direct", "no_ack"]);
    }
}
