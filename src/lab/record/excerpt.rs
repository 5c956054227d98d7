//! What a stretch of a terminal's output looked like, as text.

use std::{io, ops::Range};

use crate::terminal::{
    recorder::{Signs, Stretch},
    screen::Screen,
};

/// The size of a terminal before anything is known of it.
const SIZE: (u16, u16) = (80, 24);

/// How much of a stretch is shown: this much of its beginning and this much of its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many lines.
    pub(super) lines: usize,
    /// How many bytes are looked at for them.
    pub(super) bytes: u64,
}

/// The text of a stretch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Excerpt {
    head: Vec<String>,
    /// How many lines are left out between head and tail.
    left_out: u64,
    tail: Vec<String>,
}

impl Excerpt {
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.tail.is_empty()
    }

    /// All lines, each ended.
    pub(super) fn text(&self) -> String {
        let left_out = match self.left_out {
            0 => None,
            1 => Some("… 1 line left out …".to_owned()),
            many => Some(format!("… {many} lines left out …")),
        };
        let lines = self.head.iter().chain(&left_out).chain(&self.tail);
        lines.map(|line| format!("{line}\n")).collect()
    }
}

/// Reads a stretch of a recording through an emulator, so that what was overwritten, coloured or
/// moved becomes what a person saw.
///
/// # Errors
///
/// The recording can't be read.
pub(super) fn read(signs: &Signs, range: &Range<u64>, limits: Limits) -> io::Result<Excerpt> {
    let end = range.end.min(signs.view.end).max(range.start);
    let range = range.start..end;
    if range.end - range.start <= 2 * limits.bytes {
        let lines = seen(signs, &range, false)?;
        return Ok(cut(lines, limits.lines));
    }
    let mut head = seen(signs, &(range.start..range.start + limits.bytes), false)?;
    // Its last line goes on.
    head.pop();
    head.truncate(limits.lines);
    let tail = seen(signs, &(range.end - limits.bytes..range.end), true)?;
    let tail = last(tail, limits.lines);
    let all = count_lines(signs, &range)?;
    let left_out = all.saturating_sub((head.len() + tail.len()) as u64);
    Ok(Excerpt {
        head,
        left_out,
        tail,
    })
}

/// Leaves out what is too much in the middle.
fn cut(mut lines: Vec<String>, most: usize) -> Excerpt {
    let left_out = lines.len().saturating_sub(2 * most);
    if left_out == 0 {
        return Excerpt {
            head: lines,
            ..Excerpt::default()
        };
    }
    let tail = lines.split_off(lines.len() - most);
    lines.truncate(most);
    Excerpt {
        head: lines,
        left_out: left_out as u64,
        tail,
    }
}

fn last(mut lines: Vec<String>, most: usize) -> Vec<String> {
    lines.split_off(lines.len().saturating_sub(most))
}

/// The lines of a stretch; from its first whole line on, where it begins `within` one.
fn seen(signs: &Signs, range: &Range<u64>, mut within: bool) -> io::Result<Vec<String>> {
    // Nothing that was played is lost above the screen.
    let scrollback = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut screen = Screen::new(SIZE.0, SIZE.1, scrollback);
    signs.play(range, |stretch| match stretch {
        Stretch::Output(bytes) if within => {
            if let Some(at) = memchr::memchr(b'\n', bytes) {
                within = false;
                screen.feed(bytes.get(at + 1..).unwrap_or_default());
            }
        }
        Stretch::Output(bytes) => screen.feed(bytes),
        Stretch::Resize(size) => screen.resize(size.cols, size.rows),
        Stretch::Gap(missing) => {
            let words =
                format!("\x18\r\n[{missing} bytes were written too fast to be recorded]\r\n");
            screen.feed(words.as_bytes());
        }
    })?;
    Ok(screen.lines())
}

fn count_lines(signs: &Signs, range: &Range<u64>) -> io::Result<u64> {
    let (mut lines, mut open) = (0, false);
    signs.play(range, |stretch| {
        if let Stretch::Output(bytes) = stretch {
            lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
            open = bytes.last().is_some_and(|last| *last != b'\n');
        }
    })?;
    Ok(lines + u64::from(open))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn middle_of_many_lines_is_left_out() {
        assert_eq!(cut(lines(4), 2).text(), "0\n1\n2\n3\n");
        assert_eq!(cut(lines(5), 2).text(), "0\n1\n… 1 line left out …\n3\n4\n");
        assert_eq!(cut(lines(9), 1).text(), "0\n… 7 lines left out …\n8\n");
        assert!(cut(lines(0), 1).is_empty());
    }

    #[test]
    fn last_lines_are_the_last() {
        assert_eq!(last(lines(5), 2), ["3", "4"]);
        assert_eq!(last(lines(1), 2), ["0"]);
    }
}
