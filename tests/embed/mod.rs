//! IonVeil inside a host: the example as it is shipped, and several instances in one process.

mod example;
mod instances;
