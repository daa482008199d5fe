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

/// A body whose chunks another thread sends.
struct Sent(tokio::sync::mpsc::UnboundedReceiver<Bytes>);

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

async fn read(mut body: ReplayBody<Sent>) -> Vec<u8> {
    let mut read = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        read.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    read
}

#[test]
fn two_readers_on_two_threads_read_all_of_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    for _ in 0..300 {
        let (chunks, body) = tokio::sync::mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(Sent(body), 64));
        let readers = [(); 2].map(|()| ReplayBody::of(shared.clone())).map(|body| runtime.spawn(read(body)));
        for n in 0..32 {
            chunks.send(Bytes::from(vec![n])).unwrap();
            std::thread::yield_now();
        }
        drop(chunks);
        for reader in readers {
            let whole = runtime.block_on(reader).unwrap();
            assert!(whole.into_iter().eq(0..32));
        }
    }
}
