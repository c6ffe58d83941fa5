//! What can be done beside a running relay: looking into durable queues and rescuing what is in them.

pub mod queue;
