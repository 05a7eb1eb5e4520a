//! Protocol Buffers, as far as a test reads them: the fields of a message by their numbers.

/// The fields of a message, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<(u64, Field)>);

#[derive(Debug)]
enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Message {
    /// Reads a message.
    ///
    /// # Panics
    /// If the bytes are none.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let (mut rest, mut fields) = (bytes, Vec::new());
        while !rest.is_empty() {
            let tag = varint(&mut rest);
            let field = match tag & 7 {
                0 => Field::Number(varint(&mut rest)),
                1 => Field::Number(u64::from_le_bytes(take(&mut rest, 8).try_into().expect("eight bytes"))),
                2 => {
                    let length = usize::try_from(varint(&mut rest)).expect("a length");
                    Field::Bytes(take(&mut rest, length).to_vec())
                }
                5 => Field::Number(u32::from_le_bytes(take(&mut rest, 4).try_into().expect("four bytes")).into()),
                kind => panic!("no kind of field: {kind}"),
            };
            fields.push((tag >> 3, field));
        }
        Self(fields)
    }

    /// Returns the numbers of the fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|(number, _)| *number)
    }

    /// Returns a number, or 0, as the format has it.
    pub(crate) fn number(&self, field: u64) -> u64 {
        let number = |(known, value): &(u64, Field)| match value {
            Field::Number(value) if *known == field => Some(*value),
            _ => None,
        };
        self.0.iter().find_map(number).unwrap_or(0)
    }

    /// Returns bytes, or none.
    pub(crate) fn bytes(&self, field: u64) -> &[u8] {
        self.all_bytes(field).next().unwrap_or_default()
    }

    /// Returns a text, or an empty one.
    pub(crate) fn text(&self, field: u64) -> String {
        String::from_utf8(self.bytes(field).to_vec()).expect("texts are in UTF-8")
    }

    /// Returns the messages in a field.
    pub(crate) fn messages(&self, field: u64) -> Vec<Self> {
        self.all_bytes(field).map(Self::parse).collect()
    }

    fn all_bytes(&self, field: u64) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter_map(move |(known, value)| match value {
            Field::Bytes(bytes) if *known == field => Some(&**bytes),
            _ => None,
        })
    }
}

fn varint(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    for place in 0..10 {
        let byte = take(rest, 1)[0];
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number is too long")
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at_checked(count).expect("the message is whole");
    *rest = left;
    taken
}
