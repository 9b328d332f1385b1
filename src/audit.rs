//! The audit trail: every change in the system, in order and chained (specification of IonVeil §4.7, decision D20). It is the
//! journal itself; the list views keep the checksum of each event as it was when it was taken in, chained for each organisation
//! and partition, so that what was taken out or altered since then does not fit.

use ionveil_analytics::audit::{Broken, Change, Checksum, Defect, Entry, Head, Verifier};
use ionveil_journal::{Filter, Store, StoreError};
use ionveil_kernel::{Org, Recorded};
use ionveil_views::{SealRun, Views, ViewsError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;

/// How many events are read at once.
const PAGE: usize = 4_096;
/// How many runs of seals are read at once.
const RUNS: usize = 64;

/// Why a trail cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The journal.
    #[error("read the journal")]
    Journal(#[from] StoreError),
    /// The seals.
    #[error("read the seals")]
    Views(#[from] ViewsError),
}

/// A change with its place in the chain, if it has one already.
#[derive(Clone, Debug)]
pub struct Line {
    /// The partition whose chain it is in.
    pub partition: u16,
    /// What changed.
    pub change: Change,
    /// Its seal: its number, the checksum before it, and its own.
    pub seal: Option<Seal>,
}

/// The place of a change in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// From 1.
    pub sequence: u64,
    /// The checksum before it.
    pub previous: Checksum,
    /// Its own.
    pub checksum: Checksum,
}

/// The seals of these events of one organisation, which ascend in each partition.
///
/// # Errors
/// If they cannot be read.
pub async fn lines(views: &Views, org: &Org, events: &[Recorded]) -> Result<Vec<Line>, ViewsError> {
    let mut by_partition: BTreeMap<u16, Chain> = BTreeMap::new();
    let mut lines = Vec::with_capacity(events.len());
    for event in events {
        let chain = by_partition.entry(event.partition).or_insert_with(|| Chain::new(event.partition, event.position));
        let seal = chain.seal_at(views, org, event.position).await?;
        lines.push(Line { partition: event.partition, change: Change::of(event), seal });
    }
    Ok(lines)
}

/// The seals of an organisation in a partition, read one after the other.
struct Chain {
    partition: u16,
    /// The next position to be read.
    next: u64,
    waiting: VecDeque<(u64, Seal)>,
    ended: bool,
}

impl Chain {
    fn new(partition: u16, from: u64) -> Self {
        Self { partition, next: from, waiting: VecDeque::new(), ended: false }
    }

    /// The next seal.
    async fn peek(&mut self, views: &Views, org: &Org) -> Result<Option<(u64, Seal)>, ViewsError> {
        while self.waiting.is_empty() && !self.ended {
            let runs = views.seals(org, self.partition, self.next, RUNS).await?;
            self.ended = runs.is_empty();
            for run in runs {
                self.next = self.next.max(run.last_position() + 1);
                self.waiting.extend(seals(&run));
            }
        }
        Ok(self.waiting.front().copied())
    }

    /// The seal of the event at a position; those before it are passed over.
    async fn seal_at(&mut self, views: &Views, org: &Org, position: u64) -> Result<Option<Seal>, ViewsError> {
        while let Some((at, seal)) = self.peek(views, org).await? {
            if at >= position {
                return Ok((at == position).then_some(seal));
            }
            self.waiting.pop_front();
        }
        Ok(None)
    }
}

fn seals(run: &SealRun) -> impl Iterator<Item = (u64, Seal)> {
    let before = std::iter::once(run.previous).chain(run.seals.iter().map(|(_, checksum)| *checksum));
    let numbered = (run.first_sequence..).zip(before).zip(&run.seals);
    numbered.map(|((sequence, previous), (position, checksum))| (*position, Seal { sequence, previous, checksum: *checksum }))
}

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// Whose.
    pub org: Org,
    /// In which partition.
    pub partition: u16,
    /// Where.
    pub head: Head,
}

/// The first place at which a chain is not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whose chain.
    pub org: Org,
    /// In which partition.
    pub partition: u16,
    /// The number of the entry.
    pub sequence: u64,
    /// The event that was found there, if one was.
    pub event: Option<String>,
    /// `altered`, `removed`, `reordered`, `unlinked` or `truncated`.
    pub code: &'static str,
    /// What is wrong.
    pub detail: String,
}

/// What a look at all chains has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Changes that fit their seals.
    pub verified: u64,
    /// Changes that are not sealed yet: the lists have not come to them.
    pub unsealed: u64,
    /// The first of each chain.
    pub findings: Vec<Finding>,
    /// Where the chains end that are whole.
    pub heads: Vec<ChainHead>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { org, partition, code, detail, .. } in &self.findings {
            writeln!(f, "{code}: organisation {org}, partition {partition}: {detail}")?;
        }
        let Self { verified, unsealed, findings, heads } = self;
        write!(f, "{verified} changes verified, {unsealed} not sealed yet, {} chains whole, {} broken", heads.len(), findings.len())
    }
}

/// Holds every event against its seal, in all partitions; `known` are ends of chains that were kept elsewhere.
///
/// # Errors
/// If journal or seals cannot be read.
pub async fn verify(store: &dyn Store, views: &Views, known: &[ChainHead], mut progress: impl FnMut(u64)) -> Result<Verdict, AuditError> {
    let mut verdict = Verdict::default();
    for partition in 0..store.partitions() {
        let mut chains: BTreeMap<Org, Check> = BTreeMap::new();
        let heads = known.iter().filter(|head| head.partition == partition);
        let orgs = views.sealed(partition).await?.into_iter().chain(heads.map(|head| head.org.clone()));
        chains.extend(orgs.map(|org| (org.clone(), Check::new(&org, partition, known))));
        let mut after = 0;
        loop {
            let page = store.read_partition(partition, after, PAGE, &Filter::default()).await?;
            for event in &page.events {
                let org = &event.stream.org;
                let check = chains.entry(org.clone()).or_insert_with(|| Check::new(org, partition, known));
                check.event(views, event, &mut verdict).await?;
            }
            progress(page.scanned_to.saturating_sub(after));
            if page.scanned_to <= after {
                break;
            }
            after = page.scanned_to;
        }
        for check in chains.into_values() {
            check.finish(views, &mut verdict).await?;
        }
    }
    Ok(verdict)
}

/// One chain, while its partition is read.
struct Check {
    org: Org,
    chain: Chain,
    verifier: Verifier,
    sequence: u64,
    broken: bool,
}

impl Check {
    fn new(org: &Org, partition: u16, known: &[ChainHead]) -> Self {
        let known = known.iter().find(|head| head.org == *org && head.partition == partition).map(|head| head.head);
        Self { org: org.clone(), chain: Chain::new(partition, 0), verifier: Verifier::new(Head::EMPTY, known), sequence: 0, broken: false }
    }

    async fn event(&mut self, views: &Views, event: &Recorded, verdict: &mut Verdict) -> Result<(), ViewsError> {
        if self.broken {
            return Ok(());
        }
        let change = Change::of(event);
        let found = match self.chain.peek(views, &self.org).await? {
            None => {
                verdict.unsealed += 1;
                return Ok(());
            }
            Some((at, seal)) if at < event.position => Err(self.removed(&seal)),
            Some((at, seal)) if at > event.position => {
                let (id, defect) = (Some(change.id), Defect::Reordered { found: seal.sequence });
                Err(Broken { sequence: self.sequence + 1, id, defect })
            }
            Some((_, Seal { sequence, previous, checksum })) => self.verifier.check(&Entry { sequence, change, previous, checksum }),
        };
        match found {
            Ok(()) => {
                self.chain.waiting.pop_front();
                self.sequence += 1;
                verdict.verified += 1;
            }
            Err(broken) => self.found(broken, verdict),
        }
        Ok(())
    }

    fn removed(&self, seal: &Seal) -> Broken {
        Broken { sequence: seal.sequence, id: None, defect: Defect::Removed { found: seal.sequence + 1 } }
    }

    fn found(&mut self, broken: Broken, verdict: &mut Verdict) {
        self.broken = true;
        let code = match broken.defect {
            Defect::Altered => "altered",
            Defect::Removed { .. } => "removed",
            Defect::Reordered { .. } => "reordered",
            Defect::Unlinked => "unlinked",
            Defect::Truncated => "truncated",
        };
        verdict.findings.push(Finding {
            org: self.org.clone(),
            partition: self.chain.partition,
            sequence: broken.sequence,
            code,
            detail: broken.to_string(),
            event: broken.id,
        });
    }

    async fn finish(mut self, views: &Views, verdict: &mut Verdict) -> Result<(), ViewsError> {
        if self.broken {
            return Ok(());
        }
        let (org, partition) = (self.org.clone(), self.chain.partition);
        let ended = match self.chain.peek(views, &self.org).await? {
            Some((_, seal)) => Err(self.removed(&seal)),
            None => self.verifier.finish(),
        };
        match ended {
            Ok(head) if head.sequence > 0 => verdict.heads.push(ChainHead { org, partition, head }),
            Ok(_) => {}
            Err(broken) => self.found(broken, verdict),
        }
        Ok(())
    }
}
