//! Actors of others, without supervision, bounds or figures.

use actix::{Actor, Context, Handler, Message};

/// An actix actor that does nothing.
pub(crate) struct Bare;

impl Actor for Bare {
    type Context = Context<Self>;
}

/// Is answered at once.
pub(crate) struct Ask;

impl Message for Ask {
    type Result = ();
}

impl Handler<Ask> for Bare {
    type Result = ();

    fn handle(&mut self, _: Ask, _: &mut Self::Context) {}
}
