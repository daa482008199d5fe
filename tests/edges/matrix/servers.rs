//! Layers inside of servers; who calls has none.

use std::convert::Infallible;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use seawall::{BoxError, Error, Lifted};
use tokio::net::TcpListener;
use tower::layer::layer_fn;
use tower::util::{AndThenLayer, BoxCloneSyncService};
use tower::{Layer, Service};

use super::Stage;
use super::callers::Caller;
use super::clients::{Whole, whole};
use crate::bodies::serve;

pub(super) mod axum_router {
    use axum::routing::Route;
    use seawall::axum::respond;
    use seawall::http::Replay;
    pub(in crate::matrix) use seawall::http::StatusClassify as CLASSIFY;

    use super::*;

    pub(in crate::matrix) type Request = http::Request<Body>;
    pub(in crate::matrix) type Response = http::Response<Body>;
    pub(in crate::matrix) type Failure = Error<Infallible>;
    pub(in crate::matrix) type Question = Request;
    pub(in crate::matrix) use crate::matrix::callers::other;
    pub(in crate::matrix) use crate::matrix::clients::reqwest_client::{BUSY, FINE};

    pub(in crate::matrix) fn again() -> Replay {
        Replay::default()
    }

    pub(in crate::matrix) async fn put<L, S, B>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<Lifted<Route>, Service = S> + Clone + Send + Sync + 'static,
        S: Service<Request, Response = http::Response<B>, Error = Failure, Future: Send + 'static>
            + Clone
            + Send
            + Sync
            + 'static,
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Default + Send + 'static,
    {
        Caller::from_outside(serve(stage.app().layer(respond(layer))).await, false)
    }

    /// A layer over one that reads the bodies.
    pub(in crate::matrix) async fn put_whole<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<BoxCloneSyncService<Request, Whole, Failure>, Service = S> + Clone + Send + Sync + 'static,
        S: Service<Request, Response = Whole, Error = Failure, Future: Send + 'static>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let read = AndThenLayer::new(|response: Response| async { Ok::<_, Failure>(whole(response).await) });
        put(stage, (layer, layer_fn(BoxCloneSyncService::new), read)).await
    }
}

pub(super) mod tonic_server {
    pub(in crate::matrix) use seawall::grpc::GrpcClassify as CLASSIFY;
    use seawall::grpc::respond;
    use tonic::body::Body;
    use tonic::service::Routes;
    use tonic::transport::Server;
    use tonic::transport::server::TcpIncoming;

    use super::*;

    pub(in crate::matrix) type Request = http::Request<Body>;
    pub(in crate::matrix) type Response = http::Response<Body>;
    pub(in crate::matrix) type Failure = Error<Infallible>;
    pub(in crate::matrix) use crate::matrix::callers::other;
    pub(in crate::matrix) use crate::matrix::clients::tonic_client::{BUSY, FINE, again};

    pub(in crate::matrix) async fn put<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<Lifted<Routes>, Service = S> + Clone + Send + Sync + 'static,
        S: Service<Request, Response = Response, Error = Failure, Future: Send + 'static>
            + Clone
            + Send
            + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let server = Server::builder().layer(respond(layer)).add_routes(Routes::from(stage.app()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Caller::from_outside(base, true)
    }
}
