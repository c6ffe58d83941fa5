//! What is kept on disk: the frames of which every file of the relay is made.

pub mod frame;
