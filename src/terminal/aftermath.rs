//! What can be seen of a run after it was typed, where no shell tells how it ends: inside `cqlsh`,
//! `python`, `ssh`, `docker exec`.
//!
//! The prompt that the block names is back, or the program waits for input, or nothing was written
//! for a while. None of it says that the run has succeeded, and nothing does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use regex::Regex;

use super::{
    occupation::Occupation,
    runs::RunNumber,
    tracking::{Moment, Stage},
};

/// A prompt must stand for this long: lines that were typed ahead are answered sooner.
const PROMPT_FOR: Duration = Duration::from_millis(150);

/// So long nothing must have been written where nothing else can be seen.
const QUIET_FOR: Duration = Duration::from_secs(1);

/// How often a run is looked at, at most and at least.
const LOOK: Duration = Duration::from_millis(50);
const LOOK_SELDOM: Duration = Duration::from_secs(3);

/// How much is kept of the last line.
const LINE_BYTES: usize = 1024;

/// How many runs are followed at once; the oldest is given up first.
const MOST: usize = 32;

/// What was seen of a run that nobody told the end of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// What it was.
    pub how: How,
    /// When the last of its output came, and where that ends.
    pub ended: Moment,
    /// Whether another one was typed while it, or before that one, was not yet over: what each of
    /// them wrote can't be told apart.
    pub shared: bool,
}

/// How a run looks settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// A prompt is back.
    Prompt,
    /// The program that it started waits for input.
    Input,
    /// Nothing was written for a while.
    Quiet,
}

/// The run that was typed last, as long as more can be seen of it, and those before it that nobody
/// tells the end of: what was typed first is answered first, so that they settle with it.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    last: Option<Followed>,
    earlier: Vec<Followed>,
}

#[derive(Debug)]
struct Followed {
    number: RunNumber,
    /// Whether another one was followed at the same time.
    shared: bool,
    /// The last output, or the typing.
    latest: (Instant, Moment),
    standing: Standing,
    /// The prompt that the block names.
    prompt: Option<Regex>,
    /// How many of the typed lines have not been answered by one of output.
    unanswered: usize,
    /// The last line of the output.
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing is known yet.
    Typed,
    /// The shell told that it has begun.
    Running,
    /// Nobody tells.
    Sent,
}

impl Aftermath {
    /// Follows a run that is typed now.
    pub(super) fn typed(
        &mut self,
        number: RunNumber,
        text: &[u8],
        prompt: Option<Regex>,
        moment: Moment,
        now: Instant,
    ) {
        // What a shell told of will be told the end of.
        let before = self
            .last
            .take()
            .filter(|run| run.standing != Standing::Running);
        let unread = before.as_ref().map_or(0, |run| run.unanswered);
        let before = before.map(|run| Followed {
            shared: true,
            ..run
        });
        self.earlier.extend(before);
        if self.earlier.len() >= MOST {
            self.earlier.remove(0);
        }
        self.last = Some(Followed {
            number,
            shared: !self.earlier.is_empty(),
            latest: (now, moment),
            standing: Standing::Typed,
            prompt,
            unanswered: unread + memchr::memchr_iter(b'\r', text).count(),
            line: Vec::new(),
        });
    }

    /// Takes in output, which ends at `moment`.
    pub(super) fn output(&mut self, bytes: &Bytes, moment: impl FnOnce() -> Moment, now: Instant) {
        if let Some(run) = &mut self.last {
            run.latest = (now, moment());
            run.output(bytes);
        }
    }

    /// Notes what the shell tells of a run.
    pub(super) fn stage(&mut self, number: RunNumber, stage: Stage) {
        let all = self.earlier.iter_mut().chain(&mut self.last);
        let Some(run) = all.into_iter().find(|run| run.number == number) else {
            return;
        };
        match stage {
            Stage::Running(_) => run.standing = Standing::Running,
            Stage::Sent(_) => run.standing = Standing::Sent,
            Stage::Ended(..) | Stage::Settled(_) => self.over(number),
            Stage::Playing(_) | Stage::Played(_) => {}
        }
    }

    /// Follows a run no longer. The one before the last takes its place: what there is to be seen
    /// of it is the same.
    fn over(&mut self, number: RunNumber) {
        self.earlier.retain(|run| run.number != number);
        let Some(ended) = self.last.take_if(|run| run.number == number) else {
            return;
        };
        self.last = self.earlier.pop().map(|before| Followed {
            latest: ended.latest,
            unanswered: ended.unanswered,
            line: ended.line,
            ..before
        });
    }

    /// Forgets all, because the shell ended.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether a look may find something.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.last.as_ref().is_some_and(|run| {
            run.standing != Standing::Typed && now.duration_since(run.latest.0) >= PROMPT_FOR
        })
    }

    /// Looks which runs have settled; `occupation` is asked only where some may have.
    pub(super) fn look(
        &mut self,
        occupation: impl FnOnce() -> Occupation,
        now: Instant,
    ) -> Vec<(RunNumber, Settled)> {
        let run = self.last.as_ref().filter(|_| self.is_due(now));
        let Some((how, ended)) =
            run.and_then(|run| Some((run.how(occupation, now)?, run.latest.1)))
        else {
            return Vec::new();
        };
        let sent = self.earlier.drain(..);
        let sent = sent.filter(|run| run.standing == Standing::Sent);
        let sent = sent.map(|run| match how {
            // What waits for input is a program of the last one's.
            How::Input => (run, How::Quiet),
            How::Prompt | How::Quiet => (run, how),
        });
        let last = self.last.take().map(|run| (run, how));
        let settled = sent.chain(last).map(|(run, how)| {
            let settled = Settled {
                how,
                ended,
                shared: run.shared,
            };
            (run.number, settled)
        });
        settled.collect()
    }

    /// When to look again, as long as there is something to look for.
    pub(super) fn next_look(&self, now: Instant) -> Option<Instant> {
        let run = self.last.as_ref()?;
        let quiet = now.duration_since(run.latest.0);
        (run.standing != Standing::Typed).then(|| now + (quiet / 4).clamp(LOOK, LOOK_SELDOM))
    }
}

impl Followed {
    fn output(&mut self, bytes: &[u8]) {
        if self.unanswered > 0 {
            let lines = memchr::memchr_iter(b'\n', bytes).take(self.unanswered);
            self.unanswered -= lines.count();
        }
        let last = memchr::memrchr(b'\n', bytes);
        let rest = last.and_then(|end| bytes.get(end + 1..));
        if last.is_some() {
            self.line.clear();
        }
        self.line.extend_from_slice(rest.unwrap_or(bytes));
        let excess = self.line.len().saturating_sub(LINE_BYTES);
        self.line.drain(..excess);
    }

    fn how(&self, occupation: impl FnOnce() -> Occupation, now: Instant) -> Option<How> {
        let quiet = now.duration_since(self.latest.0);
        if let Some(prompt) = &self.prompt {
            let shown = self.unanswered == 0 && prompt.is_match(&plain(&self.line));
            if shown {
                // Lines that wait to be read are not done.
                return (occupation() != Occupation::Busy).then_some(How::Prompt);
            }
            if self.standing == Standing::Sent {
                return None;
            }
        }
        match (self.standing, occupation()) {
            (Standing::Sent, Occupation::Prompt) => Some(How::Prompt),
            (Standing::Running, Occupation::Reads { .. }) if quiet >= QUIET_FOR => Some(How::Input),
            (Standing::Sent, Occupation::Reads { .. } | Occupation::Unknown)
                if quiet >= QUIET_FOR =>
            {
                Some(How::Quiet)
            }
            _ => None,
        }
    }
}

/// A line of output without escape sequences, as it stands after its last return.
fn plain(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => match letters.next() {
                // ECMA-48: parameters, and a final byte.
                Some('[') => {
                    letters.find(|letter| ('@'..='~').contains(letter));
                }
                // A string, up to a bell or `ESC \`.
                Some(']' | 'P' | '_' | '^' | 'X') => {
                    while let Some(letter) = letters.next() {
                        if letter == '\u{7}' {
                            break;
                        }
                        if letter == '\u{1b}' {
                            letters.next();
                            break;
                        }
                    }
                }
                Some('(' | ')' | '*' | '+' | '#' | '%') => {
                    letters.next();
                }
                _ => {}
            },
            '\u{8}' => {
                plain.pop();
            }
            '\r' | '\t' => plain.push(letter),
            _ if letter.is_control() => {}
            _ => plain.push(letter),
        }
    }
    let parts = plain.rsplit('\r');
    let mut written = parts.filter(|part| !part.is_empty());
    written.next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const READS: Occupation = Occupation::Reads { editor: true };
    const SENT: Stage = Stage::Sent(moment(10));

    const fn moment(offset: u64) -> Moment {
        Moment {
            at: SystemTime::UNIX_EPOCH,
            offset,
        }
    }

    /// How a run of `text` looks `after_ms` milliseconds after `output` came.
    fn check(
        (text, prompt): (&str, Option<&str>),
        stage: Stage,
        output: &[&str],
        occupation: Occupation,
        after_ms: u64,
    ) -> Option<How> {
        let now = Instant::now();
        let mut aftermath = Aftermath::default();
        let prompt = prompt.map(|prompt| Regex::new(prompt).unwrap());
        aftermath.typed(1, text.as_bytes(), prompt, moment(10), now);
        aftermath.stage(1, stage);
        for part in output {
            let bytes = Bytes::copy_from_slice(part.as_bytes());
            aftermath.output(&bytes, || moment(20), now);
        }
        let later = now + Duration::from_millis(after_ms);
        let (number, settled) = aftermath.look(|| occupation, later).pop()?;
        assert_eq!((number, settled.ended.offset), (1, 20));
        assert_eq!(aftermath.next_look(now), None, "told once");
        Some(settled.how)
    }

    #[test]
    fn named_prompt_is_seen_through_colours_and_in_pieces() {
        let named = ("1 + 1\r", Some("^>>> $"));
        let output = ["1 + 1\r\n2\r\n\x1b[32m>", ">> \x1b[0m\x1b]0;title\x07"];
        let seen = |after| check(named, SENT, &output, READS, after);
        assert_eq!(seen(100), None, "it may go on");
        assert_eq!(seen(200), Some(How::Prompt));
        let busy = check(named, SENT, &output, Occupation::Busy, 200);
        assert_eq!(busy, None, "lines wait to be read");
    }

    #[test]
    fn prompt_between_typed_lines_is_none() {
        let named = ("a\rb\r", Some("> $"));
        let between = check(named, SENT, &["a\r\n> "], READS, 60_000);
        assert_eq!(between, None);
        let behind = check(named, SENT, &["a\r\n> b\r\n> "], READS, 200);
        assert_eq!(behind, Some(How::Prompt));
    }

    #[test]
    fn quiet_program_that_reads_has_settled_and_a_busy_one_has_not() {
        let unnamed = ("a\r", None);
        assert_eq!(check(unnamed, SENT, &["a\r\n"], READS, 900), None);
        let seen = |occupation| check(unnamed, SENT, &["a\r\n"], occupation, 1_100);
        assert_eq!(seen(READS), Some(How::Quiet));
        assert_eq!(seen(Occupation::Busy), None);
        assert_eq!(seen(Occupation::Prompt), Some(How::Prompt));
    }

    #[test]
    fn running_program_that_waits_for_input_is_told() {
        let running = Stage::Running(moment(12));
        let seen = |occupation| check(("python\r", None), running, &[">>> "], occupation, 1_100);
        assert_eq!(seen(READS), Some(How::Input));
        assert_eq!(seen(Occupation::Busy), None);
        assert_eq!(seen(Occupation::Prompt), None, "its mark is on the way");
    }

    /// Two runs, the first of them sent, and a time half a minute later.
    fn two(second: Stage) -> (Aftermath, Instant) {
        let now = Instant::now();
        let mut aftermath = Aftermath::default();
        aftermath.typed(1, b"a\r", None, moment(10), now);
        aftermath.stage(1, SENT);
        aftermath.typed(2, b"b\r", None, moment(20), now);
        aftermath.stage(2, second);
        let bytes = Bytes::from_static(b"a\r\nb\r\n");
        aftermath.output(&bytes, || moment(30), now);
        (aftermath, now + Duration::from_secs(30))
    }

    fn found(looks: Vec<(RunNumber, Settled)>) -> Vec<(RunNumber, How, u64)> {
        let told = looks.into_iter();
        told.map(|(number, settled)| (number, settled.how, settled.ended.offset))
            .collect()
    }

    #[test]
    fn run_that_is_followed_by_another_settles_with_it() {
        let (mut aftermath, later) = two(SENT);
        let looks = aftermath.look(|| READS, later);
        assert!(looks.iter().all(|(_, settled)| settled.shared));
        let wanted = [(1, How::Quiet, 30), (2, How::Quiet, 30)];
        assert_eq!(found(looks), wanted);
        assert_eq!(aftermath.next_look(later), None);
        // What is typed now has its output for itself.
        aftermath.typed(3, b"c\r", None, moment(30), later);
        aftermath.stage(3, SENT);
        let looks = aftermath.look(|| READS, later + Duration::from_secs(30));
        assert!(looks.iter().all(|(_, settled)| !settled.shared));
        assert_eq!(found(looks), [(3, How::Quiet, 30)]);
    }

    #[test]
    fn run_that_is_followed_by_one_whose_end_is_told_settles_after_it() {
        let (mut aftermath, later) = two(Stage::Running(moment(25)));
        assert_eq!(found(aftermath.look(|| Occupation::Busy, later)), []);
        aftermath.stage(2, Stage::Ended(Some(0), moment(30)));
        let looks = aftermath.look(|| Occupation::Prompt, later);
        assert!(looks.iter().all(|(_, settled)| settled.shared));
        assert_eq!(found(looks), [(1, How::Prompt, 30)]);
    }

    #[test]
    fn run_whose_end_a_shell_tells_is_not_followed_behind_another() {
        let now = Instant::now();
        let mut aftermath = Aftermath::default();
        aftermath.typed(1, b"python\r", None, moment(10), now);
        aftermath.stage(1, Stage::Running(moment(11)));
        aftermath.typed(2, b"1\r", None, moment(20), now);
        aftermath.stage(2, SENT);
        let told = found(aftermath.look(|| READS, now + Duration::from_secs(2)));
        assert_eq!(told, [(2, How::Quiet, 20)]);
    }

    #[test]
    fn many_runs_are_given_up_from_the_first() {
        let now = Instant::now();
        let mut aftermath = Aftermath::default();
        for number in 0..1_000 {
            aftermath.typed(number, b"x\r", None, moment(number), now);
            aftermath.stage(number, SENT);
        }
        let told = aftermath.look(|| READS, now + Duration::from_secs(2));
        assert_eq!(told.len(), MOST);
        assert_eq!(told.last().unwrap().0, 999);
    }

    #[test]
    fn line_is_read_without_its_dress() {
        for (line, wanted) in [
            ("\x1b[1;31mdb\x1b[0m> ", "db> "),
            ("old\r\x1b[Knew> ", "new> "),
            ("> \r", "> "),
            ("\x1bP+q\x1b\\x\x1b(B$ ", "x$ "),
            ("ab\x08c", "ac"),
            ("\x1b[", ""),
        ] {
            assert_eq!(plain(line.as_bytes()), wanted, "{line:?}");
        }
    }

    #[test]
    fn long_line_is_kept_from_its_end() {
        let mut aftermath = Aftermath::default();
        aftermath.typed(1, b"", None, moment(0), Instant::now());
        let long = Bytes::from(vec![b'x'; 3 * LINE_BYTES]);
        for _ in 0..3 {
            aftermath.output(&long, || moment(1), Instant::now());
        }
        assert_eq!(aftermath.last.unwrap().line.len(), LINE_BYTES);
    }
}
