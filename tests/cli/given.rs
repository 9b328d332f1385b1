//! A folder to play in, the binary run in it, and what it said.

use crate::support::server::{Server, ionveil};
use serde_json::Value;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

/// What the mapping of the project needs, without its optional columns.
const HEADER: &str =
    "Call Number,Unit ID,Received DtTm,Dispatch DtTm,Response DtTm,On Scene DtTm,Call Final Disposition,Available DtTm,RowID\n";

/// A folder with a data directory in it.
pub(super) struct Ground(TempDir);

/// What a command left behind.
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Ground {
    pub(super) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    /// With that many rows imported; gives the number of events too.
    pub(super) fn with_calls(rows: u32) -> (Self, u64) {
        let ground = Self::new();
        let file = ground.write("calls.csv", &calls(0..rows));
        let report = ground.import(&file, &[]).json(0);
        assert_eq!(report["appended"], events(0..rows), "{report}");
        (ground, events(0..rows))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Writes a file and gives its path.
    pub(super) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Runs a command on the data directory.
    pub(super) fn run(&self, args: &[&str]) -> Said {
        let data = self.data();
        said(&[args, &["--data-dir", data.to_str().expect("UTF-8")]].concat())
    }

    /// `import calls` with the project's mapping.
    pub(super) fn import(&self, file: &str, more: &[&str]) -> Said {
        self.run(&[&["import", "calls", "--json", "--mapping", &mapping(), file], more].concat())
    }

    pub(super) fn serve(&self, more: &[&str]) -> Server {
        Server::start(&self.data(), more)
    }

    /// Every event of the journal as `ionveil events --json` prints it.
    pub(super) fn events(&self, more: &[&str]) -> Vec<Value> {
        let said = self.run(&[&["events", "--json"], more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Nothing is wrong with the journal, and it has that many events.
    pub(super) fn check(&self, events: u64) {
        let report = self.run(&["verify", "--json"]).json(0);
        assert_eq!((&report["findings_total"], &report["events"]), (&0.into(), &events.into()), "{report}");
    }
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self { code: output.status.code().expect("no signal"), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The output of a command that must have ended so.
    pub(super) fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// The command ended so and complained with each of these words.
    pub(super) fn complains(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }
}

pub(super) fn said(args: &[&str]) -> Said {
    Said::of(&ionveil(args).output().expect("the binary runs"))
}

/// The project's own mapping of the open data.
pub(super) fn mapping() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/mappings/sf-fire.toml");
    path.to_str().expect("UTF-8").to_owned()
}

/// A file of calls with these numbers. Every fourth never left the station.
pub(super) fn calls(numbers: Range<u32>) -> String {
    let mut file = HEADER.to_owned();
    for number in numbers {
        let stamp = |second: u32| format!("01/02/2017 {:02}:{:02}:{second:02} AM", 1 + number / 60 % 11, number % 60);
        let (left, there) = if leaves(number) { (stamp(20), stamp(30)) } else { (String::new(), String::new()) };
        let row = format!("{number},E1,{},{},{left},{there},Fire,{},{number}-E1", stamp(0), stamp(10), stamp(40));
        writeln!(file, "{row}").expect("memory");
    }
    file
}

/// How many events such a file leads to.
pub(super) fn events(numbers: Range<u32>) -> u64 {
    numbers.map(|number| if leaves(number) { 4 } else { 2 }).sum()
}

fn leaves(number: u32) -> bool {
    !number.is_multiple_of(4)
}

/// What a server answers, read to its end.
pub(super) fn get(server: &Server, path: &str) -> (u16, Value) {
    get_with(server, path, None)
}

/// The same with a credential for the header `authorization`.
pub(super) fn get_with(server: &Server, path: &str, authorization: Option<&str>) -> (u16, Value) {
    alone(async {
        let client = ionveil::web::client().build().expect("a client");
        let request = client.get(server.url(path));
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    })
}

/// A page of a server as text.
pub(crate) fn text_of(server: &Server, path: &str) -> String {
    alone(async {
        let client = ionveil::web::client().build().expect("a client");
        client.get(server.url(path)).send().await.expect("an answer").text().await.expect("a text")
    })
}

/// Runs a future to its end.
pub(super) fn alone<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
