//! Random batches, judged by the store under test and by the store in memory: same verdicts, same contents.

use super::Fresh;
use super::given::*;
use ionveil_actors::TokioEnv;
use ionveil_journal::{Append, Claim, MemoryStore, Store};
use ionveil_kernel::{Env, StreamId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::HashMap;
use std::future::Future;

#[derive(Clone, Debug)]
enum Step {
    /// Appends at a second, with some of the claims missing or old.
    Batch { appends: Vec<Wish>, missing: u16, old: u16, now: i64 },
    /// The node takes everything again: all epochs rise.
    Claim,
}

#[derive(Clone, Debug)]
struct Wish {
    owner: usize,
    command: u8,
    /// Which stream of the owner, and how far from the right sequence number.
    events: Vec<(usize, i8)>,
}

fn wish() -> impl Strategy<Value = Wish> {
    let offset = prop_oneof![30 => Just(0_i8), 1 => Just(-1), 1 => Just(1)];
    (0..5_usize, 0..60_u8, vec((0..3_usize, offset), 0..4)).prop_map(|(owner, command, events)| Wish { owner, command, events })
}

fn step() -> impl Strategy<Value = Step> {
    let mask = || prop_oneof![4 => Just(0_u16), 1 => 0..16_u16];
    let batch = (vec(wish(), 0..12), mask(), mask(), -5..50_i64).prop_map(|(appends, missing, old, now)| Step::Batch {
        appends,
        missing,
        old,
        now,
    });
    prop_oneof![12 => batch, 1 => Just(Step::Claim)]
}

fn owners() -> Vec<StreamId> {
    vec![name("a"), name("b"), stream("zeta", "workflow", "a"), stream("acme", "unit", "a"), name("e")]
}

/// The main stream of an owner, or one of its two parts.
fn stream_of(owner: &StreamId, part: usize) -> StreamId {
    match part {
        0 => owner.clone(),
        part => stream(owner.org.as_str(), "part", &format!("{}-{}-{part}", owner.kind, owner.id)),
    }
}

/// Runs the comparison on stores that `factory` makes.
pub(crate) fn agree<F, S>(factory: F)
where
    F: Fn() -> S,
    S: Future<Output: Into<Option<Fresh>>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let config = Config { cases: 24, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&vec(step(), 1..12), |steps| {
        runtime.block_on(async {
            let Some(fresh) = factory().await.into() else { return };
            let model = MemoryStore::new(Env::new(TokioEnv::new(tokio::runtime::Handle::current())), fresh.store.partitions());
            compare(&*fresh.store, &model, &steps).await;
            fresh.store.close().await;
        });
        Ok(())
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn compare(store: &dyn Store, model: &MemoryStore, steps: &[Step]) {
    let mut claims = owned(store).await;
    assert_eq!(claims, owned(model).await);
    for step in steps {
        match step {
            Step::Claim => {
                claims = owned(store).await;
                assert_eq!(claims, owned(model).await);
            }
            Step::Batch { appends, missing, old, now } => {
                let batch = lay_out(model, appends).await;
                let shown = spoil(&claims, *missing, *old);
                let verdicts = store.append(&shown, &batch, second(*now)).await.expect("append");
                assert_eq!(verdicts, model.append(&shown, &batch, second(*now)).await.expect("append"));
            }
        }
    }
    same_contents(store, model).await;
}

/// Turns wishes into appends that build on what is stored and on each other.
async fn lay_out(model: &MemoryStore, wishes: &[Wish]) -> Vec<Append> {
    let owners = owners();
    let mut ends: HashMap<StreamId, u64> = HashMap::new();
    for stream in owners.iter().flat_map(|owner| (0..3).map(|part| stream_of(owner, part))) {
        let end = model.read_stream(&stream, 0, usize::MAX).await.expect("read").len() as u64;
        ends.insert(stream, end);
    }
    let lay = |wish: &Wish| {
        let owner = &owners[wish.owner];
        let events = wish.events.iter().map(|(part, offset)| {
            let stream = stream_of(owner, *part);
            let end = ends.get_mut(&stream).expect("known");
            *end += 1;
            event(&stream, end.saturating_add_signed((*offset).into()))
        });
        let events = events.collect();
        append(owner, &wish.command.to_string(), events)
    };
    wishes.iter().map(lay).collect()
}

fn spoil(claims: &[Claim], missing: u16, old: u16) -> Vec<Claim> {
    let has = |mask: u16, claim: &Claim| mask >> claim.partition & 1 == 1;
    let shown = claims.iter().filter(|claim| !has(missing, claim));
    shown.map(|claim| Claim { epoch: claim.epoch - u64::from(has(old, claim)), ..*claim }).collect()
}

async fn same_contents(store: &dyn Store, model: &MemoryStore) {
    assert_eq!(everything(store).await, everything(model).await);
    assert_eq!(store.heads().await.unwrap(), model.heads().await.unwrap());
    assert_eq!(store.entities(None, 100).await.unwrap(), model.entities(None, 100).await.unwrap());
    let commands: Vec<_> = (0..60).map(|n: u8| command(&n.to_string())).collect();
    for owner in owners() {
        assert_eq!(store.receipts(&owner, &commands).await.unwrap(), model.receipts(&owner, &commands).await.unwrap());
        for (version, position) in [(0, 0), (2, 3)] {
            let read = store.read_entity(&owner, version, position, 100).await.unwrap();
            assert_eq!(read, model.read_entity(&owner, version, position, 100).await.unwrap());
        }
    }
}
