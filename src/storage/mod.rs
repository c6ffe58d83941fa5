//! What is kept on disk: the frames of which every file of the relay is made, and the journals of durable queues.

pub mod frame;
pub mod journal;
