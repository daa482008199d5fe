//! Any layer as a middleware of `reqwest-middleware`, and that crate's client below any layer.
//!
//! ```
//! use reqwest_middleware::ClientBuilder;
//! use seawall::http::StatusClassify;
//! use seawall::reqwest_middleware::LayerMiddleware;
//! use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, RetryConfig};
//!
//! let client = ClientBuilder::new(reqwest::Client::new())
//!     .with(LayerMiddleware::new((
//!         seawall::http::retry(RetryConfig::default().name("shop")),
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
//! its own. A middleware below knows the deadline, the number of the attempt and the span of the layers above, and hears from them
//! why its call was dropped: it makes no difference whether layers share a `LayerMiddleware` or have one each.

use std::error::Error as StdError;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use ::http::{Extensions, Request, Response};
use ::reqwest::Body;
use ::reqwest_middleware::{Error, Middleware, Next};
use tokio::sync::{mpsc, oneshot};
use tower::{Layer, Service, ServiceExt};

use crate::attempt::{self, Attempt};
use crate::base::clock::Instant;
use crate::base::sync::{Arc, Mutex};
use crate::classify::Outcome;
use crate::deadline::{Deadline, dropped_as, dropping};
use crate::error::StackError;
use crate::rejected::Rejected;
use crate::reqwest::IntoBody;
use crate::telemetry::CurrentSpan;

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

/// A call that a layer makes, who waits for it, and what is so where that is.
struct Job {
    request: Request<Body>,
    done: oneshot::Sender<Answer>,
    deadline: Deadline,
    attempt: Attempt,
    span: CurrentSpan,
    why: Why,
}

/// Why a call was dropped, if whoever dropped it knows.
type Why = Arc<Mutex<Option<Outcome>>>;

impl Service<Request<Body>> for Rest {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Coming;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Coming {
        let (done, answer) = oneshot::channel();
        Coming { call: Some((request, done)), answer, why: Why::default() }
    }
}

/// The answer of the middlewares below.
#[derive(Debug)]
pub struct Coming {
    /// Sent home with the first poll, which is in all that is around the call.
    call: Option<(Request<Body>, oneshot::Sender<Answer>)>,
    answer: oneshot::Receiver<Answer>,
    why: Why,
}

impl Drop for Coming {
    /// Before the other side sees that nobody waits for the answer any more.
    fn drop(&mut self) {
        *self.why.lock() = dropped_as();
    }
}

impl Future for Coming {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        if let Some((mut request, done)) = self.call.take()
            && let Some(Home(home)) = request.extensions_mut().remove()
        {
            let deadline = Deadline::current().unwrap_or(Deadline::at(Instant::FAR_FUTURE));
            let (attempt, span, why) = (attempt::current(), CurrentSpan::get(), self.why.clone());
            // If the caller is gone nobody asks for the answer either.
            let _gone = home.send(Job { request, done, deadline, attempt, span, why });
        }
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
                let result = call.as_mut().poll(cx);
                while result.is_pending()
                    && let Poll::Ready(Some(job)) = jobs.poll_recv(cx)
                {
                    running.push(Box::pin(run(next.clone(), extensions.clone(), job)));
                }
                let before = running.len();
                // When all is over, too: those that a layer has just dropped hear why.
                running.retain_mut(|job| job.as_mut().poll(cx).is_pending());
                // Whoever has an answer now wants to see it.
                if result.is_ready() || running.len() == before {
                    return result;
                }
            }
        });
        Ok(crate::reqwest::from_http(response.await?, url))
    }
}

/// Makes a call, unless the layer drops it before its end.
async fn run(next: Next<'_>, mut extensions: Extensions, job: Job) {
    let Job { request, mut done, deadline, attempt, span, why } = job;
    // None once it was dropped.
    let mut call = pin!(Some(deadline.scope(async {
        let response = next.run(request.try_into()?, &mut extensions).await?;
        Ok(crate::reqwest::to_http(response))
    })));
    let answer = poll_fn(|cx| match done.poll_closed(cx) {
        Poll::Ready(()) => Poll::Ready(None),
        Poll::Pending => {
            let call = call.as_mut().as_pin_mut().expect("polled after completion");
            span.during(|| attempt.during(|| call.poll(cx).map(Some)))
        }
    })
    .await;
    if let Some(answer) = answer {
        // Whoever waited for it may have left just now.
        drop(done.send(answer));
    } else {
        let why = *why.lock();
        dropping(why, || call.set(None));
    }
}
