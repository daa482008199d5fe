//! Every call is counted once.

use seawall::gate::Permit;
use seawall::rate_limit::{Counting, Handle};
use seawall::testing::Play;
use seawall::{EventKind, Outcome, Rejected, Subscription};
use tower::ServiceExt;

use super::support::*;

fn kinds(events: &mut Subscription) -> Vec<EventKind> {
    std::iter::from_fn(|| events.try_next()).map(|event| event.kind).collect()
}

fn refusals(events: &mut Subscription) -> Vec<Rejected> {
    let refusal = |kind| match kind {
        EventKind::Refused(rejected) => Some(rejected),
        _ => None,
    };
    kinds(events).into_iter().filter_map(refusal).collect()
}

#[tokio::test(start_paused = true)]
async fn every_call_ends_in_exactly_one_total() {
    for counting in [Counting::Bucket, Counting::FixedWindow, Counting::SlidingWindow] {
        let handle = limit(ten().counting(counting));
        let outcomes = [
            Outcome::Success,
            Outcome::TRANSIENT,
            Outcome::Permanent,
            Outcome::Ignored,
            Outcome::Throttled { retry_after: None },
        ];
        let (mut asked, mut held) = (0, vec![]);
        for round in 0..200 {
            asked += 1;
            if let Ok(permit) = handle.try_admit() {
                match round % 7 {
                    5 => drop(permit),
                    6 => held.push(permit),
                    of => permit.settle(outcomes[of]),
                }
            }
            advance(ms(30)).await;
        }
        assert_eq!(handle.in_flight(), held.len(), "{counting:?}");
        assert_eq!(handle.totals().calls() + held.len() as u64, asked, "{counting:?}");
        drop(held);
        let totals = handle.totals();
        assert_eq!((handle.in_flight(), totals.calls()), (0, asked), "{counting:?}");
        assert!(totals.successes > 0 && totals.failures > 0 && totals.ignored > 0 && totals.abandoned > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn events_tell_what_the_totals_count() {
    let (handle, _, service) = behind(ten().burst(1).max_wait(ms(100)), [Play::Answer]);
    let mut events = handle.subscribe();
    assert!(call(&service, ()).is_ok());
    let mut waiter = wait(&service);
    let refused = call(&service, ());
    assert_eq!(refused, limited(ms(200)));
    advance(ms(100)).await;
    assert!(goes_on(&mut waiter).is_ok());
    drop(wait(&service));
    let kinds = kinds(&mut events);
    let count = |is: fn(&EventKind) -> bool| kinds.iter().filter(|kind| is(kind)).count() as u64;
    let totals = handle.totals();
    assert_eq!(count(|kind| matches!(kind, EventKind::Settled { .. })), totals.successes);
    assert_eq!(count(|kind| matches!(kind, EventKind::Refused(_))), totals.refused);
    assert_eq!(count(|kind| matches!(kind, EventKind::Abandoned { .. })), totals.abandoned);
    assert_eq!((totals.successes, totals.refused, totals.abandoned), (2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_event_of_a_refusal_says_what_the_caller_is_told() {
    let handle = limit(ten());
    take(&handle, 5);
    let mut events = handle.subscribe();
    let told = refused(&handle);
    assert_eq!(refusals(&mut events), std::slice::from_ref(&told));
    assert_eq!(told.to_string(), "rate limit `quota` is reached for another 100 ms");
    assert!(!told.reached_service());
    assert_eq!(told.outcome(), Outcome::Ignored);
}

fn balance(handle: &Handle) -> (u64, usize, usize) {
    (handle.totals().calls(), handle.waiting(), handle.in_flight())
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_is_neither_in_flight_nor_ended() {
    let (handle, _, service) = behind(patient(), [Play::Answer, Play::AnswerAfter(SECOND)]);
    assert!(call(&service, ()).is_ok());
    let mut waiters = waits(&service, 2);
    assert_eq!(balance(&handle), (1, 2, 0));
    advance(ms(100)).await;
    assert!(waiters[0].poll().is_pending());
    assert_eq!(balance(&handle), (1, 1, 1));
    drop(waiters);
    assert_eq!(balance(&handle), (3, 0, 0));
    assert_eq!(handle.totals().abandoned, 2);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_at_any_poll_leaves_nothing_behind() {
    for polls in 0..6 {
        let lines = [Play::Answer, Play::AnswerAfterPolls(2), Play::Answer];
        let (handle, probe, service) = behind(patient(), lines);
        assert!(call(&service, ()).is_ok());
        let mut call = tokio_test::task::spawn(service.clone().oneshot(()));
        for poll in 0..polls {
            if call.poll().is_ready() {
                break;
            }
            if poll == 0 {
                advance(ms(100)).await;
            }
        }
        drop(call);
        assert_eq!(
            (handle.waiting(), handle.in_flight(), probe.in_flight()),
            (0, 0, 0),
            "after {polls} polls"
        );
        advance(SECOND).await;
        assert!(service.oneshot(()).await.is_ok());
    }
}
