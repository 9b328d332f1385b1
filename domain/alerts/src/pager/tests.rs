//! Tests of a pager: one notification for each step, attempts, limits and digests.

use super::*;
use crate::testing::{World, id, micros, min};
use crate::words::Severity;
use ionveil_kernel::Rejection as _;

fn world() -> World<Pager> {
    World::new(Pager { limit: 2, window: Duration::from_mins(5), backoff: Backoff::default() }, "desk")
}

fn page(alert: &str, severity: Severity) -> Command {
    Command::Page { alert: id(alert), step: 1, channel: Channel::Sms, severity }
}

fn warn(world: &mut World<Pager>, alert: &str, at: Timestamp) -> Vec<Event> {
    world.tell(at, &page(alert, Severity::Warning)).unwrap()
}

fn only(world: &World<Pager>) -> EntityId {
    let mut ids = world.state.state.under_way.keys();
    let id = ids.next().cloned().unwrap();
    assert_eq!(ids.next(), None);
    id
}

fn begin(world: &mut World<Pager>, at: Timestamp, attempt: u32) -> Result<Vec<Event>, Rejection> {
    let notification = only(world);
    world.tell(at, &Command::Begin { notification, attempt })
}

fn report(world: &mut World<Pager>, at: Timestamp, attempt: u32, outcome: Outcome, permanent: bool) -> Vec<Event> {
    let (notification, reason) = (only(world), Some("the gateway said 503".to_owned()));
    world.tell(at, &Command::Report { notification, attempt, outcome, permanent, reason }).unwrap()
}

fn then(events: &[Event]) -> Then {
    let Some(Event::AttemptEnded(ended)) = events.first() else { panic!("{events:?}") };
    ended.then.clone()
}

fn settled(outcome: Outcome, alert: &str) -> Then {
    Then::Settled { outcome, channel: Channel::Sms, steps: vec![Step { alert: id(alert), step: 1 }] }
}

#[test]
fn a_notification_is_made_once_for_each_alert_step_channel_and_recipient() {
    let mut first = world();
    assert_eq!(warn(&mut first, "a", min(0)).len(), 1);
    assert!(warn(&mut first, "a", min(1)).is_empty());
    let ids = |channel, step, desk: &str| {
        let mut world = World::new(Pager::default(), desk);
        world.tell(min(0), &Command::Page { alert: id("a"), step, channel, severity: Severity::Info }).unwrap();
        only(&world)
    };
    let all = [ids(Channel::Sms, 1, "desk"), ids(Channel::Sms, 2, "desk"), ids(Channel::Push, 1, "desk"), ids(Channel::Sms, 1, "other")];
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    assert_eq!(all[0], only(&first), "it follows from what it is about");
    first.check_laws();
}

#[test]
fn what_is_sent_is_settled() {
    let mut world = world();
    warn(&mut world, "a", min(0));
    assert!(matches!(begin(&mut world, min(0), 1).unwrap()[..], [Event::AttemptBegun(AttemptBegun { attempt: 1, .. })]));
    let (notification, again) = (only(&world), Command::Begin { notification: only(&world), attempt: 2 });
    assert_eq!(world.tell(min(0), &again).unwrap_err().code(), "not_under_way");
    assert_eq!(then(&report(&mut world, min(0), 1, Outcome::Sent, false)), settled(Outcome::Sent, "a"));
    let late = Command::Report { notification: notification.clone(), attempt: 1, outcome: Outcome::Failed, permanent: false, reason: None };
    assert!(world.tell(min(1), &late).unwrap().is_empty());
    assert_eq!(world.tell(min(1), &Command::Begin { notification, attempt: 1 }).unwrap_err(), Rejection::NotUnderWay);
    assert_eq!(world.next(min(1_000)), None);
    world.check_laws();
}

#[test]
fn what_fails_is_tried_again_by_the_plan_and_then_given_up() {
    let mut world = world();
    warn(&mut world, "a", min(0));
    let (mut now, mut waits) = (min(0), Vec::new());
    for attempt in 1..=6 {
        begin(&mut world, now, attempt).unwrap();
        let outcome = then(&report(&mut world, now, attempt, Outcome::Failed, false));
        let Then::Retry { at } = outcome else {
            assert_eq!((attempt, outcome), (6, settled(Outcome::Failed, "a")));
            break;
        };
        assert_eq!(begin(&mut world, now, attempt).unwrap_err(), Rejection::NotUnderWay, "it has ended");
        waits.push(at.since(now).as_secs());
        now = at;
        assert!(matches!(world.run(now)[..], [(_, Event::Retried(_))]));
    }
    assert_eq!(waits, [5, 10, 20, 40, 80]);
    world.check_laws();
    let mut world = self::world();
    warn(&mut world, "a", min(0));
    begin(&mut world, min(0), 1).unwrap();
    assert_eq!(then(&report(&mut world, min(0), 1, Outcome::Failed, true)), settled(Outcome::Failed, "a"), "it would fail again");
}

#[test]
fn an_attempt_that_ended_nowhere_is_unknown_and_repeated_under_the_same_id() {
    let mut world = world();
    warn(&mut world, "a", min(0));
    let before = only(&world);
    begin(&mut world, min(0), 1).unwrap();
    // The sender is killed; another one is given the same attempt.
    let events = begin(&mut world, min(1), 1).unwrap();
    let Event::AttemptEnded(ended) = &events[0] else { panic!() };
    assert_eq!((ended.outcome, ended.then.clone()), (Outcome::Unknown, Then::Retry { at: min(1).after(Duration::from_secs(5)) }));
    world.run(min(2));
    assert_eq!(only(&world), before);
    begin(&mut world, min(2), 2).unwrap();
    assert_eq!(then(&report(&mut world, min(2), 2, Outcome::Failed, true)), settled(Outcome::Unknown, "a"), "the first may have come");
    world.check_laws();
}

#[test]
fn what_is_too_much_goes_into_one_digest_and_an_emergency_does_not() {
    let mut world = world();
    for (alert, at) in [("a", min(0)), ("b", min(1))] {
        assert!(matches!(warn(&mut world, alert, at)[..], [Event::Queued(_)]));
    }
    for (alert, at) in [("c", min(2)), ("d", micros(299_999_999))] {
        let events = warn(&mut world, alert, at);
        assert!(matches!(&events[..], [Event::Held(held)] if held.due == min(5)), "{events:?}");
    }
    assert!(warn(&mut world, "c", min(3)).is_empty(), "it is in the digest");
    assert!(matches!(world.tell(min(3), &page("e", Severity::Emergency)).unwrap()[..], [Event::Queued(Queued { counts: false, .. })]));
    let other = Command::Page { alert: id("f"), step: 1, channel: Channel::Email, severity: Severity::Info };
    assert!(matches!(world.tell(min(3), &other).unwrap()[..], [Event::Queued(_)]), "each channel has its own window");
    let happened = world.run(min(5));
    let [(at, Event::Queued(Queued { about: About::Digest(members), .. }))] = &happened[..] else { panic!("{happened:?}") };
    assert_eq!((*at, members.iter().map(|member| member.about.alert.as_str()).collect::<Vec<_>>()), (min(5), vec!["c", "d"]));
    assert!(matches!(warn(&mut world, "g", min(5))[..], [Event::Held(_)]), "the digest counts, with the page of minute 1");
    assert!(matches!(world.run(min(6))[..], [(_, Event::Queued(_))]));
    assert_eq!(world.next(min(10_000)), None);
    world.check_laws();
}

#[test]
fn no_page_is_ever_dropped() {
    let mut world = world();
    let mut asked = 0;
    for minute in 0..60 {
        for _ in 0..7 {
            world.run(min(minute));
            warn(&mut world, &format!("a{asked}"), min(minute));
            asked += 1;
        }
    }
    world.run(min(100));
    let about = |event: &Event| if let Event::Queued(queued) = event { queued.about.steps() } else { Vec::new() };
    let told: Vec<_> = world.past.iter().flat_map(|(_, event)| about(event)).map(|step| step.alert).collect();
    let messages = world.past.iter().filter(|(_, event)| matches!(event, Event::Queued(_))).count();
    assert_eq!(told.iter().collect::<std::collections::BTreeSet<_>>().len(), asked);
    assert_eq!(told.len(), asked, "and none is told twice");
    assert!(messages <= 30, "{messages} messages");
}

#[test]
fn a_digest_that_is_full_goes_at_once() {
    let mut world = world();
    for number in 0..DIGEST_MEMBERS_MAX + 2 {
        warn(&mut world, &format!("a{number}"), min(0));
    }
    assert_eq!((world.state.state.digests.len(), world.state.state.under_way.len()), (0, 3));
}

#[test]
fn a_test_message_waits_for_nothing() {
    let mut world = world();
    warn(&mut world, "a", min(0));
    warn(&mut world, "b", min(0));
    let events = world.tell(min(0), &Command::Test { channel: Channel::Sms }).unwrap();
    assert!(matches!(&events[..], [Event::Queued(Queued { about: About::Test, counts: false, .. })]));
}

#[test]
fn a_stored_history_that_cannot_be_is_found() {
    let mut world = world();
    warn(&mut world, "a", min(0));
    let (id_of, queued) = (only(&world), world.past[0].1.clone());
    let ended = |attempt| {
        Event::AttemptEnded(AttemptEnded { attempt, outcome: Outcome::Sent, reason: None, at: min(0), then: Then::Retry { at: min(1) } })
    };
    let digest = Event::Queued(Queued { about: About::Digest(vec![]), channel: Channel::Sms, counts: true, at: min(0) });
    for (number, name, event) in [
        (1, id_of.clone(), queued),
        (1, id("other"), ended(1)),
        (2, id("other"), digest),
        (3, id_of.clone(), ended(1)),
        (3, id_of.clone(), Event::AttemptBegun(AttemptBegun { attempt: 2, at: min(0) })),
        (3, id_of.clone(), Event::Retried(Retried { attempt: 2, at: min(0) })),
    ] {
        let broken = world.state.clone();
        let decider = Pager::default();
        assert_eq!(decider.evolve(broken, &NotificationStream(name), &event).unwrap_err().number, number, "{event:?}");
    }
    assert_eq!(Pager::default().on_timer("other", min(0)), None);
    let owner: StreamId = "pager:test:desk".parse().unwrap();
    let stream = NotificationStream(id_of).stream(&owner);
    assert_eq!(stream.kind.as_str(), NOTIFICATION_KIND);
    assert_eq!(NotificationStream::of(&"alert:test:desk".parse().unwrap(), &stream), None);
}
