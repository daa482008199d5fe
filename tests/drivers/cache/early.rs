//! `XFetch`: the next is fetched before the end.

use super::*;

#[tokio::test(start_paused = true)]
async fn near_its_end_an_answer_is_fetched_anew_by_one_and_served_to_the_others() {
    // So early that every hit wants the next.
    let layer = cache(ten().early_refresh(1e9));
    let script = slow();
    let probe = script.probe();
    let service = layer.layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    let answers = futures::future::join_all((0..5).map(|_| call(&service, 1))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, [2, 1, 1, 1, 1]);
    assert_eq!(probe.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_early_fetch_that_fails_does_no_harm() {
    let layer = cache(ten().early_refresh(1e9));
    let service = layer.layer(Script::new([Play::AnswerAfter(secs(1)), Play::Fail]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert_eq!(call(&service, 1).await.unwrap(), 1, "what is fresh is served in its place");
}

#[tokio::test(start_paused = true)]
async fn in_the_background_an_early_fetch_holds_up_nobody() {
    let layer = cache(ten().early_refresh(1e9));
    let handle = layer.handle();
    let service = layer.refresh_in_background().layer(slow());
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert_eq!(call(&service, 1).now_or_never().expect("a hit").unwrap(), 1);
    settle().await;
    assert_eq!(handle.refreshing(), 1);
    assert_eq!(handle.answers(Source::Fresh), 1);
}

#[tokio::test(start_paused = true)]
async fn what_costs_no_time_is_never_fetched_early() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let service = cache(ten().early_refresh(1e9)).layer(script);
    for _ in 0..100 {
        assert_eq!(call(&service, 1).await.unwrap(), 1);
        advance(ms(99)).await;
    }
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn as_many_are_fetched_early_as_the_formula_says() {
    // A fetch takes a second: e^-ln 2 of the answers are fetched ln 2 seconds before their end.
    let script = slow();
    let probe = script.probe();
    let service = cache(ten().early_refresh(1.0).seed(7)).layer(script);
    futures::future::join_all((0..1_000).map(|request| call(&service, request))).await;
    advance(ms(10_000 - 693)).await;
    let mut calls: Vec<_> = (0..1_000).map(|request| Box::pin(call(&service, request))).collect();
    calls.iter_mut().for_each(|call| drop(poll(call.as_mut())));
    let early = probe.calls() - 1_000;
    assert!((450..550).contains(&early), "{early} of 1,000");
}
