//! What columns can become, found by their names.

use std::collections::{HashMap, HashSet};

use super::error::{ImportError, shown};
use super::mapping::example_mapping;
use super::synonyms::synonym;
use crate::near_names::is_near;

/// A field that a column can become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetField {
    /// Its alias.
    pub alias: String,
    /// Its label for people.
    pub label: String,
    /// Whether it has several values, which are a JSON list or a text.
    pub takes_several: bool,
}

/// Members of an item that are no fields, and that a column can become, with their names for people.
pub const OTHER_TARGETS: [(&str, &str); 9] = [
    ("id", "Id of the contact"),
    ("tags", "Tags"),
    ("owner", "Owner"),
    ("stage", "Stage"),
    ("companies", "Companies"),
    ("doNotContact", "Do not contact"),
    ("ipAddress", "IP address"),
    ("lastActive", "Last active"),
    ("overwriteWithBlank", "Blank values empty fields"),
];

/// How well a column's name fits a field, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The alias itself.
    Alias,
    /// The alias in another case of letters.
    AnyCase,
    Label,
    /// As Mautic compares them: in lower case, blanks as `_`, other signs left out.
    MauticName,
    /// Letters and digits alone.
    Folded,
    Synonym,
    DistantSynonym,
}

/// What columns can become.
pub(super) struct Targets<'a> {
    aliases: HashSet<&'a str>,
    several: HashSet<&'a str>,
    /// For each way to compare names, the fields by their names.
    by_name: [HashMap<String, &'a str>; 4],
}

/// What a name becomes when it is compared.
type Way = fn(&str) -> String;

/// Ways to compare names besides synonyms. An empty name fits nothing.
const WAYS: [(Fit, Way); 4] = [
    (Fit::AnyCase, |name| name.trim().to_lowercase()),
    (Fit::Label, |name| name.trim().to_lowercase()),
    (Fit::MauticName, mautic_name),
    (Fit::Folded, folded),
];

impl<'a> Targets<'a> {
    /// Prepares to look for a tenant's fields.
    pub(super) fn new(fields: &'a [TargetField]) -> Self {
        let aliases = || {
            fields
                .iter()
                .map(|field| field.alias.as_str())
                .chain(OTHER_TARGETS.map(|(alias, _)| alias))
                .map(|alias| (alias, alias))
        };
        let labels = || fields.iter().map(|field| (field.label.as_str(), field.alias.as_str()));
        let by_name = WAYS.map(|(fit, way)| {
            let names: Vec<(&str, &'a str)> = match fit {
                Fit::AnyCase => aliases().collect(),
                Fit::Label => labels().collect(),
                _ => aliases().chain(labels()).collect(),
            };
            let mut by_name = HashMap::with_capacity(names.len());
            for (name, alias) in names {
                // Of two with one name, the first.
                by_name.entry(way(name)).or_insert(alias);
            }
            by_name.remove("");
            by_name
        });
        let several = fields.iter().filter(|field| field.takes_several).map(|field| field.alias.as_str()).collect();
        Self { aliases: aliases().map(|(alias, _)| alias).collect(), several, by_name }
    }

    /// Returns the field that has this alias.
    pub(super) fn exact(&self, alias: &str) -> Option<&'a str> {
        self.aliases.get(alias).copied()
    }

    /// Returns whether a field has several values, which are a JSON list or a text.
    pub(super) fn takes_several(&self, alias: &str) -> bool {
        self.several.contains(alias)
    }

    /// Returns the field that a column's name fits best.
    fn find(&self, name: &str) -> Option<(Fit, &'a str)> {
        if let Some(alias) = self.exact(name) {
            return Some((Fit::Alias, alias));
        }
        let mut ways = WAYS.iter().zip(&self.by_name);
        ways.find_map(|((fit, way), by_name)| Some((*fit, *by_name.get(&way(name))?))).or_else(|| {
            let found = synonym(&folded(name))?;
            let fit = if found.is_distant { Fit::DistantSynonym } else { Fit::Synonym };
            Some((fit, self.exact(found.field)?))
        })
    }

    /// Returns a field whose name a column's name would be but for one character.
    pub(super) fn similar(&self, name: &str) -> Option<&'a str> {
        let name = folded(name);
        let [.., by_folded_name] = &self.by_name;
        let near = by_folded_name.iter().filter(|(other, _)| is_near(&name, other)).map(|(_, field)| *field);
        // Of several, always the same.
        near.min()
    }

    /// Returns the fields that columns become by their names. Of two columns that fit one field, one of the field's own names goes
    /// before a synonym, and a synonym before a distant one.
    ///
    /// # Errors
    /// If two have names of one field, or synonyms that fit equally well.
    pub(super) fn find_all(&self, names: &[&str]) -> Result<Vec<Option<&'a str>>, ImportError> {
        match self.find_best(names) {
            (fields, None) => Ok(fields),
            (_, Some(conflict)) => Err(conflict),
        }
    }

    /// Returns the fields as [`Self::find_all`] does, and why it fails, if it does. Of columns that fit a field equally well, the first
    /// becomes the field.
    pub(super) fn find_best(&self, names: &[&str]) -> (Vec<Option<&'a str>>, Option<ImportError>) {
        let mut conflict = None;
        let mut fields: Vec<Option<&str>> = vec![None; names.len()];
        let found: Vec<(usize, &str, Fit, &str)> = names
            .iter()
            .enumerate()
            .filter_map(|(place, name)| self.find(name).map(|(fit, field)| (place, *name, fit, field)))
            .collect();
        // The best of a field, whichever column comes first.
        let mut best: HashMap<&str, Fit> = HashMap::new();
        for (_, _, fit, field) in &found {
            let before = best.entry(field).or_insert(*fit);
            *before = (*before).min(*fit);
        }
        let mut taken: HashMap<&str, &str> = HashMap::new();
        for (place, name, fit, field) in found {
            let is_best = best.get(field).is_some_and(|best| fit == *best || (fit.is_own_name() && best.is_own_name()));
            if !is_best {
                continue;
            }
            if let Some(other) = taken.get(field) {
                let pairs = names.iter().filter(|name| *name != other).filter_map(|name| {
                    self.find(name).filter(|(fit, _)| fit.is_own_name()).map(|(_, field)| (*name, field))
                });
                let mapping =
                    example_mapping(std::iter::once((*other, field)).chain(pairs.filter(|(_, of)| *of != field)));
                let found = || ImportError::SameTarget(shown(other), shown(name), field.to_owned(), mapping);
                conflict.get_or_insert_with(found);
                continue;
            }
            taken.insert(field, name);
            if let Some(slot) = fields.get_mut(place) {
                *slot = Some(field);
            }
        }
        (fields, conflict)
    }
}

impl Fit {
    /// Returns whether it is a name of the field itself.
    fn is_own_name(self) -> bool {
        self < Self::Synonym
    }
}

/// Returns a name as Mautic's importer compares names.
fn mautic_name(name: &str) -> String {
    let kept = name.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '_'));
    kept.map(|c| if c == ' ' { '_' } else { c }).collect::<String>().to_lowercase()
}

/// Returns the letters and digits of a name, in lower case and without marks.
pub(super) fn folded(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    let sharp = name.to_lowercase().replace('ß', "ss");
    sharp.nfd().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::{TargetField, Targets};

    fn fields() -> Vec<TargetField> {
        let field = |(alias, label): &(&str, &str)| TargetField {
            alias: (*alias).into(),
            label: (*label).into(),
            takes_several: false,
        };
        [
            ("title", "Title"),
            ("email", "Email"),
            ("firstname", "First Name"),
            ("lastname", "Last Name"),
            ("phone", "Phone"),
            ("mobile", "Mobile"),
            ("zipcode", "Zip Code"),
            ("city", "City"),
            ("state", "State"),
            ("country", "Country"),
            ("website", "Website"),
            ("address1", "Address Line 1"),
            ("shoe_size", "Größe der Schuhe"),
        ]
        .iter()
        .map(field)
        .collect()
    }

    #[test]
    fn names_fit_fields_in_many_ways() {
        let fields = fields();
        let targets = Targets::new(&fields);
        for (name, expected) in [
            ("email", Some("email")),
            ("E-Mail", Some("email")),
            ("EMAIL", Some("email")),
            ("E-Mail-Adresse", Some("email")),
            ("Email Address", Some("email")),
            ("First Name", Some("firstname")),
            ("first_name", Some("firstname")),
            ("Vorname", Some("firstname")),
            ("Familienname", Some("lastname")),
            ("Prénom", Some("firstname")),
            ("Zip/Code", Some("zipcode")),
            ("PLZ", Some("zipcode")),
            ("Postleitzahl", Some("zipcode")),
            ("Stadt", Some("city")),
            ("Bundesland", Some("state")),
            ("Staat", Some("country")),
            ("Straße", Some("address1")),
            ("Straße und Hausnummer", Some("address1")),
            ("Strasse / Hausnr.", Some("address1")),
            ("Mobil", Some("mobile")),
            ("Mobilnummer", Some("mobile")),
            ("Handynummer", Some("mobile")),
            ("Telefonnummer", Some("phone")),
            ("Rufnummer", Some("phone")),
            ("Anrede", Some("title")),
            ("Titel", Some("title")),
            ("Homepage", Some("website")),
            ("größe der schuhe", Some("shoe_size")),
            ("Shoe size", Some("shoe_size")),
            ("Tags", Some("tags")),
            ("Schlagwörter", Some("tags")),
            ("Stichworte", Some("tags")),
            ("Contact ID", Some("id")),
            ("ipaddress", Some("ipAddress")),
            ("Fax", None),
            ("Favourite colour", None),
            ("!!!", None),
        ] {
            assert_eq!(targets.find(name).map(|(_, field)| field), expected, "{name}");
        }
    }

    #[test]
    fn the_better_one_of_two_columns_becomes_the_field() {
        let fields = fields();
        let targets = Targets::new(&fields);
        for (names, expected) in [
            (["Email", "mail"], Ok([Some("email"), None])),
            (["mail", "Email"], Ok([None, Some("email")])),
            (["Anrede", "Titel"], Ok([None, Some("title")])),
            (["Staat", "Land"], Ok([None, Some("country")])),
            // Names of the field itself, however well each fits.
            (["Email", "email"], Err("The columns 'Email' and 'email' both mean the field 'email'.")),
            (["email", "E-Mail"], Err("'email' and 'E-Mail' both mean the field 'email'")),
            (["E-Mail", "email"], Err("such as {\"E-Mail\":\"email\"}, which")),
            (["First Name", "firstname"], Err("both mean the field 'firstname'")),
            (["Zip Code", "zip code"], Err("The columns 'Zip Code' and 'zip code' both mean the field 'zipcode'.")),
            (["Handy", "Mobil"], Err("'Handy' and 'Mobil' both mean the field 'mobile'")),
        ] {
            match (targets.find_all(&names), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{names:?}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{names:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn the_order_of_columns_does_not_matter() {
        let fields = fields();
        let targets = Targets::new(&fields);
        for names in [["Handy", "Mobil", "mobile"], ["mobile", "Handy", "Mobil"], ["Handy", "mobile", "Mobil"]] {
            let expected: Vec<_> = names.iter().map(|name| (*name == "mobile").then_some("mobile")).collect();
            assert_eq!(targets.find_all(&names), Ok(expected), "{names:?}");
        }
    }
}
