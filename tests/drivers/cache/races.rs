//! What happens between two steps of a call.

use std::sync::atomic::{AtomicU64, Ordering};

use seawall::Instant;
use seawall::cache::{Kept, Lifetime, Reply, Store};

use super::*;

type Step = Box<dyn FnOnce() + Send>;

/// Its only answer appears after the first look, and is gone after the second. Between them, whatever is to happen does.
#[derive(Default)]
struct Between {
    looks: AtomicU64,
    after: [Mutex<Option<Step>>; 2],
}

impl Store<u64> for Between {
    type Error = std::convert::Infallible;
    type Get = std::future::Ready<Result<Option<Arc<Kept<u64>>>, Self::Error>>;
    type Done = BoxFuture<'static, Result<(), Self::Error>>;

    fn get(&self, key: &Key<'_>) -> Reply<Self::Get> {
        let look = self.looks.fetch_add(1, Ordering::SeqCst) as usize;
        let kept = || Kept::new(key.clone(), 7, Lifetime::fresh(secs(9)), Instant::now(), Duration::ZERO);
        let found = (look == 1).then(|| Arc::new(kept()));
        if let Some(step) = self.after.get(look).and_then(|step| step.lock().unwrap().take()) {
            step();
        }
        Reply::Now(Ok(found))
    }

    fn insert(&self, _: Arc<Kept<u64>>) -> Reply<Self::Done> {
        Reply::Now(Ok(()))
    }

    fn remove(&self, _: &Key<'_>) -> Reply<Self::Done> {
        Reply::Later(tokio::task::yield_now().map(Ok).boxed())
    }

    fn clear(&self) -> Reply<Self::Done> {
        Reply::Now(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_calls_after_an_invalidation_follows_nobody_who_found_an_answer_from_before() {
    let store = Arc::new(Between::default());
    let layer = CacheLayer::try_over(store.clone(), ten(), key as Keys).unwrap();
    let handle = layer.handle();
    let service = layer.layer(Script::new([Play::Answer]));

    let invalidating = Arc::new(Mutex::new(async move { handle.invalidate(1).await }.boxed()));
    let (begun, after) = (invalidating.clone(), Arc::new(Mutex::new(None)));
    *store.after[0].lock().unwrap() = Some(Box::new(move || {
        assert!(poll(begun.lock().unwrap().as_mut()).is_pending(), "the answer is not yet gone");
    }));
    let (follower, caller) = (after.clone(), service.clone());
    *store.after[1].lock().unwrap() = Some(Box::new(move || {
        assert!(poll(invalidating.lock().unwrap().as_mut()).is_ready());
        let mut follows = async move { call(&caller, 1).await }.boxed();
        assert!(poll(follows.as_mut()).is_pending());
        *follower.lock().unwrap() = Some(follows);
    }));
    assert_eq!(call(&service, 1).await.unwrap(), 7, "it called before");
    let follower = after.lock().unwrap().take().expect("it looked twice");
    assert_eq!(follower.await.unwrap(), 1);
}
