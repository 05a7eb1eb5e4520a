//! The validator, which calls itself `a`.

use bulkhead_guest_rules::{Build, validator};

struct A;

impl Build for A {
    const WORD: &'static str = "a";
}

validator!(A);
