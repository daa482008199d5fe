//! Which requests are sent again, and when.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use reqwest::{Body, Method};
use seawall::reqwest::NoRedirects;
use seawall::{Attempts, Cause, EventKind, GaveUp, Outcome, RejectedKind, RetryLayer, StackError};
use tower::Layer;

use super::server::{Reply, Server, cuts, nobody, url_of};
use super::*;

#[tokio::test]
async fn a_busy_server_is_asked_again_and_its_answer_comes_back() {
    let server = Server::start([Reply::Status(503), Reply::Status(502), Reply::Status(200)]).await;
    let response = send(retry(), get(&server.url)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.unwrap(), "played");
    assert_eq!(server.hits(), 3);
}

#[tokio::test]
async fn the_last_answer_of_a_server_that_stays_busy_comes_back() {
    let server = Server::start([Reply::Status(500), Reply::Status(502), Reply::Status(503)]).await;
    assert_eq!(send(retry(), get(&server.url)).await.unwrap().status(), 503);
    assert_eq!(server.hits(), 3);
}

#[tokio::test]
async fn the_last_answer_tells_how_many_attempts_were_made_and_why_no_more() {
    let server = Server::start([Reply::Status(503)]).await;
    let attempts = |response: reqwest::Response| response.extensions().get::<Attempts>().copied();
    let gave_up = attempts(send(retry(), get(&server.url)).await.unwrap()).unwrap();
    assert_eq!((gave_up.count, gave_up.reason), (3, GaveUp::Attempts));
    let gave_up = attempts(send(retry(), post(&server.url)).await.unwrap()).unwrap();
    assert_eq!((gave_up.count, gave_up.reason), (1, GaveUp::NotRepeatable));
    let server = Server::start([Reply::Status(200)]).await;
    assert_eq!(attempts(send(retry(), get(&server.url)).await.unwrap()), None);
}

#[tokio::test]
async fn an_answer_that_is_final_is_not_asked_for_again() {
    for status in [200, 204, 301, 400, 401, 404, 409, 422, 501, 505, 511] {
        let server = Server::start([Reply::Status(status), Reply::Status(200)]).await;
        assert_eq!(send(retry(), get(&server.url)).await.unwrap().status(), status);
        assert_eq!(server.hits(), 1, "{status}");
    }
}

#[tokio::test]
async fn answers_that_may_change_are_asked_for_again() {
    for status in [408, 425, 429, 500, 502, 503, 504, 529] {
        let server = Server::start([Reply::Status(status), Reply::Status(200)]).await;
        assert_eq!(send(retry(), get(&server.url)).await.unwrap().status(), 200);
        assert_eq!(server.hits(), 2, "{status}");
    }
}

#[tokio::test]
async fn the_server_may_say_whether_it_wants_to_be_asked_again() {
    let server = Server::start([Reply::With(503, "x-should-retry", "false"), Reply::Status(200)]).await;
    assert_eq!(send(retry(), get(&server.url)).await.unwrap().status(), 503);
    assert_eq!(server.hits(), 1);
    let server = Server::start([Reply::With(409, "x-should-retry", "true"), Reply::Status(200)]).await;
    assert_eq!(send(retry(), get(&server.url)).await.unwrap().status(), 200);
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_post_is_not_sent_again_to_a_server_that_answered() {
    let server = Server::start([Reply::Status(503), Reply::Status(200)]).await;
    assert_eq!(send(retry(), post(&server.url)).await.unwrap().status(), 503);
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn a_post_with_a_key_is_sent_again_as_it_was() {
    let server = Server::start([Reply::Status(503), Reply::Status(503), Reply::Status(201)]).await;
    let mut request = post(&server.url);
    request.headers_mut().insert("idempotency-key", "7f3a".parse().unwrap());
    assert_eq!(send(retry(), request).await.unwrap().status(), 201);
    let hits = server.take();
    assert_eq!(hits.len(), 3);
    for hit in hits {
        assert_eq!((hit.method, &hit.body[..]), (Method::POST, &b"order 7"[..]));
        assert_eq!(hit.headers["idempotency-key"], "7f3a");
    }
}

#[tokio::test]
async fn a_post_that_found_nobody_is_sent_again_until_somebody_listens() {
    let addr = nobody().await;
    let layer = seawall::reqwest::retry(retry().max_attempts(500).budget(None));
    let layer = layer.classify(NoRedirects(StatusClassify));
    let mut events = layer.handle().subscribe();
    let service = layer.layer(Lift.layer(straight()));
    let call = tokio::spawn(service.oneshot(post(&url_of(addr))));
    let EventKind::Retrying { outcome, .. } = events.next().await.unwrap().kind else {
        panic!("not retried")
    };
    assert_eq!(outcome, Outcome::Transient { retry_after: None, cause: Cause::Unsent });
    let server = Server::start_at(addr, [Reply::Status(201)]).await;
    assert_eq!(call.await.unwrap().unwrap().status(), 201);
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn a_post_whose_connection_is_cut_after_it_was_read_is_not_sent_again() {
    let (url, count, server) = cuts().await;
    let error = send(retry(), post(&url)).await.unwrap_err();
    assert!(error.as_service().unwrap().is::<reqwest::Error>());
    assert_eq!(*count.lock().unwrap(), 1);
    assert!(send(retry(), get(&url)).await.is_err());
    assert_eq!(*count.lock().unwrap(), 1 + 3, "a GET is");
    server.abort();
}

#[tokio::test]
async fn a_post_that_was_answered_with_a_redirect_to_nobody_is_not_sent_again() {
    let elsewhere: &'static str = url_of(nobody().await).to_string().leak();
    for status in [301, 302, 303] {
        let server = Server::start([Reply::With(status, "location", elsewhere)]).await;
        let error = send(retry(), post(&server.url)).await.unwrap_err();
        assert!(error.as_service().unwrap().is::<reqwest::Error>());
        assert_eq!(server.hits(), 1, "{status}");
    }
}

/// A body that can be read once, as a stream.
struct Once(Option<Bytes>);

impl http_body::Body for Once {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.take().map(|data| Ok(Frame::data(data))))
    }
}

#[tokio::test]
async fn a_body_that_is_a_stream_is_sent_once() {
    let server = Server::start([Reply::Status(503), Reply::Status(200)]).await;
    let body = Body::wrap(Once(Some(Bytes::from_static(b"streamed"))));
    let request = client().put(server.url.clone()).body(body).build().unwrap();
    let layer = seawall::reqwest::retry(retry());
    let mut events = layer.handle().subscribe();
    let response = layer.layer(Lift.layer(client())).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    let hits = server.take();
    assert_eq!((hits.len(), &hits[0].body[..]), (1, &b"streamed"[..]));
    let EventKind::GaveUp(attempts) = events.next().await.unwrap().kind else { panic!("not given up") };
    assert_eq!((attempts.count, attempts.reason), (1, GaveUp::NotRepeatable));
}

#[tokio::test]
async fn a_body_of_bytes_is_sent_again_whole() {
    let server = Server::start([Reply::Status(503), Reply::Status(200)]).await;
    let request = client().put(server.url.clone()).body(vec![7; 100_000]).build().unwrap();
    assert_eq!(send(retry(), request).await.unwrap().status(), 200);
    let hits = server.take();
    assert_eq!(hits.len(), 2);
    assert!(hits.iter().all(|hit| hit.body == vec![7; 100_000]));
}

#[tokio::test]
async fn another_way_to_copy_can_be_given() {
    let server = Server::start([Reply::Status(503), Reply::Status(200)]).await;
    let layer = RetryLayer::new(retry()).classify(StatusClassify).repeat_with(|_| None);
    let response = layer.layer(Lift.layer(client())).oneshot(get(&server.url)).await.unwrap();
    assert_eq!((response.status().as_u16(), server.hits()), (503, 1));
}

#[tokio::test]
async fn a_server_that_says_when_is_not_asked_earlier() {
    let server = Server::start([
        Reply::With(503, "retry-after-ms", "150"),
        Reply::With(429, "retry-after-ms", "80"),
        Reply::Status(200),
    ])
    .await;
    assert_eq!(send(retry(), get(&server.url)).await.unwrap().status(), 200);
    let hits = server.take();
    let pause = |n: usize| hits[n + 1].at.duration_since(hits[n].at);
    assert!(pause(0) >= ms(150), "{:?}", pause(0));
    assert!(pause(1) >= ms(80), "{:?}", pause(1));
    assert!(pause(0) < ms(2000) && pause(1) < ms(2000));
}

#[tokio::test]
async fn seconds_in_retry_after_are_seconds() {
    let server = Server::start([Reply::With(503, "retry-after", "1"), Reply::Status(200)]).await;
    assert_eq!(send(retry(), get(&server.url)).await.unwrap().status(), 200);
    let hits = server.take();
    assert!(hits[1].at.duration_since(hits[0].at) >= ms(1000));
}

#[tokio::test]
async fn a_server_that_wants_a_long_pause_is_left_alone() {
    let server = Server::start([Reply::With(503, "retry-after", "86400"), Reply::Status(200)]).await;
    let response = send(retry(), get(&server.url)).await.unwrap();
    assert_eq!((response.status().as_u16(), server.hits()), (503, 1));
    assert_eq!(response.headers()["retry-after"], "86400");
}

#[tokio::test]
async fn a_server_that_hangs_is_left_by_each_attempt_and_asked_again() {
    let server = Server::start([Reply::Hang, Reply::Status(200)]).await;
    let response = stack(retry(), &closed(), ms(300)).oneshot(get(&server.url)).await.unwrap();
    assert_eq!((response.status().as_u16(), server.hits()), (200, 2));
}

#[tokio::test]
async fn a_post_to_a_server_that_hangs_may_have_arrived_and_is_not_sent_again() {
    let server = Server::start([Reply::Hang]).await;
    let error = stack(retry(), &closed(), ms(300)).oneshot(post(&server.url)).await.unwrap_err();
    assert_eq!(error.as_rejected().unwrap().kind(), RejectedKind::Timeout);
    assert_eq!(server.hits(), 1);
}
