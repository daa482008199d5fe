//! What a reqwest error says, and how it is found again.

use std::error::Error as _;
use std::io;

use seawall::reqwest::NoRedirects;
use seawall::{Cause, Classify, GaveUp, Outcome, Rejected, RejectedKind, StackError};
use tower::Layer;

use super::server::{Reply, Server, cuts, nobody, url_of};
use super::*;

const fn transient(cause: Cause) -> Outcome {
    Outcome::Transient { retry_after: None, cause }
}

/// What the result of one bare call says.
async fn judged(client: Client, request: Request) -> Outcome {
    let result: Answer = Lift.layer(client).oneshot(request).await;
    StatusClassify.classify(&result)
}

#[tokio::test]
async fn a_connection_that_could_not_be_made_was_never_left_with_anybody() {
    let url = url_of(nobody().await);
    let result: Answer = Lift.layer(straight()).oneshot(get(&url)).await;
    assert_eq!(NoRedirects(StatusClassify).classify(&result), transient(Cause::Unsent));
}

#[tokio::test]
async fn a_client_that_follows_redirects_may_have_left_the_request_with_somebody() {
    let url = url_of(nobody().await);
    assert_eq!(judged(client(), get(&url)).await, transient(Cause::Answered));
}

#[tokio::test]
async fn a_timeout_of_the_client_itself_is_a_timeout() {
    let server = Server::start([Reply::Hang]).await;
    let client = Client::builder().no_proxy().timeout(ms(100)).build().unwrap();
    assert_eq!(judged(client, get(&server.url)).await, transient(Cause::TimedOut));
}

#[tokio::test]
async fn a_request_that_cannot_be_built_says_nothing_about_the_server() {
    let url = "ftp://127.0.0.1/".parse().unwrap();
    assert_eq!(judged(client(), get(&url)).await, Outcome::Ignored);
}

#[tokio::test]
async fn a_connection_that_was_cut_may_have_carried_the_request() {
    let (url, _, server) = cuts().await;
    assert_eq!(judged(client(), get(&url)).await, transient(Cause::Answered));
    server.abort();
}

#[tokio::test]
async fn a_loop_of_redirects_will_not_end() {
    let server = Server::start([Reply::With(302, "location", "/again")]).await;
    assert_eq!(judged(client(), get(&server.url)).await, Outcome::Permanent);
}

#[tokio::test]
async fn an_error_made_of_a_status_says_what_the_status_says() {
    for (status, outcome) in [
        (404, Outcome::Success),
        (503, Outcome::TRANSIENT),
        (429, Outcome::Throttled { retry_after: None }),
        (505, Outcome::Permanent),
    ] {
        let server = Server::start([Reply::Status(status)]).await;
        let response = client().execute(get(&server.url)).await.unwrap();
        let result: Answer = Err(Error::Service(response.error_for_status().unwrap_err()));
        assert_eq!(StatusClassify.classify(&result), outcome, "{status}");
    }
}

#[tokio::test]
async fn a_boxed_error_of_the_client_is_judged_as_well() {
    let url = url_of(nobody().await);
    let error = client().execute(get(&url)).await.unwrap_err();
    let result: Result<Response, seawall::BoxError> = Err(error.into());
    assert_eq!(NoRedirects(StatusClassify).classify(&result), transient(Cause::Unsent));
}

#[tokio::test]
async fn an_answer_is_judged_by_its_status_and_its_hint() {
    let server = Server::start([Reply::With(503, "retry-after-ms", "150")]).await;
    let hinted = Outcome::Transient { retry_after: Some(ms(150)), cause: Cause::Answered };
    assert_eq!(judged(client(), get(&server.url)).await, hinted);
}

#[tokio::test]
async fn the_error_of_the_client_is_found_again_through_the_whole_stack() {
    let url = url_of(nobody().await);
    let error = send(retry(), get(&url)).await.unwrap_err();
    assert!(error.as_rejected().is_none());
    let found = error.as_service().unwrap().downcast_ref::<reqwest::Error>().unwrap();
    assert!(found.is_connect());
    assert!(matches!(&error, Error::Service(inner) if inner.is_connect()), "typed, too");
    assert!(error.source().unwrap().is::<reqwest::Error>());
    let first: Option<&(dyn std::error::Error + 'static)> = error.source();
    let mut chain = std::iter::successors(first, |&error| error.source());
    let root = chain.find_map(|error| error.downcast_ref::<io::Error>()).expect("the chain is cut");
    assert_eq!(root.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_request_that_cannot_be_built_is_not_sent_again_and_not_counted() {
    let circuit = closed();
    let layer = seawall::reqwest::retry(retry());
    let mut events = layer.handle().subscribe();
    let service = layer.layer(circuit.layer(Lift.layer(client())));
    let error = service.oneshot(get(&"ftp://127.0.0.1/".parse().unwrap())).await.unwrap_err();
    assert!(error.as_service().unwrap().downcast_ref::<reqwest::Error>().unwrap().is_builder());
    assert_eq!(circuit.handle().counts().total(), 0);
    drop(layer);
    while let Some(event) = events.next().await {
        assert!(
            matches!(event.kind, seawall::EventKind::GaveUp(ended) if ended.count == 1 && ended.reason == GaveUp::NotTransient),
            "{event:?}"
        );
    }
}

#[tokio::test]
async fn the_refusal_of_a_timeout_is_found_again_through_the_whole_stack() {
    let server = Server::start([Reply::Hang]).await;
    let service = stack(retry().max_attempts(1), &closed(), ms(200));
    let error = service.oneshot(get(&server.url)).await.unwrap_err();
    assert!(error.as_service().is_none());
    let rejected = error.as_rejected().unwrap();
    assert_eq!((rejected.kind(), rejected.reached_service()), (RejectedKind::Timeout, true));
    assert_eq!(error.source().unwrap().downcast_ref::<Rejected>(), Some(rejected));
}
