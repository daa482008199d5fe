//! A request that cannot be cloned, and nobody said how to send it again.

use std::io;

use seawall::{RetryConfig, RetryLayer};
use tower::ServiceBuilder;
use tower::util::BoxCloneService;

struct Order;

fn stack(client: BoxCloneService<Order, u32, seawall::Error<io::Error>>) {
    let stack = ServiceBuilder::new().layer(RetryLayer::new(RetryConfig::default())).service(client);
    seawall::service::<Order, _>(stack);
}

fn main() {}
