//! How long an answer is served.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_answer_is_served_while_its_lifetime_is_longer_than_its_age() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let service = cache(ten()).layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(short_of(secs(10))).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(NANO).await;
    assert_eq!(call(&service, 1).await.unwrap(), 2, "at ten seconds it is no longer fresh");
    assert_eq!(call(&service, 1).await.unwrap(), 2);
    assert_eq!(probe.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_as_old_as_the_time_since_it_came_and_not_since_it_was_asked_for() {
    let service = cache(ten()).layer(slow());
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(short_of(secs(10))).await;
    assert_eq!(call(&service, 1).now_or_never().expect("a hit").unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_key_has_an_answer_of_its_own() {
    let service = cache(ten()).layer(Script::new([Play::Answer]));
    for (request, answer) in [(1, 1), (2, 2), (1, 1), (2, 2), (3, 3)] {
        assert_eq!(call(&service, request).await.unwrap(), answer);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_key_is_passed_on_each_time() {
    let layer = cache(ten());
    let service = layer.layer(Script::new([Play::Answer]));
    for answer in 1..4 {
        assert_eq!(call(&service, 1000).await.unwrap(), answer);
    }
    assert_eq!(counted(&layer.handle()), [0, 0, 0, 0, 0, 3]);
    assert_eq!(layer.handle().size().unwrap().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_asks_for_during_tti_is_over_and_asking_prolongs_it() {
    let service = cache(CacheConfig::new(Duration::MAX).tti(secs(5))).layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    for _ in 0..10 {
        advance(short_of(secs(5))).await;
        assert_eq!(call(&service, 1).await.unwrap(), 1);
    }
    advance(secs(5)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn jitter_ends_lives_early_and_spread_out_but_never_late() {
    let config = CacheConfig::new(secs(100)).ttl_jitter(0.5).seed(7);
    let layer = cache(config);
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let service = layer.layer(script);
    for request in 0..500 {
        call(&service, request).await.unwrap();
    }
    let again = async |probe: &seawall::testing::Probe| {
        let before = probe.calls();
        // Looked at through a clone of the layer that never stores: a miss here is a miss there.
        for request in 0..500 {
            call(&service, request).await.unwrap();
        }
        probe.calls() - before
    };
    advance(secs(50)).await;
    assert_eq!(again(&probe).await, 0, "none ends before half its time");
    advance(secs(25)).await;
    let half = again(&probe).await;
    assert!((200..300).contains(&half), "{half} of 500 are over at three quarters");
    advance(secs(25)).await;
    let rest = again(&probe).await;
    assert!(rest >= 500 - half, "all of the first are over at the end of their time");
}

#[tokio::test(start_paused = true)]
async fn a_jump_of_the_clock_makes_everything_old_and_nothing_else() {
    let service = cache(ten()).layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(86_400 * 500)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 2);
    assert_eq!(call(&service, 1).await.unwrap(), 2);
}
