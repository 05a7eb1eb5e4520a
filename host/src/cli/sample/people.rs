//! The names and e-mail addresses of generated contacts.

use fake::Fake as _;
use fake::faker::company::raw::CompanyName;
use fake::faker::name::raw::{FirstName, LastName};
use fake::locales::{AR_SA, CY_GB, DE_DE, EN, FR_FR, IT_IT, JA_JP, PT_BR, PT_PT, ZH_CN, ZH_TW};
use rand::Rng;
use rand::seq::IndexedRandom as _;

/// Letters of each name in an e-mail address, so that the part before the `@` stays below 64.
const MAX_NAME_LETTERS: usize = 16;
/// Domains that are reserved for examples, so that no address exists.
const DOMAINS: [&str; 4] = ["example.com", "example.net", "example.org", "mail.example.com"];

/// The language of a person's names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names {
    Arabic,
    Brazilian,
    English,
    French,
    German,
    Italian,
    Japanese,
    Mandarin,
    Portuguese,
    Taiwanese,
    Welsh,
}

/// A person and their employer.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) first: String,
    pub(super) last: String,
    pub(super) company: String,
}

impl Person {
    pub(super) fn new(names: Names, rng: &mut impl Rng) -> Self {
        macro_rules! of {
            ($locale:expr) => {
                Self {
                    first: FirstName($locale).fake_with_rng(rng),
                    last: LastName($locale).fake_with_rng(rng),
                    company: CompanyName($locale).fake_with_rng(rng),
                }
            };
        }
        match names {
            Names::Arabic => of!(AR_SA),
            Names::Brazilian => of!(PT_BR),
            Names::English => of!(EN),
            Names::French => of!(FR_FR),
            Names::German => of!(DE_DE),
            Names::Italian => of!(IT_IT),
            Names::Japanese => of!(JA_JP),
            Names::Mandarin => of!(ZH_CN),
            Names::Portuguese => of!(PT_PT),
            Names::Taiwanese => of!(ZH_TW),
            Names::Welsh => of!(CY_GB),
        }
    }

    /// Returns an e-mail address in ASCII that differs for each number. It has English names if the person's have no Latin
    /// letters.
    pub(super) fn email(&self, number: u64, rng: &mut impl Rng) -> String {
        let first = latin(&self.first).unwrap_or_else(|| FirstName(EN).fake_with_rng::<&str, _>(rng).to_lowercase());
        let last = latin(&self.last).unwrap_or_else(|| LastName(EN).fake_with_rng::<&str, _>(rng).to_lowercase());
        let letters =
            |name: &str| name.chars().filter(char::is_ascii_alphanumeric).take(MAX_NAME_LETTERS).collect::<String>();
        let domain = DOMAINS.choose(rng).unwrap_or(&"example.com");
        format!("{}.{}.{number}@{domain}", letters(&first), letters(&last))
    }
}

/// Returns a name's letters without accents; `None` if the name has no Latin letters.
fn latin(name: &str) -> Option<String> {
    let mut plain = String::new();
    for letter in name.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            plain.push(letter);
            continue;
        }
        plain.push_str(match letter {
            'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
            'ä' | 'æ' => "ae",
            'ç' | 'ć' | 'č' => "c",
            'ď' | 'ð' => "d",
            'è' | 'é' | 'ê' | 'ë' | 'ě' | 'ę' => "e",
            'ğ' => "g",
            'ì' | 'í' | 'î' | 'ï' | 'ı' => "i",
            'ł' => "l",
            'ñ' | 'ń' | 'ň' => "n",
            'ò' | 'ó' | 'ô' | 'õ' | 'ø' => "o",
            'ö' | 'œ' => "oe",
            'ř' => "r",
            'ś' | 'š' | 'ş' => "s",
            'ß' => "ss",
            'ť' => "t",
            'ù' | 'ú' | 'û' | 'ů' => "u",
            'ü' => "ue",
            'ŵ' => "w",
            'ý' | 'ÿ' | 'ŷ' => "y",
            'ź' | 'ž' | 'ż' => "z",
            _ => "",
        });
    }
    (!plain.is_empty()).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::latin;

    #[test]
    fn names_become_ascii() {
        for (name, ascii) in
            [("Günther", Some("guenther")), ("D'Amico", Some("damico")), ("João", Some("joao")), ("東京", None)]
        {
            assert_eq!(latin(name).as_deref(), ascii, "{name}");
        }
    }
}
