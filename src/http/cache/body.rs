//! Bodies that are read to be kept, and what is left of them.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::bytes::{Buf, Bytes, BytesMut};
use ::http_body::{Body, Frame, SizeHint};

/// A body out of the cache, or one that passes through it.
pub struct CacheBody<B: Body> {
    /// All of it, if it is out of the cache.
    whole: Bytes,
    /// What was read of it already.
    read: VecDeque<Bytes>,
    /// What came then that ended the reading.
    then: Option<Result<Frame<Bytes>, B::Error>>,
    /// It moves from the call that began to read it to the caller that reads on.
    rest: Option<Pin<Box<B>>>,
}

impl<B: Body> Unpin for CacheBody<B> {}

impl<B: Body> CacheBody<B> {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self { whole: bytes, ..Self::default() }
    }

    pub(super) fn passing(body: B) -> Self {
        Self { rest: Some(Box::into_pin(Box::new(body))), ..Self::default() }
    }
}

impl<B: Body> Body for CacheBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        if !this.whole.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(mem::take(&mut this.whole)))));
        }
        if let Some(bytes) = this.read.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if let Some(then) = this.then.take() {
            return Poll::Ready(Some(then));
        }
        let Some(rest) = &mut this.rest else { return Poll::Ready(None) };
        let frame = ready!(rest.as_mut().poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map(of_bytes)))
    }

    fn is_end_stream(&self) -> bool {
        self.whole.is_empty()
            && self.read.is_empty()
            && self.then.is_none()
            && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let read = self
            .read
            .iter()
            .chain([&self.whole])
            .chain(self.then.iter().flatten().filter_map(Frame::data_ref));
        let read: u64 = read.map(|bytes| bytes.len() as u64).sum();
        let rest = self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

impl<B: Body> Default for CacheBody<B> {
    fn default() -> Self {
        Self { whole: Bytes::new(), read: VecDeque::new(), then: None, rest: None }
    }
}

impl<B: Body> fmt::Debug for CacheBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CacheBody").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}

/// Reads a body, up to a size.
pub(super) struct Read<B: Body> {
    body: CacheBody<B>,
    size: u64,
    limit: u64,
}

/// How far it came.
pub(super) enum Came<B: Body> {
    /// To the end.
    Whole(Bytes),
    /// It is too long, or has trailers: it goes on from its beginning.
    Passing(CacheBody<B>),
    /// It broke off.
    Broken(CacheBody<B>),
}

impl<B: Body> Read<B> {
    pub(super) fn new(body: B, limit: u64) -> Self {
        Self { body: CacheBody::passing(body), size: 0, limit }
    }
}

impl<B: Body> Unpin for Read<B> {}

impl<B: Body> Future for Read<B> {
    type Output = Came<B>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Came<B>> {
        let this = self.get_mut();
        loop {
            let body = &mut this.body;
            let Some(rest) = body.rest.as_mut().filter(|rest| !rest.is_end_stream()) else {
                return Poll::Ready(Came::Whole(copied(&body.read)));
            };
            match ready!(rest.as_mut().poll_frame(cx)) {
                None => body.rest = None,
                Some(Err(error)) => {
                    (body.then, body.rest) = (Some(Err(error)), None);
                    return Poll::Ready(Came::Broken(mem::take(body)));
                }
                Some(Ok(frame)) => match of_bytes(frame).into_data() {
                    // They would come to nothing, and take room.
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => {
                        this.size += bytes.len() as u64;
                        body.read.push_back(bytes);
                        if this.size > this.limit {
                            return Poll::Ready(Came::Passing(mem::take(body)));
                        }
                    }
                    Err(trailers) => {
                        body.then = Some(Ok(trailers));
                        return Poll::Ready(Came::Passing(mem::take(body)));
                    }
                },
            }
        }
    }
}

fn of_bytes<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

/// In one piece, and a copy: what came may be a small part of a large buffer of its connection, and would hold on to it.
fn copied(parts: &VecDeque<Bytes>) -> Bytes {
    let mut all = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    parts.iter().for_each(|part| all.extend_from_slice(part));
    all.freeze()
}
