//! The table: one line per layer, or variant of one, and every law is a test of it.
//!
//! A new layer is one line here and one function in a file below, which says how to look into it.
//!
//! `adds` pins by how many bytes the future of a layer may be larger than the one of its service.

pub(crate) use std::time::Duration;

pub(crate) use seawall::adaptive::Algorithm;
pub(crate) use seawall::bulkhead::Order;
pub(crate) use seawall::circuit_breaker::Window;
pub(crate) use seawall::http::HttpCacheConfig;
pub(crate) use seawall::rate_limit::Counting;
pub(crate) use seawall::{Backoff, BulkheadConfig, HedgeConfig, KeyConfig, RateLimitConfig, RetryConfig};

pub(crate) use self::cache::*;
pub(crate) use self::circuit::*;
pub(crate) use self::drivers::*;
pub(crate) use self::http::*;
pub(crate) use self::keyed::*;
pub(crate) use self::limits::*;
pub(crate) use self::stacks::*;
pub(crate) use crate::books::SECOND;

mod cache;
mod circuit;
mod drivers;
mod http;
mod keyed;
mod limits;
mod stacks;

#[rustfmt::skip]
macro_rules! every_layer {
    ($then:ident $($args:ident)*) => {
        $then! { [$($args)*]
            circuit_breaker = breaker(circuit()).adds(56);
            circuit_breaker_over_a_count_window = breaker(circuit().window(Window::Count(100))).adds(56);
            circuit_breaker_that_minds_slow_calls = breaker(circuit().slow_calls(1.0, 2 * SECOND)).adds(56);
            circuit_breaker_half_open = half_open().adds(56);
            circuit_breaker_recovering = recovering().adds(56);
            circuit_breaker_that_runs_foreign_code = foreign_breaker().adds(56);
            circuit_breaker_with_a_rule_of_its_user = ruled_breaker().adds(56);
            bulkhead = places(BulkheadConfig::new(100)).adds(200);
            bulkhead_of_one_place = places(BulkheadConfig::new(1)).adds(200);
            bulkhead_with_a_queue = queueing(queue(1)).adds(200);
            bulkhead_that_lets_the_newest_in_first = queueing(queue(1).order(Order::Lifo)).adds(200);
            bulkhead_that_sheds_a_standing_queue = queueing(queue(1).order(Order::CodelLifo)).adds(200);
            rate_limit = turns(freely()).adds(176);
            rate_limit_over_fixed_windows = turns(in_periods(Counting::FixedWindow)).adds(176);
            rate_limit_over_a_sliding_window = turns(in_periods(Counting::SlidingWindow)).adds(176);
            rate_limit_with_a_queue = turns(in_turn()).adds(176);
            rate_limit_over_fixed_windows_with_a_queue = turns(in_periods(Counting::FixedWindow).max_wait(PATIENCE)).adds(176);
            rate_limit_over_a_sliding_window_with_a_queue = turns(in_periods(Counting::SlidingWindow).max_wait(PATIENCE)).adds(176);
            adaptive = finding(growing()).adds(56);
            adaptive_of_one_call = finding(growing().max(1).initial(1)).adds(56);
            adaptive_by_round_trips = finding(growing().algorithm(Algorithm::Gradient2)).adds(56);
            adaptive_by_drops = finding(growing().algorithm(Algorithm::Aimd { latency: Some(SECOND) })).adds(56);
            adaptive_that_runs_foreign_code = foreign_adaptive().adds(56);
            retry = retrier(RetryConfig::default()).adds(232);
            retry_of_one_attempt = retrier(RetryConfig::default().max_attempts(1)).adds(232);
            retry_that_runs_foreign_code = foreign_retrier().adds(232);
            hedge = hedger(patient()).adds(136);
            hedge_by_quantile = hedger(HedgeConfig::default()).adds(136);
            hedge_that_runs_foreign_code = foreign_hedger().adds(136);
            timeout = limit(3600 * SECOND).adds(168);
            timeout_that_never_ends = limit(Duration::MAX).adds(168);
            fallback = no_answer().adds(32);
            fallback_that_runs_foreign_code = foreign_no_answer().adds(32);
            chaos_switched_off = spared().adds(112);
            chaos_that_hits_no_call = hitting(ChaosConfig::default()).adds(112);
            stack_of_timeout_retry_breaker_timeout = full_stack().adds(464);
            stack_of_breaker_and_retry = breaker_over_retry().adds(272);
            stack_of_hedge_and_breaker = hedge_over_breaker().adds(192);
            stack_of_two_breakers = two_breakers().adds(96);
            stack_of_all_gates = four_gates().adds(248);
            stack_of_retry_and_bulkhead = retry_over_bulkhead().adds(288);
            stack_of_timeout_and_queue = timeout_over_queue().adds(368);
            stack_of_two_bulkheads = two_bulkheads().adds(232);
            // Those that take one type of request, that of their closures.
            @of_one_type
            chaos_that_hits_nobody = hitting_nobody().adds(112);
            timeout_that_runs_foreign_code = foreign_limit().adds(168);
            coalesce = flying(itself, AfterFailure::Refuse).adds(112);
            coalesce_of_few_keys = flying(alike, AfterFailure::Refuse).adds(112);
            coalesce_whose_followers_fly_alone = flying(alike, AfterFailure::FlyAlone).adds(112);
            coalesce_without_a_key = never_flying().adds(112);
            stack_of_coalesce_retry_chaos = coalesce_over_retry().adds(248);
            cache = cached(keeping()).adds(112);
            cache_without_single_flight = cached(keeping().single_flight(false)).adds(112);
            cache_that_refreshes_in_the_background = cached_in_background().adds(112);
            cache_of_requests_without_a_key = never_cached().adds(112);
            cache_that_runs_foreign_code = foreign_cache().adds(112);
            http_cache = http_cached(HttpCacheConfig::default()).adds(152);
            http_cache_that_refreshes_in_the_background = http_cached_in_background().adds(152);
            http_cache_of_requests_that_pass_it_by = passed_by().adds(152);
            bulkhead_that_runs_foreign_code = foreign_bulkhead().adds(200);
            rate_limit_that_runs_foreign_code = foreign_rate_limit().adds(176);
            circuit_breaker_by_key = keyed_breaker(KeyConfig::default()).adds(56);
            circuit_breaker_without_room_for_keys = keyed_breaker(KeyConfig::default().max(1)).adds(56);
            circuit_breaker_of_a_crowd = crowded_breaker().adds(56);
            bulkhead_by_key = keyed_bulkhead(KeyConfig::default()).adds(200);
            bulkhead_without_room_for_keys = keyed_bulkhead(KeyConfig::default().max(1)).adds(200);
            bulkhead_of_a_crowd = crowded_bulkhead().adds(200);
            rate_limit_by_key = keyed_rate_limit(KeyConfig::default()).adds(176);
            rate_limit_without_room_for_keys = keyed_rate_limit(KeyConfig::default().max(1)).adds(176);
            rate_limit_of_a_crowd = crowded_rate_limit().adds(176);
            adaptive_by_key = keyed_adaptive(KeyConfig::default()).adds(56);
            adaptive_without_room_for_keys = keyed_adaptive(KeyConfig::default().max(1)).adds(56);
            adaptive_of_a_crowd = crowded_adaptive().adds(56);
        }
    };
}

/// Layers at the ends of their ranges: they may refuse, but neither panic nor wedge.
#[rustfmt::skip]
macro_rules! every_extreme {
    ($then:ident $($args:ident)*) => {
        $then! { [$($args)*]
            circuit_breaker_of_least_values = breaker(least_circuit());
            circuit_breaker_of_largest_values = breaker(largest_circuit());
            circuit_breaker_of_one_call = breaker(circuit().minimum_calls(0).window(Window::Count(1)).probes(1));
            circuit_breaker_of_largest_counts = breaker(circuit().minimum_calls(u32::MAX).window(Window::Count(60_000)));
            circuit_breaker_slow_at_once = breaker(circuit().slow_calls(f64::MIN_POSITIVE, Duration::from_nanos(1)));
            circuit_breaker_never_slow = breaker(circuit().slow_calls(1.0, Duration::MAX));
            circuit_breaker_always_reopening = breaker(circuit().open_for(Duration::ZERO, Duration::MAX).ramp(Duration::MAX));
            retry_of_least_values = retrier(least_retry());
            retry_of_largest_values = retrier(largest_retry());
            retry_without_a_wait = retrier(largest_retry().backoff(Backoff::constant(Duration::ZERO)).max_attempts(50));
            retry_without_a_place = retrier(RetryConfig::default().budget(None).max_sleepers(0));
            hedge_at_once = hedger(HedgeConfig::default().after(Duration::ZERO).least_attempt(Duration::ZERO).budget(None));
            hedge_of_least_values = hedger(HedgeConfig::default().quantile(0.0).min_samples(0).least_attempt(Duration::ZERO));
            hedge_of_largest_values = hedger(HedgeConfig::default().quantile(1.0).min_samples(1).least_attempt(Duration::MAX));
            hedge_after_a_nanosecond = hedger(HedgeConfig::default().after(Duration::from_nanos(1)));
            hedge_after_all_nanoseconds = hedger(HedgeConfig::default().after(Duration::from_nanos(u64::MAX - 1)));
            hedge_never = hedger(HedgeConfig::default().after(Duration::MAX).min_samples(u32::MAX));
            bulkhead_of_one = places(BulkheadConfig::new(1));
            bulkhead_of_all = places(BulkheadConfig::new(u32::MAX));
            bulkhead_where_nobody_waits_for_long = places(BulkheadConfig::new(1).queue(u32::MAX, Duration::ZERO));
            bulkhead_where_all_wait_for_ever = queueing(BulkheadConfig::new(1).queue(u32::MAX, Duration::MAX));
            bulkhead_where_the_newest_waits_for_ever = queueing(BulkheadConfig::new(1).queue(u32::MAX, Duration::MAX).order(Order::Lifo));
            bulkhead_that_sheds_for_ever = queueing(BulkheadConfig::new(1).queue(u32::MAX, Duration::MAX).order(Order::CodelLifo));
            bulkhead_of_all_with_a_queue = places(BulkheadConfig::new(u32::MAX).queue(u32::MAX, Duration::MAX));
            rate_limit_of_one_for_ever = turns(RateLimitConfig::new(1, Duration::MAX)).may_end();
            rate_limit_of_one_for_ever_in_a_window = turns(RateLimitConfig::new(1, Duration::MAX).counting(Counting::FixedWindow)).may_end();
            rate_limit_of_one_for_ever_in_any_stretch = turns(RateLimitConfig::new(1, Duration::MAX).counting(Counting::SlidingWindow)).may_end();
            rate_limit_of_one_where_all_wait_for_ever = turns(RateLimitConfig::new(1, Duration::MAX).max_wait(Duration::MAX)).may_end();
            rate_limit_of_the_largest_burst = turns(RateLimitConfig::new(u32::MAX, Duration::MAX).burst(u32::MAX).max_wait(Duration::MAX).max_pause(Duration::MAX));
            rate_limit_of_one_a_nanosecond = turns(RateLimitConfig::per_second(1_000_000_000).burst(1).max_pause(Duration::ZERO));
            rate_limit_of_one_a_nanosecond_in_windows = turns(RateLimitConfig::new(1, Duration::from_nanos(1)).counting(Counting::FixedWindow).max_wait(Duration::from_nanos(1)));
            rate_limit_of_one_a_nanosecond_in_any_stretch = turns(RateLimitConfig::new(1, Duration::from_nanos(1)).counting(Counting::SlidingWindow).max_wait(Duration::MAX));
            adaptive_of_one = finding(growing().max(1).initial(1).abandoned_after(Duration::ZERO));
            adaptive_of_a_million = finding(growing().max(1_000_000).initial(1_000_000).abandoned_after(Duration::MAX));
            adaptive_by_round_trips_of_a_million = finding(growing().algorithm(Algorithm::Gradient2).max(1_000_000).initial(1_000_000).abandoned_after(Duration::ZERO));
            adaptive_by_drops_of_a_nanosecond = finding(growing().algorithm(Algorithm::Aimd { latency: Some(Duration::from_nanos(1)) }).abandoned_after(Duration::ZERO));
            adaptive_by_drops_of_all_time = finding(growing().algorithm(Algorithm::Aimd { latency: Some(Duration::MAX) }).max(1_000_000));
            chaos_of_no_delay = hitting(ChaosConfig::default().delays(1.0, Delay::Fixed(Duration::ZERO)));
            chaos_of_the_least_delay = hitting(ChaosConfig::default().delays(1.0, Delay::Exponential { mean: Duration::MAX, cap: Duration::from_nanos(1) }));
            chaos_of_all_time = hitting(ChaosConfig::default().hangs(1.0).during(Duration::from_secs(u64::MAX), Duration::MAX));
            timeout_of_zero = limit(Duration::ZERO);
            timeout_of_a_nanosecond = limit(Duration::from_nanos(1));
            timeout_of_all_nanoseconds = limit(Duration::from_nanos(u64::MAX - 1));
            timeout_of_all_time = limit(Duration::MAX);
            @of_one_type
            cache_of_least_values = cached(least_cache());
            cache_of_largest_values = cached(largest_cache());
            cache_of_one_answer = cached(keeping().capacity(1));
            http_cache_of_least_values = http_cached(least_http_cache());
            http_cache_of_largest_values = http_cached(largest_http_cache());
            circuit_breaker_of_one_key = keyed_breaker(KeyConfig::default().max(1));
            circuit_breaker_of_all_keys = keyed_breaker(KeyConfig::default().max(u32::MAX));
            bulkhead_of_one_key = keyed_bulkhead(KeyConfig::default().max(1));
            bulkhead_of_all_keys = keyed_bulkhead(KeyConfig::default().max(u32::MAX));
            rate_limit_of_one_key = keyed_rate_limit(KeyConfig::default().max(1));
            rate_limit_of_all_keys = keyed_rate_limit(KeyConfig::default().max(u32::MAX));
            adaptive_of_one_key = keyed_adaptive(KeyConfig::default().max(1));
            adaptive_of_all_keys = keyed_adaptive(KeyConfig::default().max(u32::MAX));
        }
    };
}
