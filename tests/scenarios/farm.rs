//! Twenty servers of one worker each. A call goes to the shorter of two queues, a hedge to another server than the call it
//! hedges. Work that nobody waits for any more is broken off, unless [`heedless`] goes on with it.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use seawall::{Error, current_attempt};
use tower::Service;

use crate::engine::{Machine, World};
use crate::random::Random;

pub(crate) const SERVERS: usize = 20;

/// A place to send calls to. Clones are the same farm.
#[derive(Clone)]
pub(crate) struct Farm(Rc<RefCell<Yard>>);

/// A call, which knows the server of its first try. Copies are the same call.
pub(crate) type Call = Rc<Cell<Option<usize>>>;

struct Yard {
    now: u64,
    /// Of each server, the calls that it has: the first is at work.
    servers: [VecDeque<Rc<Job>>; SERVERS],
    /// When work ends, and where. Work that was broken off is passed over.
    ends: BinaryHeap<Reverse<(u64, usize, u64)>>,
    /// How many pieces of work were begun.
    begun: u64,
    work: fn(f64, &mut Random) -> f64,
    random: Random,
}

#[derive(Default)]
struct Job {
    /// The number of the work, once it was begun.
    number: Cell<u64>,
    done: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// The answer of a server. Dropped, its work is broken off.
pub(crate) struct Answer {
    farm: Farm,
    server: usize,
    job: Rc<Job>,
}

impl Machine for Farm {
    fn new(world: World, random: Random) -> Self {
        Self(Rc::new(RefCell::new(Yard {
            now: 0,
            servers: [const { VecDeque::new() }; SERVERS],
            ends: BinaryHeap::new(),
            begun: 0,
            work: world.work,
            random,
        })))
    }

    fn next(&self) -> Option<u64> {
        self.0.borrow().ends.peek().map(|Reverse((at, ..))| *at)
    }

    fn tick(&self, now: u64) {
        let mut yard = self.0.borrow_mut();
        yard.now = now;
        while let Some(&Reverse((at, server, number))) = yard.ends.peek()
            && at <= now
        {
            yard.ends.pop();
            if yard.servers[server].front().is_some_and(|job| job.number.get() == number) {
                let job = yard.servers[server].pop_front().expect("it is at work");
                job.done.set(true);
                job.waker.take().map(Waker::wake).unwrap_or_default();
                yard.begin(server);
            }
        }
    }
}

impl Farm {
    /// Calls that wait or are at work.
    pub(crate) fn in_flight(&self) -> f64 {
        self.0.borrow().servers.iter().map(VecDeque::len).sum::<usize>() as f64
    }
}

impl Yard {
    /// The first in the queue of this server, if it has not been begun, is begun.
    fn begin(&mut self, server: usize) {
        if let Some(job) = self.servers[server].front()
            && job.number.get() == 0
        {
            self.begun += 1;
            job.number.set(self.begun);
            let takes = (self.work)(self.now as f64 / 1e9, &mut self.random) * 1e9;
            self.ends.push(Reverse((self.now + takes as u64, server, self.begun)));
        }
    }

    /// The one with the shorter queue of two, neither of them this one.
    fn choose(&mut self, other_than: Option<usize>) -> usize {
        let mut one = || {
            loop {
                let server = self.random.below(SERVERS);
                if Some(server) != other_than {
                    return server;
                }
            }
        };
        let (a, b) = (one(), one());
        if self.servers[b].len() < self.servers[a].len() { b } else { a }
    }
}

impl Service<Call> for Farm {
    type Response = ();
    type Error = Error<Infallible>;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Answer {
        let mut yard = self.0.borrow_mut();
        let server = yard.choose(call.get());
        assert_eq!(
            call.replace(Some(server)).is_some(),
            current_attempt() > 1,
            "a hedge is the second attempt"
        );
        let job = Rc::new(Job::default());
        yard.servers[server].push_back(job.clone());
        yard.begin(server);
        Answer { farm: self.clone(), server, job }
    }
}

/// Makes the servers go on with work that nobody waits for.
pub(crate) fn heedless(answer: Answer) -> impl Future<Output = Result<(), Error<Infallible>>> {
    struct GoOn(Rc<RefCell<Answer>>);
    impl Drop for GoOn {
        fn drop(&mut self) {
            // Nobody ever drops it.
            std::mem::forget(self.0.clone());
        }
    }
    let answer = GoOn(Rc::new(RefCell::new(answer)));
    std::future::poll_fn(move |cx| Pin::new(&mut *answer.0.borrow_mut()).poll(cx))
}

impl Future for Answer {
    type Output = Result<(), Error<Infallible>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.job.done.get() {
            return Poll::Ready(Ok(()));
        }
        *self.job.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.job.done.get() {
            let mut yard = self.farm.0.borrow_mut();
            yard.servers[self.server].retain(|job| !Rc::ptr_eq(job, &self.job));
            yard.begin(self.server);
        }
    }
}
