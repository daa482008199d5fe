//! What is stale, while the next is fetched or the server is down.

use super::*;

#[tokio::test]
async fn what_is_stale_is_served_while_the_next_is_fetched() {
    let server = server().await;
    let cache = layer().refresh_in_background();
    let handle = cache.handle();
    let service = cache.layer(client());
    assert_eq!(send(&service, server.get("/stale")).await.2, "1");
    for hit in 1..4 {
        let (_, head, body) = send(&service, server.get("/stale")).await;
        assert_eq!(body, hit.to_string());
        assert!(head.contains_key("age"));
        soon("the next is fetched", || handle.refreshing() == 0 && server.hits.of("/stale") == hit + 1).await;
    }
    assert_eq!((handle.refreshes(), handle.answers(Source::Stale)), (3, 3));
}

#[tokio::test]
async fn what_is_stale_stands_in_for_errors_and_for_a_server_that_is_down() {
    let server = server().await;
    let cache = layer();
    let handle = cache.handle();
    let service = cache.layer(client());
    for _ in 0..3 {
        let (status, _, body) = send(&service, server.get("/standby")).await;
        assert_eq!((status, body), (StatusCode::OK, "1".to_owned()));
    }
    assert_eq!(server.hits.of("/standby"), 3);
    server.task.abort();
    soon("the server is down", || server.task.is_finished()).await;
    // Each with a client of its own: the first one may still have a connection.
    let service = cache.layer(client());
    assert_eq!(send(&service, server.get("/standby")).await.2, "1");
    assert_eq!(handle.answers(Source::StaleIfError), 3);
    let other = service.oneshot(server.get("/fresh")).await;
    assert!(matches!(other, Err(Error::Service(_))));
}

#[tokio::test]
async fn what_is_stale_stands_in_for_an_open_circuit() {
    let server = server().await;
    let circuit =
        CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("pages")).classify(StatusClassify);
    let breaker = circuit.handle();
    let stack = ServiceBuilder::new()
        .layer(layer())
        .layer(circuit)
        .layer(TimeoutLayer::new(Duration::from_secs(20)))
        .service(client());
    assert_eq!(send(&stack, server.get("/standby")).await.2, "1");
    let _open = breaker.force_open();
    for _ in 0..3 {
        assert_eq!(send(&stack, server.get("/standby")).await.2, "1");
    }
    assert_eq!(server.hits.of("/standby"), 1);
    assert!(stack.oneshot(server.get("/fresh")).await.is_err(), "nothing stands in for that");
}
