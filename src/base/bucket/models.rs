use super::*;
use crate::base::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

#[test]
fn of_two_who_want_the_last_token_exactly_one_gets_it() {
    loom::model(|| {
        let (rate, bucket) = (Rate::new(10, SECOND, 1), Arc::new(Bucket::default()));
        let other = bucket.clone();
        let racer = loom::thread::spawn(move || other.take(&rate, 1, at(0)));
        let mine = bucket.take(&rate, 1, at(0));
        assert!(mine ^ racer.join().unwrap());
        assert_eq!(bucket.wait(&rate, 1, at(0)), Duration::from_millis(100));
    });
}

#[test]
fn who_read_the_clock_earlier_takes_nothing_twice() {
    loom::model(|| {
        let (rate, bucket) = (Rate::new(10, SECOND, 1), Arc::new(Bucket::default()));
        assert!(bucket.take(&rate, 1, at(0)));
        let other = bucket.clone();
        let late = loom::thread::spawn(move || other.take(&rate, 1, at(100)));
        let early = bucket.take(&rate, 1, at(99));
        assert!(late.join().unwrap() && !early);
    });
}

#[test]
fn a_pause_leaves_one_token_whoever_takes_meanwhile() {
    loom::model(|| {
        let (rate, bucket) = (Rate::new(10, SECOND, 2), Arc::new(Bucket::default()));
        let other = bucket.clone();
        let racer = loom::thread::spawn(move || other.take(&rate, 1, at(0)));
        let before = bucket.pause(&rate, at(1_000));
        let took = racer.join().unwrap();
        assert!(bucket.take(&rate, 1, at(1_000)) && !bucket.take(&rate, 1, at(1_000)));
        // What was shown before the pause is what was taken before it.
        assert_eq!(before, if took { 100_000_000 } else { 0 });
    });
}
