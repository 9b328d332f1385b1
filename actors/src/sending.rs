//! How much of each partition's outbox is on its way: a partition is handed over when nothing is.

use parking_lot::Mutex;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Sending(Mutex<BTreeMap<u16, usize>>);

/// Something is being sent as long as it is there.
pub(crate) struct Underway<'a> {
    sending: &'a Sending,
    partition: u16,
}

impl Sending {
    /// Something of `partition` is being sent.
    pub(crate) fn begin(&self, partition: u16) -> Underway<'_> {
        *self.0.lock().entry(partition).or_default() += 1;
        Underway { sending: self, partition }
    }

    /// Whether something of one of these is being sent.
    pub(crate) fn any(&self, partitions: &[u16]) -> bool {
        let sending = self.0.lock();
        partitions.iter().any(|partition| sending.contains_key(partition))
    }
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let mut sending = self.sending.0.lock();
        if let Some(count) = sending.get_mut(&self.partition) {
            *count -= 1;
            if *count == 0 {
                sending.remove(&self.partition);
            }
        }
    }
}
