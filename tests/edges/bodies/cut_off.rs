//! Calls that their caller's deadline cut off while the body was on its way.

use std::convert::Infallible;

use axum::http::{HeaderMap, HeaderValue};
use futures::StreamExt;
use http_body::Frame;
use http_body_util::StreamBody;
use seawall::circuit_breaker::Abandoned;
use seawall::grpc::GrpcClassify;
use seawall::http::scope;
use seawall::{CircuitBreakerConfig, CircuitBreakerLayer, Deadline, Lift, Totals};
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};

use super::*;

const SOON: Duration = Duration::from_millis(20);
const LATER: Duration = Duration::from_millis(60);

#[derive(Clone, Copy, Debug)]
enum Says {
    /// In the head: `DEADLINE_EXCEEDED`.
    Head,
    /// In the trailers.
    Trailers,
    /// Nothing: its body breaks off.
    Nothing,
}

fn exceeded() -> HeaderMap {
    [("grpc-status".parse().unwrap(), HeaderValue::from_static("4"))].into_iter().collect()
}

fn answer(says: Says) -> Response<Body> {
    let frame = match says {
        Says::Head => {
            let mut response =
                Response::new(Body::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>()));
            *response.headers_mut() = exceeded();
            return response;
        }
        Says::Trailers => Ok(Frame::<Bytes>::trailers(exceeded())),
        Says::Nothing => Err(std::io::Error::other("reset")),
    };
    let late = futures::stream::once(sleep(LATER)).map(move |()| {
        frame.as_ref().map_or_else(
            |error| Err(std::io::Error::other(error.to_string())),
            |frame| Ok(Frame::<Bytes>::trailers(frame.trailers_ref().unwrap().clone())),
        )
    });
    Response::new(Body::new(StreamBody::new(late)))
}

/// What a gate with a scope counts of one call under this deadline, whose body is read outside of it.
async fn counted(says: Says, deadline: Option<Deadline>) -> Totals {
    let config = CircuitBreakerConfig::default().abandoned(Abandoned::Ignore);
    let circuit = CircuitBreakerLayer::new(config).classify(GrpcClassify);
    let handle = circuit.handle();
    let slow = Lift.layer(service_fn(move |_: Request<Body>| async move {
        if let Says::Head = says {
            sleep(LATER).await;
        }
        Ok::<_, Infallible>(answer(says))
    }));
    let call = scope(circuit).layer(slow).oneshot(get("http://x", "/"));
    let response = match deadline {
        Some(deadline) => deadline.scope(call).await,
        None => call.await,
    };
    let mut body = response.unwrap().into_body();
    if !matches!(says, Says::Head) {
        let _trailers = body.frame().await;
    }
    drop(body);
    assert_eq!(handle.in_flight(), 0);
    handle.totals()
}

#[tokio::test]
async fn a_call_that_its_callers_deadline_cut_off_is_abandoned_wherever_that_is_said() {
    for says in [Says::Head, Says::Trailers, Says::Nothing] {
        let totals = counted(says, Some(Deadline::after(SOON))).await;
        assert_eq!((totals.abandoned, totals.calls()), (1, 1), "{says:?}: {totals:?}");
    }
}

#[tokio::test]
async fn a_call_that_was_cut_off_for_another_reason_has_failed() {
    for says in [Says::Head, Says::Trailers, Says::Nothing] {
        for deadline in [None, Some(Deadline::after(Duration::from_secs(60)))] {
            let totals = counted(says, deadline).await;
            assert_eq!((totals.failures, totals.calls()), (1, 1), "{says:?} {deadline:?}: {totals:?}");
        }
    }
}
