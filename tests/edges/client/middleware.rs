//! Layers as middlewares, and middlewares below layers.

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use seawall::circuit_breaker::{Abandoned, CircuitState};
use seawall::http::{Drain, Replay, scope};
use seawall::reqwest_middleware::LayerMiddleware;
use seawall::{BulkheadConfig, BulkheadLayer, HedgeConfig, HedgeLayer, RejectedKind, RetryLayer, StackError};
use tower::Layer;

use super::server::{Reply, Server, nobody, url_of};
use super::*;

fn with(middleware: impl Middleware) -> ClientWithMiddleware {
    ClientBuilder::new(client()).with(middleware).build()
}

fn retrying() -> RetryLayer<StatusClassify, Replay, Drain> {
    seawall::http::retry(retry())
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

/// Writes down what a call below the layers knows of those above: the number of the attempt, and how much time is left.
#[derive(Clone, Default)]
struct Look(std::sync::Arc<std::sync::Mutex<Vec<Seen>>>);

type Seen = (u32, Option<Duration>);

#[async_trait::async_trait]
impl Middleware for Look {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let left = seawall::Deadline::current().map(seawall::Deadline::remaining);
        self.0.lock().unwrap().push((seawall::current_attempt(), left));
        next.run(request, extensions).await
    }
}

#[tokio::test]
async fn middlewares_below_know_the_attempt_and_the_deadline_of_the_layers_above() {
    let server = Server::start([Reply::Status(503), Reply::Status(200)]).await;
    let (above, below) = (Look::default(), Look::default());
    let client = ClientBuilder::new(client())
        .with(LayerMiddleware::new(TimeoutLayer::new(ms(60_000))))
        .with(above.clone())
        .with(LayerMiddleware::new(retrying()))
        .with(below.clone())
        .build();
    client.get(server.url.clone()).send().await.unwrap();
    let [above, below] = [above, below].map(|look| look.0.lock().unwrap().clone());
    let attempts = |seen: &[Seen]| seen.iter().map(|(n, _)| *n).collect::<Vec<_>>();
    assert_eq!((attempts(&above), attempts(&below)), (vec![1], vec![1, 2]));
    for (_, left) in above.into_iter().chain(below) {
        assert!(left.is_some_and(|left| left > ms(30_000) && left <= ms(60_000)), "{left:?}");
    }
}

#[tokio::test]
async fn a_retry_gives_up_under_the_deadline_of_a_middleware_above() {
    let server = Server::start([Reply::Status(503)]).await;
    let slow = retry().backoff(seawall::Backoff::constant(ms(60_000)));
    let slow = RetryLayer::new(slow).classify(StatusClassify).repeat(Replay::default());
    let client = ClientBuilder::new(client())
        .with(LayerMiddleware::new(TimeoutLayer::new(ms(30_000))))
        .with(LayerMiddleware::new(slow))
        .build();
    let response = client.get(server.url.clone()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), server.hits()), (503, 1), "not even waited for");
}

#[tokio::test]
async fn a_circuit_in_a_middleware_of_its_own_hears_that_a_timeout_above_cut_its_call() {
    let server = Server::start([Reply::Hang]).await;
    let config = CircuitBreakerConfig::default().consecutive_failures(3, Duration::ZERO);
    let circuit = CircuitBreakerLayer::new(config).classify(StatusClassify);
    let handle = circuit.handle();
    let client = ClientBuilder::new(client())
        .with(LayerMiddleware::new((retrying(), TimeoutLayer::new(ms(50)))))
        .with(LayerMiddleware::new(circuit))
        .build();
    client.get(server.url.clone()).send().await.unwrap_err();
    assert_eq!(
        (handle.state(), handle.totals().failures),
        (CircuitState::Open, 3),
        "each attempt, the last too"
    );
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
