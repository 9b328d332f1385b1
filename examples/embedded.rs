//! A host of its own: an actix application with a decider of its own, its own route, and IonVeil's routes beside it.
//! `cargo run --example embedded`, then `curl -X POST localhost:8081/lamps/hall`. Two hosts that share their lamps:
//! `… -- postgres://me@localhost/lamps ./one 127.0.0.1:8081` and `… -- postgres://me@localhost/lamps ./two 127.0.0.1:8082`.

use actix_web::{App, HttpServer, web};
use ionveil::embed::{Ask, Ionveil};
use ionveil::kernel::{BrokenInvariant, Caller, DecideEnv, Decider, Decision, DecodeError, EventCodec, Rejection, Role, StreamId};

#[derive(Default)]
struct Lamp;
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Switched(bool);
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the lamp is worn out")]
struct WornOut;
#[rustfmt::skip]
impl Rejection for WornOut {
    fn code(&self) -> &'static str { "worn_out" }
}
#[rustfmt::skip]
impl EventCodec for Switched {
    fn event_type(&self) -> &'static str { "switched" }
    fn schema_version(&self) -> u32 { 1 }
    fn encode(&self) -> Result<String, DecodeError> { serde_json::to_string(self).map_err(|e| DecodeError::invalid("switched", e)) }
    fn decode(kind: &str, _: u32, data: &str) -> Result<Self, DecodeError> { serde_json::from_str(data).map_err(|e| DecodeError::invalid(kind, e)) }
}
#[rustfmt::skip]
impl Decider for Lamp {
    const KIND: &'static str = "lamp";
    const STATE_SCHEMA: u32 = 1;
    const REDUCER: u32 = 1;
    type Part = ();
    type State = (bool, u32); // lit, and how often it was switched
    type Command = ();
    type Event = Switched;
    type Rejection = WornOut;
    fn initial(&self, _: &StreamId) -> Self::State { (false, 0) }
    fn decide(&self, state: &Self::State, _: &(), _: &DecideEnv<'_>) -> Result<Decision<Self>, WornOut> {
        if state.1 < 10_000 { Ok(vec![((), Switched(!state.0))]) } else { Err(WornOut) }
    }
    fn evolve(&self, state: Self::State, _: &(), event: &Switched) -> Result<Self::State, BrokenInvariant> { Ok((event.0, state.1 + 1)) }
}
async fn switch(ionveil: web::Data<Ionveil>, id: web::Path<String>) -> actix_web::Result<String> {
    let (org, id) = ("home".parse().expect("lawful"), id.parse().map_err(actix_web::error::ErrorNotFound)?);
    let caller = Caller { org, subject: "user:host".into(), role: Role::Operator };
    let reply = ionveil.ask::<Lamp>(&caller, &id, (), Ask::default()).await.map_err(actix_web::error::ErrorConflict)?;
    Ok(if reply.state.0 { "on\n" } else { "off\n" }.to_owned())
}
#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let given = <[String; 3]>::try_from(given).unwrap_or_else(|_| ["memory:", "./lamps", "127.0.0.1:8081"].map(str::to_owned));
    let settings = [("store.url", given[0].as_str()), ("store.data_dir", &given[1]), ("node.address", &given[2])];
    let ionveil = Ionveil::builder(ionveil::config::of(&settings)?).entity::<Lamp>().start().await?;
    let (data, routes) = (web::Data::new(ionveil.clone()), ionveil.routes());
    let app = move || App::new().app_data(data.clone()).route("/lamps/{id}", web::post().to(switch)).configure(routes.clone());
    HttpServer::new(app).bind(&given[2])?.run().await?;
    anyhow::ensure!(ionveil.stop(std::time::Duration::from_secs(10)).await, "not everything was finished");
    Ok(())
}
