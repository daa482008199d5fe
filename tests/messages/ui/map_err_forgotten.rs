//! `Lift` does not know the error of this service: it wants `map_err`.

use std::time::Duration;

use seawall::{Lift, TimeoutLayer};
use tower::ServiceBuilder;
use tower::util::BoxCloneService;

struct MyError;

fn stack(client: BoxCloneService<u32, u32, MyError>) {
    let stack =
        ServiceBuilder::new().layer(TimeoutLayer::new(Duration::from_secs(1))).layer(Lift).service(client);
    seawall::service::<u32, _>(stack);
}

fn main() {}
