//! The network between the nodes of the simulated cluster: parcels and answers are delayed, lost and doubled.

use super::chance;
use super::client::{passes, transit};
use super::node::Node;
use crate::{Answered, Forward, ForwardError, Parcel};
use ionveil_kernel::{BoxFuture, Env};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::oneshot;

/// Of 1,000 parcels, so many arrive twice.
const TWICE: u64 = 20;

/// Carries what a node forwards, which holds it.
pub(super) struct Courier(pub(super) Weak<Node>);

impl Forward for Courier {
    fn forward<'a>(&'a self, address: &'a str, parcel: &'a Parcel) -> BoxFuture<'a, Result<Answered, ForwardError>> {
        Box::pin(async move {
            let own = self.0.upgrade().ok_or_else(|| ForwardError::NotSent("it is gone".to_owned()))?;
            let env = &own.server.env;
            let known = own.server.nodes.lock().get(address).and_then(Weak::upgrade);
            let to = known.ok_or_else(|| ForwardError::NotSent("nobody is there".to_owned()))?;
            let answer = async {
                match carry(env, &own, &to, parcel).await {
                    Some(answered) => answered,
                    // It was lost: nobody learns of that.
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                answered = answer => Ok(answered),
                () = env.sleep(parcel.patience) => Err(ForwardError::Unknown("no answer came".to_owned())),
            }
        })
    }

    fn hear<'a>(&'a self, address: &'a str, patience: Duration) -> BoxFuture<'a, Result<(), ForwardError>> {
        Box::pin(async move {
            let own = self.0.upgrade().ok_or_else(|| ForwardError::NotSent("it is gone".to_owned()))?;
            let env = &own.server.env;
            let known = own.server.nodes.lock().get(address).and_then(Weak::upgrade);
            let to = known.ok_or_else(|| ForwardError::NotSent("nobody is there".to_owned()))?;
            let heard = async {
                env.sleep(transit(env)).await;
                let heard = passes(env, &to) && passes(env, &own) && to.hear().await;
                env.sleep(transit(env)).await;
                heard && passes(env, &to) && passes(env, &own)
            };
            tokio::select! {
                biased;
                true = heard => Ok(()),
                () = env.sleep(patience) => Err(ForwardError::Unknown("no answer came".to_owned())),
            }
        })
    }
}

async fn carry(env: &Env, own: &Arc<Node>, to: &Arc<Node>, parcel: &Parcel) -> Option<Answered> {
    env.sleep(transit(env)).await;
    if !passes(env, to) || !passes(env, own) {
        return None;
    }
    if chance(env, TWICE) {
        to.receive(parcel.clone(), oneshot::channel().0);
    }
    let (tell, told) = oneshot::channel();
    to.receive(parcel.clone(), tell);
    let answered = told.await.ok()?;
    env.sleep(transit(env)).await;
    (passes(env, to) && passes(env, own)).then_some(answered)
}
