//! The build `a` of the validator.

use bulkhead_guest_rules::{Build, validator};

struct A;

impl Build for A {
    const NAME: &'static str = "a";
}

validator!(A);
