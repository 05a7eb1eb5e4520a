//! Stored contacts as clients see them: Mautic 5's contact object, member by member.

mod fields;

use serde::Serialize;

use crate::contact::{Contact, DoNotContact};
use crate::model::{Owner, Profile, Stored};
use crate::schema::Schema;

use fields::{Catalogue, Fields, points};

/// Longest object that a host takes, in bytes.
const SHOWN_LIMIT: usize = 1024 * 1024;
/// Stored contacts up to this size, in bytes, are shown in fewer than [`SHOWN_LIMIT`], as none of their parts becomes more
/// than 13 times as long: an address is shown twice and with words around it.
const SMALL: usize = 32 * 1024;

/// One JSON object for each contact, in order.
#[must_use]
pub fn present(profile: &Profile, contacts: Vec<Stored>) -> Vec<String> {
    let schema = Schema::of(profile);
    let catalogue = Catalogue::of(profile, &schema);
    let shown = |stored: Stored| {
        let contact = Contact::read(&stored.document, &schema);
        shown(&Shown::of(stored.id, &contact, profile, &catalogue))
    };
    contacts.into_iter().map(shown).collect()
}

/// Refuses a contact that could be stored in `stored` bytes, but never be shown.
pub(crate) fn check_size(contact: &Contact, stored: usize, profile: &Profile, schema: &Schema) -> Result<(), String> {
    if stored <= SMALL {
        return Ok(());
    }
    let size = shown(&Shown::of(u64::MAX, contact, profile, &Catalogue::of(profile, schema))).len();
    if size > SHOWN_LIMIT {
        Err(format!("A contact takes {SHOWN_LIMIT} bytes at most when it is shown."))
    } else {
        Ok(())
    }
}

fn shown(contact: &Shown<'_>) -> String {
    // Writing text into memory does not fail.
    serde_json::to_string(contact).unwrap_or_else(|_| "{}".to_owned())
}

/// The members in Mautic's order; those it always leaves empty are empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    is_published: bool,
    date_added: Option<String>,
    date_modified: Option<String>,
    created_by: (),
    created_by_user: (),
    modified_by: (),
    modified_by_user: (),
    id: u64,
    points: i64,
    color: (),
    fields: Fields<'a>,
    last_active: Option<String>,
    owner: Option<ShownOwner<'a>>,
    ip_addresses: IpAddresses<'a>,
    tags: Vec<ShownTag<'a>>,
    utmtags: [(); 0],
    stage: Option<ShownStage<'a>>,
    date_identified: Option<String>,
    preferred_profile_image: &'static str,
    do_not_contact: Vec<ShownDoNotContact<'a>>,
    frequency_rules: [(); 0],
}

impl<'a> Shown<'a> {
    fn of(id: u64, contact: &'a Contact, profile: &'a Profile, catalogue: &'a Catalogue<'a>) -> Self {
        let owner = profile.owners.iter().find(|owner| Some(owner.id) == contact.owner);
        let stage = profile.stages.iter().find(|stage| Some(stage.id) == contact.stage);
        Self {
            is_published: true,
            date_added: contact.date_added.as_deref().map(with_offset),
            date_modified: contact.date_modified.as_deref().map(with_offset),
            created_by: (),
            created_by_user: (),
            modified_by: (),
            modified_by_user: (),
            id,
            points: points(contact, catalogue),
            color: (),
            fields: Fields { id, contact, catalogue },
            last_active: contact.last_active.as_deref().map(with_offset),
            owner: owner.map(ShownOwner::of),
            ip_addresses: IpAddresses(&contact.ip_addresses),
            tags: contact.tags.iter().map(|tag| ShownTag { id: name_id(tag), tag, description: () }).collect(),
            utmtags: [],
            stage: stage.map(|stage| ShownStage {
                id: stage.id,
                name: &stage.name,
                category: (),
                weight: 0,
                description: (),
            }),
            date_identified: contact
                .date_added
                .as_deref()
                .map(with_offset)
                .filter(|_| catalogue.is_identified(contact)),
            preferred_profile_image: "gravatar",
            do_not_contact: (1..).zip(&contact.do_not_contact).map(ShownDoNotContact::of).collect(),
            frequency_rules: [],
        }
    }
}

/// `2024-02-14T08:20:00Z` the way PHP writes it.
fn with_offset(moment: &str) -> String {
    moment.strip_suffix('Z').map_or_else(|| moment.to_owned(), |moment| format!("{moment}+00:00"))
}

/// Tags and addresses are stored by name; clients expect a number, the same for the same name (FNV-1a, 32 bits).
fn name_id(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownOwner<'a> {
    id: u64,
    username: &'a str,
    first_name: &'a str,
    last_name: &'a str,
}

impl<'a> ShownOwner<'a> {
    fn of(owner: &'a Owner) -> Self {
        Self { id: owner.id, username: &owner.username, first_name: &owner.first_name, last_name: &owner.last_name }
    }
}

#[derive(Serialize)]
struct ShownTag<'a> {
    id: u32,
    tag: &'a str,
    description: (),
}

#[derive(Serialize)]
struct ShownStage<'a> {
    id: u64,
    name: &'a str,
    category: (),
    weight: u32,
    description: (),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownDoNotContact<'a> {
    id: u32,
    date_added: String,
    reason: u8,
    comments: &'a str,
    channel: &'a str,
    channel_id: (),
}

impl<'a> ShownDoNotContact<'a> {
    fn of((id, entry): (u32, &'a DoNotContact)) -> Self {
        Self {
            id,
            date_added: with_offset(&entry.date_added),
            reason: entry.reason,
            comments: &entry.comments,
            channel: &entry.channel,
            channel_id: (),
        }
    }
}

struct IpAddresses<'a>(&'a [String]);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownIpAddress<'a> {
    ip: &'a str,
    id: u32,
    ip_address: &'a str,
    ip_details: [(); 0],
}

impl Serialize for IpAddresses<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // PHP shows an empty map as a list.
        if self.0.is_empty() {
            return serializer.collect_seq::<[(); 0]>([]);
        }
        let shown = |ip| (ip, ShownIpAddress { ip, id: name_id(ip), ip_address: ip, ip_details: [] });
        serializer.collect_map(self.0.iter().map(|ip| shown(ip.as_str())))
    }
}
