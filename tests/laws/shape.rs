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
    a_service_that_cannot_be_shared_can_still_be_sent
    a_layer_can_be_cloned
}

laws_of_any_request! {
    a_large_request_does_not_show_in_a_future_that_keeps_no_copy
    a_request_that_cannot_be_shared_can_still_be_sent
}

/// A kibibyte of service must not show up where it is not needed.
pub(crate) fn the_future_is_hardly_larger_than_the_one_inside<L>(make: &dyn Fn() -> Subject<L>) -> Verdict
where
    L: Guards<Script> + Guards<Big<8>> + Guards<Big<1024>>,
{
    let Subject { adds, copies, .. } = paused(async { make() });
    let pinned = adds + copies * size_of::<Option<u64>>();
    let added = [added::<L, Script, u64>(), added::<L, Big<8>, u64>(), added::<L, Big<1024>, u64>()];
    println!("adds {added:?} bytes over a script, over little, over a service of 1 KiB");
    ensure!(added.into_iter().max() <= Some(pinned), "{added:?} bytes are added, {pinned} are pinned");
    Ok(())
}

/// Nor a kibibyte of request, beyond the copies for other attempts.
pub(crate) fn a_large_request_does_not_show_in_a_future_that_keeps_no_copy<L>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict
where
    L: Guards<Big<1024>, [u8; 1024]>,
{
    let Subject { adds, copies, .. } = paused(async { make() });
    let pinned = adds + copies * (size_of::<[u8; 1024]>() + size_of::<usize>());
    let added = added::<L, Big<1024>, [u8; 1024]>();
    println!("adds {added} bytes over a service and a request of 1 KiB");
    ensure!(added <= pinned, "{added} bytes are added, {pinned} are pinned");
    Ok(())
}

fn added<L: Guards<S, R>, S: Service<R>, R>() -> usize {
    let outer = size_of::<<L::Service as Service<R>>::Future>();
    outer.saturating_sub(size_of::<S::Future>())
}

/// axum wants it. That it compiles is the test.
pub(crate) fn a_service_that_can_be_shared_between_threads_still_can<L>(_: &dyn Fn() -> Subject<L>) -> Verdict
where
    L: Guards<Script> + Layer<Script, Service: Sync>,
{
    Ok(())
}

/// Boxed services cannot be shared. That it compiles is the test.
pub(crate) fn a_service_that_cannot_be_shared_can_still_be_sent<L>(_: &dyn Fn() -> Subject<L>) -> Verdict
where
    L: Guards<Big<1>>,
{
    Ok(())
}

/// Nor can many bodies. That it compiles is the test.
pub(crate) fn a_request_that_cannot_be_shared_can_still_be_sent<L>(_: &dyn Fn() -> Subject<L>) -> Verdict
where
    L: Guards<Big<1>, Cell<u8>>,
{
    Ok(())
}

/// `Router::layer` wants it. That it compiles is the test.
pub(crate) fn a_layer_can_be_cloned<L>(_: &dyn Fn() -> Subject<L>) -> Verdict
where
    L: Guards<Script> + Clone + Send + Sync + 'static,
{
    Ok(())
}
