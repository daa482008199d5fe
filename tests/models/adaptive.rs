//! The adaptive limits against their formulas, worked out anew from all samples after each of them.

mod formulas;

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseResult;
use seawall::Instant;
use seawall::adaptive::{Aimd, Gradient2, Limit, Sample, Vegas};

use self::formulas::{Known, Rules, aimd, gradient2, vegas};

proptest! {
    #[test]
    fn aimd_does_what_its_formula_says(
        (start, max) in sizes(),
        latency in select(vec![1_u64, 50_000, 400_000]).prop_map(Duration::from_micros),
        steps in steps(),
    ) {
        let rules = Rules { start, max, latency, span: Duration::ZERO, samples: 1 };
        compare(Aimd::new().initial(start).max(max).latency(latency), &rules, aimd, steps)?;
    }

    #[test]
    fn gradient2_does_what_its_formula_says((start, max) in sizes(), (span, samples) in windows(), steps in steps()) {
        let rules = Rules { start, max, latency: Duration::MAX, span, samples };
        let limit = Gradient2::new().initial(start).max(max).window(span, samples as u32);
        compare(limit, &rules, gradient2, steps)?;
    }

    #[test]
    fn vegas_without_probes_does_what_its_formula_says(
        (start, max) in sizes(),
        (span, samples) in windows(),
        steps in steps(),
    ) {
        let rules = Rules { start, max, latency: Duration::MAX, span, samples };
        let limit = Vegas::new().initial(start).max(max).window(span, samples as u32).probe_every(Duration::MAX);
        compare(limit, &rules, vegas, steps)?;
    }
}

/// One more sample.
#[derive(Clone, Copy, Debug)]
struct Step {
    wait: Wait,
    micros: u64,
    load: Load,
    dropped: bool,
}

#[derive(Clone, Copy, Debug)]
enum Wait {
    Nanos(u64),
    /// Until a drop acts again, or so many nanoseconds before or after that.
    Brake(i64),
    /// Until the window is old enough, or so many nanoseconds before or after that.
    Window(i64),
}

#[derive(Clone, Copy, Debug)]
enum Load {
    Calls(usize),
    /// Half the limit, or so many more.
    Half(isize),
    Full,
}

fn compare(
    mut limit: impl Limit,
    rules: &Rules,
    formula: fn(&Rules, &[Sample]) -> Known,
    steps: Vec<Step>,
) -> TestCaseResult {
    let mut samples = vec![];
    let mut now = Instant::now();
    let mut known = formula(rules, &samples);
    prop_assert_eq!(limit.limit(), known.read());
    for (number, step) in steps.into_iter().enumerate() {
        now = now.max(match step.wait {
            Wait::Nanos(nanos) => now + Duration::from_nanos(nanos),
            Wait::Brake(by) => known.acted.map_or(now, |acted| beside(acted, Duration::from_millis(100), by)),
            Wait::Window(by) => known.opened.map_or(now, |opened| beside(opened, rules.span, by)),
        });
        let in_flight = match step.load {
            Load::Calls(calls) => calls,
            Load::Half(by) => ((known.limit / 2.0).ceil() as usize).saturating_add_signed(by),
            Load::Full => known.read(),
        };
        let sample = Sample::new(Duration::from_micros(step.micros), in_flight, step.dropped, now);
        samples.push(sample);
        known = formula(rules, &samples);
        let read = limit.on_sample(sample);
        prop_assert_eq!(read, limit.limit());
        // Sums that were added up in another order may differ in the last digit.
        prop_assert!(known.could_read(read), "step {}: {} read, {} expected", number, read, known.limit);
    }
    Ok(())
}

fn beside(instant: Instant, after: Duration, by: i64) -> Instant {
    let nanos = (after.as_nanos() as u64).saturating_add_signed(by);
    instant + Duration::from_nanos(nanos)
}

fn sizes() -> impl Strategy<Value = (usize, usize)> {
    select(vec![(1, 1), (1, 50), (20, 1000), (20, 20), (300, 1000), (1000, 1_000_000)])
}

fn windows() -> impl Strategy<Value = (Duration, usize)> {
    select(vec![(0, 1), (100, 1), (0, 3), (1000, 10), (50, 5)])
        .prop_map(|(millis, samples)| (Duration::from_millis(millis), samples))
}

/// In stretches of good and bad weather.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let weather = (select(vec![0_u32, 1, 30]), select(vec![5_000_u64, 20_000, 200_000]));
    let stretch = weather.prop_flat_map(|(drops, micros)| vec(step(drops, micros), 1..60));
    vec(stretch, 1..8).prop_map(|stretches| stretches.into_iter().flatten().take(200).collect())
}

fn step(drops: u32, micros: u64) -> impl Strategy<Value = Step> {
    let offset = || select(vec![-1_i64, 0, 0, 1]);
    let wait = prop_oneof![
        4 => (0..60_000_000_u64).prop_map(Wait::Nanos),
        2 => Just(Wait::Nanos(0)),
        2 => offset().prop_map(Wait::Brake),
        2 => offset().prop_map(Wait::Window),
    ];
    let load = prop_oneof![
        2 => (1..1200_usize).prop_map(Load::Calls),
        3 => select(vec![-1_isize, 0, 0, 1]).prop_map(Load::Half),
        4 => Just(Load::Full),
    ];
    let dropped = prop_oneof![40 => Just(false), drops => Just(true)];
    // Odd numbers, so that no ratio is exactly a threshold.
    let took = micros..2 * micros;
    (wait, took, load, dropped).prop_map(|(wait, micros, load, dropped)| Step {
        wait,
        micros: micros | 1,
        load,
        dropped,
    })
}
