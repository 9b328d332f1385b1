//! The simulated cluster: nothing is found as it is, the same seed gives the same run, and each mutant of the bug zoo is found
//! by one of the first seeds, which finds nothing without it.

use crate::testkit::Mutant;
use crate::testkit::cluster::{Plan, Report, run};
use std::collections::BTreeSet;

/// How many seeds may be needed to find a mutant.
const SEEDS: u64 = 64;
const MINUTES: u32 = 2;

fn simulated(seed: u64, mutant: Option<Mutant>) -> Report {
    println!("cluster of seed {seed}");
    run(&Plan { seed, minutes: MINUTES, mutant, ..Plan::default() })
}

#[test]
fn nothing_is_found_while_everything_goes_wrong() {
    for seed in 100..103 {
        let report = simulated(seed, None);
        assert_eq!(report.findings, [], "seed {seed}");
        assert!(
            report.acknowledged >= 200 && report.refused >= 10 && report.faults >= 5,
            "seed {seed}: {} acknowledged, {} refused, {} faults",
            report.acknowledged,
            report.refused,
            report.faults
        );
        assert!(report.effects >= 20 && report.timers >= 5 && report.store_faults >= 20, "all of it was exercised: seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_run_byte_for_byte() {
    let (first, second, other) = (simulated(42, None), simulated(42, None), simulated(43, None));
    if let Some((one, two)) = first.trace.lines().zip(second.trace.lines()).find(|(one, two)| one != two) {
        panic!("two runs of one seed differ:\n{one}\n{two}");
    }
    assert!(first == second, "also in what they end with");
    assert!(first.trace != other.trace && first.trace.lines().count() > 1_000, "the seed has an effect");
}

#[test]
fn ten_minutes_have_a_thousand_commands_and_twenty_faults() {
    let report = run(&Plan { seed: 1, ..Plan::default() });
    assert_eq!(report.findings, []);
    assert!(report.acknowledged >= 1_000 && report.faults >= 20, "{} commands, {} faults", report.acknowledged, report.faults);
}

/// Some seed finds the mutant, by one of the invariants that it can break; without it the same seed finds nothing.
fn is_caught(mutant: Mutant, invariants: &[u8]) {
    for seed in 1..=SEEDS {
        let findings = simulated(seed, Some(mutant)).findings;
        if !findings.is_empty() {
            let broken: BTreeSet<u8> = findings.iter().map(|finding| finding.invariant).collect();
            assert!(broken.iter().any(|number| invariants.contains(number)), "seed {seed} found something else: {findings:?}");
            assert_eq!(simulated(seed, None).findings, [], "seed {seed} as it is");
            return;
        }
    }
    panic!("{} survives {SEEDS} seeds", mutant.as_str());
}

#[test]
fn a_stale_owner_that_writes_after_a_pause_is_caught() {
    is_caught(Mutant::StaleOwner, &[2]);
}

#[test]
fn a_checkpoint_before_its_effect_is_caught() {
    is_caught(Mutant::EarlyCheckpoint, &[1, 6]);
}

#[test]
fn a_feed_that_trusts_a_serial_is_caught() {
    is_caught(Mutant::TrustedSerial, &[1, 3, 6]);
}

#[test]
fn a_mailbox_dropped_at_a_restart_is_caught() {
    is_caught(Mutant::DroppedMailbox, &[7]);
}

#[test]
fn a_bound_evaded_by_cloning_a_handle_is_caught() {
    is_caught(Mutant::EvadedBound, &[8]);
}

#[test]
fn an_empty_id_that_deduplicates_everything_is_caught() {
    is_caught(Mutant::EmptyId, &[1]);
}

#[test]
fn a_snapshot_applied_twice_is_caught() {
    is_caught(Mutant::DoubleSnapshot, &[4, 5]);
}

#[test]
fn an_append_of_a_dead_generation_is_caught() {
    is_caught(Mutant::DeadGeneration, &[4, 5]);
}

#[test]
fn a_refusal_that_rests_on_a_lost_commit_is_caught() {
    is_caught(Mutant::LostRefusal, &[5]);
}

#[test]
fn a_policy_that_is_answered_too_early_is_caught() {
    is_caught(Mutant::EarlyAnswer, &[11]);
}

#[test]
fn mutants_have_stable_names() {
    let names: BTreeSet<&str> = Mutant::ALL.iter().map(|mutant| mutant.as_str()).collect();
    assert_eq!(names.len(), Mutant::ALL.len());
    assert!(Mutant::ALL.iter().all(|mutant| Mutant::from_name(mutant.as_str()) == Some(*mutant)));
    assert_eq!(Mutant::from_name("none"), None);
}
