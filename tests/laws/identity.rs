//! L4, L10, L11: a layer that never triggers is not there.

use std::error::Error as StdError;
use std::sync::Arc;

use seawall::testing::{Play, Script};
use seawall::{BoxError, Error, StackError};
use tower::Service;

use crate::drive::{A_WHILE, call, poll_once, poll_ready};
use crate::inner::{Answer, Echo, Own};
use crate::subject::{Guards, Subject, Verdict, paused};

laws! {
    a_layer_that_never_triggers_changes_no_response
    the_error_of_the_service_arrives_as_it_was
    the_boxed_error_of_the_service_arrives_as_it_was
    no_task_is_spawned
}

/// L4.
pub(crate) fn a_layer_that_never_triggers_changes_no_response<L: Guards<Echo<Error<Own>>>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let mark = Arc::new(());
        for polls in [0, 1, 5] {
            let mut service = make().layer.layer(Echo::new(&mark, polls));
            for request in [0, 2, 4, u64::MAX - 1] {
                let result: Result<Answer, Error<Own>> = call(&mut service, request).await;
                let answer = result.map_err(|error| format!("an answer became {error:?}"))?;
                ensure!(answer.request == request, "the answer to {} came for {request}", answer.request);
                ensure!(Arc::ptr_eq(&answer.mark, &mark), "another answer");
            }
            // What is failed stays failed, and what comes after it stays answered.
            for request in [1, 2] {
                let result = call(&mut service, request).await;
                ensure!(result.is_ok() == (request == 2), "request {request} ended in {result:?}");
            }
        }
        Ok(())
    })
}

/// L11.
pub(crate) fn the_error_of_the_service_arrives_as_it_was<L: Guards<Echo<Error<Own>>>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let mark = Arc::new(());
        let mut service = make().layer.layer(Echo::new(&mark, 1));
        for request in [1, 3] {
            let Err(error) = call(&mut service, request).await else { return Err("it was answered".into()) };
            ensure!(error.as_rejected().is_none(), "taken for a refusal: {error:?}");
            is_own(error.as_service(), &mark)?;
            is_own(error.source(), &mark)?;
            let Error::Service(own) = error else { return Err("another variant".into()) };
            ensure!(Arc::ptr_eq(&own.mark, &mark), "another error of the same type");
        }
        Ok(())
    })
}

/// L11, in the error of the tower world.
pub(crate) fn the_boxed_error_of_the_service_arrives_as_it_was<L: Guards<Echo<BoxError>>>(
    make: &dyn Fn() -> Subject<L>,
) -> Verdict {
    paused(async {
        let mark = Arc::new(());
        let mut service = make().layer.layer(Echo::new(&mark, 1));
        for request in [1, 3] {
            let Err(error) = call(&mut service, request).await else { return Err("it was answered".into()) };
            ensure!(error.as_rejected().is_none(), "taken for a refusal: {error:?}");
            is_own(error.as_service(), &mark)?;
            ensure!(error.downcast::<Own>().is_ok(), "it can no longer be downcast");
        }
        Ok(())
    })
}

fn is_own(error: Option<&(dyn StdError + 'static)>, mark: &Arc<()>) -> Verdict {
    let Some(own) = error.and_then(|error| error.downcast_ref::<Own>()) else {
        return Err(format!("the service's error is hidden by {error:?}"));
    };
    ensure!(Arc::ptr_eq(&own.mark, mark), "another error of the same type");
    let cause = own.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    let broken_pipe = cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe);
    ensure!(broken_pipe, "the chain of sources is cut");
    Ok(())
}

/// L10, triggered or not.
pub(crate) fn no_task_is_spawned<L: Guards<Script>>(make: &dyn Fn() -> Subject<L>) -> Verdict {
    paused(async {
        let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        for play in
            [Play::Answer, Play::Fail, Play::AnswerAfter(A_WHILE), Play::FailAfter(A_WHILE), Play::Hang]
        {
            let subject = make();
            let mut service = subject.layer.layer(Script::new([play]));
            for refusal in &subject.refusals {
                let refusing = (refusal.begin)();
                let _refused = call(&mut service, 0).await;
                drop(refusing);
            }
            ensure!(poll_ready(&mut service).is_ready(), "not ready though the service is");
            ensure!(tasks() == 0, "{} tasks for readiness", tasks());
            let mut future = Box::pin(service.call(1));
            ensure!(tasks() == 0, "{} tasks by the call, {play:?}", tasks());
            for _ in 0..10 {
                let ended = poll_once(future.as_mut()).is_ready();
                ensure!(tasks() == 0, "{} tasks while it is polled, {play:?}", tasks());
                if ended {
                    break;
                }
                tokio::time::advance(A_WHILE).await;
            }
            drop((future, service, subject));
            ensure!(tasks() == 0, "{} tasks were left behind, {play:?}", tasks());
        }
        Ok(())
    })
}
