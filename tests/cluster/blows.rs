//! What is done to servers under load, one blow after the other, and whether everything is as it was acknowledged afterwards. The
//! short run is a test; the long one is `cargo xtask chaos`.

use super::field::Field;
use super::stage::Stage;
use super::{audit, published};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;
use tokio::time::sleep;

/// Who asked so short a time before a blow felt it.
const JUST_BEFORE: Duration = Duration::from_millis(500);

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// SIGKILL of a server, and a start.
    Kill,
    /// SIGSTOP of a server, and SIGCONT.
    Freeze,
    /// The same, in the middle of an append.
    FreezeAppending,
    /// A server whose packets are all lost for a while.
    Cut,
    /// SIGTERM of a server, and the start of its successor, as an upgrade does it.
    Replace,
    /// SIGKILL of the NATS server, and a start.
    KillNats,
}

impl Blow {
    pub(crate) const ALL: [Self; 6] = [Self::Kill, Self::Freeze, Self::FreezeAppending, Self::Cut, Self::Replace, Self::KillNats];
}

/// A blow that was struck.
struct Struck {
    blow: Blow,
    at: Instant,
    /// The longest wait of those who were answered while the server answered nobody: at the others.
    meanwhile: Option<Duration>,
    setbacks: u64,
}

/// The longest waits of callers by blow: at the others meanwhile, and of all, with those who had asked the server itself.
fn print(struck: &[Struck], stage: &Stage) {
    let waits = waits(struck, stage);
    println!("| blow            | times | longest wait at the others meanwhile | longest wait of all | callers set back |");
    println!("|-----------------|------:|-------------------------------------:|--------------------:|-----------------:|");
    for blow in Blow::ALL {
        let (name, its) = (format!("{blow:?}"), || struck.iter().filter(|one| one.blow == blow));
        let meanwhile = longest(its().filter_map(|one| one.meanwhile));
        let all = longest(struck.iter().zip(&waits).filter(|(one, _)| one.blow == blow).map(|(_, wait)| *wait));
        let (times, setbacks) = (its().count(), its().map(|one| one.setbacks).sum::<u64>());
        println!("| {name:<15} | {times:>5} | {meanwhile:>36} | {all:>19} | {setbacks:>16} |");
    }
}

/// The longest wait for an answer that came, by the blow before or just after which it was asked for.
fn waits(struck: &[Struck], stage: &Stage) -> Vec<Duration> {
    let mut waits = vec![Duration::ZERO; struck.len()];
    for (asked, _, at) in stage.scene.ledger.lock().acknowledged() {
        let blow = struck.partition_point(|one| one.at <= asked.sent + JUST_BEFORE);
        if let Some(wait) = blow.checked_sub(1).and_then(|blow| waits.get_mut(blow)) {
            *wait = (*wait).max(at - asked.sent);
        }
    }
    waits
}

fn longest(waits: impl Iterator<Item = Duration>) -> String {
    waits.max().map_or_else(String::new, |wait| format!("{} ms", wait.as_millis()))
}

/// Callers ask while `next` says what happens (after so much time), until it says nothing; then everything is compared. A freeze or
/// a cut lasts as many milliseconds as `lasts` allows.
///
/// # Panics
/// If anything is not as it was acknowledged, or does not recover.
pub(crate) async fn run(mut field: Field, lasts: (u64, u64), mut next: impl FnMut(&mut Field, Duration) -> Option<Blow>) {
    let (mut callers, mut struck, begun) = (field.stage.callers(), Vec::new(), Instant::now());
    field.stage.scene.until_answered(100).await;
    while let Some(blow) = next(&mut field, begun.elapsed()) {
        callers.check();
        let victim = usize::try_from(field.stage.seed.below(3)).expect("small");
        let (at, before, lasts) = (Instant::now(), field.stage.setbacks(), field.stage.seed.millis(lasts.0, lasts.1));
        println!("{:>6.1} s: {blow:?} of server {victim} for {lasts:?}", begun.elapsed().as_secs_f64());
        let meanwhile = strike(&mut field, victim, blow, lasts).await;
        field.recover().await;
        struck.push(Struck { blow, at, meanwhile, setbacks: field.stage.setbacks() - before });
    }
    callers.finish(&field.stage.scene).await;
    print(&struck, &field.stage);
    check(&field).await;
}

/// Nothing lost, nothing twice, no order broken, no write under another's lease; in the journal, to callers and in JetStream.
pub(crate) async fn check(field: &Field) {
    field.stage.scene.check(&field.machines[0].node.ground).await;
    block_in_place(|| audit::check(field));
    published::check(field).await;
}

/// The longest wait of those who asked the others, where one can tell.
async fn strike(field: &mut Field, victim: usize, blow: Blow, lasts: Duration) -> Option<Duration> {
    match blow {
        Blow::Kill => {
            field.kill(victim);
            sleep(lasts).await;
            field.start_again(victim);
        }
        Blow::Freeze => {
            field.signal(victim, "STOP");
            return Some(freeze(field, victim, lasts).await);
        }
        Blow::FreezeAppending => {
            field.freeze_appending(victim);
            return Some(freeze(field, victim, lasts).await);
        }
        Blow::Cut => {
            field.cut(victim);
            let stalled = without(field, victim, lasts).await;
            field.join(victim);
            return Some(stalled);
        }
        Blow::Replace => {
            field.stop(victim).await;
            field.start_again(victim);
        }
        Blow::KillNats => {
            block_in_place(|| field.nats.crash());
            sleep(lasts).await;
            block_in_place(|| field.nats.restart());
        }
    }
    None
}

/// A server that was just frozen sleeps, and wakes.
async fn freeze(field: &Field, victim: usize, lasts: Duration) -> Duration {
    let stalled = without(field, victim, lasts).await;
    field.signal(victim, "CONT");
    stalled
}

/// Whoever balances the load leads callers to the others, while the server answers nobody.
async fn without(field: &Field, victim: usize, lasts: Duration) -> Duration {
    let gone = Instant::now();
    field.lead(Some(victim));
    sleep(lasts).await;
    field.stage.longest_since(gone)
}
