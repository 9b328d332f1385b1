//! Whether a chain is whole.

use crate::audit::entry::{Entry, Head};

/// The first place at which a chain is not whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {sequence}{} {defect}", id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default())]
pub struct Broken {
    /// The number that the entry there has to have.
    pub sequence: u64,
    /// The id of the entry that was found there, if one was.
    pub id: Option<String>,
    /// What is wrong.
    pub defect: Defect,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// Its fields are not those that the checksum was made of.
    #[error("was altered: its checksum is that of other fields")]
    Altered,
    /// One or more were taken out: the one found has a later number.
    #[error("was removed: the one found there is number {found}")]
    Removed {
        /// The number of the entry that was found.
        found: u64,
    },
    /// The one found has an earlier number: it was moved, or put in again.
    #[error("is not there: number {found} was put in its place")]
    Reordered {
        /// The number of the entry that was found.
        found: u64,
    },
    /// The entry is sound in itself, but was made after another one than that before it: that one was replaced.
    #[error("follows another entry than the one before it, which was replaced")]
    Unlinked,
    /// The chain ends before the head that is known, or goes on behind it with another past.
    #[error("is missing or is another one: the chain's known end does not fit")]
    Truncated,
}

/// Checks entries one by one, in the order in which they are kept, in constant memory.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    head: Head,
    /// The head that is known from elsewhere.
    known: Option<Head>,
}

impl Verifier {
    /// Goes on from a head that is trusted ([`Head::EMPTY`] for the whole chain); `known` is the end, or any later head, that is
    /// kept elsewhere.
    #[must_use]
    pub const fn new(from: Head, known: Option<Head>) -> Self {
        Self { head: from, known }
    }

    /// Checks the next entry.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&mut self, entry: &Entry) -> Result<(), Broken> {
        let expected = self.head.sequence + 1;
        let broken = |defect| Broken { sequence: expected, id: Some(entry.change.id.clone()), defect };
        let found = entry.sequence;
        if !entry.is_unaltered() {
            return Err(broken(Defect::Altered));
        }
        if found > expected {
            return Err(broken(Defect::Removed { found }));
        }
        if found < expected {
            return Err(broken(Defect::Reordered { found }));
        }
        if entry.previous != self.head.checksum {
            return Err(broken(Defect::Unlinked));
        }
        self.head = entry.head();
        match self.known {
            Some(known) if known.sequence == found && known != self.head => Err(broken(Defect::Truncated)),
            _ => Ok(()),
        }
    }

    /// The end of what was checked.
    ///
    /// # Errors
    /// [`Defect::Truncated`] if the known head was not reached.
    pub fn finish(self) -> Result<Head, Broken> {
        match self.known {
            Some(known) if known.sequence > self.head.sequence => {
                Err(Broken { sequence: self.head.sequence + 1, id: None, defect: Defect::Truncated })
            }
            _ => Ok(self.head),
        }
    }
}

/// Checks a whole chain against the head that is known of it, if one is.
///
/// # Errors
/// The first place at which it is not whole.
pub fn verify<'a>(entries: impl IntoIterator<Item = &'a Entry>, known: Option<Head>) -> Result<Head, Broken> {
    let mut verifier = Verifier::new(Head::EMPTY, known);
    entries.into_iter().try_for_each(|entry| verifier.check(entry))?;
    verifier.finish()
}
