//! `katahost attach`: the real binary in a real pseudo-terminal, as a person sees it.

use std::{
    io::{Read, Write},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use katahost::terminal::{query::QueryScanner, screen::Screen};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::{
    process::{Pid, Signal, kill_process},
    termios::LocalModes,
};
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use crate::harness::{
    DEADLINE, House, HouseOptions, TOKEN, Visitor, eventually,
    program::{self, run},
};

/// The program in a window of its own.
struct Window {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    seen: Arc<Mutex<Vec<u8>>>,
    size: (u16, u16),
}

impl Window {
    fn open(arguments: &[&str]) -> Self {
        Self::sized(arguments, 80, 24)
    }

    fn sized(arguments: &[&str], cols: u16, rows: u16) -> Self {
        let size = PtySize {
            rows,
            cols,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_katahost"));
        command.arg("attach");
        command.args(arguments);
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"KATAHOST_") {
                command.env_remove(name);
            }
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let sink = seen.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                sink.extend(&buffer[..count]);
            }
        });
        Self {
            keyboard: pair.master.take_writer().unwrap(),
            master: pair.master,
            child,
            seen,
            size: (cols, rows),
        }
    }

    fn seen(&self) -> Vec<u8> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// What the person sees.
    fn text(&self) -> String {
        let mut screen = Screen::new(self.size.0, self.size.1, 100);
        screen.feed(&self.seen());
        screen.text()
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    async fn until(&self, text: &str) {
        self.until_all(&format!("{text:?} in the window"), |seen| {
            String::from_utf8_lossy(seen).contains(text)
        })
        .await;
    }

    async fn until_all(&self, what: &str, done: impl Fn(&[u8]) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !done(&self.seen()) {
            let seen = String::from_utf8_lossy(&self.seen()).into_owned();
            assert!(Instant::now() < deadline, "waited for {what}: {seen:?}");
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    fn resize(&mut self, cols: u16, rows: u16) {
        let size = PtySize {
            rows,
            cols,
            ..PtySize::default()
        };
        self.master.resize(size).unwrap();
        self.size = (cols, rows);
    }

    /// Whether the terminal waits for whole lines and shows what is typed, as at its start.
    fn is_cooked(&self) -> bool {
        let modes = self.master.get_termios().unwrap().local_flags;
        let wanted = (LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG).bits();
        modes.bits() & wanted == wanted
    }

    /// The exit code, once the program has ended.
    async fn code(&mut self) -> u32 {
        let mut status = None;
        eventually("the program leaves", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap().exit_code()
    }

    async fn leave(&mut self) {
        self.press("\x1d");
        assert_eq!(self.code().await, 0);
        self.until("the terminal goes on]").await;
        assert!(self.is_cooked());
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn house() -> House {
    let config = r#"{"layout": {"terminals": [{"id": "host"}, {"id": "api"}]}}"#;
    let files = [(".katapod_config.json", config), ("intro.md", "# Lab")];
    House::with_files(&files, HouseOptions::default())
}

fn url(house: &House) -> String {
    format!("http://{}/?token={TOKEN}", house.address)
}

/// A watch link, as it is copied.
async fn link(house: &House, driver: &mut Visitor) -> (String, String) {
    let made = driver.execute("katahost.createLink", json!({"role": "viewer"}));
    let link = made.await.unwrap().link.unwrap();
    (
        link.id,
        format!("http://{}/{}", house.address, link.address),
    )
}

/// A way to the server that can be cut.
struct Detour {
    address: std::net::SocketAddr,
    open: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Detour {
    async fn to(target: std::net::SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(Mutex::new(Vec::new()));
        let known = open.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(target).await.unwrap();
                let both =
                    tokio::spawn(
                        async move { drop(copy_bidirectional(&mut near, &mut far).await) },
                    );
                known.lock().unwrap().push(both.abort_handle());
            }
        });
        Self { address, open }
    }

    fn cut(&self) {
        let mut open = self.open.lock().unwrap();
        assert!(!open.is_empty());
        open.drain(..).for_each(|one| one.abort());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn driver_types_sees_it_and_leaves_the_terminal_as_it_was() {
    let house = house();
    let mut window = Window::open(&["--url", &url(&house), "host"]);
    window.until("[attached to lab/host; Ctrl-] leaves]").await;
    window.press("echo $((40 + 2))-$TERM; stty size\r");
    window.until("42-xterm-256color").await;
    window.until("24 80").await;
    assert!(window.text().contains("42-xterm"), "{}", window.text());
    assert!(!window.is_cooked());
    // What the program leaves behind is taken back.
    window.press("printf '\\033[?1049h\\033[?1000h\\033[?2004hreset-me'\r");
    window
        .until_all("the alternate screen", |seen| {
            let seen = String::from_utf8_lossy(seen);
            seen.contains("\x1b[?2004hreset-me")
        })
        .await;
    window.leave().await;
    let seen = String::from_utf8_lossy(&window.seen()).into_owned();
    let end = seen.rsplit("reset-me").next().unwrap();
    for mode in ["1049", "1000", "2004"] {
        assert!(end.contains(&format!("\x1b[?{mode}l")), "{mode} in {end:?}");
    }
    // The shell goes on.
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "echo on$((1 + 1))\r").await;
    visitor.until_text("host", "on2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn window_that_changes_its_size_changes_the_terminals() {
    let house = house();
    let mut window = Window::sized(&["--url", &url(&house), "lab/host"], 100, 30);
    window.press("stty size\r");
    window.until("30 100").await;
    window.resize(90, 20);
    // The size arrives on its own way.
    window
        .press("until [ \"$(stty size)\" = '20 90' ]; do sleep 0.05; done; echo now-$((1 + 1))\r");
    window.until("now-2").await;
    window.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupt_goes_to_the_remote_program_and_another_key_may_leave() {
    let house = house();
    let mut window = Window::open(&["--url", &url(&house), "--leave-key", "^q", "host"]);
    window.until("Ctrl-Q leaves]").await;
    window.press("echo sl''eeps; sleep 1000\r");
    window.until("sleeps\r\n").await;
    // Neither of these is the key to leave here.
    window.press("\x1d\x03");
    window.until("^C").await;
    window.press("\recho awa''ke\r");
    window.until("awake").await;
    window.press("\x11");
    assert_eq!(window.code().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_link_is_read_only_until_the_keyboard_is_given_and_ends_when_revoked() {
    let house = house();
    let mut driver = house.enter("lab").await;
    driver.size_all(120, 40).await;
    driver.type_text("host", "echo vis''ible\r").await;
    driver.until_text("host", "visible").await;
    let (id, url) = link(&house, &mut driver).await;
    let mut window = Window::open(&["--name", "Ada", "--url", &url, "host"]);
    window.until("[watching lab/host").await;
    window.until("visible").await;
    window.until("has 120 columns and 40 rows").await;
    window.press("echo in''truder\r");
    window
        .until("[you are watching; Ctrl-K asks for the keyboard, Ctrl-] leaves]")
        .await;
    // What a program copies is for who drives, not for the clipboards of an audience.
    let copy = "printf '\\033]52;c;aGk=\\007co''pied%s\\n'";
    driver.type_text("host", &format!("{copy} 1\r")).await;
    window.until("copied1").await;
    let seen = String::from_utf8_lossy(&window.seen()).into_owned();
    assert!(!seen.contains("\x1b]52;"), "{seen:?}");
    window.press("\x0b");
    window.until("[asked for the keyboard]").await;
    let ada = loop {
        let audience = driver.until_notified("lab/audience").await;
        let mut people = audience["people"].as_array().unwrap().iter();
        let asks = people.find(|one| one["asks"] == true);
        if let Some(ada) = asks.filter(|_| audience["cramped"] == 1) {
            break ada.clone();
        }
    };
    assert_eq!(ada["name"], "Ada");
    driver
        .execute("katahost.grantKeyboard", json!({ "client": ada["client"] }))
        .await
        .unwrap();
    window.until("[you have the keyboard]").await;
    window.press("echo gue''st\r");
    driver.until_text("host", "guest").await;
    window.press(&format!("{copy} 2\r"));
    window.until("\x1b]52;c;aGk=").await;
    let text = driver.text(driver.number("host"));
    assert!(
        !text.contains("intruder") && !text.contains("truder"),
        "{text}"
    );

    driver
        .execute("katahost.revokeLink", json!({ "link": id }))
        .await
        .unwrap();
    assert_eq!(window.code().await, 1);
    window.until("error: the link was revoked").await;
    assert!(window.is_cooked());
    let output = run(&["attach", "--read-only", "--url", &url, "host"], &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("the link is not valid"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_connection_is_found_again_with_nothing_lost_or_typed_twice() {
    let house = house();
    let detour = Detour::to(house.address).await;
    let way = format!("http://localhost:{}/?token={TOKEN}", detour.address.port());
    let mut window = Window::open(&["--url", &way, "host"]);
    let mut visitor = house.enter("lab").await;
    window.until("[attached to").await;
    window.press("n=0; stty -echo\r");
    for round in 1..=4 {
        window.press(&format!("n=$((n + 1)); echo round-$n-of-{round}.\r"));
        if round % 2 == 0 {
            window.until(&format!("round-{round}-of-{round}.")).await;
        }
        detour.cut();
        window.press(&format!("echo typed-{round}-$n.\r"));
        window.until(&format!("typed-{round}-{round}.")).await;
    }
    let seen = String::from_utf8_lossy(&window.seen()).into_owned();
    for round in 1..=4 {
        let said = seen.matches(&format!("typed-{round}-{round}.")).count();
        assert_eq!(said, 1, "{seen}");
    }
    assert!(seen.matches("[reconnecting…").count() >= 4, "{seen}");
    visitor.until_text("host", "typed-4-4.").await;
    let truth = visitor.text(visitor.number("host"));
    assert_eq!(truth.matches("typed-").count(), 4, "{truth}");
    window.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_to_leave_works_while_the_server_is_gone() {
    let house = house();
    let mut window = Window::open(&["--url", &url(&house), "host"]);
    window.press("echo he''re\r");
    window.until("here").await;
    house.close().await;
    window.until("[reconnecting…; Ctrl-] leaves]").await;
    window.press("typed into nothing");
    window.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn question_of_a_program_is_not_shown_to_the_persons_terminal() {
    let house = house();
    let mut visitor = house.enter("lab").await;
    // It takes its answers in; the server gives one to each question.
    let ask = "stty -icanon -echo min 0 time 5\n\
        printf 'asked-%s\\033[6n\\033[c\\033]11;?\\007\\033[>q\\n' $1\n\
        cat > answers.part; stty sane; mv answers.part answers; echo done-$1\n";
    house.write("ask.sh", ask);
    visitor.type_text("host", "sh ask.sh past\r").await;
    visitor.until_text("host", "done-past").await;
    let mut window = Window::open(&["--url", &url(&house), "host"]);
    window.until("done-past").await;
    window.press("sh ask.sh live\r");
    window.until("done-live").await;
    let answers = std::fs::read_to_string(house.root.join("answers")).unwrap();
    for answer in ["R", "\x1b[?1;2c", "]11;rgb:", ">|katahost"] {
        assert_eq!(
            answers.matches(answer).count(),
            1,
            "{answer:?} in {answers:?}"
        );
    }
    let (_, query) = QueryScanner::default().scan(&window.seen());
    assert_eq!(query, None);
    window.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn end_of_the_shell_is_told_and_enter_starts_another() {
    let house = house();
    let mut window = Window::open(&["--url", &url(&house), "host"]);
    window.press("exit 3\r");
    window.until("Enter starts another, Ctrl-] leaves]").await;
    window.press("\r");
    // Keys that are pressed before the new shell is there are not for it.
    window
        .until_all("another prompt", |seen| {
            let seen = String::from_utf8_lossy(seen);
            seen.rsplit("leaves]").next().unwrap().contains("bash-")
        })
        .await;
    window.press("echo new-$((1 + 1))\r");
    window.until("new-2").await;
    window.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signal_gives_the_terminal_back() {
    let house = house();
    for signal in [Signal::TERM, Signal::HUP] {
        let mut window = Window::open(&["--url", &url(&house), "host"]);
        window.press("echo he''re\r");
        window.until("here").await;
        assert!(!window.is_cooked());
        let pid = window.child.process_id().unwrap().cast_signed();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        assert_eq!(window.code().await, 128 + signal.as_raw().cast_unsigned());
        assert!(window.is_cooked());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terminals_are_listed_and_an_unknown_one_is_refused() {
    let house = house();
    let url = url(&house);
    let attach = async |arguments: &[&str]| {
        let arguments: Vec<String> = ["attach", "--url", &url]
            .iter()
            .chain(arguments)
            .map(|argument| (*argument).to_owned())
            .collect();
        let ran = tokio::task::spawn_blocking(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&arguments, &[])
        });
        let output = ran.await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    };
    let (code, stdout, _) = attach(&[]).await;
    assert_eq!(code, Some(0));
    assert_eq!(stdout, "lab/host: no shell yet\nlab/api: no shell yet\n");
    let (code, _, stderr) = attach(&["--read-only", "hots"]).await;
    assert_eq!(code, Some(2));
    assert_eq!(
        stderr,
        "error: there is no terminal `hots`\nhint: did you mean `host`? the lab has `host`, `api`\n"
    );
    let (code, _, stderr) = attach(&["nolab/host", "--read-only"]).await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("there is no lab `nolab`"), "{stderr}");
    let (code, _, stderr) = attach(&["host"]).await;
    assert_eq!(code, Some(2));
    assert!(stderr.contains("--read-only"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_is_printed_where_standard_input_is_no_terminal() {
    let house = house();
    let mut visitor = house.enter("lab").await;
    visitor.type_text("host", "echo bef''ore\r").await;
    visitor.until_text("host", "before").await;
    let arguments = ["attach", "--read-only", "--url", &url(&house), "host"];
    let mut child = program::command(&arguments, &[])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let seen = Arc::new(Mutex::new(String::new()));
    let sink = seen.clone();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stdout.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            sink.lock().unwrap().push_str(&text);
        }
    });
    eventually("the past", || seen.lock().unwrap().contains("before")).await;
    visitor.type_text("host", "echo af''ter\r").await;
    eventually("the present", || seen.lock().unwrap().contains("after")).await;
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let mut status = None;
    eventually("the program leaves", || {
        status = child.try_wait().unwrap();
        status.is_some()
    })
    .await;
    assert_eq!(status.unwrap().code(), Some(0));
}
