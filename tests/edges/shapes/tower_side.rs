//! With tower's own layers, whose errors are boxed.

use std::fmt;

use seawall::event::CircuitState;
use seawall::{BoxError, RejectedKind, StackError, service};
use tower::buffer::Buffer;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, ServiceBuilder, ServiceExt};

use super::*;

#[derive(Debug, PartialEq)]
struct Zero;

impl fmt::Display for Zero {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("zero")
    }
}

impl std::error::Error for Zero {}

async fn double(n: u32) -> Result<u32, BoxError> {
    if n == 0 { Err(Zero.into()) } else { Ok(2 * n) }
}

#[tokio::test]
async fn a_stack_over_a_buffer_and_a_limit_works_and_finds_the_error_again() {
    let stack = ServiceBuilder::new()
        .layer(timeout())
        .layer(retry())
        .layer(circuit())
        .layer(timeout())
        .buffer(4)
        .layer(ConcurrencyLimitLayer::new(1))
        .service_fn(double);
    let stack = service::<u32, _>(stack);
    everywhere(&stack);
    let calls = (1..=20).map(|n| tokio::spawn(stack.clone().oneshot(n)));
    for (n, call) in (1..=20).zip(calls) {
        assert_eq!(call.await.unwrap().unwrap(), 2 * n);
    }
    let error = stack.oneshot(0).await.unwrap_err();
    assert_eq!(error.as_service().unwrap().downcast_ref(), Some(&Zero));
}

#[tokio::test]
async fn a_boxed_error_needs_no_lifting_and_carries_a_refusal() {
    let circuit = circuit();
    let _open = circuit.handle().force_open();
    let stack = ServiceBuilder::new().layer(timeout()).layer(retry()).layer(circuit).service_fn(double);
    let error = service::<u32, _>(stack).oneshot(4).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::CircuitOpen);
    assert!(error.as_service().is_none());
}

#[tokio::test]
async fn a_refusal_is_found_again_through_a_buffer_above_and_does_not_kill_it() {
    let circuit = circuit();
    let stack = Buffer::new(circuit.layer(tower::service_fn(double)), 4);
    let open = circuit.handle().force_open();
    // A stack above the buffer sees the refusal of the circuit below it, and does not try again.
    let outer = service::<u32, _>(timeout().layer(retry().layer(stack)));
    everywhere(&outer);
    for _ in 0..3 {
        let error = outer.clone().oneshot(4).await.unwrap_err();
        assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::CircuitOpen);
    }
    drop(open);
    assert_eq!(outer.oneshot(4).await.unwrap(), 8);
}

#[tokio::test]
async fn a_typed_stack_under_a_buffer_is_recognised_above_it() {
    let circuit = circuit();
    let typed = circuit.layer(seawall::Lift.layer(tower::service_fn(async |n: u32| {
        if n == 0 { Err(std::io::Error::other("zero")) } else { Ok(n) }
    })));
    let buffered = Buffer::new(typed, 4);
    let above = super::circuit();
    let outer = above.layer(buffered);
    assert_eq!(outer.clone().oneshot(4).await.unwrap(), 4);
    let _open = circuit.handle().force_open();
    let error = outer.clone().oneshot(4).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::CircuitOpen);
    let counts = above.handle().counts();
    assert_eq!((counts.successes, counts.failures), (1, 0), "a refusal from below is not counted");
}

#[tokio::test]
async fn two_services_of_one_layer_share_its_circuit_and_those_of_two_layers_do_not() {
    let failing = || tower::service_fn(async |(): ()| Err::<http::Response<()>, BoxError>(Zero.into()));
    let (one, two) = (touchy(), touchy());
    let (a, b) = (one.layer(failing()), one.clone().layer(failing()));
    let c = two.layer(failing());
    assert!(a.oneshot(()).await.unwrap_err().as_rejected().is_none());
    assert!(b.clone().oneshot(()).await.unwrap_err().as_rejected().is_none());
    assert_eq!(one.handle().state(), CircuitState::Open);
    assert!(b.oneshot(()).await.unwrap_err().as_rejected().is_some());
    assert!(c.oneshot(()).await.unwrap_err().as_rejected().is_none());
    assert_eq!(two.handle().counts().failures, 1);
}

#[tokio::test]
async fn a_limit_above_a_stack_works_too() {
    let stack = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(2))
        .layer(timeout())
        .layer(retry())
        .layer(circuit())
        .service_fn(double);
    assert_eq!(stack.oneshot(4).await.unwrap(), 8);
}
