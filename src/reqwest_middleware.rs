//! Any layer as a middleware of `reqwest-middleware`, and that crate's client below any layer.
//!
//! ```
//! use reqwest_middleware::ClientBuilder;
//! use seawall::http::{Replay, StatusClassify};
//! use seawall::reqwest_middleware::LayerMiddleware;
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, RetryConfig, RetryLayer};
//!
//! let client = ClientBuilder::new(reqwest::Client::new())
//!     .with(LayerMiddleware::new((
//!         RetryLayer::new(RetryConfig::default().name("shop")).classify(StatusClassify).repeat(Replay::default()),
//!         CircuitBreakerLayer::new(CircuitBreakerConfig::default().name("shop")).classify(StatusClassify),
//!     )))
//!     .build();
//! ```
//!
//! The layers are put together once, so that one circuit is one circuit for all calls. They see
//! `http::Request<reqwest::Body>` and `http::Response<reqwest::Body>`, as with [`reqwest::Client`](crate::reqwest::Client).
//!
//! The error of the stack is [`reqwest_middleware::Error`] itself. A refusal is in its variant `Middleware`: find it with
//! [`StackError::as_rejected`]. A `ClientWithMiddleware` is a tower service, and any layer goes around it as it is.
//!
//! What an inner middleware puts into the `Extensions` of a call does not come back through a layer: each attempt has a copy of
//! its own.

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

use ::http::{Extensions, Request, Response};
use ::reqwest::Body;
use ::reqwest_middleware::{Error, Middleware, Next};
use tokio::sync::{mpsc, oneshot};
use tower::{Layer, Service, ServiceExt};

use crate::attempt::{Current, current};
use crate::base::clock::Instant;
use crate::base::sync::{Arc, Mutex};
use crate::classify::Outcome;
use crate::deadline::{Deadline, dropped_as, dropping};
use crate::error::StackError;
use crate::rejected::Rejected;
use crate::reqwest::IntoBody;

type Answer = Result<Response<Body>, Error>;

impl From<Rejected> for Error {
    fn from(rejected: Rejected) -> Self {
        Self::middleware(rejected)
    }
}

impl StackError for Error {
    fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Middleware(error) => error.downcast_ref(),
            Self::Reqwest(_) => None,
        }
    }

    fn as_service(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Middleware(_) if self.as_rejected().is_some() => None,
            Self::Middleware(error) => Some(&**error),
            Self::Reqwest(error) => Some(error),
        }
    }
}

/// A layer as a middleware.
pub struct LayerMiddleware<S> {
    /// Locked only to be cloned, which also lends `Sync` to those that lack it.
    stack: Mutex<S>,
}

impl<S> LayerMiddleware<S> {
    /// This layer: one of this crate, a tuple of them (the first is the outermost), a `ServiceBuilder`.
    pub fn new<L: Layer<Rest, Service = S>>(layer: L) -> Self {
        Self { stack: Mutex::new(layer.layer(Rest(()))) }
    }
}

impl<S> fmt::Debug for LayerMiddleware<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerMiddleware").finish_non_exhaustive()
    }
}

/// The middlewares below a layer, as a service. They belong to the task of the caller, and a layer may not hold on to them: a
/// call is sent there, and its answer comes back.
#[derive(Clone, Debug)]
pub struct Rest(());

/// In the extensions of a request: where the middlewares below are.
#[derive(Clone)]
struct Home(mpsc::UnboundedSender<Job>);

/// A call that a layer makes.
struct Job {
    request: Request<Body>,
    /// Who waits for it.
    done: oneshot::Sender<Answer>,
    /// What the layers say of it to those below.
    deadline: Deadline,
    attempt: Current,
    fate: Fate,
}

/// What it says about the service that the layer has dropped the call.
type Fate = Arc<OnceLock<Outcome>>;

impl Service<Request<Body>> for Rest {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Coming;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Coming {
        let (done, answer) = oneshot::channel();
        let fate = Fate::default();
        if let Some(Home(home)) = request.extensions_mut().remove() {
            let deadline = Deadline::current().unwrap_or(Deadline::at(Instant::FAR_FUTURE));
            // If the caller is gone nobody asks for the answer either.
            let _gone = home.send(Job { request, done, deadline, attempt: current(), fate: fate.clone() });
        }
        Coming { answer, fate }
    }
}

/// The answer of the middlewares below.
#[derive(Debug)]
pub struct Coming {
    answer: oneshot::Receiver<Answer>,
    fate: Fate,
}

impl Drop for Coming {
    fn drop(&mut self) {
        dropped_as().into_iter().for_each(|outcome| self.fate.set(outcome).unwrap_or_default());
    }
}

impl Future for Coming {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(answer.unwrap_or_else(|_| Err(Error::middleware(CallerIsGone))))
    }
}

/// A layer made a call after the one it was for had ended.
#[derive(Clone, Copy, Debug)]
struct CallerIsGone;

impl fmt::Display for CallerIsGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a layer made a call after the one it was for had ended")
    }
}

impl StdError for CallerIsGone {}

#[async_trait::async_trait]
impl<S, B> Middleware for LayerMiddleware<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = Error, Future: Send> + Clone + Send + 'static,
    B: IntoBody,
{
    async fn handle(
        &self,
        request: ::reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<::reqwest::Response, Error> {
        let (home, mut jobs) = mpsc::unbounded_channel();
        let url = request.url().clone();
        let mut request: Request<Body> = request.try_into()?;
        request.extensions_mut().insert(Home(home));
        let stack = self.stack.lock().clone();
        let mut call = pin!(stack.oneshot(request));
        // More than one when a layer hedges.
        let mut running = Vec::new();
        let response = poll_fn(|cx| {
            loop {
                if let Poll::Ready(result) = call.as_mut().poll(cx) {
                    return Poll::Ready(result);
                }
                while let Poll::Ready(Some(job)) = jobs.poll_recv(cx) {
                    let Job { request, done, deadline, attempt, fate } = job;
                    let call = deadline.scope(run(next.clone(), extensions.clone(), request));
                    let (call, done) = (Some(Box::pin(call)), Some(done));
                    running.push(Running { call, done, attempt, fate });
                }
                let before = running.len();
                running.retain_mut(|call| call.poll(cx).is_pending());
                // Whoever has an answer now wants to see it.
                if running.len() == before {
                    return Poll::Pending;
                }
            }
        });
        Ok(crate::reqwest::from_http(response.await?, url))
    }
}

/// Makes a call below the layers.
async fn run(next: Next<'_>, mut extensions: Extensions, request: Request<Body>) -> Answer {
    let response = next.run(request.try_into()?, &mut extensions).await?;
    Ok(crate::reqwest::to_http(response))
}

/// A call that is being made, until it has ended or the layer has dropped it.
struct Running<F> {
    // None once it was dropped.
    call: Option<Pin<Box<F>>>,
    done: Option<oneshot::Sender<Answer>>,
    attempt: Current,
    fate: Fate,
}

impl<F: Future<Output = Answer>> Running<F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (Some(call), Some(done)) = (&mut self.call, &mut self.done) else { return Poll::Ready(()) };
        if done.poll_closed(cx).is_ready() {
            return Poll::Ready(());
        }
        let answer = ready!(self.attempt.during(|| call.as_mut().poll(cx)));
        // Whoever waited for it may have left just now.
        if let Some(done) = self.done.take() {
            drop(done.send(answer));
        }
        Poll::Ready(())
    }
}

impl<F> Drop for Running<F> {
    fn drop(&mut self) {
        dropping(self.fate.get().copied().or_else(dropped_as), || self.call = None);
    }
}
