//! Each attempt is a span.

use reqwest_middleware::{Middleware, Next};
use seawall::reqwest_middleware::LayerMiddleware;
use seawall::{Backoff, Outcome, RetryConfig, RetryLayer};
use tower::{Layer, service_fn};
use tracing::{Instrument, Level, info, info_span};

use super::collect::{Collected, Told};
use super::*;

fn config(name: &'static str) -> RetryConfig {
    RetryConfig::default().name(name).max_attempts(3).backoff(Backoff::constant(ms(500)))
}

/// The attempt, the delay and the outcome of a span that was left as often as entered, and closed.
#[track_caller]
fn ended(told: &Told) -> [&str; 3] {
    assert_eq!((&*told.text, told.level, &*told.target), ("attempt", Some(Level::INFO), "seawall"));
    assert!(told.closed && told.entered > 0 && told.entered == told.exited, "{told:?}");
    assert_eq!(told.field("pattern"), Some("retry"));
    ["attempt", "delay", "outcome"].map(|name| told.field(name).expect("a field"))
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_a_span_that_closes_with_its_outcome() {
    let (collected, _guard) = Collected::from(Level::INFO);
    let service = RetryLayer::new(config("spans")).layer(script([Play::Fail, Play::AnswerAfter(ms(10))]));
    assert!(call(&service).instrument(info_span!("request")).await);
    let spans = collected.spans();
    assert_eq!(spans.len(), 3, "the request and two attempts");
    assert_eq!(ended(&spans[1]), ["1", "0.0", "transient"]);
    assert_eq!(ended(&spans[2]), ["2", "0.5", "success"]);
    for attempt in &spans[1..] {
        assert_eq!((attempt.field("name"), &*attempt.within), (Some("spans"), &["request".to_owned()][..]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_happens_in_an_attempt_happens_in_its_span() {
    let (collected, _guard) = Collected::from(Level::INFO);
    let service = service_fn(|()| {
        info!(target: "seawall-test", "in call");
        async {
            tokio::task::yield_now().await;
            info!(target: "seawall-test", "in poll");
            Ok::<_, seawall::Error<Fault>>(())
        }
    });
    let retry = RetryLayer::new(config("inside")).layer(service);
    assert!(call(&retry).await);
    info!(target: "seawall-test", "after");
    let events = collected.events();
    let within: Vec<_> = events.iter().map(|told| (&*told.text, told.within.len())).collect();
    assert_eq!(within, [("in call", 1), ("in poll", 1), ("after", 0)]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_dropped_says_so() {
    let (collected, _guard) = Collected::from(Level::INFO);
    let service = RetryLayer::new(config("dropped attempt")).layer(script([Play::Fail, Play::Hang]));
    assert!(tokio::time::timeout(SECOND, call(&service)).await.is_err());
    let outcomes: Vec<_> = collected.spans().iter().map(|told| ended(told)[2].to_owned()).collect();
    assert_eq!(outcomes, ["transient", "abandoned"]);
}

#[tokio::test(start_paused = true)]
async fn every_outcome_has_its_word() {
    let (collected, _guard) = Collected::from(Level::INFO);
    let retry_after = None;
    for outcome in [Outcome::Permanent, Outcome::Ignored, Outcome::Throttled { retry_after }] {
        let say = move |_: &Result<u64, seawall::Error<Fault>>| outcome;
        let layer = RetryLayer::new(config("words").max_attempts(1)).classify(say);
        assert!(!call(&layer.layer(script([Play::Fail]))).await);
    }
    let outcomes: Vec<_> = collected.spans().iter().map(|told| ended(told)[2].to_owned()).collect();
    assert_eq!(outcomes, ["permanent", "ignored", "throttled"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_who_wants_only_warnings_is_told_of_attempts() {
    let (collected, _guard) = Collected::from(Level::WARN);
    assert!(call(&RetryLayer::new(config("quiet")).layer(script([Play::Fail, Play::Answer]))).await);
    assert!(collected.spans().is_empty() && collected.events().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_middleware_below_a_retry_is_in_the_span_of_the_attempt() {
    struct Says;
    #[async_trait::async_trait]
    impl Middleware for Says {
        async fn handle(
            &self,
            _: reqwest::Request,
            _: &mut http::Extensions,
            _: Next<'_>,
        ) -> reqwest_middleware::Result<reqwest::Response> {
            tokio::task::yield_now().await;
            info!(target: "seawall-test", "in the middleware");
            Ok(http::Response::new("").into())
        }
    }

    let (collected, _guard) = Collected::from(Level::INFO);
    let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
        .with(LayerMiddleware::new(seawall::reqwest::retry(config("middleware"))))
        .with(Says)
        .build();
    client.get("http://nobody.example").send().await.unwrap();
    let within: Vec<_> = collected.events().iter().map(|told| told.within.len()).collect();
    assert_eq!(within, [1]);
    assert_eq!(ended(&collected.spans()[0]), ["1", "0.0", "success"]);
}
