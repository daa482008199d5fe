use std::time::Duration;

use super::RetryConfig;
use super::state::{Failed, Plan};
use crate::base::clock::Instant;
use crate::base::random::Random;
use crate::classify::{Cause, Outcome};
use crate::event::GaveUp;
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

/// No jitter, and hints up to 10 s.
fn config() -> RetryConfig {
    RetryConfig::default().hint_jitter(0.0)
}

fn transient(cause: Cause, retry_after: Option<Duration>) -> Outcome {
    Outcome::Transient { retry_after, cause }
}

fn throttled(retry_after: Option<Duration>) -> Outcome {
    Outcome::Throttled { retry_after }
}

/// An attempt that may be made again.
fn failed(outcome: Outcome) -> Failed<'static> {
    Failed { outcome, rejected: None, copied: true, idempotent: true }
}

/// What comes after the first attempt, where the backoff says a second.
fn after(config: &RetryConfig, failed: Failed<'_>) -> Result<Duration, GaveUp> {
    Plan::new(None).after(config, failed, |_| Some(SECOND), |_, _| true, &Random::new(Some(1)))
}

#[test]
fn the_questions_come_in_the_order_of_the_table_and_the_first_no_ends_the_call() {
    type Answer = Result<Duration, GaveUp>;
    let answers: [Answer; 8] = [
        Err(GaveUp::NotTransient),
        Err(GaveUp::NotRepeatable),
        Err(GaveUp::Attempts),
        Err(GaveUp::NotRepeatable),
        Err(GaveUp::RetryAfter),
        Err(GaveUp::Attempts),
        Err(GaveUp::Deadline),
        Ok(10 * SECOND),
    ];
    for outcome in [throttled, |hint| transient(Cause::Answered, hint)] {
        for (yes, answer) in answers.into_iter().enumerate() {
            let hint = Some(10 * SECOND + if yes > 4 { Duration::ZERO } else { NANO });
            let failed = Failed {
                outcome: if yes > 0 { outcome(hint) } else { Outcome::Permanent },
                rejected: None,
                idempotent: yes > 1,
                copied: yes > 3,
            };
            let config = config().max_attempts(if yes > 2 { 2 } else { 1 });
            let (mut drawn, mut asked) = (false, false);
            let backoff = |_: &mut _| {
                drawn = true;
                (yes > 5).then_some(SECOND)
            };
            let in_time = |_, _| {
                asked = true;
                yes > 6
            };
            let is = Plan::new(None).after(&config, failed, backoff, in_time, &Random::new(Some(1)));
            assert_eq!(is, answer, "{yes} yes, then no: {failed:?}");
            assert_eq!((drawn, asked), (yes > 4, yes > 5), "{yes} yes, then no");
        }
    }
}

#[test]
fn only_what_may_pass_and_does_no_harm_twice_is_made_again() {
    let (again, harmful) = (Ok(SECOND), Err(GaveUp::NotRepeatable));
    let never = Err(GaveUp::NotTransient);
    for (outcome, idempotent, otherwise) in [
        (transient(Cause::Answered, None), again, harmful),
        (transient(Cause::TimedOut, None), again, harmful),
        (transient(Cause::Unsent, None), again, again),
        (throttled(None), again, harmful),
        (Outcome::Success, never, never),
        (Outcome::Permanent, never, never),
        (Outcome::Ignored, never, never),
    ] {
        assert_eq!(after(&config(), failed(outcome)), idempotent, "{outcome:?}");
        assert_eq!(
            after(&config(), Failed { idempotent: false, ..failed(outcome) }),
            otherwise,
            "{outcome:?}"
        );
        let lost = Failed { copied: false, ..failed(outcome) };
        assert_eq!(after(&config(), lost), idempotent.and(harmful), "{outcome:?}");
    }
}

#[test]
fn a_hint_delays_at_least_so_long_and_ends_the_call_when_it_is_longer_than_allowed() {
    for (hint, answer) in [
        (None, Ok(SECOND)),
        (Some(Duration::ZERO), Ok(SECOND)),
        (Some(Duration::from_nanos(999_999_999)), Ok(SECOND)),
        (Some(SECOND + NANO), Ok(SECOND + NANO)),
        (Some(10 * SECOND), Ok(10 * SECOND)),
        (Some(10 * SECOND + NANO), Err(GaveUp::RetryAfter)),
        (Some(Duration::MAX), Err(GaveUp::RetryAfter)),
    ] {
        for outcome in [throttled(hint), transient(Cause::Answered, hint), transient(Cause::Unsent, hint)] {
            assert_eq!(after(&config(), failed(outcome)), answer, "{outcome:?}");
        }
    }
    let patient = config().max_retry_after(Duration::MAX);
    assert_eq!(after(&patient, failed(throttled(Some(Duration::MAX)))), Ok(Duration::MAX));
    let impatient = config().max_retry_after(Duration::ZERO);
    assert_eq!(after(&impatient, failed(throttled(Some(NANO)))), Err(GaveUp::RetryAfter));
    assert_eq!(after(&impatient, failed(throttled(Some(Duration::ZERO)))), Ok(SECOND));
}

#[test]
fn jitter_lengthens_the_hint_alone_and_counts_against_the_deadline_alone() {
    let config = config().hint_jitter(1.0);
    let hint = Some(10 * SECOND);
    for seed in 0..100 {
        let started = Some(Instant::from_nanos(seed));
        let random = Random::new(Some(seed));
        let expected = 10 * SECOND.mul_f64(1.0 + Random::new(Some(seed)).unit());
        let mut asked = None;
        let in_time = |delay, started| {
            asked = Some((delay, started));
            true
        };
        let delay = Plan::new(started).after(
            &config,
            failed(throttled(hint)),
            |_| Some(Duration::ZERO),
            in_time,
            &random,
        );
        let delay = delay.unwrap();
        assert!(delay.abs_diff(expected) < Duration::from_micros(1), "{delay:?} is not {expected:?}");
        assert_eq!(asked, Some((delay, started)));
    }
    assert_eq!(after(&config, failed(throttled(Some(Duration::ZERO)))), Ok(SECOND));
    assert_eq!(after(&config, failed(throttled(None))), Ok(SECOND));
}

#[test]
fn there_are_as_many_attempts_as_allowed() {
    for max in 1..=4 {
        let config = config().max_attempts(max);
        let mut plan = Plan::new(None);
        let mut next = || {
            let failed = failed(Outcome::TRANSIENT);
            let answer =
                plan.after(&config, failed, |_| Some(Duration::ZERO), |_, _| true, &Random::new(Some(1)));
            assert_eq!(plan.may_repeat(&config), answer.is_ok());
            answer.map(|_| plan.next_attempt()).map_err(|gave_up| (plan.attempt(), gave_up))
        };
        let last = (0..10).find_map(|_| next().err());
        assert_eq!(last, Some((max, GaveUp::Attempts)));
    }
}

#[test]
fn a_refusal_is_waited_out_only_when_told_to_and_it_says_how_long() {
    let refused = |kind| Rejected::new(kind, Name::new("x"));
    let never = Err(GaveUp::NotTransient);
    for kind in [RejectedKind::CircuitOpen, RejectedKind::CircuitRecovering, RejectedKind::CircuitIsolated] {
        for (time, waits, answer) in [
            (None, false, never),
            (None, true, never),
            (Some(3 * SECOND), false, never),
            (Some(3 * SECOND), true, Ok(3 * SECOND)),
            (Some(10 * SECOND), true, Ok(10 * SECOND)),
            (Some(10 * SECOND + NANO), true, Err(GaveUp::RetryAfter)),
        ] {
            let rejected = time.map_or(refused(kind), |time| refused(kind).with_time(time));
            let config = config().wait_out_refusals(waits);
            for idempotent in [true, false] {
                let outcome = rejected.outcome();
                let failed = Failed { outcome, rejected: Some(&rejected), copied: true, idempotent };
                assert_eq!(after(&config, failed), answer, "{rejected:?}, idempotent: {idempotent}");
                assert!(!failed.reached_service());
            }
        }
    }
}

#[test]
fn a_timeout_below_may_have_reached_the_service_and_a_passed_deadline_ends_the_call() {
    let config = config().wait_out_refusals(true);
    let (harmful, never) = (Err(GaveUp::NotRepeatable), Err(GaveUp::NotTransient));
    for (kind, idempotent, otherwise) in
        [(RejectedKind::Timeout, Ok(SECOND), harmful), (RejectedKind::DeadlineExceeded, never, never)]
    {
        let rejected = Rejected::new(kind, Name::new("x")).with_time(3 * SECOND);
        let failed = Failed { rejected: Some(&rejected), ..failed(rejected.outcome()) };
        assert_eq!(after(&config, failed), idempotent);
        assert_eq!(after(&config, Failed { idempotent: false, ..failed }), otherwise);
        assert!(failed.reached_service());
    }
    assert!(failed(Outcome::TRANSIENT).reached_service());
}
