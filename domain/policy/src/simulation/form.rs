//! A pattern as a client asks for it, unchecked: `{"events": [[offset_s, success], …]}`, `{"generator": "constant", …}` or
//! `{"from_history": {…}}`, each with `id` and `description` if wished.

use super::events::Events;
use super::generate::Generator;
use super::pattern::{GIVEN_EVENTS_MAX, History, Pattern, Source};
use super::reject::{Fault, FaultKind, Faults};
use super::scenario::{NAME_CHARS_MAX, is_text};
use super::span::Span;
use serde::{Deserialize, Serialize};

const DESCRIPTION_CHARS_MAX: usize = 1_024;
/// So many bad events are listed; nobody reads a million faults.
const BAD_EVENTS_MAX: usize = 100;

/// A pattern, unchecked. Unknown fields, and fields of another kind of pattern, are refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Fields", try_from = "Fields")]
pub struct PatternForm {
    /// Its name; default: that of the kind of its source.
    pub id: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Where the outcomes come from.
    pub source: SourceForm,
}

/// Where the outcomes come from, unchecked.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceForm {
    /// Offset in seconds and success of each, in any order.
    Given(Vec<(f64, bool)>),
    /// A rule makes them.
    Generated(Generator),
    /// They are taken from history.
    History(History),
}

impl From<SourceForm> for PatternForm {
    fn from(source: SourceForm) -> Self {
        Self { id: None, description: None, source }
    }
}

impl PatternForm {
    /// Checks everything.
    ///
    /// # Errors
    /// All faults; of bad events the first 100.
    pub fn check(&self) -> Result<Pattern, Faults> {
        self.check_at("")
    }

    /// [`Self::check`] where the pattern stands under `path` in the request.
    pub(crate) fn check_at(&self, path: &str) -> Result<Pattern, Faults> {
        let mut faults = Vec::new();
        if self.id.as_deref().is_some_and(|id| !is_text(id, NAME_CHARS_MAX)) {
            faults.push(Fault::new(format!("{path}id"), FaultKind::InvalidText(NAME_CHARS_MAX)));
        }
        if self.description.as_deref().is_some_and(|text| !is_text(text, DESCRIPTION_CHARS_MAX)) {
            faults.push(Fault::new(format!("{path}description"), FaultKind::InvalidText(DESCRIPTION_CHARS_MAX)));
        }
        let source = match &self.source {
            SourceForm::Given(events) => Source::Given(given(events, path, &mut faults)),
            SourceForm::Generated(generator) => {
                generator.check(path, &mut faults);
                Source::Generated(generator.clone())
            }
            SourceForm::History(history) => {
                check_history(history, path, &mut faults);
                Source::History(history.clone())
            }
        };
        Faults::refuse(faults)?;
        let id = self.id.clone().unwrap_or_else(|| source.name().to_owned());
        Ok(Pattern { id, description: self.description.clone().unwrap_or_default(), source })
    }
}

fn given(events: &[(f64, bool)], path: &str, faults: &mut Vec<Fault>) -> Events {
    let mut refuse = |kind| faults.push(Fault::new(format!("{path}events"), kind));
    if events.len() > GIVEN_EVENTS_MAX {
        refuse(FaultKind::PatternTooLong);
        return Events::default();
    }
    let offset = |seconds: f64| Span::from_seconds(seconds, FaultKind::InvalidOffset);
    let lawful = events.iter().filter_map(|(seconds, success)| Some((offset(*seconds).ok()?, *success)));
    let lawful = Events::collect(lawful).unwrap_or_else(|kind| {
        refuse(kind);
        Events::default()
    });
    let bad = events.iter().enumerate().filter_map(|(place, (seconds, _))| Some((place, offset(*seconds).err()?)));
    faults.extend(bad.take(BAD_EVENTS_MAX).map(|(place, kind)| Fault::new(format!("{path}events[{place}][0]"), kind)));
    lawful
}

fn check_history(history: &History, path: &str, faults: &mut Vec<Fault>) {
    if !is_text(&history.scope, NAME_CHARS_MAX) {
        faults.push(Fault::new(format!("{path}from_history.scope"), FaultKind::InvalidText(NAME_CHARS_MAX)));
    }
    if history.from >= history.to {
        faults.push(Fault::new(format!("{path}from_history.to"), FaultKind::InvalidRange));
    }
}

impl TryFrom<PatternForm> for Pattern {
    type Error = Faults;

    fn try_from(form: PatternForm) -> Result<Self, Faults> {
        form.check()
    }
}

impl From<Pattern> for PatternForm {
    fn from(pattern: Pattern) -> Self {
        let source = match pattern.source {
            Source::Given(events) => SourceForm::Given(events.iter().map(|(offset, success)| (offset.seconds(), success)).collect()),
            Source::Generated(generator) => SourceForm::Generated(generator),
            Source::History(history) => SourceForm::History(history),
        };
        Self { id: Some(pattern.id), description: Some(pattern.description).filter(|text| !text.is_empty()), source }
    }
}

/// The fields of all kinds in one flat struct. An untagged enum would hold a million events twice while it tries, and say
/// of every mistake only that nothing matched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<(f64, bool)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_history: Option<History>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generator: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "exact")]
    rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "exact")]
    events_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval_s: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "exact")]
    initial_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "exact")]
    factor: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "exact")]
    recovery_at_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "exact")]
    duration_s: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Constant,
    Burst,
    Cascade,
}

/// Reads the very number that was written. The JSON parser alone may miss a long fraction by its last bit, and a pattern
/// would not be the same after a restart.
fn exact<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    use serde::de::Error;
    let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
    let parsed: Option<f64> = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
    Ok(parsed.map(|number| raw.get().parse().unwrap_or(number)))
}

/// Says what is wrong with the fields in the words that serde has for it.
#[derive(Debug, thiserror::Error)]
enum Shape {
    #[error("missing field `{0}`")]
    Missing(&'static str),
    #[error("unknown field `{0}`, this kind of pattern has none of that name")]
    Foreign(&'static str),
}

impl TryFrom<Fields> for PatternForm {
    type Error = Shape;

    fn try_from(mut fields: Fields) -> Result<Self, Shape> {
        let source = match (fields.events.take(), fields.generator.take(), fields.from_history.take()) {
            (Some(events), None, None) => SourceForm::Given(events),
            (None, Some(kind), None) => SourceForm::Generated(fields.generator_of(kind)?),
            (None, None, Some(history)) => SourceForm::History(history),
            (None, None, None) => return Err(Shape::Missing("events")),
            (Some(_), Some(_), _) => return Err(Shape::Foreign("generator")),
            (Some(_) | None, _, Some(_)) => return Err(Shape::Foreign("from_history")),
        };
        fields.refuse_foreign()?;
        Ok(Self { id: fields.id, description: fields.description, source })
    }
}

impl Fields {
    fn generator_of(&mut self, kind: Kind) -> Result<Generator, Shape> {
        Ok(match kind {
            Kind::Constant => Generator::Constant {
                rate: need(&mut self.rate, "rate")?,
                duration_s: need(&mut self.duration_s, "duration_s")?,
                events_per_s: need(&mut self.events_per_s, "events_per_s")?,
            },
            Kind::Burst => Generator::Burst {
                size: need(&mut self.size, "size")?,
                interval_s: need(&mut self.interval_s, "interval_s")?,
                duration_s: need(&mut self.duration_s, "duration_s")?,
            },
            Kind::Cascade => Generator::Cascade {
                initial_rate: need(&mut self.initial_rate, "initial_rate")?,
                factor: need(&mut self.factor, "factor")?,
                recovery_at_s: need(&mut self.recovery_at_s, "recovery_at_s")?,
                duration_s: need(&mut self.duration_s, "duration_s")?,
            },
        })
    }

    /// What a kind of pattern takes was taken: what is left belongs to another.
    fn refuse_foreign(&self) -> Result<(), Shape> {
        let left = [
            (self.rate.is_some(), "rate"),
            (self.events_per_s.is_some(), "events_per_s"),
            (self.size.is_some(), "size"),
            (self.interval_s.is_some(), "interval_s"),
            (self.initial_rate.is_some(), "initial_rate"),
            (self.factor.is_some(), "factor"),
            (self.recovery_at_s.is_some(), "recovery_at_s"),
            (self.duration_s.is_some(), "duration_s"),
        ];
        left.into_iter().find(|(is_left, _)| *is_left).map_or(Ok(()), |(_, name)| Err(Shape::Foreign(name)))
    }
}

fn need<T>(field: &mut Option<T>, name: &'static str) -> Result<T, Shape> {
    field.take().ok_or(Shape::Missing(name))
}

impl From<PatternForm> for Fields {
    fn from(form: PatternForm) -> Self {
        let fields = Self { id: form.id, description: form.description, ..Self::default() };
        match form.source {
            SourceForm::Given(events) => Self { events: Some(events), ..fields },
            SourceForm::History(history) => Self { from_history: Some(history), ..fields },
            SourceForm::Generated(generator) => fields.with(generator),
        }
    }
}

impl Fields {
    fn with(self, generator: Generator) -> Self {
        match generator {
            Generator::Constant { rate, duration_s, events_per_s } => Self {
                generator: Some(Kind::Constant),
                rate: Some(rate),
                duration_s: Some(duration_s),
                events_per_s: Some(events_per_s),
                ..self
            },
            Generator::Burst { size, interval_s, duration_s } => {
                Self { generator: Some(Kind::Burst), size: Some(size), interval_s: Some(interval_s), duration_s: Some(duration_s), ..self }
            }
            Generator::Cascade { initial_rate, factor, recovery_at_s, duration_s } => Self {
                generator: Some(Kind::Cascade),
                initial_rate: Some(initial_rate),
                factor: Some(factor),
                recovery_at_s: Some(recovery_at_s),
                duration_s: Some(duration_s),
                ..self
            },
        }
    }
}
