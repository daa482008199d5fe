//! The `grpc-timeout` header.

use std::time::Duration;

use ::http::{HeaderName, HeaderValue};

use crate::http::Remaining;

/// The time that remains to a call as gRPC writes it: at most eight digits and a unit, `H M S m u n`. Rounded down, never up.
///
/// For [`ReadDeadlineLayer`](crate::http::ReadDeadlineLayer) in a server; a client writes it with
/// [`OutgoingLayer`](super::OutgoingLayer).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrpcTimeout;

/// The most that eight digits say.
const MOST: u128 = 99_999_999;

/// The units, the finest first, and how many nanoseconds they are.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

impl Remaining for GrpcTimeout {
    fn header(&self) -> HeaderName {
        HeaderName::from_static("grpc-timeout")
    }

    fn read(&self, value: &HeaderValue) -> Option<Duration> {
        let (unit, digits) = value.as_bytes().split_last()?;
        let (_, length) = UNITS.into_iter().find(|(letter, _)| letter == unit)?;
        if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = digits.iter().fold(0, |number: u128, digit| number * 10 + u128::from(digit - b'0'));
        let nanos = number * length;
        Some(Duration::new((nanos / 1_000_000_000) as u64, (nanos % 1_000_000_000) as u32))
    }

    fn write(&self, remaining: Duration) -> HeaderValue {
        let nanos = remaining.as_nanos();
        let fits = |(_, length): &(u8, u128)| nanos / length <= MOST;
        let (unit, length) = UNITS.into_iter().find(fits).unwrap_or(UNITS[5]);
        let text = format!("{}{}", (nanos / length).min(MOST), char::from(unit));
        HeaderValue::from_str(&text).expect("digits and a letter")
    }
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(remaining: Duration) -> String {
        GrpcTimeout.write(remaining).to_str().unwrap().to_owned()
    }

    fn read(text: &str) -> Option<Duration> {
        GrpcTimeout.read(&text.parse().unwrap())
    }

    #[test]
    fn the_finest_unit_that_fits_is_taken() {
        assert_eq!(written(Duration::ZERO), "0n");
        assert_eq!(written(Duration::from_millis(50)), "50000000n");
        assert_eq!(written(Duration::from_millis(100)), "100000u");
        assert_eq!(written(Duration::from_secs(100)), "100000m");
        assert_eq!(written(Duration::from_nanos(99_999_999)), "99999999n");
        assert_eq!(written(Duration::from_nanos(100_000_999)), "100000u");
        assert_eq!(written(Duration::MAX), "99999999H");
    }

    #[test]
    fn what_is_no_timeout_says_nothing() {
        for nonsense in ["", "5", "m", "-5m", "+5m", "1.5S", "5 m", " 5m", "123456789n", "5s", "5h", "5µ"] {
            let value = HeaderValue::from_bytes(nonsense.as_bytes()).unwrap();
            assert_eq!(GrpcTimeout.read(&value), None, "{nonsense:?}");
        }
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(read("0005S"), Some(Duration::from_secs(5)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_never_more_than_remains_and_little_less(secs: u64, nanos in 0..1_000_000_000_u32) {
            let remaining = Duration::new(secs, nanos);
            let read = read(&written(remaining)).unwrap();
            prop_assert!(read <= remaining);
            prop_assert!(secs > 99_999_999 * 3600 || remaining.saturating_sub(read) <= remaining / 1_000);
        }

        #[test]
        fn nothing_panics(text in "[ -~]{0,20}") {
            read(&text);
        }
    }
}
