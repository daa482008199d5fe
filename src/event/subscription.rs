//! A stream of events.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use super::Event;
use crate::base::sync::Mutex;

/// A stream of events, of which a slow reader loses the oldest.
///
/// Holds the last 128; [`lost`](Self::lost) tells how many fell off. Ends when the layer and all that came of it are gone.
#[derive(Debug)]
pub struct Subscription {
    queue: Arc<Queue>,
}

impl Subscription {
    pub(super) const fn of(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// The next event; `None` when the layer is gone.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.queue.poll_next(cx)).await
    }

    /// The next event, if there is one now.
    pub fn try_next(&mut self) -> Option<Event> {
        self.queue.state.lock().events.pop_front()
    }

    /// How many events were lost because nobody read them in time.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.queue.state.lock().lost
    }
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.queue.poll_next(cx)
    }
}

pub(super) const KEPT: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
}

#[derive(Debug, Default)]
struct QueueState {
    events: VecDeque<Event>,
    reader: Option<Waker>,
    lost: u64,
    closed: bool,
}

impl Queue {
    pub(super) fn push(&self, event: Event) {
        let mut state = self.state.lock();
        if state.events.len() == KEPT {
            state.events.pop_front();
            state.lost += 1;
        }
        state.events.push_back(event);
        let reader = state.reader.take();
        drop(state);
        reader.map(Waker::wake).unwrap_or_default();
    }

    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let reader = state.reader.take();
        drop(state);
        reader.map(Waker::wake).unwrap_or_default();
    }

    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Event>> {
        let fresh = cx.waker().clone();
        let mut state = self.state.lock();
        if let Some(event) = state.events.pop_front() {
            return Poll::Ready(Some(event));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        let replaced = state.reader.replace(fresh);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}
