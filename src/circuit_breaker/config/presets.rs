//! What other libraries do by default, in our words.

use std::time::Duration;

use super::{Abandoned, CircuitBreakerConfig, KeyConfig, Window};

/// What the others have in common: a window of ten seconds in ten parts, no rule but a rate, the same open time each
/// time for every client, one probe.
const PLAIN: CircuitBreakerConfig = CircuitBreakerConfig {
    name: None,
    window: Window::Time { span: Duration::from_secs(10), buckets: 10 },
    minimum_calls: 0,
    failure_rate: Some(0.5),
    slow_rate: None,
    slow_call: None,
    consecutive_failures: 0,
    consecutive_span: Duration::ZERO,
    open_for: Duration::from_secs(5),
    open_for_max: Duration::from_secs(5),
    jitter: 0.0,
    probes: 1,
    lease: None,
    ramp: None,
    abandoned: Abandoned::Ignore,
    count_throttled: false,
    seed: None,
    keys: KeyConfig::DEFAULT,
};

/// For those who wait for a probe without limit: the longest lease there is.
const LONGEST_LEASE: Duration = Duration::from_secs(60);

/// The circuits of other libraries, as they are when nothing is set there. What differs all the same, and why, stands in
/// the [guide](crate::guide::migrate).
impl CircuitBreakerConfig {
    /// As `CircuitBreakerConfig.ofDefaults()` of resilience4j, versions 1 and 2.
    ///
    /// Opens at 50 % failures of the last 100 calls, or when all 100 took longer than 60 s; no rate below 100 calls. Open for
    /// 60 s, each time; then 10 probes, of which fewer than 5 may fail. A probe may take 60 s; there it may take for ever.
    /// A call that its caller dropped means nothing.
    #[must_use]
    pub const fn resilience4j() -> Self {
        let minute = Duration::from_secs(60);
        PLAIN
            .window(Window::Count(100))
            .minimum_calls(100)
            .slow_calls(1.0, minute)
            .open_for(minute, minute)
            .probes(10)
            .lease(LONGEST_LEASE)
    }

    /// As `new CircuitBreakerStrategyOptions()` of Polly, version 8.
    ///
    /// Opens at 10 % failures of at least 100 calls in 30 s, which roll in tenths. Open for 5 s, each time; then 1 probe. It may
    /// take 60 s; there it may take for ever. A call that its caller dropped means nothing.
    #[must_use]
    pub const fn polly() -> Self {
        PLAIN
            .window(Window::Time { span: Duration::from_secs(30), buckets: 10 })
            .minimum_calls(100)
            .failure_rate(Some(0.1))
            .lease(LONGEST_LEASE)
    }

    /// As the defaults of `HystrixCommandProperties` of Hystrix, version 1.5.
    ///
    /// Opens at 50 % failures of at least 20 calls in 10 s, which roll in tenths. Open for 5 s, each time; then 1 probe. A call
    /// that its caller dropped is a failure from 1 s on: that is where Hystrix ends every command. Here a
    /// [`TimeoutLayer`](crate::TimeoutLayer) of 1 s below the circuit does that.
    #[must_use]
    pub const fn hystrix() -> Self {
        PLAIN.minimum_calls(20).abandoned(Abandoned::FailureIfOlderThan(Duration::from_secs(1)))
    }

    /// As `new CircuitBreaker(action)` of opossum, the circuit breaker of Node.js, from version 5 on.
    ///
    /// Opens at 50 % failures of the calls of 10 s, which roll in tenths, from the very first call on: one failure on a circuit
    /// at rest opens it. Open for 30 s, each time; then 1 probe. A call that its caller dropped is a failure from 10 s on:
    /// that is where opossum ends every call. Here a [`TimeoutLayer`](crate::TimeoutLayer) of 10 s below the circuit does that.
    #[must_use]
    pub const fn opossum() -> Self {
        let reset = Duration::from_secs(30);
        PLAIN.open_for(reset, reset).abandoned(Abandoned::FailureIfOlderThan(Duration::from_secs(10)))
    }

    /// As the failure accrual `unified` of the linkerd 2 proxy, which has one circuit for each endpoint: make one layer for
    /// each.
    ///
    /// Opens at 20 % failures of at least 5 calls in 10 s, which roll in tenths, or at 7 failures in a row. Open for 1 s, doubled
    /// for each failed probe, each time up to half as long again, never longer than 60 s unless a hint asks for it; then 1
    /// probe, for which 60 s are allowed. What is throttled is a failure. A call that its caller dropped means nothing.
    ///
    /// linkerd's jitter only lengthens; ours goes both ways. So 1 s to 1.5 s is written as 1.25 s ± 20 %, and the cap as 50 s ±
    /// 20 %. With `failure_rate(None)` and `count_throttled(false)` it is the accrual `consecutive`.
    #[must_use]
    pub const fn linkerd() -> Self {
        PLAIN
            .minimum_calls(5)
            .failure_rate(Some(0.2))
            .consecutive_failures(7, Duration::ZERO)
            .open_for(Duration::from_millis(1_250), Duration::from_secs(50))
            .jitter(0.2)
            .lease(LONGEST_LEASE)
            .count_throttled(true)
    }
}
