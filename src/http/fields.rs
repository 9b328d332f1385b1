//! Reads the fields of a JSON object or a query string into typed values and collects every fault on the way.
//!
//! It checks form only (presence, type, spelling of names). What a value means is for the domain to judge.

use crate::http::problem::{Code, Fault, Problem};
use crate::spelling::nearest;
use serde_json::{Map, Value};

pub use crate::http::values::{At, FromValue};

/// So many unknown fields of one object are named.
const UNKNOWN_MAX: usize = 100;

/// A body or query that is read field by field.
pub trait FromFields: Sized {
    /// Whether an empty body stands for `{}`.
    const EMPTY_OK: bool = false;

    /// Takes the fields. Returns `None` only after a fault was noted, which every reader of a required field does.
    fn from_fields(fields: &mut Fields) -> Option<Self>;
}

/// The fields of one object, not yet read.
#[derive(Debug)]
pub struct Fields {
    left: Map<String, Value>,
    at: At,
    asked: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Fields {
    /// Reads `value`, a parsed body, as a `T`.
    ///
    /// # Errors
    /// A [`Problem`] with all faults.
    pub fn read_body<T: FromValue>(value: Value) -> Result<T, Problem> {
        T::from_value(value, &At { path: String::new(), text_only: false }).map_err(Problem::of_faults)
    }

    /// Reads the pairs of a query string as a `T`.
    ///
    /// # Errors
    /// A [`Problem`] with all faults; a name that appears twice is `duplicate_key`.
    pub fn read_query<T: FromFields>(pairs: impl IntoIterator<Item = (String, String)>) -> Result<T, Problem> {
        let mut object = Map::new();
        let mut twice = Vec::new();
        for (name, value) in pairs {
            if object.insert(name.clone(), Value::String(value)).is_some() {
                twice.push(Fault::field(Code::DuplicateKey, name, "appears twice in the query"));
            }
        }
        if !twice.is_empty() {
            return Err(Problem::of_faults(twice));
        }
        T::from_value(Value::Object(object), &At { path: String::new(), text_only: true }).map_err(Problem::of_faults)
    }

    /// Takes a field that must be there.
    pub fn required<T: FromValue>(&mut self, name: &'static str) -> Option<T> {
        self.asked.push(name);
        match self.left.remove(name) {
            Some(value) => self.convert(name, value),
            None => {
                self.fault(Code::MissingField, name, "is required");
                None
            }
        }
    }

    /// Takes a field that may be missing or null.
    pub fn optional<T: FromValue>(&mut self, name: &'static str) -> Option<T> {
        self.asked.push(name);
        match self.left.remove(name) {
            Some(Value::Null) | None => None,
            Some(value) => self.convert(name, value),
        }
    }

    /// Takes a field that may be missing (none) or null (some none).
    pub fn nullable<T: FromValue>(&mut self, name: &'static str) -> Option<Option<T>> {
        let is_null = matches!(self.left.get(name), Some(Value::Null));
        let value = self.optional(name);
        if is_null { Some(None) } else { value.map(Some) }
    }

    /// Whether a field is there and not null.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(|value| !value.is_null())
    }

    /// Whether a field is there and holds this value.
    #[must_use]
    pub fn is(&self, name: &str, value: &Value) -> bool {
        self.left.get(name) == Some(value)
    }

    /// Takes a text of one line, of 1 to `chars_max` characters, none of which is a control character.
    pub fn line(&mut self, name: &'static str, chars_max: usize) -> Option<String> {
        let text = self.required::<String>(name)?;
        self.check_text(name, text, chars_max, char::is_control)
    }

    /// As [`Self::line`], but the field may be missing or null.
    pub fn optional_line(&mut self, name: &'static str, chars_max: usize) -> Option<String> {
        let text = self.optional::<String>(name)?;
        self.check_text(name, text, chars_max, char::is_control)
    }

    /// Takes a text of up to `chars_max` characters if it is there. It may be empty and have line breaks and tabs, but no
    /// other control characters.
    pub fn optional_prose(&mut self, name: &'static str, chars_max: usize) -> Option<String> {
        let text = self.optional::<String>(name)?;
        if text.is_empty() {
            return Some(text);
        }
        self.check_text(name, text, chars_max, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    }

    /// Takes an object with any keys if it is there.
    pub fn optional_object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        self.optional(name)
    }

    /// Takes what nobody has asked for, where any name may stand.
    pub fn others(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.left)
    }

    /// Notes a fault of the field `name` that only the reader of several fields can see.
    pub fn fault(&mut self, code: Code, name: &str, detail: impl Into<String>) {
        self.faults.extend(self.at.key(name).fault(code, detail));
    }

    /// Whether what was read so far is refused already, or will be because of fields that nobody asked for.
    #[must_use]
    pub fn faulty(&self) -> bool {
        !self.faults.is_empty() || !self.left.is_empty()
    }

    /// Ends the reading: every field that was not asked for is unknown.
    fn finish(mut self) -> Vec<Fault> {
        for name in self.left.keys().take(UNKNOWN_MAX) {
            let detail = match nearest(name, self.asked.iter().copied()) {
                Some(known) => format!("is unknown; did you mean `{known}`?"),
                None => "is unknown".to_owned(),
            };
            self.faults.extend(self.at.key(name).fault(Code::UnknownField, detail));
        }
        self.faults
    }

    fn convert<T: FromValue>(&mut self, name: &str, value: Value) -> Option<T> {
        T::from_value(value, &self.at.key(name)).map_err(|faults| self.faults.extend(faults)).ok()
    }

    fn check_text(&mut self, name: &str, text: String, chars_max: usize, banned: impl Fn(char) -> bool) -> Option<String> {
        let detail = if text.is_empty() {
            "must not be empty".to_owned()
        } else if text.chars().nth(chars_max).is_some() {
            format!("must have at most {chars_max} characters")
        } else if text.chars().any(banned) {
            "must not have control characters".to_owned()
        } else {
            return Some(text);
        };
        self.fault(Code::InvalidField, name, detail);
        None
    }
}

impl<T: FromFields> FromValue for T {
    const EMPTY_OK: bool = <T as FromFields>::EMPTY_OK;

    fn from_value(value: Value, at: &At) -> Result<Self, Vec<Fault>> {
        let Value::Object(left) = value else { return Err(at.wrong_type("an object", &value)) };
        let mut fields = Fields { left, at: at.clone(), asked: Vec::new(), faults: Vec::new() };
        let read = T::from_fields(&mut fields);
        let faults = fields.finish();
        match read {
            Some(value) if faults.is_empty() => Ok(value),
            Some(_) | None => Err(faults),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_kernel::{EntityId, Timestamp};
    use serde_json::json;

    #[derive(Debug, PartialEq)]
    struct Edge {
        from: String,
        count: Option<u16>,
    }

    impl FromFields for Edge {
        fn from_fields(fields: &mut Fields) -> Option<Self> {
            let (from, count) = (fields.line("from", 5), fields.optional("count"));
            Some(Self { from: from?, count })
        }
    }

    #[derive(Debug, PartialEq)]
    struct Order {
        id: Option<EntityId>,
        at: Option<Timestamp>,
        edges: Vec<Edge>,
        reason: Option<String>,
    }

    impl FromFields for Order {
        fn from_fields(fields: &mut Fields) -> Option<Self> {
            let (id, at) = (fields.optional("id"), fields.optional("at"));
            let (edges, reason) = (fields.required("edges"), fields.optional_prose("reason", 10));
            Some(Self { id, at, edges: edges?, reason })
        }
    }

    fn faults(value: Value) -> Vec<(String, Code)> {
        let problem = Fields::read_body::<Order>(value).unwrap_err();
        problem.errors.into_iter().map(|fault| (fault.field.unwrap_or_default(), fault.code)).collect()
    }

    #[test]
    fn a_lawful_body_is_read() {
        let order: Order = Fields::read_body(json!({"id": "a:1", "edges": [{"from": "x", "count": 3}], "reason": "a\nb"})).unwrap();
        assert_eq!(order.edges, [Edge { from: "x".to_owned(), count: Some(3) }]);
        assert_eq!((order.at, order.reason.as_deref()), (None, Some("a\nb")));
    }

    #[test]
    fn every_fault_is_named_with_its_path() {
        let body = json!({
            "id": "-bad", "at": "yesterday", "reasn": "x",
            "edges": [{"from": 7}, {"from": "x", "count": -1, "more": 1}, 5, {"from": "\u{7}"}, {"from": "toolong"}, {"count": 65536}],
        });
        let expected = [
            ("id", Code::InvalidId),
            ("at", Code::InvalidTime),
            ("edges[0].from", Code::InvalidField),
            ("edges[1].count", Code::InvalidField),
            ("edges[1].more", Code::UnknownField),
            ("edges[2]", Code::InvalidField),
            ("edges[3].from", Code::InvalidField),
            ("edges[4].from", Code::InvalidField),
            ("edges[5].from", Code::MissingField),
            ("edges[5].count", Code::InvalidField),
            ("reasn", Code::UnknownField),
        ];
        assert_eq!(faults(body), expected.map(|(field, code)| (field.to_owned(), code)));
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        let problem = Fields::read_body::<Order>(json!({"edges": [], "reasn": 1})).unwrap_err();
        assert_eq!(problem.errors[0].detail, "is unknown; did you mean `reason`?");
    }

    #[test]
    fn null_counts_as_missing_only_where_it_may() {
        assert!(Fields::read_body::<Order>(json!({"id": null, "edges": []})).is_ok());
        assert_eq!(faults(json!({"edges": null})), [("edges".to_owned(), Code::InvalidField)]);
        assert_eq!(faults(json!([])), [(String::new(), Code::InvalidField)]);
    }

    #[test]
    fn a_query_reads_numbers_from_text_and_refuses_repeats() {
        let pairs = |list: &[(&str, &str)]| list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>();
        let edge: Edge = Fields::read_query(pairs(&[("from", "x"), ("count", "12")])).unwrap();
        assert_eq!(edge.count, Some(12));
        let twice = Fields::read_query::<Edge>(pairs(&[("from", "x"), ("from", "y")])).unwrap_err();
        assert_eq!(twice.code, Code::DuplicateKey);
        assert!(Fields::read_query::<Edge>(pairs(&[("from", "x"), ("count", "1e3")])).is_err());
        assert!(Fields::read_body::<Edge>(json!({"from": "x", "count": "12"})).is_err(), "a body has types");
        assert!(Fields::read_body::<Edge>(json!({"from": "x", "count": 1.0})).is_err(), "an integer has no point");
    }
}
