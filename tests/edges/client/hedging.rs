//! A second request to a server that is slow to answer the first.

use seawall::HedgeConfig;

use super::server::{Reply, Server};
use super::*;

/// Sends a request through a hedge and a circuit.
async fn send_hedged(request: Request, circuit: &CircuitBreakerLayer<StatusClassify>) -> Answer {
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(ms(2000)))
        .layer(seawall::reqwest::hedge(HedgeConfig::default().after(ms(50))))
        .layer(circuit.clone())
        .layer(Lift)
        .service(client());
    seawall::service::<Request, _>(stack).oneshot(request).await
}

#[tokio::test]
async fn a_get_that_hangs_is_answered_by_its_hedge_and_the_circuit_saw_no_failure() {
    let (server, circuit) = (Server::start([Reply::Hang, Reply::Status(200)]).await, closed());
    assert_eq!(send_hedged(get(&server.url), &circuit).await.unwrap().status(), 200);
    let totals = circuit.handle().totals();
    assert_eq!((server.hits(), totals.successes, totals.ignored, totals.failures), (2, 1, 1, 0));
}

#[tokio::test]
async fn a_busy_answer_is_hedged_at_once() {
    let (server, circuit) = (Server::start([Reply::Status(503), Reply::Status(200)]).await, closed());
    assert_eq!(send_hedged(get(&server.url), &circuit).await.unwrap().status(), 200);
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_post_that_hangs_is_sent_once() {
    let (server, circuit) = (Server::start([Reply::Hang]).await, closed());
    assert!(send_hedged(post(&server.url), &circuit).await.is_err());
    assert_eq!(server.hits(), 1);
}
