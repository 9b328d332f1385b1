//! What a node refuses.

use super::*;
use ionveil_kernel::Rejection as _;

#[test]
fn of_an_endpoint_that_nobody_registered_nothing_is_known() {
    for command in [sample(1.0), Command::MarkDegraded, Command::EnterMaintenance, Command::Recover, review(0)] {
        given(RoutingNode::default(), []).at(at(0)).when(command).then_rejected("unknown_endpoint");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let report = |service: &str, saturation| Command::Report { service: id(service), latency_ms: 20, queue_depth: 2, saturation };
    for saturation in [-0.1, 1_000_000.1, f64::NAN, f64::INFINITY] {
        past([]).at(at(1)).when_unstored(report("s", saturation)).then_rejected("invalid_saturation");
        given(RoutingNode::default(), []).at(at(1)).when_unstored(report("s", saturation)).then_rejected("invalid_saturation");
    }
    for value in [-0.001, 1.001, f64::NAN] {
        past([]).at(at(1)).when_unstored(sample(value)).then_rejected("invalid_health");
    }
    let ahead = Command::ReportHealthSample { value: 1.0, at: Some(at(302)) };
    past([]).at(at(1)).when(ahead).then_rejected("occurred_in_future");
    past([]).at(at(1)).when(report("other", 0.1)).then_rejected("duplicate_entity");
}

#[test]
fn what_is_so_already_is_refused() {
    for (events, command) in [
        (vec![degraded(1)], Command::MarkDegraded),
        (vec![in_maintenance(1)], Command::EnterMaintenance),
        (vec![], Command::Recover),
        (vec![degraded(1), recovered(2), warmup(2)], Command::Recover),
        (vec![sampled(1, 0.0), excluded(1, 0.0)], Command::Recover),
    ] {
        past(events).at(at(9)).when(command).then_rejected("no_change");
    }
}

#[test]
fn every_refusal_has_a_code_a_class_and_its_field() {
    let fault = |field, kind| Rejection::Invalid(Fault { field, kind });
    for (rejection, code, class, field) in [
        (Rejection::UnknownEndpoint, "unknown_endpoint", RejectionClass::NotFound, None),
        (Rejection::DuplicateEntity("s".to_owned()), "duplicate_entity", RejectionClass::Conflict, Some("service")),
        (Rejection::NoChange("active"), "no_change", RejectionClass::Conflict, None),
        (fault("value", FaultKind::InvalidHealth), "invalid_health", RejectionClass::Invalid, Some("value")),
        (fault("saturation", FaultKind::InvalidSaturation), "invalid_saturation", RejectionClass::Invalid, Some("saturation")),
        (fault("at", FaultKind::OccurredInFuture), "occurred_in_future", RejectionClass::Invalid, Some("at")),
    ] {
        assert_eq!((rejection.code(), rejection.class(), rejection.field()), (code, class, field), "{rejection}");
    }
}
