//! A handler that does not come back, in real time: it is reported once, with the command that it hangs on.

use super::common::{entity, fresh};
use super::tally::{Command, Tally};
use crate::testkit::{Chaos, Chaotic, figure};
use crate::{Runtime, RuntimeConfig, TokioEnv};
use ionveil_journal::{Journal, JournalConfig, MemoryStore};
use ionveil_kernel::{Env, NodeId};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

#[test]
fn a_handler_that_blocks_is_reported_once_with_its_command() {
    // The watch runs beside the arbiter that is blocked.
    let beside = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
    let env = Env::new(TokioEnv::new(beside.handle().clone()));
    actix::System::new().block_on(async move {
        let store = Arc::new(MemoryStore::new(env.clone(), 4));
        let journal = Journal::open(store, env.clone(), NodeId(Uuid::from_u128(1)), JournalConfig::default()).await.expect("open");
        let (mut registry, config) =
            (Registry::default(), RuntimeConfig { handler_budget: Duration::from_millis(50), ..RuntimeConfig::default() });
        let runtime = Runtime::new(journal, config, &mut registry, vec![actix::Arbiter::current()]);
        let chaos = Chaos::new(env.clone());
        let host = runtime.entity(Arc::new(Chaotic::new(Tally, chaos.clone()))).expect("a lawful kind");
        let (unit, meta) = (entity("tally", "a"), fresh(&env));
        host.ask(unit.clone(), Command::Add(1), fresh(&env)).await.expect("accepted");
        assert_eq!(figure(&registry, "frozen_total{kind=\"tally\"}"), 0.0);
        chaos.freeze_once(Duration::from_millis(300));
        host.ask(unit.clone(), Command::Add(1), meta.clone()).await.expect("it comes back in the end");
        assert_eq!(figure(&registry, "frozen_total{kind=\"tally\"}"), 1.0, "once, however often it was looked at");
        let fault = runtime.node(&unit).and_then(|node| node.last_fault).expect("it is kept");
        assert!(fault.contains(&meta.command_id.to_string()), "{fault}");
    });
}
