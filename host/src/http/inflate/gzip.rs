//! gzip, as RFC 1952 has it: members one after another.

use std::io::Write as _;

use flate2::write::GzDecoder;

use super::{PartCount, STEP_BYTES};
use crate::http::problem::Problem;

/// Members after which [`GzipInflater::push`] returns.
const MEMBERS_PER_STEP: u64 = 50;

/// A gzip body that is being inflated.
#[derive(Debug)]
pub(in crate::http) struct GzipInflater {
    decoder: GzDecoder<Vec<u8>>,
    members: PartCount,
}

impl GzipInflater {
    pub(super) fn new() -> Self {
        Self { decoder: GzDecoder::new(Vec::new()), members: PartCount::default() }
    }

    /// Inflates the beginning of `compressed` and cuts it off there. Returns what came out of it, which is a step's work and
    /// may be nothing.
    ///
    /// # Errors
    /// 400 if the bytes are no gzip, or have too many members for what they inflate to.
    pub(super) fn push(&mut self, compressed: &mut &[u8]) -> Result<Vec<u8>, Problem> {
        let mut inflated = Vec::new();
        let last_member = self.members.ended + MEMBERS_PER_STEP;
        while !compressed.is_empty() && inflated.len() < STEP_BYTES && self.members.ended < last_member {
            let taken = self.decoder.write(compressed).map_err(|_| Problem::no_gzip())?;
            if taken == 0 {
                self.end_member(&mut inflated)?;
            } else {
                *compressed = compressed.get(taken..).unwrap_or_default();
                let fresh = self.decoder.get_mut();
                self.members.inflated += fresh.len() as u64;
                inflated.append(fresh);
            }
        }
        Ok(inflated)
    }

    /// Ends the body and returns the rest of what it inflates to.
    ///
    /// # Errors
    /// 400 if the body is incomplete.
    pub(super) fn finish(self) -> Result<Vec<u8>, Problem> {
        self.decoder.finish().map_err(|_| Problem::no_gzip())
    }

    fn end_member(&mut self, inflated: &mut Vec<u8>) -> Result<(), Problem> {
        let ended = std::mem::replace(&mut self.decoder, GzDecoder::new(Vec::new()));
        let rest = ended.finish().map_err(|_| Problem::no_gzip())?;
        self.members.inflated += rest.len() as u64;
        inflated.extend_from_slice(&rest);
        self.members.ended += 1;
        if self.members.has_room() { Ok(()) } else { Err(Problem::too_many_gzip_members(self.members.ended + 1)) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::GzipInflater;
    use crate::http::inflate::FREE_PARTS;
    use crate::http::problem::Problem;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(compressed: &[u8], piece: usize) -> Result<Vec<u8>, Problem> {
        let (mut inflater, mut inflated) = (GzipInflater::new(), Vec::new());
        for mut piece in compressed.chunks(piece) {
            while !piece.is_empty() {
                inflated.extend(inflater.push(&mut piece)?);
            }
        }
        inflated.extend(inflater.finish()?);
        Ok(inflated)
    }

    #[test]
    fn pieces_of_any_size_inflate_to_the_same() {
        let noise: Vec<u8> = (0..700_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let members = [gzip(b"[1,"), gzip(b""), gzip(&noise), gzip(b"2]")].concat();
        let expected = [b"[1,".as_slice(), &noise, b"2]"].concat();
        for piece in [1, 7, 64 << 10, usize::MAX] {
            assert!(inflate(&members, piece).unwrap() == expected, "{piece}");
        }
    }

    #[test]
    fn what_is_no_gzip_is_refused() {
        let whole = gzip(b"[1,2,3]");
        let mut wrong_sum = whole.clone();
        let end = wrong_sum.len();
        wrong_sum[end - 6] ^= 1;
        let empty = Vec::new();
        let cut = whole[..end - 3].to_vec();
        for wrong in [empty, cut, wrong_sum, [whole.clone(), b"junk".to_vec()].concat(), [whole, vec![0; 9]].concat()] {
            for piece in [1, usize::MAX] {
                assert!(inflate(&wrong, piece).is_err(), "{wrong:?} {piece}");
            }
        }
    }

    #[test]
    fn members_are_bounded_in_proportion_to_what_they_inflate_to() {
        let empty = gzip(b"").repeat(FREE_PARTS as usize);
        assert!(inflate(&empty, 4_096).is_ok());
        assert!(inflate(&[empty, gzip(b"")].concat(), 4_096).is_err());
        let useful = gzip(&[b' '; 5_000]).repeat(3_000);
        assert_eq!(inflate(&useful, 4_096).unwrap().len(), 15_000_000);
    }
}
