//! The pool against a list of callers, of whom every decision is computed anew.

use proptest::prelude::*;
use tokio_test::task::{Spawn, spawn};

use self::steps::{BOUND, STANDING, Step, any_order, any_step};
use super::*;

mod steps;

const START: Instant = Instant::from_nanos(3_600_000_000_000);

/// Somebody who waits, or has not yet looked at what became of it.
struct Caller {
    place: Place,
    cost: u32,
    rank: usize,
    joined: Instant,
    until: Instant,
    verdict: Option<Verdict>,
    task: Spawn<()>,
    /// Tasks that polled before.
    former: Vec<Spawn<()>>,
    polled: bool,
}

/// All callers, in the order in which they came.
struct Model {
    terms: Terms,
    max: u32,
    now: Instant,
    inside: Vec<u32>,
    callers: Vec<Caller>,
    /// When the first one joined an empty queue.
    since: Option<Instant>,
    closed: bool,
}

impl Model {
    fn fits(&self, cost: u32) -> bool {
        self.max > 0 && self.inside.iter().sum::<u32>() + cost <= self.max
    }

    fn waiting(&self) -> impl DoubleEndedIterator<Item = usize> {
        (0..self.callers.len()).filter(|&at| self.callers[at].verdict.is_none())
    }

    fn is_standing(&self) -> bool {
        self.terms.order == Order::CodelLifo && self.since.is_some_and(|since| since + STANDING <= self.now)
    }

    fn newest_first(&self) -> bool {
        self.terms.order == Order::Lifo || self.is_standing()
    }

    fn next(&self) -> Option<usize> {
        let highest = self.waiting().map(|at| self.callers[at].rank).max()?;
        let mut of_rank = self.waiting().filter(|&at| self.callers[at].rank == highest);
        if self.newest_first() { of_rank.next_back() } else { of_rank.next() }
    }

    fn end(&mut self, at: usize, verdict: Verdict) {
        self.callers[at].verdict = Some(verdict);
        if verdict == Verdict::Entered {
            self.inside.push(self.callers[at].cost);
        }
        self.note();
    }

    fn note(&mut self) {
        if self.waiting().next().is_none() {
            self.since = None;
        }
    }

    /// Sends away whose time is over, and lets in whose turn it is.
    fn settle(&mut self) {
        let standing = self.is_standing();
        let over =
            |caller: &Caller| caller.until <= self.now || standing && caller.joined + BOUND <= self.now;
        let over: Vec<usize> = self.waiting().filter(|&at| over(&self.callers[at])).collect();
        for at in over {
            self.end(at, Verdict::TimedOut);
        }
        while let Some(at) = self.next().filter(|&at| self.fits(self.callers[at].cost)) {
            self.end(at, Verdict::Entered);
        }
    }

    /// `None` if it waits.
    fn join(&mut self, cost: u32, rank: usize, max_waiting: usize) -> Option<Joined> {
        if self.closed {
            return Some(Joined::Closed);
        }
        if cost > self.max || self.max == 0 {
            return Some(Joined::Full);
        }
        self.settle();
        let before = |other: usize| other > rank || other == rank && !self.newest_first();
        if !self.waiting().any(|at| before(self.callers[at].rank)) && self.fits(cost) {
            self.inside.push(cost);
            return Some(Joined::Entered);
        }
        if self.waiting().count() >= max_waiting {
            let lowest = self.waiting().map(|at| self.callers[at].rank).min();
            let lowest = lowest.filter(|&lowest| max_waiting > 0 && lowest < rank);
            let newest = self.waiting().rfind(|&at| Some(self.callers[at].rank) == lowest);
            let Some(newest) = newest else { return Some(Joined::Full) };
            self.end(newest, Verdict::Evicted);
        }
        self.since.get_or_insert(self.now);
        None
    }

    fn set_max(&mut self, max: u32) {
        self.max = if self.closed { 0 } else { max };
        let lost: Vec<usize> =
            self.waiting().filter(|&at| self.max == 0 || self.callers[at].cost > self.max).collect();
        for at in lost {
            self.end(at, Verdict::Evicted);
        }
    }

    /// What is about to happen, if nothing else does.
    fn boundaries(&self) -> Vec<Instant> {
        let of = |at: usize| [self.callers[at].until, self.callers[at].joined + BOUND];
        let standing = self.since.map(|since| since + STANDING);
        let mut all: Vec<Instant> = self.waiting().flat_map(of).chain(standing).collect();
        all.retain(|&at| at > self.now && at != Instant::FAR_FUTURE);
        all.sort_unstable();
        all
    }
}

/// Does a step on both. Returns whether everybody had a chance to come in.
fn step(pool: &Pool, model: &mut Model, step: Step) -> Result<bool, TestCaseError> {
    let (now, order) = (model.now, model.terms.order);
    match step {
        Step::Enter { cost } => {
            let enters = model.waiting().next().is_none() && !model.closed && model.fits(cost);
            prop_assert_eq!(pool.enter(cost), enters);
            model.inside.extend(enters.then_some(cost));
            return Ok(false);
        }
        Step::Join { cost, rank, wait, may_wait } => {
            let max_waiting = if may_wait { model.terms.max_waiting } else { 0 };
            return join(pool, model, Entry { cost, rank, until: now + wait }, max_waiting);
        }
        Step::Leave(which) => {
            if model.inside.is_empty() {
                return Ok(false);
            }
            let cost = model.inside.swap_remove(which % model.inside.len());
            pool.leave(cost, true, order, || now);
            model.settle();
        }
        Step::LeaveQueue(which) => {
            if model.callers.is_empty() {
                return Ok(false);
            }
            let caller = model.callers.remove(which % model.callers.len());
            prop_assert_eq!(pool.leave_queue(caller.place, order, now), caller.verdict);
            if caller.verdict.is_some() {
                return Ok(false);
            }
            model.note();
            model.settle();
        }
        Step::Poll { caller: which, elsewhere } => {
            if model.callers.is_empty() {
                return Ok(false);
            }
            let which = which % model.callers.len();
            let caller = &mut model.callers[which];
            if elsewhere {
                caller.former.push(std::mem::replace(&mut caller.task, spawn(())));
            }
            let polled = caller.task.enter(|cx, _| pool.poll(caller.place, cx.waker()));
            prop_assert_eq!(polled, caller.verdict.map_or(Poll::Pending, Poll::Ready));
            caller.polled = true;
            if caller.verdict.is_some() {
                let gone = model.callers.remove(which);
                prop_assert_eq!(pool.poll(gone.place, std::task::Waker::noop()), Poll::Pending, "told twice");
            }
            return Ok(false);
        }
        Step::Resize(max) => {
            prop_assert_eq!(pool.resize(max, order, now), model.max);
            model.set_max(max);
            model.settle();
        }
        Step::SetMax(max) => {
            if model.waiting().next().is_some() {
                return Ok(false);
            }
            pool.set_max(max);
            pool.resized();
            model.set_max(max);
        }
        Step::Close => {
            pool.close();
            model.closed = true;
            for at in model.waiting().collect::<Vec<_>>() {
                model.end(at, Verdict::Closed);
            }
            model.max = 0;
        }
        Step::PassTo { boundary, beside } => {
            let boundaries = model.boundaries();
            let to = boundaries.get(boundary % boundaries.len().max(1)).map_or(now.nanos(), |at| at.nanos());
            model.now = now.max(Instant::from_nanos(to.saturating_add_signed(beside)));
            return Ok(false);
        }
        Step::Pass(time) => {
            model.now = now + time;
            return Ok(false);
        }
    }
    Ok(true)
}

fn join(pool: &Pool, model: &mut Model, entry: Entry, max_waiting: usize) -> Result<bool, TestCaseError> {
    let (Entry { cost, rank, until }, joined, order) = (entry, model.now, model.terms.order);
    let was = pool.join(Terms { max_waiting, order }, entry, joined);
    match (was, model.join(cost, rank, max_waiting)) {
        (Joined::Waiting(place, ends), None) => {
            let bound = model.since.map(|since| (since + STANDING).max(joined + BOUND));
            let bound = bound.filter(|_| order == Order::CodelLifo).unwrap_or(until);
            prop_assert_eq!(ends, until.min(bound));
            let (task, former) = (spawn(()), vec![]);
            let caller =
                Caller { place, cost, rank, joined, until, verdict: None, task, former, polled: false };
            model.callers.push(caller);
        }
        (was, expected) => prop_assert_eq!(Some(was), expected),
    }
    Ok(matches!(was, Joined::Waiting(..) | Joined::Entered))
}

fn compare(pool: &Pool, model: &mut Model, before: u32, settled: bool) -> Result<(), TestCaseError> {
    let inside = model.inside.iter().sum::<u32>();
    let waiting = model.waiting().count();
    prop_assert_eq!((pool.in_flight(), pool.max(), pool.waiting()), (inside, model.max, waiting));
    prop_assert!(inside <= model.max || inside <= before, "let in though there was no room");
    prop_assert!(waiting <= model.terms.max_waiting);
    prop_assert_eq!(pool.seems_full(), model.closed || waiting > 0 || inside >= model.max);
    let next = model.next().filter(|&at| settled && model.fits(model.callers[at].cost));
    prop_assert!(next.is_none(), "waits though there is room and it is next");
    for caller in &mut model.callers {
        prop_assert_eq!(caller.task.is_woken(), caller.polled && caller.verdict.is_some());
        prop_assert!(caller.former.iter().all(|task| !task.is_woken()), "a task that left was woken");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_pool_does_what_a_list_of_callers_says(
        max in 0u32..6,
        max_waiting in prop_oneof![Just(0usize), 1usize..4, Just(usize::MAX)],
        order in any_order(),
        steps in proptest::collection::vec(any_step(), 1..200),
        more in proptest::collection::vec(any_step(), 0..20),
    ) {
        let pool = Pool::new(max);
        let terms = Terms { max_waiting, order };
        let mut model =
            Model { terms, max, now: START, inside: vec![], callers: vec![], since: None, closed: false };
        for next in steps.into_iter().chain([Step::Close]).chain(more) {
            let before = model.inside.iter().sum();
            let settled = step(&pool, &mut model, next)?;
            compare(&pool, &mut model, before, settled)?;
        }
        // Whoever waited has been told, and once all have left nobody is in.
        while !model.callers.is_empty() {
            prop_assert!(model.callers[0].verdict.is_some());
            step(&pool, &mut model, Step::Poll { caller: 0, elsewhere: false })?;
        }
        while !model.inside.is_empty() {
            step(&pool, &mut model, Step::Leave(0))?;
        }
        prop_assert_eq!((pool.in_flight(), pool.waiting()), (0, 0));
    }
}
