//! Bodies, from and to reqwest's.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use ::bytes::Bytes;
use ::http_body::Body as _;
use ::reqwest::Body;

use crate::error::BoxError;
use crate::gate::Permit;
use crate::http::{ClassifyBody, Rebody, ReplayBody, ScopedBody, TimedBody};

/// A response body that can become reqwest's again, after layers that changed its type.
pub trait IntoBody: Send + 'static {
    /// Puts it into reqwest's.
    fn into_body(self) -> Body;
}

impl IntoBody for Body {
    fn into_body(self) -> Body {
        self
    }
}

/// What was read to its end, so that it can be cloned: below a cache, or a fallback to the last good answer.
impl IntoBody for Bytes {
    fn into_body(self) -> Body {
        self.into()
    }
}

impl<B, P, C> IntoBody for ScopedBody<B, P, C>
where
    B: ::http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Sync + 'static,
    P: Permit + Send + Sync + 'static,
    C: ClassifyBody + Send + Sync + 'static,
{
    fn into_body(self) -> Body {
        Body::wrap(self)
    }
}

impl<B> IntoBody for TimedBody<B>
where
    B: ::http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Sync + 'static,
{
    fn into_body(self) -> Body {
        Body::wrap(self)
    }
}

#[cfg(feature = "cache")]
impl<B> IntoBody for crate::http::CacheBody<B>
where
    B: ::http_body::Body<Error: Into<BoxError> + Send + Sync> + Send + Sync + 'static,
{
    fn into_body(self) -> Body {
        Body::wrap(self)
    }
}

impl Rebody for Body {
    fn rebody(body: ReplayBody<Self>) -> Self {
        Self::wrap(body)
    }

    /// What is in memory comes in one piece, and is shared. It stays in memory, so that a redirect can send it again.
    fn fork(&mut self) -> Option<Self> {
        self.as_bytes()?;
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut *self).poll_frame(&mut context) else { return None };
        let bytes = frame.into_data().ok()?;
        *self = bytes.clone().into();
        Some(bytes.into())
    }
}
