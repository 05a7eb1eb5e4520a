//! Behaviours that an item can ask for. [`harm`], [`invalid`] and [`host_calls`] implement them.

use std::hint::black_box;
use std::time::Duration;

use serde::Deserialize;

use crate::bindings::bulkhead::contacts::types::Key;
use crate::bindings::exports::bulkhead::contacts::batch::{Outcome, Write};
use crate::{harm, host_calls, invalid};

/// A behaviour. An item selects it by the variant's name in kebab case: `{"do":"plan-loop"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Behaviour {
    /// Follows the contract.
    #[default]
    Good,
    /// Follows the contract after some computing.
    Slow,
    /// Follows the contract after computing for a hundred times as long as a usual item, which is still within the
    /// limits.
    Hundredfold,
    /// Follows the contract after printing 10 MB.
    Chatty,
    /// Follows the contract, and stores the values of the clocks in the document's member `clock`.
    Clock,
    /// Follows the contract, and stores 8 random bytes in the document's member `random`.
    Dice,
    /// Asks for 64 MiB of random bytes at once.
    Random,
    /// Asks for 4 KiB of random bytes in an endless loop.
    RandomLoop,
    /// Loops endlessly in `decide`.
    Loop,
    /// Loops endlessly in `plan`.
    PlanLoop,
    /// Fills and copies 64 MiB in an endless loop, which takes few but long instructions.
    BulkMemory,
    /// Prints in an endless loop.
    EndlessLog,
    /// Sleeps for an hour.
    Sleep,
    /// Traps in `decide`.
    Trap,
    /// Traps in `plan`.
    PlanTrap,
    /// Panics with a message of a megabyte.
    Panic,
    /// Prints text that would control a terminal and forge a line, and panics with the same text.
    Escape,
    /// Exits the process with status 0.
    Exit,
    /// Allocates memory until that fails.
    Memory,
    /// Follows the contract after taking 100 MiB of memory.
    UseMemory,
    /// Takes 490 MiB of memory and loops endlessly.
    HoldMemory,
    /// Calls itself until the stack overflows.
    Recurse,
    /// Returns a document of 40 MB.
    HugeReply,
    /// Returns a document just above the limit.
    LargeDocument,
    /// Returns a document that is not JSON.
    BadJson,
    /// Returns a document that is not an object.
    NotObject,
    /// Returns one outcome too few.
    TooFew,
    /// Returns one outcome too many.
    TooMany,
    /// Returns one list of keys too few.
    PlanTooFew,
    /// Returns more keys for an item than the contract allows.
    PlanTooManyKeys,
    /// Returns a status that a write cannot have.
    BadStatus,
    /// Returns a status that a rejection cannot have.
    BadRejection,
    /// Writes to a contact that it was not given.
    ForeignId,
    /// Refers to a later item.
    EarlierLater,
    /// Refers to an item that does not exist.
    EarlierOutside,
    /// Refers to its own item.
    EarlierSelf,
    /// Refers to an item that itself refers to an earlier item. If there is none, refers to its own item.
    EarlierChain,
    /// Writes to the stored contact that an earlier item of the batch writes to, with different keys, which the contract
    /// allows. If there is none, follows the contract.
    DuplicateTarget,
    /// Creates a contact although it was given the contact with this address. If it was given none, follows the contract.
    DuplicateKey,
    /// Returns two values of one unique field.
    KeyTwice,
    /// Returns a key that is too long.
    LongKey,
    /// Returns one key more than a contact may have.
    ManyKeys,
    /// Returns 5 KiB of words.
    LongWords,
    /// Returns a sort key of 65 bytes.
    LongSort,
    /// Returns a rejection with texts that are too long.
    LongRejection,
    /// Returns a rejection with details of a megabyte.
    HugeMessage,
    /// Follows the contract in `decide`. When the contact is presented, returns one object too few.
    PresentLiar,
    /// Follows the contract in `decide`. When the contact is presented, loops endlessly.
    PresentLoop,
    /// Follows the contract in `decide`. When the contact is presented, traps.
    PresentTrap,
}

impl Behaviour {
    pub(crate) fn of(item: &serde_json::Value) -> Self {
        item.get("do").and_then(|name| Self::deserialize(name).ok()).unwrap_or_default()
    }

    pub(crate) fn while_planning(self, keys: &mut Vec<Vec<Key>>) {
        match self {
            Self::PlanLoop => harm::loop_endlessly(),
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

    #[expect(clippy::panic, reason = "the behaviour `panic` must panic")]
    pub(crate) fn before_deciding(self) {
        match self {
            Self::Slow => harm::compute(harm::SLOW),
            Self::Hundredfold => harm::compute(harm::HUNDREDFOLD),
            Self::Chatty => harm::print_much(),
            Self::EndlessLog => harm::print_endlessly(),
            Self::Random => drop(black_box(host_calls::random_bytes(64 << 20))),
            Self::RandomLoop => host_calls::ask_random_endlessly(),
            Self::Loop => harm::loop_endlessly(),
            Self::BulkMemory => harm::copy_memory_endlessly(),
            Self::Sleep => std::thread::sleep(Duration::from_secs(3_600)),
            Self::Trap => std::process::abort(),
            Self::Panic => panic!("{}", "this is a long story. ".repeat(50_000)),
            Self::Escape => harm::panic_in_disguise(),
            Self::Exit => std::process::exit(0),
            Self::Memory => harm::allocate_all_memory(),
            Self::UseMemory => harm::grow_memory(100 << 20),
            Self::HoldMemory => {
                harm::grow_memory(490 << 20);
                harm::loop_endlessly();
            }
            Self::Recurse => drop(black_box(harm::recurse(0))),
            _ => {}
        }
    }

    /// Changes the outcome of an item. `before` holds the outcomes of earlier items of the batch.
    pub(crate) fn after_deciding(self, before: &[Outcome], outcome: &mut Outcome) {
        if let Outcome::Write(write) = outcome {
            self.change_write(before, write);
        }
        match self {
            Self::BadRejection => *outcome = invalid::rejection(500, "Out of order."),
            Self::LongRejection => *outcome = invalid::rejection(400, &"no ".repeat(10_000)),
            Self::HugeMessage => *outcome = invalid::rejection_with_details(1 << 20),
            _ => {}
        }
    }

    fn change_write(self, before: &[Outcome], write: &mut Write) {
        match self {
            Self::Clock => host_calls::add_member(write, "clock", host_calls::clocks()),
            Self::Dice => host_calls::add_member(write, "random", host_calls::random_bytes(8).into()),
            Self::HugeReply => write.document = invalid::document(40_000_000),
            Self::LargeDocument => write.document = invalid::document(256 << 10),
            Self::BadJson => write.document = String::from("{"),
            Self::NotObject => write.document = String::from("[]"),
            Self::BadStatus => write.status = 418,
            Self::ForeignId => invalid::to_existing(999_999, write),
            Self::EarlierLater => invalid::to_earlier(before.len() + 1, write),
            Self::EarlierOutside => invalid::to_earlier(u32::MAX as usize, write),
            Self::EarlierSelf => invalid::to_earlier(before.len(), write),
            Self::EarlierChain => invalid::to_earlier(invalid::last_reference(before).unwrap_or(before.len()), write),
            Self::DuplicateTarget => {
                if let Some(id) = invalid::last_existing(before) {
                    invalid::to_existing(id, write);
                }
            }
            Self::DuplicateKey => invalid::to_new(write),
            Self::KeyTwice => write.keys = vec![invalid::key("email", "a"), invalid::key("email", "b")],
            Self::LongKey => write.keys = vec![invalid::key("email", &"x".repeat(1_025))],
            Self::ManyKeys => write.keys = (0..33).map(|n| invalid::key(&format!("field{n}"), "x")).collect(),
            Self::LongWords => write.words = "word ".repeat(1 << 10),
            Self::LongSort => write.sort = "x".repeat(65),
            _ => {}
        }
    }

    pub(crate) fn after_all_items(self, outcomes: &mut Vec<Outcome>) {
        match self {
            Self::TooFew => drop(outcomes.pop()),
            Self::TooMany => outcomes.push(invalid::rejection(400, "One more.")),
            _ => {}
        }
    }

    pub(crate) fn while_presenting(self, objects: &mut Vec<String>) {
        match self {
            Self::PresentLiar => drop(objects.pop()),
            Self::PresentLoop => harm::loop_endlessly(),
            Self::PresentTrap => std::process::abort(),
            _ => {}
        }
    }
}
