use super::*;
use crate::hedge::HedgeConfig;

const MS: Duration = Duration::from_millis(1);

fn latency(quantile: f64, min_samples: u64) -> Latency {
    Latency::new(quantile, min_samples)
}

#[test]
fn the_quantile_is_known_with_the_hundredth_sample_and_not_before() {
    let start = Start::new(&HedgeConfig::default());
    let latency = start.latency().unwrap();
    for sample in 1..=99 {
        latency.record(0, sample * MS);
        assert_eq!(start.delay(), None);
    }
    latency.record(0, 100 * MS);
    let delay = start.delay().unwrap();
    assert!((95 * MS..=98 * MS).contains(&delay), "{delay:?}");
}

#[test]
fn a_quantile_below_a_millisecond_is_one_millisecond() {
    let latency = latency(0.95, 1);
    latency.record(0, Duration::ZERO);
    assert_eq!(latency.delay(), Some(MS));
}

#[test]
fn without_a_least_number_the_first_sample_is_believed() {
    let latency = latency(1.0, 0);
    assert_eq!((latency.catch_up(), latency.delay()), (0, None));
    latency.record(3, 64 * MS);
    assert!(latency.delay().is_some_and(|delay| delay > 64 * MS && delay <= 66 * MS));
}

#[test]
fn the_samples_of_all_lanes_count_and_who_looks_sees_them_all() {
    let latency = latency(0.5, 1);
    for sample in 0..1_000 {
        latency.record(sample % Lanes::<()>::COUNT, 10 * MS);
    }
    assert_eq!(latency.catch_up(), 1_000);
    assert_eq!(latency.catch_up(), 1_000, "carried twice");
}

#[test]
fn the_largest_samples_do_no_harm() {
    let latency = latency(1.0, 1);
    (0..5_000).for_each(|_| latency.record(0, Duration::MAX));
    assert!(latency.delay().is_some_and(|delay| delay < Duration::from_secs(300)));
}

#[test]
fn a_fixed_delay_needs_no_samples_and_the_longest_is_none() {
    let start = |delay| Start::new(&HedgeConfig::default().after(delay));
    assert_eq!(start(MS).delay(), Some(MS));
    assert_eq!(start(Duration::ZERO).delay(), Some(Duration::ZERO));
    assert_eq!(start(Duration::MAX).delay(), None);
    assert!(start(MS).latency().is_none());
}

#[test]
fn threads_that_record_together_lose_nothing() {
    let latency = latency(0.95, 100);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let latency = &latency;
            scope.spawn(move || (0..10_000).for_each(|_| latency.record(thread % 2, 20 * MS)));
        }
    });
    assert_eq!(latency.catch_up(), 40_000);
    assert!(latency.delay().is_some_and(|delay| (20 * MS..21 * MS).contains(&delay)));
}
