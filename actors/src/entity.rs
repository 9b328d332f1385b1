//! The actix actor around a [`Pipeline`]: carries its effects out and brings their results back as messages. It holds
//! no rule of its own.

use crate::host::Shared;
use crate::loader::{Loaded, Until};
use crate::pipeline::{Effect, Input, Pipeline};
use actix::fut::wrap_future;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message};
use ionveil_journal::Append;
use ionveil_kernel::{Decider, StreamId};
use std::sync::Arc;

pub(crate) struct Entity<D: Decider> {
    shared: Arc<Shared<D>>,
    owner: StreamId,
    pipeline: Pipeline<D>,
}

/// Nothing in an entity is pinned.
impl<D: Decider> Unpin for Entity<D> {}

impl<D: Decider> Entity<D> {
    pub(crate) fn new(shared: Arc<Shared<D>>, owner: StreamId) -> Self {
        let (env, metrics) = (shared.journal.env().clone(), shared.metrics.clone());
        let decider = shared.loader.decider().clone();
        let generation = shared.next_generation();
        let pipeline = Pipeline::new(decider, env, owner.clone(), metrics, shared.config.snapshot_every, generation);
        Self { shared, owner, pipeline }
    }

    fn perform(&self, effect: Effect<D>, ctx: &mut Context<Self>) {
        match effect {
            Effect::Append(append) => self.append(append, ctx),
            Effect::LookUp { command_id, generation } => {
                let (shared, owner) = (self.shared.clone(), self.owner.clone());
                Self::later(ctx, async move {
                    let receipts = shared.journal.store().receipts(&owner, &[command_id]).await;
                    let receipt = receipts.map(|found| found.into_iter().next().flatten());
                    Input::LookedUp { command_id, generation, receipt, epoch: shared.journal.epoch(&owner) }
                });
            }
            Effect::Load => {
                let (shared, owner) = (self.shared.clone(), self.owner.clone());
                // Asked for before the load: what another owner adds afterwards comes with another epoch.
                let epoch = shared.journal.epoch(&owner);
                Self::later(ctx, async move { Input::Loaded { loaded: shared.loader.load(&owner).await, epoch } });
            }
            Effect::Recall { command_id, position } => {
                let (shared, owner) = (self.shared.clone(), self.owner.clone());
                let until = Until { position: Some(position), ..Until::default() };
                Self::later(ctx, async move { Input::Recalled { command_id, state: shared.loader.load_until(&owner, until).await } });
            }
            Effect::Snapshot(loaded) => self.snapshot(&loaded),
        }
    }

    fn append(&self, append: Append, ctx: &mut Context<Self>) {
        let (address, command_id) = (ctx.address(), append.command_id);
        let done = move |outcome| address.do_send(Envelope(Input::Appended { command_id, outcome }));
        self.shared.journal.submit(append, Box::new(done));
    }

    /// A snapshot is a cache: that it could not be written is worth a word, not a fault.
    fn snapshot(&self, loaded: &Loaded<D>) {
        let Some(snapshot) = self.shared.loader.snapshot(loaded) else { return };
        let (shared, owner) = (self.shared.clone(), self.owner.clone());
        self.shared.journal.env().spawn(async move {
            if let Err(error) = shared.journal.store().put_snapshot(&owner, &snapshot).await {
                tracing::warn!(entity = %owner, error = %error, "a snapshot was not written");
            }
        });
    }

    fn later(ctx: &mut Context<Self>, work: impl Future<Output = Input<D>> + 'static) {
        let address = ctx.address();
        ctx.spawn(wrap_future(async move { address.do_send(Envelope(work.await)) }));
    }
}

pub(crate) struct Envelope<D: Decider>(pub(crate) Input<D>);

impl<D: Decider> Message for Envelope<D> {
    type Result = ();
}

/// Ends an entity that has nothing in line: it is folded again on its next command.
pub(crate) struct Stop;

impl Message for Stop {
    type Result = ();
}

impl<D: Decider> Actor for Entity<D> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.perform(Effect::Load, ctx);
    }
}

impl<D: Decider> Handler<Envelope<D>> for Entity<D> {
    type Result = ();

    fn handle(&mut self, Envelope(input): Envelope<D>, ctx: &mut Self::Context) {
        let mut effects = Vec::new();
        self.pipeline.handle(input, &mut effects, || self.shared.next_generation());
        for effect in effects {
            self.perform(effect, ctx);
        }
    }
}

impl<D: Decider> Handler<Stop> for Entity<D> {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
