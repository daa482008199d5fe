//! What is written in the papers and the docs, as it stands there.

use std::time::Duration;

use seawall::Instant;
use seawall::adaptive::Sample;

/// What a limit was told when it was made.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) start: usize,
    pub(super) max: usize,
    pub(super) latency: Duration,
    pub(super) span: Duration,
    pub(super) samples: usize,
}

/// What comes of all samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) limit: f64,
    /// When a drop last acted.
    pub(super) acted: Option<Instant>,
    /// When the window that is open was opened.
    pub(super) opened: Option<Instant>,
}

impl Known {
    pub(super) fn read(self) -> usize {
        self.limit.floor() as usize
    }

    pub(super) fn could_read(self, read: usize) -> bool {
        let slack = self.limit * 1e-9;
        ((self.limit - slack).floor() as usize..=(self.limit + slack).floor() as usize).contains(&read)
    }
}

/// Whether a drop at `now` acts: at most one in 100 ms does.
fn acts(acted: &mut Option<Instant>, now: Instant) -> bool {
    let acts = acted.is_none_or(|acted| now.saturating_duration_since(acted) >= Duration::from_millis(100));
    if acts {
        *acted = Some(now);
    }
    acts
}

/// A drop, or a call above the latency: × 0.9. Else + 1 if at least half the limit is in use.
pub(super) fn aimd(rules: &Rules, samples: &[Sample]) -> Known {
    let (mut limit, mut acted) = (rules.start as f64, None);
    for sample in samples {
        if sample.dropped || sample.rtt > rules.latency {
            if acts(&mut acted, sample.now) {
                limit = (0.9 * limit).max(1.0);
            }
        } else if 2 * sample.in_flight as u128 >= limit.ceil() as u128 && limit < rules.max as f64 {
            limit = (limit + 1.0).min(rules.max as f64);
        }
    }
    Known { limit, acted, opened: None }
}

/// Samples that make windows: each is so old and holds so many. The last one is still open.
struct Windows<'a> {
    rules: &'a Rules,
    opened: Option<Instant>,
    open: Vec<Sample>,
}

impl<'a> Windows<'a> {
    const fn new(rules: &'a Rules) -> Self {
        Self { rules, opened: None, open: vec![] }
    }

    /// The mean in seconds and the most in flight of the window that this sample ends, if it does.
    fn take(&mut self, sample: Sample) -> Option<(f64, usize)> {
        self.open.push(sample);
        let opened = *self.opened.get_or_insert(sample.now);
        let old = sample.now.saturating_duration_since(opened) >= self.rules.span;
        if !old || self.open.len() < self.rules.samples {
            return None;
        }
        let window = std::mem::take(&mut self.open);
        self.opened = Some(sample.now);
        let sum: Duration = window.iter().map(|sample| sample.rtt).sum();
        let most = window.iter().map(|sample| sample.in_flight).max()?;
        Some((sum.as_secs_f64() / window.len() as f64, most))
    }
}

/// The mean of the first ten, then an average in which the latest weighs 2/601; × 0.95 each time it is twice the latest.
fn long(means: &[f64]) -> f64 {
    let mut long = 0.0;
    for (number, latest) in means.iter().enumerate() {
        long = if number < 10 {
            (long * number as f64 + latest) / (number as f64 + 1.0)
        } else {
            long * (1.0 - 2.0 / 601.0) + latest * 2.0 / 601.0
        };
        if number + 1 < means.len() && long / latest > 2.0 {
            long *= 0.95;
        }
    }
    long
}

/// `g = clamp(1.5 · long / short, 0.5, 1)`, `L = 0.8 L + 0.2 (L g + 4)`.
pub(super) fn gradient2(rules: &Rules, samples: &[Sample]) -> Known {
    let (mut limit, mut acted) = (rules.start as f64, None);
    let (mut windows, mut means) = (Windows::new(rules), vec![]);
    for sample in samples {
        if sample.dropped {
            if acts(&mut acted, sample.now) {
                limit = (0.9 * limit).max(1.0);
            }
        } else if let Some((mean, most)) = windows.take(*sample) {
            means.push(mean);
            if 2.0 * most as f64 >= limit {
                let gradient = (1.5 * long(&means) / mean).clamp(0.5, 1.0);
                limit = (0.8 * limit + 0.2 * (limit * gradient + 4.0)).clamp(1.0, rules.max as f64);
            }
        }
    }
    Known { limit, acted, opened: windows.opened }
}

/// `q = ⌈L (1 - least / latest)⌉`, `l` the logarithm or a twentieth: `q ≤ l` + 6 l, `q < 3 l` + l, `q > 6 l` - l. A drop
/// × 0.9, and × 0.7 if nothing has succeeded since the last that acted.
pub(super) fn vegas(rules: &Rules, samples: &[Sample]) -> Known {
    let (mut limit, mut acted, mut silent) = (rules.start as f64, None, false);
    let (mut windows, mut means) = (Windows::new(rules), vec![]);
    for sample in samples {
        if sample.dropped {
            if acts(&mut acted, sample.now) {
                limit = (if silent { 0.7 } else { 0.9 } * limit).max(1.0);
                silent = true;
            }
            continue;
        }
        silent = false;
        let Some((latest, most)) = windows.take(*sample) else { continue };
        means.push(latest);
        let least = means.iter().copied().fold(f64::INFINITY, f64::min);
        // The first window is the measure and nothing else.
        if means.len() == 1 || 2.0 * (most as f64) < limit {
            continue;
        }
        let step = (limit.floor().log10().floor()).max((limit / 20.0).floor()).max(1.0);
        let queue = (limit * (1.0 - least / latest)).ceil();
        let change = if queue <= step {
            6.0 * step
        } else if queue < 3.0 * step {
            step
        } else if queue > 6.0 * step {
            -step
        } else {
            0.0
        };
        limit = (limit + change).clamp(1.0, rules.max as f64);
    }
    Known { limit, acted, opened: windows.opened }
}
