//! What to look at, and what must be so.

use seawall::Totals;

/// Every metric, and what it shows.
const METRICS: [(&str, &str); 10] = [
    ("seawall_calls_total", "what became of each call, layer by layer"),
    ("seawall_call_duration_seconds", "how long it took (only the sums here)"),
    ("seawall_in_flight", "what is on its way: nothing any more"),
    ("seawall_queue_depth", "who waits: nobody any more"),
    ("seawall_limit", "how many at once: set for the bulkhead, found by the adaptive limit"),
    ("seawall_circuit_state", "exactly one is 1"),
    ("seawall_transitions_total", "the circuit opened, probed and closed again"),
    ("seawall_attempts_total", "why calls were made again"),
    ("seawall_gave_up_total", "and why not"),
    ("seawall_budget_tokens", "what the budget still allows"),
];

/// Prints what the page tells of each metric.
pub(crate) fn at(page: &str) {
    for (metric, what) in METRICS {
        println!("\n{metric}: {what}");
        let told = lines(page, metric).filter(|line| !line.contains("_bucket{"));
        told.for_each(|line| println!("  {line}"));
    }
}

/// Whether the page tells of every metric, and what it tells adds up.
pub(crate) fn check(page: &str, circuit: Totals) -> Result<(), String> {
    for (metric, _) in METRICS {
        if lines(page, metric).next().is_none() || !page.contains(&format!("# HELP {metric} ")) {
            return Err(format!("no {metric}"));
        }
    }
    let sum = |metric: &str, label: &str| -> f64 {
        let told = lines(page, metric).filter(|line| line.contains(label));
        told.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    };
    let circuit_label = r#"pattern="circuit_breaker""#;
    let facts = [
        ("calls are those of the handle", sum("seawall_calls_total", circuit_label), circuit.calls() as f64),
        ("nothing is in flight", sum("seawall_in_flight", ""), 0.0),
        ("nobody waits", sum("seawall_queue_depth", ""), 0.0),
        ("one state is 1", sum("seawall_circuit_state", ""), 1.0),
        ("it is closed again", sum("seawall_circuit_state", r#"state="closed""#), 1.0),
        ("attempts are what the circuit saw", sum("seawall_attempts_total", ""), circuit.calls() as f64),
    ];
    println!();
    for (what, told, expected) in facts {
        println!("{what}: {told}");
        if (told - expected).abs() > 0.5 {
            return Err(format!("{what}: {expected} expected"));
        }
    }
    Ok(())
}

/// The lines of a metric, those of a histogram's parts included.
fn lines<'a>(page: &'a str, metric: &'a str) -> impl Iterator<Item = &'a str> {
    page.lines().filter(move |line| {
        let rest = line.strip_prefix(metric);
        rest.is_some_and(|rest| {
            ["{", "_bucket{", "_sum{", "_count{"].iter().any(|part| rest.starts_with(part))
        })
    })
}
