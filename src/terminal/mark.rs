//! Marks in a terminal's output by which shells tell of prompts and commands: `OSC 133`, as iTerm2,
//! kitty and others understand it, and as some shells send it by themselves; and `OSC 633`, VS Code's,
//! which says the same by the same letters.

/// Something that a shell told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// What it told.
    pub kind: MarkKind,
    /// The shell's process id, where it said so (`aid`).
    pub shell: Option<i32>,
}

/// What a shell told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// It shows its prompt (`A`).
    Prompt,
    /// It asks for the rest of a command (`A` with `k=s`, as kitty has it).
    Continues,
    /// It executes a command (`C`).
    Executes,
    /// The command, or the line before the next prompt, ended (`D`), with this exit code where one
    /// is known.
    Ended(Option<i32>),
}

impl Mark {
    /// Reads the parameters of an operating system command that begins with `133` or `633`.
    #[must_use]
    pub(super) fn read(params: &[&[u8]]) -> Option<Self> {
        let [kind, options @ ..] = params else {
            return None;
        };
        let kind = match *kind {
            b"A" if options.contains(&&b"k=s"[..]) => MarkKind::Continues,
            b"A" => MarkKind::Prompt,
            b"C" => MarkKind::Executes,
            b"D" => MarkKind::Ended(options.first().and_then(|code| number(code))),
            _ => return None,
        };
        let aid = options
            .iter()
            .find_map(|option| option.strip_prefix(b"aid="));
        Some(Self {
            kind,
            shell: aid.and_then(number),
        })
    }
}

fn number(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, kind: MarkKind, shell: Option<i32>) {
        let params: Vec<&[u8]> = text.split(';').map(str::as_bytes).collect();
        assert_eq!(Mark::read(&params), Some(Mark { kind, shell }), "{text}");
    }

    #[test]
    fn marks_are_read_with_and_without_options() {
        check("A", MarkKind::Prompt, None);
        check("A;cl=m;aid=42", MarkKind::Prompt, Some(42));
        check("A;k=s;aid=42", MarkKind::Continues, Some(42));
        check("C;aid=42", MarkKind::Executes, Some(42));
        check("D", MarkKind::Ended(None), None);
        check("D;;aid=7", MarkKind::Ended(None), Some(7));
        check("D;127;aid=7", MarkKind::Ended(Some(127)), Some(7));
        check("D;aid=7", MarkKind::Ended(None), Some(7));
        check("A;aid=x", MarkKind::Prompt, None);
    }

    #[test]
    fn other_marks_are_none_of_ours() {
        assert_eq!(Mark::read(&[]), None);
        assert_eq!(Mark::read(&[b"B"]), None);
        assert_eq!(Mark::read(&[b"", b"\xff"]), None);
        assert_eq!(Mark::read(&[b"E", b"date"]), None);
    }
}
