//! Requests that change something, and what is forgotten for it.

use super::*;

fn fresh() -> Origin<impl Fn(usize, &Request<()>) -> Played + Clone> {
    Origin::new(|_, request| match request.method().as_str() {
        "GET" | "HEAD" | "OPTIONS" => page(&[("cache-control", "max-age=99")], "x"),
        _ => status(
            request.headers().get("x-status").map_or(204, |status| status.to_str().unwrap().parse().unwrap()),
            &[("location", "/y?z"), ("content-location", "http://b.example/x")],
        ),
    })
}

fn of(method: &str, uri: &str) -> Request<Body> {
    Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()
}

const URIS: [&str; 3] = ["http://a.example/x", "http://a.example/y?z", "http://b.example/x"];

#[tokio::test(start_paused = true)]
async fn what_a_change_names_is_forgotten_and_what_its_answer_names_of_the_same_origin() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "MKCOL"] {
        let origin = fresh();
        let service = over!(layer(), origin);
        for uri in URIS {
            ask(&service, of("HEAD", uri)).await.unwrap();
            ask(&service, of("GET", uri)).await.unwrap();
        }
        ask(&service, of(method, URIS[0])).await.unwrap();
        for (uri, asked) in URIS.into_iter().zip([2, 2, 0]) {
            let before = origin.calls();
            ask(&service, of("HEAD", uri)).await.unwrap();
            ask(&service, of("GET", uri)).await.unwrap();
            assert_eq!(origin.calls() - before, asked, "{method} {uri}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_failed_and_a_method_that_changes_nothing_forget_nothing() {
    let origin = fresh();
    let service = over!(layer(), origin);
    ask(&service, get()).await.unwrap();
    for status in ["400", "409", "500", "503"] {
        let mut post = of("POST", URIS[0]);
        post.headers_mut().insert("x-status", status.parse().unwrap());
        ask(&service, post).await.unwrap();
    }
    ask(&service, of("OPTIONS", URIS[0])).await.unwrap();
    let before = origin.calls();
    ask(&service, get()).await.unwrap();
    assert_eq!(origin.calls(), before);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_on_its_way_during_a_change_is_not_served_after_it() {
    let count = Arc::new(Mutex::new(0));
    let counted = count.clone();
    let service = layer().layer(service_fn(move |request: Request<Body>| {
        let get = request.method() == "GET";
        *counted.lock() += usize::from(get);
        let is = *counted.lock();
        async move {
            Sleep::new(secs(if get { 10 } else { 1 })).await;
            page(&[("cache-control", "max-age=99")], is.to_string())
        }
    }));
    let (early, changed) = tokio::join!(ask(&service, get()), ask(&service, of("POST", URIS[0])));
    assert_eq!(text(early.unwrap()).await, "1");
    changed.unwrap();
    assert_eq!(text(ask(&service, get()).await.unwrap()).await, "2");
    assert_eq!(text(ask(&service, get()).await.unwrap()).await, "2");
}

#[tokio::test(start_paused = true)]
async fn a_server_knows_its_resources_by_host() {
    let origin = fresh();
    let service = over!(layer(), origin);
    let at_host = |method: &str, uri: &str| {
        let mut request = of(method, uri);
        request.headers_mut().insert("host", "a.example".parse().unwrap());
        request
    };
    ask(&service, at_host("GET", "/x")).await.unwrap();
    ask(&service, at_host("GET", "/y?z")).await.unwrap();
    assert_eq!(origin.calls(), 2);
    ask(&service, at_host("POST", "/x")).await.unwrap();
    ask(&service, at_host("GET", "/x")).await.unwrap();
    ask(&service, at_host("GET", "/y?z")).await.unwrap();
    assert_eq!(origin.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_handle_forgets_one_or_all() {
    let (origin, cache) = (fresh(), layer());
    let (handle, service) = (cache.handle(), over!(cache, origin));
    let both = async || {
        let before = origin.calls();
        for uri in [URIS[0], URIS[2]] {
            ask(&service, of("GET", uri)).await.unwrap();
        }
        origin.calls() - before
    };
    assert_eq!((both().await, both().await), (2, 0));
    handle.invalidate(&URIS[0].parse().unwrap());
    assert_eq!((both().await, both().await), (1, 0));
    handle.invalidate_all();
    assert_eq!(handle.size().entries, 0);
    assert_eq!((both().await, both().await), (2, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_asks_after_a_change_gets_nothing_from_before_it_on_any_thread() {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

    // What the service says, and what it said at least when the last change was over.
    let (says, changed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let said = says.clone();
    let cache = layer();
    let handle = cache.handle();
    let service = cache.layer(service_fn(move |request: Request<Body>| {
        let now = match request.method().as_str() {
            "POST" => said.fetch_add(1, SeqCst) + 1,
            _ => said.load(SeqCst),
        };
        async move {
            tokio::task::yield_now().await;
            page(&[("cache-control", "max-age=99"), ("vary", "x")], now.to_string())
        }
    }));
    let work = (0..8).map(|worker| {
        let (service, changed) = (service.clone(), changed.clone());
        tokio::spawn(async move {
            for n in 0..1000 {
                if (n + worker) % 20 == 0 {
                    let now: u64 =
                        text(ask(&service, of("POST", URIS[0])).await.unwrap()).await.parse().unwrap();
                    changed.fetch_max(now, SeqCst);
                } else {
                    let least = changed.load(SeqCst);
                    let of_x = with(&[("x", ["a", "b", "c"][n % 3])]);
                    let got: u64 = text(ask(&service, of_x).await.unwrap()).await.parse().unwrap();
                    assert!(got >= least, "{got} after {least}");
                }
            }
        })
    });
    for worker in futures::future::join_all(work).await {
        worker.unwrap();
    }
    assert_eq!(says.load(SeqCst), 400);
    assert!(handle.hits() > 1000, "{} hits", handle.hits());
}
