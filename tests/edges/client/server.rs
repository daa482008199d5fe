//! A server that plays answers and remembers who came.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// One thing the server does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Answers with this status and one header.
    With(u16, &'static str, &'static str),
    /// Answers with a message and, in the trailers, this status of gRPC.
    Trailers(&'static str),
    /// Never answers.
    Hang,
    /// Answers with a message, and that all is well, once it is let go.
    Held,
}

/// A request that came.
pub(crate) struct Hit {
    pub(crate) at: Instant,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The play, and who saw it.
#[derive(Clone)]
pub(crate) struct Stage {
    replies: Arc<[Reply]>,
    hits: Arc<Mutex<Vec<Hit>>>,
    /// Closed when those that are held are let go.
    hold: Arc<Semaphore>,
}

impl Stage {
    /// Plays these, and then the last one for ever.
    pub(crate) fn new(replies: impl Into<Vec<Reply>>) -> Self {
        let hold = Arc::new(Semaphore::new(0));
        Self { replies: replies.into().into(), hits: Arc::default(), hold }
    }

    pub(crate) fn app(&self) -> Router {
        Router::new().fallback(Self::play).with_state(self.clone())
    }

    async fn play(
        State(stage): State<Self>,
        method: Method,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response<Body> {
        let reply = {
            let mut hits = stage.hits.lock().unwrap();
            let reply = stage.replies[hits.len().min(stage.replies.len() - 1)];
            hits.push(Hit { at: Instant::now(), method, headers, body });
            reply
        };
        let played = |response: response::Builder| response.body("played".into()).unwrap();
        match reply {
            Reply::Status(status) => played(Response::builder().status(status)),
            Reply::With(status, name, value) => {
                played(Response::builder().status(status).header(name, value))
            }
            Reply::Trailers(status) => message(status),
            Reply::Hang => std::future::pending().await,
            Reply::Held => {
                stage.hold.acquire().await.expect_err("closed");
                message("0")
            }
        }
    }

    /// How many requests came.
    pub(crate) fn hits(&self) -> usize {
        self.hits.lock().unwrap().len()
    }

    /// Answers those that are held, now and later.
    pub(crate) fn let_go(&self) {
        self.hold.close();
    }
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

fn message(status: &'static str) -> Response<Body> {
    let trailers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static(status))]);
    Response::new(Body::new(Full::from(MESSAGE).with_trailers(async { Some(Ok(trailers)) })))
}

/// One message of gRPC: a word.
const MESSAGE: &[u8] = b"\0\0\0\0\x04\x0a\x02ok";

/// The server, until it is dropped.
pub(crate) struct Server {
    pub(crate) url: Url,
    stage: Stage,
    task: JoinHandle<()>,
}

impl Server {
    /// Plays these, and then the last one for ever.
    pub(crate) async fn start(replies: impl Into<Vec<Reply>>) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), replies).await
    }

    pub(crate) async fn start_at(addr: SocketAddr, replies: impl Into<Vec<Reply>>) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let url = url_of(listener.local_addr().unwrap());
        let stage = Stage::new(replies);
        let app = stage.app();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, stage, task }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.url.socket_addrs(|| None).unwrap()[0]
    }

    /// How many requests came.
    pub(crate) fn hits(&self) -> usize {
        self.stage.hits()
    }

    /// What came so far; begins anew.
    pub(crate) fn take(&self) -> Vec<Hit> {
        std::mem::take(&mut *self.stage.hits.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address at which nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

pub(crate) fn url_of(addr: SocketAddr) -> Url {
    format!("http://{addr}/orders").parse().unwrap()
}

/// Reads each request and then cuts the connection without an answer; counts them.
pub(crate) async fn cuts() -> (Url, Arc<Mutex<usize>>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (url, count) = (url_of(listener.local_addr().unwrap()), Arc::new(Mutex::new(0)));
    let counted = count.clone();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = loop {
                stream.readable().await.unwrap();
                match stream.try_read(&mut request) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    read => break read.unwrap_or(0),
                }
            };
            *counted.lock().unwrap() += usize::from(read > 0);
        }
    });
    (url, count, task)
}
