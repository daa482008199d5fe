use loom::thread;
use tokio_test::task::{Spawn, spawn};

use super::*;
use crate::base::sync::AtomicU64;
use Joined::{Closed, Entered, Waiting};

const NOW: Instant = Instant::from_nanos(1);
const TERMS: Terms = Terms { max_waiting: 2, order: Order::Fifo };

/// A pool with so many places, of which so many are taken.
fn pool(max: u32, inside: u32) -> Arc<Pool> {
    let pool = Arc::new(Pool::new(max));
    assert!(pool.enter(inside));
    pool
}

fn join(pool: &Pool, cost: u32) -> Joined {
    pool.join(TERMS, Entry { cost, rank: 0, until: Instant::FAR_FUTURE }, NOW)
}

fn leave(pool: &Pool) {
    pool.leave(1, true, TERMS.order, || NOW);
}

/// Somebody who waits and has been polled.
struct Waiter {
    pool: Arc<Pool>,
    place: Place,
    task: Spawn<()>,
    early: Option<Verdict>,
}

impl Waiter {
    fn new(pool: &Arc<Pool>, place: Place) -> Self {
        let mut task = spawn(());
        let early = match task.enter(|cx, _| pool.poll(place, cx.waker())) {
            Poll::Ready(verdict) => Some(verdict),
            Poll::Pending => None,
        };
        Self { pool: pool.clone(), place, task, early }
    }

    fn joined(pool: &Arc<Pool>, cost: u32) -> Self {
        match join(pool, cost) {
            Waiting(place, _) => Self::new(pool, place),
            joined => panic!("should wait, but {joined:?}"),
        }
    }

    /// What became of it. If it had to wait for that, it was woken.
    fn verdict(&mut self) -> Option<Verdict> {
        let (pool, place) = (self.pool.clone(), self.place);
        let woken = self.task.is_woken();
        self.early.or_else(|| match self.task.enter(|cx, _| pool.poll(place, cx.waker())) {
            Poll::Ready(verdict) => {
                assert!(woken, "a lost wake-up");
                Some(verdict)
            }
            Poll::Pending => None,
        })
    }
}

fn counts(pool: &Pool) -> (u32, usize) {
    (pool.in_flight(), pool.waiting())
}

#[test]
fn never_more_are_in_than_may_be() {
    loom::model(|| {
        let (pool, inside) = (Arc::new(Pool::new(1)), Arc::new(AtomicU64::new(0)));
        let visit = |pool: Arc<Pool>, inside: Arc<AtomicU64>| {
            move || {
                if pool.enter(1) {
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                    inside.fetch_sub(1, Ordering::Relaxed);
                    leave(&pool);
                }
            }
        };
        let others = [(); 2].map(|()| thread::spawn(visit(pool.clone(), inside.clone())));
        visit(pool.clone(), inside)();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(counts(&pool), (0, 0));
        assert!(pool.successes() >= 1, "somebody found it empty");
    });
}

#[test]
fn who_joins_while_somebody_leaves_is_let_in_and_woken() {
    loom::model(|| {
        let pool = pool(1, 1);
        let theirs = pool.clone();
        let leaver = thread::spawn(move || leave(&theirs));
        let waiter = match join(&pool, 1) {
            Entered => None,
            Waiting(place, _) => Some(Waiter::new(&pool, place)),
            joined => panic!("{joined:?}"),
        };
        leaver.join().unwrap();
        if let Some(mut waiter) = waiter {
            assert_eq!(waiter.verdict(), Some(Verdict::Entered));
        }
        assert_eq!(counts(&pool), (1, 0));
        leave(&pool);
        assert!(pool.enter(1), "nobody waits, and the pool knows it");
    });
}

#[test]
fn two_that_join_while_somebody_leaves_share_one_place() {
    loom::model(|| {
        let pool = pool(1, 1);
        let theirs = pool.clone();
        let leaver = thread::spawn(move || leave(&theirs));
        let theirs = pool.clone();
        let other = thread::spawn(move || join(&theirs, 1));
        let mine = join(&pool, 1);
        leaver.join().unwrap();
        let joined = [mine, other.join().unwrap()];
        let entered = joined.into_iter().filter(|joined| match joined {
            Waiting(place, _) => Waiter::new(&pool, *place).early.is_some(),
            joined => *joined == Entered,
        });
        assert_eq!(entered.count(), 1);
        assert_eq!(counts(&pool), (1, 1));
    });
}

#[test]
fn nobody_passes_a_waiter_that_is_being_let_in() {
    loom::model(|| {
        let pool = pool(1, 1);
        let mut waiter = Waiter::joined(&pool, 1);
        let theirs = pool.clone();
        let leaver = thread::spawn(move || leave(&theirs));
        assert!(!pool.enter(1));
        leaver.join().unwrap();
        assert_eq!(waiter.verdict(), Some(Verdict::Entered));
        assert_eq!(counts(&pool), (1, 0));
    });
}

#[test]
fn two_that_leave_make_room_for_a_big_one() {
    loom::model(|| {
        let pool = pool(2, 2);
        let mut waiter = Waiter::joined(&pool, 2);
        let theirs = pool.clone();
        let leaver = thread::spawn(move || leave(&theirs));
        leave(&pool);
        leaver.join().unwrap();
        assert_eq!(waiter.verdict(), Some(Verdict::Entered));
        assert_eq!(counts(&pool), (2, 0));
    });
}

#[test]
fn a_waiter_that_goes_while_it_is_let_in_gives_the_room_to_the_next() {
    loom::model(|| {
        let pool = pool(1, 1);
        let (first, mut second) = (Waiter::joined(&pool, 1), Waiter::joined(&pool, 1));
        let theirs = pool.clone();
        let leaver = thread::spawn(move || leave(&theirs));
        if let Some(verdict) = pool.leave_queue(first.place, TERMS.order, NOW) {
            assert_eq!(verdict, Verdict::Entered);
            leave(&pool);
        }
        leaver.join().unwrap();
        assert_eq!(second.verdict(), Some(Verdict::Entered));
        assert_eq!(counts(&pool), (1, 0));
        leave(&pool);
        assert!(pool.enter(1));
    });
}

#[test]
fn fewer_places_and_one_that_leaves_let_in_no_more_than_may_be() {
    loom::model(|| {
        let pool = pool(2, 2);
        let mut waiter = Waiter::joined(&pool, 1);
        let theirs = pool.clone();
        let shrink = thread::spawn(move || theirs.resize(1, TERMS.order, NOW));
        leave(&pool);
        assert_eq!(shrink.join().unwrap(), 2);
        let verdict = waiter.verdict();
        // Let in before there were fewer, or not at all.
        assert!(matches!(verdict, None | Some(Verdict::Entered)));
        let (inside, waiting) = counts(&pool);
        assert_eq!((inside, waiting), if verdict.is_some() { (2, 0) } else { (1, 1) });
        (0..inside).for_each(|_| leave(&pool));
        assert!(verdict.is_some() || waiter.verdict() == Some(Verdict::Entered));
    });
}

#[test]
fn nobody_enters_by_a_maximum_that_no_longer_holds() {
    loom::model(|| {
        let pool = pool(2, 1);
        let theirs = pool.clone();
        let shrink = thread::spawn(move || {
            theirs.resize(0, TERMS.order, NOW);
            let seen = theirs.in_flight();
            (seen, theirs)
        });
        let entered = pool.enter(1);
        let (seen, theirs) = shrink.join().unwrap();
        assert_eq!(theirs.in_flight(), 1 + u32::from(entered));
        assert_eq!(seen, theirs.in_flight(), "whoever came in was in before");
    });
}

#[test]
fn more_places_let_in_who_joins_meanwhile() {
    loom::model(|| {
        let pool = pool(1, 1);
        let theirs = pool.clone();
        let grow = thread::spawn(move || theirs.resize(2, TERMS.order, NOW));
        let waiter = match join(&pool, 1) {
            Entered => None,
            Waiting(place, _) => Some(Waiter::new(&pool, place)),
            joined => panic!("{joined:?}"),
        };
        grow.join().unwrap();
        if let Some(mut waiter) = waiter {
            assert_eq!(waiter.verdict(), Some(Verdict::Entered));
        }
        assert_eq!(counts(&pool), (2, 0));
    });
}

#[test]
fn who_closes_while_the_last_one_leaves_sees_it_or_is_woken() {
    loom::model(|| {
        let pool = pool(1, 1);
        let theirs = pool.clone();
        let leaver = thread::spawn(move || leave(&theirs));
        pool.close();
        let (mut parking, mut task) = (None, spawn(()));
        task.enter(|cx, _| Wakers::park(pool.parked(), &mut parking, cx.waker()));
        let seen = pool.in_flight() == 0;
        leaver.join().unwrap();
        assert!(seen || task.is_woken());
        assert_eq!(counts(&pool), (0, 0));
    });
}

#[test]
fn who_joins_while_the_pool_is_closed_is_sent_away() {
    loom::model(|| {
        let pool = pool(1, 1);
        let theirs = pool.clone();
        let closer = thread::spawn(move || theirs.close());
        let waiter = match join(&pool, 1) {
            Closed => None,
            Waiting(place, _) => Some(Waiter::new(&pool, place)),
            joined => panic!("{joined:?}"),
        };
        closer.join().unwrap();
        if let Some(mut waiter) = waiter {
            assert_eq!(waiter.verdict(), Some(Verdict::Closed));
        }
        assert_eq!((counts(&pool), pool.enter(1)), ((1, 0), false));
    });
}

#[test]
fn who_parks_while_the_pool_fills_sees_it_or_is_woken() {
    loom::model(|| {
        let pool = Arc::new(Pool::new(1));
        let theirs = pool.clone();
        let other = thread::spawn(move || assert!(theirs.enter(1)));
        let (mut parking, mut task) = (None, spawn(()));
        task.enter(|cx, _| Wakers::park(pool.parked(), &mut parking, cx.waker()));
        let seen = pool.seems_full();
        other.join().unwrap();
        assert!(seen || task.is_woken());
    });
}

#[test]
fn a_waker_that_is_replaced_while_its_waiter_is_let_in_is_not_the_one_that_counts() {
    loom::model(|| {
        let pool = pool(1, 1);
        let waiter = Waiter::joined(&pool, 1);
        let theirs = pool.clone();
        let leaver = thread::spawn(move || leave(&theirs));
        // Another task takes over.
        let mut task = spawn(());
        let late = task.enter(|cx, _| pool.poll(waiter.place, cx.waker()));
        leaver.join().unwrap();
        assert!(late.is_ready() || task.is_woken());
    });
}
