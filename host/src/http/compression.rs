//! Compresses answers for clients that ask for it, with `Accept-Encoding`.
//!
//! An answer that is whole and small is compressed at once. Any other is compressed piece by piece, as the client takes it: so
//! the first piece leaves before the last one is made, and no answer is in memory twice. Between two pieces, gzip keeps nothing
//! but a checksum. zstd keeps its window, so as many answers as there are [`Streams`] for are sent as zstd at a time.

mod gzip;
mod zstd;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::gzip::GzipStream;
use self::zstd::ZstdStream;
use super::body_memory::Owner;
use super::coding_turns::CodingTurns;
use super::content_coding::{Accepted, Coding};
use super::job_events::EVENT_STREAM;
use super::reply::{BrokenOff, Pieces, Reply, ReplyBody, vary};
use super::tenant_semaphores::TenantSemaphores;

/// Bytes up to which an answer is sent as it is: compressed, it would take as many packets.
const MAX_PLAIN_BYTES: usize = 1 << 10;
/// Bytes that are compressed in one turn: a fraction of a millisecond of work.
const STEP_BYTES: usize = 64 << 10;
/// Answers that are sent as zstd piece by piece at a time, each with [`zstd::STATE_BYTES`] of memory.
const MAX_ZSTD_STREAMS: usize = 128;
/// How many of them one tenant may have.
const MAX_ZSTD_STREAMS_PER_TENANT: usize = 16;

/// The compression of a listener's answers.
#[derive(Debug)]
pub(super) struct Compression {
    turns: Arc<CodingTurns>,
    zstd_streams: Arc<Semaphore>,
    zstd_streams_of_tenant: TenantSemaphores,
}

/// Compression failed, which it does only if there is no memory.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0}")]
struct CompressionError(&'static str);

impl Compression {
    /// Creates the compression, which takes turns with the inflating of bodies.
    pub(super) fn new(turns: Arc<CodingTurns>) -> Self {
        Self {
            turns,
            zstd_streams: Arc::new(Semaphore::new(MAX_ZSTD_STREAMS)),
            zstd_streams_of_tenant: TenantSemaphores::new(MAX_ZSTD_STREAMS_PER_TENANT),
        }
    }

    /// Compresses an answer to a request of a tenant, or of an operator, in a way that the client accepts, unless the answer is small.
    /// Says that the answer depends on what the client accepts.
    pub(super) async fn encode(&self, mut reply: Reply, owner: Owner, accepted: Option<Accepted>) -> Reply {
        if matches!(reply.body(), ReplyBody::Whole(bytes) if bytes.len() <= MAX_PLAIN_BYTES) {
            return reply;
        }
        // What is compressed waits for more, on the way at the latest, and events are to arrive at once.
        if reply.headers().get(CONTENT_TYPE).is_some_and(|content_type| content_type == EVENT_STREAM) {
            return reply;
        }
        vary(&mut reply, ACCEPT_ENCODING);
        let Some(accepted) = accepted else { return reply };
        let (mut head, body) = reply.into_parts();
        let (coding, body) = match body {
            ReplyBody::Whole(bytes) if bytes.len() <= STEP_BYTES => {
                let turn = self.turns.turn(owner).await;
                let compressed = compress(accepted.best, &bytes);
                drop(turn);
                match compressed {
                    Ok(compressed) if compressed.len() < bytes.len() => {
                        (Some(accepted.best), ReplyBody::Whole(compressed.into()))
                    }
                    _ => (None, ReplyBody::Whole(bytes)),
                }
            }
            body => match self.compressor(owner, accepted) {
                Some(compressor) => {
                    let coding = compressor.coding();
                    let pieces = compressed_pieces(body, compressor, Arc::clone(&self.turns), owner);
                    (Some(coding), ReplyBody::Streamed(pieces))
                }
                None => (None, body),
            },
        };
        if let Some(coding) = coding {
            head.headers.insert(CONTENT_ENCODING, coding.header_value());
        }
        Reply::from_parts(head, body)
    }

    /// Returns a compressor for the best way that is accepted and for which there is memory.
    fn compressor(&self, owner: Owner, accepted: Accepted) -> Option<Compressor> {
        [Some(accepted.best), accepted.other].into_iter().flatten().find_map(|coding| match coding {
            Coding::Gzip => Some(Compressor::Gzip(GzipStream::new())),
            Coding::Zstd => {
                let of_tenant = match owner {
                    Owner::Tenant(tenant) => Some(self.zstd_streams_of_tenant.of(tenant).try_acquire_owned().ok()?),
                    Owner::Operator | Owner::Stranger => None,
                };
                let of_all = Arc::clone(&self.zstd_streams).try_acquire_owned().ok()?;
                Some(Compressor::Zstd { stream: Box::new(ZstdStream::new().ok()?), _places: (of_tenant, of_all) })
            }
        })
    }
}

/// Compresses bytes as a whole.
fn compress(coding: Coding, bytes: &[u8]) -> Result<Vec<u8>, CompressionError> {
    match coding {
        Coding::Zstd => zstd::compress(bytes),
        Coding::Gzip => {
            let mut stream = GzipStream::new();
            let mut compressed = stream.push(bytes)?;
            compressed.extend(stream.finish());
            Ok(compressed)
        }
    }
}

/// Compresses an answer piece by piece.
enum Compressor {
    Gzip(GzipStream),
    Zstd { stream: Box<ZstdStream>, _places: (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit) },
}

impl Compressor {
    fn coding(&self) -> Coding {
        match self {
            Self::Gzip(_) => Coding::Gzip,
            Self::Zstd { .. } => Coding::Zstd,
        }
    }

    /// Returns what the client needs to know the whole piece.
    fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, CompressionError> {
        match self {
            Self::Gzip(stream) => stream.push(piece),
            Self::Zstd { stream, .. } => stream.push(piece),
        }
    }

    /// Returns what is behind the last piece.
    fn finish(self) -> Result<Vec<u8>, CompressionError> {
        match self {
            Self::Gzip(stream) => Ok(stream.finish()),
            Self::Zstd { stream, .. } => stream.finish(),
        }
    }
}

/// An answer that is compressed as the client takes it.
struct Progress {
    body: ReplyBody,
    /// What was taken of the body and not compressed yet.
    piece: Bytes,
    compressor: Compressor,
    turns: Arc<CodingTurns>,
    owner: Owner,
}

fn compressed_pieces(body: ReplyBody, compressor: Compressor, turns: Arc<CodingTurns>, owner: Owner) -> Pieces {
    let progress = Progress { body, piece: Bytes::new(), compressor, turns, owner };
    Box::pin(stream::unfold(Some(progress), |progress| async {
        match progress?.next().await {
            Ok((piece, progress)) => Some((Ok(piece), progress)),
            Err(broken_off) => Some((Err(broken_off), None)),
        }
    }))
}

impl Progress {
    /// Returns the next piece, and the progress unless the piece was the last.
    async fn next(mut self) -> Result<(Bytes, Option<Self>), BrokenOff> {
        while self.piece.is_empty() {
            match self.body.frame().await {
                Some(frame) => self.piece = frame?.into_data().unwrap_or_default(),
                None => return Ok((self.compressor.finish().map_err(broken_off)?.into(), None)),
            }
        }
        let step = self.piece.split_to(self.piece.len().min(STEP_BYTES));
        let turn = self.turns.turn(self.owner).await;
        let compressed = self.compressor.push(&step);
        drop(turn);
        // A client that takes everything at once leaves the thread to others between two steps.
        tokio::task::yield_now().await;
        Ok((compressed.map_err(broken_off)?.into(), Some(self)))
    }
}

fn broken_off(error: CompressionError) -> BrokenOff {
    tracing::info!(event = "answer_broken_off", reason = %error, "an answer could not be compressed");
    BrokenOff
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::BodyExt as _;
    use hyper::Response;
    use proptest::prelude::*;

    use super::{Compression, MAX_PLAIN_BYTES, MAX_ZSTD_STREAMS_PER_TENANT, STEP_BYTES};
    use crate::domain::TenantId;
    use crate::http::body_memory::Owner;
    use crate::http::coding_turns::CodingTurns;
    use crate::http::content_coding::{Accepted, Coding};
    use crate::http::reply::{Reply, ReplyBody};

    fn both(best: Coding, other: Coding) -> Option<Accepted> {
        Some(Accepted { best, other: Some(other) })
    }

    fn only(best: Coding) -> Option<Accepted> {
        Some(Accepted { best, other: None })
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
    }

    fn coding(reply: &Reply) -> Option<&str> {
        reply.headers().get("content-encoding").map(|coding| coding.to_str().unwrap())
    }

    fn inflated(coding: Option<&str>, bytes: &[u8]) -> Vec<u8> {
        match coding {
            None => bytes.to_vec(),
            Some("zstd") => ::zstd::stream::decode_all(bytes).unwrap(),
            Some(_) => {
                let mut inflated = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut inflated).unwrap();
                inflated
            }
        }
    }

    fn streamed(pieces: Vec<Vec<u8>>) -> Reply {
        let pieces = pieces.into_iter().map(|piece| Ok(Bytes::from(piece)));
        Response::new(ReplyBody::Streamed(Box::pin(stream::iter(pieces))))
    }

    fn whole(bytes: Vec<u8>) -> Reply {
        Response::new(ReplyBody::Whole(bytes.into()))
    }

    #[test]
    fn only_what_gets_smaller_is_compressed() {
        let compression = Compression::new(Arc::new(CodingTurns::new()));
        let noise: Vec<u8> =
            (0..4_000_u32).map(|number| (number.wrapping_pow(3).wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (bytes, accepted, expected) in [
            (vec![b' '; MAX_PLAIN_BYTES], only(Coding::Zstd), None),
            (vec![b' '; MAX_PLAIN_BYTES + 1], only(Coding::Zstd), Some("zstd")),
            (vec![b' '; MAX_PLAIN_BYTES + 1], both(Coding::Gzip, Coding::Zstd), Some("gzip")),
            (vec![b' '; MAX_PLAIN_BYTES + 1], None, None),
            (vec![b' '; STEP_BYTES + 1], only(Coding::Gzip), Some("gzip")),
            (noise, only(Coding::Gzip), None),
        ] {
            let reply = run(compression.encode(whole(bytes.clone()), Owner::Tenant(TenantId(1)), accepted));
            assert_eq!(coding(&reply), expected);
            let varies = reply.headers().get("vary").map(|vary| vary.to_str().unwrap());
            assert_eq!(varies, (bytes.len() > MAX_PLAIN_BYTES).then_some("accept-encoding"));
            let sent = run(reply.into_body().collect()).unwrap().to_bytes();
            assert_eq!(inflated(expected, &sent), bytes);
        }
    }

    #[test]
    fn each_piece_can_be_read_before_the_next_is_made() {
        for wanted in [Coding::Gzip, Coding::Zstd] {
            let compression = Compression::new(Arc::new(CodingTurns::new()));
            let pieces = vec![b"first ".repeat(9), b"second ".repeat(30_000), b"third".to_vec()];
            let reply = run(compression.encode(streamed(pieces.clone()), Owner::Tenant(TenantId(1)), only(wanted)));
            let mut body = reply.into_body();
            let first = run(body.frame()).unwrap().unwrap().into_data().unwrap();
            let mut seen = Vec::new();
            // There is no end yet, which is an error once everything before it was read.
            let ended = match wanted {
                Coding::Gzip => std::io::copy(&mut flate2::read::GzDecoder::new(&first[..]), &mut seen),
                Coding::Zstd => ::zstd::stream::copy_decode(&first[..], &mut seen).map(|()| 0),
            };
            assert!(ended.is_err());
            assert_eq!(seen, pieces[0], "{wanted:?}");
        }
    }

    #[test]
    fn an_answer_that_breaks_off_has_no_end() {
        let compression = Compression::new(Arc::new(CodingTurns::new()));
        let pieces = [Ok(Bytes::from_static(b"first")), Err(crate::http::reply::BrokenOff)];
        let reply = Response::new(ReplyBody::Streamed(Box::pin(stream::iter(pieces))));
        let reply = run(compression.encode(reply, Owner::Tenant(TenantId(1)), only(Coding::Gzip)));
        assert!(run(reply.into_body().collect()).is_err());
    }

    #[test]
    fn a_tenant_has_a_bounded_number_of_windows() {
        let compression = Compression::new(Arc::new(CodingTurns::new()));
        let ask = |tenant, accepted| {
            run(compression.encode(streamed(vec![b"x".to_vec()]), Owner::Tenant(TenantId(tenant)), accepted))
        };
        let mut kept: Vec<Reply> =
            (0..MAX_ZSTD_STREAMS_PER_TENANT).map(|_| ask(1, both(Coding::Zstd, Coding::Gzip))).collect();
        assert!(kept.iter().all(|reply| coding(reply) == Some("zstd")));
        assert_eq!(coding(&ask(1, both(Coding::Zstd, Coding::Gzip))), Some("gzip"));
        assert_eq!(coding(&ask(1, only(Coding::Zstd))), None);
        assert_eq!(coding(&ask(2, only(Coding::Zstd))), Some("zstd"));
        kept.pop();
        assert_eq!(coding(&ask(1, only(Coding::Zstd))), Some("zstd"));
    }

    proptest! {
        #[test]
        fn pieces_of_any_size_inflate_to_the_same(
            pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..2_000), 1..200_usize), 0..5),
            is_zstd: bool,
        ) {
            let pieces: Vec<Vec<u8>> = pieces.into_iter().map(|(bytes, times)| bytes.repeat(times)).collect();
            let expected = pieces.concat();
            let wanted = if is_zstd { Coding::Zstd } else { Coding::Gzip };
            let compression = Compression::new(Arc::new(CodingTurns::new()));
            let reply = run(compression.encode(streamed(pieces), Owner::Tenant(TenantId(1)), only(wanted)));
            let coding = coding(&reply).map(str::to_owned);
            let sent = run(reply.into_body().collect()).unwrap().to_bytes();
            prop_assert!(inflated(coding.as_deref(), &sent) == expected);
        }
    }
}
