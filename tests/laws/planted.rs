//! Every law, broken on purpose: a law that no defect breaks proves nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::{Layer, Service};

use crate::cancellation::*;
use crate::conservation::*;
use crate::extremes::*;
use crate::identity::*;
use crate::panics::*;
use crate::readiness::*;
use crate::refusing::*;
use crate::shape::*;
use crate::sharing::*;
use crate::subject::{Subject, Verdict, judge};
use crate::wakes::*;
use crate::wrong::{Defect, wrong};

macro_rules! kept {
    ($subject:expr => $($law:ident)+) => {
        $(
            #[test]
            fn $law() {
                crate::subject::uphold(super::$law, || $subject);
            }
        )+
    };
}

/// A layer without a defect keeps every law.
mod nothing {
    kept! { super::wrong(super::Defect::None) =>
        the_readied_instance_is_the_called_one
        a_service_is_called_only_when_it_was_ready
        a_clone_inherits_no_readiness
        a_clone_inherits_no_permit
        a_readied_service_reserves_nothing_of_the_layer
        an_error_of_readiness_passes_through_and_leaks_nothing
        an_error_of_readiness_during_a_call_leaks_nothing
        a_layer_that_never_triggers_changes_no_response
        the_error_of_the_service_arrives_as_it_was
        the_boxed_error_of_the_service_arrives_as_it_was
        no_task_is_spawned
        a_call_that_is_dropped_at_any_poll_gives_everything_back
        a_caller_that_leaves_at_any_poll_gives_everything_back
        a_call_that_is_dropped_gives_back_what_readiness_had_reserved
        a_call_on_its_way_is_seen_to_hold_something
        a_retry_that_was_never_made_costs_nothing
        a_panic_anywhere_leaves_the_layer_usable_and_nothing_held
        a_panic_that_takes_the_response_along_leaves_nothing_held
        a_panic_of_a_listener_goes_no_further
        a_panic_below_while_the_gate_makes_a_service_ready_leaves_nothing_held
        foreign_code_that_panics_while_a_panic_unwinds_does_not_abort
        a_refusal_is_not_held_up_by_a_service_that_is_not_ready
        a_caller_that_waits_for_readiness_is_woken_to_be_refused
        a_readied_service_that_is_not_used_is_given_back
        a_call_that_is_admitted_after_all_gets_a_service_that_is_ready
        a_call_that_is_admitted_after_all_waits_for_a_service_and_may_leave
        the_services_of_a_layer_hold_things_in_common
        the_services_of_a_layer_refuse_together_and_no_others_do
        a_caller_is_woken_when_the_service_is_ready_and_not_before
        a_call_is_woken_when_it_can_go_on_and_not_before
        the_last_task_that_polled_is_the_one_that_is_woken
        a_task_that_left_is_forgotten
        the_future_is_hardly_larger_than_the_one_inside
        a_large_request_does_not_show_in_a_future_that_keeps_no_copy
        the_layer_is_usable_after_any_jump_of_the_clock
        the_layer_is_usable_under_any_deadline
        calls_are_successes_failures_ignored_refused_and_abandoned
        a_call_that_ends_for_want_of_readiness_is_in_the_books
    }
}

/// Each defect, the laws that find it, and what they must say: a law that fails for another reason has found nothing.
macro_rules! broken {
    ($($name:ident: $subject:expr => $($law:ident: $why:literal),+;)+) => {
        $(
            #[test]
            fn $name() {
                $(is_found(stringify!($law), judge($law, || $subject), $why);)+
            }
        )+
    };
}

mod queue;

fn is_found(law: &str, verdict: Verdict, why: &str) {
    match verdict {
        Ok(()) => panic!("`{law}` does not notice"),
        Err(told) => assert!(told.contains(why), "`{law}` fails for another reason: {told}"),
    }
}

broken! {
    a_clone_that_is_called_is_found: wrong(Defect::CallsAClone) =>
        the_readied_instance_is_the_called_one: "was called",
        a_service_is_called_only_when_it_was_ready: "called an instance that was not ready";
    another_instance_made_ready_in_the_call_is_found: wrong(Defect::ReadiesInTheCall) =>
        the_readied_instance_is_the_called_one: "None was ready",
        a_caller_is_woken_when_the_service_is_ready_and_not_before: "ready though the service is not";
    readiness_that_is_cloned_is_found: wrong(Defect::ClonesReadiness) =>
        a_clone_inherits_no_readiness: "the clone says that it is ready",
        a_clone_inherits_no_permit: "two are ready";
    an_error_of_readiness_that_is_swallowed_is_found: wrong(Defect::SwallowsTheErrorOfReadiness) =>
        an_error_of_readiness_passes_through_and_leaks_nothing: "Ready(Ok(())) came through";
    a_leak_on_an_error_of_readiness_is_found: wrong(Defect::LeaksOnAnErrorOfReadiness) =>
        an_error_of_readiness_passes_through_and_leaks_nothing: "3 still held";
    a_refusal_out_of_nowhere_is_found: wrong(Defect::RefusesTheThirdCall) =>
        a_layer_that_never_triggers_changes_no_response: "an answer became Rejected",
        a_service_is_called_only_when_it_was_ready: "refused: Err(Rejected";
    an_error_that_is_hidden_is_found: wrong(Defect::HidesTheError) =>
        the_error_of_the_service_arrives_as_it_was: "taken for a refusal",
        the_boxed_error_of_the_service_arrives_as_it_was: "taken for a refusal",
        an_error_of_readiness_during_a_call_leaks_nothing: "the call got Err(Rejected";
    a_permit_that_only_a_polled_call_gives_back_is_found: wrong(Defect::LeaksBeforeTheFirstPoll) =>
        a_call_that_is_dropped_at_any_poll_gives_everything_back: "dropped after poll 0 of 1: 1 still held";
    a_permit_that_a_dropped_call_keeps_is_found: wrong(Defect::LeaksWhenDropped) =>
        a_call_that_is_dropped_at_any_poll_gives_everything_back: "1 still held",
        a_caller_that_leaves_at_any_poll_gives_everything_back: "dropped after poll 2 of 5: 1 still held",
        a_call_on_its_way_is_seen_to_hold_something: "1 still held";
    an_inner_future_that_is_kept_is_found: wrong(Defect::LeaksTheInnerFuture) =>
        a_call_that_is_dropped_at_any_poll_gives_everything_back: "1 inner futures are kept",
        a_call_that_is_dropped_gives_back_what_readiness_had_reserved: "the one permit below is still held";
    a_token_that_a_dropped_call_keeps_is_found: wrong(Defect::KeepsAToken) =>
        a_retry_that_was_never_made_costs_nothing: "1 tokens were spent on 0 retries";
    a_lock_held_over_a_poll_is_found: wrong(Defect::HoldsALockWhileItPolls) =>
        a_panic_anywhere_leaves_the_layer_usable_and_nothing_held: "PoisonError";
    a_leak_on_a_panic_in_call_is_found: wrong(Defect::LeaksOnAPanicInCall) =>
        a_panic_anywhere_leaves_the_layer_usable_and_nothing_held: "after a panic in Call: 1 still held",
        a_panic_that_takes_the_response_along_leaves_nothing_held: "after a panic in Call: 1 still held";
    a_leak_on_a_panic_in_poll_is_found: wrong(Defect::LeaksOnAPanicInPoll) =>
        a_panic_anywhere_leaves_the_layer_usable_and_nothing_held: "calls: Ledger",
        a_panic_that_takes_the_response_along_leaves_nothing_held: "calls: Ledger";
    a_leak_on_a_panic_under_a_deferred_permit_is_found: wrong(Defect::LeaksOnAPanicInPoll) =>
        a_panic_below_while_the_gate_makes_a_service_ready_leaves_nothing_held: "calls: Ledger";
    a_listener_whose_panic_ends_the_call_is_found: wrong(Defect::LetsAListenerPanic) =>
        a_panic_of_a_listener_goes_no_further: "broke_elsewhere: 1";
    foreign_code_in_a_destructor_is_found: wrong(Defect::JudgesInDrop) =>
        foreign_code_that_panics_while_a_panic_unwinds_does_not_abort: "did not come to its end";
    a_refusal_that_waits_for_the_service_is_found: wrong(Defect::AsksTheServiceBeforeItRefuses) =>
        a_refusal_is_not_held_up_by_a_service_that_is_not_ready: "`poll_ready` says Pending";
    callers_that_go_on_waiting_are_found: wrong(Defect::LetsThoseWhoWaitWait) =>
        a_caller_that_waits_for_readiness_is_woken_to_be_refused: "it goes on waiting";
    a_refusal_that_is_an_error_of_readiness_is_found: wrong(Defect::RefusesInReadiness) =>
        a_refusal_is_not_held_up_by_a_service_that_is_not_ready: "`poll_ready` says Ready(Err",
        a_call_that_is_admitted_after_all_gets_a_service_that_is_ready: "`poll_ready` says Ready(Err";
    a_readied_service_that_is_kept_is_found: wrong(Defect::KeepsTheReadiedService) =>
        a_readied_service_that_is_not_used_is_given_back: "the one permit below is kept";
    a_service_that_was_never_ready_is_found: wrong(Defect::CallsUnreadied) =>
        a_call_that_is_admitted_after_all_gets_a_service_that_is_ready: "called an instance that was not ready",
        a_call_that_is_admitted_after_all_waits_for_a_service_and_may_leave: "called an instance that was not ready";
    wakes_that_are_swallowed_are_found: wrong(Defect::SwallowsWakes) =>
        a_caller_is_woken_when_the_service_is_ready_and_not_before: "the caller was not told",
        a_call_is_woken_when_it_can_go_on_and_not_before: "and was not told",
        the_last_task_that_polled_is_the_one_that_is_woken: "was not woken";
    wakes_that_are_invented_are_found: wrong(Defect::InventsWakes) =>
        a_caller_is_woken_when_the_service_is_ready_and_not_before: "woken by its own poll",
        a_call_is_woken_when_it_can_go_on_and_not_before: "a wake is invented";
    a_waker_that_is_never_refreshed_is_found: wrong(Defect::KeepsTheFirstWaker) =>
        the_last_task_that_polled_is_the_one_that_is_woken: "polls readiness now was not woken";
    a_waker_that_is_kept_for_ever_is_found: wrong(Defect::KeepsWakersOfThoseWhoLeft) =>
        a_task_that_left_is_forgotten: "the waker of a caller that left is kept";
    a_future_that_carries_the_service_is_found: Subject::new(Heavy).adds(64) =>
        the_future_is_hardly_larger_than_the_one_inside: "1032] bytes are added, 64 are pinned",
        a_large_request_does_not_show_in_a_future_that_keeps_no_copy: "2048 bytes are added, 64 are pinned";
    a_task_is_found: wrong(Defect::Spawns) =>
        no_task_is_spawned: "1 tasks by the call";
    an_instant_that_overflows_is_found: wrong(Defect::AddsToAnInstant) =>
        the_layer_is_usable_after_any_jump_of_the_clock: "overflow when adding",
        the_layer_is_usable_under_any_deadline: "overflow when adding";
    a_clock_that_wraps_is_found: wrong(Defect::WrapsAfterTwoMonths) =>
        the_layer_is_usable_after_any_jump_of_the_clock: "not so long";
    dropped_calls_that_are_in_no_book_are_found: wrong(Defect::LosesTheDropped) =>
        calls_are_successes_failures_ignored_refused_and_abandoned: "calls: Ledger",
        a_call_on_its_way_is_seen_to_hold_something: "calls: Ledger",
        a_call_that_is_admitted_after_all_waits_for_a_service_and_may_leave: "calls: Ledger";
    refusals_that_nobody_is_told_of_are_found: wrong(Defect::TellsNobodyOfRefusals) =>
        calls_are_successes_failures_ignored_refused_and_abandoned: "0 were told of";
    panics_that_are_counted_twice_are_found: wrong(Defect::CountsPanicsTwice) =>
        calls_are_successes_failures_ignored_refused_and_abandoned: "calls: Ledger";
    failures_that_are_called_successes_are_found: wrong(Defect::TakesAnErrorForASuccess) =>
        a_call_that_ends_for_want_of_readiness_is_in_the_books: "successes: Ledger",
        calls_are_successes_failures_ignored_refused_and_abandoned: "successes: Ledger";
    a_state_that_all_layers_share_is_found: wrong(Defect::SharesWithEverybody) =>
        the_services_of_a_layer_hold_things_in_common: "another layer holds 1",
        the_services_of_a_layer_refuse_together_and_no_others_do: "another layer refuses as well";
    a_state_that_no_services_share_is_found: wrong(Defect::SharesWithNobody) =>
        the_services_of_a_layer_hold_things_in_common: "0 is held by a call that holds 1",
        the_services_of_a_layer_refuse_together_and_no_others_do: "not refused, but Pending";
}

/// Its future carries the service and the request about, though it needs neither.
struct Heavy;

impl<S> Layer<S> for Heavy {
    type Service = Laden<S>;

    fn layer(&self, inner: S) -> Laden<S> {
        Laden(inner)
    }
}

#[derive(Clone)]
struct Laden<S>(S);

impl<S, R> Service<R> for Laden<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send + 'static,
    R: Clone + Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Carrying<S, R, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        Carrying { load: (self.0.clone(), request.clone()), call: self.0.call(request) }
    }
}

#[expect(dead_code, reason = "only its size is looked at")]
struct Carrying<S, R, F> {
    load: (S, R),
    call: F,
}

impl<S, R, F: Future> Future for Carrying<S, R, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<F::Output> {
        unreachable!("only its size is looked at")
    }
}
