//! Random commands to a tree.

use super::given::{LEVELS, clear_override, id, set_override};
use ionveil_kernel::PolicyLevel;
use ionveil_policy::level;
use ionveil_policy::tree::{Command, Snapshot};

/// Draws commands; the same seed draws the same.
pub(super) struct Wishes {
    seed: u64,
    nodes: u64,
}

impl Wishes {
    pub(super) fn new(seed: u64, nodes: u64) -> Self {
        Self { seed, nodes }
    }

    /// `SplitMix64` (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
    fn next(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn level(&mut self) -> PolicyLevel {
        LEVELS[usize::try_from(self.below(4)).expect("small")]
    }

    /// A node that is not the root.
    fn node(&mut self) -> u64 {
        1 + self.below(self.nodes - 1)
    }

    /// A command; what an engine says is said in the term that `snapshot` knows.
    pub(super) fn command(&mut self, snapshot: &Snapshot) -> Command {
        match self.below(12) {
            0 | 1 => Command::SetRoot { level: level::name(self.level()).to_owned(), authorization: "T1".to_owned() },
            2 => clear_override(self.node()),
            3 => Command::MoveNode { node: id(self.node()), parent: id(self.below(self.nodes)) },
            4 | 5 => self.engine(snapshot),
            _ => set_override(self.node(), self.level()),
        }
    }

    fn engine(&mut self, snapshot: &Snapshot) -> Command {
        let (node, level) = (id(self.below(self.nodes)), self.level());
        let heard = snapshot.resolve(&node).map(|node| (node.engine().term, node.engine().version)).unwrap_or_default();
        Command::SetEngine { node, level, term: heard.0, engine_version: heard.1 + 1, reason: "3 failures in a row".to_owned() }
    }
}
