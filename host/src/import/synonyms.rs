//! Other names of fields, in English, German, French and Spanish, for columns of files that no alias and no label fits.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Names as `folded` makes them, and the field that each means.
const SYNONYMS: &[(&str, &str)] = &[
    ("mail", "email"),
    ("emailaddress", "email"),
    ("mailaddress", "email"),
    ("emailadresse", "email"),
    ("mailadresse", "email"),
    ("correo", "email"),
    ("correoelectronico", "email"),
    ("courriel", "email"),
    ("adressemail", "email"),
    ("salutation", "title"),
    ("titel", "title"),
    ("givenname", "firstname"),
    ("forename", "firstname"),
    ("vorname", "firstname"),
    ("rufname", "firstname"),
    ("prenom", "firstname"),
    ("nombre", "firstname"),
    ("surname", "lastname"),
    ("familyname", "lastname"),
    ("nachname", "lastname"),
    ("familienname", "lastname"),
    ("zuname", "lastname"),
    ("name", "lastname"),
    ("nom", "lastname"),
    ("nomdefamille", "lastname"),
    ("apellido", "lastname"),
    ("apellidos", "lastname"),
    ("organization", "company"),
    ("organisation", "company"),
    ("companyname", "company"),
    ("firma", "company"),
    ("firmenname", "company"),
    ("unternehmen", "company"),
    ("societe", "company"),
    ("entreprise", "company"),
    ("empresa", "company"),
    ("jobtitle", "position"),
    ("punkte", "points"),
    ("puntos", "points"),
    ("berufsbezeichnung", "position"),
    ("phonenumber", "phone"),
    ("telephone", "phone"),
    ("telephonenumber", "phone"),
    ("telefon", "phone"),
    ("telefonnummer", "phone"),
    ("telefonnr", "phone"),
    ("rufnummer", "phone"),
    ("festnetz", "phone"),
    ("telefono", "phone"),
    ("mobilephone", "mobile"),
    ("mobilenumber", "mobile"),
    ("mobilephonenumber", "mobile"),
    ("cellphone", "mobile"),
    ("handy", "mobile"),
    ("handynummer", "mobile"),
    ("handynr", "mobile"),
    ("mobil", "mobile"),
    ("mobilnummer", "mobile"),
    ("mobiltelefon", "mobile"),
    ("mobilfunknummer", "mobile"),
    ("portable", "mobile"),
    ("movil", "mobile"),
    ("faxnumber", "fax"),
    ("faxnummer", "fax"),
    ("telefax", "fax"),
    ("address", "address1"),
    ("street", "address1"),
    ("streetaddress", "address1"),
    ("addressline1", "address1"),
    ("addressline2", "address2"),
    ("strasse", "address1"),
    ("strassehausnummer", "address1"),
    ("strasseundhausnummer", "address1"),
    ("strassehausnr", "address1"),
    ("strasseundhausnr", "address1"),
    ("strassenr", "address1"),
    ("strasseundnr", "address1"),
    ("anschrift", "address1"),
    ("adresse", "address1"),
    ("adresszusatz", "address2"),
    ("direccion", "address1"),
    ("town", "city"),
    ("ort", "city"),
    ("wohnort", "city"),
    ("stadt", "city"),
    ("ville", "city"),
    ("ciudad", "city"),
    ("region", "state"),
    ("province", "state"),
    ("provincia", "state"),
    ("bundesland", "state"),
    ("zip", "zipcode"),
    ("postcode", "zipcode"),
    ("postalcode", "zipcode"),
    ("plz", "zipcode"),
    ("postleitzahl", "zipcode"),
    ("codepostal", "zipcode"),
    ("codigopostal", "zipcode"),
    ("land", "country"),
    ("pays", "country"),
    ("pais", "country"),
    ("url", "website"),
    ("homepage", "website"),
    ("webseite", "website"),
    ("internetseite", "website"),
    ("siteweb", "website"),
    ("sitioweb", "website"),
    ("tag", "tags"),
    ("stichwort", "tags"),
    ("stichworte", "tags"),
    ("stichworter", "tags"),
    ("schlagwort", "tags"),
    ("schlagworte", "tags"),
    ("schlagworter", "tags"),
    ("etiquettes", "tags"),
    ("etiquetas", "tags"),
    ("contactid", "id"),
];

/// Names that files have beside one of [`SYNONYMS`] for the same field, which is the better one then.
const DISTANT_SYNONYMS: &[(&str, &str)] = &[("anrede", "title"), ("civilite", "title"), ("staat", "country")];

/// What a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Synonym {
    /// The alias of the field.
    pub(super) field: &'static str,
    /// Whether another synonym of the field is the better one.
    pub(super) is_distant: bool,
}

/// Returns what a name means that was made by `folded`.
pub(super) fn synonym(name: &str) -> Option<Synonym> {
    static ALL: LazyLock<HashMap<&str, Synonym>> = LazyLock::new(|| {
        let close = SYNONYMS.iter().map(|(name, field)| (*name, Synonym { field, is_distant: false }));
        let distant = DISTANT_SYNONYMS.iter().map(|(name, field)| (*name, Synonym { field, is_distant: true }));
        close.chain(distant).collect()
    });
    ALL.get(name).copied()
}

#[cfg(test)]
mod tests {
    use super::super::targets::folded;
    use super::{DISTANT_SYNONYMS, SYNONYMS, synonym};

    #[test]
    fn names_are_folded_and_there_once() {
        let all: Vec<_> = SYNONYMS.iter().chain(DISTANT_SYNONYMS).collect();
        for (place, (name, field)) in all.iter().enumerate() {
            assert_eq!(folded(name), *name);
            assert!(all.iter().take(place).all(|(other, _)| other != name), "{name} twice");
            assert_eq!(synonym(name).map(|found| found.field), Some(*field));
        }
    }
}
