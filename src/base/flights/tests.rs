use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

use tokio_test::task::{Spawn, spawn};

use super::*;

impl<K: Hash + Eq, V> Flights<K, V> {
    pub(super) fn lead(&self, key: K) -> Lead<K, V> {
        match self.join(key) {
            Joined::Leader(lead) => lead,
            Joined::Follower(_) => panic!("somebody leads already"),
        }
    }

    pub(super) fn follow(&self, key: K) -> Spawn<Follow<K, V>> {
        match self.join(key) {
            Joined::Leader(_) => panic!("nobody leads"),
            Joined::Follower(follow) => spawn(follow),
        }
    }
}

impl<K, V> Arrival<K, V> {
    fn landed(self) -> Option<V> {
        if let Self::Landed(value) = self { Some(value) } else { None }
    }

    fn promoted(self) -> Option<Lead<K, V>> {
        if let Self::Promoted(lead) = self { Some(lead) } else { None }
    }
}

fn ready<K, V: Clone>(follow: &mut Spawn<Follow<K, V>>) -> Option<Arrival<K, V>> {
    match follow.poll() {
        Poll::Ready(arrival) => Some(arrival),
        Poll::Pending => None,
    }
}

#[test]
fn all_who_follow_are_woken_once_and_get_what_landed() {
    let flights = Flights::new();
    let lead = flights.lead("a");
    let mut followers: Vec<_> = (0..5).map(|_| flights.follow("a")).collect();
    assert!(followers.iter_mut().all(|follow| follow.poll().is_pending()));
    assert_eq!((flights.len(), flights.followers()), (1, 5));
    assert_eq!(lead.land(|| 7), 5);
    assert!(followers.iter().all(Spawn::is_woken));
    let landed: Vec<_> = followers.iter_mut().filter_map(|follow| ready(follow)?.landed()).collect();
    assert_eq!(landed, [7; 5]);
    assert_eq!((flights.len(), flights.followers()), (0, 0));
}

#[test]
fn nothing_is_made_to_share_when_nobody_follows() {
    let flights = Flights::<_, ()>::new();
    assert_eq!(flights.lead("a").land(|| unreachable!("nobody follows")), 0);
    let lead = flights.lead("a");
    drop(flights.follow("a"));
    assert_eq!(lead.land(|| unreachable!("nobody follows any more")), 0);
}

#[test]
fn a_leader_that_is_gone_is_followed_by_the_one_that_waited_longest() {
    let flights = Flights::<_, u32>::new();
    let lead = flights.lead(1);
    let (mut first, mut second) = (flights.follow(1), flights.follow(1));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    drop(lead);
    assert!(first.is_woken() && !second.is_woken() && second.poll().is_pending());
    let lead = ready(&mut first).and_then(Arrival::promoted).expect("it leads");
    // The key is still in flight.
    drop(flights.follow(1));
    lead.land(|| 3);
    assert_eq!(ready(&mut second).and_then(Arrival::landed), Some(3));
    assert_eq!(flights.len(), 0);
}

#[test]
fn who_was_to_lead_and_is_gone_hands_on() {
    let flights = Flights::<_, ()>::new();
    let lead = flights.lead(1);
    let [mut first, mut second, mut third] = [(); 3].map(|()| flights.follow(1));
    assert!(first.poll().is_pending() && third.poll().is_pending());
    drop(lead);
    drop(first);
    // Never polled until now, and next all the same.
    assert!(!third.is_woken());
    let lead = ready(&mut second).and_then(Arrival::promoted).expect("it leads");
    drop(lead);
    assert!(third.is_woken());
    drop(third);
    assert_eq!((flights.len(), flights.followers()), (0, 0));
}

#[test]
fn a_leader_with_nothing_to_share_says_so() {
    let flights = Flights::<_, ()>::new();
    let lead = flights.lead(1);
    let mut follow = flights.follow(1);
    assert!(follow.poll().is_pending());
    assert_eq!(lead.scatter(), 1);
    assert!(follow.is_woken() && matches!(ready(&mut follow), Some(Arrival::Scattered)));
    flights.lead(1).scatter();
}

#[test]
fn a_panic_while_it_is_shared_leaves_nobody_waiting() {
    let flights = Flights::<_, ()>::new();
    let lead = flights.lead(1);
    let mut follow = flights.follow(1);
    assert!(follow.poll().is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| lead.land(|| panic!("no copy")))).is_err());
    assert!(follow.is_woken() && matches!(ready(&mut follow), Some(Arrival::Scattered)));
    assert_eq!((flights.len(), flights.followers()), (0, 0));
}

#[test]
fn a_panic_in_the_leader_hands_on() {
    let flights = Flights::<_, ()>::new();
    let lead = flights.lead(1);
    let mut follow = flights.follow(1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _leads = lead;
        panic!("on the way");
    }));
    assert!(panicked.is_err() && ready(&mut follow).and_then(Arrival::promoted).is_some());
}

#[test]
fn a_waker_is_refreshed_at_each_poll() {
    let flights = Flights::<_, ()>::new();
    let lead = flights.lead(1);
    let Joined::Follower(mut follow) = flights.join(1) else { panic!("somebody leads") };
    let (mut old, mut new) = (spawn(()), spawn(()));
    for task in [&mut old, &mut new] {
        assert!(task.enter(|cx, _| Pin::new(&mut follow).poll(cx).is_pending()));
    }
    lead.scatter();
    assert!(!old.is_woken() && new.is_woken());
}

/// The same hash for all: told apart by `Eq` alone.
#[derive(PartialEq, Eq)]
struct Alike(u32);

impl Hash for Alike {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

#[test]
fn keys_of_one_hash_fly_apart() {
    let flights = Flights::new();
    let leads: Vec<_> = (0..100).map(|key| flights.lead(Alike(key))).collect();
    let mut followers: Vec<_> = (0..100).map(|key| flights.follow(Alike(key))).collect();
    leads.into_iter().zip(0..).for_each(|(lead, key)| assert_eq!(lead.land(|| key), 1));
    let landed: Vec<_> = followers.iter_mut().filter_map(|follow| ready(follow)?.landed()).collect();
    assert_eq!(landed, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_million_callers_that_left_leave_nothing_behind() {
    let flights = Flights::<u64, ()>::new();
    // All at once, and one after the other.
    let crowd: Vec<_> = (0..250_000).map(|key| (flights.lead(key), flights.follow(key))).collect();
    assert_eq!((flights.len(), flights.followers()), (250_000, 250_000));
    drop(crowd);
    for key in 0..250_000 {
        let lead = flights.lead(key);
        drop((flights.follow(key), lead));
    }
    assert_eq!((flights.len(), flights.followers()), (0, 0));
    let room: usize = flights.shards.iter().map(|shard| shard.flights.lock().capacity()).sum();
    assert!(room <= 2 * SMALL * SHARDS, "room for {room} is kept");
}

#[test]
fn of_many_threads_one_leads_at_a_time_and_none_is_forgotten() {
    const THREADS: usize = 4;
    let (flights, on_board, barrier) = (Flights::new(), AtomicU64::new(0), Barrier::new(THREADS));
    let call = |turn: usize| {
        let lead = match flights.join(0) {
            Joined::Leader(lead) => lead,
            Joined::Follower(follow) => match block_on(follow) {
                Arrival::Promoted(lead) => lead,
                Arrival::Landed(()) | Arrival::Scattered => return,
            },
        };
        assert_eq!(on_board.fetch_add(1, Ordering::SeqCst), 0);
        thread::yield_now();
        on_board.fetch_sub(1, Ordering::SeqCst);
        match turn % 4 {
            0 => drop(lead.land(|| ())),
            1 => drop(lead.scatter()),
            _ => drop(lead),
        }
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (call, barrier) = (&call, &barrier);
            scope.spawn(move || {
                for round in 0..2_000 {
                    if round % 4 == 0 {
                        barrier.wait();
                    }
                    call(round + thread);
                }
            });
        }
    });
    assert_eq!((flights.len(), flights.followers()), (0, 0));
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

struct Cursed;

impl std::task::Wake for Cursed {
    fn wake(self: std::sync::Arc<Self>) {
        panic!("in a waker");
    }
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_asleep() {
    let flights = Flights::new();
    let lead = flights.lead("a");
    let Joined::Follower(mut cursed) = flights.join("a") else { panic!("somebody leads") };
    let waker = Waker::from(std::sync::Arc::new(Cursed));
    assert!(Pin::new(&mut cursed).poll(&mut Context::from_waker(&waker)).is_pending());
    let mut others: Vec<_> = (0..3).map(|_| flights.follow("a")).collect();
    assert!(others.iter_mut().all(|follow| follow.poll().is_pending()));
    assert_eq!(lead.land(|| 7), 4);
    assert!(others.iter().all(Spawn::is_woken));
}
