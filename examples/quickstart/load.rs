//! The load: the same calls for both clients, at the same instants, whether or not answers come.

use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use reqwest::{Client, Method, Request, Response, Url};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tower::{Service, ServiceExt};

use crate::server::{Caller, Phase};
use crate::stack::Protected;

/// How long the client waits for an answer, with layers and without.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);
/// An answer that takes longer is of no use to anybody.
pub(crate) const USEFUL: Duration = Duration::from_secs(1);
pub(crate) const CALLS_PER_SECOND: f64 = 120.0;
const SEED: u64 = 42;

/// When calls are made, and what became of them.
#[derive(Clone)]
pub(crate) struct Load {
    begin: Instant,
    /// Since the beginning, in order.
    arrivals: Arc<[Duration]>,
    /// One for each caller.
    pub(crate) tallies: [Arc<Tally>; 2],
}

impl Load {
    /// Draws the arrivals: a Poisson process, as of many callers who know nothing of each other.
    pub(crate) fn new(begin: Instant) -> Self {
        let end = Duration::from_secs(Phase::all_seconds());
        let mut dice = SmallRng::seed_from_u64(SEED);
        let mut next = Duration::ZERO;
        let arrivals = std::iter::from_fn(|| {
            let pause = -(1.0 - dice.random::<f64>()).ln() / CALLS_PER_SECOND;
            next += Duration::from_secs_f64(pause);
            (next < end).then_some(next)
        });
        Self { begin, arrivals: arrivals.collect(), tallies: Default::default() }
    }

    /// How many calls either client makes in this second, 1 for the first.
    pub(crate) fn calls_of(&self, second: u64) -> usize {
        self.arrivals.iter().filter(|arrival| arrival.as_secs() + 1 == second).count()
    }

    /// Makes all calls, each in a task of its own, and waits for the last to end.
    pub(crate) async fn run(
        self,
        server: SocketAddr,
        bare: Client,
        protected: impl Protected,
    ) -> Result<(), JoinError> {
        let [of_bare, of_protected] = self.tallies;
        let mut calls = JoinSet::new();
        for (product, &arrival) in (0_u64..).zip(self.arrivals.iter()) {
            let due = self.begin + arrival;
            sleep_until(due).await;
            calls.spawn(call(bare.clone(), request(server, Caller::Bare, product), due, of_bare.clone()));
            let request = request(server, Caller::Protected, product);
            calls.spawn(call(protected.clone(), request, due, of_protected.clone()));
        }
        while let Some(ended) = calls.join_next().await {
            ended?;
        }
        Ok(())
    }
}

fn request(server: SocketAddr, caller: Caller, product: u64) -> Request {
    let url = format!("http://{server}/{}/products/{product}", caller.path());
    Request::new(Method::GET, Url::parse(&url).expect("an address and two plain words"))
}

/// Makes one call. It was due at an instant, and its caller has waited since then.
async fn call<S>(service: S, request: Request, due: Instant, tally: Arc<Tally>)
where
    S: Service<Request, Response = Response>,
{
    let answered = match service.oneshot(request).await {
        // Half an answer is none.
        Ok(response) if response.status().is_success() => response.bytes().await.is_ok(),
        Ok(_) | Err(_) => false,
    };
    tally.add(Wait { lasted: due.elapsed(), answered });
}

/// How long a caller waited, and whether for something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) lasted: Duration,
    pub(crate) answered: bool,
}

/// What became of the calls of one client.
#[derive(Default)]
pub(crate) struct Tally {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    fresh: Vec<Wait>,
    total: Total,
}

/// What became of all calls that have ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Total {
    pub(crate) calls: u64,
    pub(crate) answers: u64,
    /// Answers that came while they were [`USEFUL`].
    pub(crate) useful: u64,
    /// Time spent on calls that brought no answer.
    pub(crate) lost: Duration,
}

impl Tally {
    fn add(&self, wait: Wait) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.fresh.push(wait);
        let total = &mut inner.total;
        total.calls += 1;
        if wait.answered {
            total.answers += 1;
            total.useful += u64::from(wait.lasted < USEFUL);
        } else {
            total.lost += wait.lasted;
        }
    }

    /// The calls that ended since this was last asked.
    pub(crate) fn since_last_time(&self) -> Vec<Wait> {
        mem::take(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner).fresh)
    }

    pub(crate) fn total(&self) -> Total {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}
