//! A body that is read below all layers: they see what happens to it.

use bytes::Bytes;
use http_body_util::BodyExt;
use seawall::http::StatusClassify;
use seawall::reqwest::TryClone;
use seawall::{
    CacheLayer, CircuitBreakerConfig, CircuitBreakerLayer, Key, Lift, RetryConfig, RetryLayer, TimeoutLayer,
};
use tower::{ServiceBuilder, ServiceExt};

use super::*;

async fn whole(response: reqwest::Response) -> Result<http::Response<Bytes>, reqwest::Error> {
    let (head, body) = http::Response::from(response).into_parts();
    Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
}

#[tokio::test]
async fn a_body_that_is_read_at_the_bottom_and_breaks_off_is_asked_for_again_and_kept_when_it_is_whole() {
    let server = Server::start([Reply::Status(200)]).await;
    let proxy = Proxy::start(server.address(), [Fault::HalfBody, Fault::Pass]).await;
    let url: reqwest::Url = format!("http://{}/", proxy.address).parse().unwrap();
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).classify(StatusClassify);
    let totals = circuit.handle();
    let cache =
        CacheLayer::new(secs(60), |request: &reqwest::Request| Some(Key::from(request.url().as_str())));
    let stack = ServiceBuilder::new()
        .layer(cache.classify(StatusClassify))
        .layer(RetryLayer::new(RetryConfig::default()).classify(StatusClassify).repeat(TryClone))
        .layer(circuit)
        .layer(TimeoutLayer::new(secs(10)))
        .layer(Lift)
        .and_then(whole)
        .service(reqwest::Client::builder().no_proxy().retry(reqwest::retry::never()).build().unwrap());
    let stack = seawall::service::<reqwest::Request, _>(stack);
    for _ in 0..3 {
        let call = stack.clone().oneshot(reqwest::Request::new(reqwest::Method::GET, url.clone()));
        assert_eq!(call.await.unwrap().into_body(), "played");
    }
    let totals = totals.totals();
    assert_eq!((server.hits(), totals.failures, totals.successes), (2, 1, 1));
}

#[tokio::test]
async fn a_body_that_is_read_at_the_bottom_and_trickles_is_cut_by_the_timeout() {
    let server = Server::start([Reply::Status(200)]).await;
    let proxy = Proxy::start(server.address(), [Fault::Trickle]).await;
    let url: reqwest::Url = format!("http://{}/", proxy.address).parse().unwrap();
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_millis(300)))
        .layer(Lift)
        .and_then(whole)
        .service(reqwest::Client::builder().no_proxy().build().unwrap());
    let error = stack.oneshot(reqwest::Request::new(reqwest::Method::GET, url)).await.unwrap_err();
    assert!(matches!(error, seawall::Error::Rejected(rejected) if rejected.kind() == RejectedKind::Timeout));
}
