//! A subscriber that keeps what it is told.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A span or an event.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) level: Option<Level>,
    pub(super) target: String,
    /// Of a span its name, of an event its message.
    pub(super) text: String,
    pub(super) fields: HashMap<&'static str, String>,
    /// Of an event: the spans around it, the innermost last. Of a span: those it is in.
    pub(super) within: Vec<String>,
    pub(super) entered: u32,
    pub(super) exited: u32,
    pub(super) closed: bool,
}

impl Told {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.text = format!("{value:?}");
        } else {
            self.fields.insert(field.name(), format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }
}

/// What was told, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Collected {
    spans: Arc<Mutex<Vec<(u64, Told)>>>,
    events: Arc<Mutex<Vec<Told>>>,
}

/// From here to its end, this test is the only one with a subscriber: which levels anybody reads is known to the process
/// as a whole.
pub(super) fn alone() {
    static ONE: Mutex<()> = Mutex::new(());
    thread_local! { static HELD: RefCell<Option<MutexGuard<'static, ()>>> = const { RefCell::new(None) } }
    HELD.with_borrow_mut(|held| {
        held.get_or_insert_with(|| ONE.lock().unwrap_or_else(PoisonError::into_inner));
    });
}

impl Collected {
    /// Collects what happens on this thread, down to this level.
    pub(super) fn from(level: Level) -> (Self, DefaultGuard) {
        alone();
        let collected = Self::default();
        let filter = tracing_subscriber::filter::LevelFilter::from_level(level);
        let subscriber = tracing_subscriber::registry().with(collected.clone().with_filter(filter));
        (collected, tracing::subscriber::set_default(subscriber))
    }

    pub(super) fn spans(&self) -> Vec<Told> {
        self.spans.lock().expect("no panic").iter().map(|(_, told)| told.clone()).collect()
    }

    pub(super) fn events(&self) -> Vec<Told> {
        self.events.lock().expect("no panic").clone()
    }

    fn with(&self, id: &Id, change: impl FnOnce(&mut Told)) {
        let mut spans = self.spans.lock().expect("no panic");
        let told = spans.iter_mut().rev().find(|(known, _)| *known == id.into_u64());
        change(&mut told.expect("a known span").1);
    }
}

fn ours(target: &str) -> bool {
    target.starts_with("seawall")
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collected {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        let mut told = Told {
            level: Some(*metadata.level()),
            target: metadata.target().to_owned(),
            text: metadata.name().to_owned(),
            ..Told::default()
        };
        let parent = context.span(id).and_then(|span| span.parent());
        told.within.extend(parent.map(|span| span.name().to_owned()));
        attributes.record(&mut told);
        self.spans.lock().expect("no panic").push((id.into_u64(), told));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.with(id, |told| values.record(told));
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        self.with(id, |told| told.entered += 1);
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        self.with(id, |told| told.exited += 1);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.with(&id, |told| told.closed = true);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        if !ours(metadata.target()) {
            return;
        }
        let scope =
            context.event_scope(event).into_iter().flat_map(tracing_subscriber::registry::Scope::from_root);
        let mut told = Told {
            level: Some(*metadata.level()),
            target: metadata.target().to_owned(),
            within: scope.map(|span| span.name().to_owned()).collect(),
            ..Told::default()
        };
        event.record(&mut told);
        self.events.lock().expect("no panic").push(told);
    }
}
