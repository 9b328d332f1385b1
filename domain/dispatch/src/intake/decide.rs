//! What a command leads to.

use crate::intake::{
    BatchAccepted, BatchCompleted, Command, CommandRejected, DuplicateSuppressed, Event, IntakeCommand, Item, Rejection, State, Taken,
};

pub(crate) fn decide(state: &State, command: &Command) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::Begin { digest, now, stats, errors } => match &state.taken {
            Some(taken) if taken.digest == *digest => Ok(Vec::new()),
            Some(_) => Err(Rejection::OtherRows),
            None => {
                let accepted = BatchAccepted { digest: *digest, now: *now, stats: *stats, errors: *errors };
                let taken = Taken { digest: *digest, now: *now, stats: *stats, errors: *errors, done: 0, completed: false };
                Ok([Event::BatchAccepted(accepted)].into_iter().chain(end(&taken)).collect())
            }
        },
        Command::Add { from, items } => add(state.taken.as_ref().ok_or(Rejection::NotFound)?, *from, items),
    }
}

/// The end of a batch, once all of it is there.
fn end(taken: &Taken) -> Option<Event> {
    (taken.done == taken.items()).then_some(Event::BatchCompleted(BatchCompleted { items: taken.done }))
}

fn add(taken: &Taken, from: u64, items: &[Item]) -> Result<Vec<Event>, Rejection> {
    let out_of_order = Rejection::OutOfOrder { next: taken.done };
    let there = taken.done.checked_sub(from).ok_or(out_of_order)?;
    let mut events = Vec::with_capacity(items.len() + 1);
    let mut after = *taken;
    for item in items.iter().skip(usize::try_from(there).unwrap_or(usize::MAX)) {
        let (kind, event) = match item {
            Item::Rejected(error) => (0, Event::CommandRejected(CommandRejected { row: error.row as u64, error: error.message.clone() })),
            Item::Duplicate(row) => (1, Event::DuplicateSuppressed(DuplicateSuppressed { row: *row })),
            Item::Accepted(command) => (2, Event::CommandAccepted(IntakeCommand::clone(command))),
        };
        if !after.takes(after.done, kind) {
            return Err(out_of_order);
        }
        after.done += 1;
        events.push(event);
    }
    if !events.is_empty() {
        events.extend(end(&after));
    }
    Ok(events)
}
