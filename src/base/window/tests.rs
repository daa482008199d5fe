use super::*;

const OK: Mark = Mark { failed: false, slow: false };
const FAILED: Mark = Mark { failed: true, slow: false };
const SLOW: Mark = Mark { failed: false, slow: true };
const SLOW_FAILED: Mark = Mark { failed: true, slow: true };

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn window(slow: bool) -> TimeWindow {
    TimeWindow::new(Duration::from_nanos(100), 10, slow, 2, at(0))
}

#[test]
fn a_call_leaves_with_its_bucket() {
    let w = window(false);
    for _ in 0..19 {
        w.record(0, w.tick(1, at(5)), FAILED);
    }
    assert_eq!(w.counts(w.tick(1, at(99))).failures, 19);
    assert_eq!(w.counts(w.tick(1, at(100))).failures, 0);
}

#[test]
fn after_an_idle_gap_the_window_is_empty_and_nothing_is_lost() {
    let w = window(false);
    for gap in [0, 1_000, 10_000_000, 86_400_000_000_000 * 500] {
        let tick = w.tick(1, at(gap));
        assert_eq!(w.counts(tick), Counts::default(), "before {gap}");
        w.record(0, tick, OK);
        w.record(1, tick, FAILED);
        assert_eq!((w.counts(tick).successes, w.counts(tick).failures), (1, 1));
    }
    assert_eq!(w.lifetime(), (4, 4));
}

#[test]
fn a_new_epoch_begins_empty_and_a_late_result_does_not_touch_it() {
    let w = window(false);
    w.record(0, w.tick(1, at(50)), FAILED);
    assert_eq!(w.counts(w.tick(2, at(50))), Counts::default());
    w.record(0, w.tick(2, at(50)), OK);
    w.record(0, w.tick(1, at(51)), FAILED);
    assert_eq!(w.counts(w.tick(2, at(59))), Counts { successes: 1, ..Counts::default() });
    assert_eq!(w.lifetime(), (1, 2));
}

#[test]
fn slow_failures_count_as_both() {
    let w = window(true);
    for mark in [OK, FAILED, SLOW, SLOW_FAILED] {
        w.record(1, w.tick(1, at(0)), mark);
    }
    assert_eq!(w.counts(w.tick(1, at(0))), Counts { successes: 2, failures: 2, slow: 2, hanging: 0 });
}

#[test]
fn a_slow_call_is_one_like_any_other_where_slow_calls_are_not_counted_apart() {
    let w = window(false);
    for now in [0, 95] {
        let tick = w.tick(1, at(now));
        w.record(0, tick, SLOW);
        w.record(0, tick, SLOW_FAILED);
    }
    assert_eq!(w.counts(w.tick(1, at(95))), Counts { successes: 2, failures: 2, slow: 0, hanging: 0 });
    assert!(w.spare(0).iter().all(|spare| spare.load(Ordering::Relaxed) == 0));
}

#[test]
fn a_bucket_keeps_from_results_of_255_epochs_before_it_and_is_taken_for_an_old_lap_beyond() {
    for (epoch, counts) in [(256, Counts::default()), (257, Counts { failures: 1, ..Counts::default() })] {
        let w = window(false);
        w.record(0, w.tick(epoch, at(0)), OK);
        w.record(0, w.tick(1, at(0)), FAILED);
        assert_eq!(w.counts(w.tick(1, at(0))), counts);
        assert_eq!(w.lifetime(), (1, 1));
    }
}

#[test]
fn a_bucket_is_halved_when_either_of_its_counts_is_full() {
    let full = (1 << 18) - 1;
    for (filler, next, successes, failures) in [
        (FAILED, FAILED, 2, full / 2 + 1),
        (FAILED, OK, 3, full / 2),
        (OK, OK, full / 2 + 1, 2),
        (OK, FAILED, full / 2, 3),
    ] {
        let w = window(false);
        let tick = w.tick(1, at(0));
        let other = if filler == OK { FAILED } else { OK };
        (0..5).for_each(|_| w.record(0, tick, other));
        (0..full).for_each(|_| w.record(0, tick, filler));
        assert_eq!(w.counts(tick).total(), full + 5);
        w.record(0, tick, next);
        assert_eq!(w.counts(tick), Counts { successes, failures, ..Counts::default() });
        let (successes, failures) = w.lifetime();
        assert_eq!(successes + failures, full + 6);
    }
}

#[test]
fn a_full_bucket_keeps_its_rate_and_the_lifetime_its_count() {
    let w = window(false);
    let tick = w.tick(1, at(0));
    for i in 0..600_000 {
        w.record(0, tick, if i % 4 == 0 { FAILED } else { OK });
    }
    assert!((w.counts(tick).failure_rate() - 0.25).abs() < 1e-4);
    assert_eq!(w.lifetime(), (450_000, 150_000));
}

#[test]
fn a_bucket_that_is_full_weighs_as_much_as_before_beside_slow_calls_and_other_lanes() {
    for lane_of_failures in [0, 1] {
        let w = window(true);
        let tick = w.tick(1, at(0));
        for i in 0..1_000_000 {
            if i % 10 == 0 { w.record(lane_of_failures, tick, SLOW_FAILED) } else { w.record(0, tick, OK) }
        }
        let counts = w.counts(tick);
        let (failed, slow) = (counts.failure_rate(), counts.slow_rate());
        assert!((failed - 0.1).abs() < 1e-3 && (slow - 0.1).abs() < 1e-3, "{counts:?}");
        assert_eq!(w.lifetime(), (900_000, 100_000));
    }
}

#[test]
fn successes_never_raise_the_rate_however_many_there_are() {
    let w = window(false);
    (0..100_000).for_each(|_| w.record(0, w.tick(1, at(0)), FAILED));
    let (tick, mut rate) = (w.tick(1, at(15)), 1.0);
    for _ in 0..90 {
        (0..10_000).for_each(|_| w.record(0, tick, OK));
        let counts = w.counts(tick);
        assert!(counts.failure_rate() < rate + 1e-4, "{counts:?} after {rate}");
        rate = counts.failure_rate();
    }
    assert_eq!(w.lifetime(), (900_000, 100_000));
}

#[test]
fn a_span_of_for_ever_never_rolls() {
    let w = TimeWindow::new(Duration::MAX, 10, false, 1, at(0));
    w.record(0, w.tick(1, at(0)), FAILED);
    assert_eq!(w.counts(w.tick(1, at(u64::MAX / 2))).failures, 1);
}

#[test]
fn the_last_calls_are_the_ones_that_count() {
    let w = CountWindow::new(4, 1);
    w.begin(1);
    for mark in [FAILED, FAILED, SLOW_FAILED, OK, SLOW, OK] {
        w.record(1, mark);
    }
    assert_eq!(w.counts(), Counts { successes: 3, failures: 1, slow: 2, hanging: 0 });
    w.begin(2);
    w.record(1, FAILED);
    assert_eq!(w.counts(), Counts::default());
    w.record(2, OK);
    assert_eq!(w.counts(), Counts { successes: 1, ..Counts::default() });
    assert_eq!(w.lifetime(), (4, 4));
}
