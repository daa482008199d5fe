use std::time::Duration;

use super::config::AfterFailure::{FlyAlone, Refuse};
use super::state::{Ending, ending};
use crate::classify::Outcome;
use crate::name::Name;
use crate::rejected::{Rejected, RejectedKind};

const NAME: Name = Name::new("x");
const SOON: Duration = Duration::from_secs(3);

fn failed() -> Rejected {
    Rejected::new(RejectedKind::FlightFailed, NAME)
}

#[test]
fn the_end_of_a_flight_means_what_the_table_says() {
    let throttled = Outcome::Throttled { retry_after: Some(SOON) };
    for (outcome, refusing, flying) in [
        (Outcome::Success, Ending::Share, Ending::Share),
        (Outcome::TRANSIENT, Ending::Refuse(failed()), Ending::Scatter),
        (throttled, Ending::Refuse(failed().with_time(SOON)), Ending::Scatter),
        (Outcome::Permanent, Ending::Refuse(failed()), Ending::Scatter),
        (Outcome::Ignored, Ending::Scatter, Ending::Scatter),
    ] {
        assert_eq!(ending(Refuse, NAME, outcome, None), refusing, "{outcome:?}");
        assert_eq!(ending(FlyAlone, NAME, outcome, None), flying, "{outcome:?}");
    }
}

#[test]
fn a_refusal_from_below_means_what_the_table_says() {
    let below = |kind| Rejected::new(kind, Name::new("below")).with_time(SOON);
    let open = below(RejectedKind::CircuitOpen);
    for (rejected, refusing, flying) in [
        (open.clone(), Ending::Refuse(open), Ending::Scatter),
        (below(RejectedKind::Timeout), Ending::Refuse(failed()), Ending::Scatter),
        (below(RejectedKind::DeadlineExceeded), Ending::HandOn, Ending::HandOn),
    ] {
        let outcome = rejected.outcome();
        assert_eq!(ending(Refuse, NAME, outcome, Some(&rejected)), refusing, "{rejected}");
        assert_eq!(ending(FlyAlone, NAME, outcome, Some(&rejected)), flying, "{rejected}");
    }
}
