//! The client that feels like reqwest's, behind a stack.

use std::collections::HashMap;

use bytes::Bytes;
use http_body_util::BodyExt;
use reqwest::StatusCode;
use seawall::http::{
    CacheBypass, CallKey, Drain, HttpCacheConfig, HttpCacheLayer, NoRetry, Replay, call_key, call_priority,
    scope,
};
use seawall::reqwest::Client as Guarded;
use seawall::{
    BulkheadConfig, BulkheadLayer, HedgeConfig, HedgeLayer, Key, Priority, RejectedKind, RetryLayer,
    StackError,
};

use super::server::{Reply, Server, nobody, url_of};
use super::*;

/// As the README has it, over `http` types.
fn retrying() -> RetryLayer<StatusClassify, Replay, Drain> {
    seawall::http::retry(retry())
}

fn plain() -> Guarded {
    Guarded::new(client())
}

#[tokio::test]
async fn it_sends_what_reqwest_would_and_gives_back_what_reqwest_gives() {
    let server = Server::start([Reply::With(201, "x-place", "7")]).await;
    let client = plain().layer((retrying(), closed()));
    let order = HashMap::from([("id", 7)]);
    let request =
        client.post(server.url.clone()).header("x-tenant", "acme").query(&[("dry", "yes")]).json(&order);
    let response = request.bearer_auth("secret").send().await.unwrap();
    assert_eq!(
        (response.status(), &response.headers()["x-place"]),
        (StatusCode::CREATED, &"7".parse().unwrap())
    );
    assert_eq!(response.url().query(), Some("dry=yes"), "the URL it came from");
    assert!(response.remote_addr().is_some(), "extensions are kept");
    assert_eq!(response.text().await.unwrap(), "played");
    let hit = server.take().remove(0);
    assert_eq!(
        (hit.body.as_ref(), hit.headers["content-length"].to_str().unwrap()),
        (&b"{\"id\":7}"[..], "8")
    );
    assert_eq!(
        (&hit.headers["x-tenant"], &hit.headers["authorization"]),
        (&"acme".parse().unwrap(), &"Bearer secret".parse().unwrap())
    );
}

#[tokio::test]
async fn its_errors_are_a_refusal_or_reqwests_own() {
    let circuit = closed();
    let isolated = circuit.handle().isolate();
    let client = plain().layer(circuit);
    let url = url_of(nobody().await);
    let refused = client.get(url.clone()).send().await.unwrap_err();
    assert_eq!(refused.as_rejected().unwrap().kind(), RejectedKind::CircuitIsolated);
    drop(isolated);
    assert!(matches!(client.get(url).send().await, Err(Error::Service(error)) if error.is_connect()));
    assert!(matches!(client.get("no url").send().await, Err(Error::Service(error)) if error.is_builder()));
}

#[tokio::test]
async fn what_is_in_memory_and_what_streams_is_sent_again() {
    let chunks = || futures::stream::iter(["one ", "two"].map(Ok::<_, std::io::Error>));
    for streaming in [false, true] {
        let server = Server::start([Reply::Status(503), Reply::Status(502), Reply::Status(200)]).await;
        let client = plain().layer(retrying());
        let body = if streaming { axum_body(chunks()) } else { reqwest::Body::from("one two") };
        assert_eq!(client.put(server.url.clone()).body(body).send().await.unwrap().status(), 200);
        let hits = server.take();
        assert!(hits.len() == 3 && hits.iter().all(|hit| hit.body == "one two"), "streaming: {streaming}");
    }
}

fn axum_body(
    chunks: impl futures::Stream<Item = Result<&'static str, std::io::Error>> + Send + Sync + 'static,
) -> reqwest::Body {
    use futures::TryStreamExt as _;
    reqwest::Body::wrap(http_body_util::StreamBody::new(
        chunks.map_ok(|chunk| http_body::Frame::data(bytes::Bytes::from(chunk))),
    ))
}

#[tokio::test]
async fn a_body_that_streams_holds_its_permit() {
    let server = Server::start([Reply::Status(200)]).await;
    let pool = BulkheadLayer::new(BulkheadConfig::new(1)).classify(StatusClassify);
    let handle = pool.handle();
    let client = plain().layer((retrying(), scope(pool)));
    let response = client.get(server.url.clone()).send().await.unwrap();
    assert_eq!(handle.in_flight(), 1);
    assert_eq!(response.text().await.unwrap(), "played");
    assert_eq!((handle.in_flight(), handle.totals().successes), (0, 1));
}

#[tokio::test]
async fn a_request_can_want_it_otherwise_on_every_stack() {
    let server = Server::start([Reply::Status(503)]).await;
    let client = plain().layer((retrying(), closed()));
    client.get(server.url.clone()).wants(NoRetry).send().await.unwrap();
    assert_eq!(server.take().len(), 1);
    client.get(server.url.clone()).send().await.unwrap();
    assert_eq!(server.take().len(), 3);

    let hanging = Server::start([Reply::Hang]).await;
    for client in [plain().get(hanging.url.clone()), plain().post(hanging.url.clone())] {
        let late = client.timeout(ms(50)).send().await.unwrap_err();
        assert_eq!(late.as_rejected().unwrap().kind(), RejectedKind::Timeout);
    }
}

#[tokio::test]
async fn keys_and_priorities_of_a_request_reach_the_gates() {
    let server = Server::start([Reply::Hang]).await;
    let pools = BulkheadLayer::new(BulkheadConfig::new(1)).key_by(call_key).priority(call_priority);
    let handle = pools.handle();
    let client = plain().layer(pools);
    let key = |key: &'static str| CallKey(Key::from(key));
    let call =
        |name| client.get(server.url.clone()).wants(key(name)).wants(Priority::High).timeout(ms(300)).send();
    let results = futures::join!(call("a"), call("b"), call("a"));
    let kind = |result: Answer| result.unwrap_err().as_rejected().unwrap().kind();
    let kinds = [kind(results.0), kind(results.1), kind(results.2)];
    assert_eq!(kinds, [RejectedKind::Timeout, RejectedKind::Timeout, RejectedKind::BulkheadFull]);
    assert_eq!(handle.len(), 2);
}

#[tokio::test]
async fn a_hedge_goes_over_it_too() {
    let server = Server::start([Reply::Hang, Reply::Status(200)]).await;
    let config = HedgeConfig::default().delay(seawall::hedge::Delay::Fixed(ms(30)));
    let hedge = HedgeLayer::new(config).classify(StatusClassify).repeat(Replay::default());
    let response = plain().layer(hedge).get(server.url.clone()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), server.hits()), (200, 2));
}

#[tokio::test]
async fn a_cache_by_the_rules_of_http_goes_over_it_and_can_be_passed_by() {
    let server = Server::start([Reply::With(200, "cache-control", "max-age=60")]).await;
    let client = plain().layer((HttpCacheLayer::new(HttpCacheConfig::default()), retrying()));
    for _ in 0..3 {
        let response = client.get(server.url.clone()).send().await.unwrap();
        assert_eq!(response.url(), &server.url, "of an answer from before, too");
        assert_eq!(response.text().await.unwrap(), "played");
    }
    assert_eq!(server.hits(), 1);
    client.get(server.url.clone()).wants(CacheBypass).send().await.unwrap();
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn it_can_be_shared_and_sent_everywhere() {
    fn everywhere<T: Clone + Send + Sync + 'static>(_: &T) {}
    let client = plain().layer((retrying(), scope(closed()), TimeoutLayer::new(ATTEMPT)));
    everywhere(&client);
    let server = Server::start([Reply::Status(200)]).await;
    let url = server.url.clone();
    tokio::spawn(async move { client.get(url).send().await }).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_layers_for_reqwests_own_client_fit_around_it_as_they_are() {
    let server = Server::start([Reply::Status(503), Reply::Status(502), Reply::Status(200)]).await;
    let config = CircuitBreakerConfig::default().minimum_calls(1000);
    let layers = (seawall::reqwest::retry(retry()), seawall::reqwest::circuit_breaker(config));
    let client = plain().layer(layers);
    let chunks = futures::stream::iter(["one ", "two"].map(Ok::<_, std::io::Error>));
    let streamed = client.put(server.url.clone()).body(axum_body(chunks));
    assert_eq!(streamed.send().await.unwrap().status(), 200);
    assert!(server.take().iter().all(|hit| hit.body == "one two"));
    let server = Server::start([Reply::Status(503)]).await;
    assert_eq!(client.post(server.url.clone()).body("order").send().await.unwrap().status(), 503);
    assert_eq!(server.hits(), 1, "a POST is sent once");
}

#[tokio::test]
async fn what_reqwest_says_after_the_call_goes_through_the_question_mark() {
    async fn text(client: &Guarded, url: reqwest::Url) -> Result<String, Error<reqwest::Error>> {
        Ok(client.get(url).send().await?.error_for_status()?.text().await?)
    }
    let server = Server::start([Reply::Status(200), Reply::Status(404)]).await;
    assert_eq!(text(&plain(), server.url.clone()).await.unwrap(), "played");
    let missing = text(&plain(), server.url.clone()).await.unwrap_err();
    assert!(matches!(missing, Error::Service(error) if error.status() == Some(StatusCode::NOT_FOUND)));
}

#[tokio::test]
async fn over_whole_bodies_the_last_good_answer_stands_in_for_a_server_that_is_down() {
    async fn whole(response: http::Response<reqwest::Body>) -> Result<http::Response<Bytes>, Failure> {
        let (head, body) = response.into_parts();
        Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
    }
    type Failure = Error<reqwest::Error>;
    let server = Server::start([Reply::Status(200), Reply::Status(503)]).await;
    let last_good = seawall::FallbackLayer::last_good(WHOLE).classify(StatusClassify);
    let client = plain().layer((last_good, tower::util::AndThenLayer::new(whole)));
    for degraded in [false, true] {
        let response = client.get(server.url.clone()).send().await.unwrap();
        assert_eq!(response.extensions().get::<seawall::Degraded>().is_some(), degraded);
        assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (200, "played"));
    }
}

#[tokio::test]
async fn a_request_that_is_built_first_keeps_its_timeout_and_its_wishes() {
    let server = Server::start([Reply::Hang]).await;
    let client = plain();
    let request = client.get(server.url.clone()).timeout(ms(50)).build().unwrap();
    let late = tokio::time::timeout(ms(3_000), client.execute(request)).await.expect("cut off").unwrap_err();
    assert_eq!(late.as_rejected().unwrap().kind(), RejectedKind::Timeout);

    let server = Server::start([Reply::Status(503)]).await;
    let client = plain().layer(retrying());
    let request = client.get(server.url.clone()).wants(NoRetry).build().unwrap();
    assert_eq!((client.execute(request).await.unwrap().status().as_u16(), server.hits()), (503, 1));
}

#[tokio::test]
async fn reqwests_own_timeout_of_a_request_comes_through_the_layers() {
    let server = Server::start([Reply::Hang]).await;
    let request = plain().layer(closed()).get(server.url.clone()).with(|inner| inner.timeout(ms(50)));
    let late = tokio::time::timeout(ms(3_000), request.send()).await.expect("cut off").unwrap_err();
    assert!(late.as_service().unwrap().downcast_ref::<reqwest::Error>().unwrap().is_timeout());
}
