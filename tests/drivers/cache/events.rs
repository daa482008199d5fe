//! What is told.

use super::*;

#[tokio::test(start_paused = true)]
async fn every_answer_says_where_it_came_from() {
    let layer = cache(ten().stale_while_revalidate(secs(10)).stale_if_error(secs(60)));
    let mut heard = layer.handle().subscribe();
    let script = Script::new([Play::Answer, Play::Answer, Play::Fail]);
    let service = layer.layer(script);
    call(&service, 1000).await.unwrap();
    call(&service, 1).await.unwrap();
    call(&service, 1).await.unwrap();
    advance(secs(25)).await;
    call(&service, 1).await.unwrap();
    assert!(call(&service, 2).await.is_err());
    let expected = [Source::Uncached, Source::Service, Source::Fresh, Source::StaleIfError, Source::Service];
    assert_eq!(sources(&mut heard), expected);
    assert_eq!((layer.handle().hits(), layer.handle().misses()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_event_carries_the_name_and_a_digest_of_the_key() {
    let layer = cache(ten());
    let mut heard = layer.handle().subscribe();
    let service = layer.layer(Script::new([Play::Answer]));
    call(&service, 7).await.unwrap();
    let event = heard.next().await.unwrap();
    assert_eq!((event.pattern, event.name.as_str()), (seawall::Pattern::Cache, "prices"));
    let key = event.key.unwrap();
    assert_eq!(key.to_string(), Key::from(7).to_string());
    assert_ne!(key.reveal(), "7");
}

#[tokio::test(start_paused = true)]
async fn a_listener_may_look_at_the_handle_and_may_panic() {
    let layer = cache(ten());
    let handle = layer.handle();
    let layer = layer.on_event(move |_: &seawall::Event| {
        assert!(handle.hits() > 1_000, "panics in a listener");
    });
    let service = layer.layer(Script::new([Play::Answer]));
    assert_eq!(call(&service, 1).await.unwrap(), 1);
    assert_eq!(call(&service, 1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_layer_share_one_cache_and_layers_do_not() {
    let (layer, other) = (cache(ten()), cache(ten()));
    let script = Script::new([Play::Answer]);
    let (one, two) = (layer.layer(script.clone()), layer.clone().layer(script.clone()));
    assert_eq!(call(&one, 1).await.unwrap(), 1);
    assert_eq!(call(&two, 1).await.unwrap(), 1);
    assert_eq!(call(&other.layer(script), 1).await.unwrap(), 2);
}
