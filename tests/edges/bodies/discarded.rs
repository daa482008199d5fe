//! Responses that nobody gets: what becomes of their connections, which are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use seawall::http::{Replay, StatusClassify};
use seawall::{Backoff, RetryConfig, RetryLayer, service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tower::{Layer, ServiceExt};

use super::*;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The body of a 503.
#[derive(Clone, Copy, Debug)]
enum Page {
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

#[tokio::test]
async fn proof() {
    for page in [Page::Long(20 * 1024), Page::Late(ms(20)), Page::Missing, Page::Endless] {
        let retry = || RetryLayer::new(RetryConfig::default().backoff(Backoff::constant(ms(100))).budget(None));
        let (base, connections) = busy(page).await;
        let client = service::<Request<Body>, _>(retry().classify(StatusClassify).repeat(Replay::default()).layer(lifted()));
        assert_eq!(client.oneshot(get(&base, "/")).await.unwrap().status(), 200);
        println!("hyper-util {page:?}: {}", connections.load(Ordering::SeqCst));
        let (base, connections) = busy(page).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = http.get(format!("{base}/")).build().unwrap();
        let client = seawall::reqwest::retry(RetryConfig::default().backoff(Backoff::constant(ms(100))).budget(None)).layer(seawall::Lift.layer(http));
        assert_eq!(client.oneshot(request).await.unwrap().status(), 200);
        println!("reqwest {page:?}: {}", connections.load(Ordering::SeqCst));
    }
}
