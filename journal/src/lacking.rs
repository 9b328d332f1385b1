//! Stands in for the further tables of the stores on disk until they have them: every call answers `Incompatible`.

macro_rules! lacking {
    ($store:ty: $($trait:ident { $($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)+ })+) => {
        $(impl crate::$trait for $store {
            $(fn $name<'a>(&'a self, $($arg: $type),*) -> crate::StoreResult<'a, $out> {
                $(let _ = $arg;)*
                Box::pin(std::future::ready(Err(crate::StoreError::Incompatible("the table is not there yet".into()))))
            })+
        })+
    };
    ($store:ty) => {
        lacking! { $store:
            TimerStore {
                due_timers(p: &'a [u16], now: ionveil_kernel::Timestamp, after: Option<&'a crate::ArmedTimer>, limit: usize) -> Vec<crate::ArmedTimer>;
                next_due(p: &'a [u16]) -> Option<ionveil_kernel::Timestamp>;
                consume_timer(claim: crate::Claim, timer: &'a crate::ArmedTimer) -> bool;
                timers(owner: &'a ionveil_kernel::StreamId) -> Vec<crate::ArmedTimer>;
            }
            OutboxStore {
                checkpoints(reactor: &'a str) -> Vec<u64>;
                react(claim: crate::Claim, reactor: &'a str, from: u64, to: u64, rows: &'a [crate::NewOutboxRow], now: ionveil_kernel::Timestamp) -> crate::Reacted;
                outbox_due(p: &'a [u16], now: ionveil_kernel::Timestamp, limit: usize) -> Vec<crate::OutboxRow>;
                outbox_next(p: &'a [u16]) -> Option<ionveil_kernel::Timestamp>;
                outbox_begin(claim: crate::Claim, id: uuid::Uuid) -> bool;
                outbox_settle(claim: crate::Claim, id: uuid::Uuid, settlement: &'a crate::Settlement) -> bool;
                outbox_abandoned(claim: crate::Claim) -> u64;
                outbox(org: Option<&'a ionveil_kernel::Org>, state: Option<crate::OutboxState>, after: Option<uuid::Uuid>, limit: usize) -> Vec<crate::OutboxRow>;
            }
            DeadLetterStore {
                park(letter: &'a crate::DeadLetter, max: u64) -> bool;
                dead_letters(org: Option<&'a ionveil_kernel::Org>, after: Option<uuid::Uuid>, limit: usize) -> Vec<crate::DeadLetter>;
                dead_letter(id: uuid::Uuid) -> Option<crate::DeadLetter>;
                discard(id: uuid::Uuid) -> bool;
            }
        }
    };
}
lacking!(crate::PostgresStore);
