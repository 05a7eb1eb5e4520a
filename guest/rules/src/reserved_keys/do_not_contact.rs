//! Changes to the channels on which a contact must not be contacted.

use crate::contact::DoNotContact;
use crate::field_error::{FieldError, NOT_VALID};
use crate::json::Raw;
use crate::kinds::plain;

/// Largest name of a channel, in code points.
const MAX_CHANNEL_LENGTH: usize = 64;
/// Largest comments, in code points.
const MAX_COMMENTS_LENGTH: usize = 65_535;
/// Largest number of changes in one item. Each one is searched for among the contact's entries.
const MAX_CHANGES: usize = 1_000;

/// Mautic's number for a channel that may be used.
const CONTACTABLE: u8 = 0;
/// Mautic's number for a contact who unsubscribed.
const UNSUBSCRIBED: u8 = 1;
/// Mautic's number for an entry that was set manually.
const MANUAL: u8 = 3;

#[derive(Debug)]
pub(super) struct Change {
    channel: String,
    reason: u8,
    comments: String,
}

#[derive(Clone, Copy)]
enum Member {
    Channel,
    Reason,
    Comments,
}

/// Reads a list of objects. A blank changes nothing.
pub(super) fn read(raw: &Raw<'_>) -> Result<Vec<Change>, FieldError> {
    match raw {
        Raw::List(_) | Raw::Object(_) => {
            let entries = raw.as_list().ok_or(NOT_VALID)?;
            if entries.len() > MAX_CHANGES {
                return Err(FieldError::too_long(MAX_CHANGES, "entries"));
            }
            entries.iter().map(change).collect()
        }
        Raw::Null => Ok(Vec::new()),
        Raw::Text(text) if text.is_empty() => Ok(Vec::new()),
        _ => Err(NOT_VALID),
    }
}

fn change(raw: &Raw<'_>) -> Result<Change, FieldError> {
    let Raw::Object(_) = raw else {
        return Err(NOT_VALID);
    };
    let mut change = Change { channel: "email".to_owned(), reason: MANUAL, comments: String::new() };
    let known = |name: &str| match name {
        "channel" => Some(Member::Channel),
        "reason" => Some(Member::Reason),
        "comments" => Some(Member::Comments),
        _ => None,
    };
    for (member, raw) in raw.members(known) {
        if raw == Raw::Null {
            continue;
        }
        match member {
            Member::Channel => change.channel = text(&raw, MAX_CHANNEL_LENGTH)?,
            Member::Comments => change.comments = text(&raw, MAX_COMMENTS_LENGTH)?,
            Member::Reason => {
                let reason = raw.as_id().and_then(|reason| u8::try_from(reason).ok());
                change.reason = reason.filter(|reason| *reason <= MANUAL).ok_or(NOT_VALID)?;
            }
        }
    }
    if change.channel.is_empty() {
        "email".clone_into(&mut change.channel);
    }
    Ok(change)
}

fn text(raw: &Raw<'_>, limit: usize) -> Result<String, FieldError> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = plain(&sent);
    if text.chars().count() > limit {
        return Err(FieldError::too_long(limit, "characters"));
    }
    Ok(text.into_owned())
}

/// Applies the changes. A channel has at most one entry. An entry with the reason "unsubscribed" cannot be changed, only
/// removed.
pub(super) fn apply(changes: Vec<Change>, entries: &mut Vec<DoNotContact>, now: &str) {
    for Change { channel, reason, comments } in changes {
        let known = entries.iter_mut().find(|entry| entry.channel == channel);
        match known {
            _ if reason == CONTACTABLE => entries.retain(|entry| entry.channel != channel),
            Some(entry) if entry.reason == UNSUBSCRIBED => {}
            // The same entry again is no change, so it keeps its date.
            Some(entry) if entry.reason == reason && entry.comments == comments => {}
            Some(entry) => *entry = DoNotContact { channel, reason, comments, date_added: now.to_owned() },
            None => entries.push(DoNotContact { channel, reason, comments, date_added: now.to_owned() }),
        }
    }
}
