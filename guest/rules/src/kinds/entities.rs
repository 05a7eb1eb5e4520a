//! The named characters of HTML 4, except Greek letters and mathematical symbols.

/// The names of the code points from U+00A0 to U+00FF, in order.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 \
    sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc \
    Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve \
    Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute \
    acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde \
    ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// All other named characters, sorted by name.
const OTHERS: [(&str, char); 36] = [
    ("Dagger", '\u{2021}'),
    ("OElig", '\u{152}'),
    ("Prime", '\u{2033}'),
    ("Scaron", '\u{160}'),
    ("Yuml", '\u{178}'),
    ("bdquo", '\u{201e}'),
    ("bull", '\u{2022}'),
    ("circ", '\u{2c6}'),
    ("dagger", '\u{2020}'),
    ("emsp", '\u{2003}'),
    ("ensp", '\u{2002}'),
    ("euro", '\u{20ac}'),
    ("fnof", '\u{192}'),
    ("frasl", '\u{2044}'),
    ("hellip", '\u{2026}'),
    ("ldquo", '\u{201c}'),
    ("lrm", '\u{200e}'),
    ("lsaquo", '\u{2039}'),
    ("lsquo", '\u{2018}'),
    ("mdash", '\u{2014}'),
    ("ndash", '\u{2013}'),
    ("oelig", '\u{153}'),
    ("oline", '\u{203e}'),
    ("permil", '\u{2030}'),
    ("prime", '\u{2032}'),
    ("rdquo", '\u{201d}'),
    ("rlm", '\u{200f}'),
    ("rsaquo", '\u{203a}'),
    ("rsquo", '\u{2019}'),
    ("sbquo", '\u{201a}'),
    ("scaron", '\u{161}'),
    ("thinsp", '\u{2009}'),
    ("tilde", '\u{2dc}'),
    ("trade", '\u{2122}'),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];

/// Returns the character that `&name;` stands for. `lt` and `gt` are not decoded, because the result could form a new tag.
pub(super) fn named(name: &str) -> Option<char> {
    match name {
        "amp" => return Some('&'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => {}
    }
    if let Ok(index) = OTHERS.binary_search_by_key(&name, |(known, _)| known) {
        return OTHERS.get(index).map(|&(_, character)| character);
    }
    let mut latin = ('\u{a0}'..='\u{ff}').zip(LATIN.split(' '));
    latin.find(|(_, known)| *known == name).map(|(character, _)| character)
}
