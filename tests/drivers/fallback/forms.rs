//! The forms that need no time, as a user writes them.

use super::*;

#[tokio::test]
async fn a_call_that_succeeds_is_answered_by_the_service() {
    let mut service = FallbackLayer::value(0).layer(plays(Play::Answer));
    assert_eq!(call(&mut service, 7).await.unwrap(), 1);
}

#[tokio::test]
async fn a_call_that_fails_is_answered_with_the_value() {
    let mut service = FallbackLayer::value(0).layer(broken());
    assert_eq!(call(&mut service, 7).await.unwrap(), 0);
    assert_eq!(call(&mut service, 8).await.unwrap(), 0, "and again");
}

/// Counts its clones.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::SeqCst);
        Self(self.0.clone())
    }
}

#[tokio::test]
async fn a_value_is_cloned_when_it_is_given_and_not_before() {
    let clones = Arc::new(AtomicUsize::new(0));
    let layer = FallbackLayer::value(Counted(clones.clone()));
    let mine = Counted(Arc::default());
    let good = service_fn(|good: bool| {
        let mine = Counted(mine.0.clone());
        async move { if good { Ok(mine) } else { Err(Error::Service(Fault)) } }
    });
    let mut service = layer.clone().layer(good);
    for _ in 0..10 {
        call(&mut service, true).await.unwrap();
    }
    assert_eq!(clones.load(Ordering::SeqCst), 0);
    call(&mut service, false).await.unwrap();
    assert_eq!(clones.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_is_made_from_the_error_and_its_type_need_not_be_named() {
    let mut service = FallbackLayer::from_error(|_| 40).layer(broken());
    assert_eq!(call(&mut service, 7).await.unwrap(), 40);
    let layer = FallbackLayer::from_error(|error: &Error<Fault>| u64::from(error.as_service().is_some()));
    assert_eq!(call(&mut layer.layer(broken()), 7).await.unwrap(), 1);
    assert_eq!(call(&mut layer.layer(refused(RejectedKind::CircuitOpen)), 7).await.unwrap(), 0);
}

#[tokio::test]
async fn a_response_that_is_no_success_has_no_error_to_be_answered_from() {
    let layer =
        FallbackLayer::from_error(|_| -> Said { unreachable!("there is no error") }).classify(as_said);
    let said = call(&mut layer.layer(says(Outcome::TRANSIENT)), 7).await.unwrap();
    assert_eq!(said.by, "service");
}

#[tokio::test]
async fn an_answer_is_made_from_the_result_or_there_is_none() {
    let layer = FallbackLayer::from_result(|result: &Answer<Said>| match result {
        Ok(said) if said.outcome == Outcome::TRANSIENT => Some(Said { by: "fallback", ..*said }),
        _ => None,
    });
    let layer = layer.classify(as_said);
    let said = call(&mut layer.layer(says(Outcome::TRANSIENT)), 7).await.unwrap();
    assert_eq!(said.by, "fallback", "what a function answers is not judged");
    let said = call(&mut layer.layer(says(Outcome::Permanent)), 7).await.unwrap();
    assert_eq!(said, Said { by: "service", outcome: Outcome::Permanent }, "the original");
}

#[tokio::test]
async fn a_service_that_is_not_clone_and_a_response_that_is_not_clone_will_do() {
    struct Once(Option<u64>);
    impl Service<()> for Once {
        type Response = std::cell::Cell<u64>;
        type Error = Error<Fault>;
        type Future = std::future::Ready<Answer<Self::Response>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Answer<()>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            std::future::ready(self.0.take().map(std::cell::Cell::new).ok_or(Error::Service(Fault)))
        }
    }
    let mut service = FallbackLayer::from_error(|_| std::cell::Cell::new(0)).layer(Once(Some(1)));
    assert_eq!(call(&mut service, ()).await.unwrap().get(), 1);
    assert_eq!(call(&mut service, ()).await.unwrap().get(), 0);
}

#[tokio::test]
async fn a_value_that_cannot_be_shared_between_threads_can_be_sent_with_its_service() {
    #[derive(Clone, Debug)]
    struct Unshared(#[expect(dead_code, reason = "for its type")] std::cell::Cell<u8>, Vec<u8>);
    let fails = service_fn(|_: u64| async { Err::<Unshared, _>(Error::Service(Fault)) });
    let mut service = FallbackLayer::value(Unshared(std::cell::Cell::new(0), vec![9])).layer(fails);
    let task = tokio::spawn(async move { call(&mut service, 1).await });
    assert_eq!(task.await.unwrap().unwrap().1, [9]);
}

#[tokio::test]
async fn a_readiness_error_is_passed_on_since_there_is_no_request_yet() {
    let script = broken();
    script.probe().fail_ready();
    let mut service = FallbackLayer::value(0).layer(script);
    assert!(ServiceExt::<u64>::ready(&mut service).await.is_err());
}
