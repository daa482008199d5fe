//! What layers, services and futures keep of what they are built from.

use std::cell::Cell;
use std::io;

use reqwest::{Client, Request};
use seawall::http::Drain;
use seawall::reqwest::TryClone;
use seawall::{CircuitBreaker, Error, Lift, Lifted, Retry, StackError, Timeout, service};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

use super::*;

async fn double(n: u32) -> Result<u32, io::Error> {
    if n == 0 { Err(io::Error::other("zero")) } else { Ok(2 * n) }
}

#[test]
fn layers_can_go_everywhere() {
    everywhere(&timeout());
    everywhere(&timeout().per_request(|_: &u32| None::<Duration>));
    everywhere(&retry());
    everywhere(&retry().classify(StatusClassify).repeat(TryClone));
    everywhere(&hedge());
    everywhere(&hedge().classify(StatusClassify).repeat(TryClone));
    everywhere(&circuit());
    everywhere(&touchy());
    everywhere(&coalesce());
    everywhere(&chaos().only(|_: &u32| true));
    everywhere(&Lift);
    everywhere(&seawall::reqwest::retry(RetryConfig::default()));
    everywhere(&seawall::reqwest::hedge(seawall::HedgeConfig::default()));
}

#[test]
fn handles_and_futures_can_go_everywhere_they_must() {
    everywhere(&retry().handle());
    everywhere(&hedge().handle());
    everywhere(&circuit().handle());
    everywhere(&coalesce().handle());
    everywhere(&chaos().handle());
    send(&circuit().handle().subscribe());
    let handle = circuit().handle();
    send(&async move { handle.until_closed().await });
    send(&seawall::Deadline::after(Duration::ZERO).scope(async {}));
}

#[tokio::test]
async fn each_layer_works_over_a_function() {
    let function = || Lift.layer(service_fn(double));
    let stack = service::<u32, _>(timeout().layer(function()));
    everywhere(&stack);
    assert_eq!(stack.oneshot(4).await.unwrap(), 8);
    let stack = service::<u32, _>(retry().layer(function()));
    everywhere(&stack);
    assert_eq!(stack.oneshot(4).await.unwrap(), 8);
    let stack = service::<u32, _>(hedge().layer(function()));
    everywhere(&stack);
    assert_eq!(stack.oneshot(4).await.unwrap(), 8);
    let stack = service::<u32, _>(coalesce().layer(chaos().layer(function())));
    everywhere(&stack);
    let call = stack.clone().oneshot(4);
    send(&call);
    assert_eq!(call.await.unwrap(), 8);
    let stack = service::<u32, _>(circuit().layer(function()));
    everywhere(&stack);
    let error = stack.oneshot(0).await.unwrap_err();
    assert!(error.as_service().unwrap().is::<io::Error>());
}

#[test]
fn each_layer_works_over_a_client() {
    let client = || Lift.layer(Client::new());
    let mut stack = service::<Request, _>(timeout().layer(client()));
    everywhere(&stack);
    send(&stack.call(Request::new(reqwest::Method::GET, "http://127.0.0.1/".parse().unwrap())));
    let mut stack = service::<Request, _>(touchy().layer(client()));
    everywhere(&stack);
    send(&stack.call(Request::new(reqwest::Method::GET, "http://127.0.0.1/".parse().unwrap())));
    let mut stack = service::<Request, _>(seawall::reqwest::retry(RetryConfig::default()).layer(client()));
    everywhere(&stack);
    send(&stack.call(Request::new(reqwest::Method::GET, "http://127.0.0.1/".parse().unwrap())));
    let mut stack = service::<Request, _>(hedge().repeat(TryClone).layer(client()));
    everywhere(&stack);
    send(&stack.call(Request::new(reqwest::Method::GET, "http://127.0.0.1/".parse().unwrap())));
    let mut stack = service::<Request, _>(retry().repeat(TryClone).layer(client()));
    everywhere(&stack);
    send(&stack.call(Request::new(reqwest::Method::GET, "http://127.0.0.1/".parse().unwrap())));
}

#[test]
fn the_service_of_a_stack_has_a_name() {
    type Stack = Timeout<
        Retry<CircuitBreaker<Timeout<Lifted<Client>>, StatusClassify>, StatusClassify, TryClone, Drain>,
    >;
    let stack: Stack = ServiceBuilder::new()
        .layer(timeout())
        .layer(seawall::reqwest::retry(RetryConfig::default()))
        .layer(touchy())
        .layer(timeout())
        .layer(Lift)
        .service(Client::new());
    everywhere(&stack);
}

/// `Send`, but not `Sync`.
#[derive(Clone)]
struct Alone(Cell<u32>);

impl Service<u32> for Alone {
    type Response = u32;
    type Error = Error<io::Error>;
    type Future = std::future::Ready<Result<u32, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, n: u32) -> Self::Future {
        self.0.set(n);
        std::future::ready(if n == 0 { Err(Error::Service(io::Error::other("zero"))) } else { Ok(n) })
    }
}

#[tokio::test]
async fn over_a_service_that_is_send_but_not_sync_all_stay_send() {
    let stack = ServiceBuilder::new()
        .layer(timeout())
        .layer(retry())
        .layer(circuit())
        .layer(timeout())
        .service(Alone(Cell::new(0)));
    let mut stack = service::<u32, _>(stack);
    send(&stack);
    let call = stack.call(7);
    send(&call);
    assert_eq!(call.await.unwrap(), 7);
    assert!(tokio::spawn(stack.clone().oneshot(0)).await.unwrap().is_err());
}

#[tokio::test]
async fn a_request_that_is_neither_clone_nor_sync_is_no_matter_to_a_gate_or_a_timeout() {
    let service = service_fn(|request: Cell<u32>| async move { Ok::<_, io::Error>(request) });
    let stack =
        ServiceBuilder::new().layer(timeout()).layer(circuit()).layer(timeout()).layer(Lift).service(service);
    let mut stack = seawall::service::<Cell<u32>, _>(stack);
    everywhere(&stack);
    let call = stack.ready().await.unwrap().call(Cell::new(3));
    send(&call);
    assert_eq!(call.await.unwrap().get(), 3);
}

#[tokio::test]
async fn a_layer_that_may_be_absent_changes_no_type() {
    for present in [true, false] {
        let stack = ServiceBuilder::new()
            .option_layer(present.then(timeout))
            .option_layer(present.then(coalesce))
            .option_layer(present.then(retry))
            .option_layer(present.then(circuit))
            .option_layer(present.then(chaos))
            .layer(Lift)
            .service_fn(double);
        let mut stack = service::<u32, _>(stack);
        everywhere(&stack);
        let answer: Result<u32, Error<io::Error>> = stack.ready().await.unwrap().call(4).await;
        assert_eq!(answer.unwrap(), 8);
        let error: Error<io::Error> = stack.ready().await.unwrap().call(0).await.unwrap_err();
        assert!(matches!(error, Error::Service(_)));
    }
}

#[tokio::test]
async fn a_stack_can_be_boxed_cloned_and_shared() {
    let stack = ServiceBuilder::new()
        .layer(timeout())
        .layer(retry())
        .layer(circuit())
        .layer(timeout())
        .layer(Lift)
        .service_fn(double);
    let boxed: BoxCloneSyncService<u32, u32, Error<io::Error>> = BoxCloneSyncService::new(stack);
    everywhere(&boxed);
    let calls = (1..=4).map(|n| tokio::spawn(boxed.clone().oneshot(n)));
    for (n, call) in (1..=4).zip(calls) {
        assert_eq!(call.await.unwrap().unwrap(), 2 * n);
    }
}

#[tokio::test]
async fn a_boxed_stack_can_be_layered_again() {
    let inner = ServiceBuilder::new().layer(circuit()).layer(Lift).service_fn(double);
    let boxed = BoxCloneSyncService::new(inner);
    let outer = service::<u32, _>(timeout().layer(retry().layer(boxed)));
    everywhere(&outer);
    assert_eq!(outer.oneshot(4).await.unwrap(), 8);
}

#[tokio::test]
async fn lifting_twice_changes_nothing() {
    let stack =
        ServiceBuilder::new().layer(timeout()).layer(Lift).layer(circuit()).layer(Lift).service_fn(double);
    let error: Error<io::Error> = service::<u32, _>(stack).oneshot(0).await.unwrap_err();
    assert!(matches!(error, Error::Service(_)));
}
