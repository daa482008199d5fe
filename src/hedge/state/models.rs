//! Under loom: threads that record, and one that looks.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_sample_is_carried_once_whoever_carries_it() {
    loom::model(|| {
        let latency = loom::sync::Arc::new(Latency::new(0.5, 0));
        // From here on the delay is known, so samples wait in their slots.
        latency.record(0, SECOND);
        let recorder = {
            let latency = latency.clone();
            loom::thread::spawn(move || latency.record(0, SECOND))
        };
        let looker = {
            let latency = latency.clone();
            loom::thread::spawn(move || latency.catch_up())
        };
        recorder.join().unwrap();
        assert!((1..=2).contains(&looker.join().unwrap()));
        assert_eq!(latency.catch_up(), 2);
    });
}

#[test]
fn of_samples_that_fill_their_lane_together_none_is_lost() {
    loom::model(|| {
        let latency = loom::sync::Arc::new(Latency::new(0.5, 0));
        latency.record(1, SECOND);
        let other = latency.clone();
        let recorder = loom::thread::spawn(move || other.record(0, 2 * SECOND));
        latency.record(0, SECOND);
        recorder.join().unwrap();
        assert_eq!(latency.catch_up(), 3);
    });
}

#[test]
fn a_sample_that_finds_its_slot_taken_pushes_out_none() {
    loom::model(|| {
        let latency = loom::sync::Arc::new(Latency::new(0.5, 0));
        latency.record(0, SECOND);
        let other = latency.clone();
        let recorder = loom::thread::spawn(move || (0..2).for_each(|_| other.record(0, SECOND)));
        latency.record(0, SECOND);
        recorder.join().unwrap();
        assert_eq!(latency.catch_up(), 4);
    });
}
