//! Locales: those of Symfony 5.4 and so of Mautic 5, `language[_Script][_REGION]`, compiled from CLDR.

use super::compiled;

pub(super) const ALL: &str = include_str!("data/locales.txt");

pub(super) fn exists(code: &str) -> bool {
    compiled::has(ALL, code)
}
