//! What is kept on disk: the frames of which every file of the relay is made, directories of records, and the journals of
//! durable queues.

pub mod archive;
pub mod fault;
pub mod frame;
pub mod journal;
