//! Strict JSON: text to a [`Value`] that cannot be read in two ways.
//!
//! Duplicate keys, nesting beyond a limit, and everything that RFC 8259 does not know (NaN, comments, trailing commas, lone
//! surrogates, bytes that are not UTF-8) are refused. It knows nothing of fields; see `fields`.

use crate::http::problem::{Code, Fault, Problem};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::fmt;

/// Parses `bytes`, which may be nested `depth_max` arrays and objects deep (at most 120: the parser's own guard is near).
///
/// # Errors
/// A [`Problem`] `malformed_json`, `body_too_deep`, or `duplicate_key` with every key that appears twice.
pub fn parse(bytes: &[u8], depth_max: usize) -> Result<Value, Problem> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| malformed(format!("the body is not UTF-8 from byte {} on", error.valid_up_to())))?;
    let notes = RefCell::new(Notes::default());
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Strict { notes: &notes, depth_left: depth_max, path: &Path::Root }.deserialize(&mut parser).and_then(|value| {
        parser.end()?;
        Ok(value)
    });
    let notes = notes.into_inner();
    if notes.too_deep {
        return Err(Problem::new(Code::BodyTooDeep, format!("the body is nested more than {depth_max} levels deep")));
    }
    let value = value.map_err(|error| malformed(error.to_string()))?;
    if notes.duplicates.is_empty() { Ok(value) } else { Err(Problem::of_faults(notes.duplicates)) }
}

fn malformed(detail: String) -> Problem {
    Problem::new(Code::MalformedJson, detail)
}

/// What the parser saw that the [`Value`] cannot hold.
#[derive(Default)]
struct Notes {
    duplicates: Vec<Fault>,
    too_deep: bool,
}

/// Where the parser is, as a list on its own stack.
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Path::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

struct Strict<'a> {
    notes: &'a RefCell<Notes>,
    depth_left: usize,
    path: &'a Path<'a>,
}

impl Strict<'_> {
    /// One level down, or an error that ends the parse.
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.depth_left.checked_sub(1).ok_or_else(|| {
            self.notes.borrow_mut().too_deep = true;
            E::custom("nested too deeply")
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let depth_left = self.deeper()?;
        let mut items = Vec::new();
        loop {
            let path = Path::Index(self.path, items.len());
            match seq.next_element_seed(Strict { notes: self.notes, depth_left, path: &path })? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let depth_left = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = Path::Key(self.path, &key);
            let value = map.next_value_seed(Strict { notes: self.notes, depth_left, path: &path })?;
            if object.contains_key(&key) {
                self.duplicate(&path);
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// More duplicates than anyone wants to read.
const DUPLICATES_MAX: usize = 100;

impl Strict<'_> {
    fn duplicate(&self, path: &Path<'_>) {
        let duplicates = &mut self.notes.borrow_mut().duplicates;
        if duplicates.len() < DUPLICATES_MAX {
            duplicates.push(Fault::field(Code::DuplicateKey, path.to_string(), "appears twice in its object"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        parse(text.as_bytes(), 4).map(|value| panic!("{text} was read as {value}")).unwrap_err().code
    }

    #[test]
    fn json_is_read_as_serde_json_reads_it() {
        for text in ["null", "true", "[1,-2,3.5,18446744073709551615]", r#"{"a":{"b":["\u00e9","😀",""]},"":0}"#, " \n\t[ ] \r\n"] {
            assert_eq!(parse(text.as_bytes(), 4).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn what_json_does_not_know_is_malformed() {
        for text in [
            "",
            "NaN",
            "[Infinity]",
            "[-Infinity]",
            "[1,]",
            "{\"a\":1,}",
            "{'a':1}",
            "// c\n1",
            "01",
            "+1",
            "1e999",
            "\"\\ud800\"",
            "\"\u{0}\"",
            "{} {}",
            "{\"a\" 1}",
            "{1:2}",
            "\u{feff}{}",
            "tru",
            "[1",
            "\"a",
            "{\"$serde_json::private::RawValue\":",
        ] {
            assert_eq!(code(text), Code::MalformedJson, "{text:?}");
        }
        assert_eq!(parse(b"\"\xff\"", 4).unwrap_err().code, Code::MalformedJson);
    }

    #[test]
    fn all_duplicate_keys_are_named_also_when_spelt_differently() {
        let problem = parse(br#"{"a":1,"b":[{"c":1,"\u0063":2}],"a":{"d":1,"d":1}}"#, 4).unwrap_err();
        let fields: Vec<_> = problem.errors.iter().filter_map(|fault| fault.field.as_deref()).collect();
        assert_eq!((problem.code, fields), (Code::DuplicateKey, vec!["b[0].c", "a.d", "a"]));
    }

    #[test]
    fn depth_is_counted_in_arrays_and_objects() {
        assert!(parse(b"[[[[1]]]]", 4).is_ok());
        assert_eq!(code("[[[[[1]]]]]"), Code::BodyTooDeep);
        assert_eq!(code(r#"{"a":[{"a":[{}]}]}"#), Code::BodyTooDeep);
        let bomb = "[".repeat(200_000);
        assert_eq!(parse(bomb.as_bytes(), 32).unwrap_err().code, Code::BodyTooDeep);
        assert_eq!(parse(bomb.as_bytes(), 120).unwrap_err().code, Code::BodyTooDeep);
    }

    #[test]
    fn keys_that_are_magic_elsewhere_are_plain_here() {
        let text = r#"{"$serde_json::private::RawValue":"1","$serde_json::private::Number":"2"}"#;
        assert_eq!(parse(text.as_bytes(), 4).unwrap().as_object().map(Map::len), Some(2));
    }
}
