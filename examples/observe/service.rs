//! The service that calls, through all layers, and tells how it went.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use reqwest::{Client, Method, Request, Response, Url};
use seawall::circuit_breaker::Handle;
use seawall::reqwest::StatusClassify;
use seawall::{
    AdaptiveConfig, AdaptiveLayer, BulkheadConfig, BulkheadLayer, CircuitBreakerConfig, Lift,
    RateLimitConfig, RateLimitLayer, RetryConfig, TimeoutConfig, TimeoutLayer,
};
use tokio::net::TcpListener;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder, ServiceExt};

type Shop = BoxCloneSyncService<Request, Response, seawall::Error<reqwest::Error>>;

/// Listens on a free port. The handle looks at the circuit from inside.
pub(crate) async fn start(
    client: Client,
    shop: SocketAddr,
    recorder: PrometheusHandle,
) -> io::Result<(SocketAddr, Handle)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (service, circuit) = protect(client);
    let url = Url::parse(&format!("http://{shop}/")).map_err(io::Error::other)?;
    let routes = Router::new().route("/", get(answer)).with_state((service, url));
    // All that telemetry needs: the rest happens by itself.
    let routes = routes.route("/metrics", get(|| async move { recorder.render() }));
    tokio::spawn(async { axum::serve(listener, routes).await });
    Ok((address, circuit))
}

/// Every layer there is. Few services need them all: see the chapter on their order.
fn protect(client: Client) -> (Shop, Handle) {
    let ms = Duration::from_millis;
    let name = "shop";
    let places = BulkheadConfig::new(20).queue(20, ms(100)).name(name);
    let rate = RateLimitConfig::per_second(100).burst(30).max_wait(ms(50)).name(name);
    let breaker = CircuitBreakerConfig::default().open_for(ms(500), ms(1000)).name(name);
    let breaker = seawall::reqwest::circuit_breaker(breaker);
    let circuit = breaker.handle();
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(TimeoutConfig::new(ms(1000)).name("shop, the whole call")))
        .layer(BulkheadLayer::new(places).classify(StatusClassify))
        .layer(seawall::reqwest::retry(RetryConfig::default().name(name)))
        .layer(breaker)
        .layer(RateLimitLayer::new(rate).classify(StatusClassify))
        .layer(AdaptiveLayer::new(AdaptiveConfig::default().name(name)).classify(StatusClassify))
        .layer(TimeoutLayer::new(TimeoutConfig::new(ms(200)).name("shop, one attempt")))
        .layer(Lift)
        .service(client);
    (BoxCloneSyncService::new(seawall::service::<Request, _>(stack)), circuit)
}

async fn answer(State((shop, url)): State<(Shop, Url)>) -> StatusCode {
    let mut shop = shop;
    let request = Request::new(Method::GET, url);
    let answer = match shop.ready().await {
        Ok(shop) => shop.call(request).await,
        Err(error) => Err(error),
    };
    answer.map_or(StatusCode::SERVICE_UNAVAILABLE, |answer| answer.status())
}
