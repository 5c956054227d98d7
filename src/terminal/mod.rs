//! Named terminals of a lab.

pub mod screen;
