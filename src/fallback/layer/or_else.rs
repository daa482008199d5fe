//! One answer after another.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::answer::{Answer, Answering, FailedCall, Reply, Sealed, Spare};

/// One answer, and another if that one fails too.
#[derive(Clone, Copy, Debug)]
pub struct OrElse<A, B> {
    first: A,
    second: B,
}

impl<A, B> OrElse<A, B> {
    pub(super) const fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A, B> Sealed for OrElse<A, B> {}

impl<A, B, Request, Response, Error> Answer<Request, Response, Error> for OrElse<A, B>
where
    A: Answer<Request, Response, Error>,
    B: Answer<Request, Response, Error>,
{
    type Spare = Both<A::Spare, B::Spare>;

    #[inline]
    fn spare(&self, request: &mut Request) -> Self::Spare {
        Both { first: self.first.spare(request), second: self.second.spare(request) }
    }
}

/// What a call keeps of both.
#[derive(Debug)]
pub struct Both<A, B> {
    first: A,
    second: B,
}

impl<A, B, Response, Error> Spare<Response, Error> for Both<A, B>
where
    A: Spare<Response, Error>,
    B: Spare<Response, Error>,
{
    type Answering = InTurn<A::Answering, B::Answering, B>;

    #[inline]
    fn succeeded(self, response: &Response) {
        self.first.succeeded(response);
        self.second.succeeded(response);
    }

    fn answer(self, call: &FailedCall<'_, Response, Error>) -> Reply<Response, Self::Answering> {
        match self.first.answer(call) {
            Reply::Now(Some(response)) => Reply::Now(Some(response)),
            Reply::Now(None) => match self.second.answer(call) {
                Reply::Now(response) => Reply::Now(response),
                Reply::Later(second) => Reply::Later(InTurn::Second { second }),
            },
            Reply::Later(first) => Reply::Later(InTurn::First { first, next: Some(self.second) }),
        }
    }
}

pin_project! {
    #[project = InTurnProjection]
    /// One of two answers on its way.
    pub enum InTurn<A, B, Next> {
        First { #[pin] first: A, next: Option<Next> },
        Second { #[pin] second: B },
    }
}

impl<A, B, Next, Response, Error> Answering<Response, Error> for InTurn<A, B, Next>
where
    A: Answering<Response, Error>,
    B: Answering<Response, Error>,
    Next: Spare<Response, Error, Answering = B>,
{
    fn poll_answer(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        call: &FailedCall<'_, Response, Error>,
    ) -> Poll<Option<Response>> {
        loop {
            match self.as_mut().project() {
                InTurnProjection::First { first, next } => {
                    let response = ready!(first.poll_answer(cx, call));
                    if response.is_some() {
                        return Poll::Ready(response);
                    }
                    match next.take().expect("asked once").answer(call) {
                        Reply::Now(response) => return Poll::Ready(response),
                        Reply::Later(second) => self.set(Self::Second { second }),
                    }
                }
                InTurnProjection::Second { second } => return second.poll_answer(cx, call),
            }
        }
    }
}

impl<A, B, Next> fmt::Debug for InTurn<A, B, Next> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First { .. } => "First",
            Self::Second { .. } => "Second",
        })
    }
}
