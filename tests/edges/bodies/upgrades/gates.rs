//! What each gate makes of a call that switched, and several of them around each other.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use axum::http::response::Parts;
use seawall::adaptive::{Limit, Sample};
use seawall::circuit_breaker::CircuitState;
use seawall::gate::Permit;
use seawall::http::ClassifyBody;
use seawall::{
    AdaptiveConfig, AdaptiveLayer, CircuitBreakerConfig, CircuitBreakerLayer, Classify, HedgeConfig,
    HedgeLayer, Key, Lift, Outcome, RateLimitConfig, RateLimitLayer, RetryConfig, RetryLayer,
};
use tower::{Service, service_fn};

use super::*;

/// What the servers of connections keep.
type Keeper = Arc<Mutex<Vec<Upgraded>>>;

type Failure = Error<Infallible>;

/// Switches, and keeps what it finds in its request.
fn server(
    keeper: &Keeper,
) -> impl Service<Request<()>, Response = Response<Body>, Error = Failure, Future: Send> + Clone + use<> {
    let keeper = keeper.clone();
    Lift.layer(service_fn(move |mut request: Request<()>| {
        keeper.lock().unwrap().extend(request.extensions_mut().remove::<Upgraded>());
        async { Ok::<_, Infallible>(switching()) }
    }))
}

/// Switches, and keeps nothing.
fn forgetful() -> impl Service<Request<()>, Response = Response<Body>, Error = Failure, Future: Send> + Clone
{
    Lift.layer(service_fn(|_| async { Ok::<_, Infallible>(switching()) }))
}

fn ask() -> Request<()> {
    Request::builder().header(UPGRADE, "echo").body(()).unwrap()
}

fn take<B>(mut response: Response<B>) -> Upgraded {
    response.extensions_mut().remove().expect("its calls")
}

#[tokio::test]
async fn two_scoped_gates_are_both_held_by_whichever_side_keeps_the_connection() {
    for by_server in [true, false] {
        let (outer, inner, keeper) = (pool(), pool(), Keeper::default());
        let (outside, inside) = (outer.handle(), inner.handle());
        let stack = (scope(outer), scope(inner)).layer(server(&keeper));
        let upgraded = take(stack.oneshot(ask()).await.unwrap());
        let kept = if by_server {
            drop(upgraded);
            keeper.lock().unwrap().pop().unwrap()
        } else {
            keeper.lock().unwrap().clear();
            upgraded
        };
        assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1));
        let another = kept.clone();
        drop(kept);
        assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1));
        drop(another);
        assert_eq!((outside.in_flight(), inside.in_flight()), (0, 0));
        assert_eq!((outside.totals().successes, inside.totals().successes), (1, 1));
    }
}

#[tokio::test]
async fn a_layer_between_two_gates_that_makes_everything_anew_parts_neither_from_the_connection() {
    let anew_response = tower::util::MapResponseLayer::new(|response: Response<_>| {
        Response::builder().status(response.status()).body(response.into_body()).unwrap()
    });
    let (outer, inner, keeper) = (pool(), pool(), Keeper::default());
    let (outside, inside) = (outer.handle(), inner.handle());
    let stack = (scope(outer), anew_response, scope(inner)).layer(server(&keeper));
    drop(stack.oneshot(ask()).await.unwrap());
    assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1), "held by the server");
    keeper.lock().unwrap().clear();
    assert_eq!((outside.in_flight(), inside.in_flight()), (0, 0));

    let anew_request = tower::util::MapRequestLayer::new(|_: Request<()>| ask());
    let (outer, inner) = (pool(), pool());
    let (outside, inside) = (outer.handle(), inner.handle());
    let stack = (scope(outer), anew_request, scope(inner)).layer(server(&keeper));
    let upgraded = take(stack.oneshot(ask()).await.unwrap());
    keeper.lock().unwrap().clear();
    assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1), "held by the client");
    drop(upgraded);
    assert_eq!((outside.in_flight(), inside.in_flight()), (0, 0));
}

#[tokio::test]
async fn of_several_attempts_the_one_is_held_that_switched_for_good() {
    let (outer, inner) = (pool(), pool());
    let (outside, inside) = (outer.handle(), inner.handle());
    let tries = Arc::new(Mutex::new(0));
    let not_at_first = move |_: &Result<Response<_>, _>| {
        let mut tries = tries.lock().unwrap();
        *tries += 1;
        if *tries < 3 { Outcome::TRANSIENT } else { Outcome::Success }
    };
    let retry = RetryLayer::new(RetryConfig::default()).classify(not_at_first);
    // A pool of one: an attempt whose call were still held would be in the way of the next.
    let stack = (scope(outer), retry, scope(inner)).layer(forgetful());
    let upgraded = take(stack.oneshot(ask()).await.unwrap());
    assert_eq!((inside.totals().successes, inside.totals().calls()), (2, 2));
    assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1));
    drop(upgraded);
    assert_eq!((outside.in_flight(), inside.in_flight()), (0, 0));
}

#[tokio::test]
async fn of_a_hedge_the_call_is_held_that_won() {
    let inner = BulkheadLayer::new(BulkheadConfig::new(2)).classify(StatusClassify);
    let (outer, inside, keeper) = (pool(), inner.handle(), Keeper::default());
    let outside = outer.handle();
    let inner = scope(inner).layer(server(&keeper));
    let first_hangs = Arc::new(Mutex::new(true));
    let slow = service_fn(move |request: Request<()>| {
        let hangs = std::mem::take(&mut *first_hangs.lock().unwrap());
        let call = inner.clone().oneshot(request);
        async move {
            let response = call.await;
            if hangs {
                std::future::pending::<()>().await;
            }
            response
        }
    });
    let hedge = HedgeLayer::new(HedgeConfig::default().after(Duration::from_millis(5)).budget(None));
    let stack = (scope(outer), hedge).layer(slow);
    let upgraded = take(stack.oneshot(ask()).await.unwrap());
    assert_eq!(inside.in_flight(), 2, "the server has kept both");
    let of_the_winner = keeper.lock().unwrap().pop();
    keeper.lock().unwrap().clear();
    drop(of_the_winner);
    assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1));
    drop(upgraded);
    assert_eq!((outside.in_flight(), inside.in_flight()), (0, 0));
}

#[tokio::test]
async fn a_probe_that_switches_closes_its_circuit_at_once() {
    let moment = Duration::from_millis(20);
    let config =
        CircuitBreakerConfig::default().consecutive_failures(1, Duration::ZERO).open_for(moment, moment);
    let circuit = CircuitBreakerLayer::new(config.probes(1)).classify(StatusClassify);
    let handle = circuit.handle();
    handle.try_admit().unwrap().settle(Outcome::TRANSIENT);
    assert_eq!(handle.state(), CircuitState::Open);
    tokio::time::sleep(moment * 4).await;

    let keeper = Keeper::default();
    let stack = scope(circuit).layer(server(&keeper));
    drop(stack.oneshot(ask()).await.unwrap());
    assert_eq!((handle.state(), keeper.lock().unwrap().len()), (CircuitState::Closed, 1));
    assert_eq!((handle.totals().successes, handle.in_flight()), (1, 0));
    keeper.lock().unwrap().clear();
    assert_eq!((handle.totals().successes, handle.totals().calls()), (1, 2));
}

/// Remembers what it is told.
struct Told(Arc<Mutex<Vec<Sample>>>);

impl Limit for Told {
    fn limit(&self) -> usize {
        10
    }

    fn on_sample(&mut self, sample: Sample) -> usize {
        self.0.lock().unwrap().push(sample);
        10
    }
}

#[tokio::test]
async fn an_adaptive_limit_learns_from_the_switch_and_not_from_the_hours_after_it() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (hears, keeper) = (told.clone(), Keeper::default());
    let limit = AdaptiveLayer::new(AdaptiveConfig::default()).limit(move || Told(hears.clone()));
    let handle = limit.handle();
    let stack = scope(limit.classify(StatusClassify)).layer(server(&keeper));
    drop(stack.oneshot(ask()).await.unwrap());
    assert_eq!((told.lock().unwrap().len(), handle.in_flight(), handle.totals().calls()), (1, 1, 0));
    assert!(!told.lock().unwrap()[0].dropped);
    tokio::time::sleep(Duration::from_millis(20)).await;
    keeper.lock().unwrap().clear();
    assert_eq!((told.lock().unwrap().len(), handle.in_flight()), (1, 0));
    assert_eq!((handle.totals().successes, handle.totals().calls()), (1, 1));
}

#[tokio::test]
async fn a_call_that_switched_is_in_the_books_of_every_gate_once() {
    let rate = RateLimitLayer::new(RateLimitConfig::per_second(10)).classify(StatusClassify);
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).classify(StatusClassify);
    let circuit = circuit.key_by(|_: &Request<()>| Key::from("here"));
    let limit = AdaptiveLayer::new(AdaptiveConfig::default()).classify(StatusClassify);
    let limit = limit.key_by(|_: &Request<()>| Key::from("here"));
    let pool = pool().key_by(|_: &Request<()>| Key::from("here"));
    let (rates, circuits, limits, pools) = (rate.handle(), circuit.handle(), limit.handle(), pool.handle());
    let keeper = Keeper::default();
    let stack = (scope(rate), scope(circuit), scope(limit), scope(pool)).layer(server(&keeper));
    drop(stack.oneshot(ask()).await.unwrap());
    let (circuit, limit, pool) =
        (circuits.key("here").unwrap(), limits.key("here").unwrap(), pools.key("here").unwrap());
    assert_eq!((rates.totals().calls(), circuit.totals().calls()), (1, 1), "judged");
    assert_eq!((limit.in_flight(), pool.in_flight()), (1, 1), "held");
    keeper.lock().unwrap().clear();
    assert_eq!((limit.in_flight(), pool.in_flight()), (0, 0));
    for totals in [rates.totals(), circuit.totals(), limit.totals(), pool.totals()] {
        assert_eq!((totals.successes, totals.calls()), (1, 1));
    }
}

/// Takes no switch for a success.
#[derive(Clone, Copy)]
struct NoSwitch;

impl ClassifyBody for NoSwitch {
    fn head(&self, _: &Parts) -> Option<Outcome> {
        Some(Outcome::TRANSIENT)
    }

    fn end(&self, _: Option<&HeaderMap>) -> Outcome {
        Outcome::Success
    }
}

impl<R, E> Classify<R, E> for NoSwitch {
    fn classify(&self, _: &Result<R, E>) -> Outcome {
        Outcome::TRANSIENT
    }
}

#[tokio::test]
async fn what_the_head_says_of_a_switch_stands() {
    let (pool, keeper) = (pool().classify(NoSwitch), Keeper::default());
    let circuit = CircuitBreakerLayer::new(CircuitBreakerConfig::default()).classify(NoSwitch);
    let (pools, circuits) = (pool.handle(), circuit.handle());
    let stack = (scope(circuit), scope(pool)).layer(server(&keeper));
    drop(stack.oneshot(ask()).await.unwrap());
    assert_eq!((circuits.totals().failures, pools.totals().failures, pools.in_flight()), (1, 0, 1));
    keeper.lock().unwrap().clear();
    assert_eq!((circuits.totals().failures, pools.totals().failures, pools.in_flight()), (1, 1, 0));
}

#[tokio::test]
async fn a_response_that_comes_from_another_call_holds_both() {
    let (outer, inner, keeper) = (pool(), pool(), Keeper::default());
    let (outside, inside) = (outer.handle(), inner.handle());
    let client = scope(inner).layer(forgetful());
    let keeps = keeper.clone();
    let proxy = service_fn(move |mut request: Request<()>| {
        keeps.lock().unwrap().extend(request.extensions_mut().remove::<Upgraded>());
        client.clone().oneshot(ask())
    });
    let upgraded = take(scope(outer).layer(proxy).oneshot(ask()).await.unwrap());
    assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1));
    keeper.lock().unwrap().clear();
    assert_eq!((outside.in_flight(), inside.in_flight()), (1, 1));
    drop(upgraded);
    assert_eq!((outside.in_flight(), inside.in_flight()), (0, 0));
}

#[tokio::test]
async fn a_call_that_is_dropped_before_it_switches_holds_nothing_whoever_keeps_its_place() {
    let (pool, keeper) = (pool(), Keeper::default());
    let (handle, keeps) = (pool.handle(), keeper.clone());
    let hangs = Lift.layer(service_fn(move |mut request: Request<()>| {
        keeps.lock().unwrap().extend(request.extensions_mut().remove::<Upgraded>());
        std::future::pending::<Result<Response<Body>, Infallible>>()
    }));
    let mut call = tokio_test::task::spawn(scope(pool).layer(hangs).oneshot(ask()));
    assert!(call.poll().is_pending());
    assert_eq!((handle.in_flight(), keeper.lock().unwrap().len()), (1, 1));
    drop(call);
    assert_eq!((handle.in_flight(), handle.totals().abandoned), (0, 1));
}

#[tokio::test]
async fn a_request_that_asks_for_no_upgrade_finds_nothing_to_keep() {
    let (pool, keeper) = (pool(), Keeper::default());
    let stack = scope(pool).layer(server(&keeper));
    // Switched all the same: the response has it.
    let upgraded = take(stack.oneshot(Request::new(())).await.unwrap());
    assert!(keeper.lock().unwrap().is_empty());
    drop(upgraded);
}
