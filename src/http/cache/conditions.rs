//! What a request asks to be spared, and what the cache asks about: RFC 9110 §13, RFC 9111 §4.3.

use ::http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use ::http::{HeaderMap, HeaderValue, Response, StatusCode};
use ::http_body::Body;

use super::body::CacheBody;
use super::policy::date;

/// What a request asks to be spared.
#[derive(Debug)]
pub(super) struct Conditions {
    none_match: Vec<HeaderValue>,
    modified_since: Option<HeaderValue>,
}

impl Conditions {
    /// Takes them out of the request: the cache needs the whole answer, and compares by itself.
    pub(super) fn take(headers: &mut HeaderMap) -> Option<Self> {
        let none_match: Vec<_> = headers.get_all(IF_NONE_MATCH).iter().cloned().collect();
        headers.remove(IF_NONE_MATCH);
        let modified_since = headers.remove(IF_MODIFIED_SINCE);
        let any = modified_since.is_some() || !none_match.is_empty();
        any.then_some(Self { none_match, modified_since })
    }

    /// The response, or a 304 if the caller has it already: RFC 9111 §4.3.2.
    pub(super) fn answer<B: Body>(&self, response: Response<CacheBody<B>>) -> Response<CacheBody<B>> {
        if response.status() != StatusCode::OK || !self.hold(response.headers()) {
            return response;
        }
        let (mut head, _) = response.into_parts();
        head.status = StatusCode::NOT_MODIFIED;
        [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_TYPE]
            .iter()
            .for_each(|name| drop(head.headers.remove(name)));
        Response::from_parts(head, CacheBody::default())
    }

    fn hold(&self, headers: &HeaderMap) -> bool {
        if !self.none_match.is_empty() {
            let tag = headers.get(ETAG).map(|tag| opaque(tag.as_bytes()));
            let mut theirs = self.none_match.iter().flat_map(|line| tags(line.as_bytes()));
            return theirs.any(|theirs| theirs == b"*" || Some(opaque(theirs)) == tag);
        }
        let of = |value: Option<&HeaderValue>| date(value?.as_bytes());
        of(headers.get(LAST_MODIFIED))
            .is_some_and(|at| of(self.modified_since.as_ref()).is_some_and(|since| at <= since))
    }
}

/// Asks whether a response with this head still holds.
pub(super) fn ask_about(head: &HeaderMap, request: &mut HeaderMap) {
    for (asked, has) in [(IF_NONE_MATCH, ETAG), (IF_MODIFIED_SINCE, LAST_MODIFIED)] {
        if let Some(value) = head.get(has) {
            request.insert(asked, value.clone());
        }
    }
}

/// Whether what is said may be about a response with this head: it may name the tag it means.
pub(super) fn is_about(said: &HeaderMap, head: &HeaderMap) -> bool {
    let tag = |headers: &HeaderMap| headers.get(ETAG).map(|tag| opaque(tag.as_bytes()).to_vec());
    let theirs = tag(said);
    theirs.is_none() || theirs == tag(head)
}

/// The tags of a list. A comma in quotes belongs to one, and a backslash says nothing there.
fn tags(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let ends = move |byte: &u8| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    };
    line.split(ends).map(<[u8]>::trim_ascii)
}

/// A tag without its weakness.
fn opaque(tag: &[u8]) -> &[u8] {
    let tag = tag.trim_ascii();
    tag.strip_prefix(b"W/").unwrap_or(tag)
}
