use tokio_test::task::{Spawn, spawn};

use super::*;

type Few = Flights<u8, u8>;

fn flights() -> Arc<Few> {
    Arc::new(Flights::with_shards(1))
}

fn join(flights: &Few) -> Joined<u8, u8> {
    flights.join_hashed(0, 0)
}

fn lead(flights: &Few) -> Lead<u8, u8> {
    match join(flights) {
        Joined::Leader(lead) => lead,
        Joined::Follower(_) => panic!("nobody led"),
    }
}

/// Somebody who follows and has been polled.
fn follow(flights: &Few) -> Spawn<Follow<u8, u8>> {
    match join(flights) {
        Joined::Leader(_) => panic!("somebody led"),
        Joined::Follower(follow) => {
            let mut follow = spawn(follow);
            assert!(follow.poll().is_pending());
            follow
        }
    }
}

/// What a follower heard that cannot still wait. If it had waited, it was woken.
fn heard(mut follow: Spawn<Follow<u8, u8>>, waited: bool) -> Arrival<u8, u8> {
    assert!(!waited || follow.is_woken(), "a lost wake-up");
    match follow.poll() {
        Poll::Ready(arrival) => arrival,
        Poll::Pending => panic!("still waits"),
    }
}

fn nobody_is_left(flights: &Few) {
    assert_eq!((flights.len(), flights.followers()), (0, 0));
}

#[test]
fn who_joins_while_a_flight_lands_hears_of_it_or_leads_the_next() {
    loom::model(|| {
        let flights = flights();
        let leads = lead(&flights);
        let other = flights.clone();
        let joining = loom::thread::spawn(move || match join(&other) {
            Joined::Leader(lead) => {
                lead.scatter();
                None
            }
            Joined::Follower(follow) => {
                let mut follow = spawn(follow);
                follow.poll().is_pending().then_some(follow)
            }
        });
        leads.land(|| 1);
        if let Some(follow) = joining.join().unwrap() {
            assert!(matches!(heard(follow, true), Arrival::Landed(1)));
        }
        nobody_is_left(&flights);
    });
}

#[test]
fn who_joins_while_the_leader_leaves_leads_at_once_or_later() {
    loom::model(|| {
        let flights = flights();
        let leads = lead(&flights);
        let other = flights.clone();
        let leaving = loom::thread::spawn(move || drop(leads));
        let joined = join(&other);
        leaving.join().unwrap();
        match joined {
            Joined::Leader(lead) => drop(lead),
            Joined::Follower(follow) => {
                assert!(matches!(heard(spawn(follow), false), Arrival::Promoted(_)));
            }
        }
        nobody_is_left(&flights);
    });
}

#[test]
fn a_leader_and_the_follower_that_is_next_leave_at_once_and_the_last_one_leads() {
    loom::model(|| {
        let flights = flights();
        let leads = lead(&flights);
        let (next, last) = (follow(&flights), follow(&flights));
        let leaving = loom::thread::spawn(move || drop(leads));
        drop(next);
        leaving.join().unwrap();
        assert!(matches!(heard(last, true), Arrival::Promoted(_)));
        nobody_is_left(&flights);
    });
}

#[test]
fn a_waker_that_changes_while_the_flight_lands_is_not_lost() {
    loom::model(|| {
        let flights = flights();
        let leads = lead(&flights);
        let mut follow = follow(&flights);
        let landing = loom::thread::spawn(move || leads.land(|| 1));
        let pending = follow.poll().is_pending();
        assert_eq!(landing.join().unwrap(), 1);
        if pending {
            assert!(matches!(heard(follow, true), Arrival::Landed(1)));
        }
        nobody_is_left(&flights);
    });
}

#[test]
fn a_follower_that_leaves_while_the_flight_lands_is_forgotten() {
    loom::model(|| {
        let flights = flights();
        let leads = lead(&flights);
        let (leaves, stays) = (follow(&flights), follow(&flights));
        let leaving = loom::thread::spawn(move || drop(leaves));
        assert!(leads.land(|| 1) > 0);
        leaving.join().unwrap();
        assert!(matches!(heard(stays, true), Arrival::Landed(1)));
        nobody_is_left(&flights);
    });
}
