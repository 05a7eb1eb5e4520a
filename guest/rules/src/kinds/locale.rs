//! Locales: ICU's codes, `language[_Script][_REGION]`.

use oxilangtag::LanguageTag;
use rust_iso3166::from_alpha2;

/// The languages for which CLDR, and so ICU, has data.
const LANGUAGES: &str = " \
    af agq ak am ar as asa ast az bas be bem bez bg bgc bho blo bm bn bo br brx bs ca ccp ce ceb cgg chr ckb cs csw \
    cv cy da dav de dje doi dsb dua dyo dz ebu ee el en eo es et eu ewo fa ff fi fil fo fr fur fy ga gd gl gsw gu guz \
    gv ha haw he hi hr hsb hu hy ia id ie ig ii is it ja jgo jmc jv ka kab kam kde kea kgp khq ki kk kkj kl kln km kn \
    ko kok ks ksb ksf ksh ku kw kxv ky lag lb lg lij lkt lmo ln lo lrc lt lu luo luy lv mai mas mer mfe mg mgh mgo mi \
    mk ml mn mni mr ms mt mua my mzn naq nb nd nds ne nl nmg nn nnh no nqo nus nyn oc om or os pa pcm pl prg ps pt qu \
    raj rm rn ro rof ru rw rwk sa sah saq sat sbp sc sd se seh ses sg shi si sk sl smn sn so sq sr su sv sw syr szl \
    ta te teo tg th ti tk to tok tr tt twq tzm ug uk ur uz vai vec vi vmw vun wae wo xh xnr xog yav yi yo yrl yue za \
    zgh zh zu ";

/// Regions that are no countries but have locales: the world, Europe, Latin America, Kosovo.
const AREAS: [&str; 4] = ["001", "150", "419", "XK"];

pub(super) fn exists(code: &str) -> bool {
    if code.contains('-') {
        return false;
    }
    let sent = code.replace('_', "-");
    let Ok(tag) = LanguageTag::parse_and_normalize(&sent) else {
        return false;
    };
    let region_exists = tag.region().is_none_or(|region| AREAS.contains(&region) || from_alpha2(region).is_some());
    let is_simple = tag.variant().is_none()
        && tag.extension().is_none()
        && tag.private_use().is_none()
        && tag.extended_language().is_none();
    tag.as_str() == sent && is_simple && region_exists && is_language(tag.primary_language())
}

fn is_language(code: &str) -> bool {
    LANGUAGES.split_ascii_whitespace().any(|known| known == code)
}
