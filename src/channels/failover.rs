//! A dispatch over channels, from the request to its end: each attempt is recorded before it is sent, and what came of it
//! together with the beginning of the next one. It goes on when its client has gone away; a repeat waits for the same answer.

use super::attempt::{Granted, Leave};
use super::template::Message;
use super::{Cause, Channels};
use ionveil_actors::{AskError, Class, LoadError};
use ionveil_channels::channel;
use ionveil_channels::failover::{Bound, CRASHED, Command, Conclusion, KIND, Live, Outcome, Rejection, Requested, Step, failovers_max};
use ionveil_kernel::{EntityId, Kind, Org, StreamId};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::sync::Arc;
use tokio::sync::watch;

/// How much later than the threshold it is known at last what came of an attempt, unless the process died, in milliseconds.
const GRACE_MS: u64 = 5_000;

/// Why a dispatch has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RouteError {
    /// The id was used for another request.
    #[error("the dispatch_id was used for another request")]
    DuplicateDispatch,
    /// The dispatch did not answer.
    #[error(transparent)]
    Dispatch(AskError<Rejection>),
    /// A channel did not answer.
    #[error(transparent)]
    Channel(AskError<channel::Rejection>),
    /// The dispatch cannot be read.
    #[error("the dispatch cannot be read")]
    Load(Arc<LoadError>),
    /// Its task is gone.
    #[error("the dispatch broke off")]
    Broken,
}

/// What a dispatch came to.
pub type Routed = Result<Arc<Live>, RouteError>;

/// Where the answer will be.
type Awaited = watch::Receiver<Option<Routed>>;

/// Dispatches under way, each with the hash of its request.
#[derive(Default)]
pub(super) struct Running(Mutex<BTreeMap<StreamId, (String, Awaited)>>);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Dispatch {
    /// In which order, for how long, and what is not used.
    pub request: Requested,
    /// What is to be told.
    pub payload: Value,
}

/// The stream of a dispatch.
#[must_use]
pub fn stream(org: &Org, dispatch: EntityId) -> StreamId {
    let kind = Kind::new(KIND).unwrap_or_else(|_| unreachable!("a lawful kind"));
    StreamId::new(org.clone(), kind, dispatch)
}

impl Channels {
    /// Routes a dispatch, or waits for the answer of the first that asked.
    ///
    /// # Errors
    /// [`RouteError`].
    pub async fn route(&self, cause: Cause, dispatch: Dispatch) -> Routed {
        let mut answer = self.begin(cause, dispatch)?;
        let answered = answer.wait_for(Option::is_some).await.map_err(|_gone| RouteError::Broken)?;
        answered.clone().unwrap_or(Err(RouteError::Broken))
    }

    fn begin(&self, cause: Cause, dispatch: Dispatch) -> Result<Awaited, RouteError> {
        let owner = cause.dispatch.clone();
        let mut running = self.running().0.lock();
        match running.entry(owner.clone()) {
            Place::Occupied(first) if first.get().0 == dispatch.request.body_hash => Ok(first.get().1.clone()),
            Place::Occupied(_) => Err(RouteError::DuplicateDispatch),
            Place::Vacant(free) => {
                let (told, answer) = watch::channel(None);
                free.insert((dispatch.request.body_hash.clone(), answer.clone()));
                let ending = Ending { channels: self.clone(), owner };
                self.env().spawn(async move {
                    let routed = ending.channels.carry_out(&cause, dispatch).await;
                    told.send_replace(Some(routed));
                    drop(ending);
                });
                Ok(answer)
            }
        }
    }

    async fn carry_out(&self, cause: &Cause, dispatch: Dispatch) -> Routed {
        let mut route = Route { channels: self, cause, dispatch: &dispatch, known: None, bound: None };
        if let Some(next) = route.start_at_once().await? {
            return route.go_on(next).await;
        }
        let loaded = self.dispatches().loader().load(&cause.dispatch).await.map_err(|error| RouteError::Load(Arc::new(error)))?;
        let known = loaded.state.live().cloned();
        if let Some(live) = &known {
            if live.request.body_hash != dispatch.request.body_hash {
                return Err(RouteError::DuplicateDispatch);
            }
            if live.end.is_some() {
                return Ok(Arc::new(live.clone()));
            }
        }
        Route { known, ..route }.run().await
    }
}

/// Takes a dispatch off the list when its task ends, however it does.
struct Ending {
    channels: Channels,
    owner: StreamId,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.channels.running().0.lock().remove(&self.owner);
    }
}

/// A dispatch on its way.
struct Route<'a> {
    channels: &'a Channels,
    cause: &'a Cause,
    dispatch: &'a Dispatch,
    /// What is recorded of it.
    known: Option<Live>,
    /// What the policy left of it when the present step was taken.
    bound: Option<Bound>,
}

/// What comes next: steps, and the leave of the last one if it is to be sent.
type Plan = (Vec<Step>, Option<Granted>);

/// What is recorded now, and the leave of the attempt that is to be made.
type Next = (Live, Option<Granted>);

impl Route<'_> {
    /// Begins without looking first whether it is known, where the first channel may be sent over at once: most are new. None: it
    /// must be looked for, because it is known, nobody can say, or the first channel has to be asked.
    async fn start_at_once(&mut self) -> Result<Option<Next>, RouteError> {
        self.bound = self.channels.bound(&self.cause.dispatch, self.dispatch.request.zone.as_ref());
        let Some(granted) = self.dispatch.request.chain.first().and_then(|first| self.leave_at_once(first)) else { return Ok(None) };
        let command = self.start(vec![self.begin(&granted)]);
        let (owner, meta) = (self.cause.dispatch.clone(), self.cause.meta("start", 0));
        match self.channels.ask_dispatch(owner, command, meta, Class::Reply).await {
            Ok(reply) if !reply.repeated => Ok(Some((reply.state.live().cloned().ok_or(RouteError::Broken)?, Some(granted)))),
            Err(AskError::Rejected(Rejection::PolicyHalted(halt))) => {
                Err(RouteError::Dispatch(AskError::Rejected(Rejection::PolicyHalted(halt))))
            }
            // Whatever was recorded is found, and nothing was sent for it here.
            Ok(_) | Err(_) => Ok(None),
        }
    }

    fn leave_at_once(&self, channel: &EntityId) -> Option<Granted> {
        let blocked = self.dispatch.request.blocked.contains(channel);
        if blocked { None } else { self.channels.leave_at_once(channel, self.cause, 1) }
    }

    fn start(&self, steps: Vec<Step>) -> Command {
        Command::Start { request: Box::new(self.dispatch.request.clone()), steps, bound: self.bound.clone() }
    }

    async fn run(mut self) -> Routed {
        // What was under way when its process died is unknown: breaker and score are left alone.
        let left = self.known.as_ref().and_then(Live::under_way).map(|(number, _)| unknown(number));
        let next = self.step(left).await?;
        self.go_on(next).await
    }

    async fn go_on(mut self, mut next: Next) -> Routed {
        loop {
            let (live, granted) = next;
            let Some(granted) = granted else { return Ok(Arc::new(live)) };
            let number = u32::try_from(live.log.len()).unwrap_or(u32::MAX);
            self.known = Some(live);
            let (message, threshold) = (self.message(&granted.channel), self.dispatch.request.latency_threshold_ms);
            let (channels, cause, limits) = (self.channels, self.cause, (threshold, self.bound.clone()));
            let attempted = channels.attempt(&granted, message, limits, number, cause).await;
            let report = channels.report(granted, &attempted, cause);
            let (stepped, ()) = futures_util::future::join(self.step(Some(attempted.conclusion.clone())), report).await;
            next = stepped?;
        }
    }

    /// Records what came of the last attempt together with what comes next; the leave of that, if it is to be sent.
    async fn step(&mut self, concluded: Option<Conclusion>) -> Result<Next, RouteError> {
        self.bound = self.channels.bound(&self.cause.dispatch, self.dispatch.request.zone.as_ref());
        let delivered = concluded.as_ref().is_some_and(|concluded| concluded.outcome == Outcome::Success);
        let (steps, granted) = if delivered { (Vec::new(), None) } else { self.plan().await? };
        Ok((self.record(concluded, steps).await?, granted))
    }

    /// Looks for the next channel that may be sent over; those before it are passed over.
    async fn plan(&self) -> Result<Plan, RouteError> {
        let request = &self.dispatch.request;
        let (place, mut attempts) = self.known.as_ref().map_or((0, 0), |live| (live.log.len(), live.attempts()));
        let mut steps = Vec::new();
        for (index, channel) in request.chain.iter().enumerate().skip(place) {
            if attempts > failovers_max(request.max_failovers, self.bound.as_ref()) {
                break;
            }
            let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
            let blocked = request.blocked.contains(channel);
            match self.channels.leave(channel, blocked, self.cause, number).await.map_err(RouteError::Channel)? {
                Leave::Skip(reason) => steps.push(Step::Skip { reason: reason.to_owned() }),
                Leave::Unknown => {
                    attempts += 1;
                    steps.push(Step::Fail { reason: "unknown_channel".to_owned() });
                }
                Leave::Granted(granted) => {
                    steps.push(self.begin(&granted));
                    return Ok((steps, Some(*granted)));
                }
            }
        }
        Ok((steps, None))
    }

    fn begin(&self, granted: &Granted) -> Step {
        let driver = &granted.entry.latest().live.setup.driver;
        let threshold = self.dispatch.request.latency_threshold_ms.ceil() as u64;
        let limits = [driver.timeout_ms(), self.bound.as_ref().map(|bound| bound.timeout_ms)];
        let within_ms = limits.into_iter().flatten().fold(threshold, u64::min) + GRACE_MS;
        Step::Begin { simulated: driver.is_simulated(), permit: Some(granted.permit.clone()), within_ms }
    }

    async fn record(&self, concluded: Option<Conclusion>, steps: Vec<Step>) -> Result<Live, RouteError> {
        let number = self.known.as_ref().map_or(0, |live| u32::try_from(live.log.len()).unwrap_or(u32::MAX));
        let (what, command) = match &self.known {
            None => ("start", self.start(steps)),
            Some(_) => ("proceed", Command::Proceed { concluded, steps, bound: self.bound.clone() }),
        };
        let meta = self.cause.meta(what, number);
        let asked = self
            .channels
            .patiently(|| self.channels.ask_dispatch(self.cause.dispatch.clone(), command.clone(), meta.clone(), Class::Reply));
        match asked.await {
            Ok(reply) => reply.state.live().cloned().ok_or(RouteError::Broken),
            Err(AskError::Rejected(Rejection::DuplicateDispatch)) => Err(RouteError::DuplicateDispatch),
            Err(error) => Err(RouteError::Dispatch(error)),
        }
    }

    fn message(&self, channel: &EntityId) -> Message {
        Message {
            dispatch_id: self.cause.dispatch.id.to_string(),
            channel: channel.to_string(),
            zone: self.dispatch.request.zone.as_ref().map(ToString::to_string),
            payload: self.dispatch.payload.clone(),
        }
    }
}

fn unknown(number: u32) -> Conclusion {
    let reason = Some(CRASHED.to_owned());
    Conclusion { number, outcome: Outcome::Unknown, reason, latency_ms: None, http_status: None, bound: None }
}
