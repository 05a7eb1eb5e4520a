//! The fields: four built-in fields, and the text fields that a tenant's profile adds.

use crate::bindings::bulkhead::contacts::types::{Field, FieldEntry};
use crate::bindings::exports::bulkhead::contacts::batch::Flaw;

/// The field that identifies a contact.
pub(crate) const EMAIL: &str = "email";

/// Returns the built-in fields with the entries of a profile applied to them, or the flaws of the entries.
pub(crate) fn fields(entries: Vec<FieldEntry>) -> Result<Vec<Field>, Vec<Flaw>> {
    let mut fields = vec![
        Field { is_required: true, is_unique: true, ..text(EMAIL, "E-mail") },
        text("firstname", "First name"),
        text("lastname", "Last name"),
        text("company", "Company"),
    ];
    let mut flaws = Vec::new();
    for (index, entry) in (0..).zip(entries) {
        let flaw =
            |member: &str, message: &str| Flaw { entry: index, member: member.to_owned(), message: message.to_owned() };
        if entry.alias.is_empty() {
            flaws.push(flaw("alias", "A field needs an alias."));
        }
        if entry.kind.as_deref().is_some_and(|kind| kind != "text") {
            flaws.push(flaw("type", "This importer has only text fields; leave 'type' out, or write 'text'."));
        }
        if entry.is_unique.is_some_and(|is_unique| is_unique != (entry.alias == EMAIL)) {
            flaws.push(flaw("unique", "In this importer only 'email' is unique."));
        }
        let known = fields.iter().position(|field| field.alias == entry.alias);
        let position = known.unwrap_or_else(|| {
            fields.push(text(&entry.alias, &entry.alias));
            fields.len() - 1
        });
        let field = &mut fields[position];
        field.label = entry.label.unwrap_or(field.label.clone());
        field.group = entry.group.unwrap_or(field.group.clone());
        field.is_required = entry.is_required.unwrap_or(field.is_required);
        field.max_length = entry.max_length.or(field.max_length);
    }
    if flaws.is_empty() { Ok(fields) } else { Err(flaws) }
}

fn text(alias: &str, label: &str) -> Field {
    Field {
        alias: alias.to_owned(),
        label: label.to_owned(),
        kind: "text".to_owned(),
        group: "core".to_owned(),
        choices: Vec::new(),
        is_required: false,
        is_unique: false,
        max_length: None,
        scale: None,
    }
}
