//! `Lift` is missing.

use std::io;
use std::time::Duration;

use seawall::TimeoutLayer;
use tower::ServiceBuilder;
use tower::util::BoxCloneService;

fn stack(client: BoxCloneService<u32, u32, io::Error>) {
    let stack = ServiceBuilder::new().layer(TimeoutLayer::new(Duration::from_secs(1))).service(client);
    seawall::service::<u32, _>(stack);
}

fn main() {}
