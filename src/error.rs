//! The error law: a layer changes neither the response type nor the error type.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

pub use crate::rejected::{Rejected, RejectedKind};

/// The boxed error of the tower world.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// An error that a stack of layers can speak: it takes a refusal in, and finds it again.
///
/// [`Error`] and [`BoxError`] qualify, and any enum of yours that holds a [`Rejected`]:
///
/// ```
/// use seawall::{Rejected, StackError};
///
/// #[derive(Debug)]
/// enum MyError {
///     Refused(Rejected),
///     Database(std::io::Error),
/// }
///
/// impl From<Rejected> for MyError {
///     fn from(rejected: Rejected) -> Self {
///         Self::Refused(rejected)
///     }
/// }
///
/// impl StackError for MyError {
///     fn as_rejected(&self) -> Option<&Rejected> {
///         match self {
///             Self::Refused(rejected) => Some(rejected),
///             Self::Database(_) => None,
///         }
///     }
///
///     fn as_service(&self) -> Option<&(dyn std::error::Error + 'static)> {
///         match self {
///             Self::Refused(_) => None,
///             Self::Database(error) => Some(error),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot carry a refusal of a seawall layer",
    label = "this service's error must be lifted first",
    note = "add `.layer(seawall::Lift)` innermost, right above the service",
    note = "where it stands already, it does not know this error: put `.map_err(seawall::Error::Service)` in its place",
    note = "around the routes of an axum `Router`: `.layer(seawall::axum::respond(…))`, which needs neither"
)]
pub trait StackError: From<Rejected> {
    /// The refusal, if a layer of this stack answered instead of the service.
    fn as_rejected(&self) -> Option<&Rejected>;

    /// The service's own error, if it was the service that failed.
    fn as_service(&self) -> Option<&(dyn StdError + 'static)>;
}

/// The error of a stack over a service with error `E`.
///
/// `source()` is what is inside, for both variants, and `Display` does not repeat it: print the chain.
#[derive(Debug)]
pub enum Error<E> {
    /// A layer answered instead of the service.
    Rejected(Rejected),
    /// The service failed.
    Service(E),
}

impl<E> From<Rejected> for Error<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E: StdError + 'static> StackError for Error<E> {
    fn as_rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Service(error) => rejected_in(error),
        }
    }

    fn as_service(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Service(error) if rejected_in(error).is_none() => Some(error),
            _ => None,
        }
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(_) => f.write_str("refused by a layer"),
            Self::Service(_) => f.write_str("the service failed"),
        }
    }
}

impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Service(error) => Some(error),
        }
    }
}

impl StackError for BoxError {
    fn as_rejected(&self) -> Option<&Rejected> {
        rejected_in(&**self)
    }

    fn as_service(&self) -> Option<&(dyn StdError + 'static)> {
        if self.as_rejected().is_some() { None } else { Some(&**self) }
    }
}

/// A refusal that *is* this error, or that this error only wraps (a box around an [`Error`], a stack lifted twice).
/// No deeper: a service that failed because *its* circuit was open has failed.
fn rejected_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Rejected> {
    error.downcast_ref().or_else(|| error.source()?.downcast_ref())
}

/// A value of a config that lies outside its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    field: &'static str,
    value: String,
    bound: Cow<'static, str>,
}

impl ConfigError {
    /// `value`, given for `field` (`circuit_breaker.probes`), is outside `bound` (`at least 1`).
    pub fn new(field: &'static str, value: impl fmt::Debug, bound: impl Into<Cow<'static, str>>) -> Self {
        Self { field, value: format!("{value:?}"), bound: bound.into() }
    }

    /// The field, after its pattern: `circuit_breaker.probes`.
    #[must_use]
    pub fn field(&self) -> &str {
        self.field
    }

    /// What was given.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What is allowed.
    #[must_use]
    pub fn bound(&self) -> &str {
        &self.bound
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}, but must be {}", self.field, self.value, self.bound)
    }
}

impl StdError for ConfigError {}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use crate::name::Name;
    use std::io;

    fn refusal() -> Rejected {
        Rejected::new(RejectedKind::CircuitOpen, Name::new("inventory"))
    }

    #[derive(Debug)]
    struct Handler(Error<io::Error>);
    impl fmt::Display for Handler {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("handler failed")
        }
    }
    impl StdError for Handler {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn a_stack_lifted_twice_or_boxed_finds_its_own_refusal() {
        let twice: Error<Error<io::Error>> = Error::Service(Error::Rejected(refusal()));
        assert_eq!(twice.as_rejected(), Some(&refusal()));
        assert!(twice.as_service().is_none());
        let boxed: BoxError = Box::new(Error::<io::Error>::Rejected(refusal()));
        assert_eq!(boxed.as_rejected(), Some(&refusal()));
        let bare: BoxError = refusal().into();
        assert_eq!(bare.as_rejected(), Some(&refusal()));
        assert!(bare.as_service().is_none());
    }

    #[test]
    fn a_service_that_failed_because_its_own_circuit_was_open_has_failed() {
        let failed: Error<Handler> = Error::Service(Handler(Error::Rejected(refusal())));
        assert!(failed.as_rejected().is_none());
        assert!(failed.as_service().unwrap().is::<Handler>());
    }

    #[test]
    fn the_chain_of_sources_is_never_cut_and_says_nothing_twice() {
        let error: Error<io::Error> = Error::Service(io::Error::other("disk on fire"));
        assert_eq!(error.source().unwrap().to_string(), "disk on fire");
        assert!(!error.to_string().contains("disk"));
        let error: Error<io::Error> = Error::Rejected(refusal());
        assert!(error.source().unwrap().is::<Rejected>());
    }
}
