//! A body as its bytes come from the client.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::BodySettings;
use crate::http::problem::Problem;
use crate::http::transfer_pace::TransferPace;

/// How long a body may stand still at its beginning.
const GRACE: Duration = Duration::from_secs(5);
/// How long a body may stand still later, however fast it was before.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Bytes of a compressed body that are kept until it is complete, since a body that is small needs no decoder of its own.
const MAX_KEPT_BYTES: usize = 32 << 10;

/// A body as it comes from the client.
pub(super) struct Arrival {
    body: Incoming,
    pace: TransferPace,
    /// Bytes that have arrived.
    bytes: usize,
    settings: BodySettings,
}

impl Arrival {
    pub(super) fn new(body: Incoming, settings: BodySettings) -> Self {
        let pace = TransferPace::new(settings.min_bytes_per_second, GRACE, LONGEST_PAUSE);
        Self { body, pace, bytes: 0, settings }
    }

    /// Waits for the next bytes of the body. Returns `None` at its end. The time between two calls, in which the server worked
    /// or had no memory, does not count as the client's.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let began_at = Instant::now();
            let Ok(frame) = tokio::time::timeout(self.pace.remaining(), self.body.frame()).await else {
                return Err(Problem::too_low_rate(self.settings.min_bytes_per_second));
            };
            self.pace.stood_still(began_at.elapsed());
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|_| {
                Problem::bad_request("The body broke off before its end. Nothing was stored; send it again.")
            })?;
            let Ok(data) = frame.into_data() else { continue };
            self.pace.moved(data.len());
            self.bytes += data.len();
            if self.bytes > self.settings.max_bytes {
                return Err(Problem::too_large(self.settings.max_bytes));
            }
            return Ok(Some(data));
        }
    }
}

/// The beginning of a compressed body.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    /// Whether nothing follows.
    pub(super) is_whole: bool,
}

impl Kept {
    /// Waits until more than [`MAX_KEPT_BYTES`] or the whole body have arrived.
    pub(super) async fn of(arrival: &mut Arrival) -> Result<Self, Problem> {
        let mut bytes = Vec::new();
        while bytes.len() <= MAX_KEPT_BYTES {
            let Some(data) = arrival.next().await? else { return Ok(Self { bytes, is_whole: true }) };
            bytes.extend_from_slice(&data);
        }
        Ok(Self { bytes, is_whole: false })
    }
}
