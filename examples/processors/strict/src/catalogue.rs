//! Which fields there are: four of its own, and texts that a tenant's profile adds.

use crate::bindings::bulkhead::contacts::types::{Field, FieldEntry};
use crate::bindings::exports::bulkhead::contacts::batch::Flaw;

/// The field by which contacts are told from each other.
pub(crate) const EMAIL: &str = "email";

pub(crate) fn fields(entries: Vec<FieldEntry>) -> Result<Vec<Field>, Vec<Flaw>> {
    let mut fields = vec![
        Field { is_required: true, is_unique: true, ..text(EMAIL, "E-mail") },
        text("firstname", "First name"),
        text("lastname", "Last name"),
        text("company", "Company"),
    ];
    let mut flaws = Vec::new();
    for (place, entry) in (0..).zip(entries) {
        let flaw =
            |member: &str, message: &str| Flaw { entry: place, member: member.to_owned(), message: message.to_owned() };
        if entry.alias.is_empty() {
            flaws.push(flaw("alias", "A field needs a name."));
        }
        if entry.kind.as_deref().is_some_and(|kind| kind != "text") {
            flaws.push(flaw("type", "This importer knows texts alone; leave 'type' out, or write 'text'."));
        }
        if entry.is_unique.is_some_and(|is_unique| is_unique != (entry.alias == EMAIL)) {
            flaws.push(flaw("unique", "This importer tells contacts from each other by 'email' alone."));
        }
        let known = fields.iter().position(|field| field.alias == entry.alias);
        let place = known.unwrap_or_else(|| {
            fields.push(text(&entry.alias, &entry.alias));
            fields.len() - 1
        });
        let field = &mut fields[place];
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
