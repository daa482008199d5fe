use super::core::Pass;
use super::rules::CustomRule;
use super::*;
use crate::base::random::Random;
use crate::circuit_breaker::config::{CircuitBreakerConfig, Window};
use crate::event::{Common, Pattern};

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// Opens at half of four calls within a second, for a second.
fn config() -> CircuitBreakerConfig {
    CircuitBreakerConfig::default()
        .window(Window::Time { span: Duration::from_secs(1), buckets: 10 })
        .minimum_calls(4)
        .consecutive_failures(0, Duration::ZERO)
        .open_for(Duration::from_secs(1), Duration::from_secs(1))
        .jitter(0.0)
        .seed(1)
}

fn circuit(config: CircuitBreakerConfig) -> Circuit {
    let rules = CircuitRules::new(config, at(0));
    let layer = Common::new(Pattern::CircuitBreaker, Name::new("x"), false, rules);
    Circuit::new(Voice::of(layer, None), 4, at(0))
}

fn call(circuit: &Circuit, outcome: Outcome, millis: u64) {
    let ticket = circuit.admit(0, at(millis)).unwrap();
    circuit.settle(0, ticket, outcome, at(millis));
}

fn calls<const N: usize>(circuit: &Circuit, outcomes: [Outcome; N], millis: u64) {
    for outcome in outcomes {
        call(circuit, outcome, millis);
    }
}

fn is_calm(circuit: &Circuit, millis: u64) -> bool {
    circuit.calm.is_at(Some(circuit.rules().shape.time.tick(circuit.phase().epoch(), at(millis))))
}

const OK: Outcome = Outcome::Success;
const FAILED: Outcome = Outcome::TRANSIENT;

#[test]
fn the_success_that_makes_the_minimum_trips_as_well_as_a_failure() {
    let circuit = circuit(config());
    calls(&circuit, [FAILED, FAILED, OK], 0);
    assert_eq!(circuit.state(at(0)), CircuitState::Closed);
    call(&circuit, OK, 0);
    assert_eq!(circuit.state(at(0)), CircuitState::Open);
}

#[test]
fn a_window_is_calm_while_a_further_success_cannot_trip() {
    let circuit = circuit(config());
    for (outcome, calm) in [(OK, true), (FAILED, false), (OK, false), (OK, true), (FAILED, true), (OK, true)]
    {
        call(&circuit, outcome, 0);
        assert_eq!(is_calm(&circuit, 0), calm, "{:?}", circuit.counts(at(0)));
    }
    assert!(!is_calm(&circuit, 100), "what leaves with a bucket can raise the rate");
}

#[test]
fn a_window_is_never_calm_for_a_custom_rule() {
    let circuit = circuit(config());
    let rule: Box<CustomRule> = Box::new(|counts| counts.successes == 2);
    assert!(circuit.rules().custom.set(rule).is_ok());
    call(&circuit, OK, 0);
    assert!(!is_calm(&circuit, 0));
    call(&circuit, OK, 0);
    assert_eq!(circuit.state(at(0)), CircuitState::Open);
}

#[test]
fn an_admission_judges_nothing_while_no_call_hangs() {
    let circuit = circuit(config().slow_calls(0.5, Duration::from_millis(800)));
    calls(&circuit, [OK; 5], 0);
    calls(&circuit, [FAILED; 4], 500);
    assert_eq!(circuit.counts(at(1050)), Counts { failures: 4, ..Counts::default() });
    let ticket = circuit.admit(0, at(1050)).unwrap();
    assert_eq!(circuit.state(at(1050)), CircuitState::Closed);
    circuit.settle(0, ticket, OK, at(1050));
    assert_eq!(circuit.state(at(1050)), CircuitState::Open, "a result is judged");
}

#[test]
fn calls_that_hang_trip_the_circuit_at_the_next_admission() {
    let circuit = circuit(config().slow_calls(0.5, Duration::from_millis(800)));
    let hanging = [(); 4].map(|()| circuit.admit(0, at(0)).unwrap());
    assert!(circuit.admit(0, at(899)).is_ok());
    let rejected = circuit.admit(0, at(900)).unwrap_err();
    assert_eq!(rejected.kind(), RejectedKind::CircuitOpen);
    assert_eq!(rejected.retry_after(), Some(Duration::from_secs(1)));
    assert_eq!(circuit.counts(at(900)), Counts { slow: 4, hanging: 4, ..Counts::default() });
    for ticket in hanging {
        circuit.settle(0, ticket, FAILED, at(950));
    }
    assert_eq!(circuit.totals().failures, 4);
    assert_eq!(circuit.until(at(950)), Some(at(1900)));
}

#[test]
fn a_call_that_hangs_no_longer_is_held_against_nobody() {
    let circuit = circuit(config().slow_calls(0.5, Duration::from_millis(800)));
    let dropped = [(); 4].map(|()| circuit.admit(0, at(0)).unwrap());
    for ticket in dropped {
        circuit.abandon(0, ticket, None, at(799));
    }
    assert!(circuit.admit(0, at(900)).is_ok());
    assert_eq!(circuit.counts(at(900)), Counts::default());
    assert_eq!(circuit.totals().abandoned, 4);
}

#[test]
fn a_verdict_on_an_epoch_that_is_over_trips_nothing() {
    let circuit = Arc::new(circuit(config()));
    let theirs = Arc::downgrade(&circuit);
    let rule: Box<CustomRule> = Box::new(move |_| {
        theirs.upgrade().unwrap().reset(at(0));
        true
    });
    assert!(circuit.rules().custom.set(rule).is_ok());
    let epoch = circuit.phase().epoch();
    call(&circuit, OK, 0);
    assert_eq!(circuit.state(at(0)), CircuitState::Closed);
    assert_eq!(circuit.phase().epoch(), epoch + 1);
}

#[test]
fn nobody_waits_at_the_instant_a_call_may_pass() {
    let circuit = circuit(config());
    calls(&circuit, [FAILED; 4], 0);
    let just_before = Instant::from_nanos(at(1000).nanos() - 1);
    assert_eq!(circuit.until(just_before), Some(at(1000)));
    assert!(circuit.refuses(|| just_before));
    assert_eq!(circuit.admit(0, just_before).unwrap_err().retry_after(), Some(Duration::from_nanos(1)));
    assert_eq!(circuit.until(at(1000)), None);
    assert!(!circuit.refuses(|| at(1000)));
    for _ in 0..3 {
        assert!(circuit.admit(0, at(1000)).is_ok());
    }
    assert_eq!(circuit.until(at(1000)), Some(at(2000)), "all probes are out");
    assert!(circuit.admit(0, at(1000)).is_err());
}

#[test]
fn the_ramp_lets_a_draw_below_its_share_pass_and_none_at_it() {
    let ramp = Duration::from_secs(10_000_000);
    let config = config().ramp(ramp);
    let share = |nanos| 0.1 + 0.9 * (Duration::from_nanos(nanos).as_secs_f64() / ramp.as_secs_f64());
    let (seed, equal) = (0..)
        .find_map(|seed| {
            let draw = Random::new(Some(seed)).unit();
            let guess = ((draw - 0.1) / 0.9 * ramp.as_nanos() as f64) as u64;
            let near = guess.saturating_sub(50)..guess.saturating_add(50);
            near.into_iter().find(|&nanos| share(nanos).total_cmp(&draw).is_eq()).map(|nanos| (seed, nanos))
        })
        .unwrap();
    let second = |nanos| {
        let random = Random::new(Some(seed));
        let rules = Rules { config: &config, random: &random };
        let mut core = Core::new();
        core.state = CircuitState::Recovering;
        assert_eq!(core.admit(rules, at(0)), Ok(Pass::Ramp), "the first needs no draw");
        core.admit(rules, Instant::from_nanos(nanos))
    };
    assert_eq!(second(equal - 1000), Err(None));
    assert_eq!(second(equal), Err(None));
    assert_eq!(second(equal + 1000), Ok(Pass::Ramp));
}
