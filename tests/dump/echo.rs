//! Who gives back what it is sent? A server that refuses each request with 401, and repeats its headers in the answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::net::{free_port, local};

/// Starts it; answers the port it listens on.
pub(crate) async fn serve() -> u16 {
    let port = free_port();
    let listener = TcpListener::bind(local(port)).await.unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(refuse(socket));
        }
    });
    port
}

async fn refuse(mut socket: TcpStream) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let Ok(read @ 1..) = socket.read(&mut buffer).await else { return };
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let field = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        let length: usize = field("content-length").unwrap().parse().unwrap();
        let head_len = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        if request.len() < head_len + length {
            continue;
        }
        let token = field("authorization").unwrap_or_default();
        let body = format!("{{\"message\":\"unknown token {token}\",\"padding\":\"{}\"}}", "x".repeat(5000));
        let answer = format!(
            "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nx-echo: {token}\r\n\
             set-cookie: session=cookie-of-the-peer\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        let _ = socket.write_all(answer.as_bytes()).await;
        return;
    }
}
