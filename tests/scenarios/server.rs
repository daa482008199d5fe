//! A server: so many workers, and an endless queue in front of them.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use seawall::Error;
use tower::Service;

use crate::engine::{Machine, World};
use crate::random::Random;

/// A place to send calls to. Clones are the same server.
#[derive(Clone)]
pub(crate) struct Server(Rc<RefCell<Room>>);

struct Room {
    now: u64,
    queue: VecDeque<Rc<Job>>,
    at_work: BinaryHeap<Reverse<(u64, u64)>>,
    jobs: Vec<Option<Rc<Job>>>,
    free: Vec<usize>,
    workers: fn(f64) -> usize,
    work: fn(f64, &mut Random) -> f64,
    random: Random,
}

#[derive(Default)]
struct Job {
    done: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// The answer of a server. Work that was asked for is done even if nobody waits for it any more.
pub(crate) struct Answer(Rc<Job>);

impl Machine for Server {
    fn new(world: World, random: Random) -> Self {
        let World { workers, work, .. } = world;
        Self(Rc::new(RefCell::new(Room {
            now: 0,
            queue: VecDeque::new(),
            at_work: BinaryHeap::new(),
            jobs: vec![],
            free: vec![],
            workers,
            work,
            random,
        })))
    }

    fn next(&self) -> Option<u64> {
        self.0.borrow().at_work.peek().map(|Reverse((at, _))| *at)
    }

    fn tick(&self, now: u64) {
        let mut room = self.0.borrow_mut();
        room.now = now;
        while let Some(&Reverse((at, place))) = room.at_work.peek()
            && at <= now
        {
            room.at_work.pop();
            room.free.push(place as usize);
            if let Some(job) = room.jobs[place as usize].take() {
                job.done.set(true);
                job.waker.take().map(Waker::wake).unwrap_or_default();
            }
        }
        room.begin();
    }
}

impl Room {
    fn begin(&mut self) {
        let seconds = self.now as f64 / 1e9;
        while self.at_work.len() < (self.workers)(seconds)
            && let Some(job) = self.queue.pop_front()
        {
            let place = self.free.pop().unwrap_or_else(|| {
                self.jobs.push(None);
                self.jobs.len() - 1
            });
            self.jobs[place] = Some(job);
            let takes = (self.work)(seconds, &mut self.random) * 1e9;
            self.at_work.push(Reverse((self.now + takes as u64, place as u64)));
        }
    }
}

impl Service<()> for Server {
    type Response = ();
    type Error = Error<Infallible>;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Answer {
        let job = Rc::new(Job::default());
        let mut room = self.0.borrow_mut();
        room.queue.push_back(job.clone());
        room.begin();
        Answer(job)
    }
}

impl Future for Answer {
    type Output = Result<(), Error<Infallible>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0.done.get() {
            return Poll::Ready(Ok(()));
        }
        *self.0.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}
