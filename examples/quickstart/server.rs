//! The server: healthy, then overloaded, then stuck, then well again. It counts what it receives.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

/// What the server does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Answers within 10 ms.
    Healthy,
    /// Refuses 60 % of all requests with a 503 that says when to come back.
    Refusing,
    /// Takes requests and never answers.
    Hanging,
    /// Answers within 10 ms.
    Recovered,
}

impl Phase {
    pub(crate) const ALL: [Self; 4] = [Self::Healthy, Self::Refusing, Self::Hanging, Self::Recovered];

    /// How long it lasts.
    pub(crate) const fn seconds(self) -> u64 {
        [6, 7, 9, 4][self as usize]
    }

    pub(crate) fn all_seconds() -> u64 {
        Self::ALL.iter().map(|phase| phase.seconds()).sum()
    }

    /// The phase at this time after the beginning; the last one has no end.
    pub(crate) fn at(elapsed: Duration) -> Self {
        let mut end = 0;
        let ends = Self::ALL.iter().map(|phase| {
            end += phase.seconds();
            (phase, end)
        });
        let mut running = ends.filter(|&(_, end)| elapsed < Duration::from_secs(end));
        running.next().map_or(Self::Recovered, |(phase, _)| *phase)
    }

    pub(crate) const fn is_fault(self) -> bool {
        matches!(self, Self::Refusing | Self::Hanging)
    }
}

/// Who calls. The first part of the path says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Bare,
    Protected,
}

impl Caller {
    pub(crate) const ALL: [Self; 2] = [Self::Bare, Self::Protected];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Protected => "protected",
        }
    }
}

/// The running server, seen from outside.
pub(crate) struct Server {
    address: SocketAddr,
    shop: Arc<Shop>,
}

/// What all requests share.
struct Shop {
    begin: Instant,
    /// Requests per caller and phase.
    received: [[AtomicU64; 4]; 2],
    /// How often each caller has asked for each product.
    asked: [Mutex<HashMap<u64, u64>>; 2],
}

impl Server {
    /// Listens on a free port of this machine; the first phase begins at `begin`.
    pub(crate) async fn start(begin: Instant) -> io::Result<Self> {
        let shop = Arc::new(Shop { begin, received: Default::default(), asked: Default::default() });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let routes = Router::new().route("/{caller}/products/{id}", get(product)).with_state(shop.clone());
        tokio::spawn(async { axum::serve(listener, routes).await });
        Ok(Self { address, shop })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Requests so far, per caller and phase.
    pub(crate) fn received(&self) -> [[u64; 4]; 2] {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.shop.received.each_ref().map(|phases| phases.each_ref().map(load))
    }
}

async fn product(State(shop): State<Arc<Shop>>, Path((caller, id)): Path<(String, u64)>) -> Response {
    let Some(caller) = Caller::ALL.into_iter().find(|known| known.path() == caller) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let phase = Phase::at(Instant::now().saturating_duration_since(shop.begin));
    shop.received[caller as usize][phase as usize].fetch_add(1, Ordering::Relaxed);
    let mut dice = shop.dice(caller, id);
    match phase {
        Phase::Refusing if dice.random_bool(0.6) => {
            // In whole seconds for those who know no better, in milliseconds for those who do.
            let come_back = [("retry-after", "1"), ("retry-after-ms", "200")];
            (StatusCode::SERVICE_UNAVAILABLE, come_back).into_response()
        }
        Phase::Hanging => pending().await,
        Phase::Healthy | Phase::Refusing | Phase::Recovered => {
            sleep(Duration::from_millis(dice.random_range(2..8))).await;
            format!(r#"{{"product":{id},"in_stock":{}}}"#, dice.random_range(0..100)).into_response()
        }
    }
}

impl Shop {
    /// Fair dice: the n-th request for a product meets the same fate whoever sends it. So the first attempts of both
    /// clients share their luck, and a retry is a new draw.
    fn dice(&self, caller: Caller, id: u64) -> SmallRng {
        let mut asked = self.asked[caller as usize].lock().unwrap_or_else(PoisonError::into_inner);
        let times = asked.entry(id).or_default();
        *times += 1;
        SmallRng::seed_from_u64(id << 8 | *times)
    }
}
