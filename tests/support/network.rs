//! A network of hosts for tests: a network namespace for each, all on one bridge, at which this process is reached too. It is removed,
//! with what runs in it, when this process ends, however it ends. It is made of what the kernel has, so a host that is cut off
//! loses packets as one whose cable was pulled: no connection is closed, nobody is told.

use super::postgres::Supervisor;
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Does what it reads on its stdin, answering each line; removes everything at the end of its stdin.
const SUPERVISOR: &str = include_str!("network.sh");

/// A network.
pub(crate) struct Network {
    name: String,
    prefix: String,
    supervisor: Mutex<Supervisor>,
}

impl Network {
    /// With so many hosts; none where this process may not make one, or lacks `ip`.
    pub(crate) fn open(hosts: usize) -> Option<Self> {
        let mut supervisor = Supervisor::of(SUPERVISOR, "network-supervisor", [hosts.to_string()]);
        let made = supervisor.order("open");
        let (name, prefix) = made.split_once(' ')?;
        Some(Self { name: name.to_owned(), prefix: prefix.to_owned(), supervisor: Mutex::new(supervisor) })
    }

    /// Where hosts reach this process.
    pub(crate) fn gateway(&self) -> String {
        format!("{}.1", self.prefix)
    }

    pub(crate) fn subnet(&self) -> String {
        format!("{}.0/24", self.prefix)
    }

    /// Where a host is reached.
    pub(crate) fn address(&self, host: usize) -> String {
        format!("{}.{}", self.prefix, 11 + host)
    }

    /// The same command at a host. Its process is the command's own: `ip` becomes it.
    pub(crate) fn at(&self, host: usize, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &format!("{}-{host}", self.name)]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside.stdin(Stdio::null());
        inside
    }

    /// From now on nothing that a host sends arrives anywhere, and nothing arrives at it.
    ///
    /// # Panics
    /// If that fails.
    pub(crate) fn cut(&self, host: usize) {
        self.order(&format!("cut {host}"));
    }

    /// Ends [`Self::cut`].
    ///
    /// # Panics
    /// If that fails.
    pub(crate) fn join(&self, host: usize) {
        self.order(&format!("join {host}"));
    }

    fn order(&self, order: &str) {
        let answer = self.supervisor.lock().expect("an order before this one failed").order(order);
        assert_eq!(answer, "ok", "{order}");
    }
}
