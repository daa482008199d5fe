//! Callers that leave.

use seawall::BudgetConfig;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_caller_that_left_takes_both_tries_along() {
    let (mut service, probe, handle) = over(after(ms(50)), [Play::Hang]);
    let mut events = handle.subscribe();
    let instances = probe.instances();
    {
        let mut call = Box::pin(call(&mut service, ()));
        assert!(futures::poll!(call.as_mut()).is_pending());
        tokio::time::advance(ms(51)).await;
        assert!(futures::poll!(call.as_mut()).is_pending());
        assert_eq!(probe.in_flight(), 2);
    }
    assert_eq!((probe.in_flight(), probe.instances()), (0, instances));
    assert_eq!(told(&mut events).1, [], "nobody won");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_left_before_the_delay_was_over_causes_no_hedge() {
    let (mut service, probe, _) = over(after(ms(50)), [Play::Hang]);
    {
        let mut call = Box::pin(call(&mut service, ()));
        assert!(futures::poll!(call.as_mut()).is_pending());
        tokio::time::advance(ms(49)).await;
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    tokio::time::advance(ms(100)).await;
    assert_eq!((probe.calls(), probe.in_flight()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_hedge_that_was_never_made_gives_its_token_back() {
    let config = HedgeConfig::default().after(ms(50)).budget(Some(BudgetConfig::default().burst(5)));
    let (mut service, probe, handle) = over(config, [Play::Hang]);
    ServiceExt::<()>::ready(&mut service).await.unwrap();
    probe.set_ready(false);
    {
        let mut call = Box::pin(service.call(()));
        assert!(futures::poll!(call.as_mut()).is_pending());
        tokio::time::advance(ms(51)).await;
        assert!(futures::poll!(call.as_mut()).is_pending());
        assert!(handle.budget().unwrap().tokens() < 4.5, "the hedge waits for its service, with its token");
    }
    let tokens = handle.budget().unwrap().tokens();
    assert!((tokens - 5.0).abs() < 1e-9, "the hedge was never made, but {tokens} of 5 tokens are left");
}

// Without a runtime: a timer would panic.
#[test]
fn a_call_that_never_has_to_wait_needs_no_timer() {
    let (mut service, ..) = over(after(ms(50)), [Play::Answer]);
    assert!(matches!(call(&mut service, ()).now_or_never(), Some(Ok(1))));
}
