//! What other libraries allow, in our words.

use super::{BudgetConfig, Costs};
use crate::budget::Budget;

/// The budgets of other libraries, as they are when nothing is set there. In all of them differs that a deposit is made by a
/// success, and by no other call; what else does stands in the [defaults](crate::guide::defaults_drivers#budgets-of-others).
impl BudgetConfig {
    /// As the retry quota of the AWS SDKs in their standard mode: 500 tokens, 5 for a retry, 10 after a timeout, one back for
    /// a success. Counted in retries: 100 in hand and no more, a fifth of one for each success, two after a timeout.
    ///
    /// There a call that succeeds at its second attempt gets back what that cost. So where every other attempt fails the quota
    /// never runs dry. Here it gets the same fifth as all.
    #[must_use]
    pub const fn aws() -> Self {
        Self::DEFAULT.ratio(0.2).burst(100).capped(true).costs(Costs::ONE.timed_out(2.0))
    }

    /// As the retry throttling of gRPC (gRFC A6): `max_tokens` at most, `ratio` back for a success, one for every failure,
    /// retried or not. Retries only while more than half is in hand.
    ///
    /// The service config has `maxTokens` from 1 to 1,000 and `tokenRatio` above 0; here a ratio is at most 1.
    #[must_use]
    pub const fn grpc(max_tokens: u32, ratio: f64) -> Self {
        Self::DEFAULT.ratio(ratio).burst(max_tokens).capped(true).threshold(Some(max_tokens as f64 / 2.0))
    }

    /// Like the retry budget of Envoy: 20 % of the active requests, at least 3 at a time. Here a fifth of one for each success,
    /// 3 in hand, and 3 a second whatever the traffic.
    ///
    /// Envoy counts the retries that are on their way, we count those that were made. Where an attempt takes a second it is
    /// the same; where one takes less, Envoy's floor is higher. A floor is per client: with many of them keep an eye on
    /// `min_per_second`, or set it to 0.
    #[must_use]
    pub const fn envoy() -> Self {
        Self::DEFAULT.ratio(0.2).burst(3).min_per_second(3)
    }

    /// As `RetryBudget()` of Finagle, which Linkerd and tower's `TpsBudget` took over: a retry for every five requests of the
    /// last 10 s, and 10 a second whatever the traffic.
    ///
    /// There the floor of ten seconds may be spent at once, here that of one. A floor is per client: a hundred of them add
    /// a thousand calls a second to a service that is down, and it stays down. Set `min_per_second(0)` unless there are few.
    #[must_use]
    pub const fn finagle() -> Self {
        Self::DEFAULT.ratio(0.2).burst(10).min_per_second(10)
    }
}

impl Budget {
    /// A full budget as [`BudgetConfig::aws`] has it.
    #[must_use]
    pub fn aws() -> Self {
        Self::new(BudgetConfig::aws())
    }

    /// A full budget as [`BudgetConfig::grpc`] has it.
    ///
    /// # Panics
    /// If the ratio is outside 0 to 1.
    #[must_use]
    #[track_caller]
    pub fn grpc(max_tokens: u32, ratio: f64) -> Self {
        Self::new(BudgetConfig::grpc(max_tokens, ratio))
    }

    /// A full budget as [`BudgetConfig::envoy`] has it.
    #[must_use]
    pub fn envoy() -> Self {
        Self::new(BudgetConfig::envoy())
    }

    /// A full budget as [`BudgetConfig::finagle`] has it.
    #[must_use]
    pub fn finagle() -> Self {
        Self::new(BudgetConfig::finagle())
    }
}
