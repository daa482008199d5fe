//! The form that answers the request with an async function.

use super::*;

#[tokio::test]
async fn an_async_function_answers_the_request() {
    let layer = FallbackLayer::from_request(|request: u64, _| async move { Ok(request * 10) });
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 70);
    assert_eq!(call(&mut layer.layer(plays(Play::Answer)), 7).await.unwrap(), 1);
}

#[tokio::test]
async fn it_sees_the_result_which_may_be_a_response_that_is_no_success() {
    let layer = FallbackLayer::from_request(|_: u64, result: &Answer<Said>| {
        let was = result.as_ref().map(|said| said.outcome).ok();
        async move { Ok(Said { by: "fallback", outcome: was.unwrap_or(Outcome::Ignored) }) }
    });
    let layer = layer.classify(as_said);
    let said = call(&mut layer.layer(says(Outcome::Permanent)), 7).await.unwrap();
    assert_eq!(said, Said { by: "fallback", outcome: Outcome::Permanent });
}

/// As a function that is no closure has to be written: its future borrows nothing.
fn rescue(request: u64, result: &Answer) -> impl Future<Output = Answer> + Send + use<> {
    let was_refused = result.as_ref().is_err_and(|error| error.as_rejected().is_some());
    async move { if was_refused { Ok(request) } else { Err(Error::Service(Fault)) } }
}

#[tokio::test]
async fn a_function_that_is_no_closure_can_be_named() {
    let layer = FallbackLayer::from_request(rescue);
    assert_eq!(call(&mut layer.layer(refused(RejectedKind::BulkheadFull)), 7).await.unwrap(), 7);
    assert!(call(&mut layer.layer(broken()), 7).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn it_may_take_its_time_and_is_dropped_with_the_call() {
    let layer = FallbackLayer::from_request(|request: u64, _| async move {
        tokio::time::sleep(secs(3)).await;
        Ok(request)
    });
    let begin = Instant::now();
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 7);
    assert_eq!(Instant::now().saturating_duration_since(begin), secs(3));
}

#[tokio::test]
async fn when_it_fails_the_original_error_comes_back() {
    let layer = FallbackLayer::from_request(|_: u64, _| async {
        Err(Rejected::new(RejectedKind::Closed, Name::new("the fallback's own")).into())
    });
    assert!(matches!(call(&mut layer.layer(broken()), 7).await, Err(Error::Service(Fault))));
    let error = call(&mut layer.layer(refused(RejectedKind::CircuitOpen)), 7).await.unwrap_err();
    assert_eq!(error.as_rejected().map(Rejected::kind), Some(RejectedKind::CircuitOpen));
}

#[tokio::test]
async fn a_request_of_which_there_is_no_copy_cannot_be_answered() {
    let layer = FallbackLayer::from_request(|request: u64, _| async move { Ok(request) });
    let layer = layer.repeat_with(|request: &u64| (*request < 5).then_some(*request));
    assert_eq!(call(&mut layer.layer(broken()), 4).await.unwrap(), 4);
    assert!(call(&mut layer.layer(broken()), 5).await.is_err());
}

#[tokio::test]
async fn a_request_that_is_neither_clone_nor_sync_is_copied_as_the_user_says() {
    struct Once(std::cell::Cell<u64>);
    let fails = service_fn(|_: Once| async { Err::<u64, _>(Error::Service(Fault)) });
    let layer = FallbackLayer::from_request(|request: Once, _| async move { Ok(request.0.get()) });
    let layer = layer.repeat_with(|request: &Once| Some(Once(request.0.clone())));
    let mut service = layer.layer(fails);
    let task = tokio::spawn(async move { call(&mut service, Once(std::cell::Cell::new(8))).await });
    assert_eq!(task.await.unwrap().unwrap(), 8);
}

#[tokio::test(start_paused = true)]
async fn it_runs_under_the_deadline_of_the_call_and_is_not_begun_when_that_has_passed() {
    let layer =
        FallbackLayer::from_request(|_: u64, _| async { Ok(u64::from(Deadline::current().is_some())) });
    let mut service = layer.layer(plays(Play::FailAfter(secs(2))));
    assert_eq!(Deadline::after(secs(3)).scope(call(&mut service, 1)).await.unwrap(), 1);
    assert!(Deadline::after(secs(2)).scope(call(&mut service, 1)).await.is_err());
    let mut service = FallbackLayer::value(9).layer(plays(Play::FailAfter(secs(2))));
    let value = Deadline::after(secs(1)).scope(call(&mut service, 1)).await;
    assert_eq!(value.unwrap(), 9, "what is there at once needs no time");
}
