use std::convert::Infallible;
use std::task::Waker;

use tokio_test::task;

use super::*;
use crate::http::replay::ReplayBody;

type Meanwhile = Box<dyn FnMut(&Waker) + Send>;

/// A body that never has anything, and does something while it is asked.
struct Asked(Meanwhile);

impl Body for Asked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        (self.0)(cx.waker());
        Poll::Pending
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(7)
    }
}

#[test]
fn who_came_while_another_asked_is_woken_when_that_one_has_asked() {
    let (pass, second) = std::sync::mpsc::channel::<task::Spawn<ReplayBody<Asked>>>();
    let (back, woken) = std::sync::mpsc::channel();
    let meanwhile: Meanwhile = Box::new(move |waker| {
        // More has come before the first reader has given the body back, and the second one is quicker.
        waker.wake_by_ref();
        if let Ok(mut second) = second.try_recv() {
            assert!(second.enter(|cx, body| body.poll_frame(cx)).is_pending());
            assert_eq!(second.size_hint().exact(), Some(7), "its length is known all the same");
            back.send(second).unwrap();
        }
    });
    let shared = Arc::new(Shared::new(Asked(meanwhile), 64));
    let mut first = task::spawn(ReplayBody::of(shared.clone()));
    pass.send(task::spawn(ReplayBody::of(shared))).unwrap();
    assert!(first.enter(|cx, body| body.poll_frame(cx)).is_pending());
    drop(first);
    assert!(woken.recv().unwrap().is_woken(), "nobody else will ask");
}

/// A body of empty chunks without end.
struct Empty;

impl Body for Empty {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

#[test]
fn empty_chunks_are_not_kept() {
    let shared = Arc::new(Shared::new(Empty, 8));
    let (mut first, _second) = (task::spawn(ReplayBody::of(shared.clone())), ReplayBody::of(shared.clone()));
    for _ in 0..100 {
        assert!(first.enter(|cx, body| body.poll_frame(cx)).is_ready());
    }
    assert!(shared.state.lock().kept.is_empty() && shared.is_whole());
}
