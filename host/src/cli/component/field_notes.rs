//! Notes for the author of a validator whose objections name fields that contacts do not have. A server accepts such objections:
//! clients see them under the name that the validator gave.

use std::collections::BTreeMap;

use bulkhead::domain::ItemError;
use bulkhead::jobs::CallRow;
use serde_json::Value;

use super::failures::listed;
use crate::cli::printable::Printable;

/// Notes that are shown.
const MAX_NOTES: usize = 20;
/// Members of a contact that are no fields, and have errors all the same.
const OTHER_MEMBERS: [&str; 9] =
    ["companies", "doNotContact", "id", "ipAddress", "lastActive", "overwriteWithBlank", "owner", "stage", "tags"];

/// Returns a note for each name in the errors of the rows that is neither a field nor another member of a contact.
pub(super) fn field_notes(rows: &[CallRow], aliases: &[String]) -> Vec<String> {
    let mut unknown: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (index, row) in (0..).zip(rows) {
        let Some(ItemError::Validation { details, .. }) = &row.error else { continue };
        let Ok(Value::Object(details)) = serde_json::from_str(details.get()) else { continue };
        for (name, _) in details {
            if !aliases.contains(&name) && !OTHER_MEMBERS.contains(&name.as_str()) {
                unknown.entry(name).or_default().push(index);
            }
        }
    }
    let number = unknown.len();
    let mut notes: Vec<String> =
        unknown.iter().take(MAX_NOTES).map(|(name, contacts)| note(name, contacts, aliases)).collect();
    if number > MAX_NOTES {
        notes.push(format!("{} more names of objections are no fields", number - MAX_NOTES));
    }
    notes
}

fn note(name: &str, contacts: &[u32], aliases: &[String]) -> String {
    let contacts = listed(contacts);
    if name.is_empty() {
        return format!(
            "{contacts}: an objection names no field: its 'field' is empty, so a client is not told what is wrong"
        );
    }
    let is_meant = |alias: &&str| alias.eq_ignore_ascii_case(name.trim());
    let known = aliases.iter().map(String::as_str).chain(OTHER_MEMBERS);
    let meant = known.into_iter().find(is_meant).map_or_else(String::new, |alias| format!("; '{alias}' is one"));
    format!(
        "{contacts}: an objection names '{}', which is no field of this tenant's contacts{meant}",
        Printable::line(name)
    )
}

#[cfg(test)]
mod tests {
    use bulkhead::domain::ItemError;
    use bulkhead::jobs::CallRow;
    use serde_json::value::to_raw_value;

    use super::field_notes;

    fn row(names: &[&str]) -> CallRow {
        let details: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), vec!["no"].into())).collect();
        let details = to_raw_value(&details).unwrap();
        let error =
            ItemError::Validation { code: 400, message: String::new(), details, r#type: None, codes: Vec::new() };
        let (action, remarks) = (bulkhead::domain::Action::Refuse, bulkhead::domain::ItemRemarks::default());
        CallRow { id: None, shown: None, action, status: 400, error: Some(error), remarks, changes: None }
    }

    #[test]
    fn only_names_that_are_no_members_of_a_contact_are_noted() {
        let aliases = ["email", "city"].map(str::to_owned);
        assert_eq!(field_notes(&[row(&["email", "doNotContact"])], &aliases), Vec::<String>::new());
        let notes = field_notes(&[row(&["Email", ""]), row(&["city"]), row(&["Email", "wrong"])], &aliases);
        assert_eq!(
            notes,
            [
                "contact 0: an objection names no field: its 'field' is empty, so a client is not told what is wrong",
                "contacts 0 and 2: an objection names 'Email', which is no field of this tenant's contacts; 'email' is one",
                "contact 2: an objection names 'wrong', which is no field of this tenant's contacts",
            ]
        );
        let many: Vec<String> = (0..30).map(|number| format!("field{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(field_notes(&[row(&many)], &aliases).len(), 21);
    }
}
