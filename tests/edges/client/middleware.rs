//! Layers as middlewares, and middlewares below layers.

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use seawall::circuit_breaker::{Abandoned, CircuitState};
use seawall::http::{Replay, scope};
use seawall::reqwest_middleware::LayerMiddleware;
use seawall::{BulkheadConfig, BulkheadLayer, HedgeConfig, HedgeLayer, RejectedKind, RetryLayer, StackError};
use tower::Layer;

use super::server::{Reply, Server, nobody, url_of};
use super::*;

fn with(middleware: impl Middleware) -> ClientWithMiddleware {
    ClientBuilder::new(client()).with(middleware).build()
}

fn retrying() -> RetryLayer<StatusClassify, Replay> {
    RetryLayer::new(retry()).classify(StatusClassify).repeat(Replay::default())
}

fn kind(error: &reqwest_middleware::Error) -> Option<RejectedKind> {
    error.as_rejected().map(seawall::Rejected::kind)
}

#[tokio::test]
async fn a_retry_sends_again_what_the_middlewares_below_send() {
    let server = Server::start([Reply::Status(503), Reply::Status(502), Reply::Status(200)]).await;
    let client = with(LayerMiddleware::new(retrying()));
    let response = client.put(server.url.clone()).body("order 7").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.url()), (200, &server.url));
    assert_eq!(response.text().await.unwrap(), "played");
    assert!(server.take().iter().all(|hit| hit.body == "order 7"));
}

#[tokio::test]
async fn one_layer_value_is_one_circuit_for_all_calls() {
    let server = Server::start([Reply::Status(503)]).await;
    let config = CircuitBreakerConfig::default().consecutive_failures(3, Duration::ZERO);
    let circuit = CircuitBreakerLayer::new(config).classify(StatusClassify);
    let handle = circuit.handle();
    let client = with(LayerMiddleware::new(circuit));
    for _ in 0..3 {
        assert_eq!(client.get(server.url.clone()).send().await.unwrap().status(), 503);
    }
    assert_eq!(handle.state(), CircuitState::Open);
    let refused = client.get(server.url.clone()).send().await.unwrap_err();
    assert_eq!((kind(&refused), server.hits()), (Some(RejectedKind::CircuitOpen), 3));
}

#[tokio::test]
async fn a_pool_is_shared_by_calls_at_once_and_holds_bodies() {
    let server = Server::start([Reply::Status(200)]).await;
    let pool = BulkheadLayer::new(BulkheadConfig::new(1)).classify(StatusClassify);
    let handle = pool.handle();
    let client = with(LayerMiddleware::new(scope(pool)));
    let first = client.get(server.url.clone()).send().await.unwrap();
    assert_eq!(handle.in_flight(), 1, "the body is not read yet");
    let refused = client.get(server.url.clone()).send().await.unwrap_err();
    assert_eq!(kind(&refused), Some(RejectedKind::BulkheadFull));
    assert_eq!(first.text().await.unwrap(), "played");
    assert_eq!(handle.in_flight(), 0);
}

#[tokio::test]
async fn a_hedge_makes_two_calls_and_drops_the_loser() {
    let server = Server::start([Reply::Hang, Reply::Status(200)]).await;
    let config = HedgeConfig::default().delay(seawall::hedge::Delay::Fixed(ms(30)));
    let hedge = HedgeLayer::new(config).classify(StatusClassify).repeat(Replay::default());
    let response = with(LayerMiddleware::new(hedge)).get(server.url.clone()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), server.hits()), (200, 2));
}

#[tokio::test]
async fn reqwests_own_error_comes_through_and_a_timeout_cuts() {
    let client = with(LayerMiddleware::new((retrying(), TimeoutLayer::new(ms(50)))));
    let error = client.post(url_of(nobody().await)).send().await.unwrap_err();
    assert!(error.is_connect() && error.as_rejected().is_none(), "{error:?}");
    let server = Server::start([Reply::Hang]).await;
    let late = client.post(server.url.clone()).send().await.unwrap_err();
    assert_eq!((kind(&late), server.hits()), (Some(RejectedKind::Timeout), 1));
}

/// Counts the calls that pass.
struct Count(std::sync::Arc<std::sync::atomic::AtomicUsize>);

#[async_trait::async_trait]
impl Middleware for Count {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn middlewares_below_a_layer_see_every_attempt() {
    let server = Server::start([Reply::Status(503), Reply::Status(200)]).await;
    let count = std::sync::Arc::default();
    let builder = ClientBuilder::new(client()).with(LayerMiddleware::new(retrying()));
    let client = builder.with(Count(std::sync::Arc::clone(&count))).build();
    client.get(server.url.clone()).send().await.unwrap();
    assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 2);
}

/// Remembers which attempt it was, and whether there was a deadline.
#[derive(Clone, Default)]
struct Sees(std::sync::Arc<std::sync::Mutex<Vec<(u32, bool)>>>);

#[async_trait::async_trait]
impl Middleware for Sees {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let seen = (seawall::current_attempt(), seawall::Deadline::current().is_some());
        self.0.lock().unwrap().push(seen);
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn middlewares_below_a_layer_know_its_deadline_and_its_attempt() {
    let server = Server::start([Reply::Status(503), Reply::Status(200)]).await;
    let sees = Sees::default();
    let layers = LayerMiddleware::new((TimeoutLayer::new(WHOLE), retrying()));
    let client = ClientBuilder::new(client()).with(layers).with(sees.clone()).build();
    client.get(server.url.clone()).send().await.unwrap();
    assert_eq!(*sees.0.lock().unwrap(), [(1, true), (2, true)]);
}

#[tokio::test]
async fn a_circuit_below_a_layer_knows_why_a_call_was_dropped() {
    let server = Server::start([Reply::Hang, Reply::Status(200), Reply::Hang]).await;
    let config = CircuitBreakerConfig::default().minimum_calls(1000).abandoned(Abandoned::Failure);
    let circuit = CircuitBreakerLayer::new(config).classify(StatusClassify);
    let handle = circuit.handle();
    let config = HedgeConfig::default().delay(seawall::hedge::Delay::Fixed(ms(30)));
    let hedge = HedgeLayer::new(config).classify(StatusClassify).repeat(Replay::default());
    let client = ClientBuilder::new(client())
        .with(LayerMiddleware::new(hedge))
        .with(LayerMiddleware::new(circuit))
        .build();
    client.get(server.url.clone()).send().await.unwrap();
    let totals = handle.totals();
    assert_eq!((totals.successes, totals.ignored, totals.failures), (1, 1, 0), "the loser of a hedge");

    let config = CircuitBreakerConfig::default().minimum_calls(1000).abandoned(Abandoned::Ignore);
    let circuit = CircuitBreakerLayer::new(config).classify(StatusClassify);
    let handle = circuit.handle();
    let client = ClientBuilder::new(super::client())
        .with(LayerMiddleware::new(TimeoutLayer::new(ms(30))))
        .with(LayerMiddleware::new(circuit))
        .build();
    client.get(server.url.clone()).send().await.unwrap_err();
    assert_eq!((handle.totals().failures, handle.in_flight()), (1, 0), "a limit of ours");
}

#[tokio::test]
async fn any_layer_goes_around_a_client_with_middlewares() {
    let server = Server::start([Reply::Status(503), Reply::Status(200)]).await;
    let inner = ClientBuilder::new(client()).build();
    let stack = (seawall::reqwest::retry(retry()), closed()).layer(inner);
    let response = seawall::service::<Request, _>(stack).oneshot(get(&server.url)).await.unwrap();
    assert_eq!((response.status().as_u16(), server.hits()), (200, 2));
}
