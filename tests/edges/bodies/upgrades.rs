//! Connections that become something else, and the gates their calls went through.

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, UPGRADE};
use axum::response::IntoResponse;
use axum::routing::any;
use hyper_util::rt::TokioIo;
use seawall::axum::respond;
use seawall::bulkhead::{BulkheadGate, Handle};
use seawall::gate::Gated;
use seawall::http::{Connection, Upgraded, WithBody, scope};
use seawall::service;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tower::{Layer, ServiceExt};

use super::*;

mod clients;
mod gates;

type Kept = Option<Extension<Upgraded>>;

/// Says back what it hears, until it hears `bye` or nothing more.
async fn echo(mut io: impl AsyncRead + AsyncWrite + Unpin) {
    let mut heard = [0; 64];
    loop {
        let count = io.read(&mut heard).await.unwrap_or(0);
        assert_ne!(&heard[..count], b"panic");
        if count == 0 || &heard[..count] == b"bye" || io.write_all(&heard[..count]).await.is_err() {
            return;
        }
    }
}

fn switching() -> Response<Body> {
    let head = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    head.header(CONNECTION, "upgrade").header(UPGRADE, "echo").body(Body::empty()).unwrap()
}

/// Becomes an echo, which keeps what it is given.
fn become_echo(mut request: Request<Body>, kept: Option<Upgraded>) {
    tokio::spawn(async move {
        let io = hyper::upgrade::on(&mut request).await.unwrap();
        // What else may hold on to the call is gone.
        drop(request);
        echo(Connection::new(TokioIo::new(io), kept)).await;
    });
}

async fn keeping(kept: Kept, mut request: Request<Body>) -> Response<Body> {
    request.extensions_mut().remove::<Upgraded>();
    become_echo(request, kept.map(|Extension(upgraded)| upgraded));
    switching()
}

async fn careless(mut request: Request<Body>) -> Response<Body> {
    request.extensions_mut().remove::<Upgraded>();
    become_echo(request, None);
    switching()
}

async fn tunnel(kept: Kept, request: Request<Body>) -> impl IntoResponse {
    let _no_body = keeping(kept, request).await;
    StatusCode::OK
}

async fn websocket(socket: WebSocketUpgrade, kept: Kept) -> impl IntoResponse {
    socket.on_upgrade(async |socket| {
        let mut socket = Connection::new(socket, kept.map(|Extension(call)| call));
        while let Some(Ok(message)) = socket.recv().await {
            let _gone = socket.send(message).await;
        }
    })
}

fn router() -> Router {
    Router::new()
        .route("/echo", any(keeping))
        .route("/careless", any(careless))
        .route("/websocket", any(websocket))
        .route("/refused", any(async |_kept: Kept| (StatusCode::BAD_REQUEST, "a long story")))
        .route("/ignored", any(async |_kept: Kept| "as usual"))
        .fallback(tunnel)
}

/// A server behind a pool of one.
async fn guarded() -> (String, Handle) {
    let pool = pool();
    let handle = pool.handle();
    (serve(router().layer(respond(scope(pool)))).await, handle)
}

type Lifted = MapErr<Http, fn(HyperError) -> Error<HyperError>>;

/// A client behind a pool of one.
fn over(client: Http) -> (Gated<BulkheadGate, StatusClassify, Lifted, WithBody>, Handle) {
    let pool = pool();
    let handle = pool.handle();
    let lift: fn(HyperError) -> Error<HyperError> = Error::Service;
    (service::<Request<Body>, _>(scope(pool).layer(MapErr::new(client, lift))), handle)
}

fn asking(base: &str, path: &str) -> Request<Body> {
    let mut request = get(base, path);
    request.headers_mut().insert(CONNECTION, "upgrade".parse().unwrap());
    request.headers_mut().insert(UPGRADE, "echo".parse().unwrap());
    request
}

/// What became of a response, and the calls of the client.
async fn switched<B>(mut response: Response<B>) -> Connection<TokioIo<hyper::upgrade::Upgraded>> {
    let upgraded = response.extensions_mut().remove::<Upgraded>();
    let io = hyper::upgrade::on(response).await.unwrap();
    Connection::new(TokioIo::new(io), upgraded)
}

/// What the other side says to that.
async fn say(io: &mut (impl AsyncRead + AsyncWrite + Unpin), words: &[u8]) -> Vec<u8> {
    io.write_all(words).await.unwrap();
    io.flush().await.unwrap();
    let mut heard = vec![0; 64];
    let count = io.read(&mut heard).await.unwrap_or(0);
    heard.truncate(count);
    heard
}

/// The call is over, and was a success like those before it.
async fn home(pool: &Handle, successes: u64) {
    soon("the permit is home", || pool.in_flight() == 0).await;
    assert_eq!((pool.totals().successes, pool.totals().calls()), (successes, successes));
}

#[tokio::test]
async fn a_server_holds_the_permit_until_the_client_leaves_the_upgraded_connection() {
    let (base, pool) = guarded().await;
    let mut echo = switched(client().request(asking(&base, "/echo")).await.unwrap()).await;
    for _ in 0..3 {
        assert_eq!(say(&mut echo, b"hello").await, b"hello");
        assert_eq!((pool.in_flight(), pool.totals().calls()), (1, 0));
    }
    drop(echo);
    home(&pool, 1).await;
}

#[tokio::test]
async fn a_server_has_the_permit_back_when_it_closes_the_upgraded_connection() {
    let (base, pool) = guarded().await;
    let mut echo = switched(client().request(asking(&base, "/echo")).await.unwrap()).await;
    assert_eq!(say(&mut echo, b"hello").await, b"hello");
    assert_eq!(pool.in_flight(), 1);
    assert_eq!(say(&mut echo, b"bye").await, b"", "the server has closed it");
    home(&pool, 1).await;
}

#[tokio::test]
async fn a_websocket_of_axum_is_in_flight_until_it_closes() {
    let (base, pool) = guarded().await;
    let mut request = asking(&base, "/websocket");
    request.headers_mut().insert(UPGRADE, "websocket".parse().unwrap());
    request.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
    request.headers_mut().insert("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==".parse().unwrap());
    let mut socket = switched(client().request(request).await.unwrap()).await;
    // A text of two letters, masked with zeros: it comes back without the mask.
    assert_eq!(say(&mut socket, b"\x81\x82\0\0\0\0hi").await, b"\x81\x02hi");
    assert_eq!((pool.in_flight(), pool.totals().calls()), (1, 0));
    drop(socket);
    home(&pool, 1).await;
}

#[tokio::test]
async fn a_tunnel_is_in_flight_until_it_closes_on_both_sides() {
    let (base, server) = guarded().await;
    let (client, handle) = over(client());
    let response = client.oneshot(request("CONNECT", &base, "", Body::empty())).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut tunnel = switched(response).await;
    assert_eq!(say(&mut tunnel, b"hello").await, b"hello");
    assert_eq!((server.in_flight(), handle.in_flight()), (1, 1));
    assert_eq!(say(&mut tunnel, b"bye").await, b"");
    home(&server, 1).await;
    assert_eq!(handle.in_flight(), 1, "the client has not let go");
    drop(tunnel);
    home(&handle, 1).await;
}

#[tokio::test]
async fn a_tunnel_and_a_websocket_over_http2_are_in_flight_until_they_close() {
    let (base, server) = guarded().await;
    let (client, handle) = over(Client::builder(TokioExecutor::new()).http2_only(true).build_http());
    // The server says in its settings that it knows of other protocols.
    assert_eq!(text(client.clone().oneshot(get(&base, "/ignored")).await.unwrap()).await, "as usual");
    home(&server, 1).await;

    let to_somewhere = request("CONNECT", &base, "", Body::empty());
    let mut tunnel = switched(client.clone().oneshot(to_somewhere).await.unwrap()).await;
    assert_eq!(say(&mut tunnel, b"hello").await, b"hello");
    assert_eq!((server.in_flight(), handle.in_flight()), (1, 1));
    drop(tunnel);
    home(&server, 2).await;
    home(&handle, 2).await;

    let mut to_chat = request("CONNECT", &base, "/websocket", Body::empty());
    to_chat.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    to_chat.headers_mut().insert("sec-websocket-version", "13".parse().unwrap());
    let mut socket = switched(client.oneshot(to_chat).await.unwrap()).await;
    assert_eq!(say(&mut socket, b"\x81\x82\0\0\0\0hi").await, b"\x81\x02hi");
    assert_eq!((server.in_flight(), handle.in_flight()), (1, 1));
    drop(socket);
    home(&server, 3).await;
    home(&handle, 3).await;
}

#[tokio::test]
async fn an_upgrade_that_nobody_keeps_is_over_with_its_response() {
    let (base, pool) = guarded().await;
    let mut echo = switched(client().request(asking(&base, "/careless")).await.unwrap()).await;
    home(&pool, 1).await;
    assert_eq!(say(&mut echo, b"hello").await, b"hello");
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_over_with_its_body() {
    let (base, pool) = guarded().await;
    for (path, status, story) in [("/refused", 400, "a long story"), ("/ignored", 200, "as usual")] {
        let response = client().request(asking(&base, path)).await.unwrap();
        assert_eq!((response.status().as_u16(), text(response).await), (status, story.to_owned()));
        soon("the permit is home", || pool.in_flight() == 0).await;
    }
    assert_eq!((pool.totals().successes, pool.totals().calls()), (2, 2));
}

#[tokio::test]
async fn a_panic_in_the_task_of_an_upgraded_connection_leaves_nothing_held() {
    let (base, pool) = guarded().await;
    let mut echo = switched(client().request(asking(&base, "/echo")).await.unwrap()).await;
    assert_eq!(say(&mut echo, b"panic").await, b"");
    home(&pool, 1).await;
}

#[tokio::test]
async fn after_many_upgrades_nothing_is_held() {
    let (base, pool) = guarded().await;
    for round in 1..=50 {
        let mut echo = switched(client().request(asking(&base, "/echo")).await.unwrap()).await;
        if round % 2 == 0 {
            assert_eq!(say(&mut echo, b"bye").await, b"");
        }
        drop(echo);
        home(&pool, round).await;
    }
}
