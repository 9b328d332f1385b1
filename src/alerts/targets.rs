//! What an organisation promises becomes the targets of its monitor.

use ionveil_alerts::monitor;
use ionveil_alerts::words::{Priority, Targets};
use ionveil_dispatch::settings::{self, Event};
use ionveil_kernel::{DecodeError, EventCodec, Reaction, Reactor, Recorded};

/// Tells the monitor of other times.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SettingsToMonitor;

impl Reactor for SettingsToMonitor {
    fn name(&self) -> &'static str {
        "settings-to-alerts"
    }

    fn kind(&self) -> Option<&'static str> {
        Some(settings::KIND)
    }

    fn react(&self, event: &Recorded) -> Result<Vec<Reaction>, DecodeError> {
        let invalid = |error: &dyn std::fmt::Display| DecodeError::invalid(&event.event_type, error);
        let Event::SlaSet(set) = Event::decode(&event.event_type, event.schema_version, &event.data)?;
        // Severities and priorities run in opposite directions (trap T05).
        let minutes = |priority: Priority| {
            let ours = ionveil_dispatch::scale::Priority::ALL.into_iter().find(|ours| ours.number() == priority.number())?;
            Some((priority, set.sla.get(ours.severity())?.response_minutes))
        };
        let targets = Targets(Priority::ALL.into_iter().filter_map(minutes).collect());
        let to = monitor::stream(&event.stream.org).map_err(|error| invalid(&error))?;
        let command = serde_json::to_string(&monitor::Command::SetTargets { targets }).map_err(|error| invalid(&error))?;
        Ok(vec![Reaction::Command { to, command }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn recorded(stream: &str, event_type: &str, data: &str) -> Recorded {
        let (stream, nil) = (stream.parse::<ionveil_kernel::StreamId>().unwrap(), uuid::Uuid::nil());
        let at = ionveil_kernel::Timestamp::from_micros(0);
        Recorded {
            event_id: ionveil_kernel::EventId(nil),
            owner: stream.clone(),
            stream,
            sequence_number: 1,
            partition: 0,
            position: 1,
            event_type: event_type.to_owned().into(),
            schema_version: 1,
            data: data.to_owned(),
            occurred_at: at,
            recorded_at: at,
            correlation_id: ionveil_kernel::CorrelationId(nil),
            causation_id: nil,
            actor: "user:test".into(),
            traceparent: None,
        }
    }

    #[test]
    fn the_response_of_a_severity_is_the_target_of_the_opposite_priority() {
        let sla = json!({"sla": {"5": {"response_minutes": 4, "resolution_minutes": 90}, "2": {"response_minutes": 45, "resolution_minutes": 720}}, "at": 0});
        let event = recorded("organisation:default:settings", "sla_set", &sla.to_string());
        let reactions = SettingsToMonitor.react(&event).unwrap();
        let [Reaction::Command { to, command }] = &reactions[..] else { panic!("{reactions:?}") };
        assert_eq!(to.to_string(), "alert-monitor:default:monitor");
        let read: monitor::Command = serde_json::from_str(command).unwrap();
        let monitor::Command::SetTargets { targets } = read else { panic!("{read:?}") };
        let minutes = Priority::ALL.map(|priority| targets.minutes(priority));
        assert_eq!(minutes, [4, 10, 20, 45, 120]);
    }
}
