//! Runs a fleet of clients against a server in paused time: one thread, one seed, no wall clock.
//!
//! The layers' own times (a window of 1 s, a brake of 100 ms) are seconds, so the model is not scaled to other units.
//! tokio's timers tick in milliseconds, which would lengthen a call of 10 ms by a twentieth; therefore the engine holds
//! arrivals and work in a list of its own and moves the paused clock to each of them, exact to the nanosecond. Only
//! timeouts and backoffs are timers: they end at the first event after their millisecond.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use seawall::{Error, Instant};
use tower::{Service, ServiceExt};

use crate::random::Random;
use crate::server::Server;

/// What happens to a fleet. All depends on the time, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) end: usize,
    /// Calls offered per second, by all clients together.
    pub(crate) rate: fn(f64) -> f64,
    pub(crate) workers: fn(f64) -> usize,
    /// How many seconds one piece of work takes.
    pub(crate) work: fn(f64, &mut Random) -> f64,
}

/// What was seen, second by second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) offered: Vec<usize>,
    /// Of those that were answered in this second, how many seconds it took.
    pub(crate) answered: Vec<Vec<f64>>,
    pub(crate) failed: Vec<usize>,
    /// What the watcher saw.
    pub(crate) watched: Vec<f64>,
}

/// What the engine moves through time: clones are the same one.
pub(crate) trait Machine: Clone {
    /// Works as the world says.
    fn new(world: World, random: Random) -> Self;
    /// When the next piece of work is done, in nanoseconds.
    fn next(&self) -> Option<u64>;
    /// It is so late now: ends what is done, and begins what can begin.
    fn tick(&self, now: u64);
}

/// No timer is later than this, however little happens.
const STEP: Duration = Duration::from_millis(10);

/// Runs `world` with as many clients as `clients` makes on this server. `watch` is asked once a second.
pub(crate) fn run<S>(
    world: World,
    seed: u64,
    clients: impl FnOnce(Server) -> Vec<S>,
    watch: impl Fn() -> f64,
) -> Seen
where
    S: Service<(), Response = (), Error = Error<Infallible>> + Clone + 'static,
{
    run_in_steps(world, seed, STEP, clients, watch)
}

/// The same on any machine, where timers may be late by so much.
pub(crate) fn run_in_steps<S, M: Machine>(
    world: World,
    seed: u64,
    step: Duration,
    clients: impl FnOnce(M) -> Vec<S>,
    watch: impl Fn() -> f64,
) -> Seen
where
    S: Service<(), Response = (), Error = Error<Infallible>> + Clone + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    // The one task does what many would share a runtime for: no budget of a task must stop it.
    runtime.expect("a runtime").block_on(tokio::task::unconstrained(async {
        let mut random = Random::new(seed);
        let server = M::new(world, Random::new(random.next()));
        let clients = clients(server.clone());
        let step = step.as_nanos() as u64;
        Engine { start: Instant::now(), server, step, calls: Calls::default(), seen: Seen::default() }
            .run(world, &clients, &mut random, watch)
            .await
    }))
}

struct Engine<M> {
    start: Instant,
    server: M,
    step: u64,
    calls: Calls,
    seen: Seen,
}

/// A call: whether it was answered, and when it began.
type Call = Pin<Box<dyn Future<Output = (bool, u64)>>>;

/// The calls on their way.
#[derive(Default)]
struct Calls {
    running: FuturesUnordered<Call>,
    woken: Arc<Flag>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl<M: Machine> Engine<M> {
    async fn run<S>(
        mut self,
        world: World,
        clients: &[S],
        random: &mut Random,
        watch: impl Fn() -> f64,
    ) -> Seen
    where
        S: Service<(), Response = (), Error = Error<Infallible>> + Clone + 'static,
    {
        let gap = |at: u64, random: &mut Random| {
            (random.exponential(1.0 / (world.rate)(at as f64 / 1e9)) * 1e9) as u64
        };
        let mut arrival = gap(0, random);
        for second in 0..world.end {
            self.begin_second(watch());
            let end = (second as u64 + 1) * 1_000_000_000;
            loop {
                let next =
                    arrival.min(self.server.next().unwrap_or(u64::MAX)).min(self.now() + self.step).min(end);
                // Also lets the timers fire that have ended.
                tokio::time::advance(Duration::from_nanos(next - self.now())).await;
                self.server.tick(next);
                self.collect(next);
                if next == end {
                    break;
                }
                if next == arrival {
                    arrival += gap(arrival, random);
                    *self.seen.offered.last_mut().expect("a second") += 1;
                    let client = clients[random.below(clients.len())].clone();
                    let call = async move { (client.oneshot(()).await.is_ok(), next) };
                    self.calls.begin(Box::pin(call));
                    self.collect(next);
                }
            }
        }
        self.seen
    }

    fn now(&self) -> u64 {
        Instant::now().saturating_duration_since(self.start).as_nanos() as u64
    }

    fn begin_second(&mut self, watched: f64) {
        self.seen.offered.push(0);
        self.seen.answered.push(vec![]);
        self.seen.failed.push(0);
        self.seen.watched.push(watched);
    }

    /// Lets all calls go on that can.
    fn collect(&mut self, now: u64) {
        while let Some((answered, began)) = self.calls.poll() {
            if answered {
                let took = (now - began) as f64 / 1e9;
                self.seen.answered.last_mut().expect("a second").push(took);
            } else {
                *self.seen.failed.last_mut().expect("a second") += 1;
            }
        }
    }
}

impl Calls {
    fn begin(&mut self, call: Call) {
        self.running.push(call);
        self.woken.0.store(true, Ordering::Relaxed);
    }

    /// The next call that has ended.
    fn poll(&mut self) -> Option<(bool, u64)> {
        let waker = Waker::from(self.woken.clone());
        while self.woken.0.swap(false, Ordering::Relaxed) {
            if let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(&mut Context::from_waker(&waker)) {
                self.woken.0.store(true, Ordering::Relaxed);
                return Some(ended);
            }
        }
        None
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
