//! Clients, and proxies that are clients and servers at once.

use seawall::http::Replay;
use seawall::reqwest::Client as Guarded;
use seawall::reqwest_middleware::LayerMiddleware;
use seawall::{Backoff, RetryConfig, RetryLayer};

use super::*;

fn reqwest() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn an_upgraded_connection_of_reqwest_is_in_flight_until_it_is_dropped() {
    let (base, server) = guarded().await;
    let pool = pool();
    let handle = pool.handle();
    let client = Guarded::new(reqwest()).layer(scope(pool));
    let request =
        client.get(format!("{base}/echo")).header("connection", "upgrade").header("upgrade", "echo");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 101);
    let mut echo = seawall::reqwest::upgrade(response).await.unwrap();
    assert_eq!(say(&mut echo, b"hello").await, b"hello");
    assert_eq!((handle.in_flight(), server.in_flight()), (1, 1));
    assert_eq!(say(&mut echo, b"bye").await, b"");
    home(&server, 1).await;
    assert_eq!(handle.in_flight(), 1);
    drop(echo);
    home(&handle, 1).await;
}

#[tokio::test]
async fn an_upgrade_that_a_server_refuses_holds_nothing() {
    let (base, server) = guarded().await;
    let pool = pool();
    let handle = pool.handle();
    let client = Guarded::new(reqwest()).layer(scope(pool));
    let request =
        client.get(format!("{base}/refused")).header("connection", "upgrade").header("upgrade", "echo");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(seawall::reqwest::upgrade(response).await.is_err());
    assert_eq!((handle.in_flight(), handle.totals().abandoned), (0, 1), "nobody read its body");
    soon("the permit is home", || server.in_flight() == 0).await;
}

#[tokio::test]
async fn a_middleware_of_reqwest_and_a_client_without_layers_give_the_connection_too() {
    let (base, server) = guarded().await;
    let pool = pool();
    let handle = pool.handle();
    let client =
        reqwest_middleware::ClientBuilder::new(reqwest()).with(LayerMiddleware::new(scope(pool))).build();
    let request =
        client.get(format!("{base}/echo")).header("connection", "upgrade").header("upgrade", "echo");
    let mut echo = seawall::reqwest::upgrade(request.send().await.unwrap()).await.unwrap();
    assert_eq!((say(&mut echo, b"hello").await, handle.in_flight()), (b"hello".to_vec(), 1));
    drop(echo);
    home(&handle, 1).await;
    home(&server, 1).await;

    let request =
        reqwest().get(format!("{base}/echo")).header("connection", "upgrade").header("upgrade", "echo");
    let mut echo = seawall::reqwest::upgrade(request.send().await.unwrap()).await.unwrap();
    assert_eq!(say(&mut echo, b"hello").await, b"hello");
    let (io, calls) = echo.into_parts();
    assert!(calls.is_none());
    drop(io);
    home(&server, 2).await;
}

#[tokio::test]
async fn a_proxy_that_hands_the_request_on_holds_both_calls_by_what_its_response_has() {
    let (base, server) = guarded().await;
    let (client, outgoing) = over(client());
    let incoming = pool();
    let handle = incoming.handle();
    let proxy = move |mut request: Request<Body>| {
        let (client, base) = (client.clone(), base.clone());
        async move {
            let caller = hyper::upgrade::on(&mut request);
            *request.uri_mut() = format!("{base}/echo").parse().unwrap();
            let echo = client.oneshot(request).await.unwrap();
            tokio::spawn(async move {
                let mut echo = switched(echo).await;
                let mut caller = TokioIo::new(caller.await.unwrap());
                let _ended = tokio::io::copy_bidirectional(&mut caller, &mut echo).await;
            });
            switching()
        }
    };
    let proxy = serve(Router::new().route("/", any(proxy)).layer(respond(scope(incoming)))).await;
    let mut echo = switched(super::client().request(asking(&proxy, "/")).await.unwrap()).await;
    assert_eq!(say(&mut echo, b"hello").await, b"hello");
    assert_eq!([&handle, &outgoing, &server].map(Handle::in_flight), [1, 1, 1]);
    drop(echo);
    for pool in [handle, outgoing, server] {
        home(&pool, 1).await;
    }
}

#[tokio::test]
async fn a_client_that_tries_again_holds_the_attempt_that_switched() {
    let tries = std::sync::atomic::AtomicU32::new(0);
    let second = move |kept: Kept, request: Request<Body>| {
        let first = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        async move {
            if first { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { keeping(kept, request).await }
        }
    };
    let second = std::sync::Arc::new(second);
    let base = serve(Router::new().route("/", any(move |kept: Kept, request| second(kept, request)))).await;
    let (outer, inner) = (pool(), pool());
    let (outside, inside) = (outer.handle(), inner.handle());
    let backoff = RetryConfig::default().backoff(Backoff::constant(Duration::from_millis(5)));
    let retry = RetryLayer::new(backoff).classify(StatusClassify).repeat(Replay::default());
    let client = service::<Request<Body>, _>((scope(outer), retry, scope(inner)).layer(lifted()));
    let mut echo = switched(client.oneshot(asking(&base, "/")).await.unwrap()).await;
    assert_eq!(say(&mut echo, b"hello").await, b"hello");
    assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1));
    assert_eq!((inside.totals().failures, inside.totals().calls()), (1, 1));
    drop(echo);
    home(&outside, 1).await;
    assert_eq!((inside.in_flight(), inside.totals().calls()), (0, 2));
}
