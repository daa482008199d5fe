//! Layers over layers.

use seawall::{
    AdaptiveLayer, BulkheadConfig, BulkheadLayer, ChaosConfig, ChaosLayer, CircuitBreakerLayer,
    CoalesceConfig, CoalesceLayer, EventKind, HedgeLayer, RateLimitLayer, RetryConfig, RetryLayer,
    TimeoutLayer,
};

use super::circuit::circuit;
use super::limits::{freely, growing};
use crate::books::{Books, SECOND, circuit_of, on_bulkhead, on_circuit, on_coalesce, on_queue};
use crate::foreign::{Flight, Heard, itself};
use crate::subject::Subject;

/// The whole call, another attempt, the circuit, each attempt.
pub(crate) fn full_stack() -> Subject<(TimeoutLayer, RetryLayer, CircuitBreakerLayer, TimeoutLayer)> {
    let heard = Heard::default();
    let circuit = CircuitBreakerLayer::new(circuit()).on_event(heard.listener());
    let (retry, handle) = (RetryLayer::new(RetryConfig::default()), circuit.handle());
    let sleepers = retry.handle();
    let layers = (TimeoutLayer::new(7200 * SECOND), retry, circuit, TimeoutLayer::new(3600 * SECOND));
    let mut subject = on_circuit(layers, handle, Some(heard), false);
    let of_circuit = subject.held;
    subject.held = Box::new(move |probe| of_circuit(probe) + sleepers.sleepers() as i64);
    subject.copies = 1;
    subject
}

pub(crate) fn breaker_over_retry() -> Subject<(CircuitBreakerLayer, RetryLayer)> {
    let circuit = CircuitBreakerLayer::new(circuit());
    let handle = circuit.handle();
    let retry = RetryLayer::new(RetryConfig::default().max_attempts(1));
    let mut subject = on_circuit((circuit, retry), handle, None, true);
    subject.copies = 1;
    subject
}

/// The circuit sees both tries, and ignores the one that loses.
pub(crate) fn hedge_over_breaker() -> Subject<(HedgeLayer, CircuitBreakerLayer)> {
    let heard = Heard::default();
    let circuit = CircuitBreakerLayer::new(circuit()).on_event(heard.listener());
    let handle = circuit.handle();
    let hedge = HedgeLayer::new(super::drivers::patient());
    let mut subject = on_circuit((hedge, circuit), handle, Some(heard), false);
    subject.copies = 1;
    subject
}

pub(crate) fn two_breakers() -> Subject<(CircuitBreakerLayer, CircuitBreakerLayer)> {
    let (outer, inner) = (CircuitBreakerLayer::new(circuit()), CircuitBreakerLayer::new(circuit()));
    let handle = inner.handle();
    on_circuit((outer, inner), handle, None, true)
}

pub(crate) type FourGates = (CircuitBreakerLayer, BulkheadLayer, RateLimitLayer, AdaptiveLayer);

/// All gates in the order of the manual: what one lets in, the next is asked.
pub(crate) fn four_gates() -> Subject<FourGates> {
    let circuit = CircuitBreakerLayer::new(circuit());
    let bulkhead = BulkheadLayer::new(BulkheadConfig::new(10));
    let (rate_limit, adaptive) = (RateLimitLayer::new(freely()), AdaptiveLayer::new(growing()));
    let below = Books::new(bulkhead.handle(), None);
    let below_that = Books::new(rate_limit.handle(), None);
    let innermost = Books::new(adaptive.handle(), None);
    let handle = circuit.handle();
    let layers = (circuit, bulkhead, rate_limit, adaptive);
    let outermost = Books::new(handle, None);
    let mut subject = circuit_of(&outermost, layers, true);
    let (held, all) = (subject.held, (below.clone(), below_that.clone(), innermost.clone()));
    subject.held = Box::new(move |probe| held(probe) + all.0.held() + all.1.held() + all.2.held());
    subject.busy.1 = 4;
    subject.account = Box::new(move |seen| {
        let ledgers = [outermost.ledger(), below.ledger(), below_that.ledger(), innermost.ledger()];
        ensure!(ledgers[0].calls() == seen.calls, "calls: {ledgers:?} for {seen:?}");
        let refused: u64 = ledgers.iter().map(|ledger| ledger.refused).sum();
        let may_be = seen.refused..=seen.refused + seen.dropped;
        ensure!(may_be.contains(&refused), "refused: {ledgers:?} for {seen:?}");
        // A call may end before it comes to the next gate.
        let short = seen.dropped + seen.broke + seen.broke_elsewhere + seen.unready;
        for pair in ledgers.windows(2) {
            let (above, below) = (pair[0], pair[1]);
            let asked = below.calls()..=below.calls() + short;
            ensure!(asked.contains(&above.admitted()), "let in and asked: {ledgers:?} for {seen:?}");
            ensure!(above.successes == seen.answered, "successes: {ledgers:?} for {seen:?}");
        }
        ledgers[3].reaches(seen)
    });
    subject
}

pub(crate) fn retry_over_bulkhead() -> Subject<(RetryLayer, BulkheadLayer)> {
    let heard = Heard::default();
    let bulkhead = BulkheadLayer::new(BulkheadConfig::new(3)).on_event(heard.listener());
    let (retry, handle) = (RetryLayer::new(RetryConfig::default()), bulkhead.handle());
    let sleepers = retry.handle();
    let mut subject = on_bulkhead((retry, bulkhead), handle, Some(heard), false);
    let of_bulkhead = subject.held;
    subject.held = Box::new(move |probe| of_bulkhead(probe) + sleepers.sleepers() as i64);
    subject.copies = 1;
    subject
}

/// The timeout is long; its deadline is what the queue sees of it.
pub(crate) fn timeout_over_queue() -> Subject<(TimeoutLayer, BulkheadLayer)> {
    let heard = Heard::default();
    let bulkhead = BulkheadLayer::new(super::limits::queue(1)).on_event(heard.listener());
    let handle = bulkhead.handle();
    on_queue((TimeoutLayer::new(3600 * SECOND), bulkhead), handle, Some(heard), super::limits::PATIENCE)
}

/// A large one over a small one with a queue.
pub(crate) fn two_bulkheads() -> Subject<(BulkheadLayer, BulkheadLayer)> {
    let (outer, inner) =
        (BulkheadLayer::new(BulkheadConfig::new(100)), BulkheadLayer::new(super::limits::queue(2)));
    let (around, handle) = (outer.handle(), inner.handle());
    let mut subject = on_queue((outer, inner), handle, None, super::limits::PATIENCE);
    let held = subject.held;
    subject.held = Box::new(move |probe| held(probe) + i64::from(around.in_flight()));
    subject.busy.1 = 2;
    subject
}

/// One flight is a call with all its attempts.
pub(crate) fn coalesce_over_retry() -> Subject<(CoalesceLayer<Flight, u64>, RetryLayer, ChaosLayer)> {
    let heard = Heard::default();
    let coalesce = CoalesceLayer::new(CoalesceConfig::default(), itself as Flight).on_event(heard.listener());
    let handle = coalesce.handle();
    let (retry, chaos) = (RetryLayer::new(RetryConfig::default()), ChaosLayer::new(ChaosConfig::default()));
    let mut subject = on_coalesce((coalesce, retry, chaos), handle, heard.clone());
    subject.copies = 1;
    subject.account = Box::new(move |seen| {
        let refused = heard.count(|kind| matches!(kind, EventKind::Refused(_)));
        ensure!(refused == seen.refused, "{refused} refusals were told of {seen:?}");
        Ok(())
    });
    subject
}
