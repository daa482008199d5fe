//! What HTTP/2 says of streams that nobody looked at: those are sent again, once for free, though they must not be sent twice.

use bytes::Bytes;
use h2::Reason;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

const UNPROCESSED: End = End::Failed(Cause::Unprocessed);

/// A POST on HTTP/2 that must not be sent twice.
async fn post(stack: Stack, base: &str) -> Seen {
    stack.call(Call { base, twice: false, http2: true, attempt: secs(10) }).await
}

/// How this stack says that all is well.
fn well(stack: Stack) -> End {
    if stack == Stack::Tonic { OK } else { FINE }
}

#[tokio::test]
async fn a_connection_that_goes_away_before_it_saw_a_post_has_not_processed_it() {
    for stack in ALL {
        let server = Server::start([Reply::Trailers("0")]).await;
        let proxy = Proxy::start(server.address(), [Fault::GoAway, Fault::Pass]).await;
        let seen = post(stack, &format!("http://{}/", proxy.address)).await;
        assert_eq!(seen, row(2, 1, 1, 0, well(stack)), "{stack:?}");
        assert_eq!(server.hits(), 1, "{stack:?}");

        // Two attempts, and the one that is free.
        let proxy = Proxy::start(server.address(), [Fault::GoAway]).await;
        let seen = post(stack, &format!("http://{}/", proxy.address)).await;
        assert_eq!(seen, row(3, 0, 3, 0, UNPROCESSED), "{stack:?}");
    }
}

/// Resets the first streams, so many, for this reason, and answers the others.
async fn resetting(streams: usize, reason: Reason) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut left = streams;
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::Builder::new().handshake::<_, Bytes>(stream).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                if left > 0 {
                    left -= 1;
                    respond.send_reset(reason);
                } else {
                    let response = http::Response::builder().header("grpc-status", "0").body(()).unwrap();
                    respond.send_response(response, true).unwrap();
                }
            }
        }
    });
    (base, task)
}

#[tokio::test]
async fn a_stream_that_was_refused_has_not_processed_a_post() {
    for stack in ALL {
        let (base, server) = resetting(1, Reason::REFUSED_STREAM).await;
        assert_eq!(post(stack, &base).await, row(2, 1, 1, 0, well(stack)), "{stack:?}");
        server.abort();
        let (base, server) = resetting(usize::MAX, Reason::REFUSED_STREAM).await;
        assert_eq!(post(stack, &base).await, row(3, 0, 3, 0, UNPROCESSED), "{stack:?}");
        server.abort();
    }
}

#[tokio::test]
async fn a_stream_that_was_reset_for_another_reason_may_have_processed_it() {
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::ENHANCE_YOUR_CALM] {
        for stack in ALL {
            let (base, server) = resetting(1, reason).await;
            assert_eq!(post(stack, &base).await, row(1, 0, 1, 0, CUT), "{stack:?}, {reason:?}");
            server.abort();
        }
    }
}

/// Takes a stream, says that it will take no more, and leaves.
async fn leaving() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::Builder::new().handshake::<_, Bytes>(stream).await.unwrap();
            let _taken = connection.accept().await;
            connection.abrupt_shutdown(Reason::NO_ERROR);
            let _ = std::future::poll_fn(|cx| connection.poll_closed(cx)).await;
        }
    });
    (base, task)
}

#[tokio::test]
async fn a_connection_that_goes_away_after_it_saw_a_post_may_have_processed_it() {
    for stack in ALL {
        let (base, server) = leaving().await;
        assert_eq!(post(stack, &base).await, row(1, 0, 1, 0, CUT), "{stack:?}");
        server.abort();
    }
}
