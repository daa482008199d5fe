#![allow(clippy::float_cmp, reason = "the results are rounded")]

use super::*;
use proptest::prelude::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn polly(u: f64, n: usize) -> Vec<f64> {
    let backoff = Backoff::polly(ms(1000)).cap(Duration::MAX);
    let mut progress = Progress::START;
    (0..n).map(|_| (backoff.next(&mut progress, u).as_secs_f64() * 1e6).round() / 1e3).collect()
}

#[test]
fn polly_gives_its_published_delays() {
    assert_eq!(polly(0.5, 6), [897.405, 1093.004, 2035.748, 4045.979, 8083.632, 16163.663]);
    assert_eq!(polly(0.0, 5), [0.0, 1377.182, 1460.067, 2865.850, 5717.807]);
}

#[test]
fn every_rule_gives_its_formula() {
    let (base, cap) = (ms(100), ms(1000));
    let at = |backoff: Backoff, n: u32, u: f64| {
        let mut progress = Progress { n, previous: 0.0 };
        (backoff.cap(cap).next(&mut progress, u).as_secs_f64() * 1e6).round() / 1e3
    };
    let exponential = |jitter| Backoff::exponential(base).jitter(jitter);
    assert_eq!(at(exponential(Jitter::None), 3, 0.7), 800.0);
    assert_eq!(at(exponential(Jitter::None), 4, 0.7), 1000.0);
    assert_eq!(at(exponential(Jitter::Full), 3, 0.25), 200.0);
    assert_eq!(at(exponential(Jitter::Equal), 3, 0.25), 500.0);
    assert_eq!(at(exponential(Jitter::PlusMinus(0.5)), 2, 0.25), 300.0);
    assert_eq!(at(exponential(Jitter::PlusMinus(0.5)), 9, 0.5), 750.0);
    assert_eq!(at(exponential(Jitter::Grpc), 9, 0.75), 1100.0);
    assert_eq!(at(Backoff::linear(base).jitter(Jitter::None), 2, 0.0), 300.0);
    assert_eq!(at(Backoff::constant(base), 99, 0.9), 100.0);
}

#[test]
fn a_crowd_at_the_cap_stays_spread() {
    let cap = ms(1000);
    let spread = [
        Backoff::exponential(ms(100)),
        Backoff::exponential(ms(100)).jitter(Jitter::Equal),
        Backoff::exponential(ms(100)).jitter(Jitter::PlusMinus(0.3)),
        Backoff::linear(ms(900)),
        Backoff::decorrelated(ms(100)),
        Backoff::polly(ms(100)),
    ];
    for backoff in spread {
        let twentieth = |seed| backoff.cap(cap).delays(seed).nth(20).unwrap();
        let at_cap = (0..10_000).filter(|&seed| twentieth(seed) == cap).count();
        assert!(at_cap <= 100, "{at_cap} of 10,000 clients sleep exactly the cap with {backoff:?}");
    }
}

/// The rules written down a second time, in plain seconds.
fn model(backoff: Backoff, us: &[f64]) -> Vec<f64> {
    let (base, cap) = (backoff.base.as_secs_f64(), backoff.cap.as_secs_f64());
    let mut previous = base;
    let mut delays = Vec::new();
    for (n, u) in us.iter().enumerate() {
        let mut v = match backoff.growth {
            Growth::Constant => base,
            Growth::Linear => base * (n + 1) as f64,
            Growth::Exponential { factor } => (0..n).fold(base, |v, _| v * factor),
            Growth::Decorrelated | Growth::Polly => {
                let high = f64::max(base.min(cap), f64::min(cap, previous * 3.0));
                previous = base.min(cap) + u * (high - base.min(cap));
                delays.push(previous);
                continue;
            }
        };
        v = v.min(cap);
        delays.push(match backoff.jitter {
            Jitter::None => v,
            Jitter::Full => u * v,
            Jitter::Equal => v / 2.0 + u * v / 2.0,
            Jitter::PlusMinus(f) => {
                let (low, high) = (v * (1.0 - f), f64::min(cap, v * (1.0 + f)));
                low + u * (high - low)
            }
            Jitter::Grpc => v * (0.8 + 0.4 * u),
        });
    }
    delays
}

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), Just(Duration::MAX), (0..100_000u64).prop_map(ms)]
}

fn any_backoff() -> impl Strategy<Value = Backoff> {
    let growth = prop_oneof![
        Just(Growth::Constant),
        Just(Growth::Linear),
        (1.0..10.0).prop_map(|factor| Growth::Exponential { factor }),
        Just(Growth::Decorrelated),
        Just(Growth::Polly),
    ];
    let jitter = prop_oneof![
        Just(Jitter::None),
        Just(Jitter::Full),
        Just(Jitter::Equal),
        (0.0..=1.0).prop_map(Jitter::PlusMinus),
        Just(Jitter::Grpc),
    ];
    (growth, any_duration(), any_duration(), jitter).prop_map(|(growth, base, cap, jitter)| Backoff {
        growth,
        base,
        cap,
        jitter,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_machine_agrees_with_the_model(
        backoff in any_backoff(),
        us in proptest::collection::vec(prop_oneof![Just(0.0), Just(0.999_999), 0.0..1.0], 1..20),
    ) {
        prop_assume!(backoff.growth != Growth::Polly);
        let mut progress = Progress::START;
        for (u, expected) in us.iter().zip(model(backoff, &us)) {
            let expected = expected.min(Duration::MAX.as_secs_f64());
            let delay = backoff.next(&mut progress, *u).as_secs_f64();
            prop_assert!((delay - expected).abs() <= 1e-6 * expected.max(1e-3), "{delay} is not {expected}");
        }
    }

    #[test]
    fn no_delay_passes_the_cap_and_nothing_panics(backoff in any_backoff(), seed: u64, n in 0u32..u32::MAX) {
        prop_assert!(backoff.check().is_ok());
        let mut progress = Progress { n, previous: 0.0 };
        for _ in 0..3 {
            let delay = backoff.next(&mut progress, Random::new(Some(seed)).unit());
            prop_assert!(delay <= backoff.cap || backoff.jitter == Jitter::Grpc);
        }
    }
}

#[test]
fn nonsense_is_a_config_error() {
    for factor in [0.5, f64::NAN, f64::INFINITY, -1.0] {
        let backoff = Backoff { growth: Growth::Exponential { factor }, ..Backoff::default() };
        assert_eq!(backoff.check().unwrap_err().field(), "backoff.growth.factor");
    }
    for spread in [-0.1, 1.1, f64::NAN] {
        let error = Backoff::default().jitter(Jitter::PlusMinus(spread)).check().unwrap_err();
        assert_eq!((error.field(), error.bound()), ("backoff.jitter", "from 0 to 1"));
    }
}

#[test]
fn a_call_that_is_tried_a_thousand_times_is_not_tried_without_a_pause() {
    for growth in [
        Backoff::polly(ms(100)),
        Backoff::exponential(ms(100)).jitter(Jitter::Equal),
        Backoff::linear(ms(100)).jitter(Jitter::Equal),
    ] {
        let shortest = growth.delays(7).skip(1_000).take(100).min();
        assert!(shortest >= Some(Duration::from_secs(5)), "{shortest:?} with {growth:?}");
    }
}
