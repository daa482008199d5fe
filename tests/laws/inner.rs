//! Services that tell what a [`Script`] cannot.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use seawall::testing::{Fault, Playing, Script};
use seawall::{BoxError, Error};
use tower::Service;

use crate::foreign::{Place, pass};

/// Every instance has a number, and what is done to it is written down.
pub(crate) struct Spy {
    id: u64,
    book: Arc<Mutex<Vec<Done>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Cloned(u64),
    Readied(u64),
    Called(u64),
}

impl Spy {
    pub(crate) fn new() -> Self {
        Self { id: 0, book: Arc::new(Mutex::new(vec![Done::Cloned(0)])) }
    }

    pub(crate) fn book(&self) -> impl Fn() -> Vec<Done> + use<> {
        let book = self.book.clone();
        move || book.lock().expect("nobody panics here").clone()
    }

    fn write(&self, done: Done) {
        self.book.lock().expect("nobody panics here").push(done);
    }
}

impl Clone for Spy {
    fn clone(&self) -> Self {
        let mut book = self.book.lock().expect("nobody panics here");
        let id = book.len() as u64;
        book.push(Done::Cloned(id));
        Self { id, book: self.book.clone() }
    }
}

impl Service<u64> for Spy {
    type Response = u64;
    type Error = Error<Fault>;
    type Future = Ready<Result<u64, Error<Fault>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.write(Done::Readied(self.id));
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.write(Done::Called(self.id));
        ready(Ok(request))
    }
}

/// An error that can be told from any other.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) mark: Arc<()>,
    cause: std::io::Error,
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error of its own")
    }
}

impl std::error::Error for Own {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl From<Own> for Error<Own> {
    fn from(own: Own) -> Self {
        Self::Service(own)
    }
}

/// A response that can be told from any other.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) request: u64,
    pub(crate) mark: Arc<()>,
}

/// Answers even requests and fails the odd ones, both with its mark, after so many polls.
pub(crate) struct Echo<E> {
    mark: Arc<()>,
    polls: u32,
    error: PhantomData<fn() -> E>,
}

impl<E> Echo<E> {
    pub(crate) fn new(mark: &Arc<()>, polls: u32) -> Self {
        Self { mark: mark.clone(), polls, error: PhantomData }
    }
}

impl<E> Clone for Echo<E> {
    fn clone(&self) -> Self {
        Self::new(&self.mark, self.polls)
    }
}

impl<E: From<Own>> Service<u64> for Echo<E> {
    type Response = Answer;
    type Error = E;
    type Future = Echoing<E>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Self::Future {
        Echoing { request, echo: Echo::new(&self.mark, self.polls) }
    }
}

pub(crate) struct Echoing<E> {
    request: u64,
    echo: Echo<E>,
}

impl<E: From<Own>> Future for Echoing<E> {
    type Output = Result<Answer, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(left) = self.echo.polls.checked_sub(1) {
            self.echo.polls = left;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let (request, mark) = (self.request, self.echo.mark.clone());
        Poll::Ready(if request.is_multiple_of(2) {
            Ok(Answer { request, mark })
        } else {
            Err(Own { mark, cause: std::io::ErrorKind::BrokenPipe.into() }.into())
        })
    }
}

/// A script with a panic in any place.
pub(crate) struct Bombed(pub(crate) Script);

impl Clone for Bombed {
    fn clone(&self) -> Self {
        pass(Place::CloneService);
        Self(self.0.clone())
    }
}

impl Service<u64> for Bombed {
    type Response = u64;
    type Error = Error<Fault>;
    type Future = Ticking;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        pass(Place::Ready);
        Service::<u64>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, request: u64) -> Ticking {
        let playing = self.0.call(request);
        pass(Place::Call);
        Ticking(Box::pin(playing))
    }
}

pub(crate) struct Ticking(Pin<Box<Playing>>);

impl Future for Ticking {
    type Output = Result<u64, Error<Fault>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        pass(Place::Poll);
        self.0.as_mut().poll(cx)
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        pass(Place::DropFuture);
    }
}

/// A service of `N` bytes, that may be sent to another thread but not shared.
#[derive(Clone)]
pub(crate) struct Big<const N: usize>(pub(crate) Cell<[u8; N]>);

impl<const N: usize, R> Service<R> for Big<N> {
    type Response = u64;
    type Error = BoxError;
    type Future = Ready<Result<u64, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: R) -> Self::Future {
        ready(Ok(0))
    }
}
