//! Servers with one answer each.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// A server of HTTP/1.1 that answers each request as `answer` makes it of the head, and closes when it is sent anything
/// else; answers its port. It ends with the test.
pub(crate) fn http1(answer: impl Fn(&str) -> String + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    serve_http1_on(listener, answer);
    port
}

/// The same on a socket of the caller's choice.
pub(crate) fn serve_http1_on(listener: TcpListener, answer: impl Fn(&str) -> String + Send + Sync + Clone + 'static) {
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            std::thread::spawn(move || serve(stream, &answer));
        }
    });
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str) -> String) {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        if bytes.first().is_some_and(|first: &u8| !first.is_ascii_alphabetic()) {
            return;
        }
        let head = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, _)) = head.split_once("\r\n\r\n") {
            if !head.starts_with("PRI") && head.contains(" HTTP/1.1") {
                let _ = stream.write_all(answer(head).as_bytes());
            }
            return;
        }
        match stream.read(&mut part) {
            Ok(count) if count != 0 => bytes.extend_from_slice(&part[..count]),
            _ => return,
        }
    }
}

/// An answer of HTTP/1.1.
pub(crate) fn answer(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A port that takes connections and never says a word.
pub(crate) fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}
