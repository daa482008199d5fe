use std::task::{Wake, Waker};

use super::ages::Ages;
use super::*;
use crate::base::held::InLayer;
use crate::base::lanes::{LaneRef, Lanes};
use crate::base::sync::AtomicBool;
use crate::circuit_breaker::CircuitBreakerPermit;
use crate::circuit_breaker::config::{Abandoned, CircuitBreakerConfig, Window};
use crate::event::{Common, Pattern};
use crate::gate::Permit;

const SECOND: u64 = 1_000_000_000;

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// Opens at the first failure, for a second, and probes with so many calls.
fn circuit(probes: u32) -> Circuit {
    circuit_of(config(probes))
}

fn config(probes: u32) -> CircuitBreakerConfig {
    CircuitBreakerConfig::default()
        .window(Window::Time { span: Duration::from_secs(1), buckets: 1 })
        .minimum_calls(1)
        .consecutive_failures(0, Duration::ZERO)
        .open_for(Duration::from_secs(1), Duration::from_secs(1))
        .jitter(0.0)
        .seed(1)
        .probes(probes)
}

fn circuit_of(config: CircuitBreakerConfig) -> Circuit {
    let layer =
        Common::new(Pattern::CircuitBreaker, Name::new("model"), false, CircuitRules::new(config, at(0)));
    Circuit::new(Voice::of(layer, None), 1, at(0))
}

fn trip(circuit: &Circuit) {
    let ticket = circuit.admit(0, at(0)).unwrap();
    circuit.settle(0, ticket, Outcome::TRANSIENT, at(0));
}

fn settle(circuit: &Circuit, ticket: Ticket, outcome: Outcome, now: u64) {
    circuit.settle(0, ticket, outcome, at(now));
}

#[test]
fn exactly_as_many_probes_pass_as_there_are_places() {
    loom::model(|| {
        let circuit = Arc::new(circuit(1));
        trip(&circuit);
        let other = circuit.clone();
        let racer = loom::thread::spawn(move || other.admit(0, at(SECOND)).is_ok());
        let mine = circuit.admit(0, at(SECOND)).is_ok();
        assert!(mine ^ racer.join().unwrap());
        assert_eq!(circuit.state(at(SECOND)), CircuitState::HalfOpen);
    });
}

#[test]
fn a_late_success_does_not_undo_a_trip() {
    loom::model(|| {
        let circuit = Arc::new(circuit(1));
        let late = circuit.admit(0, at(0)).unwrap();
        let other = circuit.clone();
        let tripping = loom::thread::spawn(move || trip(&other));
        settle(&circuit, late, Outcome::Success, 0);
        tripping.join().unwrap();
        // One of two failed, whichever came first: that is half.
        assert_eq!(circuit.state(at(0)), CircuitState::Open);
        let totals = circuit.totals();
        assert_eq!((totals.successes, totals.failures), (1, 1));
    });
}

#[test]
fn a_straggler_decides_nothing_in_a_later_epoch() {
    loom::model(|| {
        let circuit = Arc::new(circuit(1));
        let late = circuit.admit(0, at(0)).unwrap();
        trip(&circuit);
        let probe = circuit.admit(0, at(SECOND)).unwrap();
        let other = circuit.clone();
        let straggler = loom::thread::spawn(move || settle(&other, late, Outcome::TRANSIENT, SECOND));
        settle(&circuit, probe, Outcome::Success, SECOND);
        straggler.join().unwrap();
        assert_eq!(circuit.state(at(SECOND)), CircuitState::Closed);
        assert_eq!(circuit.counts(at(SECOND)), Counts::default());
        assert_eq!(circuit.totals().calls(), 3);
    });
}

#[test]
fn two_probes_that_end_at_once_are_both_counted() {
    loom::model(|| {
        let circuit = Arc::new(circuit(2));
        trip(&circuit);
        let (a, b) = (circuit.admit(0, at(SECOND)).unwrap(), circuit.admit(0, at(SECOND)).unwrap());
        let other = circuit.clone();
        let prober = loom::thread::spawn(move || settle(&other, a, Outcome::Success, SECOND));
        settle(&circuit, b, Outcome::Success, SECOND);
        prober.join().unwrap();
        assert_eq!(circuit.state(at(SECOND)), CircuitState::Closed);
    });
}

#[test]
fn failures_that_race_trip_once() {
    loom::model(|| {
        let circuit = Arc::new(circuit(1));
        let (a, b) = (circuit.admit(0, at(0)).unwrap(), circuit.admit(0, at(0)).unwrap());
        let other = circuit.clone();
        let failing = loom::thread::spawn(move || settle(&other, a, Outcome::TRANSIENT, 0));
        settle(&circuit, b, Outcome::TRANSIENT, 0);
        failing.join().unwrap();
        assert_eq!(circuit.state(at(0)), CircuitState::Open);
        assert_eq!(circuit.phase().epoch(), 1);
        assert_eq!(circuit.totals().failures, 2);
    });
}

#[test]
fn a_permit_settled_and_one_dropped_leave_nothing_held() {
    loom::model(|| {
        let circuit = Lanes::new(circuit_of(config(2).abandoned(Abandoned::Ignore)));
        let (settled, dropped) = (permit(&circuit), permit(&circuit));
        let dropping = loom::thread::spawn(move || drop(dropped));
        settled.settle(Outcome::Success);
        dropping.join().unwrap();
        let totals = circuit.totals();
        assert_eq!((totals.successes, totals.abandoned, totals.calls()), (1, 1, 2));
    });
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn permit(circuit: &Lanes<Circuit>) -> CircuitBreakerPermit<LaneRef<Circuit>> {
    CircuitBreakerPermit::ask(InLayer::of(circuit)).unwrap()
}

#[test]
fn a_call_that_ends_while_it_loses_its_place_hangs_no_longer() {
    loom::model(|| {
        let limit = Duration::from_secs(1);
        let ages = Arc::new(Ages::new(limit, at(0)));
        ages.begin(0, at(0));
        ages.enter(0, at(0));
        let (other, later) = (ages.clone(), at(2 * SECOND));
        let taking_over = loom::thread::spawn(move || other.enter(0, later));
        ages.leave(0, at(0));
        taking_over.join().unwrap();
        ages.leave(0, later);
        assert_eq!(ages.too_old(0, at(100 * SECOND)), 0);
    });
}

#[test]
fn whoever_parks_while_the_circuit_opens_sees_it_or_is_woken() {
    loom::model(|| {
        let circuit = Arc::new(circuit(1));
        let other = circuit.clone();
        let tripping = loom::thread::spawn(move || trip(&other));
        let woken = std::sync::Arc::new(Woken(AtomicBool::new(false)));
        let mut parking = None;
        Wakers::park(circuit.parked(), &mut parking, &Waker::from(woken.clone()));
        let seen = circuit.refuses(|| at(0));
        tripping.join().unwrap();
        assert!(seen || woken.0.load(Ordering::SeqCst));
    });
}
