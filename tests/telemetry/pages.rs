//! The page and the dashboard know every metric.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The metrics that a text names. What Prometheus makes of a histogram counts as that.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let names = words.filter(|word| word.starts_with("seawall_"));
    let parts = ["_bucket", "_sum", "_count"];
    names
        .map(|name| parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name).to_owned())
        .collect()
}

fn registered() -> BTreeSet<String> {
    let folder = root("src/telemetry");
    metrics(&(text(&folder.join("metrics.rs")) + &text(&folder.join("metrics/handles.rs"))))
}

fn dashboard() -> Value {
    serde_json::from_str(&text(&root("docs/grafana.json"))).expect("JSON")
}

/// The panels, those in rows included.
fn panels(value: &Value) -> Vec<&Value> {
    let own = value["panels"].as_array().into_iter().flatten();
    own.flat_map(|panel| std::iter::once(panel).chain(panels(panel))).collect()
}

#[test]
fn every_metric_is_described_explained_and_shown() {
    let registered = registered();
    assert_eq!(registered.len(), 11, "{registered:?}");
    for page in ["src/telemetry/metrics/describe.rs", "docs/metrics.md", "docs/grafana.json"] {
        assert_eq!(metrics(&text(&root(page))), registered, "{page}");
    }
}

#[test]
fn every_panel_asks_the_chosen_source_for_the_chosen_names() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<_> = variables.iter().filter_map(|variable| variable["name"].as_str()).collect();
    assert_eq!(names, ["datasource", "pattern", "name"]);
    assert!(dashboard["schemaVersion"].as_u64() >= Some(39));

    let (mut ids, mut titles, mut queries) = (BTreeSet::new(), BTreeSet::new(), 0);
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64()) && titles.insert(title), "{title} is there twice");
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().expect("queries") {
            let query = target["expr"].as_str().expect("a query");
            assert!(query.contains("name=~\"$name\"") && query.contains("seawall_"), "{title}: {query}");
            assert_eq!(
                query.matches(['(', '{', '[']).count(),
                query.matches([')', '}', ']']).count(),
                "{title}"
            );
            queries += 1;
        }
    }
    assert!(queries >= registered().len());
}

#[test]
fn no_two_panels_lie_on_each_other() {
    let dashboard = dashboard();
    let area =
        |panel: &Value| ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().expect("a side"));
    let areas: Vec<_> = panels(&dashboard).into_iter().map(area).collect();
    for (at, [x, y, w, h]) in areas.iter().enumerate() {
        assert!(x + w <= 24);
        let apart = |[a, b, c, d]: &[u64; 4]| x + w <= *a || a + c <= *x || y + h <= *b || b + d <= *y;
        assert!(areas[at + 1..].iter().all(apart));
    }
}
