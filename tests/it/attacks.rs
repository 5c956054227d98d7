//! What somebody would try who wants in, or wants the server down. After each attack another
//! client works as before, and memory has not grown.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use katahost::protocol::{CALLS_BURST, SUBPROTOCOL, frame::input};
use katahost::server::limits::{MAX_SOCKETS, raise_open_files};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::harness::{
    DEADLINE, House, HouseOptions, Visitor, eventually,
    http::{bearer, request, upgrade},
    program::{Program, command},
    wire::{Wire, call, refusal},
};

const MEGABYTE: u64 = 1024 * 1024;

/// More than an attack may leave behind: what an allocator keeps for the next time.
const LEFT_BEHIND: u64 = 24 * MEGABYTE;

/// The real binary with a lab, and what it was like before the attack.
struct Target {
    program: Program,
    _temp: TempDir,
    resident_bytes: u64,
}

impl Target {
    async fn new() -> Self {
        Self::started(Program::from).await
    }

    async fn started(start: impl FnOnce(Command) -> Program) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("lab");
        fs::create_dir(&root).unwrap();
        let config = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;
        fs::write(root.join(".katapod_config.json"), config).unwrap();
        fs::write(
            root.join("intro.md"),
            "# Lab\n\n```\n### api\necho block\n```\n",
        )
        .unwrap();
        let arguments = [root.to_str().unwrap(), "--listen", "127.0.0.1:0"];
        let program = start(command(&arguments, &[]));
        let mut target = Self {
            program,
            _temp: temp,
            resident_bytes: 0,
        };
        target.check_works().await;
        target.resident_bytes = target.program.resident_bytes();
        target
    }

    async fn enter(&self) -> Visitor {
        let address = self.program.socket("lab");
        let mut visitor = Visitor::connect(&address, None, None).await.unwrap();
        visitor.size_all(80, 24).await;
        visitor
    }

    async fn check_works(&self) {
        let mut visitor = self.enter().await;
        let mark = katahost::lab::store::random_name();
        visitor
            .type_text("api", &format!("echo '{mark}'works\r"))
            .await;
        visitor.until_text("api", &format!("\r{mark}works")).await;
    }

    /// Another client works, and memory comes back to what it was.
    async fn check(&self) {
        self.check_works().await;
        let most = self.resident_bytes + LEFT_BEHIND;
        eventually("memory is given back", || {
            self.program.resident_bytes() < most
        })
        .await;
    }

    async fn wire(&self, client: &str) -> Wire {
        Wire::enter(&self.program.socket("lab"), client).await
    }

    /// A socket that is open, below the WebSocket library.
    async fn raw(&self) -> TcpStream {
        let (path, token) = (self.program.path(), self.program.token().unwrap());
        let address = self.program.address();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "GET {path}labs/lab/ws HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: {SUBPROTOCOL}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 101"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        stream
    }
}

/// A client's frame with a mask of zeros (RFC 6455, section 5.2).
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut frame = vec![first];
    match u16::try_from(length) {
        Ok(short @ 0..126) => frame.push(0x80 | short.to_le_bytes()[0]),
        Ok(medium) => {
            frame.push(0x80 | 0x7e);
            frame.extend(medium.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 0x7f);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Reads a server's frames until one closes the socket; 1006 when there is none.
async fn ending(stream: &mut TcpStream) -> u16 {
    let reading = async {
        loop {
            let first = stream.read_u8().await?;
            let length = match stream.read_u8().await? {
                126 => stream.read_u16().await?.into(),
                127 => stream.read_u64().await?,
                short => short.into(),
            };
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            stream.read_exact(&mut payload).await?;
            if first == 0x88 {
                let code = payload
                    .first_chunk()
                    .map_or(1005, |code| u16::from_be_bytes(*code));
                return Ok::<u16, std::io::Error>(code);
            }
        }
    };
    timeout(DEADLINE, reading)
        .await
        .expect("an end")
        .unwrap_or(1006)
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_frames_end_the_socket_with_a_reason() {
    let target = Target::new().await;
    let unmasked = b"\x81\x02{}".to_vec();
    let fragmented_ping = frame(0x09, b"x");
    let long_ping = frame(0x89, &[b'x'; 126]);
    let half = frame(0x01, b"{");
    let endless = [
        &frame(0x01, &[b' '; 1000])[..],
        &frame(0x00, &vec![b' '; 65_000]).repeat(20),
    ]
    .concat();
    let announced = [&[0x82, 0xff][..], &u64::MAX.to_be_bytes(), &[0; 4]].concat();
    let cases: [(&str, Vec<u8>, u16); 12] = [
        ("first reserved bit", frame(0xc1, b"{}"), 1002),
        ("last reserved bit", frame(0x91, b"{}"), 1002),
        ("unknown data opcode", frame(0x83, b"x"), 1002),
        ("unknown control opcode", frame(0x8b, b"x"), 1002),
        ("no mask", unmasked, 1002),
        ("text that is not UTF-8", frame(0x81, b"\"\xff\xfe\""), 1002),
        ("continuation of nothing", frame(0x80, b"x"), 1002),
        (
            "text inside a text",
            [&half[..], &frame(0x81, b"{}")].concat(),
            1002,
        ),
        ("fragmented ping", fragmented_ping, 1002),
        ("long ping", long_ping, 1002),
        ("too many fragments", endless, 1009),
        ("announced length of everything", announced, 1009),
    ];
    for (what, bytes, code) in cases {
        let mut stream = target.raw().await;
        // The server may close before it has taken everything.
        drop(stream.write_all(&bytes).await);
        assert_eq!(ending(&mut stream).await, code, "{what}");
    }
    target.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn message_in_a_thousand_pieces_is_one_message() {
    let target = Target::new().await;
    let mut stream = target.raw().await;
    let text = call(1, "workspace/listCommands", Value::Null).to_string();
    let mut frames = frame(0x01, b"");
    for byte in text.bytes() {
        frames.extend(frame(0x00, &[byte]));
        frames.extend(frame(0x00, b"").repeat(20));
        frames.extend(frame(0x89, b"between"));
    }
    frames.extend(frame(0x80, b""));
    frames.extend(frame(0x88, &1000_u16.to_be_bytes()));
    stream.write_all(&frames).await.unwrap();
    let mut answer = vec![0; 64 * 1024];
    let mut filled = 0;
    let reading = async {
        while !String::from_utf8_lossy(&answer[..filled]).contains("not-initialized") {
            let count = stream.read(&mut answer[filled..]).await.unwrap();
            assert_ne!(count, 0, "no answer");
            filled += count;
        }
    };
    timeout(DEADLINE, reading).await.expect("an answer");
    target.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deeply_nested_json_is_refused_and_the_connection_goes_on() {
    let target = Target::new().await;
    let mut wire = target.wire("client-1").await;
    for text in [
        "[".repeat(10_000),
        "[".repeat(1_000_000),
        r#"{"params":"#.repeat(100_000),
        format!(
            "{{\"jsonrpc\":\"2.0\",\"params\":{}{}}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        ),
    ] {
        wire.say_text(&text).await;
        assert_eq!(refusal(&wire.answer().await).0, "parse-error");
    }
    let commands = wire.ask(2, "workspace/listCommands", Value::Null).await;
    assert!(commands["result"].is_array());
    target.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_and_acknowledgements_of_nowhere_do_nothing() {
    let target = Target::new().await;
    let mut wire = target.wire("client-1").await;
    for number in 0..1_000_u16 {
        wire.say_bytes(input(number + 2, 1, 0, &[b'x'; 512])).await;
        wire.say_bytes(input(number % 2, u32::from(number) + 9, u64::MAX, b"x"))
            .await;
        let place = json!({"terminal": number, "offset": u64::MAX});
        wire.say(&json!({"jsonrpc": "2.0", "method": "terminal/ack", "params": place}))
            .await;
        let size = json!({"terminal": number.wrapping_add(2), "cols": 65535, "rows": 0});
        wire.say(&json!({"jsonrpc": "2.0", "method": "terminal/resize", "params": size}))
            .await;
    }
    // The last offset there is, to a shell that runs.
    wire.say_bytes(input(0, 1, u64::MAX, b"x")).await;
    wire.say_bytes(input(0, 1, u64::MAX - 1, b"yz")).await;
    let commands = wire.ask(2, "workspace/listCommands", Value::Null).await;
    assert!(commands["result"].is_array());
    target.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_calls_at_once_end_the_socket_with_4001() {
    let target = Target::new().await;
    let text = call(1, "katahost/nothing", Value::Null).to_string();
    let flood = frame(0x81, text.as_bytes()).repeat(50_000);
    // Before `initialize` and after it; the second flood comes as notifications.
    let mut stream = target.raw().await;
    let hello = crate::harness::wire::initialize(1, "client-1").to_string();
    let quiet = r#"{"jsonrpc":"2.0","method":"terminal/focus"}"#;
    let after = [
        &frame(0x81, hello.as_bytes())[..],
        &frame(0x81, quiet.as_bytes()).repeat(50_000),
    ]
    .concat();
    let mut second = target.raw().await;
    for (stream, bytes) in [(&mut stream, flood), (&mut second, after)] {
        let (mut reader, mut writer) = stream.split();
        let writing = async move { drop(writer.write_all(&bytes).await) };
        let reading = async {
            let mut all = Vec::new();
            drop(timeout(DEADLINE, reader.read_to_end(&mut all)).await);
            all
        };
        let ((), heard) = tokio::join!(writing, reading);
        let reason = b"too many messages in too little time";
        let told = heard.windows(reason.len()).any(|part| part == reason);
        assert!(told, "closed without a reason after {} bytes", heard.len());
        let code = [&4001_u16.to_be_bytes()[..], reason].concat();
        assert!(heard.ends_with(&code));
    }
    target.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fast_terminals_and_busy_people_meet_no_limit() {
    let target = Target::new().await;
    let mut wire = target.wire("client-1").await;
    for number in 0..8_000_u64 {
        let place = json!({"terminal": 0, "offset": number});
        wire.say(&json!({"jsonrpc": "2.0", "method": "terminal/ack", "params": place}))
            .await;
        let size = json!({"terminal": 1, "cols": 80 + number % 9, "rows": 24});
        wire.say(&json!({"jsonrpc": "2.0", "method": "terminal/resize", "params": size}))
            .await;
    }
    for number in 0..CALLS_BURST / 2 {
        let commands = wire.ask(number, "katahost/nothing", Value::Null).await;
        assert_eq!(refusal(&commands).0, "unknown-method");
    }
    target.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn execution_id_of_another_client_runs_nothing() {
    let files = [(
        "intro.md",
        "# Lab\n\n```\necho ran-$((40 + 2))\n```\n\n```\necho other-$((40 + 2))\n```\n",
    )];
    let house = House::with_files(&files, HouseOptions::default());
    let mut owner = house.enter("lab").await;
    let mut thief = house.enter("lab").await;
    let run = |block| vec![json!({"step": "intro", "block": block})];
    let id = Some("execution-1".to_owned());
    let first = owner
        .client
        .execute("katahost.runBlock", run(0), id.clone())
        .await
        .unwrap();
    assert!(!first.repeated);
    let host = owner.lab.terminals[0].id.clone();
    owner.until_text(&host, "\rran-42").await;
    for (command, arguments) in [
        ("katahost.runBlock", run(0)),
        ("katahost.runBlock", run(1)),
        ("katapod.loadPage", vec![json!("nowhere")]),
    ] {
        let again = thief
            .client
            .execute(command, arguments, id.clone())
            .await
            .unwrap();
        assert!(again.repeated, "{command}");
    }
    thief.run_block("intro", 1).await.unwrap();
    thief.until_text(&host, "\rother-42").await;
    let text = thief.text(0);
    assert_eq!(text.matches("\rran-42").count(), 1, "{text}");
    assert_eq!(text.matches("\rother-42").count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn huge_names_are_refused_and_not_kept() {
    let target = Target::new().await;
    let mut wire = target.wire("client-1").await;
    let huge = "x".repeat(700_000);
    for number in 0..60 {
        let id = format!("execution-{number}");
        let (command, argument) = match number % 3 {
            0 => (huge.as_str(), Value::Null),
            1 => ("katapod.loadPage", json!({"step": huge})),
            _ => ("katahost.restartTerminal", json!({"terminal": huge})),
        };
        let params = json!({"command": command, "arguments": [argument], "executionId": id});
        let answer = wire.ask(number, "workspace/executeCommand", params).await;
        assert!(answer["error"].is_object(), "{command:.40}");
    }
    let long = json!({"command": "katapod.start", "executionId": huge});
    let answer = wire.ask(99, "workspace/executeCommand", long).await;
    assert_eq!(refusal(&answer).0, "invalid-params");
    target.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_fit_and_shells_keep_their_own_limit() {
    raise_open_files();
    let target = Target::started(|command| {
        let mut limited = Command::new("sh");
        limited
            .args(["-c", "ulimit -Sn 400; exec \"$0\" \"$@\""])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        Program::from(limited)
    })
    .await;
    let mut most = Vec::new();
    for _ in 0..2 {
        let mut all = Vec::new();
        for _ in 0..20 {
            all.extend(join_all((0..50).map(|_| target.raw())).await);
        }
        let mut visitor = target.enter().await;
        visitor
            .type_text("host", "echo \"<$(ulimit -Sn)>\"\r")
            .await;
        visitor.until_text("host", "\r<400>").await;
        most.push(target.program.resident_bytes());
    }
    let [first, second] = most[..] else {
        unreachable!()
    };
    assert!(first - target.resident_bytes < 64 * MEGABYTE, "{first}");
    // What the first thousand took is used again.
    assert!(second < first + 8 * MEGABYTE, "{first} grew to {second}");
    target.check_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn socket_beyond_the_last_one_is_refused_until_one_closes() {
    let house = House::with_files(&[("intro.md", "# Lab")], HouseOptions::default());
    let (name, token) = bearer();
    let headers = [
        (name, token.as_str()),
        ("sec-websocket-protocol", SUBPROTOCOL),
    ];
    let mut others: Vec<_> = (0..MAX_SOCKETS).map(|_| house.sockets.token()).collect();
    let refused = upgrade(&house, &headers).await;
    assert_eq!(refused.status, 503);
    others.pop();
    assert_eq!(upgrade(&house, &headers).await.status, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_head_of_a_request_is_cut_off() {
    let house = House::with_files(&[("intro.md", "# Lab")], HouseOptions::default());
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    let began = Instant::now();
    let mut sent = 0;
    // A byte at a time, as slowly as a program that wants to keep the connection.
    while stream
        .write_all(b"GET / HTTP/1.1\r\nx: y".get(sent..=sent).unwrap_or(b"y"))
        .await
        .is_ok()
    {
        sent += 1;
        assert!(began.elapsed() < DEADLINE, "still open after {sent} bytes");
        let mut answer = [0; 1024];
        let reading = timeout(Duration::from_millis(200), stream.read(&mut answer)).await;
        if matches!(reading, Ok(Ok(0) | Err(_))) {
            break;
        }
    }
    assert!(
        began.elapsed() > Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

/// Runs a command that writes without end, and checks that memory does not follow.
async fn check_output(line: &str, bytes: u64) {
    let target = Target::new().await;
    let mut visitor = target.enter().await;
    visitor.type_text("host", &format!("{line}\r")).await;
    let mut early = None;
    while visitor.offsets.get(&0).is_none_or(|offset| *offset < bytes) {
        assert_eq!(visitor.step().await, None);
        visitor.output.clear();
        if early.is_none() && visitor.offsets.get(&0).is_some_and(|at| *at > bytes / 2) {
            early = Some(target.program.resident_bytes());
        }
    }
    let (early, late) = (early.unwrap(), target.program.resident_bytes());
    let grown = late.saturating_sub(early);
    // An emulator's scrollback fills meanwhile; what these programs write is several times this.
    assert!(grown < 20 * MEGABYTE, "{line}: {early} grew to {late}");
    visitor.execute("katapod.start", Value::Null).await.unwrap();
    target.check_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn title_without_an_end_is_not_kept() {
    check_output(r"printf '\e]0;'; yes title-without-an-end", 24 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_of_a_program_that_reads_no_answers_are_dropped() {
    check_output(r"yes $'\e[c\e[5n\e[>q'", 12 * MEGABYTE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn input_for_a_program_that_reads_none_is_refused() {
    let target = Target::new().await;
    let mut visitor = target.enter().await;
    visitor
        .type_text(
            "host",
            "stty raw -echo; echo deaf-$((40 + 2)); sleep 1000\r",
        )
        .await;
    visitor.until_text("host", "deaf-42").await;
    let mut wire = target.wire("client-2").await;
    for number in 0..40_u64 {
        wire.say_bytes(input(0, 1, number * 500_000, &vec![b'x'; 500_000]))
            .await;
    }
    let refused_input = |message: &Value| {
        let text = message["message"].as_str().unwrap_or_default();
        text.contains("reads no input")
    };
    let message = wire.notified("window/showMessage").await;
    assert!(refused_input(&message), "{message}");
    let text = "y".repeat(400_000);
    let mut refused = None;
    for number in 0..60 {
        let arguments = json!([{"terminalId": "host", "text": text}]);
        let command = "workbench.action.terminal.sendSequence";
        let params = json!({"command": command, "arguments": arguments});
        let answer = wire.ask(number, "workspace/executeCommand", params).await;
        if answer["error"].is_object() {
            refused = Some(answer);
            break;
        }
    }
    assert_eq!(refusal(&refused.expect("a refusal")).0, "input-full");
    // Whoever typed nothing is told nothing.
    visitor.load("intro").await;
    visitor.until_notified("page/show").await;
    let mut told = visitor.notifications.iter();
    assert!(!told.any(|(_, params)| refused_input(params)));
    target.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn host_tricks_are_refused_over_the_socket_too() {
    let house = House::with_files(&[("intro.md", "# Lab")], HouseOptions::default());
    let (name, token) = bearer();
    let port = house.address.port();
    for host in [
        format!("127.0.0.1:{port}@evil.example"),
        format!("evil.example@127.0.0.1:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("localhost.:{port}"),
        format!("127.0.0.1:{port}, evil.example"),
    ] {
        let headers = [("host", host.as_str()), (name, &token)];
        let page = request(house.address, "GET", "/labs/lab/", &headers).await;
        assert!([400, 421].contains(&page.status), "{host}: {}", page.status);
        let socket = upgrade(&house, &headers).await;
        assert!(
            [400, 421].contains(&socket.status),
            "{host}: {}",
            socket.status
        );
    }
    let two = [
        ("host", "localhost"),
        ("host", "evil.example"),
        (name, &token),
    ];
    let page = request(house.address, "GET", "/labs/lab/", &two).await;
    assert!(
        [400, 421].contains(&page.status),
        "two hosts: {}",
        page.status
    );
}
