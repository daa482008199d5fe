//! A circuit between a client and a server.

use seawall::event::CircuitState;
use seawall::{RejectedKind, StackError};
use tower::Layer;

use super::server::{Reply, Server, nobody, url_of};
use super::*;

/// Opens at the second failure, for so long.
fn touchy(open_for: Duration) -> CircuitBreakerLayer<StatusClassify> {
    let config = CircuitBreakerConfig::default()
        .name("inventory")
        .consecutive_failures(2, Duration::ZERO)
        .open_for(open_for, open_for)
        .jitter(0.0)
        .probes(1);
    CircuitBreakerLayer::new(config).classify(StatusClassify)
}

#[tokio::test]
async fn an_open_circuit_refuses_without_reaching_the_server_and_says_when_to_come_back() {
    let server = Server::start([Reply::Status(503)]).await;
    let circuit = touchy(Duration::from_secs(5));
    let service = stack(retry(), &circuit, ATTEMPT);
    let error = service.clone().oneshot(get(&server.url)).await.unwrap_err();
    assert_eq!(server.hits(), 2, "the second failure opened it, the third attempt was refused");
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::CircuitOpen);
    assert_eq!(circuit.handle().state(), CircuitState::Open);
    for _ in 0..20 {
        let error = service.clone().oneshot(get(&server.url)).await.unwrap_err();
        let rejected = error.as_rejected().unwrap();
        assert_eq!((rejected.kind(), rejected.name().as_str()), (RejectedKind::CircuitOpen, "inventory"));
        assert!(!rejected.reached_service());
        let wait = rejected.retry_after().unwrap();
        assert!(Duration::ZERO < wait && wait <= Duration::from_secs(5), "{wait:?}");
        assert!(error.as_service().is_none());
    }
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_circuit_closes_again_when_the_server_is_back() {
    let server = Server::start([Reply::Status(503), Reply::Status(503), Reply::Status(200)]).await;
    let circuit = touchy(ms(200));
    let service = stack(retry(), &circuit, ATTEMPT);
    assert!(service.clone().oneshot(get(&server.url)).await.is_err());
    circuit.handle().until_closed().await;
    assert_eq!(service.clone().oneshot(get(&server.url)).await.unwrap().status(), 200);
    assert_eq!(circuit.handle().state(), CircuitState::Closed);
    assert_eq!(server.hits(), 3);
}

#[tokio::test]
async fn an_open_circuit_can_be_waited_out() {
    let server = Server::start([Reply::Status(503), Reply::Status(503), Reply::Status(200)]).await;
    let service = stack(retry().max_attempts(5).wait_out_refusals(true), &touchy(ms(200)), ATTEMPT);
    assert_eq!(service.oneshot(get(&server.url)).await.unwrap().status(), 200);
    assert_eq!(server.hits(), 3);
}

#[tokio::test]
async fn a_dead_server_opens_the_circuit() {
    let url = url_of(nobody().await);
    let circuit = touchy(Duration::from_secs(5));
    let service = stack(retry(), &circuit, ATTEMPT);
    assert!(service.clone().oneshot(get(&url)).await.is_err());
    assert_eq!(circuit.handle().state(), CircuitState::Open);
}

#[tokio::test]
async fn a_server_that_hangs_opens_the_circuit() {
    let server = Server::start([Reply::Hang]).await;
    let circuit = touchy(Duration::from_secs(5));
    let service = stack(retry(), &circuit, ms(100));
    let error = service.oneshot(get(&server.url)).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::CircuitOpen);
    assert_eq!((circuit.handle().state(), server.hits()), (CircuitState::Open, 2));
}

#[tokio::test]
async fn answers_that_are_not_failures_leave_the_circuit_closed() {
    let server = Server::start([Reply::Status(404), Reply::Status(429), Reply::Status(501)]).await;
    let circuit = touchy(Duration::from_secs(5));
    let service = circuit.layer(Lift.layer(client()));
    for _ in 0..20 {
        assert!(service.clone().oneshot(get(&server.url)).await.is_ok());
    }
    let counts = circuit.handle().counts();
    assert_eq!(circuit.handle().state(), CircuitState::Closed);
    assert_eq!((counts.failures, counts.successes), (0, 19), "being told to slow down is not counted");
}

#[tokio::test]
async fn two_clients_of_one_layer_share_the_circuit_and_those_of_two_layers_do_not() {
    let server = Server::start([Reply::Status(503)]).await;
    let (one, two) = (touchy(Duration::from_secs(5)), touchy(Duration::from_secs(5)));
    assert!(stack(retry(), &one, ATTEMPT).oneshot(get(&server.url)).await.is_err());
    let hits = server.hits();
    let error = one.layer(Lift.layer(client())).oneshot(get(&server.url)).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::CircuitOpen);
    assert_eq!(server.hits(), hits);
    let response = two.layer(Lift.layer(client())).oneshot(get(&server.url)).await.unwrap();
    assert_eq!((response.status().as_u16(), server.hits()), (503, hits + 1));
}
