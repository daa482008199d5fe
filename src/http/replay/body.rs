//! The body of one attempt.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::bytes::Bytes;
use ::http_body::{Body, Frame, SizeHint};

use super::shared::{Position, Shared};
use crate::base::sync::Arc;
use crate::base::wakers::Parking;

/// A request body that others can read as well, from its beginning.
pub struct ReplayBody<B> {
    shared: Arc<Shared<B>>,
    at: Position,
    parking: Option<Parking>,
}

impl<B> ReplayBody<B> {
    pub(super) fn of(shared: Arc<Shared<B>>) -> Self {
        let at = shared.enter();
        Self { shared, at, parking: None }
    }

    pub(super) const fn reader(&self) -> usize {
        self.at.reader
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = ReplayError<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Self { shared, at, parking } = self.get_mut();
        shared.poll(at, parking, cx)
    }

    fn is_end_stream(&self) -> bool {
        self.shared.is_end_stream(&self.at)
    }

    fn size_hint(&self) -> SizeHint {
        self.shared.size_hint(&self.at)
    }
}

impl<B> Drop for ReplayBody<B> {
    fn drop(&mut self) {
        self.shared.leave(&self.at);
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Why a request body could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError<E> {
    /// The body itself failed.
    Body(E),
    /// It failed in an attempt before this one.
    Broken,
    /// More of it came than could be kept for this attempt.
    TooLong,
    /// This attempt is over, and another one reads it.
    Over,
}

impl<E> fmt::Display for ReplayError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Body(_) => "the request body failed",
            Self::Broken => "the request body failed in an earlier attempt",
            Self::TooLong => "the request body is too long to be sent again",
            Self::Over => "the request is being sent again",
        })
    }
}

impl<E: StdError + 'static> StdError for ReplayError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Body(error) => Some(error),
            Self::Broken | Self::TooLong | Self::Over => None,
        }
    }
}
