//! What a lab runs by itself, from the lab's words to those of the wire.

use crate::{
    lab::{Listing, listing::CoveredFile},
    protocol::trust as wire,
    scenario::{Occasion, Unattended},
};

pub(super) fn pending(listing: &Listing) -> wire::Trust {
    let file = |CoveredFile { path, whole }: &CoveredFile| wire::CoveredFile {
        path: path.clone(),
        whole: *whole,
    };
    wire::Trust {
        hash: listing.hash.clone(),
        items: listing.items.iter().map(item).collect(),
        files: listing.files.iter().map(file).collect(),
    }
}

fn item(item: &Unattended) -> wire::Unattended {
    wire::Unattended {
        occasion: match item.occasion {
            Occasion::Load => wire::Occasion::Load,
            Occasion::Block => wire::Occasion::Block,
            Occasion::Open => wire::Occasion::Open,
        },
        step: item.step.clone(),
        terminal: item.terminal.clone(),
        interrupts: item.interrupts,
        text: item.text.clone(),
        file: item.file.clone(),
        line: item.line,
    }
}
