//! One process of a simulated node: what runs in it stands still while it is frozen and is gone once it has been killed. Its
//! monotonic clock goes on meanwhile, its wall clock can be set.

use ionveil_kernel::{BoxFuture, Env, Runtime, Timestamp};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// What can be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// It stands still until it is thawed.
    Freeze,
    /// It is gone.
    Kill,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Runs,
    Frozen,
    Dead,
}

/// A process and its tasks.
pub(super) struct Process(Mutex<State>);

struct State {
    health: Health,
    /// The tasks that are there, each with how to wake it.
    tasks: BTreeMap<u64, Option<Waker>>,
    started: u64,
    trap: Option<Trap>,
}

/// Strikes a process on its way to the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trap {
    /// After so many more steps.
    pub(super) steps: u32,
    /// Whether only those of appends count.
    pub(super) appends: bool,
    pub(super) blow: Blow,
}

impl Process {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { health: Health::Runs, tasks: BTreeMap::new(), started: 0, trap: None })))
    }

    pub(super) fn is_dead(&self) -> bool {
        self.0.lock().health == Health::Dead
    }

    /// Strikes it now; a dead one stays dead.
    pub(super) fn strike(&self, blow: Blow) {
        let mut state = self.0.lock();
        state.health = match (state.health, blow) {
            (Health::Dead, _) | (_, Blow::Kill) => Health::Dead,
            (Health::Runs | Health::Frozen, Blow::Freeze) => Health::Frozen,
        };
        wake_all(state);
    }

    /// Strikes it between two of its next steps towards the store.
    pub(super) fn set_trap(&self, trap: Trap) {
        self.0.lock().trap = Some(trap);
    }

    /// It goes on, if it was frozen.
    pub(super) fn thaw(&self) {
        let mut state = self.0.lock();
        state.trap = None;
        if state.health == Health::Frozen {
            state.health = Health::Runs;
            wake_all(state);
        }
    }

    /// A step towards the store, of an append or not: here the trap is sprung.
    pub(super) async fn step(&self, append: bool) {
        let struck = {
            let mut state = self.0.lock();
            match state.trap.take() {
                Some(Trap { steps: 0, appends, blow }) if append || !appends => Some(blow),
                Some(trap) => {
                    state.trap = Some(Trap { steps: trap.steps.saturating_sub(u32::from(append || !trap.appends)), ..trap });
                    None
                }
                None => None,
            }
        };
        if let Some(blow) = struck {
            self.strike(blow);
            // Back to the gate, which lets nothing through now.
            tokio::task::yield_now().await;
        }
    }

    fn start(self: &Arc<Self>, task: BoxFuture<'static, ()>) -> Gated {
        let mut state = self.0.lock();
        state.started += 1;
        let number = state.started;
        state.tasks.insert(number, None);
        Gated { process: self.clone(), number, task: Some(task) }
    }
}

/// Woken in the order in which they were started, so that each run is the same.
fn wake_all(state: parking_lot::MutexGuard<'_, State>) {
    let wakers: Vec<Waker> = state.tasks.values().flatten().cloned().collect();
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

/// A task of a process.
struct Gated {
    process: Arc<Process>,
    number: u64,
    task: Option<BoxFuture<'static, ()>>,
}

impl Future for Gated {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let health = {
            let mut state = self.process.0.lock();
            state.tasks.insert(self.number, Some(context.waker().clone()));
            state.health
        };
        let polled = match (health, self.task.as_mut()) {
            (Health::Frozen, Some(_)) => Poll::Pending,
            (Health::Runs, Some(task)) => task.as_mut().poll(context),
            (Health::Dead, _) | (_, None) => Poll::Ready(()),
        };
        if polled.is_ready() {
            self.process.0.lock().tasks.remove(&self.number);
            self.task = None;
        }
        polled
    }
}

/// What a process sees of the world.
pub(super) struct ProcessEnv {
    world: Env,
    process: Arc<Process>,
    /// By how many microseconds its wall clock is ahead.
    ahead: Arc<AtomicI64>,
}

impl ProcessEnv {
    pub(super) fn env(world: Env, process: Arc<Process>, ahead: Arc<AtomicI64>) -> Env {
        Env::new(Self { world, process, ahead })
    }
}

impl Runtime for ProcessEnv {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.world.now().micros().saturating_add(self.ahead.load(Ordering::Relaxed)))
    }

    fn monotonic(&self) -> Duration {
        self.world.monotonic()
    }

    fn random(&self) -> u128 {
        self.world.random()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.world.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.world.spawn(self.process.start(task));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SimEnv, simulate};
    use std::sync::atomic::AtomicU64;

    /// A process that counts seconds, and what it has counted.
    fn counting(world: &Env) -> (Arc<Process>, Arc<AtomicU64>, Env) {
        let (process, ahead, count) = (Process::new(), Arc::new(AtomicI64::new(5_000_000)), Arc::new(AtomicU64::new(0)));
        let env = ProcessEnv::env(world.clone(), process.clone(), ahead);
        let (own, counter) = (env.clone(), count.clone());
        env.spawn(async move {
            loop {
                own.sleep(Duration::from_secs(1)).await;
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        (process, count, env)
    }

    #[test]
    fn a_frozen_process_stands_still_and_a_dead_one_is_gone() {
        simulate(async {
            let world = Env::new(SimEnv::new(1));
            let (process, count, env) = counting(&world);
            let seen = async |seconds: u64| {
                world.sleep(Duration::from_secs(seconds)).await;
                count.load(Ordering::Relaxed)
            };
            assert_eq!(seen(10).await, 9, "the tenth second is not over for it");
            process.strike(Blow::Freeze);
            assert_eq!(seen(60).await, 9);
            process.thaw();
            assert_eq!(seen(10).await, 19, "one that was over, and nine more");
            assert_eq!(env.now().since(world.now()), Duration::from_secs(5), "its clock is ahead");
            process.strike(Blow::Kill);
            process.thaw();
            assert_eq!(seen(10).await, 19);
            assert_eq!(Arc::strong_count(&count), 1, "its tasks were dropped");
        });
    }

    #[test]
    fn a_trap_is_sprung_between_two_steps() {
        simulate(async {
            let world = Env::new(SimEnv::new(1));
            let (process, count) = (Process::new(), Arc::new(AtomicU64::new(0)));
            let env = ProcessEnv::env(world.clone(), process.clone(), Arc::default());
            process.set_trap(Trap { steps: 2, appends: true, blow: Blow::Freeze });
            let (own, steps) = (process.clone(), count.clone());
            env.spawn(async move {
                for _ in 0..5 {
                    own.step(false).await;
                    own.step(true).await;
                    steps.fetch_add(1, Ordering::Relaxed);
                }
            });
            world.sleep(Duration::from_secs(1)).await;
            assert_eq!(count.load(Ordering::Relaxed), 2);
            process.thaw();
            world.sleep(Duration::from_secs(1)).await;
            assert_eq!(count.load(Ordering::Relaxed), 5);
        });
    }
}
