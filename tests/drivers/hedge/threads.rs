//! Calls on many threads at once.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_hedge_is_counted_once_and_nothing_is_left() {
    let lines = (0..16_000).map(|number| match number % 7 {
        0 => Play::Fail,
        1..3 => Play::AnswerAfterPolls(3),
        3 => Play::FailAfter(ms(1)),
        4 => Play::AnswerAfter(ms(2)),
        _ => Play::Answer,
    });
    let config = HedgeConfig::default().quantile(0.5).min_samples(10).budget(None);
    let (service, probe, handle) = over(config, lines.chain([Play::Answer]));
    let instances = probe.instances();
    let callers = (0..8).map(|_| {
        let mut service = service.clone();
        tokio::spawn(async move {
            for number in 0..500 {
                if number % 50 == 49 {
                    let _left = tokio::time::timeout(ms(1), call(&mut service, ())).await;
                } else {
                    let _result = call(&mut service, ()).await;
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    assert!(handle.hedges() > 0 && handle.wins() > 0 && handle.samples() > 10);
    assert_eq!(probe.calls(), 4_000 + handle.hedges());
    assert_eq!((probe.in_flight(), probe.instances()), (0, instances));
}
