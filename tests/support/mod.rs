//! What tests share: servers found on the PATH, data that may be absent, processes that end with the test.

pub(crate) mod brought;
pub(crate) mod gateway;
pub(crate) mod mail;
pub(crate) mod nats;
pub(crate) mod network;
pub(crate) mod poison;
pub(crate) mod postgres;
pub(crate) mod proxy;
pub(crate) mod server;
