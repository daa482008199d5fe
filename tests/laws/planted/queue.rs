//! The laws of the queue, broken on purpose.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use seawall::testing::{Fault, Play};
use seawall::{BulkheadConfig, BulkheadLayer, Error, Subscription};

use super::is_found;
use crate::books::Until;
use crate::by_hand::*;
use crate::cancellation::*;
use crate::conservation::*;
use crate::door::{Door, Later};
use crate::foreign::Place;
use crate::leaving::*;
use crate::panics::*;
use crate::queued::{Flaw, Gate, PATIENCE, Queued};
use crate::readiness::*;
use crate::refusing::*;
use crate::sharing::*;
use crate::subject::{Hold, Subject, judge};
use crate::waiting::*;
use crate::wrong::lock;

/// A gate without a flaw keeps the laws.
mod nothing {
    kept! { super::queued(super::Flaw::None) =>
        whoever_waits_is_woken_when_let_in_and_one_at_a_time
        whoever_was_let_in_and_left_hands_the_place_on
        whoever_leaves_the_queue_gives_everything_back_and_holds_up_nobody
        whoever_waits_keeps_nothing_of_the_service
        whoever_was_let_in_gets_a_service_that_is_ready_or_may_leave
        nobody_waits_longer_than_he_may
        the_last_task_that_polled_is_woken_and_one_that_left_is_forgotten
        whoever_waits_spawns_no_task
        a_panic_after_a_wait_or_before_it_leaves_nothing_held
        a_closed_layer_lets_nobody_in_and_says_when_the_last_call_has_ended
        a_readied_service_reserves_nothing_of_the_layer
        a_caller_that_waits_for_readiness_is_woken_when_calls_have_filled_the_layer
        a_key_that_is_refused_is_no_matter_to_another
        calls_are_successes_failures_ignored_refused_and_abandoned
        a_call_that_is_dropped_at_any_poll_gives_everything_back
        a_panic_anywhere_leaves_the_layer_usable_and_nothing_held
    }
}

broken! {
    a_waiter_that_is_never_woken_is_found: queued(Flaw::WakesNobody) =>
        whoever_waits_is_woken_when_let_in_and_one_at_a_time: "nobody was told",
        whoever_leaves_the_queue_gives_everything_back_and_holds_up_nobody: "was not told",
        the_last_task_that_polled_is_woken_and_one_that_left_is_forgotten: "was not woken";
    a_crowd_that_is_woken_for_one_place_is_found: queued(Flaw::WakesEverybody) =>
        whoever_waits_is_woken_when_let_in_and_one_at_a_time: "are woken at once";
    a_waiter_that_keeps_itself_awake_is_found: queued(Flaw::WakesBeforeItLetsIn) =>
        whoever_waits_is_woken_when_let_in_and_one_at_a_time: "woken for nothing";
    a_waker_of_a_waiter_that_is_never_refreshed_is_found: queued(Flaw::KeepsTheFirstWaker) =>
        the_last_task_that_polled_is_woken_and_one_that_left_is_forgotten: "polls the call now was not woken";
    a_place_that_goes_with_one_who_left_is_found: queued(Flaw::KeepsThePlaceOfOneWhoLeft) =>
        whoever_was_let_in_and_left_hands_the_place_on: "the place of one who left is kept",
        whoever_leaves_the_queue_gives_everything_back_and_holds_up_nobody: "was not told",
        calls_are_successes_failures_ignored_refused_and_abandoned: "is held after";
    a_place_that_is_given_to_one_who_left_is_found: queued(Flaw::LetsInWhoLeft) =>
        whoever_leaves_the_queue_gives_everything_back_and_holds_up_nobody: "was not told",
        nobody_waits_longer_than_he_may: "still held";
    a_place_that_is_kept_after_a_panic_is_found: queued(Flaw::KeepsThePlaceAfterAPanic) =>
        a_panic_after_a_wait_or_before_it_leaves_nothing_held: "still held",
        a_panic_anywhere_leaves_the_layer_usable_and_nothing_held: "still held",
        work_without_tower_is_in_the_same_books: "1 are inside after a panic";
    work_that_nobody_is_told_of_is_found: queued(Flaw::None) =>
        work_without_tower_is_in_the_same_books: "were told of";
    callers_that_go_on_waiting_for_their_service_are_found: queued(Flaw::LeavesThoseWhoAreNotReady) =>
        a_caller_that_waits_for_readiness_is_woken_when_calls_have_filled_the_layer: "it goes on waiting";
    a_waiter_that_takes_a_place_is_found: queued(Flaw::WaitsWithThePlaceOfAnother) =>
        whoever_waits_is_woken_when_let_in_and_one_at_a_time: "nobody was told";
    a_place_that_is_reserved_in_readiness_is_found: queued(Flaw::ReservesInReadiness) =>
        a_readied_service_reserves_nothing_of_the_layer: "1 is held by services that are ready";
    a_readied_service_that_is_kept_through_the_wait_is_found: queued(Flaw::KeepsTheReadiedService) =>
        whoever_waits_keeps_nothing_of_the_service: "kept by a call that waits";
    a_service_that_is_not_ready_after_the_wait_is_found: queued(Flaw::CallsUnreadied) =>
        whoever_was_let_in_gets_a_service_that_is_ready_or_may_leave: "called an instance that was not ready";
    a_wait_without_an_end_is_found: queued(Flaw::WaitsForEver) =>
        nobody_waits_longer_than_he_may: "its time is over, and it was not told";
    a_wait_past_the_deadline_is_found: queued(Flaw::IgnoresTheDeadline) =>
        nobody_waits_longer_than_he_may: "its time is over, and it was not told";
    a_task_for_a_waiter_is_found: queued(Flaw::SpawnsToWait) =>
        whoever_waits_spawns_no_task: "1 tasks while it waits";
    waiters_who_left_and_are_in_no_book_are_found: queued(Flaw::LosesWhoLeft) =>
        calls_are_successes_failures_ignored_refused_and_abandoned: "calls: Ledger",
        whoever_was_let_in_and_left_hands_the_place_on: "calls: Ledger";
    calls_that_count_twice_are_found: queued(Flaw::CountsForTheKeyAsWell) =>
        calls_are_successes_failures_ignored_refused_and_abandoned: "calls: Ledger";
    keys_that_are_mixed_up_are_found: queued(Flaw::MixesKeysUp) =>
        a_key_that_is_refused_is_no_matter_to_another: "request 1000 got";
    waiters_that_nobody_tells_of_the_end_are_found: queued(Flaw::StaysOpenForThoseWhoWait) =>
        a_closed_layer_lets_nobody_in_and_says_when_the_last_call_has_ended: "it is closed, and a call got None";
    an_end_that_nobody_is_told_of_is_found: queued(Flaw::NeverSaysThatItIsClosed) =>
        a_closed_layer_lets_nobody_in_and_says_when_the_last_call_has_ended: "whoever closed it was not told";
}

/// A subject with this flaw.
pub(super) fn queued(flaw: Flaw) -> Subject<Queued> {
    let (gate, others) = (Gate::new(flaw), Gate::new(flaw));
    let (held, books, refusing, holding) = (gate.clone(), gate.clone(), gate.clone(), gate.clone());
    let mut subject = Subject::new(Queued { gate: gate.clone(), others })
        .refuse_by("full", move || {
            lock(&refusing.room).full = true;
            let gate = refusing.clone();
            Until(move || lock(&gate.room).full = false)
        })
        .hold_by("without a place", move || Gone::new(&holding));
    subject.held = Box::new(move |_| {
        let room = lock(&held.room);
        room.inside + room.waiting.len() as i64
    });
    subject.busy = (Play::Hang, 1);
    subject.foreign = vec![Place::Classifier];
    subject.account = Box::new(move |seen| lock(&books.room).ledger.accounts_for(seen));
    subject.patience = PATIENCE;
    subject.shares_keys = Some(false);
    subject.door = Some(Box::new(OfGate(gate)));
    subject
}

/// Takes the one place away.
struct Gone(Arc<Gate>);

impl Gone {
    fn new(gate: &Arc<Gate>) -> Self {
        lock(&gate.room).gone += 1;
        Self(gate.clone())
    }
}

impl Hold for Gone {
    fn let_in(&mut self) {
        lock(&self.0.room).gone = 0;
        self.0.let_in();
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        self.let_in();
    }
}

struct OfGate(Arc<Gate>);

impl Door for OfGate {
    fn run(&self, mut work: Later<Result<u64, Fault>>) -> Later<Result<u64, Error<Fault>>> {
        let gate = self.0.clone();
        Box::pin(async move {
            let mut permit = gate.enter();
            let result = poll_fn(|cx| permit.during(|| work.as_mut().poll(cx))).await;
            permit.settle(|_| {});
            result.map_err(Error::Service)
        })
    }

    fn close(&self) -> Later<()> {
        let gate = self.0.clone();
        gate.close();
        Box::pin(poll_fn(move |cx| {
            let mut room = lock(&gate.room);
            room.closing = Some(cx.waker().clone());
            if room.busy() == 0 { Poll::Ready(()) } else { Poll::Pending }
        }))
    }

    fn subscribe(&self) -> Subscription {
        // Nothing is told here.
        BulkheadLayer::new(BulkheadConfig::new(1)).handle().subscribe()
    }

    fn inside(&self) -> i64 {
        lock(&self.0.room).busy()
    }
}
