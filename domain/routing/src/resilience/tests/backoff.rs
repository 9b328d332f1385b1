//! Waits, with the specification's figures and without overflow.

use crate::resilience::Backoff;

#[test]
fn waits_double_up_to_the_cap() {
    let backoff = Backoff::default();
    for (attempt, ms) in
        [(i64::MIN, 80), (-1, 80), (0, 80), (1, 80), (2, 160), (3, 320), (6, 2_560), (7, 5_000), (64, 5_000), (i64::MAX, 5_000)]
    {
        assert_eq!(backoff.delay_ms(attempt), ms, "attempt {attempt}");
    }
    assert_eq!(backoff.schedule(4).collect::<Vec<_>>(), [80, 160, 320, 640]);
    assert_eq!((backoff.schedule(0).count(), backoff.schedule(-3).count()), (0, 0));
}

#[test]
fn the_cap_limits_the_base_too_and_nothing_overflows() {
    assert_eq!(Backoff { base_ms: 900, cap_ms: 500 }.delay_ms(0), 500);
    let huge = Backoff { base_ms: 3, cap_ms: u64::MAX };
    assert_eq!((huge.delay_ms(64), huge.delay_ms(65), huge.delay_ms(66)), (u64::MAX, u64::MAX, u64::MAX));
    assert_eq!(Backoff { base_ms: 1, cap_ms: u64::MAX }.delay_ms(64), 1 << 63);
    assert_eq!(Backoff { base_ms: 0, cap_ms: 9 }.delay_ms(99), 0);
}
