use std::time::Duration;

use super::config::{ChaosConfig, Delay};
use super::state::Hit;
use crate::base::random::Random;
use crate::event::Fault;

const SECOND: Duration = Duration::from_secs(1);

/// The draws, in turn.
fn hit(config: &ChaosConfig, draws: [f64; 3]) -> Option<Hit> {
    let next = std::cell::Cell::new(0);
    config.hit(|| draws[next.replace(next.get() + 1)])
}

#[test]
fn panics_hangs_and_errors_are_parts_of_one_whole() {
    let config = ChaosConfig::default().panics(0.1).hangs(0.2).errors(0.3);
    for (fate, fault) in [
        (0.0, Some(Fault::Panic)),
        (0.099, Some(Fault::Panic)),
        (0.1, Some(Fault::Hang)),
        (0.299, Some(Fault::Hang)),
        (0.301, Some(Fault::Error)),
        (0.599, Some(Fault::Error)),
        (0.601, None),
        (0.999, None),
    ] {
        let expected = fault.map(|fault| Hit { delay: Duration::ZERO, fault: Some(fault) });
        assert_eq!(hit(&config, [fate, 0.0, 0.0]), expected, "{fate}");
    }
}

#[test]
fn a_delay_is_drawn_apart_from_the_fault() {
    let config = ChaosConfig::default().hangs(0.5).delays(0.5, Delay::Fixed(SECOND));
    let fault = Some(Fault::Hang);
    assert_eq!(hit(&config, [0.4, 0.4, 0.0]), Some(Hit { delay: SECOND, fault }));
    assert_eq!(hit(&config, [0.4, 0.5, 0.0]), Some(Hit { delay: Duration::ZERO, fault }));
    assert_eq!(hit(&config, [0.5, 0.4, 0.0]), Some(Hit { delay: SECOND, fault: None }));
    assert_eq!(hit(&config, [0.5, 0.5, 0.0]), None);
}

#[test]
fn rates_of_zero_and_one_are_never_and_always() {
    let (never, always) = (ChaosConfig::default(), ChaosConfig::default().errors(1.0));
    for fate in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
        assert_eq!(hit(&never, [fate, 0.0, 0.0]), None);
        assert_eq!(hit(&always, [fate, 0.0, 0.0]).and_then(|hit| hit.fault), Some(Fault::Error));
    }
}

#[test]
fn delays_are_drawn_as_they_say() {
    let drawn = |delay, u| hit(&ChaosConfig::default().delays(1.0, delay), [0.9, 0.0, u]).unwrap().delay;
    let uniform = Delay::Uniform { from: SECOND, to: 3 * SECOND };
    assert_eq!((drawn(uniform, 0.0), drawn(uniform, 0.5)), (SECOND, 2 * SECOND));
    let exponential = Delay::Exponential { mean: SECOND, cap: 5 * SECOND };
    assert_eq!(drawn(exponential, 0.0), Duration::ZERO);
    // The median of an exponential distribution is ln 2 times its mean, the 99th percentile ln 100 times.
    assert!((drawn(exponential, 0.5).as_secs_f64() - 2.0_f64.ln()).abs() < 1e-6);
    assert!((drawn(exponential, 0.99).as_secs_f64() - 100.0_f64.ln()).abs() < 1e-6);
    assert_eq!(drawn(exponential, 0.999), 5 * SECOND);
}

#[test]
fn delays_at_the_ends_of_their_range_do_not_overflow() {
    let (zero, max) = (Duration::ZERO, Duration::MAX);
    let delays = [
        Delay::Fixed(max),
        Delay::Uniform { from: zero, to: max },
        Delay::Uniform { from: max, to: max },
        Delay::Exponential { mean: max, cap: max },
        Delay::Exponential { mean: zero, cap: zero },
    ];
    for delay in delays {
        for u in [0.0, 0.5, 1.0 - f64::EPSILON / 2.0] {
            let config = ChaosConfig::default().delays(1.0, delay);
            assert!(config.check().is_ok() && hit(&config, [0.9, 0.0, u]).is_some());
        }
    }
}

#[test]
fn over_many_calls_the_shares_are_those_of_the_config() {
    let mean = Duration::from_millis(10);
    let delay = Delay::Exponential { mean, cap: Duration::MAX };
    let config = ChaosConfig::default().errors(0.2).hangs(0.1).panics(0.05).delays(0.3, delay);
    let random = Random::new(Some(7));
    let hits: Vec<_> = (0..100_000).filter_map(|_| config.hit(|| random.unit())).collect();
    let share = |is: &dyn Fn(&&Hit) -> bool| hits.iter().filter(is).count() as f64 / 100_000.0;
    for (expected, is) in [(0.2, Some(Fault::Error)), (0.1, Some(Fault::Hang)), (0.05, Some(Fault::Panic))] {
        let share = share(&|hit| hit.fault == is);
        assert!((share - expected).abs() < 0.005, "{share} instead of {expected} of {is:?}");
    }
    let late = share(&|hit| !hit.delay.is_zero());
    assert!((late - 0.3).abs() < 0.005, "{late} are late");
    let sum: Duration = hits.iter().map(|hit| hit.delay).sum();
    let mean_drawn = sum.as_secs_f64() / 100_000.0 / late;
    assert!((mean_drawn / mean.as_secs_f64() - 1.0).abs() < 0.03, "a mean of {mean_drawn} s");
}

#[test]
fn it_is_due_from_the_first_instant_up_to_the_last() {
    let config = ChaosConfig::default().during(SECOND, 3 * SECOND);
    let nearly = |seconds: u64| Duration::from_nanos(seconds * 1_000_000_000 - 1);
    for (since, due) in
        [(Duration::ZERO, false), (nearly(1), false), (SECOND, true), (nearly(3), true), (3 * SECOND, false)]
    {
        assert_eq!(config.is_due(since), due, "{since:?}");
    }
    assert!(ChaosConfig::default().is_always_due() && !config.is_always_due());
    assert!(!ChaosConfig::default().during(Duration::ZERO, SECOND).is_always_due());
}

#[test]
fn nonsense_is_refused_with_field_value_and_bound() {
    let config = ChaosConfig::default;
    let mixed = Delay::Uniform { from: 2 * SECOND, to: SECOND };
    for (config, said) in [
        (config().errors(1.1), "`chaos.error_rate` is 1.1, but must be from 0 to 1"),
        (config().hangs(-0.1), "`chaos.hang_rate` is -0.1, but must be from 0 to 1"),
        (config().panics(f64::NAN), "`chaos.panic_rate` is NaN, but must be from 0 to 1"),
        (config().delays(f64::INFINITY, mixed), "`chaos.delay_rate` is inf, but must be from 0 to 1"),
        (
            config().errors(0.5).hangs(0.4).panics(0.2),
            "`chaos.error_rate` is 0.5, but must be at most 1 together with `hang_rate` and `panic_rate`",
        ),
        (config().delays(0.5, mixed), "`chaos.delay.from` is 2s, but must be at most `to`, which is 1s"),
        (config().during(SECOND, SECOND), "`chaos.until` is 1s, but must be later than `from`, which is 1s"),
    ] {
        assert_eq!(config.check().unwrap_err().to_string(), said);
    }
    assert!(config().errors(0.1).hangs(0.2).panics(0.7).check().is_ok());
}
