//! A bulk request: checked, and split into chunks.

use sha2::{Digest as _, Sha256};

use crate::domain::{DryRun, ItemList, Operation, Source, TraceParent, WriteMode};

/// Items that a job may have.
pub const MAX_ITEMS: usize = 10_000;
/// Items that a file may have which becomes a group of jobs.
pub const MAX_GROUP_ITEMS: usize = 1_000_000;
/// Items that a chunk may have. Larger chunks are no faster, need more memory, and make a worker check less often whether its
/// turn is over.
pub(super) const MAX_CHUNK_ITEMS: usize = 500;
/// Bytes of items and keys that a chunk may have. A single item may be larger.
const MAX_CHUNK_BYTES: usize = 4 << 20;

/// A checked bulk request.
#[derive(Debug)]
pub struct Submission {
    operation: Operation,
    mode: WriteMode,
    dry_run: Option<DryRun>,
    source: Option<Source>,
    items: ItemList,
    idempotency_key: Option<String>,
    trace: Option<TraceParent>,
}

/// Why a request cannot become a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionError {
    /// The request has more than [`MAX_ITEMS`] items. The text is Mautic's.
    #[error("A max of {MAX_ITEMS} entities are supported at a time.")]
    TooMany,
    /// The `Idempotency-Key` is not usable.
    #[error("'Idempotency-Key' must be 1 to 255 visible ASCII characters.")]
    Key,
}

impl Submission {
    /// Checks a request. Items are JSON texts without line breaks; `items` has as many keys as items, or none.
    ///
    /// # Errors
    /// If there are too many items, or the idempotency key is not usable.
    pub fn new(
        operation: Operation,
        items: ItemList,
        idempotency_key: Option<String>,
    ) -> Result<Self, SubmissionError> {
        if items.items.len() > MAX_ITEMS {
            return Err(SubmissionError::TooMany);
        }
        check_key(idempotency_key.as_ref())?;
        Ok(Self {
            operation,
            mode: WriteMode::Upsert,
            dry_run: None,
            source: None,
            items,
            idempotency_key,
            trace: None,
        })
    }

    /// Checks a request that brought a file. One with more than [`MAX_ITEMS`] rows becomes a group of jobs.
    ///
    /// # Errors
    /// If there are more than [`MAX_GROUP_ITEMS`] rows, or the idempotency key is not usable.
    pub fn of_file(
        operation: Operation,
        items: ItemList,
        idempotency_key: Option<String>,
        source: Source,
    ) -> Result<Self, SubmissionError> {
        if items.items.len() > MAX_GROUP_ITEMS {
            return Err(SubmissionError::TooMany);
        }
        let submission = Self::new(operation, ItemList::default(), idempotency_key)?;
        Ok(Self { items, source: Some(source), ..submission })
    }

    /// Restricts the contacts that the items may be applied to.
    #[must_use]
    pub fn with_mode(self, mode: WriteMode) -> Self {
        Self { mode, ..self }
    }

    /// Makes the request one for a dry run, if there is one.
    #[must_use]
    pub fn with_dry_run(self, dry_run: Option<DryRun>) -> Self {
        Self { dry_run, ..self }
    }

    /// Keeps the span that belongs to the request.
    #[must_use]
    pub fn of_trace(self, trace: Option<TraceParent>) -> Self {
        Self { trace, ..self }
    }

    /// Returns the span that belongs to the request.
    pub(super) fn trace(&self) -> Option<TraceParent> {
        self.trace
    }

    /// Returns whether the request is for a dry run.
    pub(super) fn dry_run(&self) -> Option<DryRun> {
        self.dry_run
    }

    /// Returns which contacts the items may be applied to.
    pub(super) fn mode(&self) -> WriteMode {
        self.mode
    }

    /// Takes what the items were read from.
    pub(super) fn take_source(&mut self) -> Option<Source> {
        self.source.take()
    }

    /// Returns the operation that the client requests for each item.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Returns the idempotency key, and the SHA-256 of the request that it stands for.
    pub(super) fn idempotency(&self) -> Option<(String, [u8; 32])> {
        let key = self.idempotency_key.clone()?;
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        add(self.operation.as_str());
        if self.mode != WriteMode::Upsert {
            add(self.mode.as_str());
        }
        if let Some(DryRun { shows_changes }) = self.dry_run {
            add(if shows_changes { "dry run with changes" } else { "dry run" });
        }
        self.items.items.iter().for_each(|item| add(item));
        add(if self.items.keys.is_some() { "keyed" } else { "list" });
        self.items.keys.iter().flatten().for_each(|key| add(key));
        Some((key, hash.finalize().into()))
    }

    /// Splits the items into the chunks of one job or more, in order. A request without items is one job without chunks.
    pub(super) fn into_jobs(self) -> Vec<Vec<ItemList>> {
        let (mut jobs, mut items) = (vec![Vec::new()], 0);
        for chunk in self.into_chunks() {
            if items + chunk.items.len() > MAX_ITEMS {
                jobs.push(Vec::new());
                items = 0;
            }
            items += chunk.items.len();
            if let Some(job) = jobs.last_mut() {
                job.push(chunk);
            }
        }
        jobs
    }

    /// Splits the items into chunks, in order.
    pub(super) fn into_chunks(self) -> Vec<ItemList> {
        let mut chunks: Vec<ItemList> = Vec::new();
        let mut bytes = 0;
        let is_keyed = self.items.keys.is_some();
        let mut keys = self.items.keys.unwrap_or_default().into_iter();
        for item in self.items.items {
            let key = keys.next();
            let size = item.len() + key.as_ref().map_or(0, String::len);
            let is_full = |chunk: &ItemList| chunk.items.len() == MAX_CHUNK_ITEMS || bytes + size > MAX_CHUNK_BYTES;
            if chunks.last().is_none_or(is_full) {
                chunks.push(ItemList { items: Vec::new(), keys: is_keyed.then(Vec::new) });
                bytes = 0;
            }
            bytes += size;
            if let Some(chunk) = chunks.last_mut() {
                chunk.items.push(item);
                if let Some(list) = &mut chunk.keys {
                    list.extend(key);
                }
            }
        }
        chunks
    }
}

/// Checks an idempotency key, if there is one.
pub(super) fn check_key(key: Option<&String>) -> Result<(), SubmissionError> {
    let is_usable = |key: &String| (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_some_and(|key| !is_usable(key)) { Err(SubmissionError::Key) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{MAX_CHUNK_BYTES, MAX_CHUNK_ITEMS, MAX_ITEMS, Submission, SubmissionError};
    use crate::domain::ItemList;
    use crate::domain::{Operation, Source};

    fn submission(items: Vec<String>, keys: Option<Vec<String>>) -> Submission {
        Submission::new(Operation::Create, ItemList { items, keys }, None).unwrap()
    }

    #[test]
    fn a_large_file_becomes_jobs_of_the_usual_size() {
        let source = Source::json_lines();
        for (count, expected) in [(0, vec![0]), (1, vec![1]), (10_000, vec![10_000]), (20_001, vec![10_000, 10_000, 1])]
        {
            let items = ItemList { items: (0..count).map(|n| n.to_string()).collect(), keys: None };
            let jobs = Submission::of_file(Operation::Create, items, None, source.clone()).unwrap().into_jobs();
            let sizes: Vec<usize> =
                jobs.iter().map(|chunks| chunks.iter().map(|chunk| chunk.items.len()).sum()).collect();
            assert_eq!(sizes, expected);
        }
    }

    #[test]
    fn chunks_keep_the_order_of_items_and_stay_within_their_limits() {
        let items: Vec<String> = (0..1_234).map(|n| n.to_string()).collect();
        let chunks = submission(items.clone(), Some(items.clone())).into_chunks();
        assert_eq!(
            chunks.iter().map(|chunk| chunk.items.len()).collect::<Vec<_>>(),
            [MAX_CHUNK_ITEMS, MAX_CHUNK_ITEMS, 234]
        );
        assert_eq!(chunks.iter().flat_map(|chunk| chunk.items.clone()).collect::<Vec<_>>(), items);
        assert_eq!(chunks.iter().flat_map(|chunk| chunk.keys.clone().unwrap()).collect::<Vec<_>>(), items);
        let large = "x".repeat(MAX_CHUNK_BYTES / 2 + 1);
        let chunks =
            submission(vec![large.clone(), large.clone(), String::from("1"), large.repeat(3)], None).into_chunks();
        assert_eq!(chunks.iter().map(|chunk| chunk.items.len()).collect::<Vec<_>>(), [1, 2, 1]);
        assert!(submission(Vec::new(), None).into_chunks().is_empty());
        let chunks = submission(vec![String::from("1"); 3], Some(vec![large.clone(); 3])).into_chunks();
        assert_eq!(chunks.iter().map(|chunk| chunk.items.len()).collect::<Vec<_>>(), [1, 1, 1], "keys count as well");
    }

    #[test]
    fn a_request_with_more_than_10_000_items_is_refused() {
        let batch = |count| ItemList { items: vec![String::from("{}"); count], keys: None };
        assert!(Submission::new(Operation::Create, batch(MAX_ITEMS), None).is_ok());
        let refused = Submission::new(Operation::Create, batch(MAX_ITEMS + 1), None).unwrap_err();
        assert_eq!(refused, SubmissionError::TooMany);
        assert_eq!(refused.to_string(), "A max of 10000 entities are supported at a time.");
    }

    #[test]
    fn different_requests_have_different_fingerprints() {
        let fingerprint = |operation, items: &[&str], keys: Option<&[&str]>| {
            let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            Submission::new(operation, ItemList { items: own(items), keys: keys.map(own) }, Some(String::from("k")))
                .unwrap()
                .idempotency()
                .unwrap()
                .1
        };
        let all = [
            fingerprint(Operation::Create, &["1", "2"], None),
            fingerprint(Operation::Update, &["1", "2"], None),
            fingerprint(Operation::Create, &["12"], None),
            fingerprint(Operation::Create, &["2", "1"], None),
            fingerprint(Operation::Create, &["1", "2"], Some(&["0", "1"])),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
        assert_eq!(all[0], fingerprint(Operation::Create, &["1", "2"], None));
    }

    #[test]
    fn an_idempotency_key_must_be_visible_ascii() {
        for bad in ["", " ", "ü", "a b", &"x".repeat(256)] {
            let refused = Submission::new(Operation::Create, ItemList::default(), Some(bad.to_owned()));
            assert_eq!(refused.unwrap_err(), SubmissionError::Key, "{bad}");
        }
    }
}
