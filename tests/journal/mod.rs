//! The journal: one contract suite for every store, and what only one of them can get wrong.

mod batches;
mod contract;
mod copied;
mod faulty;
mod feed;
mod memory;
mod node;
mod postgres;
mod sqlite;
