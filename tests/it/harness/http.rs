//! Plain HTTP, byte for byte, so that a test can send what no library would.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{DEADLINE, House, TOKEN};

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header; panics where it stands twice, which browsers read in many ways.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1);
        let pairs = fields.filter_map(|line| line.split_once(':'));
        let mut values = pairs
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim());
        let value = values.next();
        assert_eq!(values.next(), None, "two headers {name}:\n{}", self.head);
        value
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The header that lets a program in.
pub fn bearer() -> (&'static str, String) {
    ("authorization", format!("Bearer {TOKEN}"))
}

/// Gets a path with the right token.
pub async fn get(house: &House, path: &str) -> Answer {
    let (name, token) = bearer();
    request(house.address, "GET", path, &[(name, &token)]).await
}

/// Sends a request and reads the whole answer. `path` is sent as it is.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let headers = [&[("connection", "close")], headers].concat();
    let mut stream = send(address, method, path, &headers).await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    timeout(DEADLINE, reading)
        .await
        .expect("an answer")
        .unwrap();
    split(answer)
}

/// Asks for the socket of the lab `lab` as a browser or a program would, and says with which
/// status the server answers: 101 when the socket is open.
pub async fn upgrade(house: &House, headers: &[(&str, &str)]) -> Answer {
    upgrade_at(house, "labs/lab/ws", headers).await
}

/// Asks for the socket at a path below the base path.
pub async fn upgrade_at(house: &House, path: &str, headers: &[(&str, &str)]) -> Answer {
    let needed = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let path = format!("{}{path}", house.base_path);
    let headers = [&needed, headers].concat();
    let mut stream = send(house.address, "GET", &path, &headers).await;
    let mut answer = Vec::new();
    let reading = async {
        while !answer.windows(4).any(|four| four == b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "no answer");
        }
    };
    timeout(DEADLINE, reading).await.expect("an answer");
    split(answer)
}

async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> TcpStream {
    let names_host = |(name, _): &(&str, &str)| name.eq_ignore_ascii_case("host");
    let host = address.to_string();
    let own = (!headers.iter().any(names_host)).then_some(("host", host.as_str()));
    let lines = own.iter().chain(headers);
    let head: String = lines
        .map(|(name, value)| [name, ": ", value, "\r\n"].concat())
        .collect();
    let request = format!("{method} {path} HTTP/1.1\r\n{head}\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn split(mut answer: Vec<u8>) -> Answer {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.expect("a head") + 4);
    let head = String::from_utf8(answer).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body }
}
