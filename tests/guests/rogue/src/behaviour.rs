//! What an item can make the component do, and when. How is in [`harm`], [`lies`] and [`outside`].

use std::hint::black_box;
use std::time::Duration;

use serde::Deserialize;

use crate::bindings::bulkhead::contacts::types::Key;
use crate::bindings::exports::bulkhead::contacts::batch::{Outcome, Write};
use crate::{harm, lies, outside};

/// The name is the variant's in small letters with hyphens: `{"do":"plan-loop"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Behaviour {
    /// As the contract says.
    #[default]
    Good,
    /// As the contract says, after some computing,
    Slow,
    /// or after a hundred times what an item usually takes, which is still within its time.
    Hundredfold,
    /// As the contract says, after printing 10 MB.
    Chatty,
    /// As the contract says, but the document has what the clocks showed in a member `clock`,
    Clock,
    /// or 8 random bytes in a member `random`.
    Dice,
    /// Asks for 64 MiB of random bytes at once,
    Random,
    /// or for 4 KiB of them for ever.
    RandomLoop,
    /// Computes for ever in `decide`,
    Loop,
    /// or in `plan`.
    PlanLoop,
    /// Fills and copies 64 MiB for ever: few instructions, each of them long.
    BulkMemory,
    /// Prints for ever.
    EndlessLog,
    /// Sleeps for an hour.
    Sleep,
    /// An instruction that traps, in `decide`,
    Trap,
    /// or in `plan`.
    PlanTrap,
    /// Panics with a message of a megabyte.
    Panic,
    /// Ends the process with success.
    Exit,
    /// Takes memory until there is none.
    Memory,
    /// Calls itself until there is no stack.
    Recurse,
    /// A document of 40 MB.
    HugeReply,
    /// A document just above the limit.
    LargeDocument,
    /// A document that is no JSON,
    BadJson,
    /// or no object.
    NotObject,
    /// One outcome too few,
    TooFew,
    /// or too many.
    TooMany,
    /// One list of keys too few.
    PlanTooFew,
    /// More keys for an item than allowed.
    PlanTooManyKeys,
    /// A status for a write that does not belong there,
    BadStatus,
    /// or for a rejection.
    BadRejection,
    /// Writes to a contact it was not given.
    ForeignId,
    /// Refers to an item that comes later,
    EarlierLater,
    /// or is not there at all,
    EarlierOutside,
    /// or is this very item,
    EarlierSelf,
    /// or refers to another item itself; to this very item if there is none such.
    EarlierChain,
    /// Writes to the stored contact that an item before it in the batch writes to, with keys of its own, which no rule
    /// forbids; as the contract says if there is none such.
    DuplicateTarget,
    /// Makes a contact although it knows that the address has one; as the contract says if the address has none.
    DuplicateKey,
    /// Two values of one unique field.
    KeyTwice,
    /// A key that is too long.
    LongKey,
    /// One key more than a contact may have.
    ManyKeys,
    /// Words of 5 KiB,
    LongWords,
    /// or 65 bytes to sort by.
    LongSort,
    /// A rejection whose texts are too long.
    LongRejection,
    /// A rejection with details of a megabyte.
    HugeMessage,
    /// Accepted as the contract says. As long as the contact is shown, `present` returns one object too few,
    PresentLiar,
    /// or computes for ever,
    PresentLoop,
    /// or traps.
    PresentTrap,
}

impl Behaviour {
    pub(crate) fn of(item: &serde_json::Value) -> Self {
        item.get("do").and_then(|name| Self::deserialize(name).ok()).unwrap_or_default()
    }

    pub(crate) fn while_planning(self, keys: &mut Vec<Vec<Key>>) {
        match self {
            Self::PlanLoop => harm::compute_for_ever(),
            Self::PlanTrap => std::process::abort(),
            Self::PlanTooFew => drop(keys.pop()),
            Self::PlanTooManyKeys => {
                if let Some(last) = keys.last_mut() {
                    last.extend((0..65).map(Key::Id));
                }
            }
            _ => {}
        }
    }

    #[expect(clippy::panic, reason = "that is what it is for")]
    pub(crate) fn before_deciding(self) {
        match self {
            Self::Slow => harm::compute(harm::SLOW),
            Self::Hundredfold => harm::compute(harm::HUNDREDFOLD),
            Self::Chatty => harm::print_much(),
            Self::EndlessLog => harm::print_for_ever(),
            Self::Random => drop(black_box(outside::random_bytes(64 << 20))),
            Self::RandomLoop => outside::ask_for_ever(),
            Self::Loop => harm::compute_for_ever(),
            Self::BulkMemory => harm::move_memory_for_ever(),
            Self::Sleep => std::thread::sleep(Duration::from_secs(3_600)),
            Self::Trap => std::process::abort(),
            Self::Panic => panic!("{}", "this is a long story. ".repeat(50_000)),
            Self::Exit => std::process::exit(0),
            Self::Memory => harm::take_all_memory(),
            Self::Recurse => drop(black_box(harm::recurse(0))),
            _ => {}
        }
    }

    /// `before` is what the batch's earlier items came to.
    pub(crate) fn after_deciding(self, before: &[Outcome], outcome: &mut Outcome) {
        if let Outcome::Write(write) = outcome {
            self.spoil(before, write);
        }
        match self {
            Self::BadRejection => *outcome = lies::rejection(500, "Out of order."),
            Self::LongRejection => *outcome = lies::rejection(400, &"no ".repeat(10_000)),
            Self::HugeMessage => *outcome = lies::rejection_with_details(1 << 20),
            _ => {}
        }
    }

    fn spoil(self, before: &[Outcome], write: &mut Write) {
        match self {
            Self::Clock => outside::note(write, "clock", outside::clocks()),
            Self::Dice => outside::note(write, "random", outside::random_bytes(8).into()),
            Self::HugeReply => write.document = lies::document(40_000_000),
            Self::LargeDocument => write.document = lies::document(256 << 10),
            Self::BadJson => write.document = String::from("{"),
            Self::NotObject => write.document = String::from("[]"),
            Self::BadStatus => write.status = 418,
            Self::ForeignId => lies::to_existing(999_999, write),
            Self::EarlierLater => lies::to_earlier(before.len() + 1, write),
            Self::EarlierOutside => lies::to_earlier(u32::MAX as usize, write),
            Self::EarlierSelf => lies::to_earlier(before.len(), write),
            Self::EarlierChain => lies::to_earlier(lies::last_reference(before).unwrap_or(before.len()), write),
            Self::DuplicateTarget => {
                if let Some(id) = lies::last_existing(before) {
                    lies::to_existing(id, write);
                }
            }
            Self::DuplicateKey => lies::to_new(write),
            Self::KeyTwice => write.keys = vec![lies::key("email", "a"), lies::key("email", "b")],
            Self::LongKey => write.keys = vec![lies::key("email", &"x".repeat(1_025))],
            Self::ManyKeys => write.keys = (0..33).map(|n| lies::key(&format!("field{n}"), "x")).collect(),
            Self::LongWords => write.words = "word ".repeat(1 << 10),
            Self::LongSort => write.sort = "x".repeat(65),
            _ => {}
        }
    }

    pub(crate) fn at_the_end(self, outcomes: &mut Vec<Outcome>) {
        match self {
            Self::TooFew => drop(outcomes.pop()),
            Self::TooMany => outcomes.push(lies::rejection(400, "One more.")),
            _ => {}
        }
    }

    pub(crate) fn while_presenting(self, objects: &mut Vec<String>) {
        match self {
            Self::PresentLiar => drop(objects.pop()),
            Self::PresentLoop => harm::compute_for_ever(),
            Self::PresentTrap => std::process::abort(),
            _ => {}
        }
    }
}
