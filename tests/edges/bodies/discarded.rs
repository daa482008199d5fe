//! Responses that nobody gets: what becomes of their connections, which are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::routing::get as on_get;
use axum::serve::ListenerExt;
use seawall::http::{Drain, Replay, StatusClassify, scope};
use seawall::{
    Backoff, BulkheadConfig, BulkheadLayer, Discard, Dropped, Lift, RetryConfig, RetryLayer, service,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The body of a 503.
#[derive(Clone, Copy, Debug)]
enum Page {
    /// Comes with the head.
    Short,
    /// So many bytes, in pieces of 4 KiB.
    Long(usize),
    /// Comes so long after the head.
    Late(Duration),
    /// Is announced, and never comes.
    Missing,
    /// Never ends.
    Endless,
}

/// Says 503 twice and then 200, to whomever; counts the connections.
async fn busy(page: Page) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(answer(stream, page, requests.clone()));
        }
    });
    (base, connections)
}

async fn answer(mut stream: TcpStream, page: Page, requests: Arc<AtomicUsize>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await?);
        }
        if requests.fetch_add(1, Ordering::SeqCst) == 2 {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine").await?;
            continue;
        }
        let head = |length| format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: {length}\r\n\r\n");
        match page {
            Page::Short => stream.write_all((head(4) + "busy").as_bytes()).await?,
            Page::Long(bytes) => {
                stream.write_all(head(bytes).as_bytes()).await?;
                for piece in vec![b'x'; bytes].chunks(4096) {
                    stream.write_all(piece).await?;
                    tokio::time::sleep(ms(1)).await;
                }
            }
            Page::Late(after) => {
                stream.write_all(head(4).as_bytes()).await?;
                tokio::time::sleep(after).await;
                stream.write_all(b"late").await?;
            }
            Page::Missing => stream.write_all(head(4).as_bytes()).await?,
            Page::Endless => {
                stream.write_all(b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                loop {
                    stream.write_all(b"4\r\nmore\r\n").await?;
                    tokio::time::sleep(ms(1)).await;
                }
            }
        }
    }
}

/// Three attempts, so far apart.
fn three(delay: Duration) -> RetryConfig {
    RetryConfig::default().backoff(Backoff::constant(delay)).budget(None)
}

type Answer = <Http as Service<Request<Body>>>::Response;

/// How many connections three attempts of a hyper-util client take, and how long.
async fn attempts(page: Page, delay: Duration, discard: impl Discard<Answer> + Clone) -> (usize, Duration) {
    let (base, connections) = busy(page).await;
    let retry = RetryLayer::new(three(delay)).classify(StatusClassify).repeat(Replay::default());
    let client = service::<Request<Body>, _>(retry.discard(discard).layer(lifted()));
    let began = Instant::now();
    let response = client.oneshot(get(&base, "/")).await.unwrap();
    let took = began.elapsed();
    assert_eq!(text(response).await, "fine");
    (connections.load(Ordering::SeqCst), took)
}

const ERROR_PAGES: [Page; 3] = [Page::Short, Page::Long(20 * 1024), Page::Late(ms(20))];

#[tokio::test]
async fn an_error_page_that_is_dropped_costs_each_attempt_a_connection() {
    for (page, connections) in ERROR_PAGES.into_iter().zip([1, 3, 3]) {
        assert_eq!(attempts(page, ms(100), Dropped).await.0, connections, "{page:?}");
    }
}

#[tokio::test]
async fn an_error_page_that_is_drained_leaves_its_connection_to_the_next_attempt() {
    for page in ERROR_PAGES {
        assert_eq!(attempts(page, ms(100), Drain::default()).await.0, 1, "{page:?}");
    }
    assert_eq!(attempts(Page::Long(64 * 1024), ms(200), Drain::default()).await.0, 1);
}

#[tokio::test]
async fn the_clients_of_reqwest_drain_error_pages() {
    for page in ERROR_PAGES {
        let http = || reqwest::Client::builder().no_proxy().build().unwrap();
        let (base, connections) = busy(page).await;
        let stack = ServiceBuilder::new().layer(seawall::reqwest::retry(three(ms(100)))).layer(Lift);
        let request = http().get(&base).build().unwrap();
        let client = service::<reqwest::Request, _>(stack.service(http()));
        assert_eq!(client.oneshot(request).await.unwrap().text().await.unwrap(), "fine");
        assert_eq!(connections.load(Ordering::SeqCst), 1, "{page:?}");

        let (base, connections) = busy(page).await;
        let client = seawall::reqwest::Client::new(http()).layer(seawall::http::retry(three(ms(100))));
        assert_eq!(client.get(&base).send().await.unwrap().text().await.unwrap(), "fine");
        assert_eq!(connections.load(Ordering::SeqCst), 1, "{page:?}");
    }
}

#[tokio::test]
async fn an_error_page_over_the_bound_is_dropped() {
    for page in [Page::Long(64 * 1024 + 1), Page::Endless] {
        let (connections, took) = attempts(page, ms(150), Drain::default()).await;
        assert_eq!(connections, 3, "{page:?}");
        assert!(ms(300) <= took && took < ms(3_000), "{page:?}: {took:?}");
    }
    assert_eq!(attempts(Page::Endless, ms(50), Drain::up_to(40)).await.0, 3);
    assert_eq!(attempts(Page::Long(20 * 1024), ms(100), Drain::up_to(20 * 1024)).await.0, 1);
    assert_eq!(attempts(Page::Long(20 * 1024), ms(100), Drain::up_to(20 * 1024 - 1)).await.0, 3);
}

#[tokio::test]
async fn an_error_page_that_never_comes_holds_up_nobody() {
    for delay in [ms(0), ms(50), ms(250)] {
        let (connections, took) = attempts(Page::Missing, delay, Drain::default()).await;
        assert_eq!(connections, 3);
        assert!(2 * delay <= took && took < 2 * delay + ms(2_000), "{took:?}");
    }
}

#[tokio::test]
async fn an_error_page_holds_its_permit_until_it_is_drained_and_no_longer_than_a_tenth_of_a_second() {
    for (page, least) in [(Page::Missing, ms(90)), (Page::Endless, ms(90)), (Page::Late(ms(20)), ms(15))] {
        let (base, _) = busy(page).await;
        let pool = BulkheadLayer::new(BulkheadConfig::new(1)).classify(StatusClassify);
        let handle = pool.handle();
        let retry = seawall::http::retry(three(ms(60_000)));
        let client = retry.layer(scope(pool).layer(lifted()));
        let call = tokio::spawn(service::<Request<Body>, _>(client).oneshot(get(&base, "/")));
        soon("a call", || handle.in_flight() == 1).await;
        let began = Instant::now();
        soon("an end", || handle.in_flight() == 0).await;
        let took = began.elapsed();
        assert!(least <= took + ms(10) && took < ms(2_000), "{page:?}: {took:?}");
        assert_eq!((handle.totals().failures, call.is_finished()), (1, false));
        call.abort();
        assert!(call.await.is_err());
        assert_eq!((handle.in_flight(), handle.totals().calls()), (0, 1));
    }
}

#[tokio::test]
async fn over_http2_an_error_page_that_is_dropped_leaves_its_connection() {
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = connections.clone();
    let page = move || async move {
        let status = if requests.fetch_add(1, Ordering::SeqCst) < 2 { 503 } else { 200 };
        let pieces =
            futures::stream::iter((0..50).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![0; 4096]))));
        Response::builder().status(status).body(Body::from_stream(pieces)).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let listener = listener.tap_io(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    tokio::spawn(async { axum::serve(listener, Router::new().route("/", on_get(page))).await });
    let http: Http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let client = seawall::http::retry(three(ms(50))).layer(MapErr::new(http, Error::Service));
    let answer = service::<Request<Body>, _>(client).oneshot(get(&base, "/")).await.unwrap();
    assert_eq!((answer.status().as_u16(), connections.load(Ordering::SeqCst)), (200, 1));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 50 * 4096);
}
