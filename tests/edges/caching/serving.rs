//! What is kept, of what, and for whom.

use super::*;

#[tokio::test]
async fn what_is_fresh_is_served_with_its_age() {
    let server = server().await;
    let cache = layer();
    let handle = cache.handle();
    let service = cache.layer(client());
    let (_, head, first) = send(&service, server.get("/fresh")).await;
    assert!(!head.contains_key("age"));
    let (status, head, second) = send(&service, server.get("/fresh")).await;
    assert_eq!((status, first, second), (StatusCode::OK, "1".to_owned(), "1".to_owned()));
    assert!(head["age"].to_str().unwrap().parse::<u64>().unwrap() < 5);
    assert!(head.contains_key("date"));
    assert_eq!((server.hits.of("/fresh"), handle.hits(), handle.misses()), (1, 1, 1));

    send(&service, server.get("/old")).await;
    let (_, head, _) = send(&service, server.get("/old")).await;
    assert!(head["age"].to_str().unwrap().parse::<u64>().unwrap() >= 10);
    assert_eq!(server.hits.of("/old"), 1);
}

#[tokio::test]
async fn what_has_a_tag_is_asked_about() {
    let server = server().await;
    let cache = layer();
    let handle = cache.handle();
    let service = cache.layer(client());
    assert!(!send(&service, server.get("/tagged")).await.1.contains_key("x-hit"));
    let (status, head, body) = send(&service, server.get("/tagged")).await;
    assert_eq!((status, body), (StatusCode::OK, "1".to_owned()));
    assert_eq!(head["x-hit"], "again");
    assert_eq!((server.hits.of("/tagged"), handle.revalidated()), (2, 1));
    let (status, _, body) = send(&service, server.with("/tagged", &[("if-none-match", "\"7\"")])).await;
    assert_eq!((status, body), (StatusCode::NOT_MODIFIED, String::new()));
}

#[tokio::test]
async fn each_language_is_kept() {
    let server = server().await;
    let service = layer().layer(client());
    for _ in 0..3 {
        for language in ["en", "de"] {
            let (_, _, body) =
                send(&service, server.with("/language", &[("accept-language", language)])).await;
            assert_eq!(body, language);
        }
    }
    assert_eq!(server.hits.of("/language"), 2);
}

#[tokio::test]
async fn what_is_not_for_all_is_not_kept() {
    let server = server().await;
    let service = layer().layer(client());
    for hit in 1..4 {
        for path in ["/no-store", "/private", "/cookie"] {
            send(&service, server.get(path)).await;
            assert_eq!(server.hits.of(path), hit, "{path}");
        }
        send(&service, server.with("/fresh", &[("authorization", "Bearer x")])).await;
        assert_eq!(server.hits.of("/fresh"), hit);
    }
}

#[tokio::test]
async fn a_post_invalidates() {
    let server = server().await;
    let service = layer().layer(client());
    let posted = format!("{}/fresh", server.base);
    assert_eq!(send(&service, server.get("/fresh")).await.2, "1");
    assert_eq!(send(&service, request("POST", posted, &[])).await.0, 204);
    assert_eq!(send(&service, server.get("/fresh")).await.2, "3");
    assert_eq!(send(&service, server.get("/fresh")).await.2, "3");
}

#[tokio::test]
async fn a_long_body_streams_through() {
    let server = server().await;
    let cache = layer();
    let handle = cache.handle();
    let service = cache.layer(client());
    for hit in 1..3 {
        assert_eq!(send(&service, server.get("/long")).await.2.len(), 2_000_000);
        assert_eq!(server.hits.of("/long"), hit);
    }
    assert_eq!(handle.size().entries, 0);
}

#[tokio::test]
async fn a_body_that_was_cut_is_not_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        for body in ["cut", "the whole!"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let head = "HTTP/1.1 200 OK\r\ncache-control: max-age=60\r\ncontent-length: 10\r\nconnection: close\r\n\r\n";
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    let service = layer().layer(client());
    let cut = service.clone().oneshot(request("GET", base.clone(), &[])).await.unwrap();
    assert!(cut.into_body().collect().await.is_err());
    for _ in 0..2 {
        assert_eq!(send(&service, request("GET", base.clone(), &[])).await.2, "the whole!");
    }
    task.await.unwrap();
}

#[tokio::test]
async fn it_stands_around_the_routes_of_a_server() {
    let hits = Hits::default();
    let app = Router::new().fallback(play).with_state(hits.clone());
    let service = ServiceBuilder::new().layer(layer()).layer(seawall::Lift).service(app);
    for _ in 0..2 {
        let (_, _, body) =
            send(&service, request("GET", "/fresh".to_owned(), &[("host", "a.example")])).await;
        assert_eq!(body, "1");
    }
    assert_eq!(hits.of("/fresh"), 1);
}

#[tokio::test]
async fn it_is_a_layer_of_a_router() {
    let hits = Hits::default();
    let app = Router::new().fallback(play).with_state(hits.clone()).layer(seawall::axum::respond(layer()));
    for _ in 0..2 {
        let asked = request("GET", "/fresh".to_owned(), &[("host", "a.example")]);
        assert_eq!(send(&app, asked).await.2, "1");
    }
    assert_eq!(hits.of("/fresh"), 1);
}

#[tokio::test]
async fn a_head_says_how_long_the_page_is_and_brings_nothing() {
    let hits = Hits::default();
    let app = Router::new().fallback(play).with_state(hits.clone()).layer(seawall::axum::respond(layer()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let server = Server { base, hits, task };
    let uri = format!("{}/fresh", server.base);
    assert_eq!(send(&client(), server.get("/fresh")).await.2, "1");
    // Over one connection: a body would be taken for the beginning of the next answer.
    let client = client();
    for _ in 0..3 {
        let (status, head, body) = send(&client, request("HEAD", uri.clone(), &[])).await;
        assert_eq!(
            (status, &head["content-length"], body.as_str()),
            (StatusCode::OK, &"1".parse().unwrap(), "")
        );
    }
    assert_eq!(server.hits.of("/fresh"), 1);
}
