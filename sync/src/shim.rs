//! Where the primitives come from: `std`, or loom when `loom-tests/` builds these files with `--cfg ionveil_loom`. The
//! flag is our own, because crates that we do not compile here answer to `--cfg loom`. It adds nothing to either.

#[cfg(ionveil_loom)]
pub(crate) use loom::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
#[cfg(not(ionveil_loom))]
pub(crate) use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// Defines a constructor without arguments that is `const` over `std`. Loom registers every atomic where it is made, so
/// over loom none can be `const`.
macro_rules! constructor {
    ($(#[$attribute:meta])* pub fn new() -> Self $body:block) => {
        #[cfg(not(ionveil_loom))]
        $(#[$attribute])*
        #[must_use]
        pub const fn new() -> Self $body

        #[cfg(ionveil_loom)]
        $(#[$attribute])*
        #[must_use]
        pub fn new() -> Self $body
    };
}

pub(crate) use constructor;
