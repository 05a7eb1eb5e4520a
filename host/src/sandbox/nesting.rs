//! How deep a component is nested. Validating nested components takes time by the square of their depth, so the depth is
//! bounded before anything else looks at a component.

use wasmparser::{Parser, Payload};

/// Components and modules within each other. The tools for languages nest three.
const MAX_DEPTH: usize = 100;

/// Why a component is not validated.
#[derive(Debug, thiserror::Error)]
pub(super) enum NestingError {
    /// The bytes are damaged.
    #[error(transparent)]
    Damaged(#[from] wasmparser::BinaryReaderError),
    /// The component is nested too deep.
    #[error("more than {MAX_DEPTH} components are nested in each other")]
    TooDeep,
}

/// Checks how deep components are nested, in time proportional to the size.
pub(super) fn check_nesting(bytes: &[u8]) -> Result<(), NestingError> {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ComponentSection { .. } | Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(NestingError::TooDeep);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{NestingError, check_nesting};

    /// Returns the bytes of a component with `depth` components in it, each within the one before.
    fn nested(depth: usize) -> Vec<u8> {
        let header = *b"\0asm\x0d\0\x01\0";
        let mut bytes = header.to_vec();
        for _ in 0..depth {
            let (mut size, mut section) = (bytes.len(), vec![4]);
            loop {
                let low = u8::try_from(size & 0x7f).unwrap();
                size >>= 7;
                section.push(if size == 0 { low } else { low | 0x80 });
                if size == 0 {
                    break;
                }
            }
            bytes = [&header[..], &section, &bytes].concat();
        }
        bytes
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(check_nesting(&nested(100)).is_ok());
        assert!(matches!(check_nesting(&nested(101)), Err(NestingError::TooDeep)));
        assert!(matches!(check_nesting(b"\0asm\x0d\0\x01\0\xff"), Err(NestingError::Damaged(_))));
    }
}
