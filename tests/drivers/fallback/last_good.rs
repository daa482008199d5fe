//! The last good answer: how long it is given, and to whom.

use std::panic::catch_unwind;

use seawall::{Key, LastGoodConfig};
use tokio::time::advance;

use super::*;

/// Answers ten times the request while it is below ten, and fails otherwise.
fn tens() -> impl Service<(u64, bool), Response = u64, Error = Error<Fault>> + Clone {
    service_fn(|(number, good): (u64, bool)| async move {
        if good { Ok(number * 10) } else { Err(Error::Service(Fault)) }
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_answered_as_the_last_one_that_succeeded() {
    let mut service = FallbackLayer::last_good(secs(60)).layer(tens());
    assert!(call(&mut service, (1, false)).await.is_err(), "nothing is known");
    assert_eq!(call(&mut service, (1, true)).await.unwrap(), 10);
    assert_eq!(call(&mut service, (2, true)).await.unwrap(), 20);
    assert_eq!(call(&mut service, (3, false)).await.unwrap(), 20);
}

#[tokio::test(start_paused = true)]
async fn it_is_given_while_it_is_younger_than_its_age_to_the_nanosecond() {
    let mut service = FallbackLayer::last_good(secs(60)).layer(tens());
    call(&mut service, (1, true)).await.unwrap();
    advance(Duration::from_nanos(59_999_999_999)).await;
    assert_eq!(call(&mut service, (1, false)).await.unwrap(), 10);
    advance(Duration::from_nanos(1)).await;
    assert!(call(&mut service, (1, false)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn to_be_given_does_not_make_it_younger() {
    let mut service = FallbackLayer::last_good(secs(60)).layer(tens());
    call(&mut service, (1, true)).await.unwrap();
    for _ in 0..3 {
        advance(secs(20)).await;
        let _given = call(&mut service, (1, false)).await;
    }
    assert!(call(&mut service, (1, false)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_age_of_zero_gives_none_and_one_without_end_gives_it_for_ever() {
    let mut never = FallbackLayer::last_good(Duration::ZERO).layer(tens());
    let mut always = FallbackLayer::last_good(Duration::MAX).layer(tens());
    call(&mut never, (1, true)).await.unwrap();
    call(&mut always, (1, true)).await.unwrap();
    assert!(call(&mut never, (1, false)).await.is_err());
    advance(secs(86_400 * 500)).await;
    assert_eq!(call(&mut always, (1, false)).await.unwrap(), 10);
}

#[tokio::test(start_paused = true)]
async fn with_keys_each_has_an_answer_of_its_own_and_gets_no_other() {
    let last_good = LastGood::new(secs(60)).key_by(|(number, _): &(u64, bool)| Key::from(*number));
    let mut service = FallbackLayer::new(last_good).layer(tens());
    for number in 1..4 {
        call(&mut service, (number, true)).await.unwrap();
    }
    for number in 1..4 {
        assert_eq!(call(&mut service, (number, false)).await.unwrap(), number * 10);
    }
    assert!(call(&mut service, (4, false)).await.is_err(), "of this one nothing is known");
}

#[tokio::test(start_paused = true)]
async fn so_many_keys_are_remembered_and_no_more() {
    let config = LastGoodConfig::new(secs(60)).max_keys(10);
    let last_good = LastGood::new(config).key_by(|(number, _): &(u64, bool)| Key::from(*number));
    let mut service = FallbackLayer::new(last_good).layer(tens());
    for number in 0..1000 {
        call(&mut service, (number, true)).await.unwrap();
    }
    let mut known = 0;
    for number in 0..1000 {
        if let Ok(answer) = call(&mut service, (number, false)).await {
            assert_eq!(answer, number * 10);
            known += 1;
        }
    }
    assert_eq!(known, 10);
}

#[test]
fn no_keys_at_all_are_refused_with_field_value_and_bound() {
    let config = LastGoodConfig::new(secs(60)).max_keys(0);
    let error = LastGood::<u64>::try_new(config).unwrap_err();
    assert_eq!((error.field(), error.value(), error.bound()), ("fallback.max_keys", "0", "at least 1"));
    assert!(catch_unwind(|| FallbackLayer::<LastGood<u64>>::last_good(config)).is_err());
}

#[tokio::test(start_paused = true)]
async fn only_what_the_service_answered_and_was_a_success_is_remembered() {
    let outcomes = [Outcome::Permanent, Outcome::Ignored, Outcome::TRANSIENT];
    for outcome in outcomes {
        let layer = FallbackLayer::last_good(secs(60)).classify(as_said);
        assert_eq!(call(&mut layer.layer(says(outcome)), 7).await.unwrap().by, "service");
        let fails = service_fn(|_: u64| async { Err::<Said, _>(Error::Service(Fault)) });
        assert!(call(&mut layer.layer(fails), 7).await.is_err(), "{outcome:?} was remembered");
    }
}

#[tokio::test(start_paused = true)]
async fn services_of_one_layer_remember_together_and_those_of_another_do_not() {
    let layer = FallbackLayer::last_good(secs(60));
    call(&mut layer.layer(tens()), (1, true)).await.unwrap();
    assert_eq!(call(&mut layer.clone().layer(tens()), (1, false)).await.unwrap(), 10);
    let other = FallbackLayer::last_good(secs(60));
    assert!(call(&mut other.layer(tens()), (1, false)).await.is_err());
}

/// An answer whose clones and drops run foreign code that makes calls of its own.
struct Nosy(Arc<dyn Fn() + Send + Sync>);

impl Clone for Nosy {
    fn clone(&self) -> Self {
        (self.0)();
        Self(self.0.clone())
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[tokio::test]
async fn an_answer_is_cloned_and_dropped_outside_every_lock() {
    type Stack = Arc<std::sync::OnceLock<Box<dyn Fn() + Send + Sync>>>;
    let again: Stack = Arc::default();
    let depth = Arc::new(AtomicUsize::new(0));
    let within = {
        let (again, depth) = (again.clone(), depth.clone());
        Arc::new(move || {
            if depth.fetch_add(1, Ordering::SeqCst) < 2
                && let Some(again) = again.get()
            {
                again();
            }
            depth.fetch_sub(1, Ordering::SeqCst);
        })
    };
    let service = service_fn(move |good: bool| {
        let nosy = Nosy(within.clone());
        async move { if good { Ok(nosy) } else { Err(Error::Service(Fault)) } }
    });
    let service = FallbackLayer::last_good(secs(60)).layer(service);
    let inside = service.clone();
    let _first = again.set(Box::new(move || {
        for good in [true, false] {
            let _done = call(&mut inside.clone(), good).now_or_never().expect("nobody waits");
        }
    }));
    for good in [true, true, false, false] {
        assert!(call(&mut service.clone(), good).await.is_ok());
    }
    assert_eq!(depth.load(Ordering::SeqCst), 0);
}
