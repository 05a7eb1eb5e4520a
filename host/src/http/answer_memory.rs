//! The memory of answers that wait until their clients take them.
//!
//! An answer of up to [`SMALL_ANSWER_BYTES`] is not counted: there are at most as many as connections. A larger one is counted
//! from before it is built until its last byte was handed to the system. Before it is built, its size is an estimate: the
//! contacts that it may show, times the bytes that the tenant's contacts took lately.
//!
//! A tenant may have half of what other tenants leave. So another tenant finds room beside tenants that take large answers
//! slowly, for smaller answers the more such tenants there are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::problem::Problem;
use super::reply::{Reply, ReplyBody};
use crate::domain::TenantId;

/// Bytes of an answer that is not counted.
pub(super) const SMALL_ANSWER_BYTES: usize = 64 << 10;
/// Bytes that a contact of a tenant is expected to take before the tenant got an answer.
const FIRST_ESTIMATE_BYTES: usize = 1 << 10;
/// How long a request waits until earlier answers have been taken.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Tenants that are remembered; above this number, those without answers are forgotten.
const MAX_REMEMBERED_TENANTS: usize = 1_024;

/// The memory of a listener's answers.
#[derive(Debug)]
pub(super) struct AnswerMemory {
    bytes: usize,
    state: Mutex<State>,
    released: Notify,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    tenants: HashMap<TenantId, TenantAnswers>,
}

#[derive(Debug)]
struct TenantAnswers {
    used: usize,
    bytes_per_contact: usize,
}

/// What happens with an answer that became larger than expected, so that there is no room for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithoutRoom {
    /// It is refused with 503: the request changed nothing and can be sent again.
    Refuse,
    /// It is sent all the same: the request changed something.
    Send,
}

/// Memory for an answer, until this is dropped.
#[derive(Debug)]
pub(super) struct AnswerReservation {
    memory: Arc<AnswerMemory>,
    tenant: TenantId,
    contacts: usize,
    bytes: usize,
}

/// An answer's bytes and their memory.
struct CountedBytes {
    bytes: Bytes,
    _memory: AnswerReservation,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl State {
    fn of(&mut self, tenant: TenantId) -> &mut TenantAnswers {
        if self.tenants.len() >= MAX_REMEMBERED_TENANTS {
            self.tenants.retain(|_, answers| answers.used > 0);
        }
        let first = || TenantAnswers { used: 0, bytes_per_contact: FIRST_ESTIMATE_BYTES };
        self.tenants.entry(tenant).or_insert_with(first)
    }

    /// Returns how many more bytes a tenant may take. The only answer of all may be of any size.
    fn room(&mut self, tenant: TenantId, total: usize) -> usize {
        if self.used == 0 {
            return usize::MAX;
        }
        let used_by_tenant = self.of(tenant).used;
        let used_by_others = self.used.saturating_sub(used_by_tenant);
        (total.saturating_sub(used_by_others) / 2).saturating_sub(used_by_tenant)
    }

    fn add(&mut self, tenant: TenantId, bytes: usize) {
        self.used += bytes;
        self.of(tenant).used += bytes;
    }

    fn subtract(&mut self, tenant: TenantId, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
        let answers = self.of(tenant);
        answers.used = answers.used.saturating_sub(bytes);
    }
}

impl AnswerMemory {
    /// Creates the memory for large answers of `bytes` bytes in all.
    pub(super) fn new(bytes: usize) -> Self {
        Self { bytes, state: Mutex::default(), released: Notify::new() }
    }

    /// Waits for room for an answer that shows up to `contacts` contacts.
    ///
    /// # Errors
    /// 503 if the tenant's earlier answers are not taken in time.
    pub(super) async fn admit(
        self: &Arc<Self>,
        tenant: TenantId,
        contacts: usize,
    ) -> Result<AnswerReservation, Problem> {
        let admitted = async {
            loop {
                let mut released = std::pin::pin!(self.released.notified());
                // Before the room is looked for, so that no release in between is missed.
                released.as_mut().enable();
                if let Some(reservation) = self.try_admit(tenant, contacts) {
                    return reservation;
                }
                released.await;
            }
        };
        tokio::time::timeout(ANSWER_TIMEOUT, admitted).await.map_err(|_| Problem::too_many_large_answers())
    }

    /// Counts a piece of an answer that has more than `uncounted` bytes, until it was sent.
    ///
    /// # Errors
    /// 503 if there is no room for it.
    pub(super) fn hold_piece(
        self: &Arc<Self>,
        tenant: TenantId,
        bytes: Bytes,
        uncounted: usize,
    ) -> Result<Bytes, Problem> {
        if bytes.len() <= uncounted {
            return Ok(bytes);
        }
        let mut state = self.state.lock();
        if bytes.len() > state.room(tenant, self.bytes) {
            return Err(Problem::too_many_large_answers());
        }
        state.add(tenant, bytes.len());
        let memory = AnswerReservation { memory: Arc::clone(self), tenant, contacts: 1, bytes: bytes.len() };
        Ok(Bytes::from_owner(CountedBytes { bytes, _memory: memory }))
    }

    fn try_admit(self: &Arc<Self>, tenant: TenantId, contacts: usize) -> Option<AnswerReservation> {
        let mut state = self.state.lock();
        let expected = contacts.saturating_mul(state.of(tenant).bytes_per_contact).min(self.bytes / 2);
        let room = state.room(tenant, self.bytes);
        let bytes = match expected {
            ..=SMALL_ANSWER_BYTES => 0,
            // An estimate may be too high, so it does not keep a tenant's only answer from being built.
            _ if state.of(tenant).used == 0 => expected.min(room),
            _ if expected > room => return None,
            _ => expected,
        };
        state.add(tenant, bytes);
        Some(AnswerReservation { memory: Arc::clone(self), tenant, contacts, bytes })
    }
}

impl AnswerReservation {
    /// Counts an answer from now until it was sent.
    ///
    /// # Errors
    /// 503 if there is no room for it and it may be refused.
    pub(super) fn hold(mut self, reply: Reply, without_room: WithoutRoom) -> Result<Reply, Problem> {
        let ReplyBody::Whole(bytes) = reply.body() else { return Ok(reply) };
        let bytes = bytes.clone();
        let has_room = self.resize(bytes.len());
        if !has_room && without_room == WithoutRoom::Refuse {
            return Err(Problem::too_many_large_answers());
        }
        let (head, _) = reply.into_parts();
        let body = if bytes.len() <= SMALL_ANSWER_BYTES {
            bytes
        } else {
            Bytes::from_owner(CountedBytes { bytes, _memory: self })
        };
        Ok(Reply::from_parts(head, ReplyBody::Whole(body)))
    }

    /// Replaces the estimate by the answer's size, and remembers it for the next estimate. Returns whether there is room.
    fn resize(&mut self, bytes: usize) -> bool {
        let mut state = self.memory.state.lock();
        let observed = bytes / self.contacts.max(1);
        let answers = state.of(self.tenant);
        // The estimate rises at once and falls slowly.
        answers.bytes_per_contact = observed.max((answers.bytes_per_contact * 7 + observed) / 8);
        state.subtract(self.tenant, self.bytes);
        let counted = if bytes <= SMALL_ANSWER_BYTES { 0 } else { bytes };
        let has_room = counted <= self.bytes || counted <= state.room(self.tenant, self.memory.bytes);
        state.add(self.tenant, counted);
        let is_less = counted < self.bytes;
        self.bytes = counted;
        drop(state);
        if is_less {
            self.memory.released.notify_waiters();
        }
        has_room
    }
}

impl Drop for AnswerReservation {
    fn drop(&mut self) {
        self.memory.state.lock().subtract(self.tenant, self.bytes);
        self.memory.released.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use hyper::Response;

    use super::{AnswerMemory, WithoutRoom};
    use crate::domain::TenantId;
    use crate::http::reply::{Reply, ReplyBody};

    const MIB: usize = 1 << 20;

    fn reply(bytes: usize) -> Reply {
        Response::new(ReplyBody::Whole(Bytes::from(vec![b' '; bytes])))
    }

    #[test]
    fn an_answer_is_counted_until_its_last_byte_was_sent() {
        let memory = Arc::new(AnswerMemory::new(8 * MIB));
        let tenant = TenantId(1);
        let answer = memory.try_admit(tenant, 1_000).unwrap().hold(reply(3 * MIB), WithoutRoom::Refuse).unwrap();
        assert_eq!(memory.state.lock().used, 3 * MIB);
        assert!(memory.try_admit(tenant, 1_000).is_none(), "as much again is more than half");
        assert!(memory.try_admit(tenant, 1).is_some(), "small answers always have room");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut body = answer.into_body();
        let mut sent = 0;
        while let Some(frame) = runtime.block_on(body.frame()) {
            assert_eq!(memory.state.lock().used, 3 * MIB);
            sent += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(sent, 3 * MIB);
        assert_eq!(memory.state.lock().used, 0);
    }

    #[test]
    fn tenants_that_take_nothing_leave_room_for_another() {
        let memory = Arc::new(AnswerMemory::new(64 * MIB));
        let mut kept = Vec::new();
        for tenant in 1..=4 {
            while let Some(room) = memory.try_admit(TenantId(tenant), 1_000) {
                kept.push(room.hold(reply(MIB), WithoutRoom::Send).unwrap());
            }
        }
        assert!(memory.state.lock().used >= 56 * MIB);
        assert!(memory.try_admit(TenantId(5), 1_000).is_some());
        drop(kept);
        assert_eq!(memory.state.lock().used, 0);
    }

    #[test]
    fn an_answer_that_is_larger_than_expected_is_refused_unless_it_must_be_sent() {
        let memory = Arc::new(AnswerMemory::new(8 * MIB));
        let tenant = TenantId(1);
        let _other = memory.try_admit(tenant, 1_000).unwrap().hold(reply(3 * MIB), WithoutRoom::Refuse).unwrap();
        let admit = |tenant| memory.try_admit(TenantId(tenant), 50);
        assert!(admit(2).unwrap().hold(reply(4 * MIB), WithoutRoom::Refuse).is_err());
        assert_eq!(memory.state.lock().used, 3 * MIB);
        assert_eq!(admit(2).unwrap().bytes, 5 * MIB / 2, "next time, the answer is expected to be as large");
        let sent = admit(3).unwrap().hold(reply(4 * MIB), WithoutRoom::Send).unwrap();
        assert_eq!(memory.state.lock().used, 7 * MIB);
        drop(sent);
        assert!(memory.hold_piece(TenantId(4), Bytes::from(vec![b' '; 3 * MIB]), MIB).is_err());
        assert!(memory.hold_piece(TenantId(4), Bytes::from(vec![b' '; MIB]), MIB).is_ok());
    }
}
