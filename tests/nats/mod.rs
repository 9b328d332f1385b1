//! The bridges to NATS, through the running binary and a real NATS server: events out, commands and batches in, the channels'
//! driver.

mod channel;
mod commands;
mod events;
mod given;
mod intake;
mod life;
mod others;
