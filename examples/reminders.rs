//! A decider with a timer: it fires once, also when the process was killed between setting it and its time.
//! `cargo run --example reminders -- ./data 127.0.0.1:8082`, then
//! `curl -X POST 'localhost:8082/reminders/tea?in_ms=3000'` and `curl localhost:8082/reminders/tea`.

use actix_web::error::{ErrorConflict, ErrorNotFound, ErrorServiceUnavailable};
use actix_web::{App, HttpResponse, HttpServer, web};
use ionveil::embed::{Ask, Ionveil};
use ionveil::kernel::{
    BrokenInvariant, Caller, DecideEnv, Decider, Decision, DecodeError, EventCodec, Kind, Rejection, Role, StreamId, Timer, TimerPolicy,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Default)]
struct Reminders;

/// What is wished for, and how often it has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    due: Option<Timestamp>,
    fired: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Command {
    Remind { in_ms: u64 },
    Fire,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Event {
    Set { due: Timestamp },
    Fired,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("nothing is set")]
struct NothingSet;

impl Rejection for NothingSet {
    fn code(&self) -> &'static str {
        "nothing_set"
    }
}

impl EventCodec for Event {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Set { .. } => "set",
            Self::Fired => "fired",
        }
    }

    fn schema_version(&self) -> u32 {
        1
    }

    fn encode(&self) -> Result<String, DecodeError> {
        serde_json::to_string(self).map_err(|error| DecodeError::invalid(self.event_type(), error))
    }

    fn decode(event_type: &str, _version: u32, data: &str) -> Result<Self, DecodeError> {
        serde_json::from_str(data).map_err(|error| DecodeError::invalid(event_type, error))
    }
}

impl Decider for Reminders {
    const KIND: &'static str = "reminder";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = State;
    type Command = Command;
    type Event = Event;
    type Rejection = NothingSet;

    fn initial(&self, _id: &StreamId) -> State {
        State::default()
    }

    fn decide(&self, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Decision<Self>, NothingSet> {
        match command {
            Command::Remind { in_ms } => Ok(vec![((), Event::Set { due: env.now.after(Duration::from_millis(*in_ms)) })]),
            Command::Fire if state.due.is_some() => Ok(vec![((), Event::Fired)]),
            Command::Fire => Err(NothingSet),
        }
    }

    fn evolve(&self, state: State, _part: &(), event: &Event) -> Result<State, BrokenInvariant> {
        Ok(match event {
            Event::Set { due } => State { due: Some(*due), ..state },
            Event::Fired => State { due: None, fired: state.fired + 1 },
        })
    }

    /// Armed by the append that sets it, gone with the append that fires it.
    fn timers(&self, state: &State) -> Vec<Timer> {
        let timer = |due| Timer { name: "due".to_owned(), due, policy: TimerPolicy::FireOnceLate };
        state.due.map(timer).into_iter().collect()
    }

    fn on_timer(&self, _name: &str, _due: Timestamp) -> Option<Command> {
        Some(Command::Fire)
    }
}

fn caller() -> Caller {
    Caller { org: "home".parse().expect("lawful"), subject: "user:host".into(), role: Role::Operator }
}

async fn remind(
    ionveil: web::Data<Ionveil>,
    id: web::Path<String>,
    asked: web::Query<BTreeMap<String, u64>>,
) -> actix_web::Result<HttpResponse> {
    let id = id.parse().map_err(ErrorNotFound)?;
    let command = Command::Remind { in_ms: asked.get("in_ms").copied().unwrap_or(1_000) };
    let reply = ionveil.ask::<Reminders>(&caller(), &id, command, Ask::default()).await.map_err(ErrorConflict)?;
    Ok(HttpResponse::Ok().json(reply.state))
}

async fn look(ionveil: web::Data<Ionveil>, id: web::Path<String>) -> actix_web::Result<HttpResponse> {
    let (id, kind) = (id.parse().map_err(ErrorNotFound)?, Kind::new(Reminders::KIND).map_err(ErrorNotFound)?);
    let host = ionveil.host::<Reminders>().ok_or_else(|| ErrorNotFound("not registered"))?;
    let loaded = host.loader().load(&StreamId::new(caller().org, kind, id)).await.map_err(ErrorServiceUnavailable)?;
    Ok(HttpResponse::Ok().json(loaded.state))
}

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (folder, address) = (arguments.next().unwrap_or("./reminders-data".into()), arguments.next().unwrap_or("127.0.0.1:8082".into()));
    let config = ionveil::config::of(&[("store.data_dir", &folder)])?;
    let ionveil = Ionveil::builder(config).entity::<Reminders>().start().await?;
    let (data, routes) = (web::Data::new(ionveil.clone()), ionveil.routes());
    let app = move || {
        let reminders = web::resource("/reminders/{id}").route(web::post().to(remind)).route(web::get().to(look));
        App::new().app_data(data.clone()).service(reminders).configure(routes.clone())
    };
    HttpServer::new(app).bind(address)?.run().await?;
    anyhow::ensure!(ionveil.stop(Duration::from_secs(10)).await, "not everything was finished");
    Ok(())
}
