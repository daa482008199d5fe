//! Foreign code that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// Panics when it is cloned, if it was told to.
struct Fragile(Arc<AtomicBool>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(!self.0.load(Ordering::SeqCst), "a panic in the clone of a response");
        Self(self.0.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_foreign_code_hands_the_flight_on_and_leaves_nothing_held() {
    for place in ["key", "classifier", "lifetime", "weight"] {
        let armed = Arc::new(AtomicBool::new(false));
        let pass = |here: &'static str| {
            let armed = armed.clone();
            move || assert!(here != place || !armed.swap(false, Ordering::SeqCst), "a panic in the {here}")
        };
        let (in_key, in_classifier, in_lifetime) = (pass("key"), pass("classifier"), pass("lifetime"));
        let in_weight = pass("weight");
        let layer = CacheLayer::new(ten(), move |request: &u64| {
            in_key();
            Some(Key::from(*request))
        })
        .classify(move |result: &Answer| {
            in_classifier();
            if result.is_ok() { Outcome::Success } else { Outcome::TRANSIENT }
        })
        .cache_if(move |_: &u64| {
            in_lifetime();
            true
        })
        .weigh(move |_| {
            in_weight();
            1
        });
        let handle = layer.handle();
        let script = Script::new([Play::Answer]);
        let probe = script.probe();
        let mut service = layer.layer(script);
        let instances = probe.instances();
        armed.store(true, Ordering::SeqCst);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut future = Box::pin(service.call(1));
            poll(future.as_mut()).is_ready()
        }));
        assert!(panicked.is_err(), "{place}");
        assert_eq!((handle.flights(), probe.in_flight(), probe.instances()), (0, 0, instances), "{place}");
        let answer = service.call(1).await.unwrap();
        assert_eq!(service.call(1).await.unwrap(), answer, "{place}: usable, and kept");
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_whose_clone_panics_poisons_nothing() {
    let armed = Arc::new(AtomicBool::new(false));
    let own = armed.clone();
    let inner = tower::service_fn(move |_: u64| {
        let fragile = Fragile(own.clone());
        async move { Ok::<_, Error<Fault>>(fragile) }
    });
    let layer = CacheLayer::new(ten(), key as Keys);
    let handle = layer.handle();
    let mut service = layer.layer(inner);
    assert!(service.call(1).await.is_ok());
    armed.store(true, Ordering::SeqCst);
    for request in [1, 2] {
        let panicked =
            catch_unwind(AssertUnwindSafe(|| poll(Box::pin(service.call(request)).as_mut()).is_ready()));
        assert!(panicked.is_err());
        assert_eq!(handle.flights(), 0);
    }
    armed.store(false, Ordering::SeqCst);
    assert!(service.call(1).await.is_ok());
    assert_eq!(handle.answers(Source::Fresh), 2);
}
