//! Where answers came from.

use seawall::chaos::Delay;
use seawall::fallback::Value;
use seawall::{
    CacheConfig, CacheLayer, ChaosConfig, ChaosLayer, CoalesceConfig, CoalesceLayer, Deadline, FallbackLayer,
    HedgeConfig, HedgeLayer, Key,
};
use tower::Layer;

use super::scrape::{recorder, said};
use super::*;

fn answers(name: &'static str, source: &str) -> f64 {
    said(name).get("seawall_answers_total", &[("source", source)])
}

#[tokio::test(start_paused = true)]
async fn a_cache_tells_what_it_answered_and_what_the_service_did() {
    recorder();
    let name = "kept";
    let config = CacheConfig::new(SECOND).name(name);
    let service = CacheLayer::new(config, |(): &()| Some(Key::from(1_u64))).layer(script([Play::Answer]));
    for _ in 0..3 {
        assert!(call(&service).await);
    }
    assert_eq!((answers(name, "service"), answers(name, "fresh")), (1.0, 2.0));
}

#[tokio::test(start_paused = true)]
async fn calls_that_follow_another_are_told_of() {
    recorder();
    let name = "flown";
    let layer = CoalesceLayer::new(CoalesceConfig::default().name(name), |(): &()| Some(1));
    let service = layer.layer(script([Play::AnswerAfter(SECOND), Play::FailAfter(SECOND)]));
    assert_eq!(futures::join!(call(&service), call(&service), call(&service)), (true, true, true));
    assert_eq!(answers(name, "shared"), 2.0);
    assert_eq!(futures::join!(call(&service), call(&service)), (false, false));
    assert_eq!(said(name).get("seawall_calls_total", &[("outcome", "rejected")]), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_follower_whose_time_is_over_is_counted_as_rejected_whatever_it_follows() {
    recorder();
    let rejected = |name| said(name).get("seawall_calls_total", &[("outcome", "rejected")]);
    let config = CacheConfig::new(SECOND).name("kept too late");
    let layer = CacheLayer::new(config, |(): &()| Some(Key::from(1_u64)));
    let service = layer.layer(script([Play::AnswerAfter(SECOND)]));
    let late = Deadline::after(ms(10)).scope(call(&service));
    assert_eq!(futures::join!(call(&service), call(&service), late), (true, true, false));
    assert_eq!(rejected("kept too late"), 1.0);

    let layer = CoalesceLayer::new(CoalesceConfig::default().name("flown too late"), |(): &()| Some(1));
    let service = layer.layer(script([Play::AnswerAfter(SECOND)]));
    let late = Deadline::after(ms(10)).scope(call(&service));
    assert_eq!(futures::join!(call(&service), call(&service), late), (true, true, false));
    assert_eq!(rejected("flown too late"), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_tells_whether_it_helped_watched_or_not() {
    recorder();
    for (name, watched) in [("helped", false), ("helped and watched", true)] {
        let layer = FallbackLayer::new(Value::new(7)).name(name);
        let _handle = watched.then(|| layer.handle());
        let service = layer.layer(script([Play::Answer, Play::Fail, Play::Fail]));
        for _ in 0..3 {
            assert!(call(&service).await);
        }
        assert_eq!(answers(name, "fallback"), 2.0, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hedge_tells_why_it_was_made_and_whose_answer_came() {
    recorder();
    let name = "raced";
    let layer =
        HedgeLayer::new(HedgeConfig::default().delay(seawall::hedge::Delay::Fixed(ms(10))).name(name));
    let service = layer.layer(script([Play::AnswerAfter(SECOND), Play::Answer, Play::Answer]));
    assert!(call(&service).await && call(&service).await);
    assert_eq!(answers(name, "hedge"), 1.0);
    assert_eq!(said(name).get("seawall_attempts_total", &[("reason", "slow")]), 1.0);
}

#[tokio::test(start_paused = true)]
async fn chaos_tells_whom_it_hit() {
    recorder();
    let name = "hit";
    let layer = ChaosLayer::new(ChaosConfig::default().delays(1.0, Delay::Fixed(ms(10))).name(name));
    layer.handle().switch_on();
    assert!(call(&layer.layer(script([Play::Answer]))).await);
    assert_eq!(answers(name, "delay"), 1.0);
}
