//! The store in memory against the contract.

use super::contract::{Fresh, contract_suite};
use super::feed::feed_suite;
use super::node::node_suite;
use ionveil_actors::TokioEnv;
use ionveil_journal::MemoryStore;
use ionveil_kernel::Env;

async fn fresh() -> Fresh {
    let env = Env::new(TokioEnv::new(tokio::runtime::Handle::current()));
    Fresh::new(MemoryStore::new(env, 4), ())
}

contract_suite!(fresh);
feed_suite!(fresh);
node_suite!(fresh);
