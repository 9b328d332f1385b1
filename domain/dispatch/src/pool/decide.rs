//! What a command leads to. A window that has ended is closed first, whoever comes: the timer may be late.

use crate::pool::command::{AgencyRequest, Command};
use crate::pool::event::{Event, OrderPooled, OrderReprioritised, OrderWithdrawn, PlanRequested, Request, Wish};
use crate::pool::order::{Order, RawOrder, check_eta, check_urgency, named};
use crate::pool::reject::{Fault, FaultKind, Faults, Rejection};
use crate::pool::state::State;
use crate::pool::{AGENCIES_MAX, ORDERS_PER_INSERT_MAX, Pool, REQUESTS_PER_WINDOW_MAX, evolve, take};
use ionveil_kernel::{DecideEnv, EntityId, Timestamp};
use std::collections::BTreeSet;

/// A checked number of orders: below 0 is 0.
fn capacity(raw: i64) -> u64 {
    u64::try_from(raw).unwrap_or(0)
}

pub(crate) fn decide(pool: &Pool, state: &State, command: &Command, env: &DecideEnv<'_>) -> Result<Vec<Event>, Rejection> {
    let mut state = state.clone();
    let mut events = close(&mut state, env.now);
    match command {
        Command::Insert { orders } => events.extend(insert(pool, &state, orders)?),
        Command::Reprioritise { id, urgency, eta } => events.push(reprioritise(&state, id, *urgency, eta.as_deref())?),
        Command::Cancel { id } => events.push(cancel(&state, id)?),
        Command::Take { request_id, capacity: raw } => {
            let mut faults = Vec::new();
            let id = named("request_id", request_id, &mut faults);
            events.extend(ask(pool, &state, id, Wish::Any(capacity(*raw)), faults, env)?);
        }
        Command::TakeBatch { request_id, requests, share_unowned } => {
            let mut faults = Vec::new();
            let id = named("request_id", request_id, &mut faults);
            let shares = shares(requests, &mut faults);
            events.extend(ask(pool, &state, id, Wish::Agencies { shares, share_unowned: *share_unowned }, faults, env)?);
        }
        Command::CloseWindow { .. } => {}
    }
    Ok(events)
}

/// Answers the requests whose window has ended, one after another.
fn close(state: &mut State, now: Timestamp) -> Vec<Event> {
    let Some(window) = state.window.clone().filter(|window| window.due <= now) else { return Vec::new() };
    let answer = |request: &Request| {
        let event = Event::OrdersDispatched(take::answer(state, request));
        let applied = evolve::apply(state, &event);
        debug_assert_eq!(applied, Ok(()), "what is decided can follow");
        event
    };
    window.requests.iter().map(answer).collect()
}

fn insert(pool: &Pool, state: &State, raw: &[RawOrder]) -> Result<Vec<Event>, Rejection> {
    if raw.is_empty() || raw.len() > ORDERS_PER_INSERT_MAX {
        let kind = if raw.is_empty() { FaultKind::MissingField } else { FaultKind::TooManyOrders };
        Faults::refuse(vec![Fault::of("orders", kind)])?;
    }
    let orders = check_all(state, raw)?;
    let room = pool.limit.saturating_sub(state.len());
    if orders.len() > room {
        return Err(Rejection::PoolFull { room, limit: pool.limit });
    }
    let pooled = |(number, order)| Event::OrderPooled(OrderPooled { number, order });
    Ok((state.next..).zip(orders).map(pooled).collect())
}

fn check_all(state: &State, raw: &[RawOrder]) -> Result<Vec<Order>, Rejection> {
    let (mut orders, mut faults, mut seen) = (Vec::with_capacity(raw.len()), Vec::new(), BTreeSet::new());
    for (index, raw) in raw.iter().enumerate() {
        let checked = Order::check(raw);
        let is_repeated = !raw.id.trim().is_empty() && !seen.insert(raw.id.as_str());
        let waits = match &checked {
            Ok(order) => state.has(&order.id),
            Err(_) => EntityId::new(&raw.id).is_ok_and(|id| state.has(&id)),
        };
        if is_repeated || waits {
            faults.push(Fault::of("id", FaultKind::DuplicateId).at(index));
        }
        match checked {
            Ok(order) => orders.push(order),
            Err(found) => faults.extend(found.into_iter().map(|fault| fault.at(index))),
        }
    }
    Faults::refuse(faults)?;
    Ok(orders)
}

/// An id that could be none is one that does not wait.
fn pending<'a>(state: &'a State, id: &str) -> Result<&'a Order, Rejection> {
    EntityId::new(id).ok().and_then(|id| state.get(&id)).ok_or(Rejection::NotPending)
}

fn reprioritise(state: &State, id: &str, urgency: Option<i64>, eta: Option<&str>) -> Result<Event, Rejection> {
    let mut faults = Vec::new();
    if urgency.is_none() && eta.is_none() {
        faults.push(Fault::of("urgency", FaultKind::MissingField));
    }
    let urgency = urgency.map(|urgency| check_urgency(urgency, &mut faults));
    let eta = eta.map(|eta| check_eta(Some(eta), &mut faults));
    Faults::refuse(faults)?;
    let order = pending(state, id)?;
    let (urgency, eta) = (urgency.unwrap_or(order.urgency), eta.unwrap_or(order.eta));
    if (urgency, eta) == (order.urgency, order.eta) {
        return Err(Rejection::NoChange);
    }
    Ok(Event::OrderReprioritised(OrderReprioritised { id: order.id.clone(), urgency, eta }))
}

fn cancel(state: &State, id: &str) -> Result<Event, Rejection> {
    Ok(Event::OrderWithdrawn(OrderWithdrawn { id: pending(state, id)?.id.clone() }))
}

fn shares(requests: &[AgencyRequest], faults: &mut Vec<Fault>) -> Vec<(EntityId, u64)> {
    if requests.is_empty() || requests.len() > AGENCIES_MAX {
        let kind = if requests.is_empty() { FaultKind::MissingField } else { FaultKind::TooManyAgencies };
        faults.push(Fault::of("requests", kind));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut share = |(index, request): (usize, &AgencyRequest)| {
        let mut found = Vec::new();
        let agency = named("agency", &request.agency, &mut found);
        if agency.is_some() && !seen.insert(request.agency.clone()) {
            found.push(Fault::of("agency", FaultKind::DuplicateAgency));
        }
        faults.extend(found.into_iter().map(|fault| fault.at(index)));
        agency.map(|agency| (agency, capacity(request.capacity)))
    };
    requests.iter().enumerate().filter_map(&mut share).collect()
}

/// A request that was made before changes nothing, whatever became of it and whatever the policy is now.
fn ask(
    pool: &Pool,
    state: &State,
    id: Option<EntityId>,
    wish: Wish,
    faults: Vec<Fault>,
    env: &DecideEnv<'_>,
) -> Result<Option<Event>, Rejection> {
    Faults::refuse(faults)?;
    let Some(id) = id else { return Ok(None) };
    let request = Request { id, wish };
    match state.asked(&request.id) {
        Some(asked) if *asked == request => return Ok(None),
        Some(_) => return Err(Rejection::RequestReused),
        None => {}
    }
    if let Some(halt) = env.policy.halt() {
        return Err(Rejection::PolicyHalted(halt));
    }
    match &state.window {
        None if pool.window.is_zero() => Ok(Some(Event::OrdersDispatched(take::answer(state, &request)))),
        None => Ok(Some(Event::PlanRequested(PlanRequested { request, due: env.now.after(pool.window) }))),
        Some(window) if window.requests.len() >= REQUESTS_PER_WINDOW_MAX => Err(Rejection::WindowFull),
        Some(window) => Ok(Some(Event::PlanRequested(PlanRequested { request, due: window.due }))),
    }
}
