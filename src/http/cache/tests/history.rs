//! Random histories, beside the rules of the page, naively.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Wait(u64),
    Get { language: usize, head: Head, status: Status },
    Post(Status),
}

/// Seconds, and whether there is a tag.
#[derive(Clone, Copy, Debug)]
struct Head {
    fresh: u64,
    swr: u64,
    sie: u64,
    tag: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Status {
    /// A 304 if that was asked for.
    SameIfAsked,
    New,
    Fails,
}

struct Entry {
    body: u64,
    since: u64,
    head: Head,
}

const LANGUAGES: [&str; 3] = ["en", "de", "fr"];

fn status_of() -> impl Strategy<Value = Status> {
    prop_oneof![3 => Just(Status::SameIfAsked), 3 => Just(Status::New), 2 => Just(Status::Fails)]
}

fn step() -> impl Strategy<Value = Step> {
    let window = || prop_oneof![Just(0), 1..12u64];
    let head = (window(), window(), window(), any::<bool>());
    let head = head.prop_map(|(fresh, swr, sie, tag)| Head { fresh, swr, sie, tag });
    prop_oneof![
        3 => (0..8u64).prop_map(Step::Wait),
        6 => (0..3usize, head, status_of()).prop_map(|(language, head, status)| Step::Get { language, head, status }),
        1 => status_of().prop_map(Step::Post),
    ]
}

/// What a model keeps, and what it expects of a call: calls made, status, body, age.
#[derive(Default)]
struct Model {
    kept: HashMap<usize, Entry>,
    now: u64,
    calls: u64,
}

impl Model {
    fn get(&mut self, language: usize, head: Head, status: Status) -> (u16, u64, Option<u64>) {
        let now = self.now;
        let old = |entry: &Entry| (200, entry.body, (now > entry.since).then_some(now - entry.since));
        let kept = self.kept.get(&language);
        if let Some(entry) = kept.filter(|entry| now - entry.since < entry.head.fresh) {
            return old(entry);
        }
        self.calls += 1;
        let body = match (status, kept) {
            (Status::Fails, Some(Entry { since, head, .. }))
                if now - since < head.fresh + head.swr.max(head.sie) =>
            {
                return old(&self.kept[&language]);
            }
            (Status::Fails, _) => return (503, 0, None),
            (Status::SameIfAsked, Some(entry)) if entry.head.tag => entry.body,
            _ => self.calls,
        };
        let same = kept.is_some_and(|entry| entry.body == body);
        let head = Head { tag: head.tag || same, ..head };
        if head.tag || head.fresh + head.swr + head.sie > 0 {
            self.kept.insert(language, Entry { body, since: now, head });
        } else {
            self.kept.remove(&language);
        }
        (200, body, None)
    }
}

/// What the service says next.
type Next = Arc<Mutex<(Option<Head>, Status)>>;

fn said(next: &Next, call: usize, request: &Request<()>) -> Played {
    let (head, plays) = *next.lock();
    let asked = request.headers().contains_key("if-none-match");
    let mut response = match plays {
        Status::Fails => return status(503, &[]),
        Status::SameIfAsked if asked => status(304, &[]),
        _ => page(&[], (call + 1).to_string()),
    }?;
    if let Some(Head { fresh, swr, sie, tag }) = head {
        let control = format!("max-age={fresh}, stale-while-revalidate={swr}, stale-if-error={sie}");
        response.headers_mut().insert("cache-control", control.parse().unwrap());
        response.headers_mut().insert("vary", "accept-language".parse().unwrap());
        if tag {
            response.headers_mut().insert("etag", "\"same\"".parse().unwrap());
        }
    }
    Ok(response)
}

async fn run(steps: Vec<Step>) {
    let next: Next = Arc::new(Mutex::new((None, Status::New)));
    let says = next.clone();
    let origin = Origin::new(move |call, request| said(&says, call, request));
    let service = over!(layer(), origin);
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Wait(seconds) => {
                advance(secs(seconds)).await;
                model.now += seconds;
            }
            Step::Get { language, head, status } => {
                *next.lock() = (Some(head), status);
                let expected = model.get(language, head, status);
                let asked = with(&[("accept-language", LANGUAGES[language])]);
                let response = ask(&service, asked).await.unwrap();
                let (status, age) = (response.status().as_u16(), age(&response));
                let body = text(response).await.parse().unwrap_or_default();
                assert_eq!((status, body, age), expected, "{step:?}");
            }
            Step::Post(status) => {
                *next.lock() = (None, status);
                let post = Request::post("http://a.example/x").body(Body::empty()).unwrap();
                ask(&service, post).await.unwrap();
                model.calls += 1;
                if status != Status::Fails {
                    model.kept.clear();
                }
            }
        }
        assert_eq!(origin.calls() as u64, model.calls, "{step:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn what_is_served_is_what_the_rules_of_http_say(steps in proptest::collection::vec(step(), 1..60)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(run(steps));
    }
}
