//! A Rust file taken apart: code, string literals and comments, and which lines are test code. It is no parser: macros
//! and types are text to it.

/// A string literal's content or a comment, with the line where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// From 1.
    pub(crate) line: u32,
    /// Where it begins in the file, in bytes.
    pub(crate) offset: usize,
    /// The content, without quotes.
    pub(crate) text: String,
}

/// A file and its parts.
pub(crate) struct Source {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    /// The code with every character of strings and comments replaced by a space; line ends stay.
    pub(crate) code: String,
    /// String literals, in order.
    pub(crate) strings: Vec<Text>,
    /// Comments, doc comments too, in order.
    pub(crate) comments: Vec<Text>,
    tests: Vec<(usize, usize)>,
    line_starts: Vec<usize>,
}

impl Source {
    /// Takes `text` apart.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let mut lexer = Lexer { bytes: text.as_bytes(), at: 0, code: text.as_bytes().to_vec(), strings: vec![], comments: vec![] };
        lexer.run();
        let line_starts: Vec<usize> =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1)).collect();
        let line_of = |offset: usize| line_starts.partition_point(|start| *start <= offset) as u32;
        let cut = |(from, to): &(usize, usize)| Text { line: line_of(*from), offset: *from, text: text[*from..*to].to_owned() };
        let strings = lexer.strings.iter().map(cut).collect();
        let comments = lexer.comments.iter().map(cut).collect();
        let code = String::from_utf8_lossy(&lexer.code).into_owned();
        let tests = test_items(&code);
        Self { path: path.to_owned(), code, strings, comments, tests, line_starts }
    }

    /// The line of a byte of `code`, from 1.
    pub(crate) fn line_of(&self, offset: usize) -> u32 {
        self.line_starts.partition_point(|start| *start <= offset) as u32
    }

    /// Whether the line (from 1) is test code: below `#[cfg(test)]`, or the whole file is.
    pub(crate) fn is_test(&self, line: u32) -> bool {
        self.is_test_file() || self.tests.iter().any(|(from, to)| (self.line_of(*from)..=self.line_of(*to)).contains(&line))
    }

    /// Whether the whole file is test code by its name.
    pub(crate) fn is_test_file(&self) -> bool {
        let folders = ["tests/", "benches/"];
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name == "tests.rs"
            || name.ends_with("_tests.rs")
            || folders.iter().any(|folder| self.path.starts_with(folder) || self.path.contains(&format!("/{folder}")))
    }

    /// Where `word` stands in the code, not as a part of a longer name.
    pub(crate) fn find_word<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code.match_indices(word).map(|(at, _)| at).filter(move |at| {
            let before = self.code[..*at].bytes().next_back();
            let after = self.code[at + word.len()..].bytes().next();
            let joins_before = word.bytes().next().is_some_and(is_name) && before.is_some_and(is_name);
            let joins_after = word.bytes().next_back().is_some_and(is_name) && after.is_some_and(is_name);
            !joins_before && !joins_after
        })
    }
}

/// The byte after the bracket that closes the first `open` at or after `from`; the end if it is never closed.
pub(crate) fn end_of_brackets(code: &str, from: usize, open: u8, close: u8) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        if byte == open {
            depth += 1;
        } else if byte == close && depth > 0 {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    code.len()
}

/// Whether the byte can be a part of a name.
pub(crate) const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// From each `#[cfg(test)]` or `#[cfg(all(test, …` to the end of its item.
fn test_items(code: &str) -> Vec<(usize, usize)> {
    let marks = ["#[cfg(test)]", "#[cfg(all(test"];
    let starts = marks.iter().flat_map(|mark| code.match_indices(mark)).map(|(at, _)| at);
    starts
        .map(|start| {
            let item = end_of_brackets(code, start, b'[', b']');
            let body = code[item..].find(['{', ';']).map_or(code.len(), |at| item + at);
            let end = if code[body..].starts_with('{') { end_of_brackets(code, body, b'{', b'}') } else { body };
            (start, end)
        })
        .collect()
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    code: Vec<u8>,
    strings: Vec<(usize, usize)>,
    comments: Vec<(usize, usize)>,
}

impl Lexer<'_> {
    fn run(&mut self) {
        while let Some(byte) = self.peek(0) {
            match (byte, self.peek(1)) {
                (b'/', Some(b'/')) => self.line_comment(),
                (b'/', Some(b'*')) => self.block_comment(),
                (b'"', _) => self.string(),
                (b'r' | b'b' | b'c', _) if !self.is_inside_name() => self.prefixed(),
                (b'\'', _) => self.character(),
                _ => self.at += 1,
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn is_inside_name(&self) -> bool {
        self.at > 0 && is_name(self.bytes[self.at - 1])
    }

    fn line_comment(&mut self) {
        let end = self.bytes[self.at..].iter().position(|b| *b == b'\n').map_or(self.bytes.len(), |length| self.at + length);
        self.comments.push((self.at, end));
        self.blank_to(end);
    }

    fn block_comment(&mut self) {
        let (mut depth, mut end) = (0_usize, self.at);
        while end < self.bytes.len() {
            match &self.bytes[end..] {
                [b'/', b'*', ..] => (depth, end) = (depth + 1, end + 2),
                [b'*', b'/', ..] => (depth, end) = (depth - 1, end + 2),
                _ => end += 1,
            }
            if depth == 0 {
                break;
            }
        }
        self.comments.push((self.at, end));
        self.blank_to(end);
    }

    fn string(&mut self) {
        let start = self.at + 1;
        let mut end = start;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.end_string(start, end, 1);
    }

    /// `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`; anything else that begins with these letters is a name.
    fn prefixed(&mut self) {
        let letters = self.bytes[self.at..].iter().take_while(|b| matches!(b, b'r' | b'b' | b'c')).count();
        let is_raw = self.bytes[self.at..self.at + letters].contains(&b'r');
        let hashes = self.bytes[self.at + letters..].iter().take_while(|b| **b == b'#').count();
        let is_string = letters <= 2 && self.peek(letters + hashes) == Some(b'"') && (is_raw || hashes == 0);
        self.at += letters;
        if is_string && is_raw {
            self.raw_string(hashes);
        } else if is_string {
            self.string();
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        let start = self.at + hashes + 1;
        let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
        let length = self.bytes[start..].windows(close.len()).position(|window| window == close);
        let end = length.map_or(self.bytes.len(), |length| start + length);
        self.end_string(start, end, close.len());
    }

    fn end_string(&mut self, start: usize, end: usize, quote: usize) {
        let end = end.min(self.bytes.len());
        self.strings.push((start, end));
        self.blank_to((end + quote).min(self.bytes.len()));
    }

    /// A character literal, or a lifetime, which is left as it is.
    fn character(&mut self) {
        let rest = &self.bytes[self.at + 1..];
        let closed = |from: usize| rest.iter().skip(from).take(10).position(|b| *b == b'\'').map(|at| at + from);
        let length = match rest {
            [b'\\', ..] => closed(2),
            [first, ..] => {
                let width = if *first < 0x80 { 1 } else { rest.iter().skip(1).take_while(|b| **b & 0xC0 == 0x80).count() + 1 };
                (rest.get(width) == Some(&b'\'')).then_some(width)
            }
            [] => None,
        };
        match length {
            Some(length) => self.blank_to(self.at + length + 2),
            None => self.at += 1,
        }
    }

    fn blank_to(&mut self, end: usize) {
        for byte in &mut self.code[self.at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        self.at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(found: &[Text]) -> Vec<&str> {
        found.iter().map(|text| text.text.as_str()).collect()
    }

    #[test]
    fn strings_of_every_kind_are_told_from_code() {
        let source = Source::new("a.rs", r####"f("a\"b", r"c\", r#"d"e"#, b"f", br##"g"#h"##, r#type, 'x', '"', '\'', "é", 'é');"####);
        assert_eq!(texts(&source.strings), ["a\\\"b", "c\\", "d\"e", "f", "g\"#h", "é"]);
        assert!(source.code.contains("r#type"));
        assert!(!source.code.contains('"'));
    }

    #[test]
    fn comments_nest_and_lifetimes_stay() {
        let source = Source::new("a.rs", "//! head\nfn f<'a>(x: &'a str) { /* one /* two */ \" */ g() }\n");
        assert_eq!(texts(&source.comments), ["//! head", "/* one /* two */ \" */"]);
        assert_eq!(source.comments[1].line, 2);
        assert!(source.code.contains("fn f<'a>(x: &'a str) {") && source.code.contains("g() }"));
    }

    #[test]
    fn test_code_is_known() {
        let source =
            Source::new("a.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n  fn g() { { } }\n}\nfn h() {}\n#[cfg(test)]\nuse x;\nfn i() {}");
        let tests: Vec<u32> = (1..=9).filter(|line| source.is_test(*line)).collect();
        assert_eq!(tests, [2, 3, 4, 5, 7, 8]);
        for path in ["tests/a/mod.rs", "domain/x/src/tests.rs", "domain/x/tests/laws.rs"] {
            assert!(Source::new(path, "").is_test(1), "{path}");
        }
    }

    #[test]
    fn words_are_whole() {
        let source = Source::new("a.rs", "spawn(); respawn(); spawn_all(); x::spawn()");
        assert_eq!(source.find_word("spawn").count(), 2);
    }

    #[test]
    fn unfinished_text_does_not_panic() {
        for text in ["\"", "r#\"", "/*", "'", "'\\", "\"\\", "b", "br#", "#[cfg(test)]", "é"] {
            Source::new("a.rs", text);
        }
    }
}
