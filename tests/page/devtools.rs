//! How does a test ask a browser what it shows? Over the DevTools protocol, on a WebSocket of the few frames that it takes.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::cli::Process;
use crate::support::client;
use crate::support::eventually;
use crate::support::net::local;

/// A tab of a browser.
pub(crate) struct Tab {
    stream: TcpStream,
    calls: u64,
}

impl Tab {
    /// The first tab of `browser`, which was started with `--remote-debugging-port=0`.
    pub(crate) async fn of(browser: &Process) -> Tab {
        let port = eventually("the browser's debugging port", || async {
            let said =
                browser.log().into_iter().find_map(|line| line.split("ws://127.0.0.1:").nth(1).map(str::to_owned));
            said.and_then(|rest| rest.split('/').next()?.parse().ok())
        });
        let port: u16 = port.await;
        let path = eventually("a tab", || async {
            let tabs: Value = serde_json::from_str(&client::get(port, "/json/list").await.text()).ok()?;
            let page = tabs.as_array()?.iter().find(|tab| tab["type"] == "page")?.clone();
            let url = page["webSocketDebuggerUrl"].as_str()?;
            url.find("/devtools/").map(|at| url[at..].to_owned())
        });
        let path = path.await;
        let mut stream = TcpStream::connect(local(port)).await.unwrap();
        let hello = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        stream.write_all(hello.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Tab { stream, calls: 0 }
    }

    /// What the script `expression` comes to.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// Calls a method of the protocol.
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        self.send(&json!({"id": id, "method": method, "params": params}).to_string()).await;
        loop {
            let message: Value = serde_json::from_str(&self.receive().await).unwrap();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{message}");
                return message["result"].clone();
            }
        }
    }

    /// One text frame. Its mask, which clients must have, is zero.
    async fn send(&mut self, text: &str) {
        let length = u16::try_from(text.len()).unwrap();
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.stream.write_all(&frame).await.unwrap();
    }

    /// The next message, which may come in several frames.
    async fn receive(&mut self) -> String {
        let mut message = Vec::new();
        loop {
            let (first, length) = (self.stream.read_u8().await.unwrap(), self.stream.read_u8().await.unwrap());
            let length = match length {
                126 => u64::from(self.stream.read_u16().await.unwrap()),
                127 => self.stream.read_u64().await.unwrap(),
                short => u64::from(short),
            };
            let mut part = vec![0; length as usize];
            self.stream.read_exact(&mut part).await.unwrap();
            message.extend(part);
            if first & 0x80 != 0 {
                return String::from_utf8(message).unwrap();
            }
        }
    }
}
