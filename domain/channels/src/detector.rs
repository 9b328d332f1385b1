//! Failure detectors: what an outcome means to a breaker. Pure; a detector neither sees nor moves a breaker (specification U1).

use serde::{Deserialize, Serialize};

/// The statuses that fail unless others are named; a 4xx is a success then.
pub const FAILING_STATUSES: [u16; 4] = [500, 502, 503, 504];
/// How deep detectors may be nested.
pub const DEPTH_MAX: usize = 4;
/// The most items of one list of a detector.
pub const ITEMS_MAX: usize = 64;

/// What came of a call, as far as a detector is concerned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The HTTP status, if there was an answer that has one.
    pub status: Option<u16>,
    /// The kind of error, such as `send_failed`, if there was one.
    pub error: Option<String>,
    /// How long it took, in milliseconds, if that is known.
    pub latency_ms: Option<f64>,
    /// Whether no answer came in time.
    pub is_timeout: bool,
}

/// How an outcome counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Against the channel.
    Failure,
    /// For it.
    Success,
    /// Neither way.
    Ignored,
}

/// Judges outcomes. Implement it for a detector of your own.
pub trait FailureDetector: Send + Sync {
    /// How `outcome` counts. It must say the same of the same outcome.
    fn judge(&self, outcome: &Outcome) -> Verdict;
}

/// The detectors that come with the house.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Detector {
    /// That of channels: 2xx succeeds, 4xx counts neither way, everything else fails.
    #[default]
    Delivery,
    /// That of the profile `http`: a timeout counts neither way; errors and failing statuses fail.
    Http,
    /// These statuses fail, others succeed.
    Status {
        /// 500, 502, 503, 504 unless named.
        #[serde(default = "failing_statuses")]
        codes: Vec<u16>,
    },
    /// These kinds of errors fail, everything else succeeds.
    Errors {
        /// Such as `timeout`, `send_failed`.
        kinds: Vec<String>,
    },
    /// What takes longer fails.
    Latency {
        /// In milliseconds; a call of exactly this time is a success.
        above_ms: f64,
    },
    /// Fails if any of them says so.
    AnyOf {
        /// At least one.
        of: Vec<Detector>,
    },
    /// Fails if all of them say so.
    AllOf {
        /// At least one.
        of: Vec<Detector>,
    },
    /// Some outcomes count neither way, whatever the other detector says.
    Ignore {
        /// These statuses.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        codes: Vec<u16>,
        /// These kinds of errors.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kinds: Vec<String>,
        /// Timeouts.
        #[serde(default)]
        timeouts: bool,
        /// Judges all others.
        otherwise: Box<Detector>,
    },
    /// One that the host has brought.
    Custom {
        /// Its name.
        name: String,
    },
}

fn failing_statuses() -> Vec<u16> {
    FAILING_STATUSES.to_vec()
}

fn has(kinds: &[String], error: Option<&String>) -> bool {
    error.is_some_and(|error| kinds.contains(error))
}

const fn fails(failed: bool) -> Verdict {
    if failed { Verdict::Failure } else { Verdict::Success }
}

impl FailureDetector for Detector {
    fn judge(&self, outcome: &Outcome) -> Verdict {
        self.judge_with(outcome, &|_, _| Verdict::Ignored)
    }
}

impl Detector {
    /// As [`FailureDetector::judge`], with `custom` for detectors that the host has brought, by their names.
    pub fn judge_with(&self, outcome: &Outcome, custom: &dyn Fn(&str, &Outcome) -> Verdict) -> Verdict {
        let inner = |detector: &Self| detector.judge_with(outcome, custom);
        match self {
            Self::Delivery => delivery(outcome),
            Self::Http if outcome.is_timeout => Verdict::Ignored,
            Self::Http => fails(outcome.error.is_some() || outcome.status.is_some_and(|status| FAILING_STATUSES.contains(&status))),
            Self::Status { codes } => fails(outcome.status.is_some_and(|status| codes.contains(&status))),
            Self::Errors { kinds } => fails(has(kinds, outcome.error.as_ref())),
            Self::Latency { above_ms } => fails(outcome.latency_ms.is_some_and(|latency| latency > *above_ms)),
            Self::AnyOf { of } => any_of(of.iter().map(inner)),
            Self::AllOf { of } => all_of(of.iter().map(inner)),
            Self::Ignore { codes, kinds, timeouts, otherwise } => {
                let status = outcome.status.is_some_and(|status| codes.contains(&status));
                let ignored = status || has(kinds, outcome.error.as_ref()) || (*timeouts && outcome.is_timeout);
                if ignored { Verdict::Ignored } else { inner(otherwise) }
            }
            Self::Custom { name } => custom(name, outcome),
        }
    }

    /// The stable name of its kind, as evidence shows it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Delivery => "delivery",
            Self::Http => "http",
            Self::Status { .. } => "status",
            Self::Errors { .. } => "errors",
            Self::Latency { .. } => "latency",
            Self::AnyOf { .. } => "any_of",
            Self::AllOf { .. } => "all_of",
            Self::Ignore { .. } => "ignore",
            Self::Custom { name } => name,
        }
    }

    /// The names of the host's detectors in it.
    #[must_use]
    pub fn custom_names(&self) -> Vec<&str> {
        match self {
            Self::Custom { name } => vec![name],
            Self::AnyOf { of } | Self::AllOf { of } => of.iter().flat_map(Self::custom_names).collect(),
            Self::Ignore { otherwise, .. } => otherwise.custom_names(),
            Self::Delivery | Self::Http | Self::Status { .. } | Self::Errors { .. } | Self::Latency { .. } => Vec::new(),
        }
    }

    /// What is wrong with it: pairs of a path below `at` and what must be.
    #[must_use]
    pub fn faults(&self, at: &str) -> Vec<(String, String)> {
        self.faults_at(at, DEPTH_MAX)
    }

    fn faults_at(&self, at: &str, depth: usize) -> Vec<(String, String)> {
        let list = |field: &str, count: usize, least: usize| {
            let lawful = (least..=ITEMS_MAX).contains(&count);
            (!lawful).then(|| (format!("{at}.{field}"), format!("must have {least} to {ITEMS_MAX} items")))
        };
        match self {
            _ if depth == 0 => vec![(at.to_owned(), format!("must not be nested deeper than {DEPTH_MAX}"))],
            Self::Delivery | Self::Http => Vec::new(),
            Self::Status { codes } => list("codes", codes.len(), 1).into_iter().collect(),
            Self::Errors { kinds } => list("kinds", kinds.len(), 1).into_iter().collect(),
            Self::Latency { above_ms } if above_ms.is_finite() && *above_ms >= 0.0 => Vec::new(),
            Self::Latency { .. } => vec![(format!("{at}.above_ms"), "must be 0 or more".to_owned())],
            Self::AnyOf { of } | Self::AllOf { of } => {
                let inner = of.iter().take(ITEMS_MAX).enumerate().flat_map(|(i, one)| one.faults_at(&format!("{at}.of[{i}]"), depth - 1));
                list("of", of.len(), 1).into_iter().chain(inner).collect()
            }
            Self::Ignore { codes, kinds, otherwise, .. } => {
                let lists = list("codes", codes.len(), 0).into_iter().chain(list("kinds", kinds.len(), 0));
                lists.chain(otherwise.faults_at(&format!("{at}.otherwise"), depth - 1)).collect()
            }
            Self::Custom { name } if (1..=64).contains(&name.len()) => Vec::new(),
            Self::Custom { .. } => vec![(format!("{at}.name"), "must have 1 to 64 bytes".to_owned())],
        }
    }
}

fn delivery(outcome: &Outcome) -> Verdict {
    match (outcome.status, &outcome.error) {
        // In time or not, the server itself is there and refuses what was sent.
        (Some(400..=499), _) => Verdict::Ignored,
        (None | Some(200..=299), None) => Verdict::Success,
        (None | Some(_), _) => Verdict::Failure,
    }
}

fn any_of(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let all: Vec<_> = verdicts.collect();
    let says = |verdict| all.contains(&verdict);
    if says(Verdict::Failure) {
        Verdict::Failure
    } else if says(Verdict::Success) || all.is_empty() {
        Verdict::Success
    } else {
        Verdict::Ignored
    }
}

/// Who has no opinion does not hold the others up.
fn all_of(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let all: Vec<_> = verdicts.filter(|verdict| *verdict != Verdict::Ignored).collect();
    if all.is_empty() { Verdict::Ignored } else { fails(all.iter().all(|verdict| *verdict == Verdict::Failure)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Failure, Ignored, Success};

    fn status(status: u16) -> Outcome {
        Outcome { status: Some(status), error: (status > 299).then(|| "send_failed".to_owned()), ..Outcome::default() }
    }

    fn error(kind: &str) -> Outcome {
        Outcome { error: Some(kind.to_owned()), is_timeout: kind == "timeout", ..Outcome::default() }
    }

    fn took(latency_ms: f64) -> Outcome {
        Outcome { status: Some(200), latency_ms: Some(latency_ms), ..Outcome::default() }
    }

    #[test]
    fn each_detector_judges_as_the_table_says() {
        let statuses = Detector::Status { codes: failing_statuses() };
        let errors = Detector::Errors { kinds: vec!["send_failed".into()] };
        let latency = Detector::Latency { above_ms: 100.0 };
        let ignore =
            Detector::Ignore { codes: vec![501], kinds: vec!["x".into()], timeouts: true, otherwise: Box::new(Detector::Delivery) };
        let table = [
            (&Detector::Delivery, status(204), Success),
            (&Detector::Delivery, Outcome::default(), Success),
            (&Detector::Delivery, status(404), Ignored),
            (&Detector::Delivery, status(429), Ignored),
            (&Detector::Delivery, status(302), Failure),
            (&Detector::Delivery, status(500), Failure),
            (&Detector::Delivery, error("timeout"), Failure),
            (&Detector::Delivery, Outcome { error: Some("latency_exceeded".into()), ..took(101.0) }, Failure),
            (&Detector::Http, error("timeout"), Ignored),
            (&Detector::Http, error("send_failed"), Failure),
            (&Detector::Http, took(1.0), Success),
            (&statuses, status(503), Failure),
            (&statuses, status(501), Success),
            (&statuses, status(404), Success),
            (&statuses, error("timeout"), Success),
            (&errors, error("send_failed"), Failure),
            (&errors, error("timeout"), Success),
            (&latency, took(100.0), Success),
            (&latency, took(100.001), Failure),
            (&latency, error("timeout"), Success),
            (&ignore, status(501), Ignored),
            (&ignore, status(500), Failure),
            (&ignore, error("x"), Ignored),
            (&ignore, error("timeout"), Ignored),
        ];
        for (detector, outcome, verdict) in table {
            assert_eq!(detector.judge(&outcome), verdict, "{detector:?} of {outcome:?}");
        }
    }

    #[test]
    fn combinators_need_one_or_all() {
        let of = || vec![Detector::Status { codes: vec![500] }, Detector::Latency { above_ms: 10.0 }];
        let slow_500 = Outcome { latency_ms: Some(11.0), ..status(500) };
        for (outcome, any, all) in
            [(status(500), Failure, Success), (took(11.0), Failure, Success), (slow_500, Failure, Failure), (took(1.0), Success, Success)]
        {
            assert_eq!(Detector::AnyOf { of: of() }.judge(&outcome), any, "{outcome:?}");
            assert_eq!(Detector::AllOf { of: of() }.judge(&outcome), all, "{outcome:?}");
        }
        let ignoring = vec![Detector::Delivery, Detector::Delivery];
        assert_eq!(Detector::AnyOf { of: ignoring.clone() }.judge(&status(404)), Ignored);
        assert_eq!(Detector::AllOf { of: ignoring }.judge(&status(404)), Ignored);
    }

    #[test]
    fn a_users_own_detector_is_found_by_its_name() {
        let detector = Detector::AnyOf { of: vec![Detector::Custom { name: "mine".into() }] };
        assert_eq!(detector.custom_names(), ["mine"]);
        assert_eq!(detector.judge_with(&took(1.0), &|name, _| fails(name == "mine")), Failure);
        assert_eq!(detector.judge(&took(1.0)), Ignored);
    }

    #[test]
    fn what_is_too_deep_too_long_or_empty_is_refused_with_its_path() {
        let deep = |n| (0..n).fold(Detector::Delivery, |inner, _| Detector::AnyOf { of: vec![inner] });
        assert_eq!(deep(3).faults("detector"), []);
        assert_eq!(deep(4).faults("detector")[0].0, "detector.of[0].of[0].of[0].of[0]");
        assert_eq!(Detector::AllOf { of: vec![] }.faults("detector")[0].0, "detector.of");
        assert_eq!(Detector::Status { codes: vec![1; 65] }.faults("detector")[0].0, "detector.codes");
        assert_eq!(Detector::Latency { above_ms: f64::NAN }.faults("detector")[0].0, "detector.above_ms");
        assert_eq!(Detector::Custom { name: String::new() }.faults("detector")[0].0, "detector.name");
    }

    #[test]
    fn json_names_the_kind() {
        let json = r#"{"kind":"ignore","codes":[404],"timeouts":true,"otherwise":{"kind":"status"}}"#;
        let detector: Detector = serde_json::from_str(json).unwrap();
        assert_eq!((detector.judge(&status(404)), detector.judge(&status(500))), (Ignored, Failure));
        assert!(serde_json::from_str::<Detector>(r#"{"kind":"status","code":[1]}"#).is_err());
    }
}
