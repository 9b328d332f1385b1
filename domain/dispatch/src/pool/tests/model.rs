//! The pool against the plain algorithm of §3.2, which sorts everything anew for each answer.

use super::*;
use crate::eta::tests::eta_text;
use crate::plan::{Candidate, plan};
use proptest::prelude::*;
use proptest::sample::select;

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<(u8, i64, Option<String>, u8)>),
    Reprioritise(u8, Option<i64>, Option<String>),
    Cancel(u8),
    Take(u8, i64),
    Batch(u8, Vec<(u8, i64)>, bool),
    Wait(i64),
}

const AGENCIES: [Option<&str>; 4] = [None, Some("north"), Some("south"), Some("west")];

fn eta() -> impl Strategy<Value = Option<String>> {
    // Few ETAs, so that orders tie; and any.
    prop_oneof![2 => Just(None), 4 => select(vec!["09:00", "10:00"]).prop_map(|eta| Some(eta.to_owned())), 1 => eta_text().prop_map(Some)]
}

fn step() -> impl Strategy<Value = Step> {
    let order = (0..40_u8, 1..4_i64, eta(), 0..4_u8);
    prop_oneof![
        6 => prop::collection::vec(order, 1..6).prop_map(Step::Insert),
        2 => (0..40_u8, prop::option::of(1..4_i64), eta()).prop_map(|(id, urgency, eta)| Step::Reprioritise(id, urgency, eta)),
        1 => (0..40_u8).prop_map(Step::Cancel),
        2 => (any::<u8>(), -1..6_i64).prop_map(|(request, capacity)| Step::Take(request, capacity)),
        2 => (any::<u8>(), prop::collection::vec((1..4_u8, -1..4_i64), 1..4), any::<bool>())
            .prop_map(|(request, requests, share)| Step::Batch(request, requests, share)),
        2 => (0..150_i64).prop_map(Step::Wait),
    ]
}

/// What the plain algorithm knows: the orders in order of arrival, with their agencies.
#[derive(Default)]
struct Plain(Vec<(Candidate, Option<&'static str>)>);

impl Plain {
    fn find(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|(order, _)| order.id.as_deref() == Some(id))
    }

    /// Sorts the orders of which `is_wanted`, and takes the first.
    fn take(&mut self, capacity: i64, is_wanted: impl Fn(Option<&'static str>) -> bool) -> Vec<String> {
        let wanted: Vec<_> = self.0.iter().filter(|(_, agency)| is_wanted(*agency)).map(|(order, _)| order.clone()).collect();
        let taken: Vec<_> = plan(&wanted, capacity).into_iter().map(|place| wanted[place].id.clone().unwrap_or_default()).collect();
        self.0.retain(|(order, _)| !taken.contains(order.id.as_ref().expect("an id")));
        taken
    }

    fn batch(&mut self, requests: &[(&'static str, i64)], share_unowned: bool) -> Vec<Vec<String>> {
        let mut shares: Vec<_> = requests.iter().map(|(name, capacity)| self.take(*capacity, |agency| agency == Some(name))).collect();
        for (share, (_, capacity)) in shares.iter_mut().zip(requests).filter(|_| share_unowned) {
            let room = capacity - i64::try_from(share.len()).expect("few");
            share.extend(self.take(room, |agency| agency.is_none()));
        }
        shares
    }
}

/// Both, side by side: requests wait in the model as well.
struct Pair {
    world: World,
    plain: Plain,
    window: i64,
    waiting: Vec<Command>,
    due: i64,
    answered: Vec<(String, Vec<Vec<String>>)>,
}

impl Pair {
    /// The requests whose time has come, one after another.
    fn run_due(&mut self) {
        if self.due > self.world.now {
            return;
        }
        for command in std::mem::take(&mut self.waiting) {
            self.run(&command);
        }
    }

    fn run(&mut self, command: &Command) {
        let (request, shares) = match command {
            Command::Take { request_id, capacity } => (request_id, vec![self.plain.take(*capacity, |_| true)]),
            Command::TakeBatch { request_id, requests, share_unowned } => {
                let known = |name: &str| AGENCIES.into_iter().flatten().find(|agency| *agency == name).expect("known");
                let requests: Vec<_> = requests.iter().map(|request| (known(&request.agency), request.capacity)).collect();
                (request_id, self.plain.batch(&requests, *share_unowned))
            }
            _ => unreachable!("not a request"),
        };
        self.answered.push((request.clone(), shares));
    }

    fn request(&mut self, command: Command) {
        self.run_due();
        let accepted = self.world.tell(&command).is_ok();
        let (Command::Take { request_id, .. } | Command::TakeBatch { request_id, .. }) = &command else { unreachable!("a request") };
        let is_waiting = |other: &Command| matches!(other, Command::Take { request_id: id, .. } | Command::TakeBatch { request_id: id, .. } if id == request_id);
        let is_known = self.answered.iter().any(|(id, _)| id == request_id) || self.waiting.iter().any(is_waiting);
        if !accepted || is_known {
            return;
        }
        if self.window == 0 {
            return self.run(&command);
        }
        if self.waiting.is_empty() {
            self.due = self.world.now + self.window;
        }
        self.waiting.push(command);
    }

    fn tell(&mut self, command: &Command) -> bool {
        self.run_due();
        self.world.tell(command).is_ok()
    }

    fn step(&mut self, step: Step) {
        let name = |id: u8| format!("o{id}");
        match step {
            Step::Wait(ms) => self.world.now += ms,
            Step::Insert(orders) => {
                let raw = |(id, urgency, eta, agency): &(u8, i64, Option<String>, u8)| {
                    let agency = AGENCIES[usize::from(*agency)].map(str::to_owned);
                    RawOrder { id: name(*id), urgency: *urgency, eta: eta.clone(), agency, ..RawOrder::default() }
                };
                if self.tell(&Command::Insert { orders: orders.iter().map(raw).collect() }) {
                    let plain = |(id, urgency, eta, agency): (u8, i64, Option<String>, u8)| {
                        (Candidate { id: Some(name(id)), urgency: Some(urgency), eta }, AGENCIES[usize::from(agency)])
                    };
                    self.plain.0.extend(orders.into_iter().map(plain));
                }
            }
            Step::Reprioritise(id, urgency, eta) => {
                if self.tell(&Command::Reprioritise { id: name(id), urgency, eta: eta.clone() }) {
                    let place = self.plain.find(&name(id)).expect("it waits");
                    let order = &mut self.plain.0[place].0;
                    order.urgency = urgency.or(order.urgency);
                    order.eta = eta.or(order.eta.take());
                }
            }
            Step::Cancel(id) => {
                let is_there = {
                    self.run_due();
                    self.plain.find(&name(id))
                };
                assert_eq!(self.tell(&Command::Cancel { id: name(id) }), is_there.is_some());
                is_there.map(|place| self.plain.0.remove(place));
            }
            Step::Take(request, capacity) => self.request(take(&format!("r{request}"), capacity)),
            Step::Batch(request, requests, share) => {
                let requests: Vec<_> =
                    requests.into_iter().map(|(agency, capacity)| (AGENCIES[usize::from(agency)].unwrap_or_default(), capacity)).collect();
                self.request(take_batch(&format!("r{request}"), &requests, share));
            }
        }
    }
}

proptest! {
    #[test]
    fn every_answer_is_that_of_the_plain_algorithm(window in select(vec![0_i64, 100]), steps in prop::collection::vec(step(), 1..60)) {
        let world = World { pool: Pool::new(window, 100_000).expect("lawful"), ..World::new(0, &[]) };
        let mut pair = Pair { world, plain: Plain::default(), window, waiting: Vec::new(), due: 0, answered: Vec::new() };
        for step in steps {
            pair.step(step);
        }
        pair.world.now += 1_000;
        pair.run_due();
        pair.world.tell(&Command::CloseWindow { due: ms(0) }).expect("accepted");
        for (request, shares) in &pair.answered {
            let given = pair.world.state.answer(&id(request)).expect("answered");
            let ids = |share: &Share| share.orders.iter().map(|planned| planned.order.id.as_str().to_owned()).collect::<Vec<_>>();
            prop_assert_eq!(&given.iter().map(ids).collect::<Vec<_>>(), shares, "{}", request);
        }
        let left = pair.plain.take(i64::MAX, |_| true).join(" ");
        prop_assert_eq!(pair.world.waiting(), left);
        pair.world.check();
    }
}
