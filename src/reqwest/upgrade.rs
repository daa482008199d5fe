//! A response that becomes a connection.

use ::reqwest::{Error, Response, Upgraded};

use crate::http::{self, Connection};

/// As [`Response::upgrade`], with the calls in flight until the connection is dropped: those through
/// [scoped](crate::http::scope) gates. Over a response without any it is the same connection.
///
/// ```
/// # async fn call(client: seawall::reqwest::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let response = client.get("https://shop.example/chat").header("connection", "upgrade").header("upgrade", "chat").send().await?;
/// let connection = seawall::reqwest::upgrade(response).await?; // reads and writes
/// # drop(connection); Ok(())
/// # }
/// ```
///
/// # Errors
/// If the server did not switch, or the connection broke before it was handed over.
pub async fn upgrade(mut response: Response) -> Result<Connection<Upgraded>, Error> {
    let calls = response.extensions_mut().remove::<http::Upgraded>();
    Ok(Connection::new(response.upgrade().await?, calls))
}
