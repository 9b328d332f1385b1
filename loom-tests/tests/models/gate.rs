//! The gate: its bound, its end, and what those who close it or find it closed see.

use crate::{Note, check};
use ionveil_sync::{Gate, Refused};
use loom::sync::Arc;
use loom::thread;

#[derive(Default)]
struct Room {
    gate: Gate,
    first: Note,
    second: Note,
}

/// A room with `count` inside.
fn room(count: u32) -> Arc<Room> {
    let room = Room::default();
    (0..count).for_each(|_| room.gate.try_enter(count).unwrap());
    Arc::new(room)
}

#[test]
fn racing_entries_keep_the_bound() {
    check(3, || {
        let room = room(0);
        let others: Vec<_> = (0..2).map(|_| in_thread(&room, |room| room.gate.try_enter(2))).collect();
        let own = room.gate.try_enter(1);
        let entries = others.into_iter().map(|other| other.join().unwrap()).chain([own]);
        let inside = entries.filter(Result::is_ok).count();
        assert_eq!((inside, room.gate.depth()), (2, 2), "two of the larger class fit, or one of each");
    });
}

#[test]
fn a_place_that_is_left_is_free_again() {
    check(3, || {
        let room = room(1);
        let leaver = in_thread(&room, |room| room.gate.leave());
        let other = in_thread(&room, |room| room.gate.try_enter(1));
        leaver.join().unwrap();
        let inside = u32::from(other.join().unwrap().is_ok());
        assert_eq!(room.gate.depth(), inside);
        assert_eq!(room.gate.try_enter(1).is_ok(), inside == 0);
    });
}

#[test]
fn either_somebody_is_inside_or_the_closer_wins() {
    check(3, || {
        let room = room(0);
        let other = in_thread(&room, |room| room.gate.try_enter(1));
        let is_closer = room.gate.try_close_idle();
        let entered = other.join().unwrap();
        assert_eq!(entered, if is_closer { Err(Refused::Closed) } else { Ok(()) });
        assert_eq!((room.gate.depth(), room.gate.is_closed()), (u32::from(!is_closer), is_closer));
    });
}

#[test]
fn one_closer_of_an_idle_gate_wins() {
    check(3, || {
        let room = room(0);
        let other = in_thread(&room, |room| room.gate.try_close_idle());
        let own = room.gate.try_close_idle();
        assert!(own != other.join().unwrap());
    });
}

#[test]
fn who_closes_an_idle_gate_sees_what_every_leaver_did() {
    check(3, || {
        let room = room(2);
        let first = in_thread(&room, |room| {
            room.first.write();
            room.gate.leave();
        });
        let second = in_thread(&room, |room| {
            room.second.write();
            room.gate.leave();
        });
        if room.gate.try_close_idle() {
            assert!(room.first.is_visible() && room.second.is_visible());
        }
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn an_entry_in_between_carries_on_what_a_leaver_did() {
    check(3, || {
        let room = room(1);
        let leaver = in_thread(&room, |room| {
            room.first.write();
            room.gate.leave();
        });
        let visitor = in_thread(&room, |room| {
            if room.gate.try_enter(2).is_ok() {
                room.gate.leave();
            }
        });
        if room.gate.try_close_idle() {
            assert!(room.first.is_visible());
        }
        leaver.join().unwrap();
        visitor.join().unwrap();
    });
}

#[test]
fn who_is_refused_sees_what_the_closer_did() {
    check(3, || {
        let room = room(1);
        let closer = in_thread(&room, |room| {
            room.first.write();
            room.gate.close();
        });
        if room.gate.try_enter(2) == Err(Refused::Closed) {
            assert!(room.first.is_visible());
        }
        closer.join().unwrap();
    });
}

#[test]
fn who_is_refused_sees_what_the_closer_of_an_idle_gate_did() {
    check(3, || {
        let room = room(0);
        let closer = in_thread(&room, |room| {
            room.first.write();
            let _ = room.gate.try_close_idle();
        });
        if room.gate.is_closed() {
            assert!(room.first.is_visible());
        }
        closer.join().unwrap();
    });
}

fn in_thread<T: 'static>(room: &Arc<Room>, action: impl FnOnce(&Room) -> T + 'static) -> thread::JoinHandle<T> {
    let room = room.clone();
    thread::spawn(move || action(&room))
}
