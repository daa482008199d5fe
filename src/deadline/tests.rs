use super::*;
use crate::classify::Outcome;
use tokio::time::advance;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn the_nearer_of_two_wins_and_the_outer_one_returns() {
    assert_eq!(Deadline::current(), None);
    let (far, near) = (Deadline::after(9 * SECOND), Deadline::after(SECOND));
    far.scope(async {
        near.scope(async { assert_eq!(Deadline::current(), Some(near)) }).await;
        assert_eq!(Deadline::current(), Some(far));
    })
    .await;
    near.scope(far.scope(async { assert_eq!(Deadline::current(), Some(near)) })).await;
    assert_eq!(Deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn a_limit_starts_its_clock_at_the_first_reading_and_keeps_it() {
    let (mut outer, mut inner) = (Limit::local(5 * SECOND), Limit::local(2 * SECOND));
    let begin = precise();
    let first = {
        let _outer = outer.enter();
        let _inner = inner.enter();
        Deadline::current().unwrap()
    };
    assert_eq!((first.instant(), first.origin()), (begin + 2 * SECOND, Origin::Local));
    advance(SECOND).await;
    assert_eq!(inner.started(), Some(begin + 2 * SECOND));
    assert_eq!(outer.started(), Some(begin + 5 * SECOND));
    let _outer = outer.enter();
    assert_eq!(Deadline::current().unwrap().instant(), begin + 5 * SECOND);
}

#[test]
fn a_limit_that_nobody_reads_never_starts() {
    let mut limit = Limit::local(SECOND);
    drop(limit.enter());
    assert_eq!(limit.started(), None);
    assert_eq!(Deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn a_caller_in_a_hurry_is_told_from_a_local_limit() {
    let mut limit = Limit::local(5 * SECOND);
    let caller = Deadline::after(SECOND);
    caller
        .scope(async {
            let _entered = limit.enter();
            assert_eq!(Deadline::current(), Some(caller));
        })
        .await;
}

#[test]
fn a_panic_leaves_no_deadline_behind() {
    let mut limit = Limit::local(SECOND);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _entered = limit.enter();
        assert!(Deadline::current().is_some());
        dropping(Some(Outcome::TRANSIENT), || panic!("inside"));
    }));
    assert!(panicked.is_err());
    assert_eq!(Deadline::current(), None);
    assert_eq!(dropped_as(), None);
}
