//! What other systems say is wrong: what follows from it, and what is known of it as long as it lasts.

use crate::external::{EXTERNAL_MAX, External};
use crate::firing::Firing;
use crate::monitor::MonitorPart;
use crate::monitor::decide::{CHECKS_MAX, Case, Decided, own, room};
use crate::monitor::event::{Event, ExternalEnded, ExternalRaised, ExternalSeen};
use crate::monitor::state::{Lasting, State};
use ionveil_kernel::{EntityId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Case<'_> {
    /// What is new is raised, what is over ends, and of all others it is known how long they last. One that nobody was told of
    /// because it was suppressed is raised anew when it is sent after that is over. Of two that are one the last counts.
    pub(super) fn external(&self, alerts: &[External]) -> Decided {
        let now = self.env.now;
        let each: BTreeMap<_, _> = alerts.iter().map(|alert| (&alert.rule, alert)).collect();
        let (mut ended, mut raised, mut ends) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (rule, alert) in each {
            let known = self.state.external.get(rule);
            let is_over = alert.ends_at.is_some_and(|ends_at| ends_at <= now);
            let is_heard = known.is_some_and(|known| !known.quiet || self.state.suppressions().matching(rule, now).is_some());
            if let Some(known) = known.filter(|_| is_over || !is_heard) {
                ended.push(Event::ExternalEnded(ExternalEnded { rule: rule.clone(), alert: known.alert.clone() }));
            }
            if is_over {
                continue;
            }
            if !is_heard {
                raised.push(Event::ExternalRaised(ExternalRaised { firing: Box::new(self.of_external(alert)), ends_at: alert.ends_at }));
            } else if known.is_some_and(|known| known.ends_at != alert.ends_at) {
                ends.insert(rule.clone(), alert.ends_at);
            }
        }
        room(raised.is_empty() || self.state.external.len() + raised.len() <= EXTERNAL_MAX + ended.len())?;
        let seen = (!ends.is_empty()).then_some(Event::ExternalSeen(ExternalSeen { ends }));
        Ok(ended.into_iter().chain(raised).chain(seen).flat_map(own).collect())
    }

    fn of_external(&self, alert: &External) -> Firing {
        let (at, id) = (self.env.now, self.env.ids.next_id().to_string());
        Firing {
            // A UUID is a lawful id.
            alert: EntityId::new(&id).unwrap_or_else(|_| alert.rule.clone()),
            rule: alert.rule.clone(),
            severity: alert.severity,
            title: alert.title.clone(),
            description: alert.description.clone(),
            incident: None,
            suppressed_by: self.state.suppressions().matching(&alert.rule, at).cloned(),
            violation: None,
            burn: None,
            origin: Some(alert.origin.clone()),
            plan: self.plan(&[], alert.severity.priority(), None),
            at,
        }
    }

    /// All that have ended by now. What ends at one instant is not torn apart, as deadlines are not.
    pub(super) fn end_external(&self) -> Vec<(MonitorPart, Event)> {
        let (ends, now) = (&self.state.ends, self.env.now);
        let last = ends.iter().nth(CHECKS_MAX - 1).map_or(now, |(due, _)| *due).min(now);
        let over = ends.iter().take_while(|(due, _)| *due <= last);
        let ended = over.filter_map(|(_, rule)| {
            let alert = self.state.external.get(rule)?.alert.clone();
            Some(Event::ExternalEnded(ExternalEnded { rule: rule.clone(), alert }))
        });
        ended.flat_map(own).collect()
    }
}

impl State {
    pub(super) fn external_raised(&mut self, ExternalRaised { firing, ends_at }: &ExternalRaised) {
        let lasting = Lasting { alert: firing.alert.clone(), ends_at: *ends_at, quiet: firing.suppressed_by.is_some() };
        Arc::make_mut(&mut self.external).insert(firing.rule.clone(), lasting);
        self.set_end(&firing.rule, None, *ends_at);
    }

    /// Says whether it is known.
    pub(super) fn external_seen(&mut self, rule: &EntityId, ends_at: Option<Timestamp>) -> bool {
        let Some(lasting) = Arc::make_mut(&mut self.external).get_mut(rule) else { return false };
        let was = std::mem::replace(&mut lasting.ends_at, ends_at);
        self.set_end(rule, was, ends_at);
        true
    }

    /// The alert that has ended, if one has.
    pub(super) fn external_ended(&mut self, rule: &EntityId) -> Option<EntityId> {
        let lasting = Arc::make_mut(&mut self.external).remove(rule)?;
        self.set_end(rule, lasting.ends_at, None);
        Some(lasting.alert)
    }

    fn set_end(&mut self, rule: &EntityId, was: Option<Timestamp>, is: Option<Timestamp>) {
        let ends = Arc::make_mut(&mut self.ends);
        was.map(|was| ends.remove(&(was, rule.clone())));
        ends.extend(is.map(|is| (is, rule.clone())));
    }

    /// Works out anew when they end.
    pub(super) fn index_external(&mut self) {
        let of = |(rule, lasting): (&EntityId, &Lasting)| lasting.ends_at.map(|ends_at| (ends_at, rule.clone()));
        self.ends = Arc::new(self.external.iter().filter_map(of).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::external::ExternalForm;
    use crate::monitor::{Command, ID, Monitor};
    use crate::testing::{World, min};

    fn sent(name: &str, ends_at: Option<i64>) -> External {
        let labels = [("alertname".to_owned(), name.to_owned())].into();
        ExternalForm { labels, ends_at: ends_at.map(min), ..ExternalForm::default() }.check().unwrap()
    }

    fn send(world: &mut World<Monitor>, at: i64, alerts: &[External]) -> Vec<&'static str> {
        let events = world.tell(min(at), &Command::External { alerts: alerts.to_vec() }).unwrap();
        events.iter().map(ionveil_kernel::EventCodec::event_type).collect()
    }

    fn alert(world: &World<Monitor>, name: &str) -> EntityId {
        world.state.external()[&sent(name, None).rule].alert.clone()
    }

    #[test]
    fn what_is_sent_again_is_the_same_alert_until_it_ends_and_then_another() {
        let mut world = World::new(Monitor, ID);
        assert_eq!(send(&mut world, 0, &[sent("a", Some(5)), sent("b", None)]), ["external_raised", "external_raised"]);
        let first = alert(&world, "a");
        assert!(send(&mut world, 1, &[sent("a", Some(5)), sent("b", None)]).is_empty(), "nothing new");
        assert_eq!(send(&mut world, 2, &[sent("a", Some(7))]), ["external_seen"]);
        assert_eq!((alert(&world, "a"), world.next(min(100)).unwrap().0), (first.clone(), min(7)));
        assert_eq!(send(&mut world, 3, &[sent("a", Some(3)), sent("c", Some(1))]), ["external_ended"], "at its end it is over");
        assert_eq!(world.next(min(100)), None, "who says no end stays");
        assert_eq!(send(&mut world, 4, &[sent("a", Some(9))]), ["external_raised"]);
        assert_ne!(alert(&world, "a"), first);
        let ended = world.run(min(100));
        assert_eq!((ended.len(), ended[0].0), (1, min(9)), "it was not sent again");
        assert_eq!(world.state.external().len(), 1);
        world.check_laws();
    }

    #[test]
    fn one_that_was_suppressed_is_told_when_it_is_sent_after_that() {
        let mut world = World::new(Monitor, ID);
        let quiet = Command::Suppress { pattern: "alertmanager:a:.*".into(), minutes: 5, reason: "drill".into() };
        world.tell(min(0), &quiet).unwrap();
        send(&mut world, 1, &[sent("a", None), sent("ab", None)]);
        let quiet = |world: &World<Monitor>, name: &str| world.state.external()[&sent(name, None).rule].quiet;
        assert_eq!((quiet(&world, "a"), quiet(&world, "ab")), (true, false));
        assert!(send(&mut world, 4, &[sent("a", None)]).is_empty());
        assert_eq!(send(&mut world, 5, &[sent("a", None)]), ["external_ended", "external_raised"]);
        assert!(!quiet(&world, "a"));
        world.check_laws();
    }

    #[test]
    fn what_a_person_has_resolved_is_another_when_it_is_sent_again() {
        let mut world = World::new(Monitor, ID);
        send(&mut world, 0, &[sent("a", None)]);
        let (rule, alert) = (sent("a", None).rule, alert(&world, "a"));
        let other = Command::AlertResolved { rule: rule.clone(), alert: "other".parse().unwrap() };
        assert!(world.tell(min(1), &other).unwrap().is_empty(), "an older one of its");
        let resolved = Command::AlertResolved { rule, alert };
        assert_eq!(world.tell(min(1), &resolved).unwrap().len(), 1);
        assert_eq!(send(&mut world, 2, &[sent("a", None)]), ["external_raised"]);
        world.check_laws();
    }

    #[test]
    fn there_are_at_most_so_many_at_a_time_and_room_comes_back() {
        let mut world = World::new(Monitor, ID);
        let name = |number: usize| sent(&format!("n{number}"), Some(9));
        let all: Vec<_> = (0..EXTERNAL_MAX).map(name).collect();
        send(&mut world, 0, &all);
        let more = Command::External { alerts: vec![name(EXTERNAL_MAX)] };
        assert_eq!(world.tell(min(1), &more).unwrap_err().to_string(), crate::monitor::Rejection::MonitorFull.to_string());
        let over = External { ends_at: Some(min(1)), ..name(0) };
        assert_eq!(send(&mut world, 1, &[over, name(EXTERNAL_MAX)]), ["external_ended", "external_raised"]);
        assert_eq!(world.run(min(9)).len(), EXTERNAL_MAX, "what ends at one instant ends at once");
    }
}
