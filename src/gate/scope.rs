//! Whether a gate has one state, or one for each key.

use crate::base::held::{BehindKey, Call, Hold, InLayer, Reach};
use crate::base::lanes::{LaneRef, Lanes};
use crate::key::Key;

/// Says which key a request belongs to. Closures `for<'a> Fn(&'a Request) -> Key<'a>` qualify.
pub trait Keys<Request> {
    /// The key of this request.
    fn key<'a>(&self, request: &'a Request) -> Key<'a>;
}

impl<Request, F: for<'a> Fn(&'a Request) -> Key<'a>> Keys<Request> for F {
    fn key<'a>(&self, request: &'a Request) -> Key<'a> {
        self(request)
    }
}

/// No keys: one state for all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unkeyed;

impl<Request> Keys<Request> for Unkeyed {
    #[inline]
    fn key<'a>(&self, _: &'a Request) -> Key<'a> {
        Key::from(0)
    }
}

/// A key for each request.
#[derive(Clone, Copy, Debug)]
pub struct ByKey<F>(pub(crate) F);

impl<Request, F: Keys<Request>> Keys<Request> for ByKey<F> {
    #[inline]
    fn key<'a>(&self, request: &'a Request) -> Key<'a> {
        self.0.key(request)
    }
}

/// Whether a layer has one state or one for each key.
pub trait Scope {
    /// A state that was found.
    type Found<'a, T: 'a>: Reach<Target = T, Held = Self::Held<T>>;
    /// A state that a call holds.
    type Held<T>: Hold<Target = T>;

    /// Takes the one state, or asks for that of the key.
    #[doc(hidden)]
    fn choose<T>(one: Option<&Lanes<T>>, keyed: impl FnOnce() -> Option<BehindKey<T>>) -> Self::Found<'_, T>;
}

impl Scope for Unkeyed {
    type Found<'a, T: 'a> = InLayer<'a, T>;
    type Held<T> = LaneRef<T>;

    #[inline]
    fn choose<T>(one: Option<&Lanes<T>>, _: impl FnOnce() -> Option<BehindKey<T>>) -> InLayer<'_, T> {
        InLayer::of(one.expect("a layer without keys has one state"))
    }
}

impl<F> Scope for ByKey<F> {
    type Found<'a, T: 'a> = BehindKey<T>;
    type Held<T> = Call<T>;

    #[inline]
    fn choose<T>(_: Option<&Lanes<T>>, keyed: impl FnOnce() -> Option<BehindKey<T>>) -> BehindKey<T> {
        keyed().expect("a keyed layer has a state for each key")
    }
}
