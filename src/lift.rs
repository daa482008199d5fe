//! Lifting: the one place where a service's own error becomes the error of a stack.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::error::StackError;

/// An error that can become the error of a stack: itself if it already can carry a refusal, [`Error<Self>`](crate::Error) otherwise.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not lifted into a stack of seawall layers by itself",
    note = "say how with `.map_err(seawall::Error::Service)` innermost, right above the service"
)]
pub trait Liftable {
    /// The error of the stack.
    type Stack: StackError;

    /// Lifts it.
    fn lift(self) -> Self::Stack;
}

impl<E: StackError> Liftable for E {
    type Stack = E;

    fn lift(self) -> E {
        self
    }
}

/// Lifts these errors into [`Error`].
macro_rules! lift_into_error {
    ($($error:ty),+ $(,)?) => {
        $(impl $crate::Liftable for $error {
            type Stack = $crate::Error<Self>;

            fn lift(self) -> Self::Stack {
                $crate::Error::Service(self)
            }
        })+
    };
}
#[allow(unused_imports, reason = "for the edges")]
pub(crate) use lift_into_error;

lift_into_error!(io::Error, Infallible);

/// Puts the service's error into a form that can carry a refusal. Goes innermost, once:
///
/// ```
/// use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Lift};
/// use tower::ServiceBuilder;
///
/// let service = tower::service_fn(|n: u32| async move { Ok::<_, std::io::Error>(n + 1) });
/// let stack = ServiceBuilder::new()
///     .layer(CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("adder")))
///     .layer(Lift)
///     .service(service);
/// # let stack = seawall::service::<u32, _>(stack);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Lift;

impl<S> Layer<S> for Lift {
    type Service = Lifted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Lifted { inner }
    }
}

/// A service whose error was lifted by [`Lift`].
#[derive(Clone, Copy, Debug)]
pub struct Lifted<S> {
    inner: S,
}

impl<S, Request> Service<Request> for Lifted<S>
where
    S: Service<Request, Error: Liftable>,
{
    type Response = S::Response;
    type Error = <S::Error as Liftable>::Stack;
    type Future = LiftFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Liftable::lift)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        LiftFuture { inner: self.inner.call(request) }
    }
}

pin_project! {
    /// The response of a [`Lifted`] service.
    #[derive(Debug)]
    pub struct LiftFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F, Response, E> Future for LiftFuture<F>
where
    F: Future<Output = Result<Response, E>>,
    E: Liftable,
{
    type Output = Result<Response, E::Stack>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx).map_err(Liftable::lift)
    }
}

/// Checks that a stack is a service for `Request`, and gives it back as it was.
///
/// Costs nothing, and turns a forgotten [`Lift`] or a missing `Clone` into a message that says so, where a bare
/// `.oneshot()` would only tell that a method does not exist.
pub fn service<Request, S>(stack: S) -> S
where
    S: Service<Request, Error: StackError>,
{
    stack
}
