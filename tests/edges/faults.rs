//! Faults on the wire, and what each layer makes of them: the tables below say what is promised.

mod bodies;
mod home;
mod http2;
#[path = "../support/proxy.rs"]
mod proxy;
mod stacks;

use std::time::Duration;

use futures::future::join_all;
use seawall::{Cause, RejectedKind};

use self::proxy::{Fault, Proxy};
use self::stacks::{ALL, Call, End, Seen, Stack};
use super::client::server::{Reply, Server};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// As long as an attempt of a call that is meant to time out may take; others have plenty.
fn limit(fault: Fault) -> Duration {
    if matches!(fault, Fault::Stall | Fault::Trickle) { Duration::from_millis(300) } else { secs(10) }
}

/// Makes one call through a faulty wire.
async fn call(stack: Stack, fault: Fault, twice: bool, http2: bool) -> Seen {
    let server = Server::start([Reply::Trailers("0")]).await;
    let proxy = Proxy::start(server.address(), [fault]).await;
    let base = format!("http://{}/", proxy.address);
    stack.call(Call { base: &base, twice, http2, attempt: limit(fault) }).await
}

/// Attempts of the retry · successes and failures of the circuit · timeouts of an attempt · what the caller got.
const fn row(attempts: u64, successes: u64, failures: u64, timeouts: u64, end: End) -> Seen {
    Seen { attempts, successes, failures, timeouts, end }
}

const FINE: End = End::Whole(200);
/// The same, as gRPC says it.
const OK: End = End::Whole(0);
const HALF: End = End::Broken(200);
const CUT: End = End::Failed(Cause::Answered);
const LATE: End = End::Refused(RejectedKind::Timeout);

/// By reqwest, hyper-util and tonic, with a request that may be sent twice, to a server whose every connection has this fault. A
/// `reqwest::Response` is over with its head for all layers; of the others the circuit sees the body, too.
const FAULTS: [(Fault, [Seen; 3]); 6] = [
    (Fault::Pass, [row(1, 1, 0, 0, FINE), row(1, 1, 0, 0, FINE), row(1, 1, 0, 0, OK)]),
    (Fault::Reset, [row(2, 0, 2, 0, CUT); 3]),
    (Fault::Stall, [row(2, 0, 2, 2, LATE); 3]),
    (Fault::Trickle, [row(2, 0, 2, 2, LATE); 3]),
    (Fault::HalfHead, [row(2, 0, 2, 0, CUT); 3]),
    (Fault::HalfBody, [row(1, 1, 0, 0, HALF), row(1, 0, 1, 0, HALF), row(1, 0, 1, 0, HALF)]),
];

/// What may not be sent twice has one attempt: it was sent, so it may have been processed.
fn once(seen: Seen) -> Seen {
    row(1, seen.successes.min(1), seen.failures.min(1), seen.timeouts.min(1), seen.end)
}

#[tokio::test]
async fn every_fault_of_a_connection_ends_as_its_table_says() {
    let cells = FAULTS.into_iter().flat_map(|(fault, row)| {
        ALL.into_iter().zip(row).map(move |(stack, expected)| async move {
            for http2 in [false, true] {
                let seen = call(stack, fault, true, http2).await;
                assert_eq!(seen, expected, "{stack:?}, {fault:?}, HTTP/2: {http2}");
                let seen = call(stack, fault, false, http2).await;
                assert_eq!(seen, once(expected), "{stack:?}, {fault:?}, HTTP/2: {http2}, once");
            }
        })
    });
    join_all(cells).await;
}

/// The same, of what a server says first, before it says that all is well.
const ANSWERS: [(Reply, [Seen; 3]); 4] = [
    (BUSY, [row(2, 1, 1, 0, FINE), row(2, 1, 1, 0, FINE), row(2, 1, 1, 0, OK)]),
    // No failure of the service, but to gRPC, which takes it for UNAVAILABLE.
    (TOO_MANY, [row(2, 1, 0, 0, FINE), row(2, 1, 0, 0, FINE), row(2, 1, 1, 0, OK)]),
    // A status of gRPC is none of HTTP. In the headers, it may be tried again; in the trailers, the call was answered.
    (TRAILERS_ONLY, [row(1, 1, 0, 0, FINE), row(1, 1, 0, 0, FINE), row(2, 1, 1, 0, OK)]),
    (Reply::Trailers("14"), [row(1, 1, 0, 0, FINE), row(1, 1, 0, 0, FINE), row(1, 0, 1, 0, End::Whole(14))]),
];

const BUSY: Reply = Reply::With(503, "retry-after", "1");
const TOO_MANY: Reply = Reply::With(429, "retry-after", "1");
const TRAILERS_ONLY: Reply = Reply::With(200, "grpc-status", "14");

#[tokio::test]
async fn every_answer_that_is_a_fault_ends_as_its_table_says() {
    let cells = ANSWERS.into_iter().flat_map(|(reply, row)| {
        ALL.into_iter().zip(row).map(move |(stack, expected)| async move {
            let server = Server::start([reply, Reply::Trailers("0")]).await;
            let call = Call { base: server.url.as_str(), twice: true, http2: false, attempt: secs(10) };
            assert_eq!(stack.call(call).await, expected, "{stack:?}, {reply:?}");
            let came: Vec<_> = server.take().iter().map(|hit| hit.at).collect();
            assert_eq!(came.len() as u64, expected.attempts, "{stack:?}, {reply:?}");
            if matches!(reply, BUSY | TOO_MANY) {
                assert!(came[1] - came[0] >= secs(1), "{stack:?} did not wait as it was told: {reply:?}");
            }
        })
    });
    join_all(cells).await;
}
