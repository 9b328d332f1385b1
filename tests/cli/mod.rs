//! The command line as somebody new to it would use it: the real binary, real files, real stores.

mod calls;
mod city;
mod copied;
mod damaged;
mod day;
mod dispatch;
mod given;
mod incidents;
mod keys;
mod killed;
mod migrated;
mod play;
mod policy;
mod printed;
mod roles;
mod route;
mod served;
mod simulate;
mod stats;
mod system;
mod wrong;
mod zones;

pub(crate) use given::text_of;
