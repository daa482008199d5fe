//! An axum server that sheds load instead of drowning: `cargo run --example axum_server`.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "an application, not a layer")]

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use seawall::axum::{by_path, respond};
use seawall::http::{StatusClassify, scope};
use seawall::{BulkheadConfig, BulkheadLayer, RateLimitConfig, RateLimitLayer, TimeoutLayer};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

async fn report() -> &'static str {
    tokio::time::sleep(ms(100)).await;
    "a report"
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Four at once on each route, held until the body has been sent, and four in the queue for no longer than 150 ms.
    let pool = BulkheadConfig::new(4).queue(4, ms(150)).name("reports");
    let pool = BulkheadLayer::new(pool).classify(StatusClassify).key_by(by_path);
    let app = Router::new()
        .route("/reports/{id}", get(report))
        .route("/stuck", get(std::future::pending::<()>))
        .route("/", get(async || "hello"))
        .layer(respond((
            RateLimitLayer::new(RateLimitConfig::per_second(100).burst(40).name("server")),
            scope(pool),
            TimeoutLayer::new(ms(300)),
        )));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    let client = reqwest::Client::builder().no_proxy().build()?;
    for (what, path, calls) in [
        ("two readers of a report", "/reports/1", 2),
        ("a crowd of readers", "/reports/1", 12),
        ("somebody else, meanwhile", "/", 1),
        ("a handler that is stuck", "/stuck", 1),
        ("a flood", "/", 60),
    ] {
        let calls = (0..calls).map(|_| client.get(format!("{base}{path}")).send());
        let mut answers = std::collections::BTreeMap::<_, (usize, Option<String>)>::new();
        for answer in futures::future::join_all(calls).await {
            let answer = answer?;
            let (count, hint) = answers.entry(answer.status().as_u16()).or_default();
            *count += 1;
            *hint =
                answer.headers().get("retry-after").and_then(|hint| hint.to_str().ok()).map(str::to_owned);
        }
        println!("{what}");
        for (status, (count, hint)) in answers {
            let hint = hint.map(|seconds| format!(", retry-after: {seconds}")).unwrap_or_default();
            println!("    {count:3} x {status}{hint}");
        }
    }
    Ok(())
}
