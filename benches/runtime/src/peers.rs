//! Actors of others, without supervision, bounds or figures.

use actix::{Actor as _, Context, Handler};
use kameo::actor::{ActorRef, Spawn as _};
use std::convert::Infallible;
use tokio::sync::oneshot;

/// What every actor does with what it is told.
pub(crate) struct Seen {
    sum: u64,
    left: u64,
    done: Option<oneshot::Sender<u64>>,
}

impl Seen {
    /// Tells `done` after so many.
    pub(crate) fn new(count: u64, done: oneshot::Sender<u64>) -> Self {
        Self { sum: 0, left: count, done: Some(done) }
    }

    pub(crate) fn see(&mut self, number: u64) {
        self.sum = self.sum.wrapping_add(number);
        self.left -= 1;
        if self.left == 0
            && let Some(done) = self.done.take()
        {
            let _ = done.send(self.sum);
        }
    }
}

/// An actix actor that does nothing.
pub(crate) struct Bare;

impl actix::Actor for Bare {
    type Context = Context<Self>;
}

/// Is answered at once.
pub(crate) struct Ask;

impl actix::Message for Ask {
    type Result = ();
}

impl Handler<Ask> for Bare {
    type Result = ();

    fn handle(&mut self, _: Ask, _: &mut Self::Context) {}
}

struct Actix(Seen);

impl actix::Actor for Actix {
    type Context = Context<Self>;
}

struct Number(u64);

impl actix::Message for Number {
    type Result = ();
}

impl Handler<Number> for Actix {
    type Result = ();

    fn handle(&mut self, Number(number): Number, _: &mut Self::Context) {
        self.0.see(number);
    }
}

/// Tells an actix actor on this thread.
pub(crate) fn actix(seen: Seen) -> impl Fn(u64) {
    let address = Actix(seen).start();
    move |number| address.do_send(Number(number))
}

struct Ractor;

impl ractor::Actor for Ractor {
    type Msg = u64;
    type State = Seen;
    type Arguments = Seen;

    async fn pre_start(&self, _: ractor::ActorRef<u64>, seen: Seen) -> Result<Seen, ractor::ActorProcessingErr> {
        Ok(seen)
    }

    async fn handle(&self, _: ractor::ActorRef<u64>, number: u64, seen: &mut Seen) -> Result<(), ractor::ActorProcessingErr> {
        seen.see(number);
        Ok(())
    }
}

/// Tells a ractor actor on this thread.
pub(crate) async fn ractor(seen: Seen) -> impl Fn(u64) {
    let (actor, _) = ractor::Actor::spawn(None, Ractor, seen).await.expect("it starts");
    move |number| actor.cast(number).expect("it lives")
}

struct Kameo(Seen);

impl kameo::Actor for Kameo {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl kameo::message::Message<u64> for Kameo {
    type Reply = ();

    async fn handle(&mut self, number: u64, _: &mut kameo::message::Context<Self, ()>) {
        self.0.see(number);
    }
}

/// Tells a kameo actor on this thread; its mailbox has no bound.
pub(crate) fn kameo(seen: Seen) -> impl Fn(u64) {
    let actor = Kameo::spawn_with_mailbox(Kameo(seen), kameo::mailbox::unbounded());
    move |number| actor.tell(number).try_send().expect("it lives")
}
