//! L9: what the types promise, and how large the futures are.

#![allow(clippy::unnecessary_wraps, reason = "a law that the compiler keeps cannot fail")]

use std::cell::Cell;

use seawall::testing::Script;
use tower::{Layer, Service};

use crate::inner::Big;
use crate::subject::{Guards, Subject, Verdict, paused};

laws! {
    the_future_is_hardly_larger_than_the_one_inside
    a_service_that_can_be_shared_between_threads_still_can
    a_service_and_a_request_that_cannot_be_shared_can_still_be_sent
    a_layer_can_be_cloned
}

/// A kibibyte of service and of request must not show up where they are not needed.
pub(crate) fn the_future_is_hardly_larger_than_the_one_inside<L>(make: &dyn Fn() -> Subject<L>) -> Verdict
where
    L: Guards<Script> + Guards<Big<8>> + Guards<Big<1024>, [u8; 1024]>,
{
    let Subject { adds, copies, .. } = paused(async { make() });
    let small = added::<L, Script, u64>();
    let light = added::<L, Big<8>, u64>();
    let heavy = added::<L, Big<1024>, [u8; 1024]>();
    println!(
        "adds {small} bytes over a script, {light} over little, {heavy} over a service and a request of 1 KiB"
    );
    let pinned = adds + copies * size_of::<Option<u64>>();
    ensure!(small <= pinned && light <= pinned, "{small} and {light} bytes are added, {pinned} are pinned");
    let pinned = adds + copies * (size_of::<[u8; 1024]>() + size_of::<usize>());
    ensure!(
        heavy <= pinned,
        "{heavy} bytes are added for a service and a request of 1 KiB, {pinned} are pinned"
    );
    Ok(())
}

fn added<L: Guards<S, R>, S: Service<R>, R>() -> usize {
    let outer = size_of::<<L::Service as Service<R>>::Future>();
    outer.saturating_sub(size_of::<S::Future>())
}

/// axum wants it. That it compiles is the test.
pub(crate) fn a_service_that_can_be_shared_between_threads_still_can<L>(_: &dyn Fn() -> Subject<L>) -> Verdict
where
    L: Layer<Script, Service: Sync>,
{
    Ok(())
}

/// Boxed services and many bodies cannot be shared. That it compiles is the test.
pub(crate) fn a_service_and_a_request_that_cannot_be_shared_can_still_be_sent<L>(
    _: &dyn Fn() -> Subject<L>,
) -> Verdict
where
    L: Guards<Big<1>, Cell<u8>>,
{
    Ok(())
}

/// `Router::layer` wants it. That it compiles is the test.
pub(crate) fn a_layer_can_be_cloned<L>(_: &dyn Fn() -> Subject<L>) -> Verdict
where
    L: Clone + Send + Sync + 'static,
{
    Ok(())
}
