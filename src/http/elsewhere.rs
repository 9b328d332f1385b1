//! What other nodes of the same store have in memory: they are asked for it under the secret of the store, by a node that has
//! checked who wants to know. Not part of the contract: releases may change its form.

use crate::cluster::{QUESTIONS_PATH, Said};
use crate::http::app::App;
use crate::http::cluster::from_a_node;
use crate::http::problem::{Code, Problem, RETRY_S};
use crate::http::tree;
use crate::simulations::Progress;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use futures_util::future::join_all;
use ionveil_actors::{Tree, TreeQuery};
use ionveil_journal::Share;
use ionveil_kernel::{Org, StreamId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long another node may take; a resumed entity is waited for by it.
const PATIENCE: Duration = Duration::from_secs(5);
/// A tree without a node that says nothing is better than none.
const TREE_PATIENCE: Duration = Duration::from_secs(1);

/// The headers that an answer keeps on its way.
const CARRIED: [&str; 2] = ["content-type", "retry-after"];

/// What a node may be asked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(crate) enum Question {
    /// How an entity of it is.
    Entity { owner: String },
    /// To take an entity of it out of quarantine.
    Resume { owner: String, actor: String },
    /// How far a simulation has come that runs there.
    Progress { owner: String },
    /// The tree of what it has in memory.
    Tree { org: Org, kind: Option<String>, depth: u8, entities: usize },
}

/// The node that has the entity, if that is another one and can be asked.
pub(crate) fn of(app: &App, owner: &StreamId) -> Option<String> {
    // Bridges belong to each node.
    if owner.kind.as_str() == crate::nats::KIND {
        return None;
    }
    let journal = &app.node.journal;
    let partition = usize::from(owner.partition(app.node.store.partitions()));
    match journal.partitions().borrow().get(partition) {
        Some(Share::Foreign { address, .. }) => address.clone(),
        Some(Share::Own { .. } | Share::Leaving { .. } | Share::Vacant) | None => None,
    }
}

/// The answer of another node as its own caller would have it.
pub(crate) async fn ask(app: &App, address: &str, question: &Question) -> Result<HttpResponse, Problem> {
    let away = || {
        Problem::new(Code::StoreUnavailable, format!("the server {address}, which has the entity, does not answer")).retry_after(RETRY_S)
    };
    let Said { status, headers, body } = said(app, address, question).await.ok_or_else(away)?;
    let mut response = HttpResponse::build(StatusCode::from_u16(status.as_u16()).map_err(|_| Problem::internal())?);
    for name in CARRIED {
        headers.get(name).inspect(|value| _ = response.insert_header((name, value.as_bytes())));
    }
    Ok(response.body(body))
}

/// How far a simulation has come on another node; none if it does not say so.
pub(crate) async fn progress(app: &App, address: &str, owner: &StreamId) -> Option<Progress> {
    let Said { status, body, .. } = said(app, address, &Question::Progress { owner: owner.to_string() }).await?;
    serde_json::from_slice::<Option<Progress>>(&body).ok().flatten().filter(|_| status.is_success())
}

async fn said(app: &App, address: &str, question: &Question) -> Option<Said> {
    let text = serde_json::to_vec(question).ok()?;
    let said = app.node.link.as_ref()?.question(address, text, PATIENCE).await;
    said.inspect_err(|error| tracing::warn!(address, %error, "another node was asked in vain")).ok()
}

/// The tree of all nodes; those that have not answered are named.
pub(crate) async fn tree(app: &App, query: TreeQuery) -> Tree {
    // What is below an organisation is counted once, wherever it is: that takes its names.
    let (only_top, query) = (query.depth < 2, TreeQuery { depth: query.depth.max(2), ..query });
    let own = app.node.runtime.tree(&query);
    let TreeQuery { org: Some(org), kind, depth, entities_max } = query else { return own };
    let question = serde_json::to_vec(&Question::Tree { org, kind, depth, entities: entities_max }).unwrap_or_default();
    let others = others(app);
    let asked = others.iter().map(|address| tree_at(app, address, question.clone()));
    let (mut trees, mut silent) = (vec![own], Vec::new());
    for (address, tree) in others.iter().zip(join_all(asked).await) {
        match tree {
            Some(tree) => trees.push(tree),
            None => silent.push(address.clone()),
        }
    }
    let mut one = Tree::of_several(trees, entities_max);
    one.nodes.retain(|node| !only_top || node.parent.is_none());
    Tree { silent, ..one }
}

async fn tree_at(app: &App, address: &str, question: Vec<u8>) -> Option<Tree> {
    let Said { status, body, .. } = app.node.link.as_ref()?.question(address, question, TREE_PATIENCE).await.ok()?;
    serde_json::from_slice(&body).ok().filter(|_| status.is_success())
}

/// Where other nodes are that own anything.
fn others(app: &App) -> BTreeSet<String> {
    let table = app.node.journal.partitions();
    let shares = table.borrow();
    let address = |share: &Share| if let Share::Foreign { address, .. } = share { address.clone() } else { None };
    shares.iter().filter_map(address).collect()
}

/// Answers another node.
#[post("/cluster/questions")]
pub(crate) async fn answer_question(app: Data<App>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    debug_assert_eq!(request.path(), QUESTIONS_PATH);
    let body = from_a_node(&app, &request, payload).await?;
    let unreadable = |error: &dyn std::fmt::Display| Problem::new(Code::BadRequest, format!("it is no question of this release: {error}"));
    let entity = |owner: &str| owner.parse::<StreamId>().map_err(|error| unreadable(&error));
    match serde_json::from_slice(&body).map_err(|error| unreadable(&error))? {
        Question::Entity { owner } => tree::answer(&app, &entity(&owner)?).await,
        Question::Resume { owner, actor } => tree::resume(&app, &entity(&owner)?, &actor).await,
        Question::Progress { owner } => Ok(HttpResponse::Ok().json(app.node.simulator.progress(&entity(&owner)?))),
        Question::Tree { org, kind, depth, entities } => {
            Ok(HttpResponse::Ok().json(app.node.runtime.tree(&TreeQuery { org: Some(org), kind, depth, entities_max: entities })))
        }
    }
}
