//! What an item can make the component do.

use std::hint::black_box;
use std::time::Duration;

use crate::bindings::bulkhead::contacts::types::{Key, UniqueKey};
use crate::bindings::exports::bulkhead::contacts::batch::{Outcome, Rejection, Target, Write};

/// Bytes taken at a time by a component that wants all memory.
const GULP: usize = 16 << 20;
/// Rounds of a loop that is slow but within its time: a fraction of a millisecond.
const SLOW: u32 = 300_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// As the contract says.
    Good,
    /// As the contract says, after some computing.
    Slow,
    /// As the contract says, after printing 10 MB.
    Chatty,
    /// Computes for ever in `decide`,
    Loop,
    /// or in `plan`.
    PlanLoop,
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
    /// or is not there at all.
    EarlierOutside,
    /// Two values of one unique field.
    KeyTwice,
    /// A key that is too long.
    LongKey,
    /// A rejection whose texts are too long.
    LongRejection,
}

impl Behaviour {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "slow" => Self::Slow,
            "chatty" => Self::Chatty,
            "loop" => Self::Loop,
            "plan-loop" => Self::PlanLoop,
            "sleep" => Self::Sleep,
            "trap" => Self::Trap,
            "plan-trap" => Self::PlanTrap,
            "panic" => Self::Panic,
            "exit" => Self::Exit,
            "memory" => Self::Memory,
            "recurse" => Self::Recurse,
            "huge-reply" => Self::HugeReply,
            "large-document" => Self::LargeDocument,
            "bad-json" => Self::BadJson,
            "not-object" => Self::NotObject,
            "too-few" => Self::TooFew,
            "too-many" => Self::TooMany,
            "plan-too-few" => Self::PlanTooFew,
            "plan-too-many-keys" => Self::PlanTooManyKeys,
            "bad-status" => Self::BadStatus,
            "bad-rejection" => Self::BadRejection,
            "foreign-id" => Self::ForeignId,
            "earlier-later" => Self::EarlierLater,
            "earlier-outside" => Self::EarlierOutside,
            "key-twice" => Self::KeyTwice,
            "long-key" => Self::LongKey,
            "long-rejection" => Self::LongRejection,
            _ => Self::Good,
        }
    }

    pub(crate) fn while_planning(self, keys: &mut Vec<Vec<Key>>) {
        match self {
            Self::PlanLoop => endless(),
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
            Self::Slow => drop(black_box((0..SLOW).fold(0_u32, |sum, n| black_box(sum ^ n)))),
            Self::Chatty => print_much(),
            Self::Loop => endless(),
            Self::Sleep => std::thread::sleep(Duration::from_secs(3_600)),
            Self::Trap => std::process::abort(),
            Self::Panic => panic!("{}", "this is a long story. ".repeat(50_000)),
            Self::Exit => std::process::exit(0),
            Self::Memory => take_all_memory(),
            Self::Recurse => drop(black_box(recurse(0))),
            _ => {}
        }
    }

    pub(crate) fn after_deciding(self, index: u32, outcome: &mut Outcome) {
        if let Outcome::Write(write) = outcome {
            self.spoil(index, write);
        }
        match self {
            Self::BadRejection => *outcome = rejection(500, String::from("Out of order.")),
            Self::LongRejection => *outcome = rejection(400, "no ".repeat(10_000)),
            _ => {}
        }
    }

    fn spoil(self, index: u32, write: &mut Write) {
        match self {
            Self::HugeReply => write.document = format!(r#"{{"a":"{}"}}"#, "x".repeat(40_000_000)),
            Self::LargeDocument => write.document = format!(r#"{{"a":"{}"}}"#, "x".repeat(256 << 10)),
            Self::BadJson => write.document = String::from("{"),
            Self::NotObject => write.document = String::from("[]"),
            Self::BadStatus => write.status = 418,
            Self::ForeignId => (write.target, write.status) = (Target::Existing(999_999), 200),
            Self::EarlierLater => (write.target, write.status) = (Target::Earlier(index + 1), 200),
            Self::EarlierOutside => (write.target, write.status) = (Target::Earlier(u32::MAX), 200),
            Self::KeyTwice => write.keys = vec![key("a"), key("b")],
            Self::LongKey => write.keys = vec![key(&"x".repeat(1_025))],
            _ => {}
        }
    }

    pub(crate) fn at_the_end(self, outcomes: &mut Vec<Outcome>) {
        match self {
            Self::TooFew => drop(outcomes.pop()),
            Self::TooMany => outcomes.push(rejection(400, String::from("One more."))),
            _ => {}
        }
    }
}

fn rejection(status: u16, message: String) -> Outcome {
    Outcome::Reject(Rejection { id: None, status, message, details: Vec::new(), api_style: true })
}

fn key(value: &str) -> UniqueKey {
    UniqueKey { field: String::from("email"), value: value.to_owned() }
}

fn endless() -> ! {
    let mut rounds = 0_u64;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

fn take_all_memory() {
    loop {
        std::mem::forget(black_box(vec![1_u8; GULP]));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if black_box(true) { recurse(depth + 1) + frame.iter().sum::<u64>() } else { depth }
}

fn print_much() {
    let line = "x".repeat(9_999);
    for _ in 0..1_000 {
        println!("{line}");
    }
}
