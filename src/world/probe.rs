//! Does somebody answer at an address.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// Whether a connection comes about in time; nothing is said over it.
pub async fn connects(address: SocketAddr, within: Duration) -> bool {
    let connected = tokio::time::timeout(within, TcpStream::connect(address)).await;
    matches!(connected, Ok(Ok(_)))
}
