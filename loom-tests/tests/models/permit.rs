//! The permit: one place each, given back once, by whatever thread drops it.

use crate::{Note, check};
use ionveil_sync::{Gate, Gated, Permit};
use loom::sync::Arc;
use loom::thread;

#[derive(Default)]
struct Room {
    gate: Gate,
    note: Note,
}

impl Gated for Room {
    fn gate(&self) -> &Gate {
        &self.gate
    }
}

#[test]
fn racing_permits_share_one_place() {
    check(3, || {
        let room = Arc::new(Room::default());
        let shared = room.clone();
        let other = thread::spawn(move || Permit::try_enter(&shared, 1).ok());
        let own = Permit::try_enter(&room, 1).ok();
        let other = other.join().unwrap();
        assert!(own.is_some() != other.is_some());
        assert_eq!(room.gate.depth(), 1);
        drop((own, other));
        assert_eq!(room.gate.depth(), 0);
    });
}

#[test]
fn a_drop_elsewhere_gives_one_place_back() {
    check(3, || {
        let room = Arc::new(Room::default());
        let own = Permit::try_enter(&room, 2).unwrap();
        let sent = Permit::try_enter(&room, 2).unwrap();
        let dropper = thread::spawn(move || drop(sent));
        let depth = room.gate.depth();
        assert!(depth == 1 || depth == 2, "{depth} inside");
        dropper.join().unwrap();
        assert_eq!(room.gate.depth(), 1);
        drop(own);
        assert_eq!(room.gate.depth(), 0);
    });
}

#[test]
fn an_adopted_place_is_the_one_that_was_entered() {
    check(3, || {
        let room = Arc::new(Room::default());
        room.gate.try_enter(1).unwrap();
        let shared = room.clone();
        let adopter = thread::spawn(move || drop(Permit::adopt(shared)));
        let _ = room.gate.try_enter(1).map(|()| room.gate.leave());
        adopter.join().unwrap();
        assert_eq!(room.gate.depth(), 0);
    });
}

#[test]
fn who_closes_an_idle_gate_sees_what_the_holder_did() {
    check(3, || {
        let room = Arc::new(Room::default());
        let permit = Permit::try_enter(&room, 1).unwrap();
        let holder = thread::spawn(move || permit.of().note.write());
        if room.gate.try_close_idle() {
            assert!(room.note.is_visible());
        }
        holder.join().unwrap();
    });
}
