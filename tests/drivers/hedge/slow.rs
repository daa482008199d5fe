//! A first try that takes longer than its delay.

use seawall::current_attempt;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_that_answers_within_its_delay_is_not_hedged() {
    let (mut service, probe, handle) = over(after(ms(50)), [Play::AnswerAfter(ms(50))]);
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    assert_eq!((probe.calls(), handle.hedges()), (1, 0), "an answer at the very instant wins");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_longer_than_its_delay_is_made_twice_and_the_first_answer_wins() {
    let (ok, took) = race(after(ms(50)), [Try(ms(200), OK), Try(ms(30), OK)]).await;
    assert_eq!((ok, took), (Ok(2), ms(80)));
    let (ok, took) = race(after(ms(50)), [Try(ms(60), OK), Try(ms(30), OK)]).await;
    assert_eq!((ok, took), (Ok(1), ms(60)));
}

#[tokio::test(start_paused = true)]
async fn there_is_at_most_one_hedge_in_a_call() {
    let (mut service, probe, handle) = over(after(ms(50)), [Play::AnswerAfter(ms(400))]);
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    assert_eq!((probe.calls(), handle.hedges(), handle.wins()), (2, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_delay_of_zero_hedges_what_has_to_wait_at_once_and_what_is_there_not_at_all() {
    let (mut service, probe, _) = over(after(Duration::ZERO), [Play::Answer, Play::Hang, Play::Answer]);
    let begin = Instant::now();
    assert_eq!(call(&mut service, ()).await.unwrap(), 1);
    assert_eq!(probe.calls(), 1);
    assert_eq!(call(&mut service, ()).await.unwrap(), 3);
    assert_eq!((probe.calls(), Instant::now()), (3, begin));
}

#[tokio::test(start_paused = true)]
async fn the_longest_delay_switches_the_layer_off() {
    let (mut service, probe, handle) =
        over(after(Duration::MAX), [Play::Fail, Play::AnswerAfter(ms(1 << 40)), Play::Answer]);
    assert!(call(&mut service, ()).await.is_err(), "not even a failure starts a hedge");
    assert!(call(&mut service, ()).await.is_ok());
    assert_eq!((probe.calls(), handle.delay()), (2, None));
}

#[tokio::test(start_paused = true)]
async fn a_listener_and_a_subscription_hear_of_a_hedge_and_of_who_won() {
    let heard_by_listener = Arc::new(Mutex::new(vec![]));
    let hear = heard_by_listener.clone();
    let layer = HedgeLayer::new(after(ms(50)).name("search"))
        .on_event(move |event: &seawall::Event| hear.lock().unwrap().push(event.clone()));
    let mut events = layer.handle().subscribe();
    let script = Script::new([
        Play::AnswerAfter(ms(200)),
        Play::AnswerAfter(ms(10)),
        Play::AnswerAfter(ms(60)),
        Play::AnswerAfter(ms(60)),
        Play::Answer,
    ]);
    let mut service = layer.layer(script);
    for _ in 0..3 {
        assert!(call(&mut service, ()).await.is_ok());
    }
    let slow = (ms(50), HedgeReason::Slow);
    assert_eq!(told(&mut events), (vec![slow, slow], vec![Winner::Hedge, Winner::First]));
    assert_eq!((layer.handle().hedges(), layer.handle().wins()), (2, 1));
    let heard = heard_by_listener.lock().unwrap();
    assert_eq!(heard.len(), 4);
    assert!(
        heard.iter().all(|event| event.name.as_str() == "search" && event.pattern == seawall::Pattern::Hedge)
    );
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_does_no_harm() {
    let layer = HedgeLayer::new(after(ms(50))).on_event(|_: &seawall::Event| panic!("in a listener"));
    let mut service = layer.layer(Script::new([Play::Hang, Play::Answer]));
    assert_eq!(call(&mut service, ()).await.unwrap(), 2);
    assert_eq!((layer.handle().hedges(), layer.handle().wins()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_hedge_is_the_second_attempt_in_call_and_in_every_poll() {
    let seen = Arc::new(Mutex::new(vec![]));
    let see = seen.clone();
    let service = service_fn(move |()| {
        let (see, in_call) = (see.clone(), current_attempt());
        async move {
            let mut polls = vec![current_attempt()];
            tokio::time::sleep(ms(100)).await;
            polls.push(current_attempt());
            see.lock().unwrap().push((in_call, polls));
            if in_call == 1 {
                std::future::pending::<()>().await;
            }
            Ok::<_, Error<Fault>>(())
        }
    });
    let mut service = HedgeLayer::new(after(ms(50))).layer(service);
    call(&mut service, ()).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [(1, vec![1, 1]), (2, vec![2, 2])]);
    assert_eq!(current_attempt(), 1);
}

#[tokio::test(start_paused = true)]
async fn below_a_retry_the_hedge_counts_on_from_the_attempt_it_hedges() {
    let seen = Arc::new(Mutex::new(vec![]));
    let see = seen.clone();
    let service = service_fn(move |()| {
        see.lock().unwrap().push(current_attempt());
        async { Err::<(), _>(Error::Service(Fault)) }
    });
    let retry =
        seawall::RetryConfig::default().backoff(seawall::Backoff::constant(Duration::ZERO)).max_attempts(2);
    let stack = tower::ServiceBuilder::new()
        .layer(seawall::RetryLayer::new(retry))
        .layer(HedgeLayer::new(after(ms(50))))
        .service(service);
    assert!(stack.oneshot(()).await.is_err());
    assert_eq!(*seen.lock().unwrap(), [1, 2, 2, 3]);
}

/// With the real clock: a paused one does not go on while a task is busy.
#[test]
fn a_first_try_that_uses_up_every_turn_of_its_task_is_hedged_all_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let busy_at_first = service_fn(move |()| {
        let number = calls.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let begin = Instant::now();
            while number == 1 && Instant::now().saturating_duration_since(begin) < Duration::from_secs(5) {
                tokio::task::coop::consume_budget().await;
            }
            Ok::<_, Error<Fault>>(number)
        }
    });
    let mut service = HedgeLayer::new(after(ms(50))).layer(busy_at_first);
    assert_eq!(runtime.block_on(async move { tokio::spawn(service.call(())).await.unwrap() }).unwrap(), 2);
}
