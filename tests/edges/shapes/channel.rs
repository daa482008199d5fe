//! A service shaped like the channel of tonic: its body is neither `Clone` nor `Sync`, its error is its own.

use std::cell::Cell;
use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::{Request, Response};
use seawall::{Cause, Error, Lift, Liftable, Outcome, StackError, service};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::*;

/// `Send`, but neither `Clone` nor `Sync`.
#[derive(Debug, Default)]
struct Body(#[expect(dead_code, reason = "for its type")] Cell<u8>);

/// An error that the crate does not know.
#[derive(Debug, PartialEq)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("transport error")
    }
}

impl std::error::Error for Broken {}

/// Panics when it is called without having been ready, as the channel does.
struct Channel {
    calls: Arc<AtomicUsize>,
    /// The status, or an error.
    answer: Option<u16>,
    ready: bool,
}

impl Channel {
    fn new(answer: Option<u16>) -> Self {
        Self { calls: Arc::default(), answer, ready: false }
    }
}

impl Clone for Channel {
    fn clone(&self) -> Self {
        Self { calls: self.calls.clone(), answer: self.answer, ready: false }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Broken;
    type Future = Ready<Result<Response<Body>, Broken>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called an instance that was not ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        let response = |status| Response::builder().status(status).body(Body::default()).unwrap();
        ready(self.answer.map(response).ok_or(Broken))
    }
}

/// Calls it once, after checking where it and its future can go.
macro_rules! check {
    ($stack:expr) => {{
        let mut stack = service::<Request<Body>, _>($stack);
        everywhere(&stack);
        let call = stack.ready().await.unwrap().call(Request::new(Body::default()));
        send(&call);
        call.await
    }};
}

#[tokio::test]
async fn each_layer_works_over_a_channel() {
    let channel = Channel::new(Some(200)).map_err(Error::Service);
    assert_eq!(check!(timeout().layer(channel.clone())).unwrap().status(), 200);
    assert_eq!(check!(circuit().layer(channel.clone())).unwrap().status(), 200);
    assert_eq!(check!(touchy().layer(channel.clone())).unwrap().status(), 200);
    let once = retry().repeat_with(|_| None);
    assert_eq!(check!(once.layer(channel.clone())).unwrap().status(), 200);
    assert_eq!(check!(hedge().repeat_with(|_| None).layer(channel.clone())).unwrap().status(), 200);
    let judged = retry().classify(StatusClassify).repeat_with(|_: &Request<Body>| None);
    assert_eq!(check!(judged.layer(channel)).unwrap().status(), 200);
}

#[tokio::test]
async fn all_layers_together_work_over_a_channel() {
    let channel = Channel::new(None);
    let calls = channel.calls.clone();
    let stack = ServiceBuilder::new()
        .layer(timeout())
        .layer(retry().repeat_with(|_| Some(Request::new(Body::default()))))
        .layer(circuit())
        .layer(timeout())
        .map_err(Error::Service)
        .service(channel);
    let error = check!(stack).unwrap_err();
    assert_eq!(error.as_service().unwrap().downcast_ref(), Some(&Broken));
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_request_that_cannot_be_copied_is_sent_once_even_if_it_never_left() {
    let channel = Channel::new(None);
    let calls = channel.calls.clone();
    let unsent = |_: &Result<Response<Body>, Error<Broken>>| Outcome::Transient {
        retry_after: None,
        cause: Cause::Unsent,
    };
    let layer = retry().classify(unsent).repeat_with(|_| None);
    assert!(check!(layer.layer(channel.map_err(Error::Service))).is_err());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// An error of the user that is liftable in its own way.
impl Liftable for Broken {
    type Stack = Error<Self>;

    fn lift(self) -> Error<Self> {
        Error::Service(self)
    }
}

#[tokio::test]
async fn an_error_of_the_user_can_be_made_liftable() {
    let stack = ServiceBuilder::new().layer(circuit()).layer(Lift).service(Channel::new(None));
    assert!(matches!(check!(stack), Err(Error::Service(Broken))));
}
