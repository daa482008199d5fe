//! A bulkhead with its callers and its service, all driven by hand. Only callers that were woken are polled: a wake-up that
//! is lost shows as a step at which nothing happens.
#![expect(clippy::disallowed_types, reason = "the crate's own mutex is not public")]

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use seawall::bulkhead::{BulkheadGate, Handle};
use seawall::gate::Unkeyed;
use seawall::testing::Fault;
use seawall::{
    Bulkhead, BulkheadConfig, BulkheadLayer, Deadline, Error, ErrorsFail, Event, EventKind, Priority,
    RejectedKind, StackError, Subscription,
};
use tokio::sync::oneshot;
use tokio_test::task::{Spawn, spawn};
use tower::{Layer, Service, ServiceExt};

pub(super) use self::News::{Answered, Began, Failed, Refused};
pub(super) use seawall::RejectedKind::{BulkheadFull, BulkheadTimedOut, Closed};

pub(super) const NANO: Duration = Duration::from_nanos(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// So many places and no queue.
pub(super) fn places(max: u32) -> BulkheadConfig {
    BulkheadConfig::new(max).name("pool")
}

/// One place, and a queue for so many, for a second.
pub(super) fn one_place(waiting: u32) -> BulkheadConfig {
    places(1).queue(waiting, SECOND)
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    id: u64,
    cost: u32,
    priority: Priority,
}

impl From<u64> for Ask {
    fn from(id: u64) -> Self {
        Self { id, cost: 1, priority: Priority::Normal }
    }
}

pub(super) fn ask(id: u64) -> Ask {
    id.into()
}

impl Ask {
    pub(super) fn cost(self, cost: u32) -> Self {
        Self { cost, ..self }
    }

    pub(super) fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The service was called.
    Began(u64),
    Answered(u64),
    Failed(u64),
    Refused(u64, RejectedKind),
}

pub(super) type Gate = BulkheadGate<Unkeyed, fn(&Ask) -> u32, fn(&Ask) -> Priority>;
pub(super) type Service1 = Bulkhead<Desk, ErrorsFail, Gate>;
type Answer = Result<u64, Error<Fault>>;
type Call = Spawn<Pin<Box<dyn Future<Output = Answer> + Send>>>;

/// A bulkhead, its service, and the calls that are on their way.
pub(super) struct Scene {
    pub(super) layer: BulkheadLayer<ErrorsFail, Gate>,
    pub(super) handle: Handle,
    pub(super) desk: Desk,
    calls: BTreeMap<u64, Call>,
}

impl Scene {
    pub(super) fn new(config: BulkheadConfig) -> Self {
        let layer = BulkheadLayer::new(config)
            .cost((|ask| ask.cost) as fn(&Ask) -> u32)
            .priority((|ask| ask.priority) as fn(&Ask) -> Priority);
        let handle = layer.handle();
        Self { layer, handle, desk: Desk::default(), calls: BTreeMap::new() }
    }

    pub(super) fn service(&self) -> Service1 {
        self.layer.layer(self.desk.clone())
    }

    /// Makes a call. Tells what happened, as all that follow do.
    pub(super) fn call(&mut self, ask: impl Into<Ask>) -> Vec<News> {
        let service = self.service();
        self.call_on(service, ask)
    }

    pub(super) fn call_on(&mut self, mut service: Service1, ask: impl Into<Ask>) -> Vec<News> {
        let ask = ask.into();
        let ready = service.ready().now_or_never().expect("nobody waits in `poll_ready`");
        let response = ready.expect("readiness does not fail").call(ask);
        self.add(ask.id, Box::pin(response))
    }

    /// Makes a call for somebody who has until then.
    pub(super) fn call_under(&mut self, deadline: Deadline, ask: impl Into<Ask>) -> Vec<News> {
        let (service, ask) = (self.service(), ask.into());
        self.add(ask.id, Box::pin(deadline.scope(service.oneshot(ask))))
    }

    pub(super) fn add(
        &mut self,
        id: u64,
        response: Pin<Box<dyn Future<Output = Answer> + Send>>,
    ) -> Vec<News> {
        let mut call = spawn(response);
        let polled = call.poll();
        self.calls.insert(id, call);
        let mut news = self.desk.news();
        self.note(id, polled, &mut news);
        news.extend(self.look());
        news
    }

    /// The service answers this call.
    pub(super) fn end(&mut self, id: u64) -> Vec<News> {
        self.desk.end(id, Ok(id));
        self.look()
    }

    /// The service fails this call.
    pub(super) fn fail(&mut self, id: u64) -> Vec<News> {
        self.desk.end(id, Err(Error::Service(Fault)));
        self.look()
    }

    /// The caller leaves.
    pub(super) fn leave(&mut self, id: u64) -> Vec<News> {
        assert!(self.calls.remove(&id).is_some(), "{id} is on its way");
        self.look()
    }

    pub(super) fn resize(&mut self, max: u32) -> Vec<News> {
        self.handle.resize(max);
        self.look()
    }

    /// Time passes, and nobody looks.
    pub(super) async fn pass_unseen(&self, time: Duration) {
        tokio::time::advance(time).await;
    }

    pub(super) async fn pass(&mut self, time: Duration) -> Vec<News> {
        self.pass_unseen(time).await;
        self.look()
    }

    /// Polls whoever was woken, until nobody is.
    pub(super) fn look(&mut self) -> Vec<News> {
        let mut news = vec![];
        while let Some((&id, call)) = self.calls.iter_mut().find(|(_, call)| call.is_woken()) {
            let polled = call.poll();
            news.extend(self.desk.news());
            self.note(id, polled, &mut news);
        }
        news
    }

    fn note(&mut self, id: u64, polled: Poll<Answer>, news: &mut Vec<News>) {
        let Poll::Ready(answer) = polled else { return };
        self.calls.remove(&id);
        news.push(match answer {
            Ok(_) => Answered(id),
            Err(error) => error.as_rejected().map_or(Failed(id), |rejected| Refused(id, rejected.kind())),
        });
    }

    /// In flight, and waiting.
    pub(super) fn counts(&self) -> (u32, usize) {
        (self.handle.in_flight(), self.handle.waiting())
    }
}

/// A service that answers when it is told to. It is strict: who is called unready panics.
#[derive(Default)]
pub(super) struct Desk {
    ready: bool,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    began: Vec<u64>,
    answers: HashMap<u64, oneshot::Sender<Answer>>,
}

impl Desk {
    fn news(&self) -> Vec<News> {
        self.open.lock().unwrap().began.drain(..).map(Began).collect()
    }

    fn end(&self, id: u64, answer: Answer) {
        let sender = self.open.lock().unwrap().answers.remove(&id);
        sender.expect("called").send(answer).expect("still there");
    }
}

impl Clone for Desk {
    fn clone(&self) -> Self {
        Self { ready: false, open: self.open.clone() }
    }
}

impl Service<Ask> for Desk {
    type Response = u64;
    type Error = Error<Fault>;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called an instance that was not ready");
        let (sender, answer) = oneshot::channel();
        let mut open = self.open.lock().unwrap();
        open.began.push(ask.id);
        open.answers.insert(ask.id, sender);
        Box::pin(async { answer.await.expect("an answer") })
    }
}

/// Events that have already happened.
pub(super) fn heard(subscription: &mut Subscription) -> Vec<EventKind> {
    std::iter::from_fn(|| subscription.try_next()).map(|event: Event| event.kind).collect()
}
