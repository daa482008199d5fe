//! Faults on the wire, and what each layer makes of them: the tables below say what is promised.

mod bodies;
mod home;
mod http2;
#[path = "../support/proxy.rs"]
mod proxy;
mod stacks;

use std::time::Duration;

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
async fn call(stack: Stack, fault: Fault, twice: bool) -> Seen {
    let server = Server::start([Reply::Trailers("0")]).await;
    let proxy = Proxy::start(server.address(), [fault]).await;
    let base = format!("http://{}/", proxy.address);
    stack.call(Call { base: &base, twice, http2: false, attempt: limit(fault) }).await
}

/// A row of a table: what the retry made · the circuit counted, well and badly · the timeout cut · the caller got.
const fn row(attempts: u64, successes: u64, failures: u64, timeouts: u64, end: End) -> Seen {
    Seen { attempts, successes, failures, timeouts, end }
}

const LATE: End = End::Refused(RejectedKind::Timeout);
const CUT: End = End::Failed(Cause::Answered);

/// With a request that may be sent twice, to a server whose every connection has this fault. A `reqwest::Response` is over
/// with its head for all layers; of the others the circuit sees the body, too.
const TABLE: [(Fault, [Seen; 3]); 6] = [
    //                  reqwest                                hyper-util                             tonic
    (
        Fault::Pass,
        [row(1, 1, 0, 0, End::Whole(200)), row(1, 1, 0, 0, End::Whole(200)), row(1, 1, 0, 0, End::Whole(0))],
    ),
    (Fault::Reset, [row(2, 0, 2, 0, CUT), row(2, 0, 2, 0, CUT), row(2, 0, 2, 0, CUT)]),
    (Fault::Stall, [row(2, 0, 2, 2, LATE), row(2, 0, 2, 2, LATE), row(2, 0, 2, 2, LATE)]),
    (Fault::Trickle, [row(2, 0, 2, 2, LATE), row(2, 0, 2, 2, LATE), row(2, 0, 2, 2, LATE)]),
    (Fault::HalfHead, [row(2, 0, 2, 0, CUT), row(2, 0, 2, 0, CUT), row(2, 0, 2, 0, CUT)]),
    (
        Fault::HalfBody,
        [
            row(1, 1, 0, 0, End::Broken(200)),
            row(1, 0, 1, 0, End::Broken(200)),
            row(1, 0, 1, 0, End::Broken(200)),
        ],
    ),
];

/// A call that may not be sent twice: the same, with one attempt. It was sent, so it may have been processed.
fn once(seen: Seen) -> Seen {
    row(1, seen.successes.min(1), seen.failures.min(1), seen.timeouts.min(1), seen.end)
}

#[tokio::test]
async fn every_fault_of_a_connection_ends_as_its_table_says() {
    for (fault, expected) in TABLE {
        for (stack, expected) in ALL.into_iter().zip(expected) {
            assert_eq!(call(stack, fault, true).await, expected, "{stack:?}, {fault:?}");
            assert_eq!(call(stack, fault, false).await, once(expected), "{stack:?}, {fault:?}, once");
        }
    }
}

const FINE: End = End::Whole(200);
const OK: End = End::Whole(0);

/// What the server says first, before it says that all is well.
const ANSWERS: [(Reply, [Seen; 3]); 4] = [
    (
        Reply::With(503, "retry-after", "1"),
        [row(2, 1, 1, 0, FINE), row(2, 1, 1, 0, FINE), row(2, 1, 1, 0, OK)],
    ),
    // Too many requests: no failure of the service, but to gRPC, which takes it for UNAVAILABLE.
    (
        Reply::With(429, "retry-after", "1"),
        [row(2, 1, 0, 0, FINE), row(2, 1, 0, 0, FINE), row(2, 1, 1, 0, OK)],
    ),
    // A status of gRPC is none of HTTP. In the headers, it may be tried again; in the trailers, the call was answered.
    (
        Reply::With(200, "grpc-status", "14"),
        [row(1, 1, 0, 0, FINE), row(1, 1, 0, 0, FINE), row(2, 1, 1, 0, OK)],
    ),
    (Reply::Trailers("14"), [row(1, 1, 0, 0, FINE), row(1, 1, 0, 0, FINE), row(1, 0, 1, 0, End::Whole(14))]),
];

#[tokio::test]
async fn every_answer_that_is_a_fault_ends_as_its_table_says() {
    for (reply, expected) in ANSWERS {
        for (stack, expected) in ALL.into_iter().zip(expected) {
            let server = Server::start([reply, Reply::Trailers("0")]).await;
            let call = Call { base: server.url.as_str(), twice: true, http2: false, attempt: secs(10) };
            assert_eq!(stack.call(call).await, expected, "{stack:?}, {reply:?}");
            let came: Vec<_> = server.take().iter().map(|hit| hit.at).collect();
            assert_eq!(came.len() as u64, expected.attempts, "{stack:?}, {reply:?}");
            if matches!(reply, Reply::With(_, "retry-after", _)) {
                assert!(came[1] - came[0] >= secs(1), "{stack:?} did not wait as it was told: {reply:?}");
            }
        }
    }
}
