//! What is kept on disk: the frames of which every file of the relay is made, and directories of records.

pub mod archive;
pub mod frame;
