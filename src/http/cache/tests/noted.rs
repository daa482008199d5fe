//! What the layers below noted in the extensions of a response.

use super::*;
use crate::event::Degraded;

#[derive(Clone, Debug, PartialEq)]
struct Noted(usize);

fn noted<B>(response: &Response<B>) -> Option<usize> {
    response.extensions().get::<Noted>().map(|noted| noted.0)
}

fn noting(
    head: &'static [(&'static str, &'static str)],
) -> Origin<impl Fn(usize, &Request<()>) -> Played + Clone> {
    Origin::new(move |call, request| {
        let asked = request.headers().contains_key("if-none-match");
        let mut response = if asked { status(304, head) } else { page(head, "x") }?;
        response.extensions_mut().insert(Noted(call));
        Ok(response)
    })
}

#[tokio::test(start_paused = true)]
async fn who_made_the_call_gets_what_was_noted_on_the_way_and_nobody_else() {
    let origin = noting(&[("cache-control", "max-age=9"), ("etag", "\"1\"")]);
    let service = over!(layer(), origin);
    let reload = || with(&[("cache-control", "no-cache")]);
    for (wait, request, call) in [
        (0, get(), Some(0)),
        (1, get(), None),
        (9, get(), Some(1)),
        (1, get(), None),
        (0, reload(), Some(2)),
        (0, get(), None),
    ] {
        advance(secs(wait)).await;
        assert_eq!(noted(&ask(&service, request).await.unwrap()), call);
    }
    assert_eq!(origin.calls(), 3);
    let passing = noting(&[]);
    let service = over!(layer(), passing);
    assert_eq!(noted(&ask(&service, get()).await.unwrap()), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_304_to_a_caller_has_them_too() {
    let origin = noting(&[("cache-control", "max-age=9"), ("etag", "\"1\"")]);
    let service = over!(layer(), origin);
    let response = ask(&service, with(&[("if-none-match", "\"1\"")])).await.unwrap();
    assert_eq!((response.status().as_u16(), noted(&response)), (304, Some(0)));
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_one_has_them() {
    let service = layer().layer(service_fn(|_: Request<Body>| async {
        Sleep::new(secs(1)).await;
        let mut response = page(&[("cache-control", "max-age=9")], "x")?;
        response.extensions_mut().insert(Noted(7));
        Ok::<_, Failure>(response)
    }));
    let crowd = futures::future::join_all((0..9).map(|_| ask(&service, get()))).await;
    assert_eq!(crowd.iter().filter(|response| noted(response.as_ref().unwrap()).is_some()).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_stood_in_for_the_service_is_not_kept() {
    let degraded = Origin::new(|_, _| {
        let mut response = page(&[("cache-control", "max-age=9")], "instead")?;
        response.extensions_mut().insert(Degraded { outcome: crate::Outcome::Permanent, rejected: None });
        Ok(response)
    });
    let service = over!(layer(), degraded);
    for calls in 1..3 {
        assert_eq!(text(ask(&service, get()).await.unwrap()).await, "instead");
        assert_eq!(degraded.calls(), calls);
    }
}
