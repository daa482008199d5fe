//! The service that is called, and its trouble.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::time::sleep;

pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    stock: Arc<Stock>,
}

#[derive(Default)]
struct Stock {
    trouble: AtomicBool,
    asked: AtomicU64,
}

pub(crate) async fn start() -> io::Result<Shop> {
    let stock = Arc::new(Stock::default());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let routes = Router::new().route("/", get(answer)).with_state(stock.clone());
    tokio::spawn(async { axum::serve(listener, routes).await });
    Ok(Shop { address, stock })
}

impl Shop {
    /// In trouble, it refuses half of the calls and never answers the others.
    pub(crate) fn set_trouble(&self, trouble: bool) {
        self.stock.trouble.store(trouble, Ordering::Relaxed);
    }
}

async fn answer(State(stock): State<Arc<Stock>>) -> StatusCode {
    let asked = stock.asked.fetch_add(1, Ordering::Relaxed);
    match (stock.trouble.load(Ordering::Relaxed), asked % 2) {
        (true, 0) => StatusCode::SERVICE_UNAVAILABLE,
        (true, _) => std::future::pending().await,
        // Now and then a hiccup.
        (false, _) if asked % 50 == 49 => StatusCode::SERVICE_UNAVAILABLE,
        (false, _) => {
            sleep(Duration::from_millis(5 + asked % 10)).await;
            StatusCode::OK
        }
    }
}
