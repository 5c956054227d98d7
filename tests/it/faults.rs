//! Networks that break, clients that misbehave, floods that nobody watches: nothing is lost,
//! nothing grows, nothing panics, and nobody else notices.

mod crowd;
mod network;
mod processes;
mod resizes;
mod rude;
mod sleep;
mod unwatched;
