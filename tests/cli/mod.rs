//! The command line as somebody new to it would use it: the real binary, real files, real stores.
