//! One key on all attempts of a call.

use ::http::response::Parts;
use ::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use super::{ClassifyBody, StatusClassify, may_be_repeated};
use crate::base::random::entropy;
use crate::classify::{Classify, Outcome};
use crate::error::StackError;
use crate::event::{Attempts, Degraded};
use crate::repeat::Repeat;

const HEADER: &str = "idempotency-key";

/// Gives requests that may not be sent twice by themselves (a POST, a PATCH) an `Idempotency-Key`, the same on all attempts of a
/// call, so that they may (draft-ietf-httpapi-idempotency-key-header). For services that know the header.
///
/// A key speaks of one service: another one that does not know the keys of the first must not answer instead of it.
///
/// Put it around another strategy. A key that the request has already stays. Together with it judge by [`InFlight`]: a 409 then
/// means that the attempt before this one is still being worked on.
///
/// ```
/// use seawall::http::{Idempotent, IdempotencyKey, InFlight, StatusClassify};
/// use seawall::{RetryConfig, RetryLayer};
///
/// let retry = RetryLayer::new(RetryConfig::default().name("payments"))
///     .repeat(IdempotencyKey(Idempotent))
///     .classify(InFlight(StatusClassify));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdempotencyKey<R>(pub R);

impl<B, R: Repeat<Request<B>>> Repeat<Request<B>> for IdempotencyKey<R> {
    fn copy(&self, request: &mut Request<B>) -> Option<Request<B>> {
        if !may_be_repeated(request.method(), request.headers()) {
            give_key(request.headers_mut());
        }
        self.0.copy(request)
    }

    fn begin_again(&self, copy: &mut Request<B>) {
        self.0.begin_again(copy);
    }

    fn copy_again(&self, copy: &mut Request<B>) -> Option<Request<B>> {
        self.0.copy_again(copy)
    }

    /// With its key every request is.
    fn is_idempotent(&self, _: &Request<B>) -> bool {
        true
    }

    fn is_whole(&self, copy: &mut Request<B>) -> bool {
        self.0.is_whole(copy)
    }
}

/// A string of 128 random bits, from the operating system: nobody may guess the key of somebody else's payment.
pub(crate) fn give_key(headers: &mut HeaderMap) {
    let key = format!("\"{:032x}\"", entropy());
    let key = HeaderValue::from_str(&key).expect("digits in quotes");
    headers.insert(HEADER, key);
}

/// Takes a 409 for `Transient`: the attempt before is still being worked on. A 422 stays what it is: the key was used for another
/// request, and will be for ever. For calls with an [`IdempotencyKey`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight<C>(pub C);

impl<B, C, E: StackError> Classify<Response<B>, E> for InFlight<C>
where
    C: Classify<Response<B>, E>,
{
    fn classify(&self, result: &Result<Response<B>, E>) -> Outcome {
        match result {
            Ok(response) if response.status() == StatusCode::CONFLICT => busy(response.headers()),
            _ => self.0.classify(result),
        }
    }

    fn gave_up(&self, result: &mut Result<Response<B>, E>, attempts: Attempts) {
        self.0.gave_up(result, attempts);
    }

    fn fell_back(&self, response: &mut Response<B>, degraded: Degraded) {
        self.0.fell_back(response, degraded);
    }
}

impl<C: ClassifyBody> ClassifyBody for InFlight<C> {
    fn head(&self, parts: &Parts) -> Option<Outcome> {
        if parts.status == StatusCode::CONFLICT { Some(busy(&parts.headers)) } else { self.0.head(parts) }
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        self.0.end(trailers)
    }

    fn broken(&self) -> Outcome {
        self.0.broken()
    }
}

fn busy(headers: &HeaderMap) -> Outcome {
    StatusClassify.judge(StatusCode::SERVICE_UNAVAILABLE, headers)
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::http::Idempotent;

    fn key(request: &Request<()>) -> Option<&str> {
        Some(request.headers().get(HEADER)?.to_str().unwrap())
    }

    #[test]
    fn all_attempts_have_the_same_key_and_no_two_calls_do() {
        let mut keys = Vec::new();
        for _ in 0..2 {
            let mut first = Request::post("/").body(()).unwrap();
            let mut second = IdempotencyKey(Idempotent).copy(&mut first).unwrap();
            let third = IdempotencyKey(Idempotent).copy(&mut second).unwrap();
            assert!(IdempotencyKey(Idempotent).is_idempotent(&first));
            assert_eq!((key(&first), key(&second)), (key(&second), key(&third)));
            keys.push(key(&first).unwrap().to_owned());
        }
        assert!(keys[0] != keys[1] && keys[0].len() == 34, "{keys:?}");
    }

    #[test]
    fn a_key_of_the_request_stays_and_a_get_needs_none() {
        let mut own = Request::post("/").header(HEADER, "mine").body(()).unwrap();
        IdempotencyKey(Idempotent).copy(&mut own).unwrap();
        assert_eq!(key(&own), Some("mine"));
        let mut get = Request::get("/").body(()).unwrap();
        IdempotencyKey(Idempotent).copy(&mut get).unwrap();
        assert_eq!(key(&get), None);
    }

    #[test]
    fn an_answer_of_a_fallback_is_marked_as_one() {
        let mut response = Response::new(());
        let judge: &dyn Classify<_, Error<std::io::Error>> = &InFlight(StatusClassify);
        judge.fell_back(&mut response, Degraded { outcome: Outcome::TRANSIENT, rejected: None });
        assert!(response.extensions().get::<Degraded>().is_some());
    }

    #[test]
    fn a_call_in_flight_is_asked_for_again_and_a_key_that_was_used_is_not() {
        let judged = |status: u16| {
            let response = Response::builder().status(status).header("retry-after", "2").body(()).unwrap();
            InFlight(StatusClassify).classify(&Ok::<_, Error<std::io::Error>>(response))
        };
        let transient = StatusClassify.judge(
            StatusCode::SERVICE_UNAVAILABLE,
            &[("retry-after".parse().unwrap(), "2".parse().unwrap())].into_iter().collect(),
        );
        assert_eq!(judged(409), transient);
        let head = |status: u16| {
            InFlight(StatusClassify)
                .head(&Response::builder().status(status).body(()).unwrap().into_parts().0)
        };
        assert_eq!((head(409), head(422), head(200)), (Some(Outcome::TRANSIENT), None, None));
        assert_eq!(InFlight(StatusClassify).end(None), Outcome::Success);
        assert_eq!((judged(422), judged(200)), (Outcome::Success, Outcome::Success));
    }
}
