//! The data directory: one server at a time, the node's id, and where the running server listens.
//!
//! It does not know what the store keeps in there.

use crate::time::Rfc3339;
use ionveil_kernel::{IdSource, NodeId};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LOCK: &str = "ionveil.lock";
const NODE_ID: &str = "node-id";
const SERVER: &str = "server.json";

/// A probe by another command holds the lock for an instant, so opening tries a few times before it gives up.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process has it.
    #[error("the data directory {} is in use by another ionveil process{}; stop it, or choose another --data-dir", .path.display(), at(.server.as_ref()))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The server in it, if it is one.
        server: Option<ServerInfo>,
    },
    /// The file system refuses.
    #[error("{action} {} failed; check that it is a directory that this user may write", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The node's id is damaged.
    #[error("{} does not hold a node id; restore it, or delete it to join as a new node (which waits for one lease to run out)", .path.display())]
    BadNodeId {
        /// The file.
        path: PathBuf,
    },
}

fn at(server: Option<&ServerInfo>) -> String {
    server.map(|server| format!(" (pid {}, serving http://{})", server.pid, server.address)).unwrap_or_default()
}

/// What `server.json` says of the running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    /// Since when.
    pub started_at: Rfc3339,
    /// Where it keeps events, without a password.
    pub store: String,
}

/// A data directory that this process owns until the value is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    node: NodeId,
    /// Holds the lock; the system frees it with the process, however that ends.
    _lock: File,
}

impl DataDir {
    /// Makes the directory if it is missing (open to this user only), locks it and reads the node's id, or draws one from
    /// `ids` the first time. Blocks for up to a fifth of a second while another command probes the lock.
    ///
    /// # Errors
    /// [`DataDirError`], whose text says what to do.
    pub fn open(path: &Path, ids: &dyn IdSource) -> Result<Self, DataDirError> {
        create(path)?;
        let lock = lock(path)?;
        // What a killed server left behind would send commands to a dead address.
        remove(&path.join(SERVER))?;
        let node = node_id(&path.join(NODE_ID), ids)?;
        Ok(Self { path: path.to_path_buf(), node, _lock: lock })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The node's id: the same for the life of the directory.
    #[must_use]
    pub const fn node_id(&self) -> NodeId {
        self.node
    }

    /// Tells other commands where this process listens, until the returned value is dropped.
    ///
    /// # Errors
    /// [`DataDirError::Io`] if `server.json` cannot be written.
    pub fn announce(&self, info: &ServerInfo) -> Result<Announcement, DataDirError> {
        let path = self.path.join(SERVER);
        let text = serde_json::to_vec(info).map_err(|error| failed("writing", &path)(error.into()))?;
        write_whole(&path, &text)?;
        Ok(Announcement(path))
    }

    /// The server that owns the directory `path` now, if there is one. Changes nothing.
    #[must_use]
    pub fn running_server(path: &Path) -> Option<ServerInfo> {
        let info = read_server(path)?;
        let lock = File::open(path.join(LOCK)).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(info),
            Ok(()) | Err(TryLockError::Error(_)) => None,
        }
    }
}

/// Keeps `server.json` in place; dropping it removes the file.
#[derive(Debug)]
pub struct Announcement(PathBuf);

impl Drop for Announcement {
    fn drop(&mut self) {
        // A leftover is harmless: it counts only while the lock is held, and the next server removes it.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn create(path: &Path) -> Result<(), DataDirError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed("making the data directory", path))
}

fn lock(dir: &Path) -> Result<File, DataDirError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).read(true).open(&path).map_err(failed("opening", &path))?;
    for attempt in 1..=LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if attempt < LOCK_TRIES => pause(),
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(error)) => return Err(failed("locking", &path)(error)),
        }
    }
    Err(DataDirError::InUse { path: dir.to_path_buf(), server: read_server(dir) })
}

#[expect(clippy::disallowed_methods, reason = "an edge at start-up, before any runtime; nothing of it can be simulated")]
fn pause() {
    std::thread::sleep(LOCK_PAUSE);
}

fn node_id(path: &Path, ids: &dyn IdSource) -> Result<NodeId, DataDirError> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map(NodeId).map_err(|_| DataDirError::BadNodeId { path: path.to_path_buf() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let node = NodeId(ids.next_id());
            write_whole(path, format!("{node}\n").as_bytes())?;
            Ok(node)
        }
        Err(error) => Err(failed("reading", path)(error)),
    }
}

fn read_server(dir: &Path) -> Option<ServerInfo> {
    serde_json::from_slice(&std::fs::read(dir.join(SERVER)).ok()?).ok()
}

/// Writes beside and renames, so that nobody ever reads half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), DataDirError> {
    let part = path.with_extension("part");
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| std::fs::rename(&part, path)).map_err(failed("writing", path))
}

fn remove(path: &Path) -> Result<(), DataDirError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("removing", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_path_buf();
    move |source| DataDirError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ionveil_kernel::Timestamp;
    use uuid::Uuid;

    struct Fixed(u128);

    impl IdSource for Fixed {
        fn next_id(&self) -> Uuid {
            Uuid::from_u128(self.0)
        }
    }

    fn info() -> ServerInfo {
        ServerInfo {
            address: "127.0.0.1:8080".parse().unwrap(),
            pid: 7,
            started_at: Rfc3339(Timestamp::from_micros(0)),
            store: "memory:".to_owned(),
        }
    }

    #[test]
    fn the_node_keeps_its_id() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        assert_eq!(DataDir::open(&path, &Fixed(1)).unwrap().node_id(), NodeId(Uuid::from_u128(1)));
        assert_eq!(DataDir::open(&path, &Fixed(2)).unwrap().node_id(), NodeId(Uuid::from_u128(1)));
        std::fs::write(path.join(NODE_ID), "rubbish").unwrap();
        assert!(matches!(DataDir::open(&path, &Fixed(3)), Err(DataDirError::BadNodeId { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let _open = DataDir::open(&path, &Fixed(1)).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn two_cannot_have_it_and_the_second_learns_who() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::open(dir.path(), &Fixed(1)).unwrap();
        assert_eq!(DataDir::running_server(dir.path()), None, "it does not serve yet");
        let serving = first.announce(&info()).unwrap();
        assert_eq!(DataDir::running_server(dir.path()), Some(info()));
        let error = DataDir::open(dir.path(), &Fixed(2)).unwrap_err().to_string();
        assert!(error.contains("pid 7, serving http://127.0.0.1:8080"), "{error}");
        drop(serving);
        assert_eq!(DataDir::running_server(dir.path()), None);
        drop(first);
        assert!(DataDir::open(dir.path(), &Fixed(2)).is_ok());
    }

    #[test]
    fn what_a_killed_server_left_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        std::mem::forget(DataDir::open(dir.path(), &Fixed(1)).unwrap().announce(&info()).unwrap());
        assert!(dir.path().join(SERVER).exists());
        assert_eq!(DataDir::running_server(dir.path()), None);
        let _next = DataDir::open(dir.path(), &Fixed(1)).unwrap();
        assert!(!dir.path().join(SERVER).exists());
    }

    #[test]
    fn a_file_in_the_way_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "").unwrap();
        let error = DataDir::open(&path, &Fixed(1)).unwrap_err();
        assert!(error.to_string().contains("check that it is a directory"), "{error}");
        assert_eq!(DataDir::running_server(&path), None);
    }
}
