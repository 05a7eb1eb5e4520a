//! Random changes of a component.

use bulkhead_tests::Rng;

use super::sections::{Binary, Content, Section};

/// One of so many mutants has a second mutation. Most mutants with several are refused at once.
const SECOND_MUTATION_SHARE: u64 = 4;
/// The sections of a module in which a change often leaves it valid: names, globals, elements, code and data.
const LENIENT: [u8; 5] = [0, 6, 9, 10, 11];
/// Levels of components that a mutation nests.
const MOST_LEVELS: u64 = 300;
/// Texts that take the place of names.
const HOSTILE: [&str; 6] = [
    "_Z1f1A1PIS_S_S_S_S_S_S_S_S_S_S_S_S_S_S_S_EES0_IS1_S1_S1_S1_S1_S1_S1_S1_",
    "_RNvC6_123foo3bar",
    "\u{1b}]0;title\u{7}\u{1b}[2J",
    "\n{\"level\":\"ERROR\"}\n",
    "\u{202e}\u{0}\u{200b}",
    "bulkhead:contacts/validation@1.0.0",
];
/// LEB128 numbers at the edges of what 32 bits hold.
const EDGES: [&[u8]; 5] = [
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0x80, 0x80, 0x80, 0x80, 0x08],
    &[0x80, 0x80, 0x80, 0x80, 0x00],
    &[0x00],
];

/// Returns the bytes of a mutant of one of `from`. Sections can come from `others`.
pub(super) fn mutate(rng: &mut Rng, from: &[Binary], others: &[Binary]) -> Vec<u8> {
    let Some(original) = pick(rng, from) else { return Vec::new() };
    let (unchanged, mut binary) = (original.write(), original.clone());
    let mut bytes = unchanged.clone();
    // Some changes, such as that of a section's place for itself, change nothing.
    while bytes == unchanged {
        for _ in 0..=u64::from(rng.below(SECOND_MUTATION_SHARE) == 0) {
            change(rng, &mut binary, others);
        }
        bytes = binary.write();
    }
    match rng.below(40) {
        0 => bytes.truncate(place(rng, bytes.len())),
        1 => bytes.extend((0..64).map(|_| byte(rng))),
        _ => {}
    }
    bytes
}

/// Changes a random module or component in `binary`, or `binary` itself.
fn change(rng: &mut Rng, binary: &mut Binary, others: &[Binary]) {
    let nested = binary.sections.iter_mut().filter_map(|section| match &mut section.content {
        Content::Nested(inner) => Some(inner),
        Content::Bytes(_) => None,
    });
    let mut nested: Vec<&mut Binary> = nested.collect();
    if !nested.is_empty() && rng.below(8) > 0 {
        let at = place(rng, nested.len());
        return change(rng, nested.swap_remove(at), others);
    }
    let sections = &mut binary.sections;
    let at = place(rng, sections.len());
    if sections.is_empty() {
        return;
    }
    match rng.below(20) {
        0 => drop(sections.remove(at)),
        1 => sections.insert(at, sections[at].clone()),
        2 => {
            let other = place(rng, sections.len());
            sections.swap(at, other);
        }
        3 => {
            let donated = pick(rng, others).and_then(|other| donation(rng, other, &binary.header));
            sections.splice(at..at, donated);
        }
        4 => sections[at].length_error = [-1, 1, 100, 1 << 30][place(rng, 4)],
        5 => sections[at].id = u8::try_from(rng.below(14)).unwrap_or(0),
        6 if binary.header.get(6) == Some(&1) => sections.insert(at, levels(rng)),
        _ => {
            let is_module = binary.header.get(6) == Some(&0);
            let mut places = (0..sections.len()).filter(|at| is_module && LENIENT.contains(&sections[*at].id));
            let lenient = places.clone().count();
            let at = places.nth(place(rng, lenient)).unwrap_or(at);
            let section = &mut sections[at];
            if let Content::Nested(inner) = &section.content {
                section.content = Content::Bytes(inner.write());
            }
            if let Content::Bytes(bytes) = &mut section.content {
                change_bytes(rng, bytes);
            }
        }
    }
}

fn change_bytes(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return bytes.extend((0..8).map(|_| byte(rng)));
    }
    let at = place(rng, bytes.len());
    match rng.below(7) {
        0 | 1 => bytes[at] ^= 1 << rng.below(8),
        2 => bytes[at] = byte(rng),
        3 => overwrite(bytes, at, EDGES[place(rng, EDGES.len())]),
        4 => {
            let end = (at + 1 + place(rng, 16)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let inserted: Vec<u8> = (0..=rng.below(16)).map(|_| byte(rng)).collect();
            bytes.splice(at..at, inserted);
        }
        // A name, which keeps its length.
        _ => {
            let is_text = |byte: &u8| byte.is_ascii_graphic();
            let length = bytes.iter().skip(at).take_while(|byte| is_text(byte)).count();
            let text: Vec<u8> = HOSTILE[place(rng, HOSTILE.len())].bytes().cycle().take(length).collect();
            overwrite(bytes, at, &text);
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, new) in bytes.iter_mut().skip(at).zip(with) {
        *byte = *new;
    }
}

/// Returns a section of a module or component with the same header.
fn donation(rng: &mut Rng, other: &Binary, header: &[u8]) -> Option<Section> {
    if other.header == header {
        return pick(rng, &other.sections).cloned();
    }
    other.sections.iter().find_map(|section| match &section.content {
        Content::Nested(inner) if inner.header == header => pick(rng, &inner.sections).cloned(),
        _ => None,
    })
}

/// Returns a section with components that are nested deeply.
fn levels(rng: &mut Rng) -> Section {
    let header = b"\0asm\x0d\0\x01\0".to_vec();
    let mut binary = Binary { header: header.clone(), sections: Vec::new() };
    for _ in 0..rng.below(MOST_LEVELS) {
        let section = Section { id: 4, content: Content::Nested(binary), length_error: 0 };
        binary = Binary { header: header.clone(), sections: vec![section] };
    }
    Section { id: 4, content: Content::Nested(binary), length_error: 0 }
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> Option<&'a T> {
    from.get(place(rng, from.len()))
}

/// Returns an index below `end`, and 0 if that is 0.
fn place(rng: &mut Rng, end: usize) -> usize {
    usize::try_from(rng.below(end.max(1) as u64)).unwrap_or(0)
}

fn byte(rng: &mut Rng) -> u8 {
    rng.below(256).to_le_bytes()[0]
}
