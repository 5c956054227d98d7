//! The rehearsed output of a block, kept in the scenario's folder: what it wrote when it was tested.
//!
//! A recording is a file in the second format of asciinema (asciicast v2): a header, then one line
//! for each piece of output, with its time. It runs nothing.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::text::Fnv;

/// The folder that holds them.
pub const FOLDER: &str = "recordings";

/// How large a recording may be, as a file.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How many pieces of output are read.
const MAX_PIECES: usize = 50_000;

/// What a block wrote, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// What is known of it.
    pub header: Header,
    /// Its output: since when from the beginning, and what.
    pub pieces: Vec<(Duration, String)>,
}

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format: 2.
    pub version: u32,
    /// How many columns the terminal had.
    pub width: u16,
    /// How many rows it had.
    pub height: u16,
    /// When it was made, in seconds since 1970.
    #[serde(default)]
    pub timestamp: u64,
    /// What players call it.
    #[serde(default)]
    pub title: String,
    /// Of what it is a recording.
    pub katahost: Subject,
}

/// The run that was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// The step.
    pub step: String,
    /// The block's index.
    pub block: usize,
    /// Names the command, so that a recording of another one is found out.
    pub command_hash: String,
    /// With what the block ended; nothing where it went on, or nobody can know.
    pub exit_code: Option<i32>,
}

/// Why a text is no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// The first line is not what it should be.
    #[error("its first line is no header of a recording: {0}")]
    Header(String),
    /// Another line is not what it should be.
    #[error("its line {0} is no piece of output")]
    Piece(usize),
    /// It holds more than any block writes.
    #[error("it holds more than {MAX_PIECES} pieces of output")]
    TooLong,
}

/// The path of a block's recording, relative to the scenario.
#[must_use]
pub fn path_of(step: &str, block: usize) -> String {
    format!("{FOLDER}/{step}.{block}.cast")
}

/// The step and the index of the block that a recording with that path is of.
#[must_use]
pub fn block_of(path: &str) -> Option<(&str, usize)> {
    let path = path.strip_prefix(FOLDER)?.strip_prefix('/')?;
    let (step, index) = path.strip_suffix(".cast")?.rsplit_once('.')?;
    Some((step, index.parse().ok()?))
}

/// Names a block's text.
#[must_use]
pub fn hash_of(command: &str) -> String {
    Fnv::new().text(command).hex()
}

impl Header {
    /// Reads the first line of a recording.
    ///
    /// # Errors
    ///
    /// It is no header, or not of this format.
    pub fn read(line: &str) -> Result<Self, RecordingError> {
        let header: Self = serde_json::from_str(line)
            .map_err(|error| RecordingError::Header(error.to_string()))?;
        if header.version != 2 {
            let version = header.version;
            let reason = format!("version {version} is not 2");
            return Err(RecordingError::Header(reason));
        }
        Ok(header)
    }

    /// Whether it is of a block with this text.
    #[must_use]
    pub fn is_of(&self, command: &str) -> bool {
        self.katahost.command_hash == hash_of(command)
    }
}

impl Recording {
    /// Reads a recording. Events other than output are passed over.
    ///
    /// # Errors
    ///
    /// The text is no recording.
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut lines = text.lines();
        let header = Header::read(lines.next().unwrap_or_default())?;
        let mut pieces = Vec::new();
        for (number, line) in (2..).zip(lines) {
            if line.trim().is_empty() {
                continue;
            }
            let wrong = |_| RecordingError::Piece(number);
            let (at, kind, data): (f64, String, Value) =
                serde_json::from_str(line).map_err(wrong)?;
            let at = Duration::try_from_secs_f64(at).map_err(|_| RecordingError::Piece(number))?;
            if pieces.len() >= MAX_PIECES {
                return Err(RecordingError::TooLong);
            }
            if let ("o", Value::String(text)) = (kind.as_str(), data) {
                pieces.push((at, text));
            }
        }
        Ok(Self { header, pieces })
    }

    /// Makes text of output that may be cut within a character.
    pub fn pieces_of<'a>(
        output: impl IntoIterator<Item = (Duration, &'a [u8])>,
    ) -> Vec<(Duration, String)> {
        let mut pieces = Vec::new();
        let mut rest: Vec<u8> = Vec::new();
        let mut last = Duration::ZERO;
        for (at, bytes) in output {
            rest.extend_from_slice(bytes);
            let cut = std::str::from_utf8(&rest).err();
            let whole = cut.filter(|cut| cut.error_len().is_none());
            let whole = whole.map_or(rest.len(), |cut| cut.valid_up_to());
            let after = rest.split_off(whole);
            let text = String::from_utf8_lossy(&rest).into_owned();
            rest = after;
            last = at;
            if !text.is_empty() {
                pieces.push((at, text));
            }
        }
        if !rest.is_empty() {
            pieces.push((last, String::from_utf8_lossy(&rest).into_owned()));
        }
        pieces
    }

    /// The text of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let header = serde_json::to_string(&self.header).unwrap_or_default();
        let mut text = header + "\n";
        for (at, piece) in &self.pieces {
            let piece = Value::String(piece.clone());
            text += &format!("[{:.6}, \"o\", {piece}]\n", at.as_secs_f64());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recording(pieces: Vec<(Duration, String)>) -> Recording {
        Recording {
            header: Header {
                version: 2,
                width: 80,
                height: 24,
                timestamp: 1_700_000_000,
                title: "intro, block 0".to_owned(),
                katahost: Subject {
                    step: "intro".to_owned(),
                    block: 0,
                    command_hash: hash_of("ls\n"),
                    exit_code: Some(0),
                },
            },
            pieces,
        }
    }

    #[test]
    fn recording_of_another_command_is_found_out() {
        let header = recording(Vec::new()).header;
        assert!(header.is_of("ls\n"));
        assert!(!header.is_of("ls -l\n"));
    }

    #[test]
    fn path_names_the_block() {
        for (step, block) in [("intro", 0), ("more/links", 12), ("v1.2", 3)] {
            assert_eq!(block_of(&path_of(step, block)), Some((step, block)));
        }
        for other in [
            "recordings/x.cast",
            "recordings/a.1.txt",
            "a.1.cast",
            "recordings",
        ] {
            assert_eq!(block_of(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_recording_is_refused_with_its_place() {
        let good = recording(Vec::new()).to_text();
        let check = |text: &str| Recording::parse(text).unwrap_err().to_string();
        assert!(check("").starts_with("its first line is no header"));
        assert!(check(&good.replace("\"version\":2", "\"version\":1")).contains("version 1"));
        assert_eq!(
            check(&(good.clone() + "[]")),
            "its line 2 is no piece of output"
        );
        let negative = good.clone() + "[-1, \"o\", \"x\"]";
        assert_eq!(check(&negative), "its line 2 is no piece of output");
        let other = good + "[0.5, \"m\", \"a marker\"]\n[1e3, \"o\", \"x\"]\n";
        let pieces = Recording::parse(&other).unwrap().pieces;
        assert_eq!(pieces, [(Duration::from_secs(1000), "x".to_owned())]);
    }

    #[test]
    fn character_that_came_in_two_pieces_is_whole() {
        let output: [(u64, &[u8]); 4] =
            [(0, b"a\xc3"), (1, b"\xa9b"), (2, b"\xff"), (3, b"\xe2\x82")];
        let output = output.map(|(at, bytes)| (Duration::from_secs(at), bytes));
        let texts: Vec<String> = Recording::pieces_of(output)
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(texts, ["a", "\u{e9}b", "\u{fffd}", "\u{fffd}"]);
    }

    proptest! {
        #[test]
        fn prop_what_is_written_is_read_again(
            pieces in prop::collection::vec((0u64..1 << 40, any::<String>()), 0..20)
        ) {
            let piece = |(at, text)| (Duration::from_micros(at), text);
            let recording = recording(pieces.into_iter().map(piece).collect());
            let read = Recording::parse(&recording.to_text()).unwrap();
            prop_assert_eq!(read.header, recording.header);
            prop_assert_eq!(read.pieces.len(), recording.pieces.len());
            for (read, written) in read.pieces.iter().zip(&recording.pieces) {
                prop_assert_eq!(&read.1, &written.1);
                // Seconds are no whole number of bits.
                prop_assert!(read.0.abs_diff(written.0) < Duration::from_micros(200));
            }
        }

        #[test]
        fn prop_anything_is_read_without_panic(text: String) {
            drop(Recording::parse(&text));
            prop_assert!(block_of(&text).is_none_or(|(step, _)| step.len() < text.len()));
        }
    }
}
