//! What is kept, and what is not.

use seawall::cache::{Lifetime, Lifetimes, Memory, Reply, Store};

use super::*;

/// Fails from ten on: a response that says so.
fn says_so(result: &Answer) -> Outcome {
    match result {
        Ok(number) if number % 2 == 0 => Outcome::TRANSIENT,
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::TRANSIENT,
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_is_never_kept() {
    let layer = cache(ten().negative_ttl(secs(5)));
    let script = Script::new([Play::Fail, Play::Fail, Play::Answer]);
    let probe = script.probe();
    let service = layer.layer(script);
    assert!(call(&service, 1).await.is_err());
    assert!(call(&service, 1).await.is_err());
    assert_eq!(call(&service, 1).await.unwrap(), 3);
    assert_eq!(probe.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_a_failure_is_not_kept() {
    let service = cache(ten()).classify(says_so).layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert_eq!(call(&service, 2).await.unwrap(), 2, "a failure");
    assert_eq!(call(&service, 2).await.unwrap(), 3, "asked for again");
    assert_eq!(call(&service, 2).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_a_failure_is_kept_for_a_short_time_if_asked() {
    let layer = cache(ten().negative_ttl(secs(2)).stale_if_error(secs(100)));
    let service = layer.classify(says_so).layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert_eq!(call(&service, 2).await.unwrap(), 2, "a failure");
    advance(short_of(secs(2))).await;
    assert_eq!(call(&service, 2).await.unwrap(), 2, "is kept");
    advance(NANO).await;
    assert_eq!(call(&service, 2).await.unwrap(), 3, "for two seconds, and not stale after that");
}

#[tokio::test(start_paused = true)]
async fn a_failure_never_takes_the_place_of_something_stale_that_may_be_served() {
    let layer = cache(ten().negative_ttl(secs(2)).stale_if_error(secs(100)));
    let handle = layer.handle();
    let service = layer.classify(says_so).layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(10)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 1, "2 was a failure");
    assert_eq!(handle.answers(Source::StaleIfError), 1);
    assert_eq!(call(&service, 1).await.unwrap(), 3, "so it was not kept");
}

#[tokio::test(start_paused = true)]
async fn only_what_cache_if_says_is_kept() {
    let service = cache(ten()).cache_if(|number: &u64| *number > 1).layer(Script::new([Play::Answer]));
    for answer in [1, 2, 2, 2] {
        assert_eq!(call(&service, 1).await.unwrap(), answer);
    }
}

#[tokio::test(start_paused = true)]
async fn each_response_may_have_a_lifetime_of_its_own() {
    let layer = cache(ten()).ttl_with(|number: &u64, usual: Lifetime| match number {
        1 => Some(Lifetime::fresh(secs(3))),
        2 => Some(usual),
        _ => None,
    });
    let service = layer.layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(3)).await;
    assert_eq!(call(&service, 1).await.unwrap(), 2, "three seconds");
    advance(short_of(secs(10))).await;
    assert_eq!(call(&service, 1).await.unwrap(), 2, "the usual ten");
    advance(NANO).await;
    assert_eq!(call(&service, 1).await.unwrap(), 3);
    assert_eq!(call(&service, 1).await.unwrap(), 4, "not at all");
}

/// What must be known of the request is noted before it is sent.
#[derive(Clone)]
struct ByRequest;

impl Lifetimes<u64, u64> for ByRequest {
    type Noted = u64;

    fn note(&self, request: &u64) -> u64 {
        *request
    }

    fn lifetime(&self, noted: &u64, _: &u64, _: Lifetime) -> Option<Lifetime> {
        (*noted > 0).then(|| Lifetime::fresh(secs(*noted)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_may_depend_on_the_request() {
    let service = cache(ten()).lifetimes(ByRequest).layer(Script::new([Play::Answer]));
    for (request, answer) in [(0, 1), (0, 2), (5, 3), (5, 3)] {
        assert_eq!(call(&service, request).await.unwrap(), answer);
    }
    advance(secs(5)).await;
    assert_eq!(call(&service, 5).await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_falsy_answer_is_an_answer() {
    let counter = Told::default();
    let count = counter.clone();
    let nothing = tower::service_fn(move |request: u64| {
        count.0.lock().unwrap().push(request);
        async { Ok::<Option<u64>, Error<Fault>>(None) }
    });
    let service = CacheLayer::new(secs(10), key as Keys).layer(nothing);
    for _ in 0..3 {
        assert_eq!(call(&service, 1).await.unwrap(), None);
    }
    assert_eq!(counter.calls(), 1);
}

/// Fresh for ten seconds, then there to be asked about for as many more. Even answers say that they belong to another key.
#[derive(Clone, Copy)]
struct AskedAbout;

impl Lifetimes<u64, u64> for AskedAbout {
    type Noted = ();

    fn note(&self, _: &u64) {}

    fn lifetime(&self, (): &(), _: &u64, _: Lifetime) -> Option<Lifetime> {
        Some(Lifetime::fresh(secs(10)).revalidate(secs(10)))
    }

    fn moved(&self, (): &(), answer: &u64) -> Option<Key<'static>> {
        answer.is_multiple_of(2).then(|| Key::from(100 + answer))
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_asked_about_stays_in_the_store_and_is_not_served() {
    let store = Arc::new(Memory::new(1000, Duration::MAX));
    let layer = CacheLayer::try_over(store.clone(), ten(), key as Keys).unwrap().lifetimes(AskedAbout);
    let handle = layer.handle();
    let service = layer.layer(Script::new([Play::Answer, Play::Fail]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    advance(secs(10)).await;
    assert!(call(&service, 1).await.is_err(), "not in place of a failure");
    let Reply::Now(Ok(Some(kept))) = Store::get(&store, &Key::from(1)) else { panic!("it is there") };
    assert_eq!((*kept.response(), kept.lifetime().revalidate), (1, secs(10)));
    assert_eq!((handle.hits(), handle.size().unwrap().entries), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_belong_to_another_key_and_is_not_shared_with_those_who_wait_for_this_one() {
    let layer = cache(ten()).lifetimes(AskedAbout);
    let handle = layer.handle();
    let service = layer.layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 7).await.unwrap(), 1);
    let (leads, follows) = tokio::join!(call(&service, 1), call(&service, 1));
    assert_eq!((leads.unwrap(), follows.unwrap()), (2, 3), "2 is kept under 102");
    assert_eq!(call(&service, 102).await.unwrap(), 2);
    assert_eq!(call(&service, 1).await.unwrap(), 3);
    assert_eq!((handle.flights(), handle.size().unwrap().entries), (0, 3));
}
