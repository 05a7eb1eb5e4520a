//! The validator, which calls itself `b`.

use bulkhead_guest_rules::{Build, validator};

struct B;

impl Build for B {
    const WORD: &'static str = "b";
}

validator!(B);
