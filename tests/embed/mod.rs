//! IonVeil inside a host: the examples as they are shipped, and several instances in one process.

mod example;
mod host;
mod instances;
mod reminders;
