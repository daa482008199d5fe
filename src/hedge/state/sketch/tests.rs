use proptest::prelude::*;

use super::*;

/// The same, naively: all samples in a list, and what each of them still counts.
#[derive(Default)]
struct List {
    samples: Vec<(Duration, f64)>,
    total: u32,
}

impl List {
    fn record(&mut self, took: Duration) {
        if self.total >= Sketch::MEMORY {
            self.samples.iter_mut().for_each(|(_, counts)| *counts /= 2.0);
            self.total /= 2;
        }
        self.samples.push((took, 1.0));
        self.total += 1;
    }

    /// The least sample such that as much as `rank` counts does not lie above it.
    fn at_rank(&self, rank: f64) -> Duration {
        let mut samples = self.samples.clone();
        samples.sort_by_key(|(took, _)| *took);
        let mut below = 0.0;
        let reaches = |(_, counts): &&(Duration, f64)| {
            below += counts;
            below >= rank - 1e-9
        };
        let found = samples.iter().find(reaches).or(samples.last());
        found.map_or(Duration::ZERO, |(took, _)| *took)
    }
}

/// A third at the edge of a bucket, a third a nanosecond beside it, up to a minute or so.
fn samples() -> impl Strategy<Value = Duration> {
    let edge = (0..19_u32, 64..128_u64).prop_map(|(doublings, units)| (units << doublings) << UNIT);
    let at = prop_oneof![
        edge.clone(),
        (edge, prop::bool::ANY).prop_map(|(at, over)| if over { at + 1 } else { at - 1 }),
        (0..36_u32, 0..1_u64 << 36).prop_map(|(shift, nanos)| nanos >> shift),
    ];
    at.prop_map(Duration::from_nanos)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_quantile_is_what_a_list_of_all_samples_says(
        samples in prop::collection::vec(samples(), 1..300),
        rounds in 1..40_usize,
        quantile in prop_oneof![Just(0.0), Just(0.5), Just(0.95), Just(0.99), Just(1.0), 0.0..1.0],
    ) {
        let (mut sketch, mut list) = (Sketch::new(), List::default());
        for round in 0..rounds {
            for took in &samples {
                // Of later rounds, other values.
                let took = *took * (1 + round as u32 % 3);
                sketch.record(Sample::of(took));
                list.record(took);
            }
            let rank = (quantile * f64::from(list.total)).ceil().max(1.0);
            // Nothing is rounded before the first time that all count half.
            let rounding = if list.samples.len() > Sketch::MEMORY as usize { 2.0 } else { 0.0 };
            let (least, most) = (list.at_rank(rank - rounding), list.at_rank(rank + rounding));
            let most = most + most / 64 + Duration::from_nanos(1 << UNIT);
            let said = sketch.quantile(quantile).unwrap();
            prop_assert!(least < said, "{said:?} is below {least:?}");
            prop_assert!(said <= most, "{said:?} is above {most:?}");
        }
    }
}

#[test]
fn every_bucket_ends_where_the_next_begins_and_is_narrow() {
    for bucket in 0..BUCKETS - 1 {
        let end = end(bucket);
        assert_eq!(Sample::of(end), Sample(bucket + 1));
        assert_eq!(Sample::of(end.saturating_sub(Duration::from_nanos(1))), Sample(bucket));
        let width = end.saturating_sub(if bucket == 0 { Duration::ZERO } else { super::end(bucket - 1) });
        assert!(bucket < 64 || width <= end / 64, "{width:?} before {end:?}");
    }
}

#[test]
fn a_change_is_forgotten_after_a_few_thousand_samples() {
    let mut sketch = Sketch::new();
    let [before, after] = [100, 10].map(|ms| Sample::of(Duration::from_millis(ms)));
    (0..100_000).for_each(|_| sketch.record(before));
    assert!(sketch.quantile(0.95) > Some(Duration::from_millis(100)));
    let needed = (1..=u32::MAX).find(|_| {
        sketch.record(after);
        sketch.quantile(0.95) < Some(Duration::from_millis(11))
    });
    let needed = needed.unwrap();
    assert!((3_000..6_000).contains(&needed), "{needed} samples until the quantile follows");
}

#[test]
fn nothing_has_no_quantile() {
    assert_eq!(Sketch::new().quantile(0.95), None);
}
