//! A server that does what it is told.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use seawall::Deadline;
use tokio::net::TcpListener;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tower::{Layer, Service};

use super::echo::Word;
use super::echo::echo_server::{Echo, EchoServer};

/// Plays what the words of its calls say, and remembers them:
///
/// `first 14` fails before the first message with code 14, `middle 14` after two, `end 14` after five; `twice 14` fails the
/// first two times; `hang` never answers. Every other word comes back.
#[derive(Clone, Default)]
pub(super) struct Stage {
    pub(super) calls: Arc<Mutex<Vec<MetadataMap>>>,
    /// What remained to the handler of the last call.
    pub(super) left: Arc<Mutex<Option<Duration>>>,
}

type Words = Pin<Box<dyn Stream<Item = Result<Word, Status>> + Send>>;

impl Stage {
    pub(super) fn hits(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// Starts it behind a layer.
    pub(super) async fn start<L>(&self, layer: L) -> Channel
    where
        L: Layer<tonic::service::Routes> + Clone + Send + Sync + 'static,
        L::Service: Service<
                http::Request<tonic::body::Body>,
                Response = http::Response<tonic::body::Body>,
                Error = std::convert::Infallible,
                Future: Send,
            > + Clone
            + Send
            + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder().layer(layer).add_service(EchoServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy()
    }

    async fn enter(&self, metadata: &MetadataMap, word: &str) -> Result<(), Status> {
        self.calls.lock().unwrap().push(metadata.clone());
        *self.left.lock().unwrap() = Deadline::current().map(Deadline::remaining);
        if word == "hang" {
            std::future::pending::<()>().await;
        }
        match word.split_once(' ') {
            Some(("first", code)) => Err(failure(code)),
            Some(("twice", code)) if self.hits() <= 2 => Err(failure(code)),
            _ => Ok(()),
        }
    }

    fn play(word: &str) -> Words {
        let say = move |n: usize| Ok(Word { text: n.to_string() });
        let (messages, end) = match word.split_once(' ') {
            Some(("middle", code)) => (2, Some(Err(failure(code)))),
            Some(("end", code)) => (5, Some(Err(failure(code)))),
            _ => (5, None),
        };
        stream::iter((0..messages).map(say).chain(end)).boxed()
    }
}

fn failure(code: &str) -> Status {
    let code = code.split_whitespace().next().unwrap_or_default();
    Status::new(Code::from_bytes(code.as_bytes()), "as told")
}

#[tonic::async_trait]
impl Echo for Stage {
    type ServerStreamStream = Words;
    type BidiStream = Words;

    async fn unary(&self, request: Request<Word>) -> Result<Response<Word>, Status> {
        self.enter(request.metadata(), &request.get_ref().text).await?;
        Ok(Response::new(request.into_inner()))
    }

    async fn server_stream(&self, request: Request<Word>) -> Result<Response<Words>, Status> {
        let word = request.get_ref().text.clone();
        self.enter(request.metadata(), &word).await?;
        Ok(Response::new(Self::play(&word)))
    }

    async fn client_stream(&self, request: Request<Streaming<Word>>) -> Result<Response<Word>, Status> {
        let (metadata, _, mut words) = request.into_parts();
        let mut heard = Vec::new();
        while let Some(word) = words.message().await? {
            heard.push(word.text);
        }
        let text = heard.join(" ");
        self.enter(&metadata, &text).await?;
        Ok(Response::new(Word { text }))
    }

    async fn bidi(&self, request: Request<Streaming<Word>>) -> Result<Response<Words>, Status> {
        let (metadata, _, mut words) = request.into_parts();
        let first = words.message().await?.unwrap_or_default().text;
        self.enter(&metadata, &first).await?;
        Ok(Response::new(Self::play(&first)))
    }
}

pub(super) fn word(text: &str) -> Word {
    Word { text: text.to_owned() }
}
