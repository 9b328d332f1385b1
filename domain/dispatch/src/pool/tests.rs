//! Tests of the pool, by subject. Shared here: orders, events and commands in few words.

mod golden;
mod invariants;
mod model;
mod refusals;
mod windows;

use crate::pool::{
    AgencyRequest, Command, Event, Order, OrderPooled, OrderReprioritised, OrderWithdrawn, OrdersDispatched, PlanRequested, Planned, Pool,
    RawOrder, Reason, Rejection, Request, Share, State, Why, Wish,
};
use ionveil_kernel::testkit::{CountingIds, check_laws, fold, meta};
use ionveil_kernel::{DecideEnv, Decider, EntityId, Policy, Rejection as _, Timestamp};

fn id(name: &str) -> EntityId {
    EntityId::new(name).expect("a lawful id")
}

fn ms(at: i64) -> Timestamp {
    Timestamp::from_micros(at * 1_000)
}

/// `id urgency [eta|-] [agency]`.
fn raw(text: &str) -> RawOrder {
    let words: Vec<_> = text.split(' ').collect();
    let text = |place: usize| words.get(place).filter(|word| **word != "-").map(|word| (*word).to_owned());
    RawOrder { id: words[0].into(), urgency: words[1].parse().expect("a number"), eta: text(2), agency: text(3), ..RawOrder::default() }
}

fn order(text: &str) -> Order {
    Order::check(&raw(text)).expect("a lawful order")
}

fn pooled(number: u64, text: &str) -> Event {
    Event::OrderPooled(OrderPooled { number, order: order(text) })
}

fn insert(orders: &[&str]) -> Command {
    Command::Insert { orders: orders.iter().map(|text| raw(text)).collect() }
}

fn take(request: &str, capacity: i64) -> Command {
    Command::Take { request_id: request.into(), capacity }
}

fn take_batch(request: &str, requests: &[(&str, i64)], share_unowned: bool) -> Command {
    let request_of = |(agency, capacity): &(&str, i64)| AgencyRequest { agency: (*agency).to_owned(), capacity: *capacity };
    Command::TakeBatch { request_id: request.into(), requests: requests.iter().map(request_of).collect(), share_unowned }
}

/// A pool with a past, to be told things at a time.
struct World {
    pool: Pool,
    state: State,
    events: Vec<((), Event)>,
    now: i64,
}

impl World {
    /// A pool that gathers requests for so many milliseconds.
    fn new(window_ms: i64, orders: &[&str]) -> Self {
        let mut world = Self { pool: Pool::new(window_ms, 100).expect("lawful"), state: State::default(), events: Vec::new(), now: 0 };
        if !orders.is_empty() {
            world.tell(&insert(orders)).expect("lawful orders");
        }
        world
    }

    /// How many events followed.
    fn tell(&mut self, command: &Command) -> Result<usize, Rejection> {
        self.tell_under(command, &Policy::default())
    }

    fn tell_under(&mut self, command: &Command, policy: &Policy) -> Result<usize, Rejection> {
        let (cause, now) = (meta(1), ms(self.now));
        let env = DecideEnv { now, occurred_at: now, ids: &CountingIds::default(), cause: &cause, policy };
        let decision = self.pool.decide(&self.state, command, &env)?;
        for (part, event) in &decision {
            let state = std::mem::take(&mut self.state);
            self.state = self.pool.evolve(state, part, event).expect("what is decided can follow");
        }
        let count = decision.len();
        self.events.extend(decision);
        Ok(count)
    }

    fn code(&mut self, command: &Command) -> &'static str {
        let before = self.state.clone();
        let code = self.tell(command).expect_err("refused").code();
        assert_eq!(self.state, before);
        code
    }

    /// What was answered: `agency: id>next Reason, …; …`.
    fn shown(&self, request: &str) -> String {
        let why = |planned: &Planned| {
            let before = planned.why.before.as_ref().map_or("", EntityId::as_str);
            format!("{}>{before} {:?}", planned.order.id, planned.why.reason)
        };
        let share = |share: &Share| {
            let agency = share.agency.as_ref().map(|agency| format!("{agency}: ")).unwrap_or_default();
            agency + &share.orders.iter().map(why).collect::<Vec<_>>().join(", ")
        };
        self.state.answer(&id(request)).expect("answered").iter().map(share).collect::<Vec<_>>().join("; ")
    }

    fn waiting(&self) -> String {
        self.state.iter().map(|order| order.id.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The end: replay and snapshots agree with what came about.
    fn check(self) {
        let owner = "pool:test:x".parse().expect("a lawful name");
        check_laws(&self.pool, &owner, &self.events);
        assert_eq!(fold(&self.pool, &owner, &self.events), self.state);
    }
}
