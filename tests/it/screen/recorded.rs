//! Streams of real programs, recorded when the test runs.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::stream::{Resize, Stream};

/// A program counts as waiting for input when it wrote nothing for this long.
const QUIET: Duration = Duration::from_millis(250);
/// No step of a recording takes longer.
const STEP: Duration = Duration::from_secs(5);

/// The name of the tmux server that is recorded, and in no one's way.
const TMUX_SOCKET: &str = "katahost-test";

enum Step {
    Type(&'static str),
    Resize(u16, u16),
}
use Step::{Resize as Size, Type};

/// Records the programs, all of which must be installed.
pub(super) fn streams() -> Vec<Stream> {
    let folder = tempfile::tempdir().unwrap();
    let text = (0..400)
        .map(|line| format!("line {line} of a file, ü and 漢字\n"))
        .collect::<Vec<_>>()
        .concat();
    std::fs::write(folder.path().join("text"), text).unwrap();
    let streams = recordings()
        .into_iter()
        .map(|(name, command, steps)| {
            let program = command.split(' ').next().unwrap_or_default();
            assert!(
                installed(program),
                "`{program}` is not installed; `make setup` installs it"
            );
            record(name, command, &steps, folder.path())
        })
        .collect();
    stop_tmux(folder.path());
    streams
}

/// The server of tmux outlives its terminal.
fn stop_tmux(folder: &Path) {
    let mut tmux = std::process::Command::new("tmux");
    tmux.args(["-L", TMUX_SOCKET, "kill-server"])
        .env("TMUX_TMPDIR", folder);
    // It fails when the server is gone already, which is as good.
    drop(tmux.output());
}

fn recordings() -> Vec<(&'static str, &'static str, Vec<Step>)> {
    vec![
        ("bash", "bash --norc", shell()),
        ("bash resized", "bash --norc", shell_resized()),
        ("python", "python3 -q", python()),
        (
            "less",
            "less text",
            vec![
                Type(" "),
                Type(" "),
                Type("/3.7\n"),
                Type("n"),
                Type("g"),
                Type("q"),
            ],
        ),
        ("vim", "vim -n -u NONE -N text", vim()),
        ("vim resized", "bash --norc", vim_resized()),
        ("vim quit", "bash --norc", vim_quit()),
        (
            "nano",
            "nano text",
            vec![
                Type("typed\r"),
                Type("\x17"),
                Type("37\r"),
                Type("\x18"),
                Type("n"),
            ],
        ),
        (
            "tmux",
            "tmux -L katahost-test -f /dev/null new bash --norc",
            tmux(),
        ),
        (
            "htop",
            "htop -d 2",
            vec![Type("t"), Size(100, 30), Type("\x1b[B"), Type("q")],
        ),
        (
            "top",
            "top -d 0.3",
            vec![Type("1"), Type("c"), Size(100, 20), Type("q")],
        ),
        (
            "mc",
            "mc -u",
            vec![
                Type("\x1b[B\x1b[B"),
                Type("\t"),
                Size(90, 30),
                Type("\x1b0"),
                Type("y"),
            ],
        ),
    ]
}

fn shell() -> Vec<Step> {
    vec![
        Type("PS1='\\[\\e[1;32m\\]lab\\[\\e[m\\]:\\w\\$ '\n"),
        Type("ls -la --color=always / /usr | head -60\n"),
        Type(
            "for i in $(seq 1 300); do printf '\\e[3%dmnumber %d\\e[m ' $((i % 8)) $i; done; echo\n",
        ),
        Type(
            "echo a line that is longer than the terminal is wide, so that readline has to wrap it over two",
        ),
        Type("\x01\x1b[C\x1b[C"),
        Type("\x05\x7f\x7f\x15"),
        Type("\x12ls"),
        Type("\x03"),
        Type("clear; seq 1 100\n"),
        Type("printf '\\e]0;shell\\a\\e[?1049h\\e[Hfull'; read -n1; printf '\\e[?1049l'\n"),
        Type("x"),
        Type("cat text | head -50\n"),
    ]
}

fn shell_resized() -> Vec<Step> {
    vec![
        Type("seq -s ' ' 1 400\n"),
        Size(60, 20),
        Type("seq -s ' ' 1 400\n"),
        Size(100, 40),
        Type("echo done\n"),
        Size(40, 10),
        Type("cat text | head -30\n"),
        Size(120, 30),
        Type("clear\n"),
        Size(80, 24),
        Type("echo end\n"),
    ]
}

fn python() -> Vec<Step> {
    vec![
        Type("x = [n ** 2 for n in range(200)]\n"),
        Type("x\n"),
        Type("1/0\n"),
        Type("print('\\x1b[35mpurple\\x1b[0m', '漢字' * 50)\n"),
        Type("def f(a):\n    return a\n\n"),
        Type("f(3)\n"),
        Type("\x1b[A\x1b[A\x03"),
    ]
}

fn vim() -> Vec<Step> {
    vec![
        Type(":set number cursorline hlsearch showcmd\r"),
        Type(":syntax on\r"),
        Type("/line 5\r"),
        Type("ionly a few words\x1b"),
        Type("yy10p"),
        Type(":split\r"),
        Type("\x04\x04"),
        Type("\x16jjjllld"),
        Type("u"),
        Type(":q!\r"),
    ]
}

fn vim_resized() -> Vec<Step> {
    vec![
        Type("seq 1 60; seq -s ' ' 1 100\n"),
        Type("vim -n -u NONE -N text\n"),
        Size(60, 15),
        Type("G"),
        Size(100, 35),
        Type(":vsplit\r"),
        Size(70, 20),
        Type(":qa!\r"),
        Type("echo after vim\n"),
        Size(90, 30),
        Type("echo end\n"),
    ]
}

fn vim_quit() -> Vec<Step> {
    vec![
        Type("ls /\n"),
        Type("vim -n -u NONE -N text\n"),
        Type("50G"),
        Type(":q\r"),
        Type("ls /usr\n"),
    ]
}

fn tmux() -> Vec<Step> {
    vec![
        Type("ls -la --color=always /\n"),
        Type("\x02%"),
        Type("seq 1 50\n"),
        Type("\x02\""),
        Size(100, 30),
        Type("echo 漢字\n"),
        Type("\x02o"),
        Type("\x02&y"),
    ]
}

fn installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

fn record(name: &'static str, command: &str, steps: &[Step], folder: &Path) -> Stream {
    let mut stream = Stream::new(name, "");
    let size = |cols, rows| PtySize {
        cols,
        rows,
        pixel_width: 0,
        pixel_height: 0,
    };
    let pty = native_pty_system()
        .openpty(size(stream.cols, stream.rows))
        .unwrap();
    let mut child = pty.slave.spawn_command(builder(command, folder)).unwrap();
    drop(pty.slave);
    let output = reader(pty.master.as_ref());
    let mut input = pty.master.take_writer().unwrap();
    let mut open = collect(&output, &mut stream.bytes);
    for step in steps {
        if !open {
            break;
        }
        match step {
            Type(text) => open = input.write_all(text.as_bytes()).is_ok(),
            Size(cols, rows) => {
                pty.master.resize(size(*cols, *rows)).unwrap();
                stream.resizes.push(Resize {
                    at: stream.bytes.len(),
                    cols: *cols,
                    rows: *rows,
                });
            }
        }
        open = open && collect(&output, &mut stream.bytes);
    }
    drop(input);
    drop(child.kill());
    drop(child.wait());
    stream
}

fn builder(command: &str, folder: &Path) -> CommandBuilder {
    let mut words = command.split(' ');
    let mut builder = CommandBuilder::new(words.next().unwrap_or_default());
    builder.args(words);
    builder.cwd(folder);
    builder.env_clear();
    builder.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    builder.env("HOME", folder);
    builder.env("TMUX_TMPDIR", folder);
    builder.env("TERM", "xterm-256color");
    builder.env("LANG", "C.UTF-8");
    builder.env("HISTFILE", "/dev/null");
    builder
}

fn reader(master: &dyn MasterPty) -> Receiver<Vec<u8>> {
    let mut reader = master.try_clone_reader().unwrap();
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = reader.read(&mut buffer) {
            if sender.send(buffer[..len].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Takes in output until there is no more for a while; returns whether the program still runs.
fn collect(output: &Receiver<Vec<u8>>, bytes: &mut Vec<u8>) -> bool {
    use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
    let deadline = Instant::now() + STEP;
    while Instant::now() < deadline {
        match output.recv_timeout(QUIET) {
            Ok(more) => bytes.extend(more),
            Err(Timeout) => return true,
            Err(Disconnected) => return false,
        }
    }
    true
}
