//! A store of the user's: elsewhere, slow, failing.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use seawall::Instant;
use seawall::cache::{Kept, Lifetime, Reply, Store};

use super::*;

/// Answers after a while, or fails.
#[derive(Clone)]
struct Elsewhere {
    kept: Arc<Mutex<HashMap<String, Arc<Kept<u64>>>>>,
    fails: Arc<AtomicBool>,
    takes: Duration,
}

#[derive(Debug)]
struct Gone;

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store is gone")
    }
}

impl Elsewhere {
    fn new(takes: Duration) -> Self {
        Self { kept: Arc::default(), fails: Arc::default(), takes }
    }

    fn later<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut HashMap<String, Arc<Kept<u64>>>) -> T + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Gone>> {
        let store = self.clone();
        async move {
            tokio::time::sleep(store.takes).await;
            if store.fails.load(Ordering::SeqCst) {
                Err(Gone)
            } else {
                Ok(run(&mut store.kept.lock().unwrap()))
            }
        }
        .boxed()
    }
}

impl Store<u64> for Elsewhere {
    type Error = Gone;
    type Get = BoxFuture<'static, Result<Option<Arc<Kept<u64>>>, Gone>>;
    type Done = BoxFuture<'static, Result<(), Gone>>;

    fn get(&self, key: &Key<'_>) -> Reply<Self::Get> {
        let key = key.reveal();
        Reply::Later(self.later(move |kept| kept.get(&key).cloned()))
    }

    fn insert(&self, answer: Arc<Kept<u64>>) -> Reply<Self::Done> {
        Reply::Later(self.later(move |kept| drop(kept.insert(answer.key().reveal(), answer.clone()))))
    }

    fn remove(&self, key: &Key<'_>) -> Reply<Self::Done> {
        let key = key.reveal();
        Reply::Later(self.later(move |kept| drop(kept.remove(&key))))
    }

    fn clear(&self) -> Reply<Self::Done> {
        Reply::Later(self.later(HashMap::clear))
    }
}

fn over(store: &Elsewhere, config: CacheConfig) -> CacheLayer<u64, Keys, Elsewhere> {
    CacheLayer::try_over(store.clone(), config, key as Keys).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_store_may_answer_later() {
    let store = Elsewhere::new(ms(5));
    let layer = over(&store, ten());
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let service = layer.layer(script);
    for _ in 0..3 {
        assert_eq!(call(&service, 1).await.unwrap(), 1);
    }
    assert_eq!(probe.calls(), 1);
    assert_eq!(counted(&layer.handle()), [2, 0, 0, 0, 1, 0]);
    assert_eq!(layer.handle().size(), None);
    layer.handle().invalidate(1).await.unwrap();
    assert_eq!(call(&service, 1).await.unwrap(), 2);
    layer.handle().invalidate_all().await.unwrap();
    assert_eq!(call(&service, 1).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn freshness_is_judged_by_the_cache_and_not_by_the_store() {
    let store = Elsewhere::new(Duration::ZERO);
    let service = over(&store, ten()).layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(10)).await;
    assert_eq!(store.kept.lock().unwrap().len(), 1, "the store still has it");
    assert_eq!(call(&service, 1).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_a_miss_and_an_event_and_never_an_error() {
    let store = Elsewhere::new(ms(1));
    let layer = over(&store, ten());
    let mut heard = layer.handle().subscribe();
    let service = layer.layer(Script::new([Play::Answer]));
    store.fails.store(true, Ordering::SeqCst);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert_eq!(call(&service, 1).await.unwrap(), 2);
    assert_eq!(layer.handle().store_failures(), 4, "it failed to look and to store, twice");
    let told =
        std::iter::from_fn(|| heard.next().now_or_never().flatten()).find_map(|event| match event.kind {
            EventKind::StoreFailed { error, .. } => Some(error),
            _ => None,
        });
    assert_eq!(told.as_deref(), Some("the store is gone"));
    store.fails.store(false, Ordering::SeqCst);
    assert_eq!(call(&service, 1).await.unwrap(), 3);
    assert_eq!(call(&service, 1).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn those_who_follow_share_the_answer_though_the_store_fails() {
    let store = Elsewhere::new(ms(1));
    store.fails.store(true, Ordering::SeqCst);
    let script = slow();
    let probe = script.probe();
    let service = over(&store, ten()).layer(script);
    let results = futures::future::join_all((0..10).map(|_| call(&service, 1))).await;
    assert!(results.into_iter().all(|result| result.unwrap() == 1));
    assert_eq!(probe.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_invalidated_while_it_is_stored_is_taken_out_again() {
    let store = Elsewhere::new(secs(1));
    let layer = over(&store, ten());
    let service = layer.layer(Script::new([Play::Answer]));
    let mut storing = Box::pin(call(&service, 1));
    assert!(poll(storing.as_mut()).is_pending());
    tokio::time::sleep(ms(1_500)).await;
    assert!(poll(storing.as_mut()).is_pending(), "the service has answered, and the answer is being stored");
    // It takes effect at once; what it removes was not yet there.
    let mut invalidating = Box::pin(async { layer.handle().invalidate(1).await });
    assert!(poll(invalidating.as_mut()).is_pending());
    drop(invalidating);
    assert_eq!(storing.await.unwrap(), 1, "its own caller gets it");
    assert!(store.kept.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_the_store_works_leaves_nothing_held() {
    let store = Elsewhere::new(secs(1));
    let layer = over(&store, ten());
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let service = layer.layer(script);
    let instances = probe.instances();
    for polls in [1, 2, 3] {
        let mut future = Box::pin(call(&service, 1));
        for _ in 0..polls {
            assert!(poll(future.as_mut()).is_pending());
            advance(ms(900)).await;
        }
        drop(future);
        assert_eq!((layer.handle().flights(), probe.instances(), probe.in_flight()), (0, instances, 0));
    }
}

/// Has nothing at the first look, and something at the second: a flight landed between them.
struct JustLanded(std::sync::atomic::AtomicU64);

impl Store<u64> for JustLanded {
    type Error = Gone;
    type Get = std::future::Ready<Result<Option<Arc<Kept<u64>>>, Gone>>;
    type Done = std::future::Ready<Result<(), Gone>>;

    fn get(&self, key: &Key<'_>) -> Reply<Self::Get> {
        let kept = || Kept::new(key.clone(), 7, Lifetime::fresh(secs(1)), Instant::now(), Duration::ZERO);
        Reply::Now(Ok((self.0.fetch_add(1, Ordering::SeqCst) > 0).then(|| Arc::new(kept()))))
    }

    fn insert(&self, _: Arc<Kept<u64>>) -> Reply<Self::Done> {
        Reply::Now(Ok(()))
    }

    fn remove(&self, _: &Key<'_>) -> Reply<Self::Done> {
        Reply::Now(Ok(()))
    }

    fn clear(&self) -> Reply<Self::Done> {
        Reply::Now(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_misses_just_before_a_flight_lands_is_served_what_it_brought() {
    let script = Script::new([Play::Answer]);
    let probe = script.probe();
    let layer = CacheLayer::try_over(JustLanded(0.into()), ten(), key as Keys).unwrap();
    let service = layer.layer(script);
    assert_eq!(call(&service, 1).await.unwrap(), 7);
    assert_eq!((probe.calls(), layer.handle().flights()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_elsewhere_may_be_older_than_this_machine() {
    for age in [secs(86_400), secs(1 << 31)] {
        let kept = Kept::new(Key::from(1), (), Lifetime::fresh(age), Instant::now(), age);
        assert_eq!(kept.age(Instant::now()), age);
    }
}
