//! What is written of transitions, moves and retries.

use seawall::adaptive::Algorithm;
use seawall::circuit_breaker::CircuitState;
use seawall::gate::Permit;
use seawall::{
    AdaptiveConfig, AdaptiveLayer, Backoff, CircuitBreakerConfig, CircuitBreakerLayer, Instant, Key,
    KeyConfig, Outcome, RateLimitConfig, RateLimitLayer, RetryConfig, RetryLayer,
};
use tower::Layer;
use tracing::Level;

use super::collect::{Collected, Told, alone};
use super::*;

fn circuit(name: &'static str) -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(CircuitBreakerConfig::default().name(name).jitter(0.0))
}

fn fields<'a, const N: usize>(told: &'a Told, names: [&str; N]) -> [&'a str; N] {
    names.map(|name| told.field(name).unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_circuit_that_opens_is_a_warning_and_any_other_change_is_news() {
    let (collected, _guard) = Collected::from(Level::INFO);
    let circuit = circuit("logged");
    let (script, handle) = (script([Play::Fail]), circuit.handle());
    let probe = script.probe();
    let service = circuit.layer(script);
    for _ in 0..10 {
        assert!(!call(&service).await);
        tokio::time::sleep(ms(150)).await;
    }
    tokio::time::sleep(5 * SECOND).await;
    probe.play([Play::AnswerAfter(2 * SECOND)]);
    let probing = || {
        tokio::spawn({
            let service = service.clone();
            async move { call(&service).await }
        })
    };
    let probes = [probing(), probing(), probing()];
    for probe in probes {
        assert!(probe.await.expect("no panic"));
    }
    assert_eq!(handle.totals().calls(), 13);

    let events = collected.events();
    let texts: Vec<_> = events.iter().map(|told| (told.level, &*told.text)).collect();
    let info = Some(Level::INFO);
    assert_eq!(
        texts,
        [(Some(Level::WARN), "circuit opened"), (info, "circuit changed"), (info, "circuit changed")]
    );
    let labels = ["pattern", "name", "from", "to", "left_out"];
    assert_eq!(fields(&events[0], labels), ["circuit_breaker", "logged", "closed", "open", "0"]);
    assert_eq!(fields(&events[1], labels), ["circuit_breaker", "logged", "open", "half_open", "0"]);
    assert_eq!(fields(&events[2], labels), ["circuit_breaker", "logged", "half_open", "closed", "0"]);
    let why = ["reason", "failure_rate", "retry_after"];
    assert_eq!(fields(&events[0], why), ["too many failures in a row", "1.0", "5.0"]);
    assert!(events.iter().all(|told| told.target == "seawall" && told.field("key").is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_layer_writes_at_most_once_a_second_and_says_what_it_left_out() {
    let (collected, _guard) = Collected::from(Level::INFO);
    let (flapping, calm) = (circuit("flapping").handle(), circuit("calm").handle());
    for _ in 0..5 {
        flapping.open_until(Instant::FAR_FUTURE);
        flapping.reset();
    }
    calm.open_until(Instant::FAR_FUTURE);
    tokio::time::advance(SECOND.checked_sub(Duration::from_nanos(1)).unwrap()).await;
    flapping.open_until(Instant::FAR_FUTURE);
    tokio::time::advance(Duration::from_nanos(1)).await;
    flapping.reset();
    let written: Vec<_> = collected
        .events()
        .iter()
        .map(|told| fields(told, ["name", "to", "left_out"]).map(str::to_owned))
        .collect();
    assert_eq!(written, [["flapping", "open", "0"], ["calm", "open", "0"], ["flapping", "closed", "10"]]);
}

#[tokio::test(start_paused = true)]
async fn what_the_probes_find_out_is_written_however_quickly_they_answer() {
    for (outcome, to) in [(Outcome::Success, "closed"), (Outcome::TRANSIENT, "open")] {
        let (collected, _guard) = Collected::from(Level::INFO);
        let handle = circuit("probed").handle();
        handle.open_until(Instant::now() + SECOND);
        tokio::time::advance(SECOND).await;
        while let Ok(probe) = handle.try_admit()
            && handle.state() == CircuitState::HalfOpen
        {
            probe.settle(outcome);
        }
        let written: Vec<_> = collected.events();
        let [.., last] = &written[..] else { panic!("nothing was written") };
        assert_eq!(fields(last, ["to", "left_out"]), [to, "0"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_would_read_does_not_use_up_the_second() {
    alone();
    let handle = circuit("unread").handle();
    handle.open_until(Instant::FAR_FUTURE);
    let (warnings, guard) = Collected::from(Level::WARN);
    handle.reset();
    handle.open_until(Instant::FAR_FUTURE);
    assert_eq!(warnings.events().len(), 1, "the reset is no warning");
    drop(guard);
    let (_off, _guard) = Collected::from(Level::ERROR);
    handle.reset();
    assert_eq!(fields(&warnings.events()[0], ["to", "left_out"]), ["open", "0"]);
}

#[tokio::test(start_paused = true)]
async fn moves_of_a_limit_and_pauses_are_news() {
    let (collected, _guard) = Collected::from(Level::INFO);
    let config = AdaptiveConfig::default().name("moved").algorithm(Algorithm::Aimd { latency: None });
    let limit = AdaptiveLayer::new(config.initial(10)).handle();
    let retry_after = Some(3 * SECOND);
    limit.try_admit().expect("room").settle(Outcome::Throttled { retry_after });
    let rate = RateLimitLayer::new(RateLimitConfig::per_second(10).name("paused")).handle();
    rate.try_admit().expect("a turn").settle(Outcome::Throttled { retry_after });

    let [moved, paused] = collected.events().try_into().expect("two");
    assert_eq!((moved.level, &*moved.text), (Some(Level::INFO), "limit moved"));
    let labels = ["pattern", "name", "from", "to", "reason"];
    assert_eq!(fields(&moved, labels), ["adaptive", "moved", "10", "9", "a call was dropped"]);
    assert_eq!((paused.level, &*paused.text), (Some(Level::INFO), "told to slow down"));
    assert_eq!(fields(&paused, ["pattern", "name", "wait"]), ["rate_limit", "paused", "3.0"]);
}

#[tokio::test(start_paused = true)]
async fn retries_are_written_for_those_who_look_closely() {
    let (collected, _guard) = Collected::from(Level::DEBUG);
    let config = RetryConfig::default().name("detail").max_attempts(2).backoff(Backoff::constant(ms(500)));
    assert!(!call(&RetryLayer::new(config).layer(script([Play::Fail]))).await);
    let [again, gave_up] = collected.events().try_into().expect("two");
    assert_eq!((again.level, &*again.text), (Some(Level::DEBUG), "trying again"));
    let labels = ["pattern", "name", "attempt", "delay", "outcome"];
    assert_eq!(fields(&again, labels), ["retry", "detail", "1", "0.5", "transient"]);
    assert_eq!((gave_up.level, &*gave_up.text), (Some(Level::DEBUG), "gave up"));
    assert_eq!(
        fields(&gave_up, ["pattern", "name", "attempt", "reason"]),
        ["retry", "detail", "2", "attempts"]
    );
}

#[tokio::test(start_paused = true)]
async fn keys_are_digests_in_logs() {
    for show in [false, true] {
        let (collected, _guard) = Collected::from(Level::INFO);
        let keys = KeyConfig::default().show(show).max(1);
        let config = CircuitBreakerConfig::default().name("by customer").keys(keys);
        let layer = CircuitBreakerLayer::new(config).key_by(|name: &&'static str| Key::from(*name));
        layer.handle().entry("alice").open_until(Instant::FAR_FUTURE);
        tokio::time::advance(SECOND).await;
        let _other = layer.handle().entry("bob");
        let [opened, overflowed] = collected.events().try_into().expect("two");
        assert_eq!(opened.field("key"), Some(&*Key::from("alice").to_string()));
        assert_eq!((overflowed.level, &*overflowed.text), (Some(Level::WARN), "no room for another key"));
        assert!(![opened, overflowed].iter().any(|told| format!("{told:?}").contains("alice")));
    }
}
