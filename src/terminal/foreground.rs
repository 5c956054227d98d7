//! What runs in a terminal's foreground, as far as the system tells (proc(5), credentials(7)).

use std::fs;

use super::pty;

/// How much of a program's command line is told.
const NAME_CHARS: usize = 60;

/// The numbers of the calls in which programs wait for input, as `/proc/PID/syscall` has them:
/// `read(2)`, `epoll_wait(2)` and its kin, `poll(2)` and `select(2)` and theirs.
struct Calls {
    read: &'static str,
    epoll: [&'static str; 3],
    poll: [&'static str; 4],
}

/// Where the numbers are known to us.
const CALLS: Option<Calls> = if cfg!(target_arch = "x86_64") {
    Some(Calls {
        read: "0",
        epoll: ["232", "281", "441"],
        poll: ["7", "23", "270", "271"],
    })
} else if cfg!(any(target_arch = "aarch64", target_arch = "riscv64")) {
    Some(Calls {
        read: "63",
        epoll: ["22", "22", "441"],
        poll: ["72", "73", "72", "73"],
    })
} else {
    None
};

/// Whether the system tells who reads, at least of our own processes.
#[must_use]
pub fn tells() -> bool {
    CALLS.is_some() && fs::read_to_string("/proc/self/syscall").is_ok()
}

/// Whether a process of the group waits for what is typed: it sleeps in a read of a terminal, or
/// watches one. Nothing where the system does not tell.
pub(super) fn reads(group: i32) -> Option<bool> {
    match process_reads(group) {
        Some(true) => return Some(true),
        // What the leader may not be asked, the others may not either.
        None if fs::metadata(format!("/proc/{group}")).is_ok() => return None,
        _ => {}
    }
    let others = pty::processes()?.filter(|process| process.group == group && process.id != group);
    let mut all_tell = true;
    for process in others {
        match process_reads(process.id) {
            Some(true) => return Some(true),
            Some(false) => {}
            // It may have ended meanwhile.
            None => all_tell &= fs::metadata(format!("/proc/{}", process.id)).is_err(),
        }
    }
    all_tell.then_some(false)
}

fn process_reads(process: i32) -> Option<bool> {
    let calls = CALLS?;
    let is_terminal = |descriptor: u32| {
        let file = fs::read_link(format!("/proc/{process}/fd/{descriptor}"));
        file.map(|file| file.starts_with("/dev/pts") || file.starts_with("/dev/tty"))
    };
    let tasks = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let mut all_tell = true;
    for task in tasks.flatten() {
        let line = fs::read_to_string(task.path().join("syscall")).ok()?;
        let mut words = line.split_ascii_whitespace();
        let call = words.next().unwrap_or_default();
        let argument = words.next().and_then(|word| word.strip_prefix("0x"));
        let descriptor = argument.and_then(|word| u32::from_str_radix(word, 16).ok());
        let waits = if call == calls.read {
            is_terminal(descriptor?).ok()?
        } else if calls.epoll.contains(&call) {
            let about = fs::read_to_string(format!("/proc/{process}/fdinfo/{}", descriptor?));
            watched(&about.ok()?).any(|watched| is_terminal(watched).unwrap_or(false))
        } else {
            // What they watch stands in the program's memory.
            all_tell &= !calls.poll.contains(&call);
            false
        };
        if waits {
            return Some(true);
        }
    }
    all_tell.then_some(false)
}

/// The descriptors that an epoll instance watches, by its `fdinfo`.
fn watched(about: &str) -> impl Iterator<Item = u32> {
    let numbers = about.lines().filter_map(|line| line.strip_prefix("tfd:"));
    numbers.filter_map(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
}

/// What people call a program: its command line without folders, shortened.
pub(super) fn name(process: i32) -> Option<String> {
    let line = fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let line = String::from_utf8_lossy(&line);
    let mut words = line.split('\0').filter(|word| !word.is_empty());
    let program = words.next()?;
    let program = program.rsplit('/').next().unwrap_or(program);
    let program = program.strip_prefix('-').unwrap_or(program);
    let words: Vec<&str> = std::iter::once(program).chain(words).collect();
    let readable = |letter: char| {
        if letter.is_control() || letter == '`' {
            ' '
        } else {
            letter
        }
    };
    let whole: String = words.join(" ").chars().map(readable).collect();
    let mut name: String = whole.chars().take(NAME_CHARS).collect();
    if name.len() < whole.len() {
        name.push('…');
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn program_is_named_without_its_folder_and_shortly() {
        let long = "x".repeat(100);
        let mut child = Command::new("/bin/sh")
            .args(["-c", "echo; read line", "a\nb`c", &long])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        // Until then it may be a copy of this program.
        stdout.read_exact(&mut [0]).unwrap();
        let named = name(child.id().cast_signed()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            named.starts_with("sh -c echo; read line a b c xxx"),
            "{named}"
        );
        assert!(named.ends_with('…') && named.chars().count() == 61);
    }

    #[test]
    fn process_that_reads_a_pipe_does_not_read_the_terminal() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert_ne!(process_reads(child.id().cast_signed()), Some(true));
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn nothing_is_known_of_what_is_gone() {
        assert_eq!(name(i32::MAX), None);
        assert_ne!(reads(i32::MAX), Some(true));
    }
}
