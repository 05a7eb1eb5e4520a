//! `POST /api/contacts/{id}/dnc/{channel}/add|remove`: says on which channels a contact must not be contacted. Each is an edit of
//! the contact's `doNotContact`, so everything that decides about edits decides about these, too.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::body::ItemBody;
use super::problem::Problem;
use super::reply::Reply;
use super::route::ChannelChange;
use super::single::{More, apply_item, with_id};
use crate::domain::{ContactId, Operation, Warning};
use crate::jobs::Call;

/// Mautic's number for a channel that may be used.
const CONTACTABLE: u8 = 0;
/// Mautic's number for a contact who unsubscribed.
const UNSUBSCRIBED: u8 = 1;
/// Mautic's numbers for a contact who unsubscribed, whose messages came back, and for an entry that was made by hand.
const REASONS: [u8; 3] = [UNSUBSCRIBED, 2, 3];
/// The warning that an entry stays as it is because the contact unsubscribed.
const KEPT_UNSUBSCRIBED: (&str, &str) = ("doNotContact", "unsubscribed_kept");

/// The edit that a request stands for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Edit<'a> {
    do_not_contact: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comments: Option<String>,
}

/// What a request says about the entry that it adds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Details {
    reason: Option<u8>,
    comments: Option<String>,
    /// The names of other members.
    others: Vec<String>,
}

impl Details {
    /// Reads the members of a JSON object. Those that are null or empty are as if they were not there.
    ///
    /// # Errors
    /// 400 for a reason that Mautic does not have, and for comments that are no text.
    fn read(item: &str) -> Result<Self, Problem> {
        let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(item)
            .map_err(|_| Problem::bad_request("The body must be an object with 'reason' and 'comments', or empty."))?;
        let mut details = Self::default();
        for (name, value) in members {
            let value = value.get();
            match name.as_str() {
                _ if matches!(value, "null" | "\"\"") => {}
                "reason" => {
                    // Some programs write whole numbers with a fraction of zeros.
                    let number = value.trim_matches('"').parse::<f64>().ok();
                    let reason = REASONS.into_iter().find(|reason| number == Some(f64::from(*reason)));
                    let wrong = || Problem::bad_request("'reason' must be 1, 2 or 3.");
                    details.reason = Some(reason.ok_or_else(wrong)?);
                }
                "comments" => {
                    let comments =
                        serde_json::from_str(value).map_err(|_| Problem::bad_request("'comments' must be a text."))?;
                    details.comments = Some(comments);
                }
                _ => details.others.push(name),
            }
        }
        Ok(details)
    }
}

/// Adds or removes a channel; blocks.
pub(super) fn apply(
    call: &Call<'_>,
    id: ContactId,
    channel: &str,
    change: ChannelChange,
    mut body: ItemBody,
) -> Result<Reply, Problem> {
    // An edit without a channel is about `email`.
    if channel.trim().is_empty() || channel.chars().any(char::is_control) {
        return Err(Problem::bad_request("The path names no channel. Send one such as /dnc/email/add."));
    }
    let details = match body.take_item_if_any()? {
        Some(item) => Details::read(&item)?,
        None => Details::default(),
    };
    let Details { reason, comments, others } = details;
    let (mut warnings, mut record_found) = (Vec::new(), None);
    let entry = match change {
        ChannelChange::Add => {
            let changes_entry = comments.is_some() || reason.is_some_and(|reason| reason != UNSUBSCRIBED);
            if changes_entry
                && shown_entry(&shown(call, id)?, channel).is_some_and(|entry| entry.reason == UNSUBSCRIBED)
            {
                let (field, code) = KEPT_UNSUBSCRIBED;
                warnings.push(Warning { field: field.to_owned(), code: code.to_owned() });
            }
            Entry { channel, reason, comments }
        }
        ChannelChange::Remove => {
            record_found = Some(shown_entry(&shown(call, id)?, channel).is_some());
            Entry { channel, reason: Some(CONTACTABLE), comments: None }
        }
    };
    let item = serde_json::to_string(&Edit { do_not_contact: [entry] }).map_err(|error| Problem::panicked(&error))?;
    let more = More { record_found, ignored: others, warnings, dry_run: None };
    let reply = apply_item(call, Operation::Update, with_id(&item, id), more)?;
    // The contact may have been deleted in between. The answer is the same as before.
    if reply.status() == StatusCode::NOT_FOUND { Err(Problem::unknown_contact()) } else { Ok(reply) }
}

/// Returns a contact as clients see it.
///
/// # Errors
/// 404 if there is no such contact.
fn shown(call: &Call<'_>, id: ContactId) -> Result<String, Problem> {
    call.contact(id)?.ok_or_else(Problem::unknown_contact)
}

/// An entry of a contact as clients see it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct ShownEntry<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    reason: u8,
}

/// Returns the entry for a channel of a contact as clients see it.
///
/// The host never looks into a contact, with this exception: Mautic says whether there was an entry to remove, and a client is told
/// of an entry that does not become what it sent. Only the contact as the processor shows it says so.
fn shown_entry<'a>(contact: &'a str, channel: &str) -> Option<ShownEntry<'a>> {
    #[derive(Deserialize)]
    struct Shown<'a> {
        #[serde(rename = "doNotContact", borrow)]
        do_not_contact: Vec<ShownEntry<'a>>,
    }
    let shown: Shown<'a> = serde_json::from_str(contact).ok()?;
    shown.do_not_contact.into_iter().find(|entry| entry.channel == channel)
}

#[cfg(test)]
mod tests {
    use super::{Details, shown_entry};

    #[test]
    fn a_reason_and_comments_are_read_in_any_form() {
        let details = |reason, comments: Option<&str>| Details {
            reason,
            comments: comments.map(str::to_owned),
            others: Vec::new(),
        };
        for (item, expected) in [
            ("{}", details(None, None)),
            (r#"{"reason":1,"comments":"no \"more\""}"#, details(Some(1), Some("no \"more\""))),
            (r#"{"reason":"2","comments":""}"#, details(Some(2), None)),
            (r#"{"reason":null,"comments":null,"channelId":null}"#, details(None, None)),
            (r#"{"reason":3,"reason":2}"#, details(Some(2), None)),
            (r#"{"reason":1.0}"#, details(Some(1), None)),
            (r#"{"reason":"3.00"}"#, details(Some(3), None)),
            (r#"{"reason":2e0}"#, details(Some(2), None)),
        ] {
            assert_eq!(Details::read(item).unwrap(), expected, "{item}");
        }
        assert_eq!(Details::read(r#"{"channelId":7,"x":[]}"#).unwrap().others, ["channelId", "x"]);
        for item in [
            "[]",
            r#"{"reason":0}"#,
            r#"{"reason":"x"}"#,
            r#"{"reason":1.5}"#,
            r#"{"reason":[1]}"#,
            r#"{"comments":7}"#,
        ] {
            assert!(Details::read(item).is_err(), "{item}");
        }
    }

    #[test]
    fn an_entry_is_found_by_its_channel() {
        for (contact, reason) in [
            (r#"{"doNotContact":[{"id":1,"channel":"sms","reason":1},{"channel":"e\u006dail","reason":3}]}"#, Some(3)),
            (r#"{"doNotContact":[{"channel":"sms","reason":1}]}"#, None),
            (r#"{"doNotContact":[]}"#, None),
            (r#"{"doNotContact":7}"#, None),
            ("{}", None),
        ] {
            assert_eq!(shown_entry(contact, "email").map(|entry| entry.reason), reason, "{contact}");
        }
    }
}
