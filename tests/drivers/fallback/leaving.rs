//! Dropped calls and panics: nothing is left behind.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

#[tokio::test]
async fn a_caller_that_leaves_takes_the_call_of_the_other_service_with_it() {
    for is_ready in [true, false] {
        let replica = plays(Play::Hang);
        let probe = replica.probe();
        probe.set_ready(is_ready);
        let mut service = FallbackLayer::service(replica).layer(broken());
        let mut waits =
            tokio_test::task::spawn(ServiceExt::<u64>::ready(&mut service).await.unwrap().call(7_u64));
        assert!(waits.poll().is_pending());
        assert_eq!((probe.in_flight(), probe.instances()), if is_ready { (1, 1) } else { (0, 2) });
        drop(waits);
        assert_eq!((probe.in_flight(), probe.instances()), (0, 1));
    }
}

#[tokio::test]
async fn the_original_is_dropped_with_the_call() {
    let kept = Arc::new(());
    let mine = kept.clone();
    let half = service_fn(move |_: u64| {
        let kept = mine.clone();
        async move { Ok::<_, Error<Fault>>(Some(kept)) }
    });
    let layer = FallbackLayer::from_request(|_: u64, _| std::future::pending());
    let layer = layer.classify(|_: &Answer<Option<Arc<()>>>| Outcome::TRANSIENT);
    let service = layer.layer(half);
    let mut waits = tokio_test::task::spawn(service.oneshot(7));
    assert!(waits.poll().is_pending());
    assert_eq!(Arc::strong_count(&kept), 2, "it may have to be returned");
    drop(waits);
    assert_eq!(Arc::strong_count(&kept), 1);
}

/// Whether this call panics, and the next one of the same service does not.
fn panics_once<S: Service<u64, Response = u64> + Clone>(service: &S) -> bool {
    let run = || call(&mut service.clone(), 7).now_or_never().expect("nobody waits").is_ok();
    let panicked = catch_unwind(AssertUnwindSafe(run)).is_err();
    panicked && run()
}

#[test]
fn a_panic_of_foreign_code_goes_on_and_leaves_the_layer_usable() {
    let twice = Arc::new(AtomicUsize::new(0));
    let bomb = |at: &Arc<AtomicUsize>| {
        let at = at.clone();
        move || assert!(at.fetch_add(1, Ordering::SeqCst) > 0, "a panic in foreign code")
    };
    let fresh = || twice.store(0, Ordering::SeqCst);
    let go = bomb(&twice);
    let layer = FallbackLayer::from_error(move |_| {
        go();
        0
    });
    assert!(panics_once(&layer.layer(broken())));

    fresh();
    let go = bomb(&twice);
    let layer = FallbackLayer::value(0).when(move |_| {
        go();
        true
    });
    assert!(panics_once(&layer.layer(broken())));

    fresh();
    let go = bomb(&twice);
    let layer = FallbackLayer::from_request(move |_: u64, _| {
        go();
        async { Ok(0) }
    });
    assert!(panics_once(&layer.layer(broken())));

    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let replica = Script::new([play, Play::Answer]);
        let probe = replica.probe();
        let layer = FallbackLayer::service(replica);
        assert!(panics_once(&layer.layer(broken())));
        assert_eq!((probe.in_flight(), probe.instances()), (0, 1));
    }
}

#[test]
fn a_panic_while_an_answer_is_cloned_wedges_no_memory() {
    #[derive(Debug)]
    struct Fragile(Arc<AtomicUsize>);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            assert_ne!(self.0.fetch_add(1, Ordering::SeqCst), 0, "a panic in clone");
            Self(self.0.clone())
        }
    }
    let clones = Arc::new(AtomicUsize::new(0));
    let mine = clones.clone();
    let service = service_fn(move |good: bool| {
        let fragile = Fragile(mine.clone());
        async move { if good { Ok(fragile) } else { Err(Error::Service(Fault)) } }
    });
    let layer = FallbackLayer::last_good(secs(60)).or_else(Value::new(Fragile(clones.clone())));
    let service = layer.layer(service);
    let run = |good| call(&mut service.clone(), good).now_or_never().expect("nobody waits").is_ok();
    assert!(catch_unwind(AssertUnwindSafe(|| run(true))).is_err(), "it was to be remembered");
    clones.store(0, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| run(false))).is_err(), "the value was to be given");
    assert!(run(true) && run(false));
}
