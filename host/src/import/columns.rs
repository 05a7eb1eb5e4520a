//! Which column of a table becomes which field, and which member of the items has the cells of the others.

use std::collections::HashSet;

use super::ImportError;
use super::error::shown;
use super::header::Header;
use super::mapping::{ColumnMapping, example_mapping, shown_names};
use super::own_members::ITEM_MEMBER;
use super::targets::Targets;
use crate::domain::SourceColumn;

/// What is put before the name of a column that became no field, if the items have a member of that name for something else.
const OTHER_PREFIX: &str = "column:";

/// Returns what the columns of a table become: those that are read, in order, and behind them the one that has whole items.
///
/// # Errors
/// If two would become one field, if none becomes a field, or if the mapping does not fit.
pub(super) fn columns(
    header: &Header,
    mapping: Option<&ColumnMapping>,
    targets: &Targets<'_>,
) -> Result<Vec<SourceColumn>, ImportError> {
    let names: Vec<&str> = header.names().collect();
    // Nobody calls a column like an address, but the members of JSON that failed may have any names.
    if mapping.is_none() && !header.is_own && !header.is_row {
        check_header(names.iter().copied().filter(|name| targets.exact(name).is_none()))?;
    }
    let fields = match mapping {
        Some(mapping) => mapping.apply(&names, targets)?,
        None => targets.find_all(&names)?,
    };
    // A file of failures may have no column but those of its own.
    let has_whole_rows = header.item.is_some() || (header.is_own && names.is_empty());
    if fields.iter().all(Option::is_none) && !has_whole_rows {
        let similar = names.iter().find_map(|name| targets.similar(name));
        let hint = similar.map(|field| format!(" (did you mean '{field}'?)")).unwrap_or_default();
        let example = example_mapping(names.first().map(|name| (*name, "email")));
        return Err(ImportError::NoColumnKnown(shown_names(&names) + &hint, example));
    }
    let taken: HashSet<&str> = fields.iter().flatten().copied().collect();
    let all: HashSet<&str> = names.iter().copied().collect();
    let mut others = HashSet::new();
    let mut columns = Vec::with_capacity(names.len() + 1);
    for (name, field) in names.into_iter().zip(fields) {
        let column = name.to_owned();
        if let Some(field) = field {
            columns.push(SourceColumn { column, field: Some(field.to_owned()), member: None, similar: None });
            continue;
        }
        // A mapping leaves out columns on purpose.
        let similar = targets.similar(name).filter(|field| mapping.is_none() && !taken.contains(field));
        let similar = similar.map(str::to_owned);
        let mut member = column.clone();
        // No other column has the column's own name, but one may have what it becomes.
        while targets.exact(&member).is_some()
            || (member != column && all.contains(member.as_str()))
            || others.contains(&member)
        {
            member.insert_str(0, OTHER_PREFIX);
        }
        others.insert(member.clone());
        let member = (member != column).then_some(member);
        columns.push(SourceColumn { column, field: None, member, similar });
    }
    if header.item.is_some() {
        columns.push(SourceColumn { column: ITEM_MEMBER.to_owned(), field: None, member: None, similar: None });
    }
    Ok(columns)
}

/// Returns whether a text looks like an e-mail address.
fn looks_like_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !text.contains(char::is_whitespace) && !host.contains('@')
    })
}

/// Refuses a table whose header is a contact by all appearances. Only for a table that nobody maps.
///
/// # Errors
/// If a column has the name of an address.
pub(super) fn check_header<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), ImportError> {
    let value = names.into_iter().find(|name| looks_like_address(name));
    value.map_or(Ok(()), |value| Err(ImportError::HeaderIsContact(shown(value))))
}

#[cfg(test)]
mod tests {
    use super::super::records::Records;
    use super::super::table_text::TableText;
    use super::super::targets::{TargetField, Targets};
    use super::{ColumnMapping, Header, ImportError, SourceColumn, columns};

    fn map(header: &str, mapping: Option<&str>) -> Result<Vec<SourceColumn>, ImportError> {
        let field = |alias: &str| TargetField { alias: alias.into(), label: String::new(), takes_several: false };
        let fields = ["email", "firstname"].map(field);
        let mut records = Records::new(TableText::find(header, Some(b','))?);
        records.advance()?;
        let mapping = mapping.map(ColumnMapping::parse).transpose()?;
        columns(&Header::read(&records, false)?, mapping.as_ref(), &Targets::new(&fields))
    }

    #[test]
    fn cells_of_other_columns_keep_out_of_the_fields_way() {
        let mapping = Some(r#"{"Mail":"email"}"#);
        for (header, mapping, expected) in [
            ("Mail,email,Colour", mapping, &["email", "column:email", "Colour"][..]),
            ("Mail,email,column:email", mapping, &["email", "column:column:email", "column:email"]),
            (
                "Mail,column:email,email,column:column:email,firstname",
                mapping,
                &["email", "column:email", "column:column:column:email", "column:column:email", "column:firstname"],
            ),
            ("email,overwritewithblank,x", None, &["email", "overwriteWithBlank", "x"]),
            ("email,bulkhead:item,x", None, &["email", "x", "bulkhead:item"]),
        ] {
            let columns = map(header, mapping).unwrap();
            let members: Vec<&str> = columns.iter().map(|column| column.member()).collect();
            assert_eq!(members, expected, "{header}");
        }
    }

    #[test]
    fn a_table_has_a_field_unless_it_has_whole_items() {
        for (header, error) in [
            ("x,y", "'x', 'y'."),
            ("x,emial", "'x', 'emial' (did you mean 'email'?)."),
            ("x,bulkhead:status", "'x'"),
            ("1,2,3,4,5,6,7,8,9,10,11", "'10', …"),
            ("Kundenmail,Ort", r#"such as {"Kundenmail":"email"},"#),
            ("\"a \"\"b\"\"\",Ort", r#"such as {"Your column":"email"},"#),
        ] {
            let refused = map(header, None).unwrap_err().to_string();
            assert!(refused.contains("No column of the file") && refused.contains(error), "{refused}");
        }
        for header in ["ada@example.com,Ada", "Ada,ada@example.com", "firstname,ada@example.com"] {
            let refused = map(header, None).unwrap_err().to_string();
            assert!(
                refused.contains("The first row has 'ada@example.com'") && refused.contains("header=absent"),
                "{refused}"
            );
        }
        for header in ["email,@home", "email,a@b", "email,bulkhead:status,x@example.com", "email,to: x@example.com now"]
        {
            map(header, None).unwrap();
        }
        map("ada@example.com,Ada", Some(r#"{"ada@example.com":"email"}"#)).unwrap();
        for (header, count) in [("bulkhead:status", 0), ("x,bulkhead:item", 2)] {
            assert_eq!(map(header, None).unwrap().len(), count, "{header}");
        }
    }
}
