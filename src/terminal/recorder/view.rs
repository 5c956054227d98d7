//! A recording as somebody reads it, while the terminal may write on.

use std::{fs::File, io, ops::Range, sync::Arc};

use super::{
    record::{Records, Stretch},
    tape::Stopped,
};
use crate::terminal::journal::TerminalSize;

/// After how many bytes of the file a place is noted from which reading may begin.
const SIGN_BYTES: u64 = 64 * 1024;

/// A recording as it was at one moment, to be read.
#[derive(Debug, Clone)]
pub struct TapeView {
    pub(super) file: Option<Arc<File>>,
    pub(super) bytes: u64,
    /// The offset after the last byte that was taken.
    pub end: u64,
    /// The size before the first record.
    pub size: TerminalSize,
    /// Why it goes no further, where it does not.
    pub stopped: Option<Stopped>,
}

impl TapeView {
    /// Reads all records.
    #[must_use]
    pub fn records(&self) -> Records {
        self.records_from(0)
    }

    fn records_from(&self, at: u64) -> Records {
        Records::new(self.file.clone(), at, self.bytes)
    }

    /// Notes where in the file one may begin to read.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn signs(&self) -> io::Result<Signs> {
        let mut size = self.size;
        let mut signs = vec![Sign {
            offset: 0,
            at: 0,
            size,
        }];
        let mut records = self.records();
        let mut last = 0;
        loop {
            let at = records.at;
            let Some(record) = records.read()? else { break };
            if at >= last + SIGN_BYTES {
                let offset = record.offset - record.missing();
                signs.push(Sign { offset, at, size });
                last = at;
            }
            if let Stretch::Resize(new) = record.event {
                size = new;
            }
        }
        Ok(Signs {
            view: self.clone(),
            signs,
        })
    }
}

/// A recording, and places in it from which reading may begin.
#[derive(Debug)]
pub struct Signs {
    /// The recording.
    pub view: TapeView,
    signs: Vec<Sign>,
}

#[derive(Debug)]
struct Sign {
    /// The offset of all that comes from here on is not less.
    offset: u64,
    /// Where in the file.
    at: u64,
    /// The size until then.
    size: TerminalSize,
}

impl Signs {
    /// Plays what is recorded of a stretch of the terminal's output: first the size at its
    /// beginning.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub fn play(&self, range: &Range<u64>, mut each: impl FnMut(Stretch<&[u8]>)) -> io::Result<()> {
        let before = self
            .signs
            .partition_point(|sign| sign.offset <= range.start);
        let Some(sign) = self.signs.get(before.saturating_sub(1)) else {
            return Ok(());
        };
        let mut size = Some(sign.size);
        let mut records = self.view.records_from(sign.at);
        while let Some(record) = records.read()? {
            let from = record.offset - record.missing();
            if from >= range.end {
                break;
            }
            match &record.event {
                // Nothing was played yet.
                Stretch::Resize(new) if size.is_some() => size = Some(*new),
                Stretch::Resize(new) => each(Stretch::Resize(*new)),
                Stretch::Gap(missing) if record.offset > range.start => {
                    size.take()
                        .map(Stretch::Resize)
                        .into_iter()
                        .for_each(&mut each);
                    each(Stretch::Gap(*missing));
                }
                Stretch::Gap(_) => {}
                Stretch::Output(bytes) => {
                    let cut = |offset: u64| {
                        let length = offset.saturating_sub(record.offset);
                        usize::try_from(length).map_or(bytes.len(), |at| at.min(bytes.len()))
                    };
                    let inside = bytes.get(cut(range.start)..cut(range.end));
                    if let Some(inside) = inside.filter(|inside| !inside.is_empty()) {
                        size.take()
                            .map(Stretch::Resize)
                            .into_iter()
                            .for_each(&mut each);
                        each(Stretch::Output(inside));
                    }
                }
            }
        }
        Ok(())
    }
}
