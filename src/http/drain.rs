//! Reading the rest of a response that nobody gets.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::bytes::Buf;
use ::http::{Response, Version};
use ::http_body::Body;
use pin_project_lite::pin_project;

use crate::discard::Discard;

/// Reads the body of a failed attempt to its end and throws it away, so that its connection can be used again. Give it to
/// `discard` of a retry.
///
/// A connection of HTTP/1 is closed when a response is dropped before its end, and in an outage each attempt would pay for
/// a new one. A body that is longer than the bound, breaks off, or takes too long is dropped all the same. So is, at
/// once, one that says it is longer, and one of HTTP/2, which ends a stream without its connection.
///
/// ```
/// use seawall::http::{Drain, Replay, StatusClassify};
/// use seawall::{RetryConfig, RetryLayer};
///
/// let retry = RetryLayer::new(RetryConfig::default()).classify(StatusClassify).repeat(Replay::default());
/// let retry = retry.discard(Drain::up_to(16 * 1024));
/// # let _: RetryLayer<_, _, _> = retry;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    bytes: u64,
}

impl Default for Drain {
    /// Reads up to 64 KiB.
    fn default() -> Self {
        Self::up_to(64 * 1024)
    }
}

impl Drain {
    /// Reads up to so many bytes of a body; 0 reads only the end of an empty one.
    #[must_use]
    pub const fn up_to(bytes: u64) -> Self {
        Self { bytes }
    }
}

impl<B: Body> Discard<Response<B>> for Drain {
    type Discarding = Draining<B>;

    fn discard(&self, response: Response<B>) -> Option<Draining<B>> {
        let closes = response.version() < Version::HTTP_2;
        closes.then(|| Draining { body: response.into_body(), left: self.bytes })
    }
}

pin_project! {
    /// Ends when a body has ended, or is not read any further.
    #[derive(Debug)]
    pub struct Draining<B> {
        #[pin]
        body: B,
        left: u64,
    }
}

impl<B: Body> Future for Draining<B> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while !this.body.is_end_stream() && this.body.size_hint().lower() <= *this.left {
            let Some(Ok(frame)) = ready!(this.body.as_mut().poll_frame(cx)) else { break };
            // A frame without data is not free: there may be no end of them.
            let read = frame.data_ref().map_or(0, Buf::remaining).max(1) as u64;
            let Some(left) = this.left.checked_sub(read) else { break };
            *this.left = left;
        }
        Poll::Ready(())
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::pin::pin;
    use std::task::Waker;

    use ::bytes::Bytes;
    use ::http_body::{Frame, SizeHint};

    use super::*;

    /// Frames of these lengths, of which it counts those that were read; then an end, or a pause for ever.
    struct Frames<'a> {
        lengths: &'a [usize],
        read: &'a Cell<usize>,
        says: u64,
        ends: bool,
    }

    impl Body for Frames<'_> {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.lengths.get(self.read.get()) {
                Some(&length) => {
                    self.read.set(self.read.get() + 1);
                    Poll::Ready(Some(Ok(Frame::data(vec![0; length].into()))))
                }
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_lower(self.says);
            hint
        }
    }

    /// How many frames are read at once, and whether that was all.
    fn drained(drain: Drain, lengths: &[usize], says: u64, ends: bool) -> (usize, bool) {
        let read = Cell::new(0);
        let body = Frames { lengths, read: &read, says, ends };
        let mut draining = pin!(drain.discard(Response::new(body)).unwrap());
        let polled = draining.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        (read.get(), polled.is_ready())
    }

    #[test]
    fn a_body_is_read_to_its_end_or_to_the_bound() {
        let read = |lengths: &[usize], ends| drained(Drain::up_to(10), lengths, 0, ends);
        assert_eq!(read(&[4, 4, 2], true), (3, true));
        assert_eq!(read(&[4, 4, 2], false), (3, false));
        assert_eq!(read(&[4, 4, 3, 1], true), (3, true));
        assert_eq!(read(&[], true), (0, true));
    }

    #[test]
    fn frames_without_data_come_to_an_end_as_well() {
        assert_eq!(drained(Drain::up_to(10), &[0; 100], 0, false), (11, true));
    }

    #[test]
    fn what_says_it_is_too_long_is_not_read() {
        assert_eq!(drained(Drain::up_to(10), &[4, 4], 11, true), (0, true));
        assert_eq!(drained(Drain::up_to(0), &[1], 1, true), (0, true));
        assert_eq!(drained(Drain::up_to(u64::MAX), &[4, 4], 8, true), (2, true));
    }

    #[test]
    fn a_stream_of_http2_is_not_read() {
        let is_read = |version| {
            let mut response = Response::new(http_body_util::Empty::<Bytes>::new());
            *response.version_mut() = version;
            Drain::default().discard(response).is_some()
        };
        assert!(is_read(Version::HTTP_10) && is_read(Version::HTTP_11));
        assert!(!is_read(Version::HTTP_2) && !is_read(Version::HTTP_3));
    }
}
