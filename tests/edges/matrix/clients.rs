//! Layers around clients.

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, Error as HyperError};
use hyper_util::rt::TokioExecutor;
use seawall::{Error, Lift, Lifted};
use tonic::transport::{Channel, Endpoint};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::callers::{Caller, read, said};
use super::{Reply, Stage};
use crate::bodies::serve;

/// A response that is `Clone`: its body was read.
pub(super) type Whole = Response<Full<Bytes>>;

/// Reads the body.
pub(super) async fn whole<B>(response: Response<B>) -> Whole
where
    B: axum::body::HttpBody<Data = Bytes, Error: std::fmt::Debug>,
{
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.expect("a whole body").to_bytes().into())
}

pub(super) mod reqwest_client {
    pub(in crate::matrix) use reqwest::{Request, Response};
    pub(in crate::matrix) use seawall::http::StatusClassify as CLASSIFY;
    use seawall::reqwest::TryClone;

    use super::*;

    pub(in crate::matrix) type Failure = Error<reqwest::Error>;
    pub(in crate::matrix) type Question = Request;
    pub(in crate::matrix) const FINE: Reply = Reply::Status(200);
    pub(in crate::matrix) const BUSY: Reply = Reply::Status(500);

    pub(in crate::matrix) fn again() -> TryClone {
        TryClone
    }

    pub(in crate::matrix) fn other() -> Response {
        crate::matrix::callers::other::<String>().into()
    }

    fn client() -> Lifted<reqwest::Client> {
        let client = reqwest::Client::builder().no_proxy().retry(reqwest::retry::never());
        Lift.layer(client.build().unwrap())
    }

    fn get(base: &str) -> impl Fn() -> Request + use<> {
        let url: reqwest::Url = base.parse().unwrap();
        move || Request::new(reqwest::Method::GET, url.clone())
    }

    pub(in crate::matrix) async fn put<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<Lifted<reqwest::Client>, Service = S>,
        S: Service<Request, Response = Response, Error = Failure, Future: Send> + Clone + Send + 'static,
    {
        let base = serve(stage.app()).await;
        let read = |response: &Response| said(response.status(), response.headers());
        Caller::of(layer.layer(client()), get(&base), read)
    }

    pub(in crate::matrix) async fn put_whole<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<BoxCloneSyncService<Request, Whole, Failure>, Service = S>,
        S: Service<Request, Response = Whole, Error = Failure, Future: Send> + Clone + Send + 'static,
    {
        let base = serve(stage.app()).await;
        let read_whole = |response: Response| async { Ok(whole(http::Response::from(response)).await) };
        Caller::of(layer.layer(BoxCloneSyncService::new(client().and_then(read_whole))), get(&base), read)
    }
}

pub(super) mod hyper_client {
    use seawall::http::Replay;
    pub(in crate::matrix) use seawall::http::StatusClassify as CLASSIFY;

    use super::*;

    pub(in crate::matrix) type Request = http::Request<Body>;
    /// No response with a body of hyper's own can be made by hand.
    pub(in crate::matrix) type Response = http::Response<Body>;
    pub(in crate::matrix) type Failure = Error<HyperError>;
    pub(in crate::matrix) type Question = Request;
    pub(in crate::matrix) use super::reqwest_client::{BUSY, FINE};
    pub(in crate::matrix) use crate::matrix::callers::other;

    pub(in crate::matrix) fn again() -> Replay {
        Replay::default()
    }

    type Http = BoxCloneSyncService<Request, Response, Failure>;

    fn client() -> Http {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let client = client.map_response(|response| response.map(Body::new)).map_err(Error::Service);
        BoxCloneSyncService::new(client)
    }

    fn get(base: String) -> impl Fn() -> Request {
        move || http::Request::get(&base).body(Body::empty()).unwrap()
    }

    pub(in crate::matrix) async fn put<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<Http, Service = S>,
        S: Service<Request, Response = Response, Error = Failure, Future: Send> + Clone + Send + 'static,
    {
        Caller::of(layer.layer(client()), get(serve(stage.app()).await), read)
    }

    pub(in crate::matrix) async fn put_whole<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<BoxCloneSyncService<Request, Whole, Failure>, Service = S>,
        S: Service<Request, Response = Whole, Error = Failure, Future: Send> + Clone + Send + 'static,
    {
        let client = client().and_then(|response| async { Ok(whole(response).await) });
        Caller::of(layer.layer(BoxCloneSyncService::new(client)), get(serve(stage.app()).await), read)
    }
}

pub(super) mod tonic_client {
    pub(in crate::matrix) use seawall::grpc::GrpcClassify as CLASSIFY;
    use seawall::grpc::{Calls, repeat};
    use tonic::Status;
    use tonic::body::Body;

    use super::*;
    use crate::grpc::echo::Word;
    use crate::grpc::echo::echo_client::EchoClient;
    use crate::matrix::callers::Said;

    pub(in crate::matrix) type Request = http::Request<Body>;
    pub(in crate::matrix) type Response = http::Response<Body>;
    pub(in crate::matrix) type Failure = Error<tonic::transport::Error>;
    pub(in crate::matrix) type Question = Word;
    pub(in crate::matrix) const FINE: Reply = Reply::Trailers("0");
    pub(in crate::matrix) const BUSY: Reply = Reply::With(200, "grpc-status", "13");
    pub(in crate::matrix) use crate::matrix::callers::other;

    pub(in crate::matrix) fn again() -> Calls<fn(&str) -> bool> {
        repeat(|_| true)
    }

    fn channel(base: &str) -> Channel {
        Endpoint::from_shared(base.to_owned()).unwrap().connect_lazy()
    }

    pub(in crate::matrix) async fn put<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<Lifted<Channel>, Service = S>,
        S: Service<Request, Response = Response, Error = Failure, Future: Send> + Clone + Send + 'static,
    {
        let base = serve(stage.app()).await;
        let stack = layer.layer(Lift.layer(channel(&base)));
        let post = move || http::Request::post(&base).body(Body::empty()).unwrap();
        Caller::of(stack, post, read)
    }

    pub(in crate::matrix) async fn put_whole<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<BoxCloneSyncService<Word, Word, Status>, Service = S>,
        S: Service<Word, Response = Word, Error = Status, Future: Send> + Clone + Send + 'static,
    {
        let client = EchoClient::new(channel(&serve(stage.app()).await));
        let messages = service_fn(move |word: Word| {
            let mut client = client.clone();
            async move { Ok(client.unary(word).await?.into_inner()) }
        });
        Caller::of(layer.layer(BoxCloneSyncService::new(messages)), Word::default, |word| {
            if word.text == "ok" { Said::Fine } else { Said::Other }
        })
    }
}

pub(super) mod reqwest_middleware {
    use ::reqwest::Body;
    pub(in crate::matrix) use ::reqwest_middleware::Error as Failure;
    use ::reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware};
    use seawall::http::Replay;
    pub(in crate::matrix) use seawall::http::StatusClassify as CLASSIFY;
    use seawall::reqwest_middleware::{LayerMiddleware, Rest};
    use tower::layer::layer_fn;

    use super::*;

    pub(in crate::matrix) type Request = http::Request<Body>;
    pub(in crate::matrix) type Response = http::Response<Body>;
    pub(in crate::matrix) type Question = Request;
    pub(in crate::matrix) use super::reqwest_client::{BUSY, FINE};
    pub(in crate::matrix) use crate::matrix::callers::other;

    pub(in crate::matrix) fn again() -> Replay {
        Replay::default()
    }

    async fn caller(stage: &Stage, middleware: impl Middleware) -> Caller {
        let url: ::reqwest::Url = serve(stage.app()).await.parse().unwrap();
        let client =
            ::reqwest::Client::builder().no_proxy().retry(::reqwest::retry::never()).build().unwrap();
        let client: ClientWithMiddleware = ClientBuilder::new(client).with(middleware).build();
        let get = move || ::reqwest::Request::new(::reqwest::Method::GET, url.clone());
        Caller::of(client, get, |response: &::reqwest::Response| said(response.status(), response.headers()))
    }

    pub(in crate::matrix) async fn put<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<Rest, Service = S>,
        S: Service<Request, Response = Response, Error = Failure, Future: Send> + Clone + Send + 'static,
    {
        caller(stage, LayerMiddleware::new(layer)).await
    }

    pub(in crate::matrix) async fn put_whole<L, S>(stage: &Stage, layer: L) -> Caller
    where
        L: Layer<BoxCloneSyncService<Request, Whole, Failure>, Service = S>,
        S: Service<Request, Response = Whole, Error = Failure, Future: Send> + Clone + Send + 'static,
    {
        let over_whole = layer_fn(move |rest: Rest| {
            let rest = rest.and_then(|response| async { Ok(whole(response).await) });
            layer
                .layer(BoxCloneSyncService::new(rest))
                .map_response(|response: Whole| response.map(Body::wrap))
        });
        caller(stage, LayerMiddleware::new(over_whole)).await
    }
}
