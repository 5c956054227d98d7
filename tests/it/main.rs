//! Integration tests, in one binary so that they are linked once.

mod golden;
mod harness;
mod keystrokes;
mod screen;
mod terminals;
