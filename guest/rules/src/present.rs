//! Renders stored contacts for clients, as Mautic 5's contact object.

mod cells;
mod fields;

use serde::Serialize;

use crate::contact::{Contact, DoNotContact};
use crate::json::push_value;
use crate::model::{Owner, Profile, Stored};
use crate::schema::Schema;

pub use cells::cells;
use fields::{Catalogue, points};

/// Largest contact object that a host accepts, in bytes.
const MAX_PRESENTED_BYTES: usize = 1024 * 1024;
/// A document of up to this size, in bytes, always takes less than [`MAX_PRESENTED_BYTES`] when it is presented. No part of
/// a document grows more than 13-fold; the worst case is an IP address, which is shown twice and with JSON around it.
const ALWAYS_PRESENTABLE_BYTES: usize = 32 * 1024;

/// Returns one JSON object for each contact, in order.
#[must_use]
pub fn present(profile: &Profile, contacts: Vec<Stored>) -> Vec<String> {
    let schema = Schema::of(profile);
    let catalogue = Catalogue::of(profile, &schema);
    let to_json = |stored: Stored| {
        let contact = Contact::read(stored.document, &schema);
        to_json(stored.id, &contact, profile, &catalogue)
    };
    contacts.into_iter().map(to_json).collect()
}

/// Checks that a contact whose document has `stored` bytes can be presented.
///
/// # Errors
///
/// If the presented contact is larger than [`MAX_PRESENTED_BYTES`]. The error is one sentence for the client.
pub(crate) fn check_presentable(
    contact: &Contact,
    stored: usize,
    profile: &Profile,
    schema: &Schema,
) -> Result<(), String> {
    if stored <= ALWAYS_PRESENTABLE_BYTES {
        return Ok(());
    }
    let size = to_json(u64::MAX, contact, profile, &Catalogue::of(profile, schema)).len();
    if size > MAX_PRESENTED_BYTES {
        Err(format!("A contact may have at most {MAX_PRESENTED_BYTES} bytes when it is shown."))
    } else {
        Ok(())
    }
}

fn to_json(id: u64, contact: &Contact, profile: &Profile, catalogue: &Catalogue<'_>) -> String {
    let mut json = String::with_capacity(catalogue.typical_bytes());
    push_value(&mut json, &BeforeFields::of(id, contact, catalogue));
    // The end of the object, and then the beginning of another one.
    json.pop();
    catalogue.push_fields(&mut json, id, contact);
    let end = json.len();
    push_value(&mut json, &BehindFields::of(contact, profile, catalogue));
    json.replace_range(end..=end, ",");
    json
}

/// A contact's members before its fields, in Mautic's order. Members that do not apply here are always empty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BeforeFields {
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
}

impl BeforeFields {
    fn of(id: u64, contact: &Contact, catalogue: &Catalogue<'_>) -> Self {
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
        }
    }
}

/// A contact's members behind its fields.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BehindFields<'a> {
    last_active: Option<String>,
    owner: Option<OwnerView<'a>>,
    ip_addresses: IpAddressesView<'a>,
    tags: Vec<TagView<'a>>,
    utmtags: [(); 0],
    stage: Option<StageView<'a>>,
    date_identified: Option<String>,
    preferred_profile_image: &'static str,
    do_not_contact: Vec<DoNotContactView<'a>>,
    frequency_rules: [(); 0],
}

impl<'a> BehindFields<'a> {
    fn of(contact: &'a Contact, profile: &'a Profile, catalogue: &Catalogue<'_>) -> Self {
        let owner = profile.owners.iter().find(|owner| Some(owner.id) == contact.owner);
        let stage = profile.stages.iter().find(|stage| Some(stage.id) == contact.stage);
        Self {
            last_active: contact.last_active.as_deref().map(with_offset),
            owner: owner.map(OwnerView::of),
            ip_addresses: IpAddressesView(&contact.ip_addresses),
            tags: contact.tags.iter().map(|tag| TagView { id: name_id(tag), tag, description: () }).collect(),
            utmtags: [],
            stage: stage.map(|stage| StageView {
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
            do_not_contact: (1..).zip(&contact.do_not_contact).map(DoNotContactView::of).collect(),
            frequency_rules: [],
        }
    }
}

/// Converts `2024-02-14T08:20:00Z` to PHP's form, `2024-02-14T08:20:00+00:00`.
fn with_offset(datetime: &str) -> String {
    datetime.strip_suffix('Z').map_or_else(|| datetime.to_owned(), |datetime| format!("{datetime}+00:00"))
}

/// Returns the id of a tag or IP address. Clients expect a number, but tags and addresses are stored by name, so the id is a
/// hash of the name (FNV-1a, 32 bits).
fn name_id(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OwnerView<'a> {
    id: u64,
    username: &'a str,
    first_name: &'a str,
    last_name: &'a str,
}

impl<'a> OwnerView<'a> {
    fn of(owner: &'a Owner) -> Self {
        Self { id: owner.id, username: &owner.username, first_name: &owner.first_name, last_name: &owner.last_name }
    }
}

#[derive(Serialize)]
struct TagView<'a> {
    id: u32,
    tag: &'a str,
    description: (),
}

#[derive(Serialize)]
struct StageView<'a> {
    id: u64,
    name: &'a str,
    category: (),
    weight: u32,
    description: (),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DoNotContactView<'a> {
    id: u32,
    date_added: String,
    reason: u8,
    comments: &'a str,
    channel: &'a str,
    channel_id: (),
}

impl<'a> DoNotContactView<'a> {
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

struct IpAddressesView<'a>(&'a [String]);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IpAddressView<'a> {
    ip: &'a str,
    id: u32,
    ip_address: &'a str,
    ip_details: [(); 0],
}

impl Serialize for IpAddressesView<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // PHP writes an empty map as a list.
        if self.0.is_empty() {
            return serializer.collect_seq::<[(); 0]>([]);
        }
        let to_json = |ip| (ip, IpAddressView { ip, id: name_id(ip), ip_address: ip, ip_details: [] });
        serializer.collect_map(self.0.iter().map(|ip| to_json(ip.as_str())))
    }
}
