//! One layer value is one circuit, one pool, one budget, whichever services it makes.

use std::task::Poll;

use seawall::StackError;
use seawall::testing::{Play, Script};
use tower::Service;

use crate::drive::{poll_once, poll_ready};
use crate::foreign::OTHERS;
use crate::refusing::{is_ready, is_refused};
use crate::subject::{Guards, Subject, Verdict, paused};

laws! {
    the_services_of_a_layer_hold_things_in_common
    the_services_of_a_layer_refuse_together_and_no_others_do
    a_key_that_is_refused_is_no_matter_to_another
}

pub(crate) fn the_services_of_a_layer_hold_things_in_common<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let (subject, other) = (make(), make());
        let (play, holds) = subject.busy;
        let (script, others) = (Script::new([play]), Script::new([play]));
        let (probe, apart) = (script.probe(), others.probe());
        let _other_service = other.layer.layer(others);
        let services = [subject.layer.layer(script.clone()), subject.layer.layer(script)];
        for mut service in services {
            is_ready(poll_ready(&mut service))?;
            let mut future = Box::pin(service.call(1));
            ensure!(poll_once(future.as_mut()).is_pending(), "it does not wait");
            let held = (subject.held)(&probe);
            ensure!(held == holds, "{held} is held by a call that holds {holds}");
            let held = (other.held)(&apart);
            ensure!(held == 0, "another layer holds {held} for it");
        }
        Ok(())
    })
}

pub(crate) fn the_services_of_a_layer_refuse_together_and_no_others_do<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let (subject, other) = (make(), make());
        let services = [(); 2].map(|()| subject.layer.layer(Script::new([subject.busy.0])));
        let mut apart = other.layer.layer(Script::new([other.busy.0]));
        for refusal in &subject.refusals {
            let refusing = (refusal.begin)();
            for mut service in services.iter().cloned() {
                is_ready(poll_ready(&mut service))?;
                let polled = poll_once(Box::pin(service.call(1)).as_mut());
                is_refused(polled).map_err(|why| format!("{}: {why}", refusal.name))?;
            }
            is_ready(poll_ready(&mut apart))?;
            let polled = poll_once(Box::pin(apart.call(2)).as_mut());
            let refused = matches!(&polled, Poll::Ready(Err(error)) if error.as_rejected().is_some());
            ensure!(!refused, "{}: another layer refuses as well", refusal.name);
            drop(refusing);
        }
        Ok(())
    })
}

/// Unless there is no room for a state of its own.
pub(crate) fn a_key_that_is_refused_is_no_matter_to_another<L: Guards<Script>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let subject = make();
        let Some(shares) = subject.shares_keys else { return Ok(()) };
        let mut service = subject.layer.layer(Script::new([Play::Answer]));
        for refusal in &subject.refusals {
            let refusing = (refusal.begin)();
            for (request, is_refused) in [(1, true), (OTHERS, shares), (2, true)] {
                is_ready(poll_ready(&mut service))?;
                let polled = poll_once(Box::pin(service.call(request)).as_mut());
                let refused = matches!(&polled, Poll::Ready(Err(error)) if error.as_rejected().is_some());
                ensure!(refused == is_refused, "{}: request {request} got {polled:?}", refusal.name);
            }
            drop(refusing);
        }
        Ok(())
    })
}
