//! Channels by which a contact is not to be written to.

use std::borrow::Cow;

use crate::contact::DoNotContact;
use crate::json::Raw;
use crate::kinds::{Fault, NOT_VALID, plain};

/// Longest channel and comment, in code points.
const CHANNEL_LIMIT: usize = 64;
const COMMENTS_LIMIT: usize = 65_535;
/// Most entries in one item: each is looked for among those of the contact.
const COUNT_LIMIT: usize = 1_000;

/// Mautic's reasons.
const CONTACTABLE: u8 = 0;
const UNSUBSCRIBED: u8 = 1;
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

/// A list of objects; a blank changes nothing.
pub(super) fn read(raw: &Raw<'_>) -> Result<Vec<Change>, Fault> {
    match raw {
        Raw::List(_) => {
            let entries = raw.entries();
            if entries.len() > COUNT_LIMIT {
                return Err(Cow::Owned(format!(
                    "This value is too long. It should have {COUNT_LIMIT} entries or less."
                )));
            }
            entries.iter().map(change).collect()
        }
        Raw::Null => Ok(Vec::new()),
        Raw::Text(text) if text.is_empty() => Ok(Vec::new()),
        _ => Err(NOT_VALID),
    }
}

fn change(raw: &Raw<'_>) -> Result<Change, Fault> {
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
            Member::Channel => change.channel = text(&raw, CHANNEL_LIMIT)?,
            Member::Comments => change.comments = text(&raw, COMMENTS_LIMIT)?,
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

fn text(raw: &Raw<'_>, limit: usize) -> Result<String, Fault> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = plain(&sent);
    if text.chars().count() > limit {
        return Err(Cow::Owned(format!("This value is too long. It should have {limit} characters or less.")));
    }
    Ok(text.into_owned())
}

/// One entry a channel. Who unsubscribed stays so until the entry is removed.
pub(super) fn apply(changes: Vec<Change>, entries: &mut Vec<DoNotContact>, now: &str) {
    for Change { channel, reason, comments } in changes {
        let known = entries.iter_mut().find(|entry| entry.channel == channel);
        match known {
            _ if reason == CONTACTABLE => entries.retain(|entry| entry.channel != channel),
            Some(entry) if entry.reason == UNSUBSCRIBED => {}
            Some(entry) => *entry = DoNotContact { channel, reason, comments, date_added: now.to_owned() },
            None => entries.push(DoNotContact { channel, reason, comments, date_added: now.to_owned() }),
        }
    }
}
