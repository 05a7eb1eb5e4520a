//! Locales of the form `language[_Script][_REGION]`: those of Symfony 5.4, which Mautic 5 uses. The list comes from CLDR.

use super::sorted_list;

pub(super) const ALL: &str = include_str!("data/locales.txt");

pub(super) fn exists(code: &str) -> bool {
    sorted_list::contains(ALL, code)
}
