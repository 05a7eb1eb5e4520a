//! The sections of a component and of the modules and components in it.

/// Magic number and version.
const HEADER_BYTES: usize = 8;
/// The sections of a component that contain a module or a component.
const NESTING: [u8; 2] = [1, 4];

/// A module or a component.
#[derive(Debug, Clone)]
pub(super) struct Binary {
    pub(super) header: Vec<u8>,
    pub(super) sections: Vec<Section>,
}

#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) id: u8,
    pub(super) content: Content,
    /// Bytes that the written length is too large by; the length is right if it is 0.
    pub(super) length_error: isize,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    Nested(Binary),
}

impl Binary {
    /// Reads what is well-formed; the rest becomes the content of the last section.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let (header, mut rest) = bytes.split_at(HEADER_BYTES.min(bytes.len()));
        // A component has 1 in the second half of its version; a module has 0.
        let is_component = header.get(6) == Some(&1);
        let mut sections = Vec::new();
        while let Some((id, after)) = rest.split_first() {
            let (length, used) = read_number(after);
            let Some(content) = after.get(used..used.saturating_add(length)) else { break };
            rest = after.get(used + length..).unwrap_or_default();
            let is_nested = is_component && NESTING.contains(id) && content.starts_with(b"\0asm");
            let content =
                if is_nested { Content::Nested(Self::read(content)) } else { Content::Bytes(content.to_vec()) };
            sections.push(Section { id: *id, content, length_error: 0 });
        }
        Self { header: header.to_vec(), sections }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = self.header.clone();
        for section in &self.sections {
            let content = match &section.content {
                Content::Bytes(bytes) => bytes.clone(),
                Content::Nested(binary) => binary.write(),
            };
            bytes.push(section.id);
            write_number(content.len().saturating_add_signed(section.length_error), &mut bytes);
            bytes.extend(content);
        }
        bytes
    }
}

/// Reads a LEB128 number. Returns it and the bytes that it takes.
fn read_number(bytes: &[u8]) -> (usize, usize) {
    let (mut number, mut used) = (0_usize, 0);
    for byte in bytes.iter().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * used);
        used += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (number, used)
}

fn write_number(mut number: usize, bytes: &mut Vec<u8>) {
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}
