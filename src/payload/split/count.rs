//! How many items a well-formed message has, without looking at what is in them.

use crate::payload::schema::{MessageType, Role};
use crate::payload::wire::{Field, fields};

/// The items in `content`; counting may stop at `enough`.
pub(super) fn count(message: MessageType, content: &[u8], enough: u64) -> u64 {
    let mut counted = 0;
    let mut alternative = None;
    for field in fields(content) {
        match role(message, &field) {
            (Role::Item, _) => counted += 1,
            (Role::Leads, Some(inner)) => counted += count(inner, field.content, enough - counted),
            (Role::LeadsAlone, Some(inner)) => {
                // A later alternative may make all of these void: no early end.
                if alternative != Some(field.number) {
                    alternative = Some(field.number);
                    counted = 0;
                }
                counted += count(inner, field.content, enough.saturating_sub(counted));
                continue;
            }
            _ => {}
        }
        if enough <= counted {
            break;
        }
    }
    counted
}

/// What a field of `message` has to do with items, and the message in it.
pub(super) fn role(message: MessageType, field: &Field<'_>) -> (Role, Option<MessageType>) {
    message.field(field.number).map_or((Role::Header, None), |row| (row.role, row.kind.message()))
}
