//! The places of generated contacts. The names, spellings and time zone of each line belong to its country.

use super::people::Names;

/// A place, and what people there enter in a form.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) names: Names,
    pub(super) locale: &'static str,
    pub(super) city: &'static str,
    pub(super) country: &'static str,
    pub(super) timezone: &'static str,
    /// `#` stands for any digit.
    pub(super) phone: &'static str,
}

const fn place(
    names: Names,
    locale: &'static str,
    city: &'static str,
    country: &'static str,
    timezone: &'static str,
    phone: &'static str,
) -> Place {
    Place { names, locale, city, country, timezone, phone }
}

/// The place to use if the table were empty.
pub(super) const ANYWHERE: Place =
    place(Names::English, "en_US", "Boston", "United States", "America/New_York", "+1 617 555 ####");

/// All places. A country with more lines is more likely.
#[rustfmt::skip] // a table
pub(super) const PLACES: &[Place] = &[
    place(Names::English, "en_US", "Boston", "United States", "America/New_York", "+1 617 555 ####"),
    place(Names::English, "en_US", "Chicago", "United States", "America/Chicago", "+1 312 555 ####"),
    place(Names::English, "en_US", "Denver", "United States", "America/Denver", "+1 303 555 ####"),
    place(Names::English, "en_US", "San Francisco", "United States", "America/Los_Angeles", "+1 415 555 ####"),
    place(Names::English, "en_CA", "Toronto", "Canada", "America/Toronto", "+1 416 555 ####"),
    place(Names::English, "en_GB", "London", "United Kingdom", "Europe/London", "+44 20 7946 ####"),
    place(Names::English, "en_GB", "Leeds", "United Kingdom", "Europe/London", "+44 113 496 ####"),
    place(Names::English, "en_IE", "Dublin", "Ireland", "Europe/Dublin", "+353 1 ### ####"),
    place(Names::English, "en_AU", "Sydney", "Australia", "Australia/Sydney", "+61 2 5550 ####"),
    place(Names::English, "en_NZ", "Auckland", "New Zealand", "Pacific/Auckland", "+64 9 ### ####"),
    place(Names::English, "en_ZA", "Cape Town", "South Africa", "Africa/Johannesburg", "+27 21 ### ####"),
    place(Names::Welsh, "cy_GB", "Caerdydd", "United Kingdom", "Europe/London", "+44 29 2018 ####"),
    place(Names::French, "fr_FR", "Paris", "France", "Europe/Paris", "+33 1 99 00 ## ##"),
    place(Names::French, "fr_FR", "Saint-Étienne", "France", "Europe/Paris", "+33 4 65 71 ## ##"),
    place(Names::French, "fr_BE", "Liège", "Belgium", "Europe/Brussels", "+32 4 ### ## ##"),
    place(Names::French, "fr_CA", "Québec", "Canada", "America/Toronto", "+1 418 555 ####"),
    place(Names::French, "fr_CI", "Abidjan", "Ivory Coast", "Africa/Abidjan", "+225 27 ## ## ## ##"),
    place(Names::German, "de_DE", "Berlin", "Germany", "Europe/Berlin", "+49 30 23125 ###"),
    place(Names::German, "de_DE", "München", "Germany", "Europe/Berlin", "+49 89 99998 ###"),
    place(Names::German, "de_AT", "Wien", "Austria", "Europe/Vienna", "+43 1 ### ####"),
    place(Names::German, "de_CH", "Zürich", "Switzerland", "Europe/Zurich", "+41 44 ### ## ##"),
    place(Names::Italian, "it_IT", "Roma", "Italy", "Europe/Rome", "+39 06 #### ####"),
    place(Names::Italian, "it_IT", "Forlì", "Italy", "Europe/Rome", "+39 0543 ######"),
    place(Names::Italian, "it_CH", "Lugano", "Switzerland", "Europe/Zurich", "+41 91 ### ## ##"),
    place(Names::Brazilian, "pt_BR", "São Paulo", "Brazil", "America/Sao_Paulo", "+55 11 9#### ####"),
    place(Names::Brazilian, "pt_BR", "Manaus", "Brazil", "America/Manaus", "+55 92 9#### ####"),
    place(Names::Portuguese, "pt_PT", "Lisboa", "Portugal", "Europe/Lisbon", "+351 21 ### ####"),
    place(Names::Portuguese, "pt_AO", "Luanda", "Angola", "Africa/Luanda", "+244 222 ### ###"),
    place(Names::Arabic, "ar_SA", "الرياض", "Saudi Arabia", "Asia/Riyadh", "+966 11 ### ####"),
    place(Names::Arabic, "ar_EG", "القاهرة", "Egypt", "Africa/Cairo", "+20 2 #### ####"),
    place(Names::Japanese, "ja_JP", "東京", "Japan", "Asia/Tokyo", "+81 3 #### ####"),
    place(Names::Japanese, "ja_JP", "大阪", "Japan", "Asia/Tokyo", "+81 6 #### ####"),
    place(Names::Mandarin, "zh_CN", "上海", "China", "Asia/Shanghai", "+86 21 #### ####"),
    place(Names::Mandarin, "zh_CN", "乌鲁木齐", "China", "Asia/Urumqi", "+86 991 ### ####"),
    place(Names::Taiwanese, "zh_TW", "臺北", "Taiwan", "Asia/Taipei", "+886 2 #### ####"),
];
