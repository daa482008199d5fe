//! Work done under a permit.

use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use seawall::{Error, RejectedKind};
use tokio::time::sleep;
use tokio_test::task::spawn;

use super::{ended, subjects};
use crate::gates::{Kind, Steered};

of_every_gate! {
    work_is_settled_by_its_result
    work_that_panics_has_failed
    work_that_is_dropped_was_abandoned
    work_that_is_never_polled_was_never_begun
    work_that_is_refused_is_never_polled
    a_permit_is_held_while_the_work_runs_and_until_it_is_gone
    no_runtime_is_needed
}

type Done = Result<u32, &'static str>;

async fn work_is_settled_by_its_result<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        assert!(matches!(handle.run(ready(Done::Ok(7))).await, Ok(7)), "{}", subject.of);
        let late = async {
            sleep(Duration::from_millis(5)).await;
            Done::Err("no such row")
        };
        let error = handle.run(late).await;
        assert!(matches!(error, Err(Error::Service("no such row"))), "{}", subject.of);
        assert_eq!((ended(handle), handle.in_flight()), ([1, 1, 0, 0, 0], 0), "{}", subject.of);
    }
}

async fn work_that_panics_has_failed<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let work = async {
            sleep(Duration::from_millis(5)).await;
            panic!("in the work");
            #[expect(unreachable_code, reason = "says what the work would return")]
            Done::Ok(0)
        };
        assert!(AssertUnwindSafe(handle.run(work)).catch_unwind().await.is_err(), "{}", subject.of);
        assert_eq!((ended(handle), handle.in_flight()), ([0, 1, 0, 0, 0], 0), "{}", subject.of);
        assert!(matches!(handle.run(ready(Done::Ok(7))).await, Ok(7)), "{}", subject.of);
    }
}

async fn work_that_is_dropped_was_abandoned<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let mut running = spawn(handle.run(pending::<Done>()));
        assert!(running.poll().is_pending());
        assert_eq!(handle.in_flight(), 1, "{}", subject.of);
        drop(running);
        assert_eq!((ended(handle), handle.in_flight()), ([0, 0, 0, 0, 1], 0), "{}", subject.of);
    }
}

async fn work_that_is_never_polled_was_never_begun<K: Kind>() {
    for subject in subjects::<K>() {
        drop(subject.handle.run(ready(Done::Ok(7))));
        assert_eq!((subject.handle.totals().calls(), subject.handle.in_flight()), (0, 0), "{}", subject.of);
    }
}

async fn work_that_is_refused_is_never_polled<K: Kind>() {
    for subject in subjects::<K>() {
        let handle = &subject.handle;
        let closed = spawn(handle.close()).poll();
        assert!(closed.is_ready(), "{}", subject.of);
        let polled = Arc::new(AtomicUsize::new(0));
        let counter = polled.clone();
        let work = async move {
            counter.fetch_add(1, Ordering::SeqCst);
            Done::Ok(0)
        };
        let Err(Error::Rejected(rejected)) = handle.run(work).await else { panic!("should be refused") };
        assert_eq!(rejected.kind(), RejectedKind::Closed, "{}", subject.of);
        assert_eq!((Arc::strong_count(&polled), polled.load(Ordering::SeqCst)), (1, 0), "{}", subject.of);
        assert_eq!(ended(handle), [0, 0, 0, 1, 0], "{}", subject.of);
    }
}

/// Sees how many are in flight when it is dropped.
struct Sees<H: Steered>(H, Arc<AtomicUsize>);

impl<H: Steered> Drop for Sees<H> {
    fn drop(&mut self) {
        self.1.store(self.0.in_flight(), Ordering::SeqCst);
    }
}

async fn a_permit_is_held_while_the_work_runs_and_until_it_is_gone<K: Kind>() {
    for subject in subjects::<K>() {
        let (handle, at_the_end) = (&subject.handle, Arc::new(AtomicUsize::new(9)));
        let sees = Sees(handle.clone(), at_the_end.clone());
        let mut running = spawn(handle.run(async move {
            assert_eq!(sees.0.in_flight(), 1);
            pending::<Done>().await
        }));
        assert!(running.poll().is_pending());
        drop(running);
        assert_eq!((at_the_end.load(Ordering::SeqCst), handle.in_flight()), (1, 0), "{}", subject.of);
    }
}

async fn no_runtime_is_needed<K: Kind>() {
    let outside = std::thread::spawn(|| {
        for subject in subjects::<K>() {
            let handle = &subject.handle;
            let done = spawn(handle.run(async { Done::Ok(7) })).poll();
            assert!(matches!(done, Poll::Ready(Ok(7))), "{}", subject.of);
            let permit = handle.admitted();
            let mut closing = spawn(handle.close());
            assert!(closing.poll().is_pending(), "{}", subject.of);
            drop(permit);
            assert!(closing.is_woken() && closing.poll().is_ready(), "{}", subject.of);
        }
    });
    outside.join().expect("no runtime is needed");
}
