//! What the service asks for, and how long is really waited.

use seawall::{Backoff, Deadline, Jitter, RetryLayer};
use tower::Layer;

use super::*;

/// The announced delays of this many calls that are told `outcome` once, and how many gave up at once.
async fn told(
    config: RetryConfig,
    outcome: Outcome,
    calls: usize,
    deadline: Option<Duration>,
) -> (Vec<Duration>, usize) {
    let layer = RetryLayer::new(config.max_attempts(2)).classify(as_said);
    let mut events = layer.handle().subscribe();
    let mut all = (Vec::new(), 0);
    for _ in 0..calls {
        let (service, log) = says([outcome, Outcome::Success]);
        let mut service = layer.layer(service);
        let begin = Instant::now();
        let call = call(&mut service, ());
        match deadline {
            Some(after) => Deadline::after(after).scope(call).await.unwrap(),
            None => call.await.unwrap(),
        };
        match delays(&mut events)[..] {
            [] => {
                assert_eq!(Instant::now(), begin, "gave up, but not at once");
                all.1 += 1;
            }
            [delay] => {
                let waited = log.times()[1];
                assert!(waited >= delay, "waited {waited:?} instead of {delay:?}");
                assert!(waited < delay + ms(2), "waited {waited:?} instead of {delay:?}");
                all.0.push(delay);
            }
            _ => panic!("more than one retry"),
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_waited_out_exactly_without_jitter() {
    for outcome in [hinted(secs(3)), throttled(secs(3))] {
        assert_eq!(told(bare().hint_jitter(0.0), outcome, 1, None).await, (vec![secs(3)], 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_longer_backoff_wins_over_a_hint() {
    let config = waiting(secs(5)).hint_jitter(0.0);
    assert_eq!(told(config, hinted(secs(3)), 1, None).await, (vec![secs(5)], 0));
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_zero_is_no_wait() {
    assert_eq!(told(bare(), hinted(Duration::ZERO), 1, None).await, (vec![Duration::ZERO], 0));
    assert_eq!(told(waiting(ms(70)), hinted(Duration::ZERO), 1, None).await, (vec![ms(70)], 0));
}

#[tokio::test(start_paused = true)]
async fn those_who_were_told_the_same_come_back_spread_and_never_early() {
    for outcome in [hinted(secs(10)), throttled(secs(10))] {
        let (delays, gave_up) = told(bare(), outcome, 1000, None).await;
        assert_eq!(gave_up, 0);
        assert!(delays.iter().all(|&delay| secs(10) <= delay && delay <= secs(15)));
        let share = |from, to| delays.iter().filter(|&&delay| from <= delay && delay < to).count();
        for second in 10..15 {
            let share = share(secs(second), secs(second + 1));
            assert!((120..280).contains(&share), "{share} of 1,000 in second {second}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_jitter_of_a_hint_is_as_wide_as_configured() {
    let (delays, _) = told(bare().hint_jitter(1.0), hinted(secs(4)), 500, None).await;
    assert!(delays.iter().all(|&delay| secs(4) <= delay && delay <= secs(8)));
    assert!(delays.iter().any(|&delay| delay > ms(7_500)));
    let (delays, _) = told(bare().hint_jitter(0.1), hinted(secs(4)), 500, None).await;
    assert!(delays.iter().all(|&delay| secs(4) <= delay && delay <= ms(4_400)));
}

#[tokio::test(start_paused = true)]
async fn the_longest_hint_is_allowed_and_its_jitter_is_not_counted() {
    let (delays, gave_up) = told(bare(), hinted(secs(10)), 200, None).await;
    assert_eq!((delays.len(), gave_up), (200, 0));
    let longer = secs(10) + Duration::from_nanos(1);
    let (delays, gave_up) = told(bare(), hinted(longer), 200, None).await;
    assert_eq!((delays.len(), gave_up), (0, 200));
    let config = bare().max_retry_after(secs(86_400)).hint_jitter(0.0);
    assert_eq!(told(config, hinted(secs(86_400)), 1, None).await, (vec![secs(86_400)], 0));
}

#[tokio::test(start_paused = true)]
async fn a_long_backoff_is_not_mistaken_for_a_hint() {
    assert_eq!(told(waiting(secs(60)), Outcome::TRANSIENT, 1, None).await, (vec![secs(60)], 0));
    assert_eq!(told(waiting(secs(60)), hinted(secs(1)), 1, None).await, (vec![secs(60)], 0));
}

#[tokio::test(start_paused = true)]
async fn a_hint_past_the_deadline_ends_the_call_now() {
    let layer = RetryLayer::new(bare().hint_jitter(0.0)).classify(as_said);
    let mut events = layer.handle().subscribe();
    let (service, log) = says([throttled(secs(9)), Outcome::Success]);
    let mut service = layer.layer(service);
    let begin = Instant::now();
    let result = Deadline::after(secs(8)).scope(call(&mut service, ())).await;
    assert_eq!(result.unwrap(), throttled(secs(9)));
    assert_eq!(Instant::now(), begin);
    assert_eq!(endings(&mut events), [(1, GaveUp::Deadline)]);
    assert_eq!(log.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_jitter_of_a_hint_counts_against_the_deadline() {
    let (delays, gave_up) = told(bare(), hinted(secs(8)), 500, Some(secs(10))).await;
    assert!(delays.iter().all(|&delay| secs(8) <= delay && delay <= ms(9_990)));
    // U(8 s, 12 s) lies below 9.99 s in half of all cases.
    assert!(delays.len() > 150 && gave_up > 150, "{} retried, {gave_up} gave up", delays.len());
}

#[tokio::test(start_paused = true)]
async fn the_delays_grow_as_the_backoff_says() {
    let backoff = Backoff::exponential(ms(100)).cap(ms(300)).jitter(Jitter::None);
    let layer = RetryLayer::new(bare().backoff(backoff).max_attempts(5)).classify(as_said);
    let mut events = layer.handle().subscribe();
    let (service, log) = says([Outcome::TRANSIENT]);
    let mut service = layer.layer(service);
    call(&mut service, ()).await.unwrap();
    assert_eq!(delays(&mut events), [ms(100), ms(200), ms(300), ms(300)]);
    assert_eq!(log.times(), [ms(0), ms(100), ms(300), ms(600), ms(900)]);
    call(&mut service, ()).await.unwrap();
    assert_eq!(delays(&mut events)[0], ms(100), "the next call begins anew");
}

#[tokio::test(start_paused = true)]
async fn the_default_delays_are_spread_from_zero_to_a_doubling_bound() {
    let config = RetryConfig::default().budget(None).max_attempts(4);
    let layer = RetryLayer::new(config);
    let mut events = layer.handle().subscribe();
    let mut seen = [Duration::ZERO; 3];
    for _ in 0..300 {
        assert!(call(&mut layer.layer(fails(9)), ()).await.is_err());
        for (n, delay) in delays(&mut events).into_iter().enumerate() {
            assert!(delay <= ms(100) * (1 << n), "{delay:?} before retry {n}");
            seen[n] = seen[n].max(delay);
        }
    }
    assert!(seen[0] > ms(90) && seen[1] > ms(180) && seen[2] > ms(360), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_seed_makes_the_delays_repeat_and_none_makes_them_differ() {
    let announced = async |config: RetryConfig| {
        let layer = RetryLayer::new(config.max_attempts(9).budget(None));
        let mut events = layer.handle().subscribe();
        assert!(call(&mut layer.layer(fails(99)), ()).await.is_err());
        delays(&mut events)
    };
    let seeded = || announced(RetryConfig::default().seed(7));
    assert_eq!(seeded().await, seeded().await);
    assert_ne!(seeded().await, announced(RetryConfig::default().seed(8)).await);
    assert_ne!(announced(RetryConfig::default()).await, announced(RetryConfig::default()).await);
}

#[tokio::test(start_paused = true)]
async fn an_iterator_of_the_user_sets_the_delays_and_its_end_ends_the_call() {
    let layer = RetryLayer::new(RetryConfig::default().max_attempts(10).budget(None))
        .classify(as_said)
        .delays(|| [ms(30), ms(7)].into_iter());
    let mut events = layer.handle().subscribe();
    let (service, log) = says([Outcome::TRANSIENT]);
    let mut service = layer.layer(service);
    for round in 1..=2 {
        assert_eq!(call(&mut service, ()).await.unwrap(), Outcome::TRANSIENT);
        assert_eq!(delays(&mut events), [ms(30), ms(7)], "made anew for each call");
        assert_eq!(log.calls(), 3 * round);
    }
    assert_eq!(log.times()[..3], [ms(0), ms(30), ms(37)]);
}

#[tokio::test(start_paused = true)]
async fn a_hint_and_the_attempts_hold_for_the_delays_of_the_user_too() {
    let layer = RetryLayer::new(bare().hint_jitter(0.0).max_attempts(3))
        .classify(as_said)
        .delays(|| std::iter::repeat(ms(30)));
    let mut events = layer.handle().subscribe();
    let (service, log) = says([hinted(secs(1)), Outcome::TRANSIENT]);
    call(&mut layer.layer(service), ()).await.unwrap();
    assert_eq!(delays(&mut events), [secs(1), ms(30)]);
    assert_eq!(log.calls(), 3);
}
