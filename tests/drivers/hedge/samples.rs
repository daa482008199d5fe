//! What is measured, and the delay that follows from it.

use super::*;

fn sampling() -> HedgeConfig {
    HedgeConfig::default().quantile(0.5).min_samples(10).budget(None)
}

/// So many calls of one line.
async fn calls(config: HedgeConfig, play: Play, calls: usize) -> Handle {
    let (mut service, _, handle) = over(config, [play]);
    for _ in 0..calls {
        let _result = call(&mut service, ()).await;
    }
    handle
}

#[tokio::test(start_paused = true)]
async fn by_default_nothing_is_hedged_before_a_hundred_samples() {
    let config = HedgeConfig::default();
    let handle = calls(config.clone(), Play::AnswerAfter(ms(40)), 99).await;
    assert_eq!((handle.samples(), handle.delay()), (99, None));
    let handle = calls(config, Play::AnswerAfter(ms(40)), 100).await;
    let delay = handle.delay().unwrap();
    assert_eq!(handle.samples(), 100);
    assert!(delay >= ms(40) && delay <= ms(40) + ms(40) / 64, "{delay:?}");
}

#[tokio::test(start_paused = true)]
async fn not_even_a_failure_starts_a_hedge_before() {
    let (mut service, probe, _) = over(HedgeConfig::default(), [Play::Fail, Play::Answer]);
    assert!(call(&mut service, ()).await.is_err());
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn by_default_the_slowest_twentieth_is_hedged() {
    let lines = (0..1_100).map(|number| Play::AnswerAfter(ms(10 + (number * 37) % 100)));
    let (mut service, probe, handle) = over(HedgeConfig::default().budget(None), lines);
    for _ in 0..1_000 {
        call(&mut service, ()).await.unwrap();
    }
    let delay = handle.delay().unwrap();
    assert!((ms(103)..=ms(108)).contains(&delay), "{delay:?} of 10 to 109 ms");
    assert!((20..=45).contains(&handle.hedges()), "{} of 900 are hedged", handle.hedges());
    assert_eq!(probe.calls(), 1_000 + handle.hedges());
}

#[tokio::test(start_paused = true)]
async fn only_successes_that_had_to_wait_are_samples() {
    assert_eq!(calls(sampling(), Play::AnswerAfter(ms(5)), 8).await.samples(), 8);
    assert_eq!(calls(sampling(), Play::FailAfter(ms(5)), 8).await.samples(), 0);
    assert_eq!(calls(sampling(), Play::Answer, 8).await.samples(), 0);
    assert_eq!(calls(after(ms(50)), Play::AnswerAfter(ms(5)), 8).await.samples(), 0, "the delay is fixed");
}

/// A service that took 20 ms so far, so that the delay is just above.
async fn at_twenty(then: impl IntoIterator<Item = Play>) -> (Hedge<Script>, Probe, Handle) {
    let (mut service, probe, handle) = over(sampling().quantile(1.0), [Play::AnswerAfter(ms(20))]);
    for _ in 0..10 {
        call(&mut service, ()).await.unwrap();
    }
    probe.play(then);
    (service, probe, handle)
}

fn is_about(delay: Option<Duration>, millis: u64) -> bool {
    delay.is_some_and(|delay| delay >= ms(millis) && delay <= ms(millis) + ms(millis) / 64 + ms(1))
}

#[tokio::test(start_paused = true)]
async fn a_first_try_that_lost_counts_as_long_as_it_ran_and_the_hedge_not_at_all() {
    let (mut service, _, handle) = at_twenty([Play::Hang, Play::AnswerAfter(ms(60))]).await;
    assert!(is_about(handle.delay(), 20));
    call(&mut service, ()).await.unwrap();
    assert_eq!((handle.samples(), handle.hedges()), (11, 1));
    assert!(is_about(handle.delay(), 81), "{:?}", handle.delay());
}

#[tokio::test(start_paused = true)]
async fn a_first_try_that_won_over_its_hedge_is_a_sample() {
    let (mut service, _, handle) = at_twenty([Play::AnswerAfter(ms(200)), Play::Hang]).await;
    call(&mut service, ()).await.unwrap();
    assert_eq!(handle.samples(), 11);
    assert!(is_about(handle.delay(), 200), "{:?}", handle.delay());
}

#[tokio::test(start_paused = true)]
async fn a_first_try_that_failed_is_none_though_its_hedge_succeeded() {
    let (mut service, _, handle) = at_twenty([Play::FailAfter(ms(3)), Play::AnswerAfter(ms(500))]).await;
    call(&mut service, ()).await.unwrap();
    assert_eq!((handle.samples(), handle.wins()), (10, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_left_counts_only_if_the_first_try_was_slow_by_then() {
    let (mut service, _, handle) = at_twenty([Play::Hang]).await;
    assert!(tokio::time::timeout(ms(10), call(&mut service, ())).await.is_err());
    assert_eq!(handle.samples(), 10, "how long it would have taken is not known");
    assert!(tokio::time::timeout(ms(100), call(&mut service, ())).await.is_err());
    assert_eq!(handle.samples(), 11, "it took longer than the delay");
    assert!(is_about(handle.delay(), 100), "{:?}", handle.delay());
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_a_millisecond_at_least() {
    let (mut service, _, handle) = over(sampling(), [Play::AnswerAfterPolls(1)]);
    for _ in 0..10 {
        call(&mut service, ()).await.unwrap();
    }
    assert_eq!((handle.samples(), handle.delay()), (10, Some(ms(1))));
}

#[tokio::test(start_paused = true)]
async fn the_delay_follows_a_service_that_becomes_slower_for_good() {
    let (mut service, probe, handle) = over(HedgeConfig::default(), [Play::AnswerAfter(ms(10))]);
    for _ in 0..2_000 {
        call(&mut service, ()).await.unwrap();
    }
    assert!(is_about(handle.delay(), 10));
    probe.play([Play::AnswerAfter(ms(80))]);
    let before = handle.hedges();
    for _ in 0..4_000 {
        call(&mut service, ()).await.unwrap();
    }
    assert!(is_about(handle.delay(), 80), "{:?}", handle.delay());
    // Until a twentieth of what it remembers were slow ones.
    assert!(handle.hedges() - before <= 105, "{} hedges", handle.hedges() - before);
}

#[tokio::test(start_paused = true)]
async fn the_services_of_a_layer_share_its_samples_and_those_of_two_layers_do_not() {
    let (one, two) = (HedgeLayer::new(sampling()), HedgeLayer::new(sampling()));
    for layer in [one.clone(), one.clone(), two.clone()] {
        for _ in 0..5 {
            layer.layer(Script::new([Play::AnswerAfter(ms(20))])).oneshot(()).await.unwrap();
        }
    }
    assert_eq!((one.handle().samples(), two.handle().samples()), (10, 5));
    assert!(one.handle().delay().is_some() && two.handle().delay().is_none());
}
