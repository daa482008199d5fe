use std::time::Duration;

use tokio_test::task::{Spawn, spawn};

use super::*;
use Joined::{Entered, Full, Waiting};

const HOUR: Instant = Instant::from_nanos(3_600_000_000_000);
const FIFO: Order = Order::Fifo;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Instant {
    HOUR + ms(millis)
}

fn just_before(millis: u64) -> Instant {
    Instant::from_nanos(at(millis).nanos() - 1)
}

/// A pool that so many may wait for.
struct Scene {
    pool: Pool,
    terms: Terms,
}

impl Scene {
    fn new(max: u32, max_waiting: usize, order: Order) -> Self {
        Self { pool: Pool::new(max), terms: Terms { max_waiting, order } }
    }

    fn join(&self, rank: usize, cost: u32, now: Instant) -> Joined {
        self.pool.join(self.terms, Entry { cost, rank, until: now + ms(1_000) }, now)
    }

    fn waits(&self, rank: usize, cost: u32, now: Instant) -> Caller<'_> {
        match self.join(rank, cost, now) {
            Waiting(place, _) => Caller { pool: &self.pool, place, task: spawn(()) },
            joined => panic!("should wait, but {joined:?}"),
        }
    }

    fn leave(&self, cost: u32, now: Instant) {
        self.pool.leave(cost, true, self.terms.order, || now);
    }

    fn counts(&self) -> (u32, usize) {
        (self.pool.in_flight(), self.pool.waiting())
    }
}

struct Caller<'a> {
    pool: &'a Pool,
    place: Place,
    task: Spawn<()>,
}

impl Caller<'_> {
    fn poll(&mut self) -> Poll<Verdict> {
        let (pool, place) = (self.pool, self.place);
        self.task.enter(|cx, _| pool.poll(place, cx.waker()))
    }

    #[track_caller]
    fn is_told(&mut self, verdict: Verdict) {
        assert!(self.task.is_woken());
        assert_eq!(self.poll(), Poll::Ready(verdict));
    }
}

#[test]
fn entering_and_leaving_an_empty_pool_asks_nobody_for_the_time() {
    let pool = Pool::new(2);
    assert!(pool.enter(1) && !pool.seems_full() && pool.enter(1) && pool.seems_full() && !pool.enter(1));
    pool.leave(1, true, FIFO, || panic!("nobody waits"));
    pool.leave(1, false, FIFO, || panic!("nobody waits"));
    assert_eq!((pool.in_flight(), pool.successes(), pool.max()), (0, 1, 2));
}

#[test]
fn a_pool_is_as_full_as_its_queue_says() {
    let scene = Scene::new(3, 2, FIFO);
    scene.pool.enter(2);
    let mut big = scene.waits(0, 3, at(0));
    assert!(scene.pool.seems_full() && !scene.pool.enter(1), "room for one, but somebody waits");
    assert_eq!(big.poll(), Poll::Pending);
    assert_eq!(scene.pool.leave_queue(big.place, FIFO, at(1)), None);
    assert!(!scene.pool.seems_full() && scene.pool.enter(1));
}

#[test]
fn a_verdict_is_told_once_and_then_nothing_is_left_of_the_waiter() {
    let scene = Scene::new(1, 1, FIFO);
    scene.pool.enter(1);
    let mut caller = scene.waits(0, 1, at(0));
    assert_eq!(caller.poll(), Poll::Pending);
    scene.leave(1, at(1));
    caller.is_told(Verdict::Entered);
    assert_eq!(caller.poll(), Poll::Pending);
    assert_eq!(scene.pool.leave_queue(caller.place, FIFO, at(2)), None);
    assert_eq!(scene.counts(), (1, 0));
}

#[test]
fn who_leaves_the_queue_with_a_verdict_takes_it_along() {
    let scene = Scene::new(1, 2, FIFO);
    scene.pool.enter(1);
    let (first, second) = (scene.waits(0, 1, at(0)), scene.waits(0, 1, at(0)));
    scene.leave(1, at(1));
    assert_eq!(scene.pool.leave_queue(first.place, FIFO, at(1)), Some(Verdict::Entered));
    assert_eq!(scene.counts(), (1, 1), "the place is still to be given back");
    scene.leave(1, at(1));
    assert_eq!(scene.pool.leave_queue(second.place, FIFO, at(1)), Some(Verdict::Entered));
}

#[test]
fn a_place_in_the_queue_is_gone_at_until_and_not_a_nanosecond_before() {
    let scene = Scene::new(1, 1, FIFO);
    scene.pool.enter(1);
    let mut caller = scene.waits(0, 1, at(0));
    assert_eq!(caller.poll(), Poll::Pending);
    assert_eq!(scene.join(0, 1, just_before(1_000)), Full);
    assert!(!caller.task.is_woken());
    assert!(matches!(scene.join(0, 1, at(1_000)), Waiting(..)));
    caller.is_told(Verdict::TimedOut);
}

#[test]
fn the_time_of_whoever_is_left_is_still_watched() {
    let scene = Scene::new(1, 5, FIFO);
    scene.pool.enter(1);
    let mut callers: Vec<_> = (0..3).map(|n| scene.waits(n % 2, 1, at(n as u64))).collect();
    assert!(callers.iter_mut().all(|caller| caller.poll().is_pending()));
    // Each of them ends the next one, and the first goes by himself.
    assert_eq!(scene.pool.leave_queue(callers[0].place, FIFO, at(10)), None);
    scene.waits(0, 1, at(1_001));
    callers[1].is_told(Verdict::TimedOut);
    assert!(!callers[2].task.is_woken());
    scene.waits(0, 1, at(1_002));
    callers[2].is_told(Verdict::TimedOut);
}

#[test]
fn a_standing_queue_is_known_when_one_joins_it() {
    let scene = Scene::new(1, 9, Order::CodelLifo);
    scene.pool.enter(1);
    for (joins, ends) in [(0, 100), (50, 100), (95, 100), (96, 101), (99, 104)] {
        assert!(matches!(scene.join(0, 1, at(joins)), Waiting(_, until) if until == at(ends)), "{joins}");
    }
    assert!(matches!(scene.join(0, 1, at(100)), Waiting(_, until) if until == at(105)));
    // By 200 ms all had to go: the queue was empty.
    assert!(matches!(scene.join(0, 1, at(200)), Waiting(_, until) if until == at(300)));
}

#[test]
fn a_queue_is_standing_after_a_hundred_milliseconds_and_not_a_nanosecond_before() {
    for (now, newest_first) in [(just_before(100), false), (at(100), true)] {
        let scene = Scene::new(1, 9, Order::CodelLifo);
        scene.pool.enter(1);
        let callers = [0, 97, 98].map(|joins| scene.waits(0, 1, at(joins)));
        assert_eq!(scene.pool.leave_queue(callers[0].place, Order::CodelLifo, at(99)), None);
        scene.leave(1, now);
        let [_, mut older, mut newer] = callers;
        assert_eq!((older.poll().is_ready(), newer.poll().is_ready()), (!newest_first, newest_first));
    }
}

#[test]
fn a_short_wait_stays_short_in_a_queue_that_is_not_standing() {
    let scene = Scene::new(1, 9, Order::CodelLifo);
    scene.pool.enter(1);
    let entry = Entry { cost: 1, rank: 0, until: at(7) };
    assert!(matches!(scene.pool.join(scene.terms, entry, at(0)), Waiting(_, until) if until == at(7)));
}

#[test]
fn whoever_would_be_next_needs_no_place_in_the_queue() {
    for (order, rank, joined) in
        [(FIFO, 1, Full), (FIFO, 2, Entered), (Order::Lifo, 1, Entered), (Order::Lifo, 0, Full)]
    {
        let scene = Scene::new(4, 1, order);
        scene.pool.enter(2);
        let mut big = scene.waits(1, 4, at(0));
        assert_eq!(big.poll(), Poll::Pending);
        assert_eq!(scene.join(rank, 1, at(1)), joined, "{order:?}, {rank}");
        assert_eq!((scene.pool.waiting(), big.task.is_woken()), (1, false));
    }
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    let scene = Scene::new(1, 1, FIFO);
    scene.pool.enter(1);
    let mut caller = scene.waits(0, 1, at(0));
    let mut before = spawn(());
    assert!(before.enter(|cx, _| scene.pool.poll(caller.place, cx.waker())).is_pending());
    assert_eq!(caller.poll(), Poll::Pending);
    scene.leave(1, at(1));
    assert!(!before.is_woken());
    caller.is_told(Verdict::Entered);
}

#[test]
fn a_closed_pool_stays_closed_and_counts_who_is_in() {
    let scene = Scene::new(2, 2, FIFO);
    scene.pool.enter(2);
    let mut caller = scene.waits(3, 1, at(0));
    assert_eq!(caller.poll(), Poll::Pending);
    scene.pool.close();
    caller.is_told(Verdict::Closed);
    assert_eq!(scene.pool.resize(9, FIFO, at(1)), 0);
    assert_eq!(scene.pool.set_max(9), 0);
    assert_eq!((scene.join(0, 0, at(1)), scene.join(3, 9, at(1))), (Joined::Closed, Joined::Closed));
    assert!(!scene.pool.enter(0) && !scene.pool.enter(1) && scene.pool.seems_full());
    scene.leave(2, at(1));
    assert_eq!((scene.counts(), scene.pool.max()), ((0, 0), 0));
    assert!(!scene.pool.enter(1));
}

#[test]
fn whoever_is_parked_hears_of_a_pool_that_fills_and_of_every_leaving_after_it_was_closed() {
    let scene = Scene::new(2, 1, FIFO);
    let (mut parking, mut task) = (None, spawn(()));
    let mut hears = |what: &str, fill: &dyn Fn()| {
        task.enter(|cx, _| Wakers::park(scene.pool.parked(), &mut parking, cx.waker()));
        fill();
        assert!(task.is_woken(), "{what}");
    };
    hears("the last place", &|| assert!(scene.pool.enter(2)));
    scene.leave(2, at(0));
    hears("fewer places", &|| assert_eq!(scene.pool.resize(0, FIFO, at(0)), 2));
    scene.pool.resize(2, FIFO, at(0));
    scene.pool.enter(1);
    hears("a queue", &|| assert!(matches!(scene.join(0, 2, at(0)), Waiting(..))));
    hears("the end", &|| scene.pool.close());
    hears("the last one", &|| scene.leave(1, at(0)));
}

#[test]
fn a_pool_that_does_not_fill_wakes_nobody() {
    let scene = Scene::new(2, 1, FIFO);
    let (mut parking, mut task) = (None, spawn(()));
    task.enter(|cx, _| Wakers::park(scene.pool.parked(), &mut parking, cx.waker()));
    scene.pool.enter(1);
    scene.pool.resize(9, FIFO, at(0));
    scene.leave(1, at(0));
    assert_eq!(scene.pool.set_max(3), 9);
    scene.pool.resized();
    assert!(!task.is_woken());
}

#[test]
fn a_hundred_thousand_who_wait_cost_whoever_leaves_no_more_than_a_few() {
    const WAITING: usize = 100_000;
    let scene = Scene::new(1, WAITING, FIFO);
    scene.pool.enter(1);
    for _ in 0..WAITING {
        assert!(matches!(scene.join(0, 1, at(0)), Waiting(..)));
    }
    // Were each leaving to look at all who wait, this would take minutes.
    (0..WAITING).for_each(|_| scene.leave(1, at(999)));
    assert_eq!(scene.counts(), (1, 0));
}
