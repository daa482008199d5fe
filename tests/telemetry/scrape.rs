//! The exporter, and what it says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::late;

/// Upper bounds of the buckets of durations, in seconds.
pub(super) const BUCKETS: [f64; 3] = [0.1, 1.0, 10.0];

/// Where the exporter listens. It has a thread and a clock of its own, so paused time does not concern it.
fn exporter() -> SocketAddr {
    static EXPORTER: OnceLock<SocketAddr> = OnceLock::new();
    *EXPORTER.get_or_init(|| {
        late::before_the_recorder();
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
        let builder = PrometheusBuilder::new().with_http_listener(free);
        // With the units in their names, metrics keep the names they have only if these agree with their units.
        let builder = builder.with_recommended_naming(true).set_buckets(&BUCKETS).expect("buckets");
        // Outside of a runtime it makes a thread of its own.
        std::thread::spawn(|| builder.install().expect("an exporter")).join().expect("no panic");
        free
    })
}

/// Makes sure that there is a recorder.
pub(super) fn recorder() {
    exporter();
}

/// The whole text.
pub(super) fn page() -> String {
    let address = exporter();
    for _ in 0..100 {
        if let Ok(page) = get(address) {
            return page;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the exporter does not answer");
}

/// Blocks the thread: while it waits, no task of a paused runtime is idle, and so no time passes.
fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut socket = TcpStream::connect(address)?;
    socket.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(answer)
}

/// One line of the page.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) metric: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl Sample {
    fn parse(line: &str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let (metric, labels) = series.split_once('{')?;
        let labels = labels.strip_suffix("\"}")?.split("\",").filter_map(|label| label.split_once("=\""));
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Self { metric: metric.to_owned(), labels, value: value.parse().ok()? })
    }

    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(label, _)| label == name).map(|(_, value)| &**value)
    }
}

/// All that is said of the layers of this name.
pub(super) struct Said(Vec<Sample>);

pub(super) fn said(name: &str) -> Said {
    let page = page();
    let samples = page.lines().filter(|line| !line.starts_with('#')).filter_map(Sample::parse);
    Said(samples.filter(|sample| sample.label("name") == Some(name)).collect())
}

impl Said {
    pub(super) fn samples(&self) -> &[Sample] {
        &self.0
    }

    /// The only sample with this metric and these labels; none if there is none.
    #[track_caller]
    pub(super) fn find(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let fits = |sample: &&Sample| {
            sample.metric == metric && labels.iter().all(|(name, value)| sample.label(name) == Some(value))
        };
        let mut found = self.0.iter().filter(fits);
        let value = found.next().map(|sample| sample.value);
        assert!(found.next().is_none(), "{metric} {labels:?} is not one series: {:?}", self.0);
        value
    }

    #[track_caller]
    pub(super) fn get(&self, metric: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(metric, labels).unwrap_or_else(|| panic!("no {metric} {labels:?} in {:#?}", self.0))
    }

    /// Calls of this pattern that succeeded, failed, were ignored, refused, abandoned.
    #[track_caller]
    pub(super) fn calls(&self, pattern: &str) -> [f64; 5] {
        ["success", "failure", "ignored", "rejected", "abandoned"]
            .map(|outcome| self.get("seawall_calls_total", &[("pattern", pattern), ("outcome", outcome)]))
    }

    /// The state that is 1: there must be one, and 0 for the three others.
    #[track_caller]
    pub(super) fn state(&self) -> &str {
        let states = || self.0.iter().filter(|sample| sample.metric == "seawall_circuit_state");
        assert_eq!(states().count(), 4);
        assert_eq!(states().filter(|sample| sample.value == 0.0).count(), 3, "{:?}", self.0);
        let one = states().find(|sample| sample.value == 1.0).expect("a state");
        one.label("state").expect("a state has a name")
    }

    #[track_caller]
    pub(super) fn transitions(&self, from: &str, to: &str) -> f64 {
        self.find("seawall_transitions_total", &[("from", from), ("to", to)]).unwrap_or_default()
    }

    /// Sum and count of the durations.
    #[track_caller]
    pub(super) fn durations(&self, pattern: &str) -> (f64, f64) {
        let of =
            |part: &str| self.get(&format!("seawall_call_duration_seconds_{part}"), &[("pattern", pattern)]);
        (of("sum"), of("count"))
    }
}

/// As [`Said::calls`], told by a handle.
pub(super) fn totals(totals: seawall::Totals) -> [f64; 5] {
    [totals.successes, totals.failures, totals.ignored, totals.refused, totals.abandoned].map(|n| n as f64)
}
