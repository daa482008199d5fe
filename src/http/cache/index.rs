//! Which answers there are of what a URI names.

use std::collections::VecDeque;
use std::hash::Hasher;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::{AUTHORIZATION, HOST, HeaderName};
use ::http::uri::PathAndQuery;
use ::http::{HeaderMap, HeaderValue, Method, Uri};

use super::now;
use crate::base::clock::Instant;
use crate::base::sync::{AtomicBool, AtomicU64, Mutex, Ordering};
use crate::cache::{Kept, Lifetime, Memory, Store};
use crate::key::{Digest, Key};

/// So many answers are kept of one resource: one more takes the place of the oldest.
pub(super) const VARIANTS: usize = 8;

/// Of a service that names ever more headers in `Vary`, no more are followed: each is a part of every key.
const NAMES: usize = 32;

/// What a URI names, since it was last invalidated.
///
/// Its lineage is part of the keys of all its answers. To invalidate them is to forget it: the next one has another lineage,
/// so what was kept, and what is still on its way, is not found again.
#[derive(Debug)]
pub(super) struct Resource {
    lineage: u64,
    /// On which headers of the request its answers depend, as far as is known.
    names: Box<[HeaderName]>,
    variants: Mutex<VecDeque<Key<'static>>>,
    /// Whether the last answer was none to keep: without credentials, and with them.
    passing: [AtomicBool; 2],
}

pub(super) type Known = Arc<Kept<Resource>>;

impl Resource {
    /// The key of the answer to this request.
    pub(super) fn key(&self, method: &Method, headers: &HeaderMap, shared: bool) -> Key<'static> {
        // A digest is shorter, and credentials do not lie about.
        let mut digest = Digest::new();
        digest.write_u64(self.lineage);
        digest.write(method.as_str().as_bytes());
        let mut part = |name: &str, values: &mut dyn Iterator<Item = &[u8]>| {
            digest.write(b"\n");
            digest.write(name.as_bytes());
            for value in values {
                digest.write(value.trim_ascii());
                digest.write(b",");
            }
        };
        if headers.contains_key(AUTHORIZATION) {
            // Who shows credentials is never given what was kept of one who did not.
            let values = headers.get_all(AUTHORIZATION).iter().filter(|_| !shared);
            part("authorized:", &mut values.map(HeaderValue::as_bytes));
        }
        for name in &self.names {
            part(name.as_str(), &mut headers.get_all(name).iter().map(HeaderValue::as_bytes));
        }
        Key::from(digest)
    }

    pub(super) fn knows(&self, names: &[HeaderName]) -> bool {
        names.iter().all(|name| self.names.contains(name))
    }

    /// Whether it is no use to wait for the answer to somebody else: it will not be kept, and so not shared.
    pub(super) fn passes(&self, authorized: bool) -> bool {
        self.passing[usize::from(authorized)].load(Ordering::Relaxed)
    }

    /// Whether the answer that has just come is none to keep.
    pub(super) fn pass(&self, authorized: bool, passing: bool) {
        let was = &self.passing[usize::from(authorized)];
        if was.load(Ordering::Relaxed) != passing {
            was.store(passing, Ordering::Relaxed);
        }
    }

    /// An answer is kept under this key. Returns the one that has to go.
    pub(super) fn keep(&self, key: &Key<'static>) -> Option<Key<'static>> {
        let mut variants = self.variants.lock();
        if variants.contains(key) {
            return None;
        }
        variants.push_back(key.clone());
        if variants.len() > VARIANTS { variants.pop_front() } else { None }
    }
}

/// The resources of which something may be kept.
#[derive(Debug)]
pub(super) struct Index {
    known: Memory<Resource>,
    /// Held while one is made, widened or forgotten: never on the way of a hit.
    changing: Mutex<()>,
    lineages: AtomicU64,
}

impl Index {
    pub(super) fn new(resources: u64) -> Self {
        Self {
            known: Memory::new(resources, Duration::MAX),
            changing: Mutex::default(),
            lineages: AtomicU64::new(0),
        }
    }

    /// What this names.
    pub(super) fn find(&self, named: &Key<'static>) -> Known {
        if let Some(known) = self.get(named) {
            return known;
        }
        let _changing = self.changing.lock();
        self.get(named).unwrap_or_else(|| {
            let lineage = self.lineages.fetch_add(1, Ordering::Relaxed);
            self.put(named, lineage, Box::default())
        })
    }

    /// It was learnt that its answers depend on these, too. None if they are too many, or it was invalidated since it was found.
    pub(super) fn widen(&self, found: &Known, names: &[HeaderName]) -> Option<Known> {
        let _changing = self.changing.lock();
        let known =
            self.get(found.key()).filter(|known| known.response().lineage == found.response().lineage)?;
        if known.response().knows(names) {
            return Some(known);
        }
        let mut all = known.response().names.to_vec();
        all.extend_from_slice(names);
        all.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        all.dedup();
        (all.len() <= NAMES).then(|| self.put(found.key(), known.response().lineage, all.into()))
    }

    pub(super) fn forget(&self, named: &Key<'static>) {
        let _changing = self.changing.lock();
        now(self.known.remove(named));
    }

    pub(super) fn forget_all(&self) {
        let _changing = self.changing.lock();
        now(self.known.clear());
    }

    fn get(&self, named: &Key<'static>) -> Option<Known> {
        now(self.known.get(named)).flatten()
    }

    fn put(&self, named: &Key<'static>, lineage: u64, vary: Box<[HeaderName]>) -> Known {
        let passing = [AtomicBool::new(false), AtomicBool::new(false)];
        let resource = Resource { lineage, names: vary, variants: Mutex::default(), passing };
        // It has no age: it leaves for want of room.
        let (for_ever, never) = (Lifetime::fresh(Duration::MAX), Instant::from_nanos(0));
        let known = Arc::new(Kept::new(Key::from(named), resource, for_ever, never, Duration::ZERO));
        now(self.known.insert(known.clone()));
        known
    }
}

/// What a URI names: scheme, authority and target. A server finds the authority in `Host`, and takes the scheme for `http`.
pub(super) fn named(uri: &Uri, headers: &HeaderMap) -> Key<'static> {
    let scheme = uri.scheme_str().unwrap_or("http");
    let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
    let authority = authority.or_else(|| Some(headers.get(HOST)?.as_bytes())).unwrap_or_default();
    let mut digest = Digest::new();
    for part in without_port(authority, scheme).chunks(CHUNK) {
        let mut lower = [0; CHUNK];
        let lower = &mut lower[..part.len()];
        lower.copy_from_slice(part);
        lower.make_ascii_lowercase();
        digest.write(lower);
    }
    for part in [" ", scheme, " ", uri.path_and_query().map_or("/", PathAndQuery::as_str)] {
        digest.write(part.as_bytes());
    }
    Key::from(digest)
}

const CHUNK: usize = 32;

/// An authority without a port that goes without saying.
pub(super) fn without_port<'a>(authority: &'a [u8], scheme: &str) -> &'a [u8] {
    let port: &[u8] = match scheme {
        "http" => b":80",
        "https" => b":443",
        _ => b":",
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

#[cfg(all(test, not(seawall_loom)))]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn key(known: &Known, of: &[(&'static str, &'static str)]) -> Key<'static> {
        known.response().key(&Method::GET, &headers(of), true)
    }

    #[test]
    fn a_resource_is_named_by_scheme_authority_and_target() {
        let of =
            |uri: &str, host: &[(&'static str, &'static str)]| named(&uri.parse().unwrap(), &headers(host));
        let this = of("http://a.example/x?y=1", &[]);
        assert_eq!(of("/x?y=1", &[("host", "A.example")]), this);
        assert_eq!(of("http://A.EXAMPLE/x?y=1", &[("host", "b.example")]), this);
        assert_eq!(of("http://a.example:80/x?y=1", &[]), this);
        for other in [
            "https://a.example/x?y=1",
            "http://a.example:81/x?y=1",
            "http://a.example:443/x?y=1",
            "http://a.example/x?y=2",
            "http://a.example/x",
        ] {
            assert_ne!(of(other, &[]), this, "{other}");
        }
    }

    #[test]
    fn keys_differ_by_the_headers_that_count_and_by_whether_there_are_credentials() {
        let index = Index::new(100);
        let found = index.find(&Key::from(1));
        assert_eq!(key(&found, &[("accept", "a")]), key(&found, &[("accept", "b")]));
        let wide = index.widen(&found, &["accept".parse().unwrap()]).unwrap();
        assert_ne!(key(&wide, &[("accept", "a")]), key(&wide, &[("accept", "b")]));
        assert_ne!(key(&wide, &[("accept", "a")]), key(&wide, &[]));
        assert_eq!(key(&wide, &[("accept", " a")]), key(&wide, &[("accept", "a"), ("x", "y")]));
        assert_ne!(key(&wide, &[("authorization", "a")]), key(&wide, &[]));
        assert_eq!(key(&wide, &[("authorization", "a")]), key(&wide, &[("authorization", "b")]));
        let alone = |who| wide.response().key(&Method::GET, &headers(&[("authorization", who)]), false);
        assert_ne!(alone("a"), alone("b"));
    }

    #[test]
    fn what_is_forgotten_has_other_keys_and_is_not_widened() {
        let index = Index::new(100);
        let found = index.find(&Key::from(1));
        assert!(Arc::ptr_eq(&found, &index.find(&Key::from(1))));
        index.forget(&Key::from(1));
        assert!(index.widen(&found, &[HOST]).is_none(), "nobody knows it");
        let next = index.find(&Key::from(1));
        assert_ne!(key(&found, &[]), key(&next, &[]));
        assert!(index.widen(&found, &[HOST]).is_none(), "it is another");
    }

    #[test]
    fn of_a_service_that_varies_by_ever_more_headers_a_bounded_number_is_followed() {
        let index = Index::new(100);
        let widened = (0..1000).filter(|n| {
            let found = index.find(&Key::from(1));
            index.widen(&found, &[HeaderName::try_from(format!("x-{n}")).unwrap()]).is_some()
        });
        assert_eq!(widened.count(), NAMES);
        assert_eq!(index.find(&Key::from(1)).response().names.len(), NAMES);
    }

    #[test]
    fn of_nine_variants_the_oldest_goes() {
        let found = Index::new(100).find(&Key::from(1));
        let keep = |n: u64| found.response().keep(&Key::from(n));
        assert!((0..8).chain([3]).all(|n| keep(n).is_none()));
        assert_eq!(keep(8), Some(Key::from(0)));
    }
}
