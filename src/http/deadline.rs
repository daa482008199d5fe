//! A deadline on the wire: the time that remains, in a header.

use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Request};
use tower::{Layer, Service};

use super::retry_after::number;
use crate::deadline::{Deadline, Scoped};

/// How a header says how much time remains.
pub trait Remaining {
    /// The header.
    fn header(&self) -> HeaderName;

    /// Reads it; `None` if it says nothing.
    fn read(&self, value: &HeaderValue) -> Option<Duration>;

    /// Writes it, never more than remains.
    fn write(&self, remaining: Duration) -> HeaderValue;
}

/// Whole milliseconds in a header of this name. There is no standard one: agree with those you call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Millis(pub HeaderName);

impl Remaining for Millis {
    fn header(&self) -> HeaderName {
        self.0.clone()
    }

    fn read(&self, value: &HeaderValue) -> Option<Duration> {
        number(value.to_str().ok()?).map(Duration::from_millis)
    }

    fn write(&self, remaining: Duration) -> HeaderValue {
        HeaderValue::from(u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX))
    }
}

/// Reads the deadline of a request and makes it that of all the service does: outermost in a server.
///
/// It is told to the layers inside, and to the clients that the handler calls ([`Deadline`]); to end the call in time put a
/// timeout inside.
#[derive(Clone, Debug)]
pub struct ReadDeadlineLayer<R>(R);

impl<R: Remaining> ReadDeadlineLayer<R> {
    /// Reads this header.
    pub const fn new(remaining: R) -> Self {
        Self(remaining)
    }
}

impl<S, R: Clone> Layer<S> for ReadDeadlineLayer<R> {
    type Service = ReadDeadline<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        ReadDeadline { inner, remaining: self.0.clone() }
    }
}

/// A service that reads deadlines: see [`ReadDeadlineLayer`].
#[derive(Clone, Debug)]
pub struct ReadDeadline<S, R> {
    inner: S,
    remaining: R,
}

impl<S: Service<Request<B>>, R: Remaining, B> Service<Request<B>> for ReadDeadline<S, R> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Scoped<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let value = request.headers().get(self.remaining.header());
        let remaining = value.and_then(|value| self.remaining.read(value)).unwrap_or(Duration::MAX);
        Deadline::after(remaining).call(|| self.inner.call(request))
    }
}

/// Writes the deadline of a call into its request: innermost in a client, so that each attempt says what remains to it.
///
/// Without a deadline the header is left as it is. One that the request carries is not overwritten by a later one.
#[derive(Clone, Debug)]
pub struct WriteDeadlineLayer<R>(R);

impl<R: Remaining> WriteDeadlineLayer<R> {
    /// Writes this header.
    pub const fn new(remaining: R) -> Self {
        Self(remaining)
    }
}

impl<S, R: Clone> Layer<S> for WriteDeadlineLayer<R> {
    type Service = WriteDeadline<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        WriteDeadline { inner, remaining: self.0.clone() }
    }
}

/// A service that writes deadlines: see [`WriteDeadlineLayer`].
#[derive(Clone, Debug)]
pub struct WriteDeadline<S, R> {
    inner: S,
    remaining: R,
}

impl<S: Service<Request<B>>, R: Remaining, B> Service<Request<B>> for WriteDeadline<S, R> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        write_deadline(&self.remaining, request.headers_mut());
        self.inner.call(request)
    }
}

pub(crate) fn write_deadline(remaining: &impl Remaining, headers: &mut HeaderMap) {
    let Some(left) = Deadline::current().map(Deadline::remaining) else { return };
    let header = remaining.header();
    let told = headers.get(&header).and_then(|value| remaining.read(value));
    if told.is_none_or(|told| left < told) {
        headers.insert(header, remaining.write(left));
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn millis() -> Millis {
        Millis(HeaderName::from_static("x-time-left"))
    }

    #[test]
    fn milliseconds_are_read_and_nonsense_says_nothing() {
        let read = |text: &str| millis().read(&text.parse().unwrap());
        assert_eq!(read("250"), Some(Duration::from_millis(250)));
        assert_eq!(read("99999999999999999999999"), Some(Duration::from_millis(u64::MAX)));
        for nonsense in ["", "-1", "+1", "1.5", "1s", "soon"] {
            assert_eq!(read(nonsense), None, "{nonsense:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_never_more_than_remains(nanos: u64) {
            let remaining = Duration::from_nanos(nanos);
            let read = millis().read(&millis().write(remaining)).unwrap();
            prop_assert!(read <= remaining && remaining.saturating_sub(read) < Duration::from_millis(1));
        }

        #[test]
        fn nothing_panics(text in "[ -~]{0,40}") {
            millis().read(&text.parse().unwrap());
        }
    }
}
