//! Rows of a CSV file (RFC 4180) from any reader, with true line numbers and a bound on memory.
//!
//! Unlike a general parser it never lets one bad quote swallow the file: a row whose quoting breaks is given up after
//! its first line and reading resumes on the next. It knows no header and no column; fields are bytes.

use std::io::{self, BufRead, BufReader, Read};

/// The most bytes that a row may have; what is longer is passed over without being kept.
pub const ROW_BYTES_MAX: usize = 1 << 20;
/// What follows the first line of a broken row is read again, as rows of its own. A file made to be broken everywhere
/// would be read a thousand times over that way: past so many bytes read again, a broken row is passed over whole.
const READ_AGAIN_BYTES_MAX: usize = 64 << 20;

/// The fields of a row, reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Record {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// What stood at a place of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A row, now in the record.
    Row,
    /// Quoting that cannot be.
    BadQuoting,
    /// More than [`ROW_BYTES_MAX`].
    TooLong,
}

/// Where the parser is inside a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FieldStart,
    Plain,
    Quoted,
    QuoteInQuoted,
}

enum Line {
    /// `buffer[start..end]`, its terminator included.
    Whole(usize, usize),
    TooLong,
    End,
}

/// Reads row after row.
pub(crate) struct Rows<R> {
    input: BufReader<R>,
    buffer: Vec<u8>,
    /// First byte of `buffer` that no row has taken.
    taken: usize,
    /// Number of the line that starts at `taken`.
    line: u64,
    /// Bytes that may still be read again.
    again: usize,
}

impl<R: Read> Rows<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input), buffer: Vec::new(), taken: 0, line: 1, again: READ_AGAIN_BYTES_MAX }
    }

    /// Reads the next row into `record`; empty lines are passed over. Answers with the number of its first line, or
    /// `None` at the end.
    pub(crate) fn read(&mut self, record: &mut Record) -> io::Result<Option<(u64, Found)>> {
        loop {
            record.clear();
            if self.taken > self.buffer.len() / 2 {
                self.buffer.drain(..self.taken);
                self.taken = 0;
            }
            let line = self.line;
            match self.line_after(self.taken)? {
                Line::End => return Ok(None),
                Line::TooLong => return Ok(Some((line, Found::TooLong))),
                Line::Whole(start, end) if content(&self.buffer[start..end]).is_empty() => self.take(end, 1),
                Line::Whole(_, end) => return Ok(Some((line, self.row(record, end)?))),
            }
        }
    }

    /// Parses the row whose first line ends at `first`, reading further lines while a quoted field is open.
    fn row(&mut self, record: &mut Record, first: usize) -> io::Result<Found> {
        let begin = self.taken;
        let (mut start, mut end, mut lines, mut at) = (begin, first, 1, At::FieldStart);
        loop {
            let next = parse(record, at, &self.buffer[start..end]);
            match next {
                Some(At::Quoted) => at = At::Quoted,
                Some(At::FieldStart | At::Plain | At::QuoteInQuoted) => {
                    self.take(end, lines);
                    return Ok(Found::Row);
                }
                None => return Ok(self.give_up(first, end, lines)),
            }
            match self.line_after(end)? {
                Line::Whole(from, to) if to - begin <= ROW_BYTES_MAX => (start, end, lines) = (from, to, lines + 1),
                Line::Whole(..) | Line::End => return Ok(self.give_up(first, end, lines)),
                // The line is gone and counted already, so what stands before it cannot be read again.
                Line::TooLong => {
                    self.take(end, lines);
                    return Ok(Found::BadQuoting);
                }
            }
        }
    }

    fn give_up(&mut self, first: usize, end: usize, lines: u64) -> Found {
        match self.again.checked_sub(end - first) {
            Some(rest) => {
                self.again = rest;
                self.take(first, 1);
            }
            None => self.take(end, lines),
        }
        Found::BadQuoting
    }

    fn take(&mut self, end: usize, lines: u64) {
        self.taken = end;
        self.line += lines;
    }

    /// The line that starts at `start` of the buffer, read into it if it is not there yet. A line that is too long is
    /// passed over; it counts as a line.
    fn line_after(&mut self, start: usize) -> io::Result<Line> {
        let mut searched = start;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|b| *b == b'\n') {
                return Ok(Line::Whole(start, searched + at + 1));
            }
            searched = self.buffer.len();
            if searched - start > ROW_BYTES_MAX {
                return self.pass_over(start);
            }
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(if start == searched { Line::End } else { Line::Whole(start, searched) });
            }
            let length = chunk.len();
            self.buffer.extend_from_slice(chunk);
            self.input.consume(length);
        }
    }

    fn pass_over(&mut self, start: usize) -> io::Result<Line> {
        self.buffer.truncate(start);
        loop {
            let chunk = self.input.fill_buf()?;
            let end = chunk.iter().position(|b| *b == b'\n');
            let length = end.map_or(chunk.len(), |at| at + 1);
            let over = end.is_some() || chunk.is_empty();
            self.input.consume(length);
            if over {
                self.line += 1;
                return Ok(Line::TooLong);
            }
        }
    }
}

fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Goes on with a row by one line; `None` if its quoting breaks, [`At::Quoted`] if the row goes on.
fn parse(record: &mut Record, mut at: At, line: &[u8]) -> Option<At> {
    let text = content(line);
    for byte in text {
        at = match (at, byte) {
            (At::FieldStart, b'"') => At::Quoted,
            (At::FieldStart | At::Plain | At::QuoteInQuoted, b',') => {
                record.ends.push(record.bytes.len());
                At::FieldStart
            }
            (At::Quoted, b'"') => At::QuoteInQuoted,
            (At::FieldStart | At::Plain, byte) => {
                record.bytes.push(*byte);
                At::Plain
            }
            (At::Quoted, byte) | (At::QuoteInQuoted, byte @ b'"') => {
                record.bytes.push(*byte);
                At::Quoted
            }
            (At::QuoteInQuoted, _) => return None,
        };
    }
    if at == At::Quoted {
        record.bytes.extend_from_slice(&line[text.len()..]);
    } else {
        record.ends.push(record.bytes.len());
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row as `line: field|field`, each fault as `line! fault`.
    fn read(text: &[u8]) -> Vec<String> {
        let (mut rows, mut record, mut found) = (Rows::new(text), Record::default(), Vec::new());
        while let Some((line, outcome)) = rows.read(&mut record).unwrap() {
            let fields = (0..record.len()).map(|n| String::from_utf8_lossy(record.get(n).unwrap()).into_owned());
            found.push(match outcome {
                Found::Row => format!("{line}: {}", fields.collect::<Vec<_>>().join("|")),
                Found::BadQuoting => format!("{line}! quoting"),
                Found::TooLong => format!("{line}! long"),
            });
        }
        found
    }

    #[test]
    fn fields_quotes_line_ends_and_empty_lines() {
        for (name, text, expected) in [
            ("nothing", "", vec![]),
            ("plain", "a,b\nc,d\n", vec!["1: a|b", "2: c|d"]),
            ("no last line end", "a,b", vec!["1: a|b"]),
            ("crlf", "a,b\r\nc,d\r\n", vec!["1: a|b", "2: c|d"]),
            ("empty lines", "\n\r\na\n\n\nb\n", vec!["3: a", "6: b"]),
            ("empty fields", ",\n", vec!["1: |"]),
            ("quoted", "\"a,\"\"b\"\"\",c\n", vec!["1: a,\"b\"|c"]),
            ("quoted line end", "\"a\nb\",c\nd\n", vec!["1: a\nb|c", "3: d"]),
            ("quoted crlf", "\"a\r\nb\",c\r\nd\r\n", vec!["1: a\r\nb|c", "3: d"]),
            ("a quote inside is text", "5\" hose,b\n", vec!["1: 5\" hose|b"]),
            ("empty quoted", "\"\",\"\"", vec!["1: |"]),
        ] {
            assert_eq!(read(text.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn a_broken_quote_costs_its_own_line_only() {
        assert_eq!(read(b"a,\"b\nc,\"d\"\ne,f\n"), ["1! quoting", "2: c|d", "3: e|f"]);
        assert_eq!(read(b"a,\"b\nc\nd"), ["1! quoting", "2: c", "3: d"]);
        assert_eq!(read(b"\"a\"b,c\nd\n"), ["1! quoting", "2: d"]);
    }

    #[test]
    fn what_is_too_long_is_passed_over_and_counted_as_a_line() {
        let long = "x".repeat(3 * ROW_BYTES_MAX);
        assert_eq!(read(format!("a\n{long}\nb\n").as_bytes()), ["1: a", "2! long", "3: b"]);
        assert_eq!(read(format!("a\n{long}").as_bytes()), ["1: a", "2! long"]);
        let open = format!("\"{}\nb,c\n", "x\n".repeat(ROW_BYTES_MAX));
        assert_eq!(read(open.as_bytes()).first().unwrap(), "1! quoting");
    }

    #[test]
    fn a_file_of_half_quotes_is_not_read_for_ever() {
        let found = read("x\",\"y\n".repeat(400_000).as_bytes());
        assert!(found.iter().all(|row| row.ends_with("! quoting")), "{:?}", &found[..3]);
        assert!(found.len() < 1_000, "{}", found.len());
    }
}
