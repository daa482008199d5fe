//! Five calls a second, refused, made to wait, and paused by the service: `cargo run --example rate_limit`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::time::{Duration, Instant};

use seawall::gate::Permit;
use seawall::{Error, Outcome, RateLimitConfig, RateLimitLayer, Rejected};

#[tokio::main]
async fn main() -> Result<(), Error<Rejected>> {
    let begin = Instant::now();
    let say = move |what: &str| println!("{:5.2} s  {what}", begin.elapsed().as_secs_f64());

    let send = async |mail: u32| -> Result<(), Rejected> {
        say(&format!("mail {mail} is sent"));
        Ok(())
    };

    // Five a second, two at once after a quiet time; whoever can wait does so for 2 s at most.
    let config = RateLimitConfig::per_second(5).burst(2).max_wait(Duration::from_secs(2)).name("mail");
    let limit = RateLimitLayer::new(config).handle();

    say("-- three mails at once, and nobody waits");
    for mail in 1..=3 {
        match limit.try_admit() {
            Ok(permit) => {
                say(&format!("mail {mail} is sent"));
                permit.settle(Outcome::Success);
            }
            Err(refusal) => {
                let wait = refusal.retry_after().unwrap_or_default();
                say(&format!("mail {mail} is refused: {refusal}. Back in {wait:.3?}"));
                tokio::time::sleep(wait).await;
                limit.try_admit()?.settle(Outcome::Success);
                say(&format!("mail {mail} is sent, at the second try"));
            }
        }
    }

    say("-- five mails, each waits for its turn");
    for mail in 4..=8 {
        limit.run(send(mail)).await?;
    }

    say("-- mail 9 is answered: slow down, come back in a second");
    let permit = limit.admit().await?;
    permit.settle(Outcome::Throttled { retry_after: Some(Duration::from_secs(1)) });
    say(&format!("nothing passes for {:.3?}", limit.paused_for().unwrap_or_default()));
    for mail in 10..=12 {
        limit.run(send(mail)).await?;
    }
    let totals = limit.totals();
    say(&format!("{} sent, {} put off, {} refused", totals.successes, totals.ignored, totals.refused));
    Ok(())
}
