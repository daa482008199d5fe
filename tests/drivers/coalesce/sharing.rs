//! Who gets the answer.

use std::any::type_name_of_val;

use tower::{ServiceExt, service_fn};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_hundred_equal_calls_are_one_and_all_get_its_answer() {
    let world = World::new([Play::AnswerAfter(ms(10)), Play::Answer]);
    let mut calls: Vec<_> = (0..100).map(|n| world.call(100 + n % 7)).collect();
    assert_eq!((world.probe.calls(), world.in_flight()), (1, (1, 99)));
    tokio::time::advance(ms(10)).await;
    // The leader first: nobody else has anything to do before.
    assert!(calls[1..].iter().all(|call| !call.is_woken()));
    let answers: Vec<_> = calls.iter_mut().map(|call| end(call).unwrap()).collect();
    assert_eq!(answers, [1; 100]);
    assert_eq!((world.probe.calls(), world.in_flight()), (1, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn calls_that_differ_do_not_wait_for_each_other() {
    let world = World::new([Play::Hang, Play::Answer]);
    let _hangs = world.call(100);
    assert_eq!(world.fresh(200).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_after_the_answer_makes_one_of_its_own() {
    let world = World::new([Play::Answer]);
    for call in 1..=3 {
        assert_eq!(world.fresh(100).await.unwrap(), call);
    }
}

#[tokio::test(start_paused = true)]
async fn all_services_of_a_layer_share_their_flights_and_no_others_do() {
    let (one, other) = (layer(CoalesceConfig::default()), layer(CoalesceConfig::default()));
    let script = Script::new([Play::Hang]);
    let probe = script.probe();
    let services = [one.layer(script.clone()), one.clone().layer(script.clone()), other.layer(script)];
    let mut calls = Vec::new();
    for (mut service, calls_made) in services.into_iter().zip([1, 1, 2]) {
        let mut call = spawn(ready(&mut service).call(100));
        assert!(call.poll().is_pending());
        calls.push(call);
        assert_eq!(probe.calls(), calls_made);
    }
    assert_eq!((one.handle().flights(), one.handle().followers()), (1, 1));
    assert_eq!((other.handle().flights(), other.handle().followers()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn services_that_answer_in_different_types_fly_apart() {
    let layer = CoalesceLayer::new(CoalesceConfig::default(), |(): &()| Some(()));
    let number = layer.layer(service_fn(|()| async {
        tokio::time::sleep(ms(1)).await;
        Ok::<_, Error<Fault>>(7)
    }));
    let text = layer.layer(service_fn(|()| async {
        tokio::time::sleep(ms(1)).await;
        Ok::<_, Error<Fault>>("seven")
    }));
    let calls = (number.clone().oneshot(()), number.oneshot(()), text.clone().oneshot(()), text.oneshot(()));
    let (a, b, c, d) = tokio::join!(calls.0, calls.1, calls.2, calls.3);
    assert_eq!((a.unwrap(), b.unwrap(), c.unwrap(), d.unwrap()), (7, 7, "seven", "seven"));
}

/// Counts its copies.
#[derive(Debug)]
struct Counted(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Self(self.0.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_is_copied_only_for_those_who_wait() {
    let copies = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let response = copies.clone();
    let service = service_fn(move |_: u64| {
        let response = Counted(response.clone());
        async move {
            tokio::time::sleep(ms(1)).await;
            Ok::<_, Error<Fault>>(response)
        }
    });
    let service = layer(CoalesceConfig::default()).layer(service);
    service.clone().oneshot(100).await.unwrap();
    assert_eq!(copies.load(std::sync::atomic::Ordering::SeqCst), 0);
    let call = || service.clone().oneshot(100);
    let (first, second) = tokio::join!(call(), call());
    assert!(first.is_ok() && second.is_ok());
    assert!(copies.load(std::sync::atomic::Ordering::SeqCst) <= 2);
}

#[test]
fn the_name_is_the_line_that_made_it_unless_it_is_given() {
    let unnamed = CoalesceLayer::new(CoalesceConfig::default(), |_: &u64| Some(0));
    let text = format!("{unnamed:?}");
    assert!(text.contains(file!()), "{text} of {}", type_name_of_val(&unnamed));
    assert!(format!("{:?}", layer(CoalesceConfig::default())).contains("stock"));
}
