//! What is told: events, counts, and the mark on a response.

use http::Response;
use seawall::http::StatusClassify;
use seawall::{Degraded, Pattern};

use super::*;

/// What happened, in short.
fn short(kind: EventKind) -> (bool, Outcome, Option<RejectedKind>) {
    match kind {
        EventKind::FellBack(Degraded { outcome, rejected, .. }) => (true, outcome, rejected),
        EventKind::FallbackFailed(Degraded { outcome, rejected, .. }) => (false, outcome, rejected),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_call_that_was_answered_otherwise_is_told_with_what_it_came_to() {
    let layer = FallbackLayer::value(0).name("prices");
    let mut subscription = layer.handle().subscribe();
    call(&mut layer.layer(plays(Play::Answer)), 7).await.unwrap();
    assert_eq!(heard(&mut subscription), [], "a success is silent");
    call(&mut layer.layer(broken()), 7).await.unwrap();
    call(&mut layer.layer(refused(RejectedKind::CircuitOpen)), 7).await.unwrap();
    let told: Vec<_> = heard(&mut subscription).into_iter().map(short).collect();
    let refusal = (true, Outcome::Ignored, Some(RejectedKind::CircuitOpen));
    assert_eq!(told, [(true, Outcome::TRANSIENT, None), refusal]);
}

#[tokio::test]
async fn a_fallback_that_failed_is_told_once_however_many_were_asked() {
    let layer = FallbackLayer::service(broken()).or_else(FromService::new(broken()));
    let mut subscription = layer.handle().subscribe();
    assert!(call(&mut layer.layer(broken()), 7).await.is_err());
    let told: Vec<_> = heard(&mut subscription).into_iter().map(short).collect();
    assert_eq!(told, [(false, Outcome::TRANSIENT, None)]);
}

#[tokio::test]
async fn a_call_that_the_fallback_is_not_meant_for_is_silent() {
    let layer = FallbackLayer::value(0).when(|_| false);
    let mut subscription = layer.handle().subscribe();
    assert!(call(&mut layer.layer(broken()), 7).await.is_err());
    assert_eq!(heard(&mut subscription), []);
}

#[tokio::test]
async fn a_handle_counts_what_was_answered_and_what_failed() {
    let layer = FallbackLayer::from_result(|result: &Answer| {
        result.as_ref().is_err_and(|error| error.as_rejected().is_some()).then_some(0)
    });
    let handle = layer.handle();
    for _ in 0..3 {
        call(&mut layer.layer(refused(RejectedKind::Closed)), 7).await.unwrap();
    }
    assert!(call(&mut layer.layer(broken()), 7).await.is_err());
    call(&mut layer.layer(plays(Play::Answer)), 7).await.unwrap();
    assert_eq!((handle.answered(), handle.failed()), (3, 1));
    let other = layer.handle();
    assert_eq!((other.answered(), other.failed()), (3, 1), "every handle sees the same");
}

#[tokio::test]
async fn a_listener_hears_the_name_and_the_pattern_and_a_name_set_later_holds() {
    let (seen, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(std::sync::OnceLock::new()));
    let (count, first) = (seen.clone(), told.clone());
    let layer = FallbackLayer::value(0).on_event(move |event: &Event| {
        count.fetch_add(1, Ordering::SeqCst);
        let _first = first.set((event.pattern, event.name));
    });
    let layer = layer.name("prices");
    call(&mut layer.layer(broken()), 7).await.unwrap();
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    assert_eq!(told.get(), Some(&(Pattern::Fallback, Name::new("prices"))));
}

#[tokio::test]
async fn without_a_name_the_line_that_made_it_is_its_name() {
    let layer = FallbackLayer::value(0);
    assert!(format!("{layer:?}").contains("telling.rs:"), "{layer:?}");
}

#[tokio::test]
async fn a_listener_may_look_at_the_handle_and_may_panic() {
    let layer = FallbackLayer::value(0);
    let handle = layer.handle();
    let layer = layer.on_event(move |_: &Event| panic!("{} answered", handle.answered()));
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 0);
}

#[tokio::test]
async fn a_call_whose_layer_and_service_are_gone_is_still_told() {
    let layer = FallbackLayer::value(0);
    let handle = layer.handle();
    let mut subscription = handle.subscribe();
    let alone = layer.layer(broken()).oneshot(7);
    drop(layer);
    assert_eq!(alone.await.unwrap(), 0);
    assert_eq!((handle.answered(), heard(&mut subscription).len()), (1, 1));
}

fn page(status: u16) -> Response<&'static str> {
    Response::builder().status(status).body("page").unwrap()
}

#[tokio::test]
async fn an_http_response_that_is_no_answer_of_the_service_says_so() {
    let inner = service_fn(|status: u16| async move { Ok::<_, Error<Fault>>(page(status)) });
    let layer =
        FallbackLayer::from_result(|_: &Result<Response<&'static str>, Error<Fault>>| Some(page(200)));
    let mut service = layer.classify(StatusClassify).layer(inner);
    let response = call(&mut service, 503).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.extensions().get::<Degraded>().map(|degraded| degraded.outcome),
        Some(Outcome::TRANSIENT)
    );
    let response = call(&mut service, 200).await.unwrap();
    assert!(response.extensions().get::<Degraded>().is_none(), "an answer of the service does not");
}

#[tokio::test]
async fn an_http_response_that_comes_back_because_the_fallback_failed_is_not_marked() {
    let inner = service_fn(|status: u16| async move { Ok::<_, Error<Fault>>(page(status)) });
    let layer = FallbackLayer::service(inner).classify(StatusClassify);
    let response = call(&mut layer.layer(inner), 503).await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.extensions().get::<Degraded>().is_none());
}
