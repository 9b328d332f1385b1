//! Turns the sources of `sync/` to loom and, when `IONVEIL_MUTANT` names one, breaks them as that mutant is broken. The
//! flags are given to this package only: loom and what it rests on are built once for all mutants.

fn main() {
    println!("cargo::rerun-if-env-changed=IONVEIL_MUTANT");
    println!("cargo::rustc-check-cfg=cfg(ionveil_loom)");
    println!("cargo::rustc-check-cfg=cfg(ionveil_mutant, values(any()))");
    println!("cargo::rustc-cfg=ionveil_loom");
    if let Ok(mutant) = std::env::var("IONVEIL_MUTANT") {
        println!("cargo::rustc-cfg=ionveil_mutant=\"{mutant}\"");
    }
}
