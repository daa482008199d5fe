//! What a user may say of requests and answers.

use super::Lifetime;
use crate::key::Key;

/// Says what a request asks for. Closures `for<'a> Fn(&'a Request) -> Option<Key<'a>>` qualify.
///
/// Two requests with one key must have the same answer, whoever asks: put the tenant into the key if answers differ by tenant.
pub trait CacheKey<Request> {
    /// The key of this request; `None` if its answer is neither kept nor looked for.
    fn key<'a>(&self, request: &'a Request) -> Option<Key<'a>>;
}

impl<Request, F: for<'a> Fn(&'a Request) -> Option<Key<'a>>> CacheKey<Request> for F {
    fn key<'a>(&self, request: &'a Request) -> Option<Key<'a>> {
        self(request)
    }
}

/// Says how long an answer may be used. Asked for each response that was judged a success.
pub trait Lifetimes<Request, Response> {
    /// What must be known of the request when the response is there and the request is gone.
    type Noted;

    /// Notes it, before the request is sent.
    fn note(&self, request: &Request) -> Self::Noted;

    /// How long this answer may be used, where the config says `usual`; `None` does not keep it.
    fn lifetime(&self, noted: &Self::Noted, response: &Response, usual: Lifetime) -> Option<Lifetime>;

    /// The key to keep this answer under, if it says itself that the one of the request does not tell enough. Those who waited
    /// for the key of the request go on their own then. None by default.
    fn moved(&self, noted: &Self::Noted, response: &Response) -> Option<Key<'static>> {
        let _ = (noted, response);
        None
    }
}

/// As long as the config says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByConfig;

/// Keeps some answers only: [`cache_if`](super::CacheLayer::cache_if).
#[derive(Clone, Copy, Debug)]
pub struct CacheIf<F>(pub(super) F);

/// Says it for each answer: [`ttl_with`](super::CacheLayer::ttl_with).
#[derive(Clone, Copy, Debug)]
pub struct TtlWith<F>(pub(super) F);

impl<Request, Response> Lifetimes<Request, Response> for ByConfig {
    type Noted = ();

    fn note(&self, _: &Request) {}

    fn lifetime(&self, (): &(), _: &Response, usual: Lifetime) -> Option<Lifetime> {
        Some(usual)
    }
}

impl<Request, Response, F: Fn(&Response) -> bool> Lifetimes<Request, Response> for CacheIf<F> {
    type Noted = ();

    fn note(&self, _: &Request) {}

    fn lifetime(&self, (): &(), response: &Response, usual: Lifetime) -> Option<Lifetime> {
        (self.0)(response).then_some(usual)
    }
}

impl<Request, Response, F> Lifetimes<Request, Response> for TtlWith<F>
where
    F: Fn(&Response, Lifetime) -> Option<Lifetime>,
{
    type Noted = ();

    fn note(&self, _: &Request) {}

    fn lifetime(&self, (): &(), response: &Response, usual: Lifetime) -> Option<Lifetime> {
        (self.0)(response, usual)
    }
}
