//! What the service says it never processed.

use seawall::testing::Play;
use seawall::{Cause, Outcome, RetryConfig, RetryLayer};
use tower::Layer;

use super::questions::no_tokens;
use super::*;

/// Fails so often, each time unprocessed.
fn unprocessed(config: RetryConfig) -> RetryLayer<impl Fn(&Result<u64, Error<Fault>>) -> Outcome + Clone> {
    RetryLayer::new(config).classify(|result: &Result<u64, Error<Fault>>| match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Transient { retry_after: None, cause: Cause::Unprocessed },
    })
}

#[tokio::test(start_paused = true)]
async fn what_was_never_processed_is_repeated_once_at_once_and_for_nothing() {
    let layer = unprocessed(bare().max_attempts(2).budget(Some(no_tokens())));
    let script = Script::new([Play::Fail, Play::Answer]);
    let begin = Instant::now();
    assert_eq!(call(&mut layer.layer(script), ()).await.unwrap(), 2);
    assert_eq!(Instant::now(), begin);
}

#[tokio::test(start_paused = true)]
async fn the_second_time_it_is_a_retry_like_any_other() {
    let script = Script::new([Play::Fail]);
    let probe = script.probe();
    assert!(call(&mut unprocessed(bare().max_attempts(3)).layer(script), ()).await.is_err());
    assert_eq!(probe.calls(), 4, "three attempts, and one that did not count");

    let script = Script::new([Play::Fail]);
    let probe = script.probe();
    let none = unprocessed(bare().budget(Some(no_tokens())));
    assert!(call(&mut none.layer(script), ()).await.is_err());
    assert_eq!(probe.calls(), 2, "one for nothing, and no token for another");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_does_harm_twice_is_repeated_too() {
    struct Harmful;
    impl seawall::Repeat<()> for Harmful {
        fn copy(&self, (): &mut ()) -> Option<()> {
            Some(())
        }

        fn is_idempotent(&self, (): &()) -> bool {
            false
        }
    }
    impl Clone for Harmful {
        fn clone(&self) -> Self {
            Self
        }
    }
    let script = Script::new([Play::Fail, Play::Fail, Play::Answer]);
    let layer = unprocessed(bare()).repeat(Harmful);
    assert_eq!(call(&mut layer.layer(script), ()).await.unwrap(), 3);
}

/// Fails each call, and is ready for the first one only.
#[derive(Default)]
struct Gone {
    clones: Arc<AtomicUsize>,
    is_gone: bool,
}

impl Clone for Gone {
    fn clone(&self) -> Self {
        Self { clones: self.clones.clone(), is_gone: self.clones.fetch_add(1, Ordering::SeqCst) > 0 }
    }
}

impl Service<()> for Gone {
    type Response = u64;
    type Error = Error<Fault>;
    type Future = std::future::Ready<Result<u64, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(if self.is_gone { Err(Error::Service(Fault)) } else { Ok(()) })
    }

    fn call(&mut self, (): ()) -> Self::Future {
        std::future::ready(Err(Error::Service(Fault)))
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_was_made_counts_though_the_one_for_nothing_could_not_be() {
    let layer = unprocessed(bare());
    let mut events = layer.handle().subscribe();
    assert!(call(&mut layer.layer(Gone::default()), ()).await.is_err());
    assert_eq!(endings(&mut events), [(1, GaveUp::NotTransient)]);
}
