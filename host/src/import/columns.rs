//! Which column of a table becomes which field: by a mapping that was sent, or by the columns' names.

use std::collections::HashMap;

use super::ImportError;
use crate::domain::SourceColumn;

/// Columns of a table at most.
const MAX_COLUMNS: usize = 1_000;
/// Columns that an error names at most.
const MAX_SHOWN: usize = 10;

/// A field that a column can become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetField {
    /// Its alias.
    pub alias: String,
    /// Its label for people.
    pub label: String,
}

/// Members of an item that are no fields, and that a column can become.
const RESERVED: [&str; 9] =
    ["id", "tags", "owner", "stage", "companies", "doNotContact", "ipAddress", "lastActive", "overwriteWithBlank"];

/// Other names of fields, folded as [`folded`] does it.
const SYNONYMS: &[(&str, &str)] = &[
    ("mail", "email"),
    ("emailaddress", "email"),
    ("mailaddress", "email"),
    ("emailadresse", "email"),
    ("correo", "email"),
    ("correoelectronico", "email"),
    ("courriel", "email"),
    ("givenname", "firstname"),
    ("forename", "firstname"),
    ("vorname", "firstname"),
    ("prenom", "firstname"),
    ("nombre", "firstname"),
    ("surname", "lastname"),
    ("familyname", "lastname"),
    ("nachname", "lastname"),
    ("name", "lastname"),
    ("nom", "lastname"),
    ("apellido", "lastname"),
    ("apellidos", "lastname"),
    ("organization", "company"),
    ("organisation", "company"),
    ("companyname", "company"),
    ("firma", "company"),
    ("unternehmen", "company"),
    ("societe", "company"),
    ("empresa", "company"),
    ("jobtitle", "position"),
    ("phonenumber", "phone"),
    ("telephone", "phone"),
    ("telefon", "phone"),
    ("telefono", "phone"),
    ("mobilephone", "mobile"),
    ("mobilenumber", "mobile"),
    ("cellphone", "mobile"),
    ("handy", "mobile"),
    ("address", "address1"),
    ("street", "address1"),
    ("streetaddress", "address1"),
    ("addressline1", "address1"),
    ("addressline2", "address2"),
    ("strasse", "address1"),
    ("adresse", "address1"),
    ("town", "city"),
    ("ort", "city"),
    ("stadt", "city"),
    ("ville", "city"),
    ("ciudad", "city"),
    ("region", "state"),
    ("province", "state"),
    ("bundesland", "state"),
    ("zip", "zipcode"),
    ("postcode", "zipcode"),
    ("postalcode", "zipcode"),
    ("plz", "zipcode"),
    ("codepostal", "zipcode"),
    ("land", "country"),
    ("pays", "country"),
    ("pais", "country"),
    ("url", "website"),
    ("webseite", "website"),
    ("tag", "tags"),
    ("contactid", "id"),
];

/// A mapping that was sent with a file: each pair has a column and a field, in either order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnMapping(Vec<(String, String)>);

impl ColumnMapping {
    /// Reads a JSON object of texts.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        let members: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).map_err(|_| ImportError::UnreadableMapping)?;
        let pair = |(name, value): (String, serde_json::Value)| match value {
            serde_json::Value::String(value) => Ok((name, value)),
            _ => Err(ImportError::UnreadableMapping),
        };
        members.into_iter().map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the fields of columns, in order. Columns that the mapping does not name become none.
    fn apply(&self, names: &[String], targets: &Targets<'_>) -> Result<Vec<Option<String>>, ImportError> {
        let mut fields: Vec<Option<String>> = vec![None; names.len()];
        for (left, right) in &self.0 {
            let pair = [(left, right), (right, left)].into_iter().find_map(|(column, field)| {
                let place = names.iter().position(|name| name == column.trim())?;
                Some((place, targets.exact(field.trim())?))
            });
            let (place, field) = pair.ok_or_else(|| ImportError::UnknownMapping(left.clone(), right.clone()))?;
            if let (Some(other), Some(name)) = (taken_by(&fields, field), names.get(place))
                && other != place
            {
                let other = names.get(other).cloned().unwrap_or_default();
                return Err(ImportError::SameTarget(other, name.clone(), field.to_owned()));
            }
            if let Some(slot) = fields.get_mut(place) {
                *slot = Some(field.to_owned());
            }
        }
        Ok(fields)
    }
}

/// Returns the place of the column that became a field.
fn taken_by(fields: &[Option<String>], field: &str) -> Option<usize> {
    fields.iter().position(|taken| taken.as_deref() == Some(field))
}

/// What columns can become.
struct Targets<'a> {
    fields: &'a [TargetField],
}

/// How well a column's name fits a field, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Alias,
    Label,
    /// As Mautic compares them: in lower case, blanks as `_`, other signs left out.
    MauticName,
    /// Letters and digits alone.
    Folded,
    Synonym,
}

impl<'a> Targets<'a> {
    fn aliases(&self) -> impl Iterator<Item = &'a str> {
        self.fields.iter().map(|field| field.alias.as_str()).chain(RESERVED)
    }

    fn exact(&self, alias: &str) -> Option<&'a str> {
        self.aliases().find(|other| *other == alias)
    }

    /// Returns the field that a column's name fits best.
    fn find(&self, name: &str) -> Option<(Fit, &'a str)> {
        let label = |fits: &dyn Fn(&str) -> bool| {
            self.fields.iter().find(|field| fits(&field.label)).map(|field| field.alias.as_str())
        };
        let alias = |fits: &dyn Fn(&str) -> bool| self.aliases().find(|alias| fits(alias));
        let (mautic, plain) = (mautic_name(name), folded(name));
        let same = |other: &str| other.trim().to_lowercase() == name.to_lowercase();
        let same_in_mautic = |other: &str| !mautic.is_empty() && mautic_name(other) == mautic;
        let same_folded = |other: &str| !plain.is_empty() && folded(other) == plain;
        let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == plain).and_then(|(_, alias)| self.exact(alias));
        None.or_else(|| alias(&same).map(|found| (Fit::Alias, found)))
            .or_else(|| label(&same).map(|found| (Fit::Label, found)))
            .or_else(|| alias(&same_in_mautic).or_else(|| label(&same_in_mautic)).map(|found| (Fit::MauticName, found)))
            .or_else(|| alias(&same_folded).or_else(|| label(&same_folded)).map(|found| (Fit::Folded, found)))
            .or_else(|| synonym.map(|found| (Fit::Synonym, found)))
    }

    /// Returns the fields that columns become by their names. Of two columns that fit one field, the one that fits better
    /// becomes it.
    fn find_all(&self, names: &[String]) -> Result<Vec<Option<String>>, ImportError> {
        let mut best: HashMap<&str, (Fit, usize)> = HashMap::new();
        for (place, name) in names.iter().enumerate() {
            let Some((fit, field)) = self.find(name) else { continue };
            match best.get(field) {
                Some((before, other)) if *before == fit => {
                    let other = names.get(*other).cloned().unwrap_or_default();
                    return Err(ImportError::SameTarget(other, name.clone(), field.to_owned()));
                }
                Some((before, _)) if *before < fit => {}
                _ => drop(best.insert(field, (fit, place))),
            }
        }
        let mut fields = vec![None; names.len()];
        for (field, (_, place)) in best {
            if let Some(slot) = fields.get_mut(place) {
                *slot = Some(field.to_owned());
            }
        }
        Ok(fields)
    }
}

/// Returns a name as Mautic's importer compares names.
fn mautic_name(name: &str) -> String {
    let kept = name.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '_'));
    kept.map(|c| if c == ' ' { '_' } else { c }).collect::<String>().to_lowercase()
}

/// Returns the letters and digits of a name, in lower case and without marks.
fn folded(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let sharp = name.to_lowercase().replace('ß', "ss");
    sharp.nfd().filter(|c| c.is_alphanumeric()).collect()
}

/// Returns the names of the columns of a table: those of the header, or else their numbers.
///
/// # Errors
/// If there are too many, or a column has no name, or that of another.
pub(super) fn checked_names(header: &[String], has_header: bool) -> Result<Vec<String>, ImportError> {
    if header.len() > MAX_COLUMNS {
        return Err(ImportError::TooManyColumns(header.len(), MAX_COLUMNS));
    }
    if !has_header {
        return Ok((1..=header.len()).map(|number| number.to_string()).collect());
    }
    for (place, name) in header.iter().enumerate() {
        if name.is_empty() {
            return Err(ImportError::UnnamedColumn(place + 1));
        }
        if header.iter().take(place).any(|other| other == name) {
            return Err(ImportError::RepeatedColumn(name.clone()));
        }
    }
    Ok(header.to_vec())
}

/// Returns what the columns of a table become. `header` is the first row, trimmed.
///
/// # Errors
/// If a column has no name, or that of another, if two would become one field, or if none becomes a field.
pub(super) fn columns(
    header: &[String],
    has_header: bool,
    mapping: Option<&ColumnMapping>,
    fields: &[TargetField],
) -> Result<Vec<SourceColumn>, ImportError> {
    let names = checked_names(header, has_header)?;
    let targets = Targets { fields };
    let found = match mapping {
        Some(mapping) => mapping.apply(&names, &targets)?,
        None if has_header => targets.find_all(&names)?,
        None => return Err(ImportError::NoHeader),
    };
    if found.iter().all(Option::is_none) {
        let shown = names.iter().take(MAX_SHOWN).map(|name| format!("'{}'", name.chars().take(50).collect::<String>()));
        return Err(ImportError::NoColumnKnown(shown.collect::<Vec<_>>().join(", ")));
    }
    let taken: Vec<String> = found.iter().flatten().cloned().collect();
    let column = |(column, field): (String, Option<String>)| {
        // A column that became no field is kept under its name, unless a field has that name in the items.
        let is_field = field.is_none() && (taken.contains(&column) || targets.exact(&column).is_some());
        let member = is_field.then(|| format!("column:{column}"));
        SourceColumn { column, field, member }
    };
    Ok(names.into_iter().zip(found).map(column).collect())
}

#[cfg(test)]
mod tests {
    use super::{ColumnMapping, ImportError, TargetField, columns};

    fn fields() -> Vec<TargetField> {
        let field = |(alias, label): &(&str, &str)| TargetField { alias: (*alias).into(), label: (*label).into() };
        [
            ("email", "Email"),
            ("firstname", "First Name"),
            ("lastname", "Last Name"),
            ("zipcode", "Zip Code"),
            ("address1", "Address Line 1"),
            ("shoe_size", "Größe der Schuhe"),
        ]
        .iter()
        .map(field)
        .collect()
    }

    fn map(header: &[&str], mapping: Option<&str>) -> Result<Vec<Option<String>>, String> {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let mapping = mapping.map(|text| ColumnMapping::parse(text).unwrap());
        let columns = columns(&header, true, mapping.as_ref(), &fields()).map_err(|error| error.to_string())?;
        Ok(columns.into_iter().map(|column| column.field).collect())
    }

    #[test]
    fn columns_become_fields_by_their_names() {
        for (name, expected) in [
            ("email", Some("email")),
            ("E-Mail", Some("email")),
            ("EMAIL", Some("email")),
            ("E-Mail-Adresse", Some("email")),
            ("Email Address", Some("email")),
            ("First Name", Some("firstname")),
            ("first_name", Some("firstname")),
            ("Vorname", Some("firstname")),
            ("Prénom", Some("firstname")),
            ("Zip/Code", Some("zipcode")),
            ("PLZ", Some("zipcode")),
            ("Straße", Some("address1")),
            ("größe der schuhe", Some("shoe_size")),
            ("Shoe size", Some("shoe_size")),
            ("Tags", Some("tags")),
            ("Contact ID", Some("id")),
            ("ipaddress", Some("ipAddress")),
            ("Favourite colour", None),
            ("!!!", None),
        ] {
            // With a column that is known, as none is an error.
            let found = map(&["lastname", name], None).unwrap();
            assert_eq!(found[1].as_deref(), expected, "{name}");
        }
        assert_eq!(map(&["Email", "mail"], None), Ok(vec![Some("email".into()), None]), "the better one");
        let error = map(&["Zip Code", "zip code"], None).unwrap_err();
        assert!(error.contains("both mean the field 'zipcode'"), "{error}");
    }

    #[test]
    fn a_mapping_is_read_in_either_direction() {
        for mapping in [r#"{"Addr":"email","N":"lastname"}"#, r#"{"email":"Addr","lastname":"N"}"#] {
            let expected = vec![Some("email".into()), Some("lastname".into()), None];
            assert_eq!(map(&["Addr", "N", "firstname"], Some(mapping)), Ok(expected), "{mapping}");
        }
        for (mapping, part) in [
            (r#"{"Addr":"e-mail"}"#, "'Addr': 'e-mail'"),
            (r#"{"Nope":"email"}"#, "'Nope': 'email'"),
            (r#"{"Addr":"email","N":"email"}"#, "both mean"),
            ("{}", "No column of the file"),
        ] {
            let error = map(&["Addr", "N"], Some(mapping)).unwrap_err();
            assert!(error.contains(part), "{mapping}: {error}");
        }
        for text in ["", "[]", r#"{"a":1}"#, r#"{"a":{"b":"c"}}"#] {
            assert_eq!(ColumnMapping::parse(text), Err(ImportError::UnreadableMapping), "{text}");
        }
    }

    #[test]
    fn headers_that_say_nothing_are_refused() {
        for (header, part) in [
            (&["email", ""][..], "Column 2 of the header has no name"),
            (&["email", "x", "x"], "'x' twice"),
            (&["x", "y"], "'x', 'y'"),
        ] {
            let error = map(header, None).unwrap_err();
            assert!(error.contains(part), "{header:?}: {error}");
        }
        let many = vec!["x".to_owned(); 1_001];
        assert!(columns(&many, true, None, &fields()).unwrap_err().to_string().contains("1001 columns"));
        assert_eq!(columns(&["a@b.co".to_owned()], false, None, &fields()), Err(ImportError::NoHeader));
        let mapping = ColumnMapping::parse(r#"{"1":"email"}"#).unwrap();
        assert_eq!(columns(&["a@b.co".to_owned()], false, Some(&mapping), &fields()).unwrap()[0].member(), "email");
    }

    #[test]
    fn cells_of_other_columns_keep_out_of_the_fields_way() {
        let mapping = ColumnMapping::parse(r#"{"Mail":"email"}"#).unwrap();
        let header = ["Mail", "email", "Colour"].map(str::to_owned);
        let columns = columns(&header, true, Some(&mapping), &fields()).unwrap();
        let members: Vec<&str> = columns.iter().map(|column| column.member()).collect();
        assert_eq!(members, ["email", "column:email", "Colour"]);
    }
}
