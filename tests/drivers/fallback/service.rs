//! The form that asks another service.

use super::*;

#[tokio::test]
async fn another_service_answers_the_same_request() {
    let replica = service_fn(|request: u64| async move { Ok::<_, Infallible>(request * 10) });
    let layer = FallbackLayer::service(replica);
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 70);
    assert_eq!(call(&mut layer.layer(plays(Play::Answer)), 7).await.unwrap(), 1);
}

#[tokio::test]
async fn it_is_cloned_and_readied_when_it_is_needed_and_not_before() {
    let replica = plays(Play::Answer);
    let probe = replica.probe();
    let layer = FallbackLayer::service(replica);
    let mut service = layer.layer(Script::new([Play::Answer, Play::Fail]));
    assert_eq!(call(&mut service, 7).await.unwrap(), 1);
    assert_eq!((probe.instances(), probe.calls()), (1, 0));
    // The script panics when it is called and was not ready.
    assert_eq!(call(&mut service, 7).await.unwrap(), 1);
    assert_eq!((probe.instances(), probe.calls()), (1, 1), "and its clone is gone");
}

#[tokio::test]
async fn its_readiness_is_waited_for() {
    let replica = plays(Play::Answer);
    let probe = replica.probe();
    probe.set_ready(false);
    let mut service = FallbackLayer::service(replica).layer(broken());
    let mut waits =
        tokio_test::task::spawn(ServiceExt::<u64>::ready(&mut service).await.unwrap().call(7_u64));
    assert!(waits.poll().is_pending());
    assert_eq!(probe.calls(), 0);
    probe.set_ready(true);
    assert!(waits.is_woken());
    assert!(waits.poll().is_ready());
}

#[tokio::test]
async fn when_it_does_not_become_ready_the_original_error_comes_back() {
    let replica = plays(Play::Answer);
    let probe = replica.probe();
    probe.fail_ready();
    let mut service = FallbackLayer::service(replica).layer(refused(RejectedKind::CircuitOpen));
    let error = call(&mut service, 7).await.unwrap_err();
    assert_eq!(error.as_rejected().map(Rejected::kind), Some(RejectedKind::CircuitOpen));
    assert_eq!((probe.calls(), probe.instances()), (0, 1));
}

#[tokio::test]
async fn when_it_fails_too_the_original_error_comes_back_and_its_own_is_dropped() {
    let replica = service_fn(|_: u64| async { Err::<u64, _>("an error of another type") });
    let mut service = FallbackLayer::service(replica).layer(broken());
    assert!(matches!(call(&mut service, 7).await, Err(Error::Service(Fault))));
}

#[tokio::test]
async fn its_response_is_judged_as_one_of_the_first_service_is() {
    let layer = |outcome| {
        let replica =
            service_fn(move |_: u64| async move { Ok::<_, Infallible>(Said { by: "replica", outcome }) });
        FallbackLayer::service(replica).classify(as_said)
    };
    let first = || says(Outcome::Permanent);
    for (outcome, by) in [
        (Outcome::Success, "replica"),
        (Outcome::Ignored, "replica"),
        (Outcome::TRANSIENT, "service"),
        (Outcome::Permanent, "service"),
        (Outcome::Throttled { retry_after: None }, "service"),
    ] {
        assert_eq!(call(&mut layer(outcome).layer(first()), 7).await.unwrap().by, by, "{outcome:?}");
    }
}

/// Copies a request, and takes it for harmful.
#[derive(Clone)]
struct Harmful;

impl seawall::Repeat<u64> for Harmful {
    fn copy(&self, request: &mut u64) -> Option<u64> {
        Some(*request)
    }

    fn is_idempotent(&self, _: &u64) -> bool {
        false
    }
}

#[tokio::test]
async fn a_harmful_request_goes_to_it_only_if_the_first_never_processed_it() {
    let replica = || service_fn(|_: u64| async { Ok::<_, Infallible>(9) });
    let layer = || FallbackLayer::service(replica()).repeat(Harmful);
    assert!(call(&mut layer().layer(broken()), 7).await.is_err(), "it may have been processed");
    assert!(call(&mut layer().layer(refused(RejectedKind::Timeout)), 7).await.is_err(), "so may this");
    assert_eq!(call(&mut layer().layer(refused(RejectedKind::CircuitOpen)), 7).await.unwrap(), 9);
    for cause in [seawall::Cause::Unsent, seawall::Cause::Unprocessed] {
        let never_sent = move |result: &Answer| match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Transient { retry_after: None, cause },
        };
        assert_eq!(call(&mut layer().classify(never_sent).layer(broken()), 7).await.unwrap(), 9);
    }
}

#[tokio::test]
async fn a_request_of_which_there_is_no_copy_is_not_sent_there() {
    let replica = plays(Play::Answer);
    let probe = replica.probe();
    let layer = FallbackLayer::service(replica).repeat(|_: &u64| None);
    assert!(call(&mut layer.layer(broken()), 7).await.is_err());
    assert_eq!(probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_called_under_the_deadline_and_not_after() {
    let replica = plays(Play::Answer);
    let probe = replica.probe();
    let mut service = FallbackLayer::service(replica).layer(plays(Play::FailAfter(secs(2))));
    assert!(Deadline::after(secs(2)).scope(call(&mut service, 7)).await.is_err());
    assert_eq!(probe.calls(), 0, "nobody would wait for its answer");
    assert_eq!(Deadline::after(secs(3)).scope(call(&mut service, 7)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_stack_of_layers_will_do_and_its_refusal_is_a_failure() {
    let circuit = seawall::CircuitBreakerLayer::new(seawall::CircuitBreakerConfig::default());
    let (handle, replica) = (circuit.handle(), circuit.layer(plays(Play::Answer)));
    let mut service = FallbackLayer::service(replica).layer(broken());
    assert_eq!(call(&mut service, 7).await.unwrap(), 1);
    let _open = handle.force_open();
    assert!(matches!(call(&mut service, 7).await, Err(Error::Service(Fault))));
}

/// Clones, and counts how often it was told that the attempt before is over.
#[derive(Clone, Default)]
struct Told(Arc<AtomicUsize>);

impl seawall::retry::Repeat<u64> for Told {
    fn copy(&self, request: &mut u64) -> Option<u64> {
        Some(*request)
    }

    fn begin_again(&self, _: &mut u64) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn what_is_left_of_the_first_call_is_told_that_the_request_goes_elsewhere() {
    let told = Told::default();
    let layer = FallbackLayer::service(plays(Play::Answer)).repeat(told.clone());
    call(&mut layer.layer(plays(Play::Answer)), 7).await.unwrap();
    assert_eq!(told.0.load(Ordering::SeqCst), 0);
    call(&mut layer.layer(broken()), 7).await.unwrap();
    assert_eq!(told.0.load(Ordering::SeqCst), 1);
    let rescue = |request: u64, _: &Answer| async move { Ok(request) };
    let layer = FallbackLayer::from_request(rescue).repeat(told.clone());
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 7);
    assert_eq!(told.0.load(Ordering::SeqCst), 2);
}
