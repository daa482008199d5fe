//! Panics of the service, and of whatever is asked for a key or a copy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use seawall::Outcome;
use tower::{ServiceExt, service_fn};

use super::*;

fn panics<T>(run: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(run)).is_err()
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_call_leaves_the_key_free() {
    let world = World::new([Play::PanicInCall, Play::Answer]);
    assert!(panics(|| world.fresh(100)));
    assert_eq!(world.in_flight(), (0, 0));
    assert_eq!(world.fresh(100).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_the_way_makes_the_next_one_call_even_if_the_response_is_kept() {
    let world = World::new([Play::PanicInPoll, Play::Answer]);
    let mut leads = world.fresh(100);
    let mut follows = world.call(100);
    assert!(panics(|| leads.poll()));
    assert_eq!(end(&mut follows).unwrap(), 2);
    drop(leads);
    assert_eq!(world.in_flight(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_who_waits_may_run_into_a_panic_of_its_own() {
    let world = World::new([Play::PanicInPoll]);
    let mut leads = world.fresh(100);
    let mut followers = [world.call(100), world.call(100)];
    assert!(panics(|| leads.poll()));
    for follows in &mut followers {
        assert!(follows.is_woken() && panics(|| follows.poll()));
    }
    assert_eq!((world.in_flight(), world.probe.calls()), ((0, 0), 3));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_classifier_hands_the_call_on() {
    let script = Script::new([Play::AnswerAfter(ms(1)), Play::Answer]);
    let picky = |answer: &Answer| match answer {
        Ok(1) => panic!("not one"),
        _ => Outcome::Success,
    };
    let service = layer(CoalesceConfig::default()).classify(picky).layer(script);
    let mut calls = [(); 2].map(|()| spawn(ready(&mut service.clone()).call(100)));
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    tokio::time::advance(ms(1)).await;
    let [leads, follows] = &mut calls;
    assert!(panics(|| leads.poll()));
    assert_eq!(end(follows).unwrap(), 2);
}

/// Cannot be copied.
#[derive(Debug)]
struct Stubborn;

impl Clone for Stubborn {
    fn clone(&self) -> Self {
        panic!("no copy");
    }
}

#[tokio::test(start_paused = true)]
async fn when_an_answer_cannot_be_copied_each_makes_a_call_of_its_own() {
    let service = service_fn(|_: u64| async {
        tokio::time::sleep(ms(1)).await;
        Ok::<_, Error<Fault>>(Stubborn)
    });
    let service = layer(CoalesceConfig::default()).layer(service);
    let mut calls = [(); 2].map(|()| spawn(service.clone().oneshot(100)));
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    tokio::time::advance(ms(1)).await;
    let [leads, follows] = &mut calls;
    assert!(panics(|| leads.poll()));
    assert!(follows.is_woken() && follows.poll().is_pending());
    tokio::time::advance(ms(1)).await;
    assert!(end(follows).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_key_function_comes_before_anything_is_held() {
    let layer = CoalesceLayer::new(CoalesceConfig::default(), |request: &u64| {
        assert!(*request > 0, "no key");
        Some(())
    });
    let mut service = layer.layer(Script::new([Play::Answer]));
    assert!(panics(|| ready(&mut service).call(0)));
    assert_eq!((layer.handle().flights(), layer.handle().followers()), (0, 0));
    assert_eq!(service.ready().await.unwrap().call(1).await.unwrap(), 1);
}

/// Panics when it is made ready, if it is told to.
#[derive(Clone)]
struct Nervous(Script, Arc<AtomicBool>);

impl Service<u64> for Nervous {
    type Response = u64;
    type Error = Error<Fault>;
    type Future = <Script as Service<u64>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        assert!(!self.1.swap(false, Ordering::SeqCst), "nervous");
        Service::<u64>::poll_ready(&mut self.0, cx)
    }

    fn call(&mut self, request: u64) -> Self::Future {
        self.0.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_service_is_made_ready_makes_the_next_one_call() {
    let nervous = Arc::new(AtomicBool::new(false));
    let service = Nervous(Script::new([Play::Hang, Play::Answer]), nervous.clone());
    let service = layer(CoalesceConfig::default()).layer(service);
    let mut calls = [(); 3].map(|()| Some(spawn(ready(&mut service.clone()).call(100))));
    assert!(calls.iter_mut().flatten().all(|call| call.poll().is_pending()));
    calls[0] = None;
    nervous.store(true, Ordering::SeqCst);
    let [_, Some(next), Some(last)] = &mut calls else { panic!("two are left") };
    assert!(next.is_woken() && panics(|| next.poll()));
    // The one that ran into the panic is still there.
    assert_eq!(end(last).unwrap(), 2);
}
