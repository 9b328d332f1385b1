//! The circuit: never more probes than there is room for, no lost trip, and nothing that the owner has not heard of undone.

use crate::check;
use ionveil_sync::{Circuit, Flow, Shut, Standing};
use loom::sync::Arc;
use loom::thread;

fn closed(room: u32, quiet: bool) -> Standing {
    Standing { generation: 0, flow: Flow::Closed, room, full: 2, quiet }
}

fn half_open(room: u32) -> Standing {
    Standing { generation: 1, flow: Flow::HalfOpen, room, full: 0, quiet: false }
}

fn at(standing: Standing) -> Arc<Circuit> {
    let circuit = Circuit::new();
    circuit.publish(standing);
    Arc::new(circuit)
}

fn in_thread<T: 'static>(circuit: &Arc<Circuit>, action: impl FnOnce(&Circuit) -> T + 'static) -> thread::JoinHandle<T> {
    let circuit = circuit.clone();
    thread::spawn(move || action(&circuit))
}

#[test]
fn racing_probes_share_the_room() {
    check(3, || {
        let circuit = at(half_open(1));
        let others: Vec<_> = (0..2).map(|_| in_thread(&circuit, |circuit| circuit.pass().is_ok())).collect();
        let own = circuit.pass().is_ok();
        let passed = others.into_iter().map(|other| other.join().unwrap()).chain([own]).filter(|passed| *passed).count();
        assert_eq!((passed, circuit.pass()), (1, Err(Shut)));
    });
}

#[test]
fn racing_failures_trip_it_once() {
    check(3, || {
        let circuit = at(closed(2, true));
        let fail = |circuit: &Circuit, pass| circuit.fail(&pass).tripped();
        let (first, second) = (circuit.pass().unwrap(), circuit.pass().unwrap());
        let other = in_thread(&circuit, move |circuit| fail(circuit, first));
        let own = fail(&circuit, second);
        assert!(own != other.join().unwrap(), "one of them was the last");
        assert_eq!(circuit.pass(), Err(Shut));
    });
}

#[test]
fn what_the_owner_says_undoes_no_trip_that_it_has_not_heard_of() {
    check(3, || {
        let circuit = at(closed(2, true));
        let (first, second) = (circuit.pass().unwrap(), circuit.pass().unwrap());
        let owner = in_thread(&circuit, |circuit| circuit.publish(closed(2, true)));
        let untold = (circuit.fail(&first), circuit.fail(&second));
        owner.join().unwrap();
        assert_eq!(circuit.pass(), Err(Shut));
        circuit.hear(untold.0, closed(1, false));
        assert_eq!(circuit.pass(), Err(Shut));
        circuit.hear(untold.1, closed(1, false));
        assert!(circuit.pass().is_ok(), "it has heard of all");
    });
}

#[test]
fn a_success_after_a_failure_is_told() {
    check(3, || {
        let circuit = at(closed(2, true));
        let pass = circuit.pass().unwrap();
        let owner = in_thread(&circuit, |circuit| circuit.publish(closed(2, true)));
        let untold = circuit.fail(&pass);
        assert!(circuit.succeed(&pass).is_some(), "there is a failure to forget");
        owner.join().unwrap();
        circuit.hear(untold, closed(1, false));
    });
}

#[test]
fn a_probe_that_was_let_in_stays_counted_while_the_owner_speaks() {
    check(3, || {
        let circuit = at(half_open(1));
        let owner = in_thread(&circuit, |circuit| circuit.publish(half_open(1)));
        let own = circuit.pass();
        owner.join().unwrap();
        assert!(own.is_ok());
        assert_eq!(circuit.pass(), Err(Shut));
    });
}

#[test]
fn two_answers_of_the_owner_are_both_heard() {
    check(3, || {
        let circuit = at(closed(9, true));
        let pass = circuit.pass().unwrap();
        let (first, second) = (circuit.note(), circuit.note());
        let other = in_thread(&circuit, move |circuit| circuit.hear(first, closed(9, true)));
        circuit.hear(second, closed(9, true));
        other.join().unwrap();
        assert_eq!(circuit.succeed(&pass), None, "nothing is left to hear of");
    });
}
