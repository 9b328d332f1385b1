//! Two instances in one actix `System`: apart in everything.

use actix::System;
use ionveil::config;
use ionveil::embed::{Ask, Ionveil, StartError};
use ionveil::kernel::{Caller, Role};
use ionveil::workflow::{Command, Workflow};
use ionveil_actors::testkit::figure;
use ionveil_actors::{AskError, Class};
use std::path::Path;
use std::time::Duration;

async fn instance(folder: &Path) -> Result<Ionveil, StartError> {
    let config = config::of(&[("store.data_dir", folder.to_str().expect("a path"))]).expect("lawful");
    Ionveil::builder(config).start().await
}

fn caller(org: &str) -> Caller {
    Caller { org: org.parse().expect("lawful"), subject: "user:host".into(), role: Role::Admin }
}

fn register() -> Command {
    Command::Register { machine: "dispatch".to_owned(), initial_state: None, attributes: std::collections::BTreeMap::default() }
}

#[test]
fn instances_count_and_store_apart_and_hold_their_directories() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    System::new().block_on(async move {
        let (one, two) = (instance(folders[0].path()).await.expect("start"), instance(folders[1].path()).await.expect("start"));
        let id = "call-1".parse().expect("lawful");
        for _repeat in 0..2 {
            let ask = Ask::default().key("k").class(Class::Control).within(Duration::from_secs(5));
            let reply = one.ask::<Workflow>(&caller("acme"), &id, register(), ask).await.expect("accepted");
            assert_eq!(reply.receipt.version, 1);
        }
        let taken = one.ask::<Workflow>(&caller("acme"), &id, register(), Ask::default()).await;
        assert!(matches!(taken, Err(AskError::Rejected(_))), "{taken:?}");
        let stale = Command::Cancel { reason: None };
        let stale = one.ask::<Workflow>(&caller("acme"), &id, stale, Ask::default().expecting(7)).await;
        assert!(matches!(stale, Err(AskError::VersionConflict { expected: 7, actual: 1 })), "{stale:?}");
        let committed = "committed_total{kind=\"workflow\"}";
        assert_eq!((figure(one.registry(), committed), figure(two.registry(), committed)), (1.0, 0.0));
        assert_eq!(two.host::<Workflow>().expect("registered").loader().store().heads().await.expect("heads").iter().sum::<u64>(), 0);
        assert!(matches!(instance(folders[0].path()).await, Err(StartError::DataDir(_))), "the directory is held");
        assert!(one.clone().stop(Duration::from_secs(5)).await && two.stop(Duration::from_secs(5)).await);
        let late = one.ask::<Workflow>(&caller("acme"), &id, register(), Ask::default()).await;
        assert!(matches!(late, Err(AskError::Draining)), "{late:?}");
    });
}
