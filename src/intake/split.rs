//! Cuts a body into rows while it arrives, whatever its length: an object `{"batch_id": …, "rows": […]}`, an array, or lines.
//! It holds one row at a time. Whether a row is JSON is not its business.

use crate::http::problem::{Code, Fault, Problem};

/// The longest row; what is longer is passed over and told.
pub const ROW_BYTES_MAX: usize = 256 * 1024;
/// So many unknown fields are named.
const UNKNOWN_MAX: usize = 100;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{"batch_id": …, "rows": […]}`, or an array of a batch that has its name from elsewhere.
    Json,
    /// One row a line.
    Lines,
}

/// What was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A row; none: it was too long.
    Row(Option<Vec<u8>>),
    /// The value of `batch_id`, as JSON.
    BatchId(Vec<u8>),
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Start,
    Line,
    /// In an array; whether a comma came before.
    Item {
        after_comma: bool,
    },
    Key {
        after_comma: bool,
    },
    /// Behind `"rows":`.
    Rows,
    Value(Field),
    /// Behind the array of an object.
    AfterRows,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    BatchId,
    Rows,
    Other,
}

/// Cuts.
#[derive(Debug)]
pub(super) struct Splitter {
    form: Form,
    /// The batch has a name from elsewhere.
    is_named: bool,
    at: At,
    in_object: bool,
    text: Vec<u8>,
    /// The text is longer than a row may be; the rest is not kept.
    too_long: bool,
    depth: usize,
    in_string: bool,
    escaped: bool,
    seen: [bool; 2],
    faults: Vec<Fault>,
}

const NEEDED: &str = "a JSON object with `batch_id` and `rows` is needed as the body, or an array of rows";

fn malformed(detail: &str) -> Problem {
    Problem::new(Code::MalformedJson, detail)
}

impl Splitter {
    /// Begins.
    #[must_use]
    pub(super) const fn new(form: Form, is_named: bool) -> Self {
        Self {
            form,
            is_named,
            at: At::Start,
            in_object: false,
            text: Vec::new(),
            too_long: false,
            depth: 0,
            in_string: false,
            escaped: false,
            seen: [false; 2],
            faults: Vec::new(),
        }
    }

    /// Takes the next bytes; what is complete goes to `out`.
    ///
    /// # Errors
    /// A [`Problem`] if the body cannot be cut. Nothing more may be pushed then.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<Piece>) -> Result<(), Problem> {
        bytes.iter().try_for_each(|byte| self.step(*byte, out))
    }

    /// Ends.
    ///
    /// # Errors
    /// A [`Problem`] if the body is not complete, or lacks what it needs.
    pub(super) fn finish(mut self, out: &mut Vec<Piece>) -> Result<(), Problem> {
        match (self.at, self.form) {
            (At::Line, _) => self.end_line(out),
            (At::Start, Form::Lines) | (At::End, _) => {}
            (At::Start, Form::Json) => return Err(malformed(NEEDED)),
            _open => return Err(malformed("the body ends before its JSON does")),
        }
        if self.in_object {
            for (seen, name) in self.seen.into_iter().zip(["batch_id", "rows"]) {
                if !(seen || self.is_named && name == "batch_id") {
                    self.faults.push(Fault::field(Code::MissingField, name, "is required"));
                }
            }
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::of_faults(self.faults)) }
    }

    fn step(&mut self, byte: u8, out: &mut Vec<Piece>) -> Result<(), Problem> {
        match self.at {
            At::Start => self.start(byte),
            At::Line => {
                if byte == b'\n' {
                    self.end_line(out);
                } else {
                    self.keep(byte);
                }
                Ok(())
            }
            At::Item { .. } | At::Key { .. } | At::Value(_) => self.value(byte, out),
            At::Rows if byte.is_ascii_whitespace() => Ok(()),
            At::Rows if byte == b'[' => {
                self.at = At::Item { after_comma: false };
                Ok(())
            }
            At::Rows => {
                self.faults.push(Fault::field(Code::InvalidField, "rows", "must be an array"));
                self.at = At::Value(Field::Other);
                self.value(byte, out)
            }
            At::AfterRows | At::End if byte.is_ascii_whitespace() => Ok(()),
            At::AfterRows if byte == b',' => {
                self.at = At::Key { after_comma: true };
                Ok(())
            }
            At::AfterRows if byte == b'}' => {
                self.at = At::End;
                Ok(())
            }
            At::AfterRows => Err(malformed("a comma or the end of the object must follow `rows`")),
            At::End => Err(malformed("something follows the end of the JSON; one row a line comes as application/x-ndjson")),
        }
    }

    fn start(&mut self, byte: u8) -> Result<(), Problem> {
        self.at = match (self.form, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => At::Start,
            (Form::Json, b'{') => {
                self.in_object = true;
                At::Key { after_comma: false }
            }
            (Form::Json, b'[') if self.is_named => At::Item { after_comma: false },
            (Form::Json, b'[') => {
                let detail = "is required as a parameter of the query where the body is an array";
                return Err(Problem::field(Code::MissingField, "batch_id", detail));
            }
            (Form::Json, _) => return Err(malformed(NEEDED)),
            (Form::Lines, _) => {
                self.keep(byte);
                At::Line
            }
        };
        Ok(())
    }

    fn keep(&mut self, byte: u8) {
        if self.text.len() < ROW_BYTES_MAX {
            self.text.push(byte);
        } else {
            self.too_long = true;
        }
    }

    /// The text since the last cut, without the space around it.
    fn cut(&mut self) -> Option<Vec<u8>> {
        let too_long = std::mem::take(&mut self.too_long);
        let text = std::mem::take(&mut self.text);
        (!too_long).then(|| text.trim_ascii().to_vec())
    }

    /// An empty line is no row.
    fn end_line(&mut self, out: &mut Vec<Piece>) {
        let line = self.cut();
        if line.as_ref().is_none_or(|line| !line.is_empty()) {
            out.push(Piece::Row(line));
        }
    }

    /// A byte of a value, or the one that ends it.
    fn value(&mut self, byte: u8, out: &mut Vec<Piece>) -> Result<(), Problem> {
        if self.in_string {
            (self.in_string, self.escaped) = (self.escaped || byte != b'"', byte == b'\\' && !self.escaped);
            self.keep(byte);
            return Ok(());
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' if self.depth > 0 => self.depth -= 1,
            b',' | b']' | b'}' | b':' if self.depth == 0 => return self.end_value(byte, out),
            _other => {}
        }
        self.keep(byte);
        Ok(())
    }

    fn end_value(&mut self, byte: u8, out: &mut Vec<Piece>) -> Result<(), Problem> {
        let text = self.cut();
        let is_empty = text.as_ref().is_some_and(Vec::is_empty);
        self.at = match (self.at, byte) {
            // `[]` and `{}` have nothing in them; elsewhere something is missing.
            (At::Item { after_comma: false }, b']') if is_empty => self.after_array(),
            (At::Key { after_comma: false }, b'}') if is_empty => At::End,
            _value if is_empty => return Err(malformed("a value or a name is missing")),
            (At::Item { .. }, b',' | b']') => {
                out.push(Piece::Row(text));
                if byte == b',' { At::Item { after_comma: true } } else { self.after_array() }
            }
            (At::Key { .. }, b':') => self.name(&text.unwrap_or_default())?,
            (At::Value(field), b',' | b'}') => {
                if field == Field::BatchId {
                    out.push(Piece::BatchId(text.unwrap_or_default()));
                }
                if byte == b',' { At::Key { after_comma: true } } else { At::End }
            }
            _other => return Err(malformed("a bracket, comma or colon stands in the wrong place")),
        };
        Ok(())
    }

    const fn after_array(&self) -> At {
        if self.in_object { At::AfterRows } else { At::End }
    }

    /// What follows a name of the object.
    fn name(&mut self, text: &[u8]) -> Result<At, Problem> {
        let name: String = serde_json::from_slice(text).map_err(|_| malformed("a name of the object is no text"))?;
        let field = match name.as_str() {
            "batch_id" => Field::BatchId,
            "rows" => Field::Rows,
            _other => Field::Other,
        };
        if field == Field::Other {
            if self.faults.len() < UNKNOWN_MAX {
                self.faults.push(Fault::field(Code::UnknownField, name, "is unknown"));
            }
            return Ok(At::Value(field));
        }
        let seen = &mut self.seen[usize::from(field == Field::Rows)];
        if std::mem::replace(seen, true) {
            return Err(Problem::field(Code::DuplicateKey, name, "appears twice in its object"));
        }
        Ok(if field == Field::Rows { At::Rows } else { At::Value(field) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes of a body that arrives in pieces of so many bytes.
    fn cut(form: (Form, bool), body: &[u8], size: usize) -> Result<Vec<String>, Code> {
        let (mut splitter, mut out) = (Splitter::new(form.0, form.1), Vec::new());
        body.chunks(size).try_for_each(|chunk| splitter.push(chunk, &mut out)).map_err(|problem| problem.code)?;
        splitter.finish(&mut out).map_err(|problem| problem.code)?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        let shown = |piece| match piece {
            Piece::Row(Some(row)) => text(row),
            Piece::Row(None) => "(too long)".to_owned(),
            Piece::BatchId(id) => format!("id {}", text(id)),
        };
        Ok(out.into_iter().map(shown).collect())
    }

    const OBJECT: (Form, bool) = (Form::Json, false);
    const ARRAY: (Form, bool) = (Form::Json, true);
    const LINES: (Form, bool) = (Form::Lines, true);

    fn rows(list: &[&str]) -> Result<Vec<String>, Code> {
        Ok(list.iter().map(|row| (*row).to_owned()).collect())
    }

    #[test]
    fn every_form_is_cut_into_its_rows() {
        let tricky = r#"{"a":"],}\"[{","b":[1,{"c":[]}],"d":"\\"}"#;
        for size in [1, 2, 7, 1_000] {
            let cut = |form, body: &str| cut(form, body.as_bytes(), size);
            assert_eq!(cut(ARRAY, &format!(" [ {tricky} , 1,null ,[2]]\n ")), rows(&[tricky, "1", "null", "[2]"]));
            assert_eq!(cut(ARRAY, "[]"), rows(&[]));
            assert_eq!(cut(LINES, ""), rows(&[]));
            assert_eq!(cut(LINES, &format!("{tricky}\r\n\n x \n[1]")), rows(&[tricky, "x", "[1]"]));
            assert_eq!(cut(LINES, "[1,\n2]\n"), rows(&["[1,", "2]"]), "lines are lines, whatever they begin with");
            let object = format!(r#"{{ "batch_id" : "b-1" , "rows":[{tricky},2] }}"#);
            assert_eq!(cut(OBJECT, &object), rows(&[r#"id "b-1""#, tricky, "2"]));
            assert_eq!(cut(OBJECT, r#"{"rows":[],"\u0062atch_id":7}"#), rows(&["id 7"]));
            assert_eq!(cut(ARRAY, r#"{"rows":[1]}"#), rows(&["1"]), "the name is known");
        }
    }

    #[test]
    fn what_cannot_be_cut_is_told() {
        for (form, body, code) in [
            (OBJECT, "", Code::MalformedJson),
            (OBJECT, "7", Code::MalformedJson),
            (OBJECT, "[]", Code::MissingField),
            (ARRAY, "", Code::MalformedJson),
            (ARRAY, "null", Code::MalformedJson),
            (ARRAY, r#"{"batch_id":"b"}"#, Code::MissingField),
            (OBJECT, "{}", Code::MissingField),
            (OBJECT, r#"{"rows":[]}"#, Code::MissingField),
            (OBJECT, r#"{"batch_id":"b"}"#, Code::MissingField),
            (OBJECT, r#"{"batch_id":"b","rows":7}"#, Code::InvalidField),
            (OBJECT, r#"{"batch_id":"b","rows":[],"more":{"a":[1]}}"#, Code::UnknownField),
            (OBJECT, r#"{"batch_id":"b","rows":[],"rows":[]}"#, Code::DuplicateKey),
            (OBJECT, r#"{"batch_id":"b","rows":[]"#, Code::MalformedJson),
            (OBJECT, r#"{"batch_id":"b","rows":[]]"#, Code::MalformedJson),
            (OBJECT, r#"{"batch_id":"b","rows":[],}"#, Code::MalformedJson),
            (OBJECT, r#"{"batch_id" "b"}"#, Code::MalformedJson),
            (OBJECT, r#"{1:2}"#, Code::MalformedJson),
            (OBJECT, r#"{"batch_id":"b","rows":[]} x"#, Code::MalformedJson),
            (ARRAY, "[1,]", Code::MalformedJson),
            (ARRAY, "[,1]", Code::MalformedJson),
            (ARRAY, "[1}", Code::MalformedJson),
            (ARRAY, "[1:2]", Code::MalformedJson),
            (ARRAY, "[\"a", Code::MalformedJson),
            (ARRAY, "[[[[", Code::MalformedJson),
            (ARRAY, "[1] [2]", Code::MalformedJson),
        ] {
            for size in [1, 1_000] {
                assert_eq!(cut(form, body.as_bytes(), size), Err(code), "{body}");
            }
        }
    }

    #[test]
    fn a_row_that_is_too_long_is_passed_over() {
        let long = format!("[\"{}\",1]", "x".repeat(ROW_BYTES_MAX + 10));
        assert_eq!(cut(ARRAY, long.as_bytes(), 4_096), rows(&["(too long)", "1"]));
        let long = format!("{}\n1", "x".repeat(ROW_BYTES_MAX + 10));
        assert_eq!(cut(LINES, long.as_bytes(), 4_096), rows(&["(too long)", "1"]));
    }

    proptest! {
        /// Against the parser that reads it whole.
        #[test]
        fn an_array_is_cut_as_a_parser_reads_it(items in prop::collection::vec("[ -~]{0,12}", 0..12), size in 1..9_usize) {
            let values: Vec<_> = items.iter().map(|text| serde_json::json!({"t": text, "l": [text, {"x": text}]})).collect();
            let body = serde_json::to_vec(&values).unwrap();
            let found = cut(ARRAY, &body, size).unwrap();
            let found: Vec<serde_json::Value> = found.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
            prop_assert_eq!(found, values);
        }
    }
}
