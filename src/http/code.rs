//! The codes of errors: the one table from code to status, title, retry and page.

use actix_web::http::StatusCode;
use serde::Serialize;
use std::fmt;

/// What a code means to a client.
struct Row {
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    retryable: bool,
    page: &'static str,
}

macro_rules! codes {
    ($($variant:ident = $code:literal, $status:ident, $title:literal $(, $retry:ident)?;)*) => {
        /// The stable code of an error; each has a page under `/docs/errors/`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "`: ", $title, ".")] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        code: $code,
                        status: StatusCode::$status,
                        title: $title,
                        retryable: codes!(@retry $($retry)?),
                        // A code without a page does not compile.
                        page: include_str!(concat!("../../docs/errors/", $code, ".md")),
                    },)*
                }
            }
        }
    };
    (@retry retry) => { true };
    (@retry) => { false };
}

codes! {
    MalformedJson = "malformed_json", BAD_REQUEST, "The body is not JSON";
    MissingField = "missing_field", BAD_REQUEST, "A field is missing";
    InvalidField = "invalid_field", BAD_REQUEST, "A field is invalid";
    UnknownField = "unknown_field", BAD_REQUEST, "A field is unknown";
    DuplicateKey = "duplicate_key", BAD_REQUEST, "A key appears twice";
    BodyTooDeep = "body_too_deep", BAD_REQUEST, "The body is nested too deeply";
    InvalidId = "invalid_id", BAD_REQUEST, "A name has the wrong form";
    InvalidCursor = "invalid_cursor", BAD_REQUEST, "The cursor cannot be used";
    InvalidRange = "invalid_range", BAD_REQUEST, "The time range is empty";
    InvalidTime = "invalid_time", BAD_REQUEST, "A time has the wrong form";
    OccurredInFuture = "occurred_in_future", BAD_REQUEST, "The time lies in the future";
    UnknownMachine = "unknown_machine", BAD_REQUEST, "The machine is unknown";
    UnknownState = "unknown_state", BAD_REQUEST, "The machine has no such state";
    InvalidAttributes = "invalid_attributes", BAD_REQUEST, "The attributes are invalid";
    InvalidReason = "invalid_reason", BAD_REQUEST, "The reason is invalid";
    InvalidClone = "invalid_clone", BAD_REQUEST, "This cannot be cloned";
    UnknownPolicy = "unknown_policy", BAD_REQUEST, "There is no such level of policy";
    MissingAuthorization = "missing_authorization", BAD_REQUEST, "An authorization is missing";
    TextTooLong = "text_too_long", BAD_REQUEST, "A text is too long";
    InvalidExpiry = "invalid_expiry", BAD_REQUEST, "The end does not lie in the future";
    InvalidNumber = "invalid_number", BAD_REQUEST, "A number is not finite";
    InvalidText = "invalid_text", BAD_REQUEST, "A text cannot be kept";
    MissingName = "missing_name", BAD_REQUEST, "The scenario has no name";
    PolicyOrderTooShort = "policy_order_too_short", BAD_REQUEST, "There are too few levels";
    PolicyOrderTooLong = "policy_order_too_long", BAD_REQUEST, "There are too many levels";
    DuplicatePolicy = "duplicate_policy", BAD_REQUEST, "A level stands in the order twice";
    InvalidEscalationThreshold = "invalid_escalation_threshold", BAD_REQUEST, "The escalation threshold is invalid";
    InvalidDeescalationThreshold = "invalid_deescalation_threshold", BAD_REQUEST, "A de-escalation threshold is invalid";
    InvalidDwell = "invalid_dwell", BAD_REQUEST, "The dwell time is invalid";
    InvalidMetadata = "invalid_metadata", BAD_REQUEST, "The metadata are invalid";
    InvalidOffset = "invalid_offset", BAD_REQUEST, "An offset is invalid";
    PatternTooLong = "pattern_too_long", BAD_REQUEST, "The pattern has too many outcomes";
    InvalidRate = "invalid_rate", BAD_REQUEST, "A rate is invalid";
    InvalidDuration = "invalid_duration", BAD_REQUEST, "A duration is invalid";
    InvalidEventRate = "invalid_event_rate", BAD_REQUEST, "The number of events per second is invalid";
    InvalidBurstSize = "invalid_burst_size", BAD_REQUEST, "The length of a burst is invalid";
    InvalidInterval = "invalid_interval", BAD_REQUEST, "The interval is invalid";
    InvalidFactor = "invalid_factor", BAD_REQUEST, "The factor is invalid";
    InvalidRecovery = "invalid_recovery", BAD_REQUEST, "The second of the recovery is invalid";
    DuplicateScenario = "duplicate_scenario", BAD_REQUEST, "Two scenarios have the same name";
    TooManyScenarios = "too_many_scenarios", BAD_REQUEST, "There are too many scenarios";
    OutsideRun = "outside_run", BAD_REQUEST, "The point lies outside the run";
    InvalidSaturation = "invalid_saturation", BAD_REQUEST, "The saturation is invalid";
    InvalidHealth = "invalid_health", BAD_REQUEST, "The sample is invalid";
    InvalidDraw = "invalid_draw", BAD_REQUEST, "The draw is invalid";
    InvalidBreakerPolicy = "invalid_breaker_policy", BAD_REQUEST, "The breaker's policy is invalid";
    AddressNotAllowed = "address_not_allowed", BAD_REQUEST, "The address may not be called";
    UnknownSecret = "unknown_secret", BAD_REQUEST, "The secret is unknown";
    UnknownDetector = "unknown_detector", BAD_REQUEST, "The failure detector is unknown";
    MissingPrimary = "missing_primary", BAD_REQUEST, "The primary channel is missing";
    DuplicateChannel = "duplicate_channel", BAD_REQUEST, "A channel stands in the chain twice";
    InvalidWeight = "invalid_weight", BAD_REQUEST, "A weight is invalid";
    InvalidThreshold = "invalid_threshold", BAD_REQUEST, "The latency threshold is invalid";
    InvalidMaxFailovers = "invalid_max_failovers", BAD_REQUEST, "The number of failovers is invalid";
    DuplicateAgency = "duplicate_agency", BAD_REQUEST, "An agency is named twice in one request";
    DuplicateUnit = "duplicate_unit", BAD_REQUEST, "A unit is named twice";
    InvalidCandidates = "invalid_candidates", BAD_REQUEST, "Nobody, or too many, can be asked";
    InvalidCapacity = "invalid_capacity", BAD_REQUEST, "A capacity cannot be";
    InvalidDistance = "invalid_distance", BAD_REQUEST, "A distance cannot be";
    InvalidEta = "invalid_eta", BAD_REQUEST, "An expected time of arrival has another form";
    InvalidPosition = "invalid_position", BAD_REQUEST, "A place is not on Earth";
    InvalidPriority = "invalid_priority", BAD_REQUEST, "A priority is not from 1 to 5";
    InvalidWanted = "invalid_wanted", BAD_REQUEST, "No unit is wanted";
    MissingId = "missing_id", BAD_REQUEST, "An id is missing";
    NonPositiveUrgency = "non_positive_urgency", BAD_REQUEST, "An urgency is not above 0";
    SelfMerge = "self_merge", BAD_REQUEST, "An incident was to be merged with itself";
    TooManyAgencies = "too_many_agencies", BAD_REQUEST, "Too many agencies ask at once";
    TooManyOrders = "too_many_orders", BAD_REQUEST, "Too many orders come at once";
    TooManySkills = "too_many_skills", BAD_REQUEST, "A unit has too many skills or certificates";
    InvalidIdempotencyKey = "invalid_idempotency_key", BAD_REQUEST, "The idempotency key is invalid";
    BadRequest = "bad_request", BAD_REQUEST, "The request cannot be understood";
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A valid credential is needed";
    Forbidden = "forbidden", FORBIDDEN, "The role may not do this";
    HostNotAllowed = "host_not_allowed", FORBIDDEN, "The host name is not allowed";
    NotFound = "not_found", NOT_FOUND, "There is nothing here";
    EntityNotFound = "entity_not_found", NOT_FOUND, "There is no such entity";
    UnknownNode = "unknown_node", NOT_FOUND, "The policy tree has no such node";
    UnknownParent = "unknown_parent", NOT_FOUND, "The policy tree has no such parent";
    UnknownEndpoint = "unknown_endpoint", NOT_FOUND, "There is no such routing node";
    ChannelNotFound = "channel_not_found", NOT_FOUND, "There is no such channel";
    NotPending = "not_pending", NOT_FOUND, "No order of this id waits";
    NoPath = "no_path", NOT_FOUND, "No path leads there";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The method is not allowed here";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request came too slowly", retry;
    DuplicateEntity = "duplicate_entity", CONFLICT, "The id is taken";
    InvalidTransition = "invalid_transition", CONFLICT, "The present state does not allow this";
    TerminalState = "terminal_state", CONFLICT, "The state is final";
    NoEffect = "no_effect", CONFLICT, "This would change nothing";
    NoChange = "no_change", CONFLICT, "It is so already";
    DuplicateNode = "duplicate_node", CONFLICT, "The policy tree has a node of this id";
    TreeFull = "tree_full", CONFLICT, "The policy tree is full";
    TreeTooDeep = "tree_too_deep", CONFLICT, "The policy tree would be too deep";
    WouldCreateCycle = "would_create_cycle", CONFLICT, "The node would come under itself";
    HasChildren = "has_children", CONFLICT, "The node has children";
    RootHasNoParent = "root_has_no_parent", CONFLICT, "The root has no overrides";
    NoOverride = "no_override", CONFLICT, "The node has no override";
    DeescalationForbidden = "deescalation_forbidden", CONFLICT, "The level is below that of the parent";
    StaleEngine = "stale_engine", CONFLICT, "The engine's level is out of date";
    StaleTerm = "stale_term", CONFLICT, "The term is out of date";
    DeadLetterUnreadable = "dead_letter_unreadable", CONFLICT, "The dead letter holds no command that is known here";
    AlreadyRunning = "already_running", CONFLICT, "It is running already";
    NotRunnable = "not_runnable", CONFLICT, "It cannot be run any more";
    NotRunning = "not_running", CONFLICT, "It is not running";
    ForeignOutcome = "foreign_outcome", CONFLICT, "The outcome belongs to another simulation";
    NoCompletedResults = "no_completed_results", CONFLICT, "Nothing has completed";
    NoRouteCandidates = "no_route_candidates", CONFLICT, "Every node is out";
    MissingTopology = "missing_topology", CONFLICT, "A service has no nodes";
    NoGroundStation = "no_ground_station", CONFLICT, "No ground station is left";
    CircuitOpen = "circuit_open", CONFLICT, "The circuit breaker is open";
    DuplicateDispatch = "duplicate_dispatch", CONFLICT, "The dispatch_id was used for another request";
    AssignmentPending = "assignment_pending", CONFLICT, "An assignment has reserved the unit and is not certain yet";
    DuplicateId = "duplicate_id", CONFLICT, "An order of this id waits already, or stands earlier in the same list";
    MergePending = "merge_pending", CONFLICT, "The incident is about to take in another";
    MustResolveFirst = "must_resolve_first", CONFLICT, "The incident is being worked on";
    NotOnIncident = "not_on_incident", CONFLICT, "The unit is not on this incident";
    TerminalIncident = "terminal_incident", CONFLICT, "The incident has ended";
    UnitUnavailable = "unit_unavailable", CONFLICT, "The unit cannot be had now";
    PolicyHalted = "policy_halted", CONFLICT, "Policy has halted this";
    NoHistory = "no_history", CONFLICT, "There is nothing to go back to";
    HistoryTooLong = "history_too_long", CONFLICT, "The history is too long to be cloned";
    OccurredBeforePrevious = "occurred_before_previous", CONFLICT, "The time lies before the last event";
    VersionConflict = "version_conflict", CONFLICT, "The version has moved on";
    IdempotencyKeyReused = "idempotency_key_reused", CONFLICT, "The idempotency key was used for another request";
    IdempotencyKeyInFlight = "idempotency_key_in_flight", CONFLICT, "The first request with this key is still under way", retry;
    PreconditionFailed = "precondition_failed", PRECONDITION_FAILED, "The entity is not as If-Match says";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    HeadTooLarge = "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The head of the request is too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The media type is not supported";
    CapacityExceeded = "capacity_exceeded", TOO_MANY_REQUESTS, "As much is running as may", retry;
    PoolFull = "pool_full", TOO_MANY_REQUESTS, "The orders do not fit into the pool", retry;
    AlreadyResolved = "already_resolved", CONFLICT, "The alert is resolved";
    DispatchInFuture = "dispatch_in_future", BAD_REQUEST, "The dispatch lies in the future";
    InvalidEscalationPolicy = "invalid_escalation_policy", BAD_REQUEST, "An escalation policy cannot be";
    InvalidGrid = "invalid_grid", BAD_REQUEST, "A grid has too few or too many rows or columns";
    InvalidHorizon = "invalid_horizon", BAD_REQUEST, "A number of hours to look ahead is out of bounds";
    InvalidLookback = "invalid_lookback", BAD_REQUEST, "A number of windows to look back is out of bounds";
    InvalidPattern = "invalid_pattern", BAD_REQUEST, "A regular expression cannot be used";
    InvalidRecipient = "invalid_recipient", BAD_REQUEST, "A recipient cannot be";
    InvalidResponseTime = "invalid_response_time", BAD_REQUEST, "A response time cannot be";
    InvalidRule = "invalid_rule", BAD_REQUEST, "An alert rule cannot be";
    InvalidSensitivity = "invalid_sensitivity", BAD_REQUEST, "A sensitivity is out of bounds";
    MaxEscalation = "max_escalation", CONFLICT, "The alert has gone as high as it may";
    MissingEventId = "missing_event_id", BAD_REQUEST, "An event has no id";
    MonitorFull = "monitor_full", CONFLICT, "There is no room for more";
    NotAcknowledgeable = "not_acknowledgeable", CONFLICT, "The alert cannot be acknowledged";
    NotEscalatable = "not_escalatable", CONFLICT, "The alert does not escalate";
    NotUnderWay = "not_under_way", CONFLICT, "There is nothing to send";
    RecipientInUse = "recipient_in_use", CONFLICT, "The escalation policy names the recipient";
    ResolutionNoteRequired = "resolution_note_required", BAD_REQUEST, "An alert is resolved with a note";
    SeverityOutOfRange = "severity_out_of_range", BAD_REQUEST, "A severity is not on the scale";
    TooManyEvents = "too_many_events", BAD_REQUEST, "Too many events come at once";
    TooOld = "too_old", BAD_REQUEST, "An event is older than what is kept";
    UnknownAggregation = "unknown_aggregation", BAD_REQUEST, "There is no such aggregation";
    UnknownDimension = "unknown_dimension", BAD_REQUEST, "Events have no such dimension";
    UnknownMetric = "unknown_metric", BAD_REQUEST, "There is no such metric";
    UnknownWindow = "unknown_window", BAD_REQUEST, "There is no window of such a length";
    WindowFull = "window_full", TOO_MANY_REQUESTS, "Too many requests wait for the end of the window", retry;
    Overloaded = "overloaded", TOO_MANY_REQUESTS, "Too much is waiting", retry;
    CommandFaulted = "command_faulted", INTERNAL_SERVER_ERROR, "The command made its decider fail";
    Internal = "internal", INTERNAL_SERVER_ERROR, "Something broke inside";
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, "The store does not answer", retry;
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, "It is not known whether this was done", retry;
    AllChannelsFailed = "all_channels_failed", SERVICE_UNAVAILABLE, "No channel has delivered";
    Draining = "draining", SERVICE_UNAVAILABLE, "The server is shutting down", retry;
    Quarantined = "quarantined", SERVICE_UNAVAILABLE, "The entity is quarantined";
}

impl Code {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().code
    }

    /// The HTTP status that it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().status
    }

    /// One line that never changes with the occurrence.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// Whether the same request may succeed later without being changed.
    #[must_use]
    pub const fn retryable(self) -> bool {
        self.row().retryable
    }

    /// The page that explains it, in Markdown; every code has one.
    #[must_use]
    pub const fn page(self) -> &'static str {
        self.row().page
    }

    /// The code with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// What stands for an error status that arose without a code of ours.
    #[must_use]
    pub fn for_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::TOO_MANY_REQUESTS => Self::Overloaded,
            StatusCode::SERVICE_UNAVAILABLE => Self::StoreUnavailable,
            client if client.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_stable_names_with_an_error_status() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            assert!(seen.insert(code.as_str()), "{code} twice");
            assert!(code.status().is_client_error() || code.status().is_server_error());
            assert_eq!(Code::from_name(code.as_str()), Some(*code));
            assert_ne!(code.status().as_u16(), 422);
            let heading = format!("# `{code}` (HTTP {})", code.status().as_u16());
            assert!(code.page().starts_with(&heading), "{heading}");
        }
    }

    #[test]
    fn every_page_is_of_a_code() {
        let pages = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors")).unwrap();
        let names = pages.map(|page| page.unwrap().file_name().into_string().unwrap());
        let strays: Vec<_> = names.filter(|name| name != "README.md" && Code::from_name(name.trim_end_matches(".md")).is_none()).collect();
        assert_eq!(strays, Vec::<String>::new());
    }
}
