//! A server that plays answers and remembers who came.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One thing the server does with a request.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Answers with this status and one header.
    With(u16, &'static str, &'static str),
    /// Never answers.
    Hang,
}

/// A request that came.
pub(super) struct Hit {
    pub(super) at: Instant,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Clone)]
struct Stage {
    replies: Arc<[Reply]>,
    hits: Arc<Mutex<Vec<Hit>>>,
}

/// The server, until it is dropped.
pub(super) struct Server {
    pub(super) url: Url,
    stage: Stage,
    task: JoinHandle<()>,
}

impl Server {
    /// Plays these, and then the last one for ever.
    pub(super) async fn start(replies: impl Into<Vec<Reply>>) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), replies).await
    }

    pub(super) async fn start_at(addr: SocketAddr, replies: impl Into<Vec<Reply>>) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let url = url_of(listener.local_addr().unwrap());
        let stage = Stage { replies: replies.into().into(), hits: Arc::default() };
        let play = async |State(stage): State<Stage>, method: Method, headers: HeaderMap, body: Bytes| {
            let reply = {
                let mut hits = stage.hits.lock().unwrap();
                let reply = stage.replies[hits.len().min(stage.replies.len() - 1)];
                hits.push(Hit { at: Instant::now(), method, headers, body });
                reply
            };
            let response = Response::builder();
            let response = match reply {
                Reply::Status(status) => response.status(status),
                Reply::With(status, name, value) => response.status(status).header(name, value),
                Reply::Hang => std::future::pending().await,
            };
            response.body("played".to_owned()).map_err(|_| StatusCode::IM_A_TEAPOT).into_response()
        };
        let app = Router::new().fallback(play).with_state(stage.clone());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, stage, task }
    }

    /// How many requests came.
    pub(super) fn hits(&self) -> usize {
        self.stage.hits.lock().unwrap().len()
    }

    /// What came so far; begins anew.
    pub(super) fn take(&self) -> Vec<Hit> {
        std::mem::take(&mut *self.stage.hits.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An address at which nobody listens.
pub(super) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

pub(super) fn url_of(addr: SocketAddr) -> Url {
    format!("http://{addr}/orders").parse().unwrap()
}

/// Reads each request and then cuts the connection without an answer; counts them.
pub(super) async fn cuts() -> (Url, Arc<Mutex<usize>>, JoinHandle<()>) {
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
