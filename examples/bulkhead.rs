//! A kitchen with two cooks and a short queue, as a bulkhead: `cargo run --example bulkhead`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use seawall::{BulkheadConfig, BulkheadLayer, Error, Lift, Priority};
use tower::{ServiceBuilder, ServiceExt};

#[derive(Clone, Copy)]
struct Dish {
    name: &'static str,
    for_the_critic: bool,
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::main]
async fn main() {
    let begin = Instant::now();
    let say = move |what: String| println!("{:5.2} s  {what}", begin.elapsed().as_secs_f64());

    // Two at once, two waiting, for 450 ms at most. A critic goes before all others.
    let bulkhead = BulkheadLayer::new(BulkheadConfig::new(2).queue(2, ms(450)).name("kitchen"))
        .priority(|dish: &Dish| if dish.for_the_critic { Priority::High } else { Priority::Normal });
    let kitchen = bulkhead.handle();

    let cook = tower::service_fn(move |dish: Dish| async move {
        say(format!("  {} is on the stove", dish.name));
        tokio::time::sleep(ms(500)).await;
        Ok::<_, Infallible>(dish.name)
    });
    let counter = ServiceBuilder::new().layer(bulkhead).layer(Lift).service(cook);
    let mut guests = Vec::new();
    let names = ["soup", "pasta", "pizza", "fish", "salad", "truffles", "cake", "coffee"];
    for (name, pause) in names.into_iter().zip([100, 100, 100, 100, 50, 200, 50, 0]) {
        if name == "cake" {
            say("one cook goes home: room for one from now on".to_owned());
            kitchen.resize(1);
        }
        let dish = Dish { name, for_the_critic: name == "truffles" };
        let (cooking, waiting) = (kitchen.in_flight(), kitchen.waiting());
        say(format!("{name}, please! ({cooking} on the stove, {waiting} waiting)"));
        let counter = counter.clone();
        guests.push(tokio::spawn(async move {
            match counter.oneshot(dish).await {
                Ok(dish) => say(format!("  {dish} is served")),
                Err(Error::Rejected(refusal)) => say(format!("  {name} is refused: {refusal}")),
                Err(Error::Service(never)) => match never {},
            }
        }));
        tokio::time::sleep(ms(pause)).await;
    }
    futures::future::join_all(guests).await;
    let totals = kitchen.totals();
    say(format!("{} served, {} refused in time to eat elsewhere", totals.successes, totals.refused));
}
