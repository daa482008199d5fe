use super::*;
use crate::base::sync::Arc;

const OK: Mark = Mark { failed: false, slow: false };
const FAILED: Mark = Mark { failed: true, slow: false };

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn window() -> Arc<TimeWindow> {
    Arc::new(TimeWindow::new(Duration::from_nanos(2), 2, false, 1, at(0)))
}

fn record(window: &TimeWindow, epoch: u32, now: u64, mark: Mark) {
    window.record(0, window.tick(epoch, at(now)), mark);
}

#[test]
fn a_bucket_that_turns_over_while_it_is_recorded_in_loses_nothing() {
    loom::model(|| {
        let window = window();
        record(&window, 1, 0, OK);
        let other = window.clone();
        let recorder = loom::thread::spawn(move || record(&other, 1, 2, FAILED));
        record(&window, 1, 2, OK);
        recorder.join().unwrap();
        let counts = window.counts(window.tick(1, at(2)));
        assert_eq!((counts.successes, counts.failures), (1, 1));
        assert_eq!(window.lifetime(), (2, 1));
    });
}

#[test]
fn a_snapshot_sees_a_call_whole_or_not_at_all() {
    loom::model(|| {
        let window = window();
        let other = window.clone();
        let recorder = loom::thread::spawn(move || record(&other, 1, 1, FAILED));
        let seen = window.counts(window.tick(1, at(1)));
        assert!(seen.failures <= 1 && seen.successes == 0);
        recorder.join().unwrap();
        assert_eq!(window.counts(window.tick(1, at(1))).failures, 1);
    });
}

#[test]
fn three_recorders_count_three() {
    loom::model(|| {
        let window = window();
        let recorders: Vec<_> = (0..2)
            .map(|_| {
                let window = window.clone();
                loom::thread::spawn(move || record(&window, 1, 0, FAILED))
            })
            .collect();
        record(&window, 1, 0, OK);
        recorders.into_iter().for_each(|recorder| recorder.join().unwrap());
        assert_eq!(window.lifetime(), (1, 2));
    });
}

#[test]
fn a_straggler_never_touches_a_new_epoch() {
    loom::model(|| {
        let window = window();
        let other = window.clone();
        let straggler = loom::thread::spawn(move || record(&other, 1, 1, FAILED));
        record(&window, 2, 1, OK);
        straggler.join().unwrap();
        assert_eq!(window.counts(window.tick(2, at(1))), Counts { successes: 1, ..Counts::default() });
        assert_eq!(window.lifetime(), (1, 1));
    });
}

#[test]
fn the_totals_of_a_count_window_are_those_of_its_places() {
    loom::model(|| {
        let window = Arc::new(CountWindow::new(2, 1));
        window.begin(1);
        window.record(1, FAILED);
        let other = window.clone();
        let recorder = loom::thread::spawn(move || other.record(1, OK));
        window.record(1, OK);
        recorder.join().unwrap();
        assert_eq!(window.counts(), Counts { successes: 2, ..Counts::default() });
        assert_eq!(window.lifetime(), (2, 1));
    });
}

#[test]
fn a_count_window_that_begins_anew_forgets_what_races_with_it() {
    loom::model(|| {
        let window = Arc::new(CountWindow::new(2, 1));
        window.begin(1);
        let other = window.clone();
        let straggler = loom::thread::spawn(move || other.record(1, FAILED));
        window.begin(2);
        window.record(2, OK);
        straggler.join().unwrap();
        assert_eq!(window.counts(), Counts { successes: 1, ..Counts::default() });
    });
}

#[test]
fn a_place_that_is_taken_over_at_once_takes_off_nothing_that_is_not_there() {
    loom::model(|| {
        let window = Arc::new(CountWindow::new(1, 1));
        window.begin(1);
        let other = window.clone();
        let recorder = loom::thread::spawn(move || other.record(1, FAILED));
        window.record(1, FAILED);
        recorder.join().unwrap();
        assert_eq!(window.counts(), Counts { failures: 1, ..Counts::default() });
    });
}
