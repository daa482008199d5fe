//! One body that several requests read.

use std::pin::Pin;
use std::sync::Arc as Shareable;
use std::task::{Context, Poll, Wake, Waker};

use ::bytes::Bytes;
use ::http::HeaderMap;
use ::http_body::{Body, Frame, SizeHint};

use super::ReplayError;
use crate::base::sync::{Arc, Mutex, MutexGuard};
use crate::base::wakers::{Parking, Wakers};

/// A body, and what of it has come.
pub(super) struct Shared<B> {
    state: Mutex<State<B>>,
    /// Of all who wait for more of it. A task that was woken need not come: each reader is woken by itself.
    waiting: Arc<Wakers>,
    /// Wakes them all.
    waker: Waker,
}

struct State<B> {
    source: Source<B>,
    /// Its chunks as they came, all of them unless `gone`.
    kept: Vec<Bytes>,
    /// How many came.
    came: usize,
    /// How many bytes may still be kept.
    room: usize,
    /// Whether a chunk came that was not kept.
    gone: bool,
    trailers: Option<HeaderMap>,
    /// Who reads it, or may yet.
    readers: Vec<usize>,
    /// How many readers there were.
    entered: usize,
    /// Whether somebody came while the source was away.
    missed: bool,
}

enum Source<B> {
    Here(B),
    /// Somebody polls it, outside the lock: it is foreign code. How much it had left.
    Away(SizeHint),
    Ended,
    Broken,
}

/// How far a request has read.
#[derive(Debug)]
pub(super) struct Position {
    /// Which reader: a later one has a higher number.
    pub(super) reader: usize,
    chunks: usize,
    past_trailers: bool,
}

type Polled<E> = Poll<Option<Result<Frame<Bytes>, ReplayError<E>>>>;

impl<B> Shared<B> {
    pub(super) fn new(body: B, room: usize) -> Self {
        let state = State {
            source: Source::Here(body),
            kept: Vec::new(),
            came: 0,
            room,
            gone: false,
            trailers: None,
            readers: Vec::new(),
            entered: 0,
            missed: false,
        };
        let waiting = Arc::default();
        let waker = Waker::from(Shareable::new(WakeAll(Arc::clone(&waiting))));
        Self { state: Mutex::new(state), waiting, waker }
    }

    /// Whether it can be read from the beginning.
    pub(super) fn is_whole(&self) -> bool {
        let state = self.state.lock();
        !state.gone && !matches!(state.source, Source::Broken)
    }

    /// One reader more, at the beginning.
    pub(super) fn enter(&self) -> Position {
        let mut state = self.state.lock();
        let reader = state.entered;
        state.entered += 1;
        state.readers.push(reader);
        Position { reader, chunks: 0, past_trailers: false }
    }

    pub(super) fn leave(&self, at: &Position) {
        let mut state = self.state.lock();
        state.readers.retain(|reader| *reader != at.reader);
        let unread = if state.readers.is_empty() { std::mem::take(&mut state.kept) } else { Vec::new() };
        drop(state);
        drop(unread);
    }

    /// Who came before this reader has nothing more to read.
    pub(super) fn cut_off_before(&self, first: usize) {
        self.state.lock().readers.retain(|reader| *reader >= first);
        self.waiting.wake_all();
    }
}

impl<B: Body<Data = Bytes> + Unpin> Shared<B> {
    pub(super) fn poll(
        &self,
        at: &mut Position,
        parking: &mut Option<Parking>,
        cx: &Context<'_>,
    ) -> Polled<B::Error> {
        let state = self.state.lock();
        if let Some(frame) = state.read(at) {
            drop(state);
            *parking = None;
            return Poll::Ready(frame.transpose());
        }
        drop(state);
        // Before it is polled, or before it is looked whether somebody else has: no wake is missed.
        Wakers::park(&self.waiting, parking, cx.waker());
        let mut state = self.state.lock();
        if let Some(frame) = state.read(at) {
            drop(state);
            *parking = None;
            return Poll::Ready(frame.transpose());
        }
        // Broken, if it panics when it is asked for its length.
        match std::mem::replace(&mut state.source, Source::Broken) {
            Source::Here(source) => {
                state.source = Source::Away(source.size_hint());
                self.poll_source(state, source, at, parking)
            }
            other => {
                state.source = other;
                state.missed = true;
                Poll::Pending
            }
        }
    }

    fn poll_source(
        &self,
        state: MutexGuard<'_, State<B>>,
        mut source: B,
        at: &mut Position,
        parking: &mut Option<Parking>,
    ) -> Polled<B::Error> {
        drop(state);
        let broken = BrokenIfItPanics(self);
        let polled = Pin::new(&mut source).poll_frame(&mut Context::from_waker(&self.waker));
        std::mem::forget(broken);
        let mut state = self.state.lock();
        let frame = match polled {
            Poll::Pending => {
                state.source = Source::Here(source);
                let missed = std::mem::take(&mut state.missed);
                drop(state);
                // The wake that has brought it may have been the last one.
                if missed {
                    self.waiting.wake_all();
                }
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(frame))) => {
                state.source = if source.is_end_stream() { Source::Ended } else { Source::Here(source) };
                Some(Ok(state.take_in(frame, at)))
            }
            Poll::Ready(Some(Err(error))) => {
                state.source = Source::Broken;
                Some(Err(ReplayError::Body(error)))
            }
            Poll::Ready(None) => {
                state.source = Source::Ended;
                None
            }
        };
        drop(state);
        // Who has its answer is woken for nothing.
        *parking = None;
        self.waiting.wake_all();
        Poll::Ready(frame)
    }

    pub(super) fn is_end_stream(&self, at: &Position) -> bool {
        let state = self.state.lock();
        let read_all = at.chunks == state.came && (at.past_trailers || state.trailers.is_none());
        read_all
            && match &state.source {
                Source::Here(source) => source.is_end_stream(),
                Source::Ended => true,
                Source::Away(_) | Source::Broken => false,
            }
    }

    pub(super) fn size_hint(&self, at: &Position) -> SizeHint {
        let state = self.state.lock();
        if state.gone && at.chunks < state.came {
            // Not the length of what is left: the client would take that for all of the body.
            return SizeHint::default();
        }
        let ahead: u64 = state.kept.iter().skip(at.chunks).map(|chunk| chunk.len() as u64).sum();
        let mut hint = match &state.source {
            Source::Here(source) => source.size_hint(),
            Source::Ended => SizeHint::with_exact(0),
            Source::Away(hint) => *hint,
            Source::Broken => SizeHint::default(),
        };
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(ahead));
        }
        hint.set_lower(hint.lower().saturating_add(ahead));
        hint
    }
}

impl<B: Body<Data = Bytes>> State<B> {
    /// What is there to read at once: a frame, or the end.
    #[expect(clippy::type_complexity, reason = "a frame, the end, or nothing yet")]
    fn read(&self, at: &mut Position) -> Option<Result<Option<Frame<Bytes>>, ReplayError<B::Error>>> {
        if !self.readers.contains(&at.reader) {
            return Some(Err(ReplayError::Over));
        }
        if at.chunks < self.came {
            if self.gone {
                return Some(Err(ReplayError::TooLong));
            }
            at.chunks += 1;
            return Some(Ok(Some(Frame::data(self.kept[at.chunks - 1].clone()))));
        }
        match (&self.trailers, &self.source) {
            (Some(trailers), _) if !at.past_trailers => {
                at.past_trailers = true;
                Some(Ok(Some(Frame::trailers(trailers.clone()))))
            }
            (_, Source::Ended) => Some(Ok(None)),
            (_, Source::Broken) => Some(Err(ReplayError::Broken)),
            (_, Source::Here(_) | Source::Away(_)) => None,
        }
    }

    /// Keeps what has come, if somebody else may want to read it and there is room.
    fn take_in(&mut self, frame: Frame<Bytes>, at: &mut Position) -> Frame<Bytes> {
        match frame.into_data() {
            // Nothing to read again, and there may be any number of them.
            Ok(chunk) if chunk.is_empty() => Frame::data(chunk),
            Ok(chunk) => {
                self.came += 1;
                at.chunks = self.came;
                let others = self.readers.iter().any(|reader| *reader != at.reader);
                if others && !self.gone && chunk.len() <= self.room {
                    self.room -= chunk.len();
                    self.kept.push(chunk.clone());
                } else {
                    self.gone = true;
                    self.kept = Vec::new();
                }
                Frame::data(chunk)
            }
            Err(frame) => {
                self.trailers = frame.trailers_ref().cloned();
                at.past_trailers = true;
                frame
            }
        }
    }
}

/// A source that panics is not polled again, and nobody waits for it.
struct BrokenIfItPanics<'a, B>(&'a Shared<B>);

impl<B> Drop for BrokenIfItPanics<'_, B> {
    fn drop(&mut self) {
        self.0.state.lock().source = Source::Broken;
        self.0.waiting.wake_all();
    }
}

struct WakeAll(Arc<Wakers>);

impl Wake for WakeAll {
    fn wake(self: Shareable<Self>) {
        self.0.wake_all();
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests;
