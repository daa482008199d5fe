//! The circuit in a stack of tower services.

use futures::FutureExt;
use seawall::circuit_breaker::Handle;
use seawall::circuit_breaker::{CircuitState, Window};
use seawall::testing::{Fault, Play, Probe, Script};
use seawall::{
    CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, Error, Instant, Outcome, RejectedKind,
};
use tokio::task::JoinSet;
use tokio_test::{assert_pending, assert_ready, task::spawn};
use tower::{Layer, ServiceExt};

use super::support::*;

fn behind(
    config: CircuitBreakerConfig,
    lines: impl IntoIterator<Item = Play>,
) -> (Handle, Probe, CircuitBreaker<Script>) {
    let layer = CircuitBreakerLayer::new(config);
    let script = Script::new(lines);
    (layer.handle(), script.probe(), layer.layer(script))
}

fn kind(result: &Result<u64, Error<Fault>>) -> Option<RejectedKind> {
    match result {
        Err(Error::Rejected(rejected)) => Some(rejected.kind()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn failing_calls_open_the_circuit_and_no_more_reach_the_service() {
    let (handle, probe, service) = behind(plain(), [Play::Fail]);
    for call in 0..20 {
        let result = service.clone().oneshot(()).await;
        assert!(matches!(result, Err(Error::Service(Fault))), "call {call}: {result:?}");
    }
    assert_state(&handle, CircuitState::Open);
    for _ in 0..100 {
        let result = service.clone().oneshot(()).await;
        assert_eq!(kind(&result), Some(RejectedKind::CircuitOpen), "{result:?}");
    }
    assert_eq!(probe.calls(), 20);
}

#[tokio::test(start_paused = true)]
async fn answers_and_errors_pass_through_as_they_were() {
    let (_, _, service) = behind(plain(), [Play::Answer, Play::Fail, Play::AnswerAfter(SECOND)]);
    assert_eq!(service.clone().oneshot(()).await.ok(), Some(1));
    assert!(matches!(service.clone().oneshot(()).await, Err(Error::Service(Fault))));
    assert_eq!(service.clone().oneshot(()).await.ok(), Some(3));
}

#[tokio::test(start_paused = true)]
async fn of_two_hundred_callers_at_half_open_exactly_three_reach_the_service() {
    let (handle, probe, service) = behind(touchy(), [Play::AnswerAfter(ms(10))]);
    fail(&handle);
    pass_open_time(&handle).await;
    let mut running = JoinSet::new();
    (0..200).for_each(|_| drop(running.spawn(service.clone().oneshot(()))));
    let results = running.join_all().await;
    assert_eq!(probe.calls(), 3);
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    assert_eq!(results.iter().filter(|result| kind(result) == Some(RejectedKind::CircuitOpen)).count(), 197);
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_fails_fast_though_the_service_is_stuck() {
    let (handle, probe, service) = behind(touchy(), [Play::Answer]);
    probe.set_ready(false);
    fail(&handle);
    for _ in 0..1_000 {
        let result = service.clone().oneshot(()).now_or_never();
        let Some(result) = result else { panic!("an open circuit waited for the service") };
        assert_eq!(kind(&result), Some(RejectedKind::CircuitOpen), "{result:?}");
    }
    assert_eq!(probe.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn callers_waiting_for_a_stuck_service_are_woken_when_the_circuit_opens() {
    let (handle, probe, mut service) = behind(touchy(), [Play::Answer]);
    probe.set_ready(false);
    let mut ready = spawn(ServiceExt::<()>::ready(&mut service));
    assert_pending!(ready.poll());
    fail(&handle);
    assert!(ready.is_woken());
    assert!(assert_ready!(ready.poll()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_refusals_take_no_time_and_no_timer() {
    let (handle, _, service) = behind(touchy(), [Play::Answer]);
    fail(&handle);
    let start = Instant::now();
    for call in 0..10_000 {
        assert!(service.clone().oneshot(()).now_or_never().is_some(), "refusal {call} waited");
    }
    assert_eq!(Instant::now(), start);
    assert_eq!(handle.totals().refused, 10_000);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_ready_holds_no_place_of_a_probe() {
    let (handle, _, service) = behind(touchy().probes(1), [Play::Answer]);
    fail(&handle);
    pass_open_time(&handle).await;
    let mut idle = [service.clone(), service.clone()];
    for instance in &mut idle {
        assert!(ServiceExt::<()>::ready(instance).await.is_ok());
    }
    assert_eq!(service.clone().oneshot(()).await.ok(), Some(1));
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_service_is_a_failure_and_leaves_the_circuit_usable() {
    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let (handle, probe, service) = behind(plain(), [play]);
        for call in 0..20 {
            assert_eq!(handle.state(), CircuitState::Closed, "{play:?}, before call {call}");
            let ended = tokio::spawn(service.clone().oneshot(())).await;
            assert!(ended.is_err_and(|error| error.is_panic()), "{play:?}, call {call}");
        }
        assert_eq!(handle.state(), CircuitState::Open, "{play:?}: {:?}", handle.totals());
        assert_eq!(handle.totals().failures, 20, "{play:?}");
        probe.play([Play::Answer]);
        pass_open_time(&handle).await;
        for _ in 0..3 {
            assert!(service.clone().oneshot(()).await.is_ok(), "{play:?}");
        }
        assert_eq!(handle.state(), CircuitState::Closed, "{play:?}");
        assert_eq!(probe.in_flight(), 0, "{play:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panicking_probe_is_a_failed_probe() {
    for play in [Play::PanicInCall, Play::PanicInPoll] {
        let (handle, _, service) = behind(touchy().probes(1), [play]);
        fail(&handle);
        pass_open_time(&handle).await;
        let ended = tokio::spawn(service.clone().oneshot(())).await;
        assert!(ended.is_err_and(|error| error.is_panic()), "{play:?}");
        assert_eq!(handle.state(), CircuitState::Open, "{play:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panicking_classifier_leaves_the_circuit_usable_and_nothing_held() {
    let layer =
        CircuitBreakerLayer::new(touchy().probes(2)).classify(|result: &Result<u64, Error<Fault>>| {
            assert!(result.is_ok(), "a classifier that does not know");
            Outcome::Success
        });
    let (handle, script) = (layer.handle(), Script::new([Play::Fail, Play::Answer]));
    let (probe, service) = (script.probe(), layer.layer(script));
    fail(&handle);
    pass_open_time(&handle).await;
    let ended = tokio::spawn(service.clone().oneshot(())).await;
    assert!(ended.is_err_and(|error| error.is_panic()));
    assert_eq!((handle.totals().calls(), probe.in_flight()), (2, 0));
    if handle.state() == CircuitState::Open {
        pass_open_time(&handle).await;
    }
    for _ in 0..2 {
        assert!(service.clone().oneshot(()).await.is_ok());
    }
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_further_down_is_not_counted() {
    let (inner, outer) = (CircuitBreakerLayer::new(plain()), CircuitBreakerLayer::new(plain().name("outer")));
    let service = outer.layer(inner.layer(Script::new([Play::Answer])));
    let _isolated = inner.handle().isolate();
    for _ in 0..100 {
        let result = service.clone().oneshot(()).await;
        assert_eq!(kind(&result), Some(RejectedKind::CircuitIsolated), "{result:?}");
    }
    assert_state(&outer.handle(), CircuitState::Closed);
    assert_eq!(outer.handle().counts().total(), 0);
    assert_eq!(outer.handle().totals().ignored, 100);
}

#[tokio::test(start_paused = true)]
async fn a_probe_refused_further_down_frees_its_place_and_closes_nothing() {
    let (inner, outer) = (CircuitBreakerLayer::new(plain()), CircuitBreakerLayer::new(touchy()));
    let (handle, service) = (outer.handle(), outer.layer(inner.layer(Script::new([Play::Answer]))));
    fail(&handle);
    pass_open_time(&handle).await;
    let isolated = inner.handle().isolate();
    for call in 0..100 {
        let result = service.clone().oneshot(()).await;
        assert_eq!(kind(&result), Some(RejectedKind::CircuitIsolated), "call {call}: {result:?}");
        assert_eq!(handle.state(), CircuitState::HalfOpen, "call {call}");
    }
    drop(isolated);
    for _ in 0..3 {
        assert!(service.clone().oneshot(()).await.is_ok());
    }
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn answers_that_tell_of_a_missing_page_close_a_half_open_circuit() {
    let layer =
        CircuitBreakerLayer::new(touchy()).classify(|result: &Result<u64, Error<Fault>>| match result {
            Ok(_) => Outcome::TRANSIENT,
            Err(_) => Outcome::Success,
        });
    let (handle, service) = (layer.handle(), layer.layer(Script::new([Play::Fail])));
    fail(&handle);
    pass_open_time(&handle).await;
    for _ in 0..3 {
        assert!(service.clone().oneshot(()).await.is_err());
    }
    assert_state(&handle, CircuitState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_cancelled_in_flight_frees_its_place() {
    let (handle, probe, service) = behind(touchy(), [Play::Hang]);
    fail(&handle);
    pass_open_time(&handle).await;
    let mut calls: Vec<_> = (0..3).map(|_| spawn(service.clone().oneshot(()))).collect();
    calls.iter_mut().for_each(|call| assert_pending!(call.poll()));
    calls.truncate(1);
    assert_eq!((probe.in_flight(), handle.totals().abandoned), (1, 2));
    probe.play([Play::Answer]);
    for _ in 0..2 {
        assert!(service.clone().oneshot(()).await.is_ok());
    }
    assert_state(&handle, CircuitState::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn all_services_of_a_layer_and_its_clones_share_one_circuit() {
    let layer = CircuitBreakerLayer::new(touchy());
    let services = [layer.layer(Script::new([Play::Fail])), layer.clone().layer(Script::new([Play::Answer]))];
    assert!(services[0].clone().oneshot(()).await.is_err());
    let result = services[1].clone().oneshot(()).await;
    assert_eq!(kind(&result), Some(RejectedKind::CircuitOpen), "{result:?}");
}

#[tokio::test(start_paused = true)]
async fn errors_carry_the_name_of_the_circuit_and_say_when_to_come_back() {
    let (handle, _, service) = behind(touchy().open_for(ms(3_240), 9 * SECOND), [Play::Answer]);
    fail(&handle);
    let Err(Error::Rejected(rejected)) = service.clone().oneshot(()).await else { panic!("not refused") };
    assert_eq!(rejected.name().as_str(), "inventory");
    assert_eq!(rejected.to_string(), "circuit `inventory` is open for another 3.2 s");
    advance(ms(3_000)).await;
    assert_eq!(refused(&handle).to_string(), "circuit `inventory` is open for another 240 ms");
    let _guard = handle.isolate();
    assert_eq!(refused(&handle).to_string(), "circuit `inventory` was isolated by hand");
}

#[tokio::test(start_paused = true)]
async fn a_circuit_without_a_name_is_called_after_the_line_that_made_it() {
    let (layer, line) = (CircuitBreakerLayer::new(CircuitBreakerConfig::default()), line!());
    let _guard = layer.handle().isolate();
    assert_eq!(refused(&layer.handle()).name().as_str(), format!("{}:{line}", file!()));
    let (layer, line) = (CircuitBreakerLayer::try_new(CircuitBreakerConfig::default()), line!());
    let handle = layer.expect("the defaults are in range").handle();
    let _guard = handle.isolate();
    assert_eq!(refused(&handle).name().as_str(), format!("{}:{line}", file!()));
}

#[tokio::test(start_paused = true)]
async fn a_recovering_circuit_says_so() {
    let handle = probing(touchy().ramp(60 * SECOND).window(Window::Count(10))).await;
    oks(&handle, 3);
    let _in_flight = admit(&handle);
    let refused = (0..1_000).find_map(|_| handle.try_admit().err());
    let message = refused.map(|rejected| rejected.to_string());
    assert_eq!(message.as_deref(), Some("circuit `inventory` is recovering and takes only some calls"));
}
